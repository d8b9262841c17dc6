mod proxy;

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use pretend_cloud::{Behaviour, Ca, Google, GoogleCall, Proxy, SilentAddress};
use serde_json::json;
use testing::quick;

use crate::gcr::{EUROPE, get, home, minted_by, name_file, on_machine, put_program, with_key};
use crate::home::{GCR, Home, Outcome};

fn refuse(status: u16, code: &'static str, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code, message: message.to_owned() }
}

#[test]
fn fifty_at_once_mint_once() {
    let google = Google::start();
    google.on(GoogleCall::Token, Behaviour::Slow(Duration::from_millis(200)));
    let home = with_key(&google);
    let outcomes: Vec<Outcome> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..50).map(|_| threads.spawn(|| get(&home, EUROPE))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let secrets: HashSet<_> = outcomes.iter().map(Outcome::secret).collect();
    assert_eq!((secrets.len(), google.calls(GoogleCall::Token)), (1, 1));
}

#[test]
fn without_an_identity_not_found_is_immediate() {
    // Each in its own home.
    let is_quick = |make_home: &dyn Fn() -> Home| {
        quick(Duration::from_secs(1), || {
            let outcome = get(&make_home(), EUROPE);
            outcome.is_not_found();
            ((), outcome.took)
        });
    };
    is_quick(&home);
    let silent = SilentAddress::new();
    let address = silent.addr().to_string();
    let with_metadata = || {
        let mut home = home();
        home.unset("NO_GCE_CHECK").set("GCE_METADATA_HOST", &address);
        home
    };
    get(&with_metadata(), EUROPE).gave_up().is_not_found();
    drop(silent);
    // A closed port.
    is_quick(&with_metadata);
}

#[test]
fn only_a_metadata_server_of_googles_counts() {
    let google = Google::start();
    google.on(GoogleCall::MetadataCheck, Behaviour::Empty);
    get(&on_machine(&google), EUROPE).is_not_found();
    assert_eq!(google.all_calls(), 1, "whoever does not say that he is one is asked for nothing");
}

#[test]
fn an_identity_that_fails_is_the_end() {
    let google = Google::start();
    let mut home = on_machine(&google);
    name_file(&mut home, &json!({"type": "authorized_user", "client_id": "c"}));
    get(&home, EUROPE).explains(&["credentials.json", "malformed credentials file"]);
    name_file(&mut home, &json!({"type": "gdch_service_account"}));
    get(&home, EUROPE)
        .explains(&["for Google Distributed Cloud, which is not supported", "GOOGLE_APPLICATION_CREDENTIALS"]);
    name_file(&mut home, &json!({"type": "service_account_of_mars"}));
    get(&home, EUROPE).explains(&["has an unsupported type", "GOOGLE_APPLICATION_CREDENTIALS"]);
    let certificate = json!({"certificate": {"use_default_certificate_config": true}});
    name_file(&mut home, &google.federation_file(certificate));
    get(&home, EUROPE).explains(&["X.509 certificates are not supported", "OIDC"]);
    home.set("GOOGLE_APPLICATION_CREDENTIALS", home.path("gone.json"));
    get(&home, EUROPE).explains(&["gone.json: it does not exist", "GOOGLE_APPLICATION_CREDENTIALS"]);
    let mut file = google.key_file("a@pretend.iam.gserviceaccount.com");
    file["private_key"] = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n".into();
    name_file(&mut home, &file);
    let line =
        get(&home, EUROPE).explains(&["a@pretend.iam.gserviceaccount.com", "private key is malformed"]).to_owned();
    assert!(!line.contains("canary"));
    file["token_uri"] = "http://attacker.example/token".into();
    file["private_key"] = google.key_file("")["private_key"].clone();
    name_file(&mut home, &file);
    get(&home, EUROPE).explains(&["not https"]);
    assert_eq!(google.all_calls(), 0, "no other identity is tried");
}

#[test]
fn rejections_name_the_remedy_and_no_body() {
    let google = Google::start();
    let user = || {
        let mut home = home();
        name_file(&mut home, &google.user_file("jane"));
        home
    };
    let login = "gcloud auth application-default login";
    for (home, status, code, words) in [
        (user(), 400, "invalid_grant", &["the Google user", "the session has expired", login][..]),
        (user(), 400, "invalid_rapt", &["requires the user to sign in again", login]),
        (user(), 401, "invalid_client", &["does not know its OAuth client", login]),
        (
            with_key(&google),
            400,
            "invalid_grant",
            &["puller@pretend", "rejected its credentials (invalid_grant)", "deleted or disabled"],
        ),
        (with_key(&google), 403, "access_denied", &["denied the request (access_denied)"]),
        (with_key(&google), 418, "<canary>", &["HTTP 418"]),
    ] {
        google.on(GoogleCall::Token, refuse(status, code, "canary body"));
        let line = get(&home, EUROPE).explains(words).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    let calls = google.calls(GoogleCall::Token);
    assert_eq!(calls, 6, "what was refused is not asked again");
}

#[test]
fn a_rejected_impersonation_names_the_role() {
    let google = Google::start();
    let mut home = home();
    let account = "puller@pretend.iam.gserviceaccount.com";
    let token = home.write("token", "header.job.signature");
    let mut federated = google.federation_file(json!({"file": token}));
    federated["service_account_impersonation_url"] = google.impersonation_url(account).into();
    let impersonated = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": google.impersonation_url(account),
        "source_credentials": google.user_file("jane"),
    });
    for (file, status, code, words) in [
        (&impersonated, 403, "PERMISSION_DENIED", &[account, "roles/iam.serviceAccountTokenCreator"][..]),
        (&federated, 403, "PERMISSION_DENIED", &[account, "roles/iam.workloadIdentityUser"]),
        (&impersonated, 404, "NOT_FOUND", &["there is no such service account"]),
        (&impersonated, 403, "SERVICE_DISABLED", &["gcloud services enable iamcredentials.googleapis.com"]),
    ] {
        name_file(&mut home, file);
        google.on(GoogleCall::Impersonate, refuse(status, code, "canary"));
        let line = get(&home, EUROPE).explains(words).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
}

#[test]
fn a_wrong_clock_is_reported() {
    let google = Google::start();
    google.set_clock_skew(-3 * 3600);
    get(&with_key(&google), EUROPE).explains(&["clock is 180 minutes ahead of Google's", "set the clock"]);
    google.set_clock_skew(2 * 3600);
    get(&with_key(&google), EUROPE).explains(&["clock is 120 minutes behind Google's"]);
    google.set_clock_skew(120);
    get(&with_key(&google), EUROPE).credentials();
}

#[test]
fn a_token_near_its_end_is_renewed_and_serves_if_it_cannot_be() {
    let google = Google::start();
    google.set_token_life(Duration::from_secs(4 * 60));
    let home = on_machine(&google);
    let first = get(&home, EUROPE).secret();
    home.tokens_were_received(-7_200);
    let second = get(&home, EUROPE).secret();
    assert_ne!(first, second);
    home.tokens_were_received(-7_200);
    google.on(GoogleCall::MetadataToken, refuse(500, "x", "canary"));
    assert_eq!(get(&home, EUROPE).secret(), second);
}

#[test]
fn an_expired_token_is_never_served() {
    let google = Google::start();
    let home = with_key(&google);
    get(&home, EUROPE).credentials();
    google.on(GoogleCall::Token, Behaviour::Refuse { status: 400, code: "invalid_grant", message: "x".into() });
    home.end_token();
    get(&home, EUROPE).explains(&["rejected its credentials"]);
    google.on(GoogleCall::Token, Behaviour::Proper);
    google.set_token_life(Duration::ZERO);
    get(&home, EUROPE).explains(&["has already expired", "clock"]);
}

#[test]
fn services_that_hang_fail_or_send_malformed_responses() {
    let google = Google::start();
    google.on(GoogleCall::Token, Behaviour::FailTimes(2));
    get(&with_key(&google), EUROPE).credentials();
    assert_eq!(google.calls(GoogleCall::Token), 3);
    for behaviour in [Behaviour::Garbage, Behaviour::Empty, Behaviour::Close] {
        google.on(GoogleCall::Token, behaviour.clone());
        get(&with_key(&google), EUROPE).explains(&["puller@pretend.iam.gserviceaccount.com", "no token for"]);
    }
    google.on(GoogleCall::Token, Behaviour::Hang);
    google.on(GoogleCall::MetadataToken, Behaviour::Hang);
    for home in [with_key(&google), on_machine(&google)] {
        home.settings("timeout = 2");
        get(&home, EUROPE).gave_up().explains(&["timed out"]);
    }
}

#[test]
fn an_endless_response_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'{'; 65_536]).is_ok() {}
        }
    });
    let google = Google::start();
    let mut file = google.key_file("a@pretend.iam.gserviceaccount.com");
    file["token_uri"] = format!("http://{address}/token").into();
    let mut home = home();
    name_file(&mut home, &file);
    get(&home, EUROPE).explains(&["response too large"]);
}

#[test]
fn a_program_that_hangs_is_killed_at_the_time_limit() {
    let mut home = home();
    home.settings("timeout = 2");
    home.write(".config/gcloud/credentials.db", "");
    put_program(&mut home, "gcloud", "exec sleep 300");
    get(&home, EUROPE).gave_up().explains(&["gcloud's active account", "timed out"]);
    home.is_quiet();
}

#[test]
fn the_words_of_gcloud_are_not_repeated() {
    let mut home = home();
    home.write(".config/gcloud/credentials.db", "");
    for (script, why) in [
        (
            "echo 'There was a problem refreshing your current auth tokens: canary' >&2; exit 1",
            "the session has expired",
        ),
        ("echo 'Reauthentication required. canary' >&2; exit 1", "the session has expired"),
        ("echo canary >&2; exit 2", "gcloud failed"),
        ("echo canary", "printed no token"),
        ("echo '{\"credential\": {\"token\": \"canary\"}}'", "printed no token"),
    ] {
        put_program(&mut home, "gcloud", script);
        let line = get(&home, EUROPE).explains(&[why, "gcloud auth "]).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
}

#[test]
fn a_token_goes_to_no_other_of_googles_clouds() {
    let google = Google::start();
    get(&with_key(&google), "docker.s3nsregistry.fr").explains(&["belongs to googleapis.com", "s3nsapis.fr"]);
    let mut key = google.key_file("puller@pretend.s3ns.iam.gserviceaccount.com");
    key["universe_domain"] = "s3nsapis.fr".into();
    let mut home = home();
    name_file(&mut home, &key);
    // There a service account's own signature is the token.
    let calls = google.all_calls();
    let (_, _, secret) = get(&home, "docker.s3nsregistry.fr").credentials();
    assert_eq!((secret.split('.').count(), google.all_calls()), (3, calls));
    get(&home, EUROPE).explains(&["belongs to s3nsapis.fr"]);
    google.set_universe("s3nsapis.fr");
    get(&on_machine(&google), "gcr.io").explains(&["this machine's service account", "belongs to s3nsapis.fr"]);
    get(&on_machine(&google), "docker.s3nsregistry.fr").credentials();
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    const CANARY: &str = "c4n4ry";
    let google = Google::start();
    let mut home = with_key(&google);
    home.log_everything();
    let mut said = String::new();
    let mut hear = |outcome: Outcome| {
        said.push_str(&outcome.stderr);
        if outcome.code != 0 {
            said.push_str(&outcome.stdout);
        }
    };
    let first = get(&home, EUROPE);
    assert!(first.stderr.contains("minting a token"), "the log is on: {first:?}");
    hear(first);
    hear(get(&home, EUROPE));
    let mut user = google.user_file(CANARY);
    user["client_secret"] = CANARY.into();
    name_file(&mut home, &user);
    hear(get(&home, EUROPE));
    let token = home.write("token", format!("header.{CANARY}.signature"));
    let mut federated = google.federation_file(json!({"file": token}));
    federated["service_account_impersonation_url"] = google.impersonation_url("a@p.iam.gserviceaccount.com").into();
    name_file(&mut home, &federated);
    hear(get(&home, EUROPE));
    for behaviour in [refuse(400, "invalid_grant", CANARY), refuse(500, CANARY, CANARY), Behaviour::Garbage] {
        google.on(GoogleCall::Exchange, behaviour);
        home.run(GCR, &["erase"], EUROPE);
        hear(get(&home, EUROPE));
    }
    name_file(&mut home, &json!({"type": "service_account", "private_key": CANARY, "token_uri": 7}));
    hear(get(&home, EUROPE));
    home.write(".config/gcloud/credentials.db", "");
    put_program(&mut home, "gcloud", &format!("echo {CANARY}; echo {CANARY} >&2; exit 1"));
    home.unset("GOOGLE_APPLICATION_CREDENTIALS");
    hear(get(&home, EUROPE));
    let leaked = google.minted().into_iter().any(|minted| said.contains(&minted.token));
    assert!(!said.contains(CANARY) && !leaked, "{said}");
}
