use pretend_cloud::{Aws, RegistryFront, TokenServer};

use super::{Commands, installed, with_config, write_config};
use crate::home::{CREDMINT, Home};

const HEALTHY: &str = "{\"credsStore\":\"credmint\"}";

#[test]
fn doctor() {
    let mut commands = Commands::new();
    commands.run("nothing configured", &installed(Home::new()), "doctor --offline");
    commands.run("every registry configured", &with_config(HEALTHY), "doctor --offline");
    commands.run("an image", &with_config(HEALTHY), "doctor --offline ghcr.io/owner/app:1");
    commands.run(
        "an image of another registry, without credentials",
        &installed(Home::new()),
        "doctor --offline quay.io/a/b",
    );
    for (situation, config) in [
        ("an empty file", " \n"),
        ("a malformed file", "{\n  \"auths\": {},\n}\n"),
        ("text after the end", "{} x"),
        ("a key in another case", "{\"CredsStore\":\"credmint\"}"),
        ("a misspelled key", "{\"credStore\":\"credmint\"}"),
        ("a duplicate key", "{\"auths\":{},\"auths\":{}}"),
        ("an invalid auth", "{\"auths\":{\"r.example\":{\"auth\":\"???\"}}}"),
        ("a plaintext login", "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}"),
        (
            "a login that the store shadows",
            "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}},\"credsStore\":\"credmint\"}",
        ),
        ("logins for namespaces", "{\"auths\":{\"quay.io/team\":{\"auth\":\"dTpw\"}},\"credHelpers\":{}}"),
        ("a key with a scheme", "{\"credHelpers\":{\"https://ghcr.io\":\"ghcr\"}}"),
        (
            "a key that is also there without its scheme",
            "{\"credHelpers\":{\"https://ghcr.io\":\"ghcr\",\"ghcr.io\":\"ghcr\"}}",
        ),
        ("a pattern", "{\"credHelpers\":{\"*.azurecr.io\":\"acr\"}}"),
        ("a helper that does not exist", "{\"credHelpers\":{\"r.example\":\"absent\"}}"),
        ("a helper's name that is none", "{\"credsStore\":\"../x\"}"),
    ] {
        commands.run(situation, &with_config(config), "doctor --offline");
    }
    commands.run("a repair", &with_config("{\"credStore\":\"credmint\"} x"), "doctor --offline --fix");
    commands.run("nothing to repair", &with_config(HEALTHY), "doctor --offline --fix");
    let mut home = with_config(HEALTHY);
    home.set("DOCKER_AUTH_CONFIG", "{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}");
    commands.run("DOCKER_AUTH_CONFIG", &home, "doctor --offline");
    home.set("DOCKER_AUTH_CONFIG", "{\"credHelpers\":{}}");
    commands.run("DOCKER_AUTH_CONFIG with helpers", &home, "doctor --offline");
    home.unset("DOCKER_AUTH_CONFIG");
    home.set("DOCKER_CONFIG", home.path(super::CONFIG));
    commands.run("DOCKER_CONFIG names a file", &home, "doctor --offline");
    let mut home = with_config(HEALTHY);
    home.set("CREDMINT_VAULT", "keychain").set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    commands.run("no keychain", &home, "doctor --offline");
    let mut home = with_config(HEALTHY);
    home.write(".gitlab-runner/config.toml", "concurrent = 1\n");
    commands.run("GitLab Runner is configured here", &home, "doctor --offline");
    home.set("GITLAB_CI", "true").set("CI_RUNNER_VERSION", "19.4.0");
    home.set("DOCKER_AUTH_CONFIG", "{\"credsStore\":\"credmint\"}");
    commands.run("a job whose helper GitLab Runner ignores", &home, "doctor --offline");
    helpers(&mut commands);
    registries(&mut commands);
    commands.compare("doctor");
}

fn helpers(commands: &mut Commands) {
    for (situation, script) in [
        (
            "a helper of another program",
            "case $1 in list) echo '{}';; *) echo 'credentials not found in native keychain'; exit 1;; esac",
        ),
        ("a helper that fails", "echo 'Cannot autolaunch D-Bus without X11 $DISPLAY'; exit 1"),
        ("a helper that fails without a word", "exit 1"),
        ("a helper with a malformed response", "echo x"),
    ] {
        let home = with_config("{\"credsStore\":\"x\"}");
        home.script("other/docker-credential-x", script);
        commands.run(situation, &home, "doctor --offline");
    }
    let home = with_config("{\"credHelpers\":{\"gcr.io\":\"gcr\"}}");
    home.script("other/docker-credential-gcr", "echo 'Google Container Registry Docker credential helper 2.1.22'");
    commands.run("another program under the name of a helper", &home, "doctor --offline");
}

fn registries(commands: &mut Commands) {
    let tokens = TokenServer::beside("/token", |user, password| (user, password) == ("me", "right"));
    let registry = RegistryFront::start_bearer(&tokens, None);
    let host = registry.addr().to_string();
    let home = with_config(HEALTHY);
    commands.run("a private image, without credentials", &home, &format!("doctor {host}/team/app:1"));
    let store = |password: &str| {
        let login = format!("{{\"ServerURL\":\"{host}\",\"Username\":\"me\",\"Secret\":\"{password}\"}}");
        assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
    };
    store("wrong");
    commands.run("credentials that are rejected", &home, &format!("doctor {host}/team/app:1"));
    store("right");
    commands.run("credentials that are accepted", &home, &format!("doctor {host}/team/app:1"));
    // Port 1 is closed.
    commands.run("a registry that cannot be reached", &home, "doctor 127.0.0.1:1/app");
    let aws = Aws::start();
    commands.run("not a registry", &home, &format!("doctor {}", aws.url().replace("http://", "")));
    let mut home = with_config(HEALTHY);
    home.set("HTTPS_PROXY", "http://user:pw@127.0.0.1:1");
    commands.run("a proxy that cannot be reached", &home, "doctor");
    write_config(&home, "{}");
    home.set("HTTPS_PROXY", "x y");
    commands.run("a proxy that is none", &home, "doctor --offline");
}
