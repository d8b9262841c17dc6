use pretend_cloud::{Aws, Behaviour, Call};

use super::{Commands, installed, with_config};
use crate::home::{Home, REGISTRY};

#[test]
fn token() {
    let aws = Aws::start();
    let mut commands = Commands::new();
    let home = installed(Home::signed_in(&aws));
    commands.run("a user name", &home, &format!("token --username {REGISTRY}"));
    commands.run("no credentials", &home, "token r.example");
    commands.run("no registry", &home, "token alpine");
    commands.run("a misspelled image", &home, "token ghcr.io/UPPER");
    aws.on(
        Call::EcrToken,
        Behaviour::Refuse { status: 400, code: "AccessDeniedException", message: "not allowed".to_owned() },
    );
    let denied = installed(Home::signed_in(&aws));
    commands.run("a cloud that denies it", &denied, &format!("token {REGISTRY}"));
    commands.compare("token");
}

#[test]
fn export() {
    let aws = Aws::start();
    let mut commands = Commands::new();
    let home = installed(Home::signed_in(&aws));
    let output = home.path("out.json").display().to_string();
    commands.run("a token", &home, &format!("export {REGISTRY} --output {output}"));
    assert_eq!(home.store("r.example", "me", "s").code, 0);
    commands.run("a login", &home, &format!("export r.example --output {output}"));
    commands.run("no credentials", &home, "export other.example");
    commands.run("a directory that does not exist", &home, "export r.example --output /proc/nowhere/x");
    commands.compare("export");
}

#[test]
fn cache() {
    let aws = Aws::start();
    let mut commands = Commands::new();
    let home = installed(Home::signed_in(&aws));
    commands.run("an empty cache", &home, "cache list");
    commands.run("an empty cache, cleared", &home, "cache clear");
    commands.run("an identity", &home, &format!("cache warm {REGISTRY}"));
    commands.run("no identity", &home, "cache warm ghcr.io");
    commands.run("a token", &home, "cache list");
    commands.run("a token, cleared", &home, "cache clear");
    commands.run("no registry", &home, "cache clear alpine");
    commands.compare("cache");
}

#[test]
fn status() {
    let aws = Aws::start();
    let mut commands = Commands::new();
    commands.run("nothing configured", &installed(Home::new()), "status");
    let home = installed(Home::signed_in(&aws));
    super::write_config(
        &home,
        &format!("{{\"credsStore\":\"credmint\",\"credHelpers\":{{\"{REGISTRY}\":\"ecr\",\"r.example\":\"absent\"}}}}"),
    );
    home.get(REGISTRY).credentials();
    assert_eq!(home.store("own.example", "me", "s").code, 0);
    commands.run("a token and a login", &home, "status");
    commands.run("a malformed config", &with_config("{"), "status");
    commands.compare("status");
}

#[test]
fn login() {
    let mut commands = Commands::new();
    let home = installed(Home::new());
    commands.with_input("a password on standard input", &home, "login r.example -u me --password-stdin", "s\n");
    commands.run("no terminal", &home, "login");
    commands.run("no user name", &home, "login r.example --password-stdin");
    commands.run("no password", &home, "login r.example -u me --password-stdin");
    commands.run("an image", &home, "login ghcr.io/owner/app");
    commands.run("no registry", &home, "login alpine");
    commands.run("a code for another registry than GitHub's", &home, "login r.example --device");
    commands.run("a code without an app", &home, "login ghcr.io --device");
    commands.run("logout", &home, "logout r.example");
    let mut none = installed(Home::new());
    none.set("CREDMINT_VAULT", "none");
    commands.with_input("a vault that stores nothing", &none, "login r.example -u me --password-stdin", "s\n");
    let mut unwritable = installed(Home::new());
    unwritable.set("XDG_DATA_HOME", "/proc/nowhere");
    commands.with_input("a home that cannot be written", &unwritable, "login r.example -u me --password-stdin", "s\n");
    commands.compare("login");
}
