use super::{CONFIG, Commands, installed, with_config, write_config};
use crate::home::{CREDMINT, Home};

const LOGIN: &str = "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}";

#[test]
fn configure() {
    let mut commands = Commands::new();
    let home = installed(Home::new());
    commands.run("a first look, without a terminal", &home, "configure");
    commands.run("a preview", &home, "configure --store --dry-run");
    commands.run("a check that finds a change", &home, "configure --store --check");
    commands.run("every registry", &home, "configure --store");
    commands.run("every registry, again", &home, "configure --store");
    commands.run("a check that finds none", &home, "configure --store --check");
    commands.run("single registries", &installed(Home::new()), "configure ghcr.io registry.corp.example:5000");
    commands.run("podman", &installed(Home::new()), "configure --podman ghcr.io");
    commands.run("podman, every registry", &home, "configure --podman --store");
    commands.run("an image of Docker Hub", &home, "configure alpine");
    commands.run("a port that does not exist", &home, "configure ghcr.io:99999");
    commands.run("logins that are no longer found", &with_config(LOGIN), "configure --store");
    commands.run("logins that are moved along", &with_config(LOGIN), "configure --store --migrate");
    let pass = "case $1 in list) echo '{\"https://r.example\":\"me\"}';; get) echo '{\"Username\":\"me\",\"Secret\":\"canary\"}';; esac";
    let home = with_config("{\"credsStore\":\"pass\"}");
    home.script("other/docker-credential-pass", pass);
    commands.run("another store is replaced", &home, "configure --store");
    for (situation, config) in [
        ("a trailing comma", "{\n  \"auths\": {},\n}\n"),
        ("a comment", "{\n  // mine\n}"),
        ("a key of the wrong type", "{\"credsStore\":7}"),
        ("a duplicate key", "{\"auths\":{},\n\"auths\":{}}"),
        ("an array", "[]"),
    ] {
        commands.run(situation, &with_config(config), "configure --store");
    }
    let mut home = installed(Home::new());
    home.set("PATH", "/nowhere");
    commands.run("helpers that are not on PATH", &home, "configure --store");
    let home = installed(Home::new());
    home.script("other/docker-credential-credmint", "echo 1.0");
    commands.run("another program of that name", &home, "configure --store");
    home.script("other/docker-credential-credmint", "echo 'no library'; exit 1");
    commands.run("a helper that does not work", &home, "configure --store");
    let mut home = installed(Home::new());
    home.set("HOME", "/nowhere");
    commands.run("a home that does not exist", &home, "configure --store");
    let mut home = installed(Home::new());
    home.set("DOCKER_CONFIG", "/proc/nowhere");
    commands.run("a folder that cannot be made", &home, "configure --store");
    let home = installed(Home::new());
    std::fs::create_dir_all(home.path(".docker/config.json")).unwrap();
    commands.run("a folder in place of the file", &home, "configure --store");
    commands.compare("configure");
}

#[test]
fn unconfigure() {
    let mut commands = Commands::new();
    let home = with_config("{}");
    commands.run("nothing to undo", &home, "unconfigure");
    home.run(crate::home::CLI, &["configure", "--store"], "");
    commands.run("a preview", &home, "unconfigure --dry-run");
    commands.run("after configure", &home, "unconfigure");
    let home = with_config(LOGIN);
    home.run(crate::home::CLI, &["configure", "--store", "--migrate"], "");
    commands.run("after logins were moved", &home, "unconfigure");
    let home = with_config("{\"credHelpers\":{\"ghcr.io\":\"ghcr\",\"gcr.io\":\"gcr\"}}");
    commands.run("without a record", &home, "unconfigure ghcr.io");
    home.script("other/docker-credential-gcr", "echo 2.1.22");
    commands.run("another program under the name of a helper", &home, "unconfigure");
    commands.compare("unconfigure");
}

#[test]
fn migrate() {
    let mut commands = Commands::new();
    let home = with_config("{}");
    commands.run("no login", &home, "migrate");
    write_config(&home, LOGIN);
    commands.run("a preview", &home, "migrate --dry-run");
    commands.run("a login", &home, "migrate");
    write_config(&home, "{\"auths\":{\"r.example\":{\"auth\":\"dTo5\"}}}");
    commands.run("another login is stored already", &home, "migrate");
    let two = "{\"auths\":{\"https://r.example\":{\"auth\":\"dTox\"},\"r.example\":{\"auth\":\"dTpw\"},\"quay.io/team\":{\"auth\":\"dTpw\"}}}";
    commands.run("several logins for one registry", &with_config(two), "migrate");
    let mut none = with_config(LOGIN);
    none.set("CREDMINT_VAULT", "none");
    commands.run("nowhere to store it", &none, "migrate");
    let home = with_config("{}");
    commands.run("a helper that does not exist", &home, "migrate --from pass");
    commands.run("a helper's name that is none", &home, "migrate --from ../pass");
    commands.run("our own helper", &home, "migrate --from credmint");
    home.script("other/docker-credential-ecr-login", "echo 0.12.0");
    commands.run("a helper that mints", &home, "migrate --from ecr-login");
    home.script("other/docker-credential-empty", "echo '{}'");
    commands.run("a helper without logins", &home, "migrate --from empty");
    let pass = "case $1 in list) echo '{\"https://r.example\":\"me\",\"stuck.example\":\"u\"}';; get) read -r s; case $s in stuck*) exit 2;; *r.example*) echo '{\"Username\":\"me\",\"Secret\":\"s\"}';; esac;; esac";
    home.script("other/docker-credential-pass", pass);
    commands.run("a helper that does not return one of its logins", &home, "migrate --from pass");
    let stored = home.run(CREDMINT, &["get"], "r.example").secret();
    assert_eq!((stored.as_str(), home.path(CONFIG).exists()), ("s", true));
    commands.compare("migrate");
}

#[test]
fn daemon() {
    let mut commands = Commands::new();
    let home = installed(Home::new());
    let line = |rest: &str| format!("daemon --file {} {rest}", home.path("daemon.json").display());
    commands.run("no file", &home, line("").trim_end());
    commands.run("a preview", &home, &line("--dry-run --mirror https://mirror.example"));
    commands.run("a check that finds a change", &home, &line("--check --mirror https://mirror.example"));
    commands.run(
        "a mirror and an insecure registry",
        &home,
        &line("--mirror https://mirror.example --insecure r.lan:5000"),
    );
    commands.run("the same again", &home, &line("--mirror https://mirror.example"));
    commands.run("a proxy", &home, &line("--proxy http://proxy.lan:3128 --no-proxy .lan"));
    commands.run("what is set", &home, line("").trim_end());
    commands.run("undo", &home, &line("--undo"));
    commands.run("nothing to undo", &home, &line("--undo"));
    commands.run("a mirror without a scheme", &home, &line("--mirror mirror.example"));
    commands.run("a registry with a path", &home, &line("--insecure r.lan/app"));
    commands.run("a proxy with a password", &home, &line("--proxy http://me:pw@proxy.lan"));
    home.write("daemon.json", "{\"registry-mirrors\": 7}");
    commands.run("a malformed file", &home, &line("--mirror https://mirror.example"));
    commands.compare("daemon");
}
