//! Amazon's own programs beside ours: given the same files and variables, botocore and AWS CLI sign as the
//! same principal, or the row says why not. `tests/reference/set-up` installs them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use pretend_cloud::{Aws, Ca};
use serde_json::{Value, json};

use crate::home::{Home, REGISTRY, skip};

/// The tables, by what they are about.
const TABLES: [(&str, &str); 10] = [
    ("profiles", include_str!("profiles.toml")),
    ("names", include_str!("names.toml")),
    ("syntax", include_str!("syntax.toml")),
    ("roles", include_str!("roles.toml")),
    ("processes", include_str!("processes.toml")),
    ("web identities", include_str!("web_identities.toml")),
    ("sign-ons", include_str!("sign_ons.toml")),
    ("machines", include_str!("machines.toml")),
    ("environment", include_str!("environment.toml")),
    ("endpoints", include_str!("endpoints.toml")),
];

/// A set of files and variables.
struct Row {
    name: String,
    files: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    unset: Vec<String>,
    /// A profile that the settings name, as code names one to an SDK.
    profile: Option<String>,
    /// Why the two sign as different principals.
    differs: Option<String>,
    /// AWS CLI is asked as well: it takes a second to start.
    cli: bool,
}

/// The identity with which a program signs, and the roles on the way.
#[derive(Debug, PartialEq, Eq)]
enum Principal {
    NoIdentity,
    Identity { arn: String, through: Vec<String> },
}

#[test]
fn the_same_files_and_variables_are_the_same_principal() {
    if installed("aws/bin/python3").is_none() {
        return skip("reference: botocore", "tests/reference/set-up has not installed it");
    }
    let only = std::env::var("CREDMINT_ROW").unwrap_or_default();
    let rows: Vec<Row> = TABLES.iter().flat_map(|(table, text)| rows(table, text)).collect();
    assert!(rows.len() >= 150, "{} rows", rows.len());
    // A row mostly waits.
    const AT_ONCE: usize = 4;
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut botocore = Botocore::start();
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if row.name.contains(&only) {
                        wrong.lock().unwrap().extend(row.compare(&mut botocore));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

impl Row {
    /// What is wrong about this row.
    fn compare(&self, botocore: &mut Botocore) -> Option<String> {
        let (their_aws, our_aws) = (Aws::start(), Aws::start());
        let theirs = self.lay(Home::new(), &their_aws);
        botocore.ask(&theirs, self.profile.as_deref());
        let (ours, said) = ours(self.lay(Home::new(), &our_aws), self.profile.as_deref(), &our_aws);
        let (arn, why) = botocore.answer();
        let expected = principal(arn, &their_aws);
        match &self.differs {
            None if ours != expected => {
                Some(format!("{}:\n  botocore: {expected:?} {why}\n  ours:     {ours:?} {said}", self.name))
            }
            Some(reason) if ours == expected => Some(format!("{}: they agree, in spite of: {reason}", self.name)),
            _ => None,
        }
    }
}

#[test]
fn aws_cli_signs_as_the_same_principal() {
    let Some(cli) = aws_cli() else {
        return skip("reference: aws-cli", "tests/reference/set-up has not installed it");
    };
    let rows = TABLES.iter().flat_map(|(table, text)| rows(table, text)).filter(|row| row.cli);
    for row in rows {
        let (their_aws, our_aws) = (Aws::start(), Aws::start());
        let mut home = row.lay(Home::new(), &their_aws);
        if let Some(profile) = &row.profile {
            home.set("AWS_PROFILE", profile);
        }
        let arguments = ["sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--region", "us-east-1"];
        let told = home.other(cli.to_str().unwrap(), &arguments).stdin(Stdio::null()).output().unwrap();
        let arn = told.status.success().then(|| String::from_utf8(told.stdout).unwrap().trim().to_owned());
        let (ours, said) = ours(row.lay(Home::new(), &our_aws), row.profile.as_deref(), &our_aws);
        let why = String::from_utf8_lossy(&told.stderr);
        assert_eq!(ours, principal(arn, &their_aws), "{}: {said}; AWS CLI: {why}", row.name);
    }
}

/// What `aws sso logout` and `aws logout` end is not served from the cache either.
#[test]
fn signing_out_with_aws_cli_ends_what_is_cached() {
    let Some(cli) = aws_cli() else {
        return skip("reference: aws-cli", "tests/reference/set-up has not installed it");
    };
    for (name, command) in [("a session", &["sso", "logout"][..]), ("a session of aws login", &["logout"])] {
        let aws = Aws::start();
        let name = format!("sign-ons: {name}");
        let rows = TABLES.iter().flat_map(|(table, text)| rows(table, text));
        let home = rows.into_iter().find(|row| row.name == name).unwrap().lay(Home::new(), &aws);
        home.get(REGISTRY).credentials();
        home.get(REGISTRY).credentials();
        assert_eq!(aws.calls(pretend_cloud::Call::EcrToken), 1, "{name}: the second one is cached");
        let told = home.other(cli.to_str().unwrap(), command).stdin(Stdio::null()).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        home.get(REGISTRY)
            .explains(&["session", &format!("aws {} --profile s", command.join(" ").replace("out", "in"))]);
    }
}

fn ours(home: Home, profile: Option<&str>, aws: &Aws) -> (Principal, String) {
    if let Some(profile) = profile {
        home.settings(&format!("[[registry]]\nmatch = \"*\"\nprofile = {}\n", Value::from(profile)));
    }
    let outcome = home.get(REGISTRY);
    let arn = (outcome.code == 0).then(|| {
        let secret = outcome.secret();
        aws.minted().into_iter().find(|token| token.password == secret).unwrap().identity
    });
    (principal(arn, aws), outcome.stdout.lines().next().filter(|line| !line.contains("Secret")).unwrap_or("").into())
}

/// The ARN without a session's name that a program has made up, and what each role was assumed with.
fn principal(arn: Option<String>, aws: &Aws) -> Principal {
    let Some(arn) = arn else { return Principal::NoIdentity };
    let through = aws.assumed().into_iter().map(|role| {
        let source = role.source.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let (external, source_identity, duration) = (role.external_id, role.source_identity, role.duration);
        format!("{} by {source} {external:?} {source_identity:?} {duration:?}", role.role_arn)
    });
    let session = |name: &str| {
        let made_up = ["botocore-session-", "credmint", "web-identity-token-", "assume-role-"];
        made_up.iter().any(|prefix| name.starts_with(prefix)) || name.bytes().all(|byte| byte.is_ascii_digit())
    };
    let arn = match arn.rsplit_once('/') {
        Some((role, name)) if role.contains(":assumed-role/") && session(name) => role.to_owned(),
        _ => arn,
    };
    Principal::Identity { arn, through: through.collect() }
}

impl Row {
    /// A home with this row's files and variables.
    fn lay(&self, mut home: Home, aws: &Aws) -> Home {
        let root = home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        let fill = |text: &str| fill(text, &root, &aws.url());
        home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
        // Theirs asks for it where ours takes the registry's.
        home.set("AWS_ENDPOINT_URL", aws.url()).set("AWS_DEFAULT_REGION", "us-east-1");
        // The system's hundred authorities take longer to read than all else.
        static AUTHORITY: LazyLock<String> = LazyLock::new(|| Ca::new().pem());
        let authority = home.write("authority.pem", &*AUTHORITY);
        home.set("SSL_CERT_FILE", authority);
        home.write("token", "a.b.c");
        home.write("pod-token", pretend_cloud::CONTAINER_AUTHORIZATION);
        let keys = "echo \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"$1\\\",\\\"SecretAccessKey\\\":\\\"s\\\"}\"";
        home.write("bin/keys", format!("#!/bin/sh\n{keys}\n"));
        std::fs::set_permissions(home.path("bin/keys"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        self.files.iter().for_each(|(path, text)| _ = home.write(&fill(path), fill(text)));
        self.unset.iter().for_each(|name| _ = home.unset(name));
        self.environment.iter().for_each(|(name, value)| _ = home.set(name, fill(value)));
        home
    }
}

/// `{HOME}`, `{AWS}`, `{SSO}` (a token of single sign-on), `{key:ID}` (two lines), `{sha1:TEXT}`.
fn fill(text: &str, home: &str, aws: &str) -> String {
    let sso = json!({"accessToken": "t", "expiresAt": "2099-01-01T00:00:00Z", "region": "us-east-1",
        "startUrl": "https://corp.example/start"});
    let mut text = text.replace("{HOME}", home).replace("{AWS}", aws).replace("{SSO}", &sso.to_string());
    for (name, of) in [("{key:", keys as fn(&str) -> String), ("{sha1:", sha1), ("{sha256:", sha256)] {
        while let Some((before, rest)) = text.split_once(name) {
            let (value, after) = rest.split_once('}').unwrap();
            text = format!("{before}{}{after}", of(value));
        }
    }
    text
}

fn keys(id: &str) -> String {
    format!("aws_access_key_id = {id}\naws_secret_access_key = s")
}

fn sha1(text: &str) -> String {
    digest("sha1sum", text)
}

fn sha256(text: &str) -> String {
    digest("sha256sum", text)
}

fn digest(program: &str, text: &str) -> String {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    told.split(' ').next().unwrap().to_owned()
}

fn rows(table: &str, text: &str) -> Vec<Row> {
    let text: toml::Table = text.parse().unwrap_or_else(|error| panic!("{table}: {error}"));
    text["row"].as_array().unwrap().iter().map(|row| Row::of(table, row.as_table().unwrap())).collect()
}

impl Row {
    fn of(table: &str, row: &toml::Table) -> Self {
        let text = |key: &str| row.get(key).map(|value| value.as_str().unwrap().to_owned());
        let texts = |key: &str| -> BTreeMap<String, String> {
            let values = row.get(key).map(|values| values.as_table().unwrap().clone()).unwrap_or_default();
            values.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect()
        };
        let name = format!("{table}: {}", text("name").unwrap());
        for key in row.keys() {
            let known = ["name", "config", "credentials", "files", "env", "unset", "profile", "differs", "cli"];
            assert!(known.contains(&key.as_str()), "{name}: {key}");
        }
        let mut files = texts("files");
        for file in ["config", "credentials"] {
            text(file).into_iter().for_each(|text| _ = files.insert(format!(".aws/{file}"), text));
        }
        let unset = row.get("unset").map(|names| names.as_array().unwrap().clone()).unwrap_or_default();
        Row {
            files,
            environment: texts("env"),
            unset: unset.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
            profile: text("profile"),
            differs: text("differs"),
            cli: row.contains_key("cli"),
            name,
        }
    }
}

/// One process of Python's for all rows.
struct Botocore {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Botocore {
    fn start() -> Self {
        let python = installed("aws/bin/python3").unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/aws/library.py");
        let command = &mut Command::new(python);
        let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Botocore { asks: child.stdin.take().unwrap(), answers, child }
    }

    fn ask(&mut self, home: &Home, profile: Option<&str>) {
        writeln!(self.asks, "{}", json!({"env": home.environment(), "profile": profile})).unwrap();
    }

    /// The ARN, and what it said in place of one.
    fn answer(&mut self) -> (Option<String>, String) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (answer["arn"].as_str().map(str::to_owned), answer["error"].as_str().unwrap_or_default().to_owned())
    }
}

impl Drop for Botocore {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn aws_cli() -> Option<PathBuf> {
    let versions = std::fs::read_dir(installed("aws-cli")?).ok()?;
    versions.flatten().map(|version| version.path().join("aws")).find(|path| path.exists())
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/reference").join(name);
    path.exists().then_some(path)
}
