//! Exchanges when something is wrong, and identity tokens from everywhere.

use std::time::Duration;

use pretend_cloud::{Aws, Behaviour, Call, EXCHANGE_HOSTS, ExchangeCall, Google, GoogleCall, ISSUER, JOB_TOKEN};
use serde_json::json;

use crate::exchange::{Job, docker_hub, rows};
use crate::home::{CLI, program};

fn refusal(status: u16) -> Behaviour {
    Behaviour::Refuse { status, code: "", message: "a c4n4ry in a sentence".into() }
}

#[test]
fn a_connection_that_is_set_up_and_fails_is_an_error_and_never_anonymity() {
    for row in rows() {
        let job = Job::with(&row.settings);
        for (status, words) in [
            (400, "HTTP 400"),
            (401, "HTTP 401"),
            (403, "HTTP 403"),
            (404, "HTTP 404"),
            (429, "(HTTP 429): wait"),
            (503, "is unavailable (HTTP 503)"),
        ] {
            job.exchanges.on(row.call, refusal(status));
            let line = job.get(row.server).explains(&["no token for", words]).to_owned();
            assert!(!line.contains("c4n4ry"), "{line}");
            if status < 429 {
                assert!(line.contains("subject repo:octo-org/app:ref:refs/heads/1"), "whom it refused: {line}");
            }
        }
        for behaviour in [Behaviour::Garbage, Behaviour::Empty, Behaviour::Page(200)] {
            job.exchanges.on(row.call, behaviour);
            job.get(row.server).explains(&["malformed response", row.address]);
        }
        job.exchanges.on(row.call, Behaviour::Close);
        job.get(row.server).explains(&["cannot reach", row.address]);
        job.home.settings(&format!("timeout = 2\n{}", row.settings));
        job.exchanges.on(row.call, Behaviour::Hang);
        job.get(row.server).gave_up().explains(&["timed out"]);
    }
}

#[test]
fn what_is_rejected_tells_what_to_compare() {
    let row = docker_hub();
    let job = Job::with(&row.settings);
    job.exchanges.set_subject("repo:octo-org/other:");
    job.get(row.server)
        .explains(&["Docker Hub rejected the identity token of GitHub Actions", "rulesets of the connection"]);
    let quay = rows().into_iter().find(|row| row.server == "quay.io").unwrap();
    let job = Job::with(&quay.settings);
    job.exchanges.set_subject("repo:octo-org/other:");
    job.get("quay.io").explains(&["HTTP 401", "exactly this subject"]);
    job.exchanges.set_subject("repo:octo-org/");
    job.exchanges.set_audience("quay", "another");
    job.get("quay.io").explains(&["audience https://quay.io", "compare issuer, subject and audience"]);
    job.home.settings(&quay.settings.replace("octo-org+puller", "puller"));
    job.get("quay.io").explains(&["write robot as ORGANIZATION+ROBOT"]);
}

#[test]
fn a_service_with_retry_after_is_called_again_after_its_retry_after() {
    let row = docker_hub();
    for status in [429, 503] {
        let job = Job::with(&row.settings);
        job.exchanges.set_retry_after(1);
        job.exchanges.on(row.call, Behaviour::StumbleTimes(status, 1));
        job.get(row.server).credentials();
        assert_eq!(job.exchanges.calls(row.call), 2);
        let job = Job::with(&row.settings);
        job.exchanges.set_retry_after(3600);
        job.exchanges.on(row.call, refusal(status));
        job.get(row.server).explains(&[&format!("HTTP {status}")]);
        assert_eq!(job.exchanges.calls(row.call), 1, "it is not waited for longer than the time limit");
    }
}

#[test]
fn a_job_without_identity_gets_a_remedy() {
    for row in rows() {
        let mut job = Job::elsewhere(&row.settings);
        // Docker continues, because some of them have public images; whoever wrote the table hears why.
        job.get(row.server).is_not_found_because(&["no identity token found", "token_env"]);
        job.home.set("GITHUB_ACTIONS", "true");
        job.get(row.server)
            .explains(&["GitHub Actions provides no identity token to this job", "permissions: id-token: write"]);
        job.home.unset("GITHUB_ACTIONS").set("GITLAB_CI", "true");
        job.get(row.server).explains(&["GitLab CI", "id_tokens", "token_env"]);
        job.home.unset("GITLAB_CI").set("TF_BUILD", "True");
        job.get(row.server).explains(&["Azure Pipelines", "SYSTEM_ACCESSTOKEN"]);
        job.home.unset("TF_BUILD").set("BITBUCKET_BUILD_NUMBER", "1");
        job.get(row.server).explains(&["Bitbucket Pipelines", "oidc: true"]);
        assert_eq!(job.exchanges.all_calls(), 0);
    }
}

#[test]
fn a_key_that_is_missing_or_wrong_is_named() {
    let row = docker_hub();
    let without = row.settings.lines().filter(|line| !line.contains("connection_id")).collect::<Vec<_>>().join("\n");
    let mut job = Job::with(&without);
    job.get(row.server).explains(&["connection_id", "DOCKERHUB_OIDC_CONNECTIONID"]);
    job.home.set("DOCKERHUB_OIDC_CONNECTIONID", pretend_cloud::CONNECTION);
    job.get(row.server).credentials();
    job.home.set("DOCKERHUB_OIDC_CONNECTIONID", "0b6a4b0e-8a0c-4d5e-9f1a-000000000002");
    job.get(row.server).explains(&["HTTP 404", "check connection_id"]);
    job.home.settings(&row.settings.replace("connection_id", "conection_id"));
    job.get(row.server).explains(&["line 5", "did you mean `connection_id`?"]);
}

#[test]
fn azure_pipelines_and_buildkite_are_called_in_their_formats() {
    let quay = rows().into_iter().find(|row| row.server == "quay.io").unwrap();
    let mut job = Job::elsewhere(&quay.settings);
    job.home.set("TF_BUILD", "True").set("SYSTEM_ACCESSTOKEN", format!("{JOB_TOKEN}1"));
    job.home.set("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/corp/oidctoken");
    // Its audience is fixed; Quay can be configured to trust it.
    job.exchanges.set_audience("quay", "api://AzureADTokenExchange");
    job.get("quay.io").credentials();
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, "repo:octo-org/app:azure");
    let hub = docker_hub();
    job.home.settings(&hub.settings);
    job.get(hub.server).explains(&["is for the audience api://AzureADTokenExchange", "https://identity.docker.com"]);
    assert_eq!(job.exchanges.calls(ExchangeCall::DockerHub), 0, "a token for another audience is not sent");

    let packages = "[[registry]]\nmatch = \"packages.buildkite.com\"\nprovider = \"buildkite\"\n\
        organization = \"corp\"\nregistry_name = \"images\"\n";
    let mut job = Job::elsewhere(packages);
    job.home.set("BUILDKITE", "true").set("BUILDKITE_JOB_ID", "7");
    job.get("packages.buildkite.com").explains(&["Buildkite provides no identity token to this job"]);
    job.home.set("BUILDKITE_AGENT_ACCESS_TOKEN", format!("{JOB_TOKEN}7"));
    let (_, username, secret) = job.get("packages.buildkite.com").credentials();
    assert_eq!((username.as_str(), &secret), ("buildkite", job.exchanges.identity_tokens().last().unwrap()));
}

#[test]
fn a_variable_a_file_and_a_program_give_identity_tokens() {
    let quay = rows().into_iter().find(|row| row.server == "quay.io").unwrap();
    let token =
        |job: &Job, name: &str| job.exchanges.identity_token(&format!("repo:octo-org/app:{name}"), "https://quay.io");
    let whose = |job: &Job| job.exchanges.minted().pop().unwrap().subject;

    let mut job = Job::elsewhere(&format!("{}token_env = \"QUAY_TOKEN\"\n", quay.settings));
    job.get("quay.io").explains(&["QUAY_TOKEN is not set"]);
    let variable = token(&job, "variable");
    job.home.set("QUAY_TOKEN", variable);
    job.get("quay.io").credentials();
    assert_eq!(whose(&job), "repo:octo-org/app:variable");

    let path = job.home.path("token");
    job.home.settings(&format!("{}token_file = \"{}\"\n", quay.settings, path.display()));
    job.get("quay.io").explains(&["no identity token from", "check token_file"]);
    for _ in 0..2 {
        // It rotates, and is the same identity.
        job.home.write("token", token(&job, "file") + "\n");
        job.get("quay.io").credentials();
    }
    assert_eq!((whose(&job).as_str(), job.exchanges.calls(quay.call)), ("repo:octo-org/app:file", 2));
    job.home.write("token", token(&job, "other-pod"));
    job.get("quay.io").credentials();
    assert_eq!((whose(&job).as_str(), job.exchanges.calls(quay.call)), ("repo:octo-org/app:other-pod", 3));

    let printed = job.home.write("printed", token(&job, "program"));
    job.home.script("bin/mint-token", &format!("test \"$2\" = https://quay.io && cat '{}'", printed.display()));
    job.home.set("PATH", format!("{}:/usr/bin:/bin", job.home.path("bin").display()));
    let command = "token_command = [\"mint-token\", \"--audience\", \"{audience}\"]";
    job.home.settings(&format!("{}{command}\n", quay.settings));
    job.get("quay.io").credentials();
    assert_eq!(whose(&job), "repo:octo-org/app:program");
    for (script, words) in
        [("exit 3", "it failed (exit status: 3)"), ("echo c4n4ry c4n4ry", "its output is not just a token")]
    {
        job.home.script("bin/mint-token", script);
        let line = job.get("quay.io").explains(&["no identity token from mint-token", words]).to_owned();
        assert!(!line.contains("c4n4ry"), "{line}");
    }
}

#[test]
fn circleci_and_bitbucket_put_a_token_into_a_variable() {
    let quay = rows().into_iter().find(|row| row.server == "quay.io").unwrap();
    let mut job = Job::elsewhere(&quay.settings);
    let token = |job: &Job, audience: &str| job.exchanges.identity_token("repo:octo-org/app:job", audience);
    let bitbucket = token(&job, "ari:cloud:bitbucket::workspace/x");
    job.home.set("BITBUCKET_BUILD_NUMBER", "1").set("BITBUCKET_STEP_OIDC_TOKEN", bitbucket);
    // Quay does not trust this audience by default, and rejects it.
    job.get("quay.io").explains(&["audience ari:cloud:bitbucket::workspace/x", "HTTP 401"]);
    job.exchanges.set_audience("quay", "ari:cloud:bitbucket::workspace/x");
    job.get("quay.io").credentials();

    let mut job = Job::elsewhere(&quay.settings);
    let of_organization = token(&job, "00000000-organization");
    job.home.set("CIRCLECI", "true").set("CIRCLE_OIDC_TOKEN_V2", of_organization).set("CIRCLE_WORKFLOW_JOB_ID", "1");
    job.home.set("PATH", format!("{}:/usr/bin:/bin", job.home.path("bin").display()));
    job.get("quay.io").explains(&["circleci", "program not found"]);
    let printed = job.home.write("printed", token(&job, "https://quay.io"));
    let script =
        format!(r#"test "$*" = 'run oidc get --claims {{"aud":"https://quay.io"}}' && cat '{}'"#, printed.display());
    job.home.script("bin/circleci", &script);
    job.get("quay.io").credentials();
    assert_eq!(job.exchanges.calls(quay.call), 1);
    let right = token(&job, "https://quay.io");
    job.home.set("CIRCLE_OIDC_TOKEN", right).script("bin/circleci", "exit 9");
    job.get("quay.io").credentials();
}

#[test]
fn the_machine_s_identity_in_google_cloud_is_taken_where_the_settings_say_so() {
    let quay = rows().into_iter().find(|row| row.server == "quay.io").unwrap();
    let google = Google::start();
    let mut job = Job::elsewhere(&quay.settings);
    job.home.set("GCE_METADATA_HOST", google.addr().to_string()).set("NO_PROXY", "127.0.0.1");
    job.get("quay.io").is_not_found_because(&["no identity token found"]);
    assert_eq!(google.calls(GoogleCall::MetadataIdentity), 0, "a machine's identity is for other services");
    job.home.settings(&format!("{}identity = \"google\"\n", quay.settings));
    job.get("quay.io").explains(&["the metadata server of Google Cloud", "attach a service account"]);
    let token = job.exchanges.identity_token("repo:octo-org/app:machine", "https://quay.io");
    google.set_identity_token("https://quay.io", &token);
    job.get("quay.io").credentials();
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, "repo:octo-org/app:machine");
}

#[test]
fn a_token_that_has_expired_or_is_for_another_audience_is_not_sent() {
    let row = docker_hub();
    let mut job = Job::elsewhere(&format!("{}token_env = \"HUB_TOKEN\"\n", row.settings));
    let ended = json!({"iss": ISSUER, "sub": "repo:octo-org/app:x", "aud": "https://identity.docker.com", "exp": 1});
    let ended = job.exchanges.signed(&ended);
    job.home.set("HUB_TOKEN", ended);
    job.get(row.server).explains(&["no identity token from $HUB_TOKEN: it expired"]);
    let other = job.exchanges.identity_token("repo:octo-org/app:x", "https://vault.corp.example");
    job.home.set("HUB_TOKEN", other);
    job.get(row.server).explains(&["for the audience https://vault.corp.example", "https://identity.docker.com"]);
    assert_eq!(job.exchanges.all_calls(), 0);
}

#[test]
fn a_ci_that_rejects_an_identity_token_is_reported() {
    let row = docker_hub();
    let job = Job::with(&row.settings);
    for (behaviour, words) in [
        (refusal(403), "it rejected the request (HTTP 403)"),
        (refusal(500), "is unavailable (HTTP 500)"),
        (Behaviour::Garbage, "malformed response"),
        (Behaviour::Close, "connection failed"),
    ] {
        job.exchanges.on(ExchangeCall::GitHubIdentity, behaviour);
        let line = job.get(row.server).explains(&["no identity token from GitHub Actions", words]).to_owned();
        assert!(!line.contains("c4n4ry"), "{line}");
    }
    assert_eq!(job.exchanges.calls(row.call), 0);
}

#[test]
fn what_asks_for_a_token_is_asked_over_tls_alone() {
    let row = docker_hub();
    let mut job = Job::with(&row.settings);
    job.home.set("ACTIONS_ID_TOKEN_REQUEST_URL", "http://pipelines.actions.githubusercontent.com/idtoken/1");
    job.get(row.server).explains(&["ACTIONS_ID_TOKEN_REQUEST_URL is not an address that begins with https://"]);
    assert_eq!(job.exchanges.all_calls(), 0);
    assert!(EXCHANGE_HOSTS.contains(&"pipelines.actions.githubusercontent.com"));
}

#[test]
fn doctor_and_configure_tell_what_is_set_up_and_what_is_missing() {
    let row = docker_hub();
    let mut job = Job::with(&row.settings);
    job.home.set("PATH", format!("{}:/usr/bin:/bin", program(CLI).parent().unwrap().display()));
    let doctor = |job: &Job, image: &str| job.home.run(CLI, &["doctor", "--offline", image], "").stdout;
    let said = doctor(&job, "docker.io/octo-org/app");
    assert!(said.contains("Docker Hub: the identity token of GitHub Actions is exchanged for a token"), "{said}");
    let said = doctor(&job, "quay.io/octo-org/app");
    assert!(said.contains("Quay can exchange the identity token of GitHub Actions"), "{said}");
    assert!(said.contains("credmint guide --topic robots"), "{said}");
    let said = job.home.run(CLI, &["configure", "--dry-run"], "");
    let proposal = "docker.io: Docker Hub mints for the identity token of GitHub Actions";
    assert!(format!("{}{}", said.stdout, said.stderr).contains(proposal), "{said:?}");
    job.home.unset("ACTIONS_ID_TOKEN_REQUEST_URL").unset("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    let said = doctor(&job, "docker.io/octo-org/app");
    assert!(said.contains("permissions: id-token: write"), "{said}");
    let said = doctor(&job, "quay.io/octo-org/app");
    assert!(!said.contains("can exchange"), "{said}");
    let without = row.settings.lines().filter(|line| !line.contains("connection_id")).collect::<Vec<_>>().join("\n");
    job.home.settings(&without);
    let said = doctor(&job, "docker.io/octo-org/app");
    assert!(said.contains("Docker Hub requires connection_id, which is not set"), "{said}");
    assert_eq!(job.exchanges.all_calls(), 0);
    let guide = job.home.run(CLI, &["guide", "--topic", "robots"], "").stdout;
    for block in guide.split("```toml\n").skip(1) {
        let table = block.split("```").next().unwrap();
        job.home.settings(table);
        let outcome = job.home.get("unknown.example");
        assert_eq!(outcome.stdout.trim_end(), crate::home::NOT_FOUND, "{table}: {outcome:?}");
    }
}

#[test]
fn an_aws_identity_is_exchanged_and_another_one_gets_another_token() {
    let quay = rows().into_iter().find(|row| row.server == "quay.io").unwrap();
    let aws = Aws::start();
    let mut job = Job::elsewhere(&format!("{}identity = \"aws\"\n", quay.settings));
    job.get("quay.io").is_not_found_because(&["no AWS credentials found"]);
    job.home.set("AWS_ENDPOINT_URL", aws.url()).set("NO_PROXY", "127.0.0.1");
    job.home.set("AWS_ACCESS_KEY_ID", "AKIAALICE").set("AWS_SECRET_ACCESS_KEY", "alices-secret");
    job.get("quay.io").explains(&["no AWS region is set", "set AWS_REGION"]);
    job.home.set("AWS_REGION", "eu-west-1");
    job.get("quay.io").explains(&["OutboundWebIdentityFederationDisabled", "enable-outbound-web-identity-federation"]);
    let token = job.exchanges.identity_token("repo:octo-org/app:aws", "https://quay.io");
    aws.set_identity_token("https://quay.io", &token);
    let first = job.get("quay.io").secret();
    assert_eq!(job.get("quay.io").secret(), first);
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, "repo:octo-org/app:aws");
    let asked = aws.calls(Call::GetWebIdentityToken);
    job.home.set("AWS_ACCESS_KEY_ID", "AKIABOB").set("AWS_SECRET_ACCESS_KEY", "bobs-secret");
    assert_ne!(job.get("quay.io").secret(), first);
    assert_eq!(aws.calls(Call::GetWebIdentityToken), asked + 1);
}

#[test]
fn a_cached_token_is_served_while_the_service_is_down() {
    let row = docker_hub();
    let job = Job::with(&row.settings);
    let first = job.get(row.server).secret();
    job.home.tokens_were_received(-3_100);
    job.exchanges.on(row.call, refusal(503));
    assert_eq!(job.get(row.server).secret(), first);
    job.exchanges.set_identity_life(Duration::ZERO);
    assert_eq!(job.get(row.server).secret(), first);
}
