//! Oracle's registry, for what a profile of its config file signs.

use std::process::Command;

use pretend_cloud::{APP_KEY, ExchangeCall, OCI_FINGERPRINT, OCI_SESSION, OCI_TENANCY, OCI_USER, OTHER_KEY};

use crate::exchange::Job;
use crate::home::{CLI, skip};

const REGISTRY: &str = "fra.ocir.io";

fn table(more: &str) -> String {
    format!("[[registry]]\nmatch = \"{REGISTRY}\"\nprovider = \"oracle\"\n{more}\n")
}

/// A user with an API key, and a profile of a session.
pub(crate) fn user(more: &str) -> Job {
    let job = Job::elsewhere(&table(more));
    job.home.write(".oci/key.pem", APP_KEY);
    job.home.write(".oci/session.pem", APP_KEY);
    job.home.write(".oci/token", format!("{OCI_SESSION}\n"));
    config(&job, OCI_USER);
    job
}

pub(crate) fn config(job: &Job, user: &str) {
    let text = format!(
        "[DEFAULT]\nuser={user}\nfingerprint={OCI_FINGERPRINT}\ntenancy={OCI_TENANCY}\nkey_file=~/.oci/key.pem\n\n\
         [session]\nkey_file=~/.oci/session.pem\nsecurity_token_file=~/.oci/token\n"
    );
    job.home.write(".oci/config", text);
}

#[test]
fn a_user_s_key_and_a_session_sign() {
    for (more, whose) in [("", OCI_USER), ("oci_profile = \"session\"", "session")] {
        let job = user(more);
        let (_, username, secret) = job.get(REGISTRY).credentials();
        let minted = job.exchanges.minted().pop().unwrap();
        assert_eq!((username.as_str(), secret, minted.subject.as_str()), ("BEARER_TOKEN", minted.token.clone(), whose));
        assert_eq!(job.get(REGISTRY).secret(), minted.token, "it is cached");
        assert_eq!(job.exchanges.calls(ExchangeCall::Oracle), 1);
        assert_eq!(job.exchanges.strange_requests(), [""; 0]);
    }
    let mut job = user("");
    job.home.set("OCI_CLI_PROFILE", "session");
    job.get(REGISTRY).credentials();
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, "session");
}

/// By code that is not ours: OpenSSL's command.
#[test]
fn openssl_verifies_the_signature() {
    let job = user("");
    job.get(REGISTRY).credentials();
    let (text, signature) = job.exchanges.signatures().pop().unwrap();
    assert!(text.contains("\n(request-target): get /20180419/docker/token\nhost: fra.ocir.io"), "{text}");
    let (text, signature) = (job.home.write("signed", text), job.home.write("signature", signature));
    let (key, public) = (job.home.path(".oci/key.pem"), job.home.path("public.pem"));
    let made = Command::new("openssl").args(["rsa", "-pubout", "-in"]).arg(key).arg("-out").arg(&public).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skip("oracle::openssl_verifies_the_signature", "there is no openssl here");
    }
    let verified = |text: &std::path::Path| {
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-verify"]).arg(&public).arg("-signature").arg(&signature).arg(text);
        command.output().unwrap().status.success()
    };
    assert!(verified(&text));
    assert!(!verified(&job.home.write("other", "another text")));
}

#[test]
fn what_is_wrong_with_a_profile_is_said_without_its_contents() {
    let job = Job::elsewhere(&table(""));
    job.get(REGISTRY).is_not_found_because(&["no Oracle credentials found", ".oci/config does not exist"]);
    let job = user("oci_profile = \"nobody\"");
    job.get(REGISTRY).explains(&["has no profile nobody", "oci_profile"]);
    let job = user("");
    config(&job, "ocid1.user.oc1..somebody");
    job.get(REGISTRY).explains(&["rejected the signature of profile DEFAULT", "HTTP 401", "oci session authenticate"]);
    job.home.write(".oci/key.pem", OTHER_KEY);
    config(&job, OCI_USER);
    job.get(REGISTRY).explains(&["rejected the signature", "HTTP 401"]);
    job.home
        .write(".oci/key.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc4n4ry\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let line = job.get(REGISTRY).explains(&["is not an RSA key in PEM, or it is encrypted"]).to_owned();
    assert!(!line.contains("c4n4ry"), "{line}");
    std::fs::remove_file(job.home.path(".oci/key.pem")).unwrap();
    job.get(REGISTRY).explains(&["cannot read", ".oci/key.pem", "check key_file"]);
    job.home.write(".oci/config", "[DEFAULT]\nuser = x\n");
    job.get(REGISTRY).explains(&["has no key_file", "oci setup config"]);
    for (keys, words) in
        [("token_env = \"HOME\"", "name it by oci_profile"), ("audience = \"a\"", "name it by oci_profile")]
    {
        job.home.settings(&table(keys));
        job.get(REGISTRY).explains(&[words]);
    }
}

/// Whoever signs in anew with the same profile does not change the config file.
#[test]
fn a_new_key_or_session_in_the_same_place_is_another_token() {
    for (more, file) in [("", ".oci/key.pem"), ("oci_profile = \"session\"", ".oci/token")] {
        let job = user(more);
        let first = job.get(REGISTRY).secret();
        let same = std::fs::read_to_string(job.home.path(file)).unwrap();
        job.home.write(file, same + "\n");
        let second = job.get(REGISTRY).secret();
        assert_ne!(second, first, "{file}");
        assert_eq!(job.get(REGISTRY).secret(), second, "{file}");
    }
}

#[test]
fn another_user_of_the_config_is_another_token_and_no_secret_is_left() {
    let job = user("oci_profile = \"session\"");
    let first = job.get(REGISTRY).secret();
    let same = std::fs::read_to_string(job.home.path(".oci/config")).unwrap();
    job.home.write(".oci/config", same.replace("[session]", "# signed in anew\n[session]"));
    assert_ne!(job.get(REGISTRY).secret(), first);
    let doctor = job.home.run(CLI, &["doctor", "--offline", &format!("{REGISTRY}/tenancy/app")], "");
    assert!(doctor.stdout.contains("a profile of Oracle's config file signs"), "{doctor:?}");
    // The session's token is in its own file and nowhere else.
    let files = crate::home::files(&job.home.path(""));
    for file in files.into_iter().filter(|file| !file.ends_with(".oci/token")) {
        assert!(!String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains("c4n4ry"), "{}", file.display());
    }
    job.get("fra.ocir.io.attacker.example").is_not_found();
}
