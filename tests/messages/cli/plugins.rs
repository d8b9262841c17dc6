use pretend_cloud::Aws;

use super::{Commands, installed};
use crate::home::Home;

fn request(image: &str) -> String {
    format!(
        "{{\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"kind\":\"CredentialProviderRequest\",\"image\":\"{image}\"}}"
    )
}

#[test]
fn kubelet() {
    let aws = Aws::start();
    let mut commands = Commands::new();
    let home = installed(Home::signed_in(&aws));
    commands.with_input("nothing for this registry", &home, "kubelet", &request("r.example/app"));
    for (situation, text) in [
        ("no request", String::new()),
        ("not JSON", "x".to_owned()),
        ("another kind", "{\"kind\":\"Pod\"}".to_owned()),
        ("another version", request("r.example/app").replace("io/v1", "io/v9")),
        ("no image", request("")),
        ("a registry", request("localhost:5000")),
        (
            "a service account without a token",
            request("r.example/app").replace("{\"api", "{\"serviceAccountToken\":\"\",\"api"),
        ),
    ] {
        commands.with_input(situation, &home, "kubelet", &text);
    }
    let to = home.path("node").display().to_string();
    let ecr = request("123456789012.dkr.ecr.us-east-1.amazonaws.com/app");
    commands.with_input("no identity", &installed(crate::gcr::home()), "kubelet", &ecr);
    commands.run("install", &home, &format!("kubelet install --to {to}"));
    commands.run("install where nothing can be written", &home, "kubelet install --to /proc/nowhere");
    std::fs::create_dir(home.path("empty")).unwrap();
    let empty = home.path("empty").display().to_string();
    commands.run("install without a configuration", &home, &format!("kubelet install --to {to} --config {empty}"));
    commands.compare("kubelet");
}

#[test]
fn bazel() {
    let mut commands = Commands::new();
    let home = installed(Home::new());
    for (situation, text) in [
        ("nothing for this registry", "{\"uri\":\"https://r.example/v2/app/manifests/1\"}"),
        ("no request", ""),
        ("not JSON", "x"),
        ("no address", "{}"),
    ] {
        commands.with_input(situation, &home, "bazel get", text);
    }
    commands.compare("bazel");
}
