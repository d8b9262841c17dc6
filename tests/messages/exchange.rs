use pretend_cloud::{Behaviour, ExchangeCall, ISSUER};
use serde_json::json;

use super::Messages;
use crate::exchange::{Job, Row, docker_hub, rows};

#[test]
fn exchange() {
    let mut messages = Messages::new();
    identity(&mut messages);
    sources(&mut messages);
    refusals(&mut messages);
    settings(&mut messages);
    messages.compare("exchange");
}

fn row(server: &str) -> Row {
    rows().into_iter().find(|row| row.server == server).unwrap()
}

fn refuse(status: u16) -> Behaviour {
    Behaviour::Refuse { status, code: "", message: "a canary in a sentence".to_owned() }
}

fn identity(messages: &mut Messages) {
    let mut job = Job::elsewhere(&(docker_hub().settings + &row("corp.jfrog.io").settings));
    messages.add("no job, for Docker Hub", &job.get("docker.io"));
    messages.add("no job, for JFrog", &job.get("corp.jfrog.io"));
    for (ci, variable) in [
        ("GitHub Actions", "GITHUB_ACTIONS"),
        ("GitLab CI", "GITLAB_CI"),
        ("Azure Pipelines", "TF_BUILD"),
        ("Buildkite", "BUILDKITE"),
        ("CircleCI", "CIRCLECI"),
        ("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER"),
    ] {
        job.home.set(variable, "true");
        messages.add(&format!("a job of {ci} without identity"), &job.get("docker.io"));
        job.home.unset(variable);
    }
    let job = Job::with(&docker_hub().settings);
    for (situation, behaviour) in [
        ("the CI rejects the request", refuse(403)),
        ("the CI's service is unavailable", refuse(503)),
        ("the CI's response is malformed", Behaviour::Garbage),
    ] {
        job.exchanges.on(ExchangeCall::GitHubIdentity, behaviour);
        messages.add(situation, &job.get("docker.io"));
    }
}

fn sources(messages: &mut Messages) {
    let mut job = Job::elsewhere("");
    let with = |job: &Job, keys: &str| _ = job.home.settings(&(docker_hub().settings + keys));
    with(&job, "token_env = \"HUB_TOKEN\"\n");
    messages.add("the variable is not set", &job.get("docker.io"));
    job.home.set("HUB_TOKEN", "canary canary");
    messages.add("the variable contains no token", &job.get("docker.io"));
    let ended = json!({"iss": ISSUER, "sub": "repo:octo-org/app:x", "aud": "https://identity.docker.com", "exp": 1});
    let other = job.exchanges.identity_token("repo:octo-org/app:x", "https://vault.corp.example");
    // Its age changes, and the sentence with it.
    job.home.set("HUB_TOKEN", job.exchanges.signed(&ended));
    assert!(job.get("docker.io").stdout.contains("it expired"));
    job.home.set("HUB_TOKEN", other);
    messages.add("the token is for another audience", &job.get("docker.io"));
    with(&job, &format!("token_file = \"{}\"\n", job.home.path("token").display()));
    messages.add("the file does not exist", &job.get("docker.io"));
    with(&job, "token_command = [\"mint-token\"]\n");
    messages.add("the program does not exist", &job.get("docker.io"));
    job.home.script("bin/mint-token", "exit 3");
    job.home.set("PATH", format!("{}:/usr/bin:/bin", job.home.path("bin").display()));
    messages.add("the program fails", &job.get("docker.io"));
    job.home.script("bin/mint-token", "echo canary canary");
    messages.add("the program prints something else", &job.get("docker.io"));
    with(&job, "identity = \"aws\"\n");
    job.home.set("AWS_ACCESS_KEY_ID", "AKIAALICE").set("AWS_SECRET_ACCESS_KEY", "canary");
    messages.add("no region of AWS", &job.get("docker.io"));
}

fn refusals(messages: &mut Messages) {
    for row in
        rows().into_iter().filter(|row| row.server != "quay.corp.example" && row.server != "registry.corp.example")
    {
        let job = Job::with(&row.settings);
        for status in [400, 401, 403, 404] {
            job.exchanges.on(row.call, refuse(status));
            messages.add(&format!("{} responds HTTP {status}", row.server), &job.get(row.server));
        }
    }
    let hub = docker_hub();
    let job = Job::with(&hub.settings);
    for (situation, behaviour) in [
        ("Docker Hub responds HTTP 429", refuse(429)),
        ("Docker Hub responds HTTP 503", refuse(503)),
        ("Docker Hub sends an empty response", Behaviour::Empty),
        ("Docker Hub closes the connection", Behaviour::Close),
    ] {
        job.exchanges.on(hub.call, behaviour);
        messages.add(situation, &job.get(hub.server));
    }
    let job = Job::with(&row("quay.io").settings);
    job.exchanges.set_subject("repo:octo-org/other:");
    messages.add("Quay's robot trusts another subject", &job.get("quay.io"));
    job.home.settings(&row("quay.io").settings.replace("octo-org+", ""));
    messages.add("Quay does not know the robot", &job.get("quay.io"));
    let keys =
        "[[registry]]\nmatch = \"registry.digitalocean.com\"\nprovider = \"digitalocean\"\nregistry_name = \"corp\"\n";
    let mut job = Job::elsewhere(keys);
    messages.add("no API token of DigitalOcean", &job.get("registry.digitalocean.com"));
    job.home.set("DIGITALOCEAN_ACCESS_TOKEN", "canary");
    messages.add("DigitalOcean rejects the API token", &job.get("registry.digitalocean.com"));
}

fn settings(messages: &mut Messages) {
    let job = Job::with("");
    let table = |keys: &str| format!("[[registry]]\nmatch = \"docker.io\"\n{keys}\n");
    for (situation, text) in [
        ("no connection", table("provider = \"dockerhub\"\naccount = \"corp\"")),
        ("no account", table("provider = \"dockerhub\"")),
        ("a key of another provider", table("provider = \"quay\"\nrobot = \"a+b\"\nconnection_id = \"x\"")),
        ("a key of a cloud", table("provider = \"quay\"\nrobot = \"a+b\"\nprofile = \"x\"")),
        ("a key without a provider", table("robot = \"a+b\"")),
        ("a misspelt provider", table("provider = \"dockrhub\"")),
        ("a TTL that is too long", table("provider = \"dockerhub\"\naccount = \"corp\"\nlife = 86400")),
        ("no audience", table("provider = \"identity-token\"")),
        ("two sources", table("provider = \"quay\"\nrobot = \"a+b\"\ntoken_env = \"A\"\ntoken_file = \"/b\"")),
        ("a token in place of a variable", table("provider = \"quay\"\nrobot = \"a+b\"\ntoken_env = \"eyJ.canary.x\"")),
        ("a wildcard", table("provider = \"quay\"\nrobot = \"a+b\"").replace("docker.io", "*.example")),
    ] {
        job.home.settings(&text);
        messages.add(&format!("in the settings: {situation}"), &job.get("docker.io"));
    }
}
