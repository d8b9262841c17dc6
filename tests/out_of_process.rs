//! The out-of-process worker: missing, of another version, crashing, hanging.

use std::path::Path;

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{ECR, Home, Outcome, REGISTRY, WORKER, program};

/// A helper without a worker next to it, and a folder that is on the path.
fn alone(home: &mut Home) -> std::path::PathBuf {
    let folder = home.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(home.path("path")).unwrap();
    testing::copy_program(&program(ECR), &folder);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("path").display()));
    folder.join(ECR)
}

fn worker(home: &Home, place: &str, script: &str) {
    home.script(&format!("{place}/credmint-mint"), script);
}

fn get(home: &Home, helper: &Path) -> Outcome {
    home.run(helper.to_str().unwrap(), &["get"], REGISTRY)
}

#[test]
fn a_missing_worker_is_reported_and_one_on_the_path_is_used() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let helper = alone(&mut home);
    let line = get(&home, &helper).explains(&["credmint-mint not found", "reinstall credmint"]).to_owned();
    assert!(line.contains(&home.path("bin").display().to_string()) && !line.contains("must have"), "{line}");
    std::os::unix::fs::symlink(program(WORKER), home.path("path").join(WORKER)).unwrap();
    get(&home, &helper).secret();
    assert_eq!(aws.calls(Call::EcrToken), 1);
}

#[test]
fn the_worker_beside_the_helper_comes_before_one_on_the_path() {
    let mut home = Home::new();
    let helper = alone(&mut home);
    worker(&home, "path", "echo '{\"what\":\"the wrong one\"}'");
    worker(&home, "bin", "echo '{\"what\":\"the right one\"}'");
    get(&home, &helper).explains(&["the right one"]);
}

#[test]
fn a_malformed_worker_response_is_an_error_and_never_repeated() {
    for script in ["echo canary", "echo '{\"username\":\"canary\"}'", "head -c 3000000 /dev/zero", "exit 0"] {
        let mut home = Home::new();
        let helper = alone(&mut home);
        worker(&home, "bin", script);
        let outcome = get(&home, &helper);
        assert!(!outcome.explains(&["malformed response from credmint-mint"]).contains("canary"), "{script}");
    }
}

#[test]
fn a_crash_of_the_worker_is_reported_with_its_status() {
    for (script, why) in [
        ("exit 101", "exit status: 101"),
        ("echo '{\"username\":\"canary'; kill -ABRT $$", "SIGABRT"),
        ("kill -9 $$", "SIGKILL"),
    ] {
        let mut home = Home::new();
        let helper = alone(&mut home);
        worker(&home, "bin", script);
        let outcome = get(&home, &helper);
        let line = outcome.explains(&["credmint-mint crashed", why, "CREDMINT_LOG=debug:"]);
        assert!(!line.contains("canary") && !line.contains("install"), "{line}");
    }
}

#[test]
fn a_worker_that_hangs_is_killed_at_the_timeout() {
    let mut home = Home::new();
    home.settings("timeout = 1");
    let helper = alone(&mut home);
    worker(&home, "bin", "exec sleep 300");
    get(&home, &helper).gave_up().explains(&["timed out"]);
    home.is_quiet();
}

#[test]
fn the_worker_request_is_in_no_argument_and_no_variable() {
    let mut home = Home::new();
    let helper = alone(&mut home);
    let seen = home.path("seen");
    worker(
        &home,
        "bin",
        // The pipe stays open behind the question.
        &format!("{{ echo \"arguments $#\"; env; head -n 1; }} > {}; echo '{{\"what\":\"x\"}}'", seen.display()),
    );
    get(&home, &helper).explains(&["x"]);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with("arguments 0\n"), "{seen}");
    assert_eq!(seen.matches(REGISTRY).count(), 1, "on standard input alone: {seen}");
}

#[test]
fn the_worker_reports_its_own_timeout_first() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    home.settings("timeout = 1");
    home.get(REGISTRY).gave_up().explains(&["ECR in", "timed out"]);
}

/// On a busy machine; the helper does not wait longer for it.
#[test]
fn a_worker_that_starts_late_reports_its_own_timeout_too() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let mut home = Home::signed_in(&aws);
    home.settings("timeout = 4");
    let helper = alone(&mut home);
    worker(&home, "bin", &format!("sleep 1.5; exec '{}'", program(WORKER).display()));
    get(&home, &helper).gave_up().explains(&["ECR in", "timed out"]);
}

#[test]
fn started_by_hand_the_worker_reports_its_purpose() {
    let outcome = Home::new().run(WORKER, &[], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("started by the credential helpers"), "{outcome:?}");
}

/// Waits until a script has written a line to a file, and gives it.
fn appears(path: &Path) -> String {
    let text = || std::fs::read_to_string(path).unwrap_or_default();
    testing::wait_until(&path.display().to_string(), || text().ends_with('\n'));
    text().trim().to_owned()
}

/// Waits until a process has ended.
fn goes(pid: &str) {
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended, even if it was not reaped.
    testing::wait_until("the end of a program", || {
        state().rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.starts_with(" Z"))
    });
}

/// A home in which the SDK itself, for a `credential_process`, or the minter for an az, starts a script
/// that starts another program, which writes its id to `pid` and would sleep for a minute.
fn with_program(which: &str) -> (Home, &'static str, &'static str) {
    let mut home = Home::of(if which == "az" { crate::home::ACR } else { ECR });
    let script = home.script("bin/az", "sh -c 'echo $$ > \"$HOME/pid\"; exec sleep 60' & wait");
    if which == "az" {
        home.write(".azure/azureProfile.json", "{\"subscriptions\": [{\"user\": {\"name\": \"jane\"}}]}");
        home.set("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential");
        home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
        (home, crate::home::ACR, "contoso.azurecr.io")
    } else {
        home.write(".aws/config", format!("[default]\ncredential_process = {}\n", script.display()));
        (home, ECR, REGISTRY)
    }
}

#[test]
fn a_started_program_is_killed_at_the_timeout() {
    for which in ["az", "credential_process"] {
        let (home, helper, server) = with_program(which);
        home.settings("timeout = 3");
        assert_eq!(home.run(helper, &["get"], server).code, 1, "{which}");
        goes(&appears(&home.path("pid")));
    }
}

#[test]
fn a_started_program_ends_with_a_killed_helper() {
    for which in ["az", "credential_process"] {
        let (home, helper, server) = with_program(which);
        let mut asking = home.command(helper, &["get"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut asking.stdin.take().unwrap(), server.as_bytes()).unwrap();
        let pid = appears(&home.path("pid"));
        asking.kill().unwrap();
        asking.wait().unwrap();
        goes(&pid);
    }
}

#[test]
fn a_started_program_finds_nothing_in_the_current_folder() {
    let mut home = Home::new();
    let script = home.script("process", "echo \"$PATH\" > \"$HOME/seen\"; exit 1");
    home.write(".aws/config", format!("[default]\ncredential_process = {}\n", script.display()));
    home.set("PATH", ".:/usr/bin::bin:/bin:");
    home.get(REGISTRY).explains(&[]);
    assert_eq!(appears(&home.path("seen")), "/usr/bin:/bin");
}

#[test]
fn an_empty_variable_of_a_cloud_counts_as_unset() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    for name in ["AWS_PROFILE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_ENDPOINT_URL_ECR", "AWS_CA_BUNDLE"] {
        home.set(name, "");
    }
    for name in ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN"] {
        home.set(name, "");
    }
    let token = home.get(REGISTRY).secret();
    assert_eq!((home.get(REGISTRY).secret(), aws.calls(Call::EcrToken)), (token, 1));
}

/// The helper names the token before another identity signs in, and mints it afterwards.
#[test]
fn a_token_of_an_identity_that_changed_before_minting_is_served_and_not_cached() {
    let aws = Aws::start();
    let mut home = Home::new();
    home.set("AWS_ENDPOINT_URL", aws.url());
    let keys = |key: &str| format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = x\n");
    home.write(".aws/credentials", keys("AKIAALICE"));
    home.write("bob", keys("AKIABOBBOBBOB"));
    let helper = alone(&mut home);
    worker(&home, "bin", &format!("cp \"$HOME/bob\" \"$HOME/.aws/credentials\"; exec {}", program(WORKER).display()));
    let minted_by = |secret: &str| {
        let minted = aws.minted().into_iter().find(|token| token.password == secret).unwrap();
        minted.access_key
    };
    assert_eq!(minted_by(&get(&home, &helper).secret()), "AKIABOBBOBBOB");
    assert_eq!(crate::home::files(&home.path("run/credmint/tokens")).len(), 0, "it is not alice's");
    home.write(".aws/credentials", keys("AKIAALICE"));
    assert_eq!(minted_by(&home.get(REGISTRY).secret()), "AKIAALICE");
    assert_eq!(crate::home::files(&home.path("run/credmint/tokens")).len(), 1);
}

/// The program that knows the identity runs during the mint.
#[test]
fn a_token_of_an_identity_that_changed_during_minting_is_served_and_not_cached() {
    let aws = Aws::start();
    let mut home = Home::new();
    home.set("AWS_ENDPOINT_URL", aws.url());
    let answer = r#"{"Version": 1, "AccessKeyId": "AKIAALICE", "SecretAccessKey": "x"}"#;
    let script =
        home.script("process", &format!("echo '# another identity' >> \"$HOME/.aws/config\"; echo '{answer}'"));
    home.write(".aws/config", format!("[default]\ncredential_process = {}\n", script.display()));
    home.get(REGISTRY).secret();
    assert_eq!(crate::home::files(&home.path("run/credmint/tokens")).len(), 0);
    home.script("process", &format!("echo '{answer}'"));
    let token = home.get(REGISTRY).secret();
    assert_eq!(home.get(REGISTRY).secret(), token);
    assert_eq!(aws.calls(Call::EcrToken), 2);
}

/// A container's limit of processes, or `ulimit -u`: whatever the limit, the response is a token or
/// one sentence, and no process is left.
#[test]
#[cfg(target_os = "linux")]
fn a_process_limit_is_reported_and_no_process_is_left() {
    let test = "a_process_limit_is_reported_and_no_process_is_left";
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return testing::skip(test, "becoming a user without processes needs root");
    }
    // No other user has this id.
    let user = (700_000 + std::process::id()).to_string();
    let aws = Aws::start();
    let mut refused = 0;
    for limit in 1..=6 {
        let home = Home::signed_in(&aws);
        let helper = {
            let folder = home.path("bin");
            std::fs::create_dir_all(&folder).unwrap();
            for name in [ECR, WORKER] {
                testing::copy_program(&program(name), &folder);
            }
            folder.join(ECR)
        };
        assert!(home.other("chown", &["-R", &user, home.path("").to_str().unwrap()]).status().unwrap().success());
        let line = format!("echo {REGISTRY} | exec prlimit --nproc={limit} {} get", helper.display());
        let arguments = ["--reuid", &user, "--clear-groups", "sh", "-c", &line];
        let output = home.other("setpriv", &arguments).output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!stderr.contains("panicked") && !stdout.is_empty(), "{limit}: {output:?}");
        if !stdout.contains("\"Username\":\"AWS\"") {
            refused += 1;
            assert_eq!((output.status.code(), stdout.lines().count()), (Some(1), 1), "{limit}: {output:?}");
            assert!(stdout.contains("ulimit -u"), "{limit}: {stdout}");
        }
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let is_of_user = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.uid().to_string() == user);
        let left: Vec<_> = processes.map(|process| process.path()).filter(|path| is_of_user(path)).collect();
        assert!(left.is_empty(), "{limit}: {left:?}");
    }
    assert!(refused > 0, "no limit was low enough");
}
