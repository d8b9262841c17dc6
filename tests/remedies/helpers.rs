//! Remedies for helpers that do not work, and for those that come before ours.

use serde_json::Value;

use super::{CONFIG, broken, command, findings_after, follow, ours, with_config};
use crate::home::{CLI, CREDMINT, program, skip};
use crate::session::Session;

#[test]
fn a_helper_that_does_not_work_is_replaced() {
    for (script, words) in [
        (None, "not found on PATH"),
        (Some("echo 'Cannot autolaunch D-Bus without X11 $DISPLAY'; exit 1"), "does not work: Cannot autolaunch D-Bus"),
        (Some("exec sleep 30"), "timed out after"),
        (Some("echo nonsense"), "malformed response"),
        (
            Some(
                "case $1 in list) echo '{\"https://r.example\":\"u\"}';; *) echo 'credentials not found in native keychain'; exit 1;; esac",
            ),
            "lists a login for https://r.example but does not return it",
        ),
        (Some("#!/no/such/python3"), "its interpreter /no/such/python3 does not exist"),
        (Some("MZ"), "a Windows program"),
        (Some("text"), "neither a program for this system"),
    ] {
        // Every way of naming it once, and every way of not working.
        let ways = if script.is_none() { 3 } else { 1 };
        for config in [
            "{\"credsStore\":\"x\"}",
            "{\"credHelpers\":{\"r.example\":\"x\",\"https://index.docker.io/v1/\":\"x\"}}",
            "{\"credsStore\":\"x\",\"credHelpers\":{\"r.example\":\"x\"}}",
        ]
        .into_iter()
        .take(ways)
        {
            let home = with_config(config);
            home.settings("timeout = 1\n");
            match script {
                None => {}
                Some(content @ ("MZ" | "text" | "#!/no/such/python3")) => {
                    let path = home.script("other/docker-credential-x", "");
                    std::fs::write(&path, format!("{content}\n")).unwrap();
                }
                Some(script) => drop(home.script("other/docker-credential-x", script)),
            }
            follow(&home, "--offline", words);
        }
    }
    for config in ["{\"credsStore\":\"../x\"}", "{\"credHelpers\":{\"r.example\":\"-x\"}}"] {
        follow(&with_config(config), "--offline", "is not a valid helper name");
    }
}

#[test]
fn a_helper_of_podman_s_and_one_that_docker_picks_by_itself_are_looked_at() {
    let mut home = with_config("{\"credsStore\":\"credmint\"}");
    home.write("run/containers/auth.json", "{\"credHelpers\":{\"r.example\":\"absent\"}}");
    follow(&home, "--offline", "docker-credential-absent, set for r.example in podman, not found on PATH");
    let path = home.write("helm.d/config.json", "{\"credsStore\":\"absent\"}");
    home.set("HELM_REGISTRY_CONFIG", path);
    follow(&home, "--offline", "docker-credential-absent, set for every registry in helm, not found on PATH");
    let home = with_config("{\"auths\":{}}");
    home.script("other/docker-credential-pass", "echo '{}'");
    home.script("other/pass", "");
    follow(
        &home,
        "--offline",
        "docker-credential-pass, set for every registry, does not work: pass is not initialized",
    );
}

#[test]
fn credmint_s_own_helpers_come_first() {
    for script in
        ["echo 'Google Container Registry Docker credential helper 2.1.22'", "exit 3", "echo '(credmint) 0.0.1'"]
    {
        let home = with_config("{\"credHelpers\":{\"gcr.io\":\"gcr\"}}");
        home.script("other/docker-credential-gcr", script);
        let command = follow(&home, "--offline", "docker-credential-gcr, set for gcr.io,");
        assert!(command.starts_with("export PATH="), "{command}");
    }
    let home = with_config("{\"credHelpers\":{\"public.ecr.aws\":\"ecr-login\"}}");
    home.script("other/docker-credential-ecr-login", "echo 0.12.0");
    follow(&home, "--offline", "is set for public.ecr.aws, not credmint");
    let mut home = with_config("{\"credsStore\":\"credmint\"}");
    home.set("PATH", "/usr/bin:/bin");
    let script = format!("{} doctor --json --offline", program(CLI).display());
    let found: Value = serde_json::from_slice(&home.shell(&script).output().unwrap().stdout).unwrap();
    let command = command(found["findings"].as_array().unwrap(), "not found on PATH");
    assert!(broken(&findings_after(&home, &command, "--offline")).is_empty());
}

#[test]
fn docker_s_own_keychain_helpers_are_looked_through() {
    let test = "docker_s_own_keychain_helpers_are_looked_through";
    let folders = ["CREDMINT_PEERS", "PATH"].into_iter().filter_map(std::env::var_os);
    let mut folders = folders.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    let Some(folder) = folders.find(|folder| folder.join("docker-credential-secretservice").is_file()) else {
        return skip(test, "docker-credential-secretservice is not installed");
    };
    let start = |store: &str| {
        let mut home = with_config(&format!("{{\"credsStore\":\"{store}\"}}"));
        home.set("PATH", format!("{}:{}:/usr/bin:/bin", ours().display(), folder.display()));
        home
    };
    follow(
        &start("secretservice"),
        "--offline",
        "docker-credential-secretservice, set for every registry, does not work",
    );
    if folder.join("docker-credential-pass").is_file() {
        follow(&start("pass"), "--offline", "docker-credential-pass, set for every registry, does not work");
    }
    let mut home = start("secretservice");
    let Some(_session) = Session::start(&mut home, test) else { return };
    assert!(broken(&findings_after(&home, ":", "--offline")).is_empty());
    let login = "{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"me\",\"Secret\":\"p\"}";
    assert_eq!(home.run(CREDMINT, &["store"], login).code, 0);
    let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login";
    assert!(home.shell(lock).stdout(std::process::Stdio::null()).status().unwrap().success());
    follow(&home, "--offline", "is locked: its tokens");
    follow(
        &home,
        "--offline",
        "docker-credential-secretservice, set for every registry, does not work: the Secret Service (GNOME Keyring) is locked",
    );
    home.write(CONFIG, "{\"credsStore\":\"credmint\"}");
    follow(&home, "--offline", "docker-credential-credmint, set for every registry, does not work");
    let mut home = start("secretservice");
    let Some(_session) = Session::start(&mut home, test) else { return };
    let delete = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets/collection/login org.freedesktop.Secret.Collection.Delete";
    assert!(home.shell(delete).stdout(std::process::Stdio::null()).status().unwrap().success());
    follow(&home, "--offline", "does not work: the Secret Service (GNOME Keyring) has no default collection");
}
