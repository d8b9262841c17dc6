use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use pretend_cloud::{Aws, Behaviour, Ca, Call, Proxy, SilentAddress};
use testing::{skip, wait_until};

use crate::home::{ECR, Home, NOT_FOUND, Outcome, REGISTRY};

/// Many processes, started together.
fn at_once(home: &Home, count: usize) -> Vec<Outcome> {
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..count).map(|_| threads.spawn(|| home.get(REGISTRY))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// For tools that call `get` for every registry of Docker's configuration and stop at the first error.
#[test]
fn on_failure_not_found_lets_clients_go_on() {
    let aws = Aws::start();
    let refusal = Behaviour::Refuse { status: 400, code: "ExpiredTokenException", message: "canary".into() };
    aws.on(Call::EcrToken, refusal);
    let mut home = Home::signed_in(&aws);
    home.get(REGISTRY).explains(&["us-east-1"]);
    home.set("CREDMINT_ON_FAILURE", "not-found");
    home.get(REGISTRY).is_not_found_because(&["us-east-1"]);
    home.set("CREDMINT_ON_FAILURE", "nothing").get(REGISTRY).explains(&["CREDMINT_ON_FAILURE", "not-found"]);
    home.unset("CREDMINT_ON_FAILURE");
    home.settings(&format!("[[registry]]\nmatch = \"{REGISTRY}\"\non_failure = \"not-found\"\n"));
    home.get(REGISTRY).is_not_found_because(&["us-east-1"]);
    home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com").explains(&["eu-west-1"]);
    home.settings("on_failure = \"not-found\"\n");
    home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com").is_not_found_because(&["eu-west-1"]);
    // A login of one's own can be stored in that state.
    assert_eq!(home.store(REGISTRY, "me", "mine").code, 0);
    assert_eq!(home.get(REGISTRY).secret(), "mine");
}

#[test]
fn a_killed_lock_holder_does_not_block_the_waiters() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    let mut minter = home.command(ECR, &["get"]).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut minter.stdin.take().unwrap(), REGISTRY.as_bytes()).unwrap();
    wait_until("a mint", || aws.calls(Call::EcrToken) > 0);
    aws.on(Call::EcrToken, Behaviour::Proper);
    minter.kill().unwrap();
    minter.wait().unwrap();
    home.get(REGISTRY).gave_up().credentials();
}

#[test]
fn a_service_that_hangs_is_given_up_at_the_time_limit() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    home.settings("timeout = 2");
    let outcome = home.get(REGISTRY);
    outcome.gave_up().explains(&["us-east-1"]);
    assert!(outcome.took > Duration::from_millis(1_500), "{outcome:?}");
}

#[test]
fn waiters_of_a_hanging_lock_holder_time_out() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    home.settings("timeout = 2");
    for outcome in at_once(&home, 8) {
        outcome.gave_up().explains(&["us-east-1"]);
    }
}

#[test]
fn a_metadata_service_that_is_silent_costs_seconds() {
    let silent = SilentAddress::new();
    let mut home = Home::new();
    home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url());
    home.get(REGISTRY).gave_up().is_not_found_because(&["no AWS credentials found"]);
    home.get("public.ecr.aws").is_not_found();
}

#[test]
fn a_service_with_short_outages_is_called_again() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::FailTimes(1));
    Home::signed_in(&aws).get(REGISTRY).credentials();
    assert_eq!(aws.calls(Call::EcrToken), 2);
}

#[test]
fn a_malformed_response_is_reported_in_one_sentence() {
    for behaviour in [Behaviour::Garbage, Behaviour::Empty, Behaviour::Close] {
        let aws = Aws::start();
        let name = format!("{behaviour:?}");
        aws.on(Call::EcrToken, behaviour);
        let outcome = Home::signed_in(&aws).get(REGISTRY);
        assert!(outcome.explains(&["us-east-1"]).len() < 400, "{name}: {outcome:?}");
    }
}

#[test]
fn without_network_a_cached_token_is_served_and_the_error_is_one_sentence() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let first = home.get(REGISTRY).secret();
    drop(aws);
    assert_eq!(home.get(REGISTRY).secret(), first);
    home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com").gave_up().explains(&["eu-west-1"]);
}

#[test]
fn a_private_authority_is_trusted_when_it_is_named() {
    let ca = Ca::new();
    let aws = Aws::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &["127.0.0.1"]);
    let mut home = Home::signed_in(&aws);
    home.set("AWS_ENDPOINT_URL", aws.url());
    home.get(REGISTRY).explains(&["certificate"]);
    let pem = home.write("ca.pem", ca.pem());
    home.set("SSL_CERT_FILE", &pem).get(REGISTRY).credentials();
    home.erase(REGISTRY).is_silent();
    home.unset("SSL_CERT_FILE").set("AWS_CA_BUNDLE", &pem).get(REGISTRY).credentials();
}

#[test]
fn a_proxy_is_used_and_left_out_according_to_the_environment() {
    let ca = Ca::new();
    let aws = Aws::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &["127.0.0.1"]);
    let proxy = Proxy::start();
    proxy.route(&aws.addr().to_string(), aws.addr());
    let mut home = Home::signed_in(&aws);
    let pem = home.write("ca.pem", ca.pem());
    home.set("AWS_ENDPOINT_URL", aws.url()).set("SSL_CERT_FILE", &pem).set("HTTPS_PROXY", proxy.url());
    home.get(REGISTRY).credentials();
    assert_eq!(proxy.requests(), 1);
    home.erase(REGISTRY).is_silent();
    home.set("NO_PROXY", "127.0.0.1").get(REGISTRY).credentials();
    assert_eq!(proxy.requests(), 1);
    let closed = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    home.erase(REGISTRY).is_silent();
    home.unset("NO_PROXY").set("HTTPS_PROXY", closed).get(REGISTRY).explains(&["us-east-1"]);
}

#[test]
fn a_read_only_home_does_not_prevent_the_token() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
        // Not even root makes a folder there.
        home.set(name, "/proc/nowhere");
    }
    for vault in ["file", "auto"] {
        home.set("CREDMINT_VAULT", vault).get(REGISTRY).credentials();
    }
    home.set("CREDMINT_VAULT", "file").store("r.example", "u", "s").explains(&["r.example"]);
    home.get("r.example").is_not_found();
    home.erase(REGISTRY).is_silent();
    for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
        home.unset(name);
    }
    home.get("docker.io").is_not_found();
}

#[test]
fn a_missing_keychain_does_not_prevent_the_token() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus").set("CREDMINT_VAULT", "keychain");
    home.get(REGISTRY).gave_up().credentials();
    home.store("r.example", "u", "s").explains(&["r.example"]);
}

#[test]
fn an_input_that_stays_open_is_given_up() {
    let home = Home::new();
    let mut child = home.command(ECR, &["get"]).stdin(Stdio::piped()).spawn().unwrap();
    let open = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("timed out reading the request on standard input"), "{said}");
    drop(open);
}

#[test]
fn a_closed_input_is_not_an_address() {
    let home = Home::new();
    let output = home.shell(&format!("exec {} get <&-", crate::home::program(ECR).display())).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.trim_end() != NOT_FOUND && said.lines().count() == 1, "{said}");
}

#[test]
fn broken_settings_are_named_and_nothing_is_minted() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings("[[registry]]\nmatch = \"*\"\nprofil = \"prod\"\n");
    home.get(REGISTRY).explains(&["config.toml: line 3", "unknown field `profil`"]);
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn a_damaged_token_is_replaced() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    for damage in ["", "garbage", "{}\n"] {
        for path in crate::home::files(&home.path("run")) {
            std::fs::write(path, damage).unwrap();
        }
        let calls = aws.calls(Call::EcrToken);
        let secret = home.get(REGISTRY).secret();
        assert_eq!(aws.calls(Call::EcrToken), calls + 1, "{damage:?}");
        assert_eq!(home.get(REGISTRY).secret(), secret, "replaced");
    }
}

#[test]
fn a_token_from_the_future_is_replaced() {
    // The clock was set back since it was minted, so its age is unknown.
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    for (ahead, mints) in [(30, 1), (3_600, 2)] {
        home.tokens_were_received(ahead);
        home.get(REGISTRY).credentials();
        assert_eq!(aws.calls(Call::EcrToken), mints, "minted {ahead} s ahead of the clock");
    }
}

#[test]
fn a_full_disk_does_not_prevent_the_token() {
    let test = "a_full_disk_does_not_prevent_the_token";
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let mount =
        |what: &str| format!("mount -t tmpfs -o size=4k,mode=700 none {} && {what}", home.path("run").display());
    if !home.other("unshare", &["--mount", "sh", "-c", &mount("true")]).status().is_ok_and(|status| status.success()) {
        return skip(test, "mounting a small disk needs root");
    }
    // A folder and a file with a name take what there is.
    let program = crate::home::program(ECR);
    let line = mount(&format!("echo {REGISTRY} | {0} get && echo {REGISTRY} | {0} get", program.display()));
    let output = home.other("unshare", &["--mount", "sh", "-c", &line]).output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.matches("\"Username\":\"AWS\"").count(), 2, "{answers}");
}

#[test]
fn an_output_that_cannot_be_written_is_not_a_success() {
    let home = Home::new();
    assert_eq!(home.store("r.example", "u", "s").code, 0);
    let (reader, broken) = std::io::pipe().unwrap();
    drop(reader);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for (stdout, why) in [(Stdio::from(broken), "Broken pipe"), (Stdio::from(full), "No space left")] {
        let mut helper = home.command(ECR, &["get"]).stdin(Stdio::piped()).stdout(stdout).spawn().unwrap();
        std::io::Write::write_all(&mut helper.stdin.take().unwrap(), b"r.example").unwrap();
        let output = helper.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot write the response") && said.contains(why), "{said}");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_not_waited_for_without_end() {
    let put_pipe = |home: &Home, name: &str| {
        let path = home.write(name, "");
        std::fs::remove_file(&path).unwrap();
        assert!(home.other("mkfifo", &[path.to_str().unwrap()]).status().unwrap().success());
    };
    for (helper, name, server) in
        [(ECR, "config/credmint/config.toml", REGISTRY), (crate::home::GHCR, "config/gh/hosts.yml", "ghcr.io")]
    {
        let home = Home::of(helper);
        put_pipe(&home, name);
        home.get(server).explains(&[name.rsplit('/').next().unwrap(), "within 2 s"]);
    }
}
