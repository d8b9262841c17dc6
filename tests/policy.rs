//! What administrators allow and have logged, in the settings for all users of a machine.

use std::os::unix::net::UnixDatagram;

use pretend_cloud::{Aws, Call, ExchangeCall};
use serde_json::Value;

use crate::exchange::Job;
use crate::home::{CLI, CREDMINT, ECR, Home, Outcome, REGISTRY, files, program, skip};

/// A home on a machine with these settings for all users: in a mount table of the test's own.
pub(crate) struct Machine<'a> {
    home: &'a Home,
}

impl<'a> Machine<'a> {
    /// `None` if no mount namespace can be created.
    pub(crate) fn with(home: &'a Home, settings: &str, test: &str) -> Option<Self> {
        home.write("machine/config.toml", settings);
        let machine = Machine { home };
        let is_possible = machine.command("sh", &["-c", "test -s /etc/credmint/config.toml"]).status();
        if is_possible.is_ok_and(|status| status.success()) {
            return Some(machine);
        }
        skip(test, "no mount table of its own can be made here");
        None
    }

    fn set(&self, settings: &str) {
        self.home.write("machine/config.toml", settings);
    }

    fn command(&self, program: &str, arguments: &[&str]) -> std::process::Command {
        let script = "mount -t tmpfs none /mnt && mkdir /mnt/etc /mnt/work && \
             mount -t overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work none /etc && \
             mkdir -p /etc/credmint && cp \"$SETTINGS\" /etc/credmint/config.toml && exec \"$@\"";
        let whole = [&["--mount", "--map-root-user", "sh", "-c", script, "sh", program], arguments].concat();
        let mut command = self.home.other("unshare", &whole);
        command.env("SETTINGS", self.home.path("machine/config.toml"));
        command
    }

    fn run(&self, name: &str, arguments: &[&str], input: &str) -> Outcome {
        use std::io::Write;
        let path = program(name);
        let mut child =
            self.command(path.to_str().unwrap(), arguments).stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Outcome::ended(name, child)
    }

    pub(crate) fn get(&self, server: &str) -> Outcome {
        self.run(CREDMINT, &["get"], server)
    }
}

/// The seconds for which the only token of a home is cached.
fn life(home: &Home) -> u64 {
    let [path] = &files(&home.path("run/credmint/tokens"))[..] else { panic!("one token") };
    let entry = std::fs::read_to_string(path).unwrap();
    let header: Value = serde_json::from_str(entry.lines().next().unwrap()).unwrap();
    header["expires"].as_u64().unwrap() - header["issued"].as_u64().unwrap()
}

const ELSEWHERE: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn registries_and_providers_that_are_not_allowed_get_nothing() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let policy = format!("[policy]\nregistries = [\"{REGISTRY}\", \"r.example\"]\n");
    let Some(machine) = Machine::with(&home, &policy, "policy::registries") else { return };
    let token = machine.get(REGISTRY).secret();
    machine
        .get(ELSEWHERE)
        .is_not_found_because(&["[policy] in /etc/credmint/config.toml", "registries does not list it"]);
    machine.run(ECR, &["get"], ELSEWHERE).is_not_found_because(&["registries does not list it"]);
    assert_eq!(aws.calls(Call::EcrToken), 1);
    let login = |server: &str| format!("{{\"ServerURL\":\"{server}\",\"Username\":\"me\",\"Secret\":\"mine\"}}");
    machine.run(CREDMINT, &["store"], &login("s.example")).explains(&["registries does not list it"]);
    assert_eq!(machine.run(CREDMINT, &["store"], &login("r.example")).code, 0);
    assert_eq!(machine.get("r.example").secret(), "mine");
    // What is stored and cached already is not served either.
    machine.set("[policy]\nproviders = [\"login\"]\n");
    machine.get(REGISTRY).is_not_found_because(&["providers does not list \"ecr\""]);
    assert_eq!(machine.get("r.example").secret(), "mine");
    machine.set("[policy]\nproviders = [\"ecr\"]\n");
    assert_eq!(machine.get(REGISTRY).secret(), token);
    machine.get("r.example").is_not_found_because(&["providers does not list \"login\""]);
    machine.run(CREDMINT, &["store"], &login("r.example")).explains(&["providers does not list \"login\""]);
    assert_eq!(machine.run(CREDMINT, &["erase"], "r.example").code, 0, "a login can always be removed");
    // kubelet, Bazel and `credmint` use the same code.
    let said = machine.run(CLI, &["token", ELSEWHERE], "");
    assert_eq!(said.code, 0, "{said:?}");
    machine.set(&policy);
    let said = machine.run(CLI, &["token", ELSEWHERE], "");
    assert!(said.code == 1 && said.stderr.contains("registries does not list it"), "{said:?}");
}

#[test]
fn a_user_cannot_widen_a_policy() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let Some(machine) = Machine::with(&home, "[policy]\nproviders = [\"ghcr\"]\n", "policy::a_user") else { return };
    home.settings("[policy]\nproviders = [\"ecr\"]\n");
    machine.get(REGISTRY).explains(&["[policy] belongs in the settings for all users of the machine"]);
    let own = home.settings("timeout = 5\n");
    home.set("CREDMINT_CONFIG", own);
    let machine = Machine { home: &home };
    machine.get(REGISTRY).is_not_found_because(&["providers does not list \"ecr\""]);
    let denied = home.write("own.toml", "[policy]\n");
    home.set("CREDMINT_CONFIG", denied);
    Machine { home: &home }.get(REGISTRY).explains(&["[policy] belongs in"]);
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn only_the_machine_s_own_tables_may_run_programs() {
    let mut home = Home::of(CREDMINT);
    home.script("bin/docker-credential-corp", "echo '{\"Username\":\"robot\",\"Secret\":\"s\"}'");
    home.set("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", home.path("bin").display()));
    let table = |host: &str| format!("[[registry]]\nmatch = \"{host}\"\nhelper = \"corp\"\n");
    home.settings(&table("user.example"));
    let settings = format!("{}[policy]\ncommands = false\n", table("machine.example"));
    let Some(machine) = Machine::with(&home, &settings, "policy::only_the_machine_s") else { return };
    assert_eq!(machine.get("machine.example").secret(), "s");
    machine.get("user.example").is_not_found_because(&["commands = false"]);
    let keys = "provider = \"identity-token\"\naudience = \"a\"\ntoken_command = [\"docker-credential-corp\"]";
    home.settings(&format!("[[registry]]\nmatch = \"zot.example\"\n{keys}\n"));
    machine.get("zot.example").is_not_found_because(&["commands = false"]);
}

#[test]
fn plain_files_can_be_forbidden() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("CREDMINT_VAULT", "auto");
    let test = "policy::plain_files";
    let Some(machine) = Machine::with(&home, "[policy]\nplain_files = false\n", test) else { return };
    let login = r#"{"ServerURL":"r.example","Username":"me","Secret":"c4n4ry"}"#;
    machine.run(CREDMINT, &["store"], login).explains(&["cannot store the login", "plain_files = false"]);
    let secret = machine.get(REGISTRY).secret();
    for path in files(&home.path("")) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("c4n4ry") && !text.contains(&secret), "{}", path.display());
    }
    home.set("CREDMINT_VAULT", "file");
    Machine { home: &home }.get(REGISTRY).explains(&["vault is \"file\"", "plain_files = false", "set vault"]);
}

/// A login that was stored in a file before the policy forbade it.
#[test]
fn what_a_forbidden_file_holds_is_not_served_and_can_be_removed() {
    let mut home = Home::of(CREDMINT);
    home.set("CREDMINT_VAULT", "auto");
    let test = "policy::what_a_forbidden_file_holds";
    let Some(machine) = Machine::with(&home, "\n", test) else { return };
    let login = r#"{"ServerURL":"r.example","Username":"me","Secret":"c4n4ry"}"#;
    assert_eq!(machine.run(CREDMINT, &["store"], login).code, 0);
    let is_there = || {
        files(&home.path(""))
            .iter()
            .any(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains("c4n4ry"))
    };
    assert!(is_there());
    machine.set("[policy]\nplain_files = false\n");
    machine.get("r.example").is_not_found();
    assert_eq!(machine.run(CREDMINT, &["erase"], "r.example").code, 0);
    assert!(!is_there(), "a login can always be removed");
    machine.set("\n");
    machine.get("r.example").is_not_found();
}

/// A client that lists first and gets what is listed would take what is refused for an error.
#[test]
fn what_the_policy_refuses_is_not_listed() {
    const OTHER: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let Some(machine) = Machine::with(&home, "\n", "policy::what_the_policy_refuses") else { return };
    machine.get(REGISTRY).credentials();
    for server in ["r.example", "s.example"] {
        let login = format!(r#"{{"ServerURL":"{server}","Username":"me","Secret":"c4n4ry"}}"#);
        assert_eq!(machine.run(CREDMINT, &["store"], &login).code, 0);
    }
    let helpers = format!(r#"{{"credHelpers":{{"{OTHER}":"credmint"}}}}"#);
    home.write(".docker/config.json", helpers);
    let lists = |policy: &str, expected: &[&str]| {
        machine.set(policy);
        let listed: Value = serde_json::from_str(&machine.run(CREDMINT, &["list"], "").stdout).unwrap();
        let mut listed: Vec<_> = listed.as_object().unwrap().keys().map(String::as_str).collect();
        listed.sort_unstable();
        assert_eq!(listed, expected, "{policy}");
    };
    lists("\n", &[REGISTRY, OTHER, "r.example", "s.example"]);
    lists("[policy]\nregistries = [\"*.amazonaws.com\", \"r.example\"]\n", &[REGISTRY, OTHER, "r.example"]);
    lists("[policy]\nregistries = [\"r.example\"]\n", &["r.example"]);
    lists("[policy]\nproviders = [\"ecr\"]\n", &[REGISTRY, OTHER]);
    lists("[policy]\nproviders = [\"login\"]\n", &["r.example", "s.example"]);
}

/// kubelet asks once for a registry and keeps the response, unless it is for an image.
#[test]
fn what_is_allowed_for_some_images_is_for_them_alone() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let Some(machine) = Machine::with(&home, "\n", "policy::some_images") else { return };
    let kubelet = |team: &str| {
        let image = format!("{REGISTRY}/{team}/app:1");
        let request = serde_json::json!({
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderRequest", "image": image,
        });
        machine.run(CLI, &["kubelet"], &request.to_string())
    };
    let serves = |team: &str, key: &str| {
        let outcome = kubelet(team);
        let response: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
        assert_eq!((&response["cacheKeyType"], response["auth"].as_object().unwrap().len()), (&key.into(), 1));
    };
    serves("team-a", "Registry");
    machine.set(&format!("[policy]\nregistries = [\"{REGISTRY}/team-a\"]\n"));
    serves("team-a", "Image");
    let refused = kubelet("team-b");
    assert!(refused.code == 1 && refused.stderr.contains("registries does not list it"), "{refused:?}");
}

/// Where stored logins are not allowed, it helps nobody to store one.
#[test]
fn a_named_login_that_is_not_allowed_is_not_asked_for() {
    let home = Home::of(CREDMINT);
    let settings = "[[registry]]\nmatch = \"quay.io/team-c\"\nlogin = \"quay.io/team-c\"\n\
         [policy]\nproviders = [\"quay\"]\n";
    let Some(machine) = Machine::with(&home, settings, "policy::a_named_login") else { return };
    machine.get("quay.io/team-c/app").is_not_found_because(&["providers does not list \"login\""]);
}

#[test]
fn the_longest_life_counts_for_what_is_cached_already() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let Some(machine) = Machine::with(&home, "\n", "policy::the_longest_life") else { return };
    let first = machine.get(REGISTRY).secret();
    machine.set("[policy]\nmax_life = 3600\n");
    assert_eq!(machine.get(REGISTRY).secret(), first);
    home.tokens_were_received(-3_601);
    let second = machine.get(REGISTRY).secret();
    assert_ne!(second, first, "it is an hour old");
    assert_eq!(life(&home), 3600);
}

#[test]
fn an_exchange_asks_for_no_longer_life_than_is_allowed() {
    let row = crate::exchange::docker_hub();
    let job = Job::with(&row.settings);
    let Some(machine) = Machine::with(&job.home, "[policy]\nmax_life = 600\n", "policy::an_exchange") else { return };
    machine.get(row.server).credentials();
    assert_eq!(job.exchanges.calls(ExchangeCall::DockerHub), 1);
    assert_eq!(job.exchanges.token_life(), 600);
    // It counts from before the request, which takes its time on a busy machine.
    assert!((300..=600).contains(&life(&job.home)), "{}", life(&job.home));
}

#[test]
fn each_response_is_a_line_of_the_audit_log() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let log = home.path("audit.log");
    let settings = format!("audit = \"{}\"\n", log.display());
    let Some(machine) = Machine::with(&home, &settings, "policy::audit") else { return };
    // A user's own does not replace it.
    home.settings(&format!("audit = \"{}\"\n", home.path("own.log").display()));
    let secret = machine.get(REGISTRY).secret();
    machine.get(REGISTRY).credentials();
    let login = r#"{"ServerURL":"r.example","Username":"me","Secret":"c4n4ry"}"#;
    assert_eq!(machine.run(CREDMINT, &["store"], login).code, 0);
    machine.get("r.example").credentials();
    machine.get("s.example").is_not_found();
    assert_eq!(machine.run(CREDMINT, &["erase"], "r.example").code, 0);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(!text.contains("c4n4ry") && !text.contains(&secret), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |key: &str| lines.iter().map(|line| line[key].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>();
    assert_eq!(of("outcome"), ["minted", "cached", "done", "login", "not found", "done"]);
    assert_eq!(of("action"), ["get", "get", "store", "get", "get", "erase"]);
    assert_eq!(of("provider"), ["ecr", "ecr", "login", "login", "-", "login"]);
    assert_eq!(of("username"), ["AWS", "AWS", "-", "me", "-", "-"]);
    assert!(lines.iter().all(|line| line["user"].is_u64() && line["caller"].is_string()), "{text}");
    assert_eq!(lines[0]["identity"], lines[1]["identity"]);
    assert!(!home.path("own.log").exists());
    let mode = std::os::unix::fs::PermissionsExt::mode(&log.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    machine.set(&format!("{settings}[policy]\nproviders = [\"ghcr\"]\n"));
    machine.get(REGISTRY).is_not_found_because(&["providers does not list"]);
    machine.run(CREDMINT, &["store"], login).explains(&["providers does not list"]);
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(text.matches("\"outcome\":\"refused\"").count(), 2, "{text}");
    // A log that cannot be written is not an error.
    machine.set("audit = \"/nowhere/audit.log\"\n");
    assert_eq!(machine.get(REGISTRY).secret(), secret);
}

#[test]
fn the_audit_log_may_be_the_system_s() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    home.settings("audit = \"syslog\"\n");
    let syslog = UnixDatagram::bind(home.path("log")).unwrap();
    let script = "mount -t tmpfs none /dev && ln -s \"$LOG\" /dev/log && exec \"$@\"";
    let inside = |program: &str, arguments: &[&str]| {
        let whole = [&["--mount", "--map-root-user", "sh", "-c", script, "sh", program], arguments].concat();
        let mut command = home.other("unshare", &whole);
        command.env("LOG", home.path("log")).stdin(std::process::Stdio::piped());
        command
    };
    if !inside("true", &[]).status().is_ok_and(|status| status.success()) {
        return skip("policy::the_audit_log_may_be_the_system_s", "no mount table of its own can be made here");
    }
    let mut child = inside(program(ECR).to_str().unwrap(), &["get"]).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), REGISTRY.as_bytes()).unwrap();
    Outcome::ended(ECR, child).credentials();
    syslog.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    let length = syslog.recv(&mut buffer).unwrap();
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(text.starts_with("<86>credmint[") && text.contains("\"outcome\":\"cached\""), "{text}");
    for (text, words) in
        [("audit = \"log\"", "audit is \"syslog\" or an absolute path"), ("audit = true", "invalid type")]
    {
        home.settings(text);
        home.get(REGISTRY).explains(&[words]);
    }
}

#[test]
fn doctor_names_the_rule_that_rejects() {
    let home = Home::of(CREDMINT);
    let policy =
        "audit = \"syslog\"\n[policy]\nregistries = [\"*.amazonaws.com\", \"ghcr.io\"]\nproviders = [\"ecr\"]\n";
    let Some(machine) = Machine::with(&home, policy, "policy::doctor") else { return };
    let said = |image: &str| machine.run(CLI, &["doctor", "--offline", image], "").stdout;
    let allowed = said(&format!("{REGISTRY}/app"));
    assert!(allowed.contains("[policy] of this machine's administrators: /etc/credmint/config.toml"), "{allowed}");
    assert!(allowed.contains("audit log: syslog") && !allowed.contains("does not allow it"), "{allowed}");
    for (image, words) in
        [("quay.io/team/app", "registries does not list it"), ("ghcr.io/owner/app", "providers does not list \"ghcr\"")]
    {
        assert!(said(image).contains(words), "{}", said(image));
    }
}

#[test]
fn the_example_in_the_reference_is_valid() {
    let reference = include_str!("../installers/REFERENCE.md");
    let block = reference.split("```toml\n").skip(1).find(|block| block.contains("[policy]")).unwrap();
    let block = block.split("```").next().unwrap();
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("CREDMINT_VAULT", "auto");
    // The system's log is not the test's.
    let settings = block.replace("\"syslog\"", &format!("\"{}\"", home.path("audit.log").display()));
    let Some(machine) = Machine::with(&home, &settings, "policy::the_example") else { return };
    machine.get(REGISTRY).credentials();
    machine.get("quay.io").is_not_found_because(&["registries does not list it"]);
}
