//! Workload and workforce identity federation, and impersonation.

use std::time::Duration;

use super::*;

#[test]
fn a_user_of_a_workforce_pool_signs_in() {
    let google = Google::start();
    let mut home = home();
    name_file(&mut home, &google.workforce_file("jane"));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "workforce jane");
}

#[test]
fn a_federated_identity_comes_from_a_file() {
    let google = Google::start();
    let mut home = home();
    let token = home.write("token", "header.job.signature\n");
    name_file(&mut home, &google.federation_file(json!({"file": token})));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject job");
    let token = home.write("token.json", json!({"t": "header.task.signature"}).to_string());
    let format = json!({"type": "json", "subject_token_field_name": "t"});
    name_file(&mut home, &google.federation_file(json!({"file": token, "format": format})));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject task");
    std::fs::remove_file(token).unwrap();
    let gone = home.path("gone");
    name_file(&mut home, &google.federation_file(json!({"file": gone})));
    get(&home, EUROPE).explains(&["the federated identity", "subject token", "gone"]);
}

#[test]
fn the_next_job_of_a_runner_gets_another_token() {
    let google = Google::start();
    let mut home = home();
    let token = home.write("token", "header.job.signature");
    name_file(&mut home, &google.federation_file(json!({"file": token})));
    let first = get(&home, EUROPE);
    assert_eq!(get(&home, EUROPE).secret(), first.secret());
    home.write("token", "header.another-job.signature");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject another-job");
}

#[test]
fn a_federated_identity_comes_from_a_url() {
    let google = Google::start();
    let mut home = home();
    let format = json!({"type": "json", "subject_token_field_name": "value"});
    let source = |bearer: &str| {
        let url = format!("{}/subject?audience=x", google.url());
        json!({"url": url, "headers": {"Authorization": bearer}, "format": format})
    };
    name_file(&mut home, &google.federation_file(source("bearer of-the-job")));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject job");
    name_file(&mut home, &google.federation_file(source("bearer of-another")));
    get(&home, EUROPE).explains(&["HTTP 401", "credential_source"]);
}

#[test]
fn a_federated_identity_comes_from_a_program_that_is_allowed() {
    let google = Google::start();
    let mut home = home();
    let answer = json!({
        "version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:id_token",
        "id_token": "header.program.signature", "expiration_time": 4_102_444_800_u64,
    });
    let script = format!(
        "test \"$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE$1\" = 0--now && test -n \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\" && echo '{answer}'"
    );
    put_program(&mut home, "subject", &script);
    let command = format!("{} --now", home.path("bin/subject").display());
    let file = google.federation_file(json!({"executable": {"command": command, "timeout_millis": 5000}}));
    name_file(&mut home, &file);
    get(&home, EUROPE).explains(&["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"]);
    home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject program");
    // Its output file is used without running it.
    let kept = home.write("kept.json", answer.to_string());
    let file = google.federation_file(json!({"executable": {"command": "/nowhere", "output_file": kept}}));
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "subject program");
    std::fs::remove_file(kept).unwrap();
    home.run(GCR, &["erase"], EUROPE).is_silent();
    get(&home, EUROPE).explains(&["cannot run its program"]);
}

#[test]
fn a_federated_identity_is_one_of_aws() {
    let google = Google::start();
    let mut home = home();
    let at = |path: &str| format!("{}/latest/{path}", google.url());
    let file = google.federation_file(json!({
        "environment_id": "aws1",
        "region_url": at("meta-data/placement/availability-zone"),
        "url": at("meta-data/iam/security-credentials"),
        "imdsv2_session_token_url": at("api/token"),
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }));
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "aws ASIAROLE", "the instance's role");
    let calls = google.calls(GoogleCall::AwsMetadata);
    home.set("AWS_ACCESS_KEY_ID", "AKIAJOB").set("AWS_SECRET_ACCESS_KEY", google.aws_secret());
    home.set("AWS_REGION", "eu-west-1");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "aws AKIAJOB", "the keys of the environment");
    assert_eq!(google.calls(GoogleCall::AwsMetadata), calls);
    home.set("AWS_SECRET_ACCESS_KEY", "another");
    get(&home, EUROPE).explains(&[
        "the federated identity",
        "Google rejected its credentials",
        "workload identity pool",
    ]);
}

#[test]
fn a_federated_identity_becomes_a_service_account() {
    let google = Google::start();
    let mut home = home();
    let token = home.write("token", "header.job.signature");
    let mut file = google.federation_file(json!({"file": token}));
    file["service_account_impersonation_url"] = google.impersonation_url(PULLER).into();
    file["service_account_impersonation"] = json!({"token_lifetime_seconds": 1800});
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), format!("{PULLER} by subject job"));
    let left = google.minted()[1].expires.duration_since(std::time::SystemTime::now()).unwrap();
    assert!(left <= Duration::from_secs(1800) && left > Duration::from_secs(1700), "{left:?}");
}

#[test]
fn a_file_impersonates_by_delegates() {
    let google = Google::start();
    let mut home = home();
    let file = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": google.impersonation_url(PULLER),
        "delegates": ["projects/-/serviceAccounts/between@pretend.iam.gserviceaccount.com"],
        "source_credentials": google.user_file("jane"),
    });
    name_file(&mut home, &file);
    let expected =
        format!("{PULLER} by user jane through projects/-/serviceAccounts/between@pretend.iam.gserviceaccount.com");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), expected);
}
