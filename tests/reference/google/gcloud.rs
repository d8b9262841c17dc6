//! gcloud itself, imported once: with `docker-helper`, which is what docker-credential-gcloud starts.
//! Our helper finds the same one on its path.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{ADC, NO_IDENTITY, PULLER, REFUSED, Row, Verdict, World, differs, same};
use crate::gcr::EUROPE;
use crate::home::skip;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/google");
const ROBOT: &str = "robot@pretend.iam.gserviceaccount.com";

struct Gcloud {
    process: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Gcloud {
    fn start() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let program = std::env::split_paths(&path).map(|folder| folder.join("gcloud")).find(|path| path.is_file())?;
        let root = program.canonicalize().ok()?.parent()?.parent()?.to_owned();
        let bundled = root.join("platform/bundledpythonunix/bin/python3");
        let python = if bundled.exists() { bundled } else { "/usr/bin/python3".into() };
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let process = Command::new(python)
            .args([
                "-S".as_ref(),
                Path::new(FOLDER).join("gcloud.py").as_os_str(),
                root.as_os_str(),
                socket.as_os_str(),
            ])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        testing::wait_until("gcloud", || testing::accepts(&socket));
        Some(Gcloud { process, socket, _folder: folder })
    }

    /// What gcloud says there: whether it went well, and both of its outputs.
    fn run(&self, world: &World, arguments: &[&str], input: &str) -> (bool, String, String) {
        let variables: serde_json::Map<String, Value> = world
            .home
            .variables()
            .map(|(name, value)| (name.to_str().unwrap().to_owned(), json!(value.to_str().unwrap())))
            .collect();
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        writeln!(stream, "{}", json!({"arguments": arguments, "variables": variables, "input": input})).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (answer["code"] == 0, text("stdout"), text("stderr"))
    }

    fn principal(&self, world: &World) -> (String, String) {
        let (well, stdout, stderr) = self.run(world, &["auth", "docker-helper", "get"], EUROPE);
        if well {
            let answer: Value = serde_json::from_str(&stdout).unwrap();
            return (world.principal(answer["Secret"].as_str().unwrap()), String::new());
        }
        let said = stdout + &stderr;
        let has_none = said.contains("do not currently have an active account");
        ((if has_none { NO_IDENTITY } else { REFUSED }).to_owned(), said)
    }
}

impl Drop for Gcloud {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl World {
    /// Lets the home have gcloud, which looks for no metadata server.
    fn with_gcloud(&mut self, gcloud: &Gcloud) {
        let shim = format!("exec /usr/bin/python3 -SE {FOLDER}/shim.py {} \"$@\"", gcloud.socket.display());
        self.home.script("bin/gcloud", &shim);
        // On a busy machine it takes longer than the time limit that we have unless told otherwise.
        self.home.settings("timeout = 120");
        let (path, bundle) = (self.home.path("bin"), self.home.path("ca.pem"));
        self.home
            .set("PATH", format!("{}:/usr/bin:/bin", path.display()))
            .set("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", bundle)
            .set("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false")
            .set("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true");
    }

    /// Runs gcloud as this user, in a row.
    #[track_caller]
    fn gcloud(&mut self, line: &str) {
        let output = self.home.shell(&format!("gcloud {line}")).output().unwrap();
        assert!(output.status.success(), "gcloud {line}: {output:?}");
    }

    /// Signs in with a service account's key, and makes it the active account.
    fn activate(&mut self, account: &str) {
        let key = self.home.write("key.json", self.google.key_file(account).to_string());
        self.gcloud(&format!("auth activate-service-account --key-file {}", key.display()));
    }

    fn write_file(&self, name: &str, text: impl ToString) -> String {
        self.home.write(name, text.to_string()).to_str().unwrap().to_owned()
    }

    /// A file with the access token of a user.
    fn token_file(&self) -> String {
        self.write_file("token", "ya29.given\n")
    }
}

const ACCOUNTS: &[Row] = &[
    same("no account", NO_IDENTITY, |_| ()),
    same("a service account", PULLER, |w| w.activate(PULLER)),
    same("the last one that signed in", PULLER, |w| {
        w.activate(ROBOT);
        w.activate(PULLER);
    }),
    same("the account of the configuration", ROBOT, |w| {
        w.activate(ROBOT);
        w.activate(PULLER);
        w.gcloud("config set account robot@pretend.iam.gserviceaccount.com");
    }),
    same("the account of a variable", ROBOT, |w| {
        w.activate(ROBOT);
        w.activate(PULLER);
        w.home.set("CLOUDSDK_CORE_ACCOUNT", ROBOT);
    }),
    same("an account that is not signed in", REFUSED, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_CORE_ACCOUNT", ROBOT);
    }),
    same("an account whose key Google does not take", REFUSED, |w| {
        w.activate(PULLER);
        w.google.end_tokens();
        let refused = pretend_cloud::Behaviour::Refuse { status: 400, code: "invalid_grant", message: "no".into() };
        w.google.on(pretend_cloud::GoogleCall::Token, refused);
        std::fs::remove_file(w.home.path(".config/gcloud/access_tokens.db")).unwrap();
    }),
    same("no account is active", NO_IDENTITY, |w| {
        w.activate(PULLER);
        w.gcloud("config unset account");
    }),
    same("who has signed out", NO_IDENTITY, |w| {
        w.activate(PULLER);
        w.gcloud("auth revoke puller@pretend.iam.gserviceaccount.com");
    }),
    same("a federated identity", "subject job", |w| {
        let token = w.write_file("token", "header.job.signature");
        let file = w.google.federation_file(json!({"file": token}));
        let file = w.write_file("federation.json", file);
        w.home.set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file);
    }),
];

const CONFIGURATIONS: &[Row] = &[
    same("another configuration", ROBOT, |w| {
        w.activate(PULLER);
        w.gcloud("config configurations create work");
        w.activate(ROBOT);
    }),
    same("the one of a variable", PULLER, |w| {
        w.activate(PULLER);
        w.gcloud("config configurations create work");
        w.activate(ROBOT);
        w.home.set("CLOUDSDK_ACTIVE_CONFIG_NAME", "default");
    }),
    same("the reserved one without properties", NO_IDENTITY, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_ACTIVE_CONFIG_NAME", "NONE");
    }),
    differs("one that does not exist", REFUSED, NO_IDENTITY, "a named one that does not exist is not skipped", |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_ACTIVE_CONFIG_NAME", "gone");
    }),
    same("another folder", ROBOT, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_CONFIG", w.home.path("other"));
        w.activate(ROBOT);
    }),
    same("another folder with nothing in it", NO_IDENTITY, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_CONFIG", w.home.path("other"));
    }),
    same("an empty variable", PULLER, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_CONFIG", "").set("CLOUDSDK_ACTIVE_CONFIG_NAME", "");
    }),
];

const OVERRIDES: &[Row] = &[
    same("a token in a variable", "ya29.given", |w| _ = w.home.set("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.given")),
    same("a token in a variable, with spaces", "ya29.given", |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_AUTH_ACCESS_TOKEN", " ya29.given\n");
    }),
    same("a token's file in a variable", "ya29.given", |w| {
        let file = w.token_file();
        w.home.set("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", file);
    }),
    same("a token's file in a property", "ya29.given", |w| {
        let file = w.token_file();
        w.gcloud(&format!("config set auth/access_token_file {file}"));
    }),
    same("a token before a token's file", "ya29.other", |w| {
        let file = w.token_file();
        w.home.set("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", file).set("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.other");
    }),
    same("a token's file before a credentials file", "ya29.given", |w| {
        let (file, key) = (w.token_file(), w.write_file("key.json", w.google.key_file(PULLER)));
        w.home.set("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", file).set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", key);
    }),
    same("a token's file that is not there", REFUSED, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "/nowhere");
    }),
    same("a user's file in a variable", "user jane", |w| {
        w.activate(PULLER);
        let file = w.write_file("user.json", w.google.user_file("jane"));
        w.home.set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file);
    }),
    same("a user's file in a property", "user jane", |w| {
        let file = w.write_file("user.json", w.google.user_file("jane"));
        w.gcloud(&format!("config set auth/credential_file_override {file}"));
    }),
    same("a key in a variable", ROBOT, |w| {
        w.activate(PULLER);
        let file = w.write_file("robot.json", w.google.key_file(ROBOT));
        w.home.set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file);
    }),
    same("a credentials file that is not there", REFUSED, |w| {
        w.activate(PULLER);
        w.home.set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "/nowhere");
    }),
    same("a credentials file that is broken", REFUSED, |w| {
        let file = w.write_file("user.json", "{");
        w.home.set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file);
    }),
    same(
        "an impersonated account in a variable",
        "puller@pretend.iam.gserviceaccount.com by robot@pretend.iam.gserviceaccount.com",
        |w| {
            w.activate(ROBOT);
            w.home.set("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", PULLER);
        },
    ),
    same(
        "an impersonated account in a property",
        "puller@pretend.iam.gserviceaccount.com by robot@pretend.iam.gserviceaccount.com",
        |w| {
            w.activate(ROBOT);
            w.gcloud("config set auth/impersonate_service_account puller@pretend.iam.gserviceaccount.com");
        },
    ),
    same("an impersonated account that is not there", REFUSED, |w| {
        w.activate(ROBOT);
        w.home.set("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", "gone@example.com");
    }),
    same("another address for tokens", REFUSED, |w| {
        let file = w.write_file("user.json", w.google.user_file("jane"));
        w.home
            .set("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", file)
            .set("CLOUDSDK_AUTH_TOKEN_HOST", format!("{}/nothing", w.google.url()));
    }),
    same(
        "another address for impersonation",
        "puller@pretend.iam.gserviceaccount.com by robot@pretend.iam.gserviceaccount.com",
        |w| {
            w.activate(ROBOT);
            w.home.set("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", PULLER);
            w.home.set("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", format!("{}/", w.google.url()));
        },
    ),
    same("another address for impersonation, which is closed", REFUSED, |w| {
        w.activate(ROBOT);
        w.gcloud("config set auth/impersonate_service_account puller@pretend.iam.gserviceaccount.com");
        w.gcloud("config set api_endpoint_overrides/iamcredentials https://127.0.0.1:1/");
    }),
];

const CHAIN: &[Row] = &[
    differs(
        "application default credentials",
        "user jane",
        PULLER,
        "they come before gcloud's account, as everywhere",
        |w| {
            w.activate(PULLER);
            w.home.write(ADC, w.google.user_file("jane").to_string());
        },
    ),
    differs(
        "a machine of Google's",
        "machine",
        PULLER,
        "a machine works as itself, whoever has signed in on it",
        |w| {
            w.activate(PULLER);
            w.home.unset("NO_GCE_CHECK").set("GCE_METADATA_HOST", w.google.addr().to_string());
        },
    ),
];

#[test]
fn a_set_of_files_and_variables_is_the_same_principal_to_gcloud() {
    let Some(gcloud) = Gcloud::start() else { return skip("gcloud", "gcloud is not installed") };
    let mut world = World::new();
    let mut verdict = Verdict::default();
    let rows: Vec<&Row> = [ACCOUNTS, CONFIGURATIONS, OVERRIDES, CHAIN].into_iter().flatten().collect();
    for row in &rows {
        world.move_in();
        world.with_gcloud(&gcloud);
        (row.set)(&mut world);
        let theirs = gcloud.principal(&world);
        verdict.row(row, &world, &theirs);
    }
    verdict.hold(rows.len());
}
