//! Attacks, one by one: the table in `crates/README.md` names the test of each.

mod processes;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{CLI, ECR, Home, Outcome, REGISTRY, WORKER, files, program, skip};

/// The one file in a folder.
fn only(folder: &Path) -> std::path::PathBuf {
    let [path] = &files(folder)[..] else { panic!("{:?}", files(folder)) };
    path.clone()
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_link_in_the_place_of_a_lock_is_not_written_through() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    home.erase(REGISTRY).is_silent();
    let victim = home.write("victim", "precious");
    let lock = only(&home.path("run/credmint/mint-locks"));
    std::fs::remove_file(&lock).unwrap();
    symlink(&victim, &lock).unwrap();
    home.get(REGISTRY).credentials();
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn a_pipe_in_the_place_of_a_lock_is_not_waited_for() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    home.erase(REGISTRY).is_silent();
    let lock = only(&home.path("run/credmint/mint-locks"));
    std::fs::remove_file(&lock).unwrap();
    assert!(home.other("mkfifo", &[lock.to_str().unwrap()]).status().unwrap().success());
    let outcome = home.get(REGISTRY);
    outcome.gave_up().credentials();
}

/// A failure that another user wrote would be shown as ours, and a lock that another user holds
/// would hold everybody up.
#[test]
fn locks_that_others_can_touch_are_not_used() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    let lock = only(&home.path("run/credmint/mint-locks"));
    let mint_locks = lock.parent().unwrap().to_owned();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let note = format!("{{\"at\":{now},\"no_identity\":true,\"what\":\"attack\",\"hint\":null}}");
    let attack = |prepare: &dyn Fn()| {
        home.erase(REGISTRY).is_silent();
        std::fs::write(&lock, &note).unwrap();
        prepare();
        home.get(REGISTRY).credentials();
        mode(&mint_locks, 0o700);
    };
    attack(&|| mode(&mint_locks, 0o777));
    attack(&|| mode(&lock, 0o666));
    if !is_root() {
        return skip("locks_that_others_can_touch_are_not_used", "only root can give a file away");
    }
    mode(&lock, 0o600);
    attack(&|| std::os::unix::fs::chown(&lock, Some(65534), None).unwrap());
    std::os::unix::fs::chown(&lock, Some(0), None).unwrap();
    attack(&|| std::os::unix::fs::chown(&mint_locks, Some(65534), None).unwrap());
}

/// Old locks are removed, which through a link would be another user's files.
#[test]
fn a_link_in_the_place_of_the_locks_removes_nothing() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let victim = home.write("elsewhere/precious.lock", "");
    let old = std::time::SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    std::fs::File::options().append(true).open(&victim).unwrap().set_modified(old).unwrap();
    std::fs::create_dir(home.path("run/credmint")).unwrap();
    mode(&home.path("run/credmint"), 0o700);
    symlink(home.path("elsewhere"), home.path("run/credmint/mint-locks")).unwrap();
    home.get(REGISTRY).credentials();
    assert_eq!(files(&home.path("elsewhere")), [victim]);
}

/// Another user was first, which is possible in a shared folder.
#[test]
fn a_planted_folder_gets_no_secret() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let planted = home.path("planted");
    std::fs::create_dir(&planted).unwrap();
    for (place, how) in [("run/credmint", 0o700), ("cache/credmint", 0o777), ("data/credmint", 0o777)] {
        if how == 0o777 {
            std::fs::create_dir(home.path(place)).unwrap();
            mode(&home.path(place), how);
        } else {
            symlink(&planted, home.path(place)).unwrap();
        }
    }
    home.get(REGISTRY).credentials();
    home.store("r.example", "u", "s").explains(&["accessible to other users (mode 777)"]);
    for place in ["planted", "cache/credmint", "data/credmint"] {
        assert_eq!(files(&home.path(place)), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn root_stores_nothing_in_a_folder_that_another_user_created() {
    let test = "root_stores_nothing_in_a_folder_that_another_user_created";
    if !is_root() {
        return skip(test, "only root can give a folder away");
    }
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    for place in ["run", "cache", "data"] {
        let folder = home.path(place).join("credmint");
        std::fs::create_dir(&folder).unwrap();
        mode(&folder, 0o700);
        std::os::unix::fs::chown(&folder, Some(65534), None).unwrap();
    }
    home.get(REGISTRY).credentials();
    home.store("r.example", "u", "s").explains(&["belongs to user 65534"]);
    assert!(["run", "cache", "data"].iter().all(|place| files(&home.path(place)).is_empty()));
}

/// Keyrings belong to user ids: a container's root is the node's, and that of every other container.
#[test]
fn the_kernels_keyring_gives_another_container_nothing() {
    let test = "the_kernels_keyring_gives_another_container_nothing";
    let aws = Aws::start();
    let mut pods = [Home::signed_in(&aws), Home::signed_in(&aws)];
    for pod in &mut pods {
        // Of two namespaces, and with one name.
        pod.set("CREDMINT_VAULT", "kernel").set("KUBERNETES_SERVICE_HOST", "10.0.0.1").set("HOSTNAME", "web-0");
    }
    let keys = || std::fs::read_to_string("/proc/keys").unwrap();
    // A mount namespace without the other pod's folders.
    let get = |nth: usize| {
        let hide =
            format!("mount -t tmpfs none {} && exec {} get", pods[1 - nth].path("").display(), program(ECR).display());
        let mut helper =
            pods[nth].other("unshare", &["--mount", "sh", "-c", &hide]).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut helper.stdin.take().unwrap(), REGISTRY.as_bytes()).unwrap();
        helper.wait_with_output().unwrap()
    };
    let first = get(0);
    let said = String::from_utf8_lossy(&first.stdout).into_owned() + &String::from_utf8_lossy(&first.stderr);
    if !is_root()
        || said.contains("unshare")
        || files(&pods[0].path("run/credmint")).iter().all(|path| !path.ends_with("keyring.key"))
    {
        return skip(test, &format!("it needs root, a mount table and a kernel keyring: {said}"));
    }
    let tokens = [first.stdout, get(1).stdout];
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(aws.calls(Call::EcrToken), 2);
    for nth in [0, 1] {
        assert_eq!(get(nth).stdout, tokens[nth], "and each has its own from the keyring");
    }
    assert_eq!(aws.calls(Call::EcrToken), 2);
    let seen = keys();
    assert!(seen.contains("credmint-token:") && !seen.contains("ecr") && !seen.contains("amazonaws"), "{seen}");
    for pod in pods {
        pod.erase(REGISTRY).is_silent();
    }
}

/// The bus has gone, and its place in a shared folder is free for everybody.
#[test]
fn another_users_bus_is_sent_nothing() {
    let test = "another_users_bus_is_sent_nothing";
    if !is_root() {
        return skip(test, "only root can be another user");
    }
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let folder = tempfile::tempdir().unwrap();
    mode(folder.path(), 0o777);
    let (socket, received) = (folder.path().join("bus"), folder.path().join("received"));
    let listens = "import socket, sys
bus = socket.socket(socket.AF_UNIX)
bus.bind(sys.argv[1])
bus.listen()
print('ready', flush=True)
client, _ = bus.accept()
client.settimeout(10)
open(sys.argv[2], 'wb').write(client.recv(4096))";
    let mut other = home
        .other("setpriv", &["--reuid=64123", "--regid=64123", "--clear-groups", "python3", "-c", listens])
        .args([&socket, &received])
        .spawn()
        .unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(other.stdout.as_mut().unwrap()), &mut String::new())
        .unwrap();
    home.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display())).set("CREDMINT_VAULT", "auto");
    home.get(REGISTRY).credentials();
    assert!(other.wait().unwrap().success(), "it has been called at");
    assert_eq!(std::fs::read(received).unwrap(), b"");
}

/// A signed request shown to another host is a token given away.
#[test]
fn a_service_that_sends_elsewhere_is_not_followed() {
    let aws = Aws::start();
    let astray = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, elsewhere) = (format!("http://{}", astray.local_addr().unwrap()), aws.url());
    std::thread::spawn(move || {
        for caller in astray.incoming() {
            let mut caller = caller.unwrap();
            let _ = std::io::Read::read(&mut caller, &mut [0; 8192]);
            let answer = format!("HTTP/1.1 307 x\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n");
            let _ = std::io::Write::write_all(&mut caller, answer.as_bytes());
        }
    });
    let mut home = Home::signed_in(&aws);
    home.set("AWS_ENDPOINT_URL", url);
    home.get(REGISTRY).explains(&["us-east-1"]);
    assert_eq!(aws.all_calls(), 0);
}

/// Names out of the environment and out of addresses become file names and words of messages.
#[test]
fn a_hostile_name_is_never_a_path_or_a_command() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.unset("AWS_ACCESS_KEY_ID");
    let before = files(&home.path(""));
    for name in ["../../../../pwned", "/pwned", "$(touch pwned)", "; touch pwned #", "-x", "%s%n", "pwned\u{1b}[2J"] {
        home.set("AWS_PROFILE", name);
        let outcome = home.get(REGISTRY);
        assert!(outcome.code == 1 && !outcome.stdout.contains('\u{1b}'), "{outcome:?}");
        for server in [name.to_owned(), format!("r.example/{name}"), format!("{name}.dkr.ecr.us-east-1.amazonaws.com")]
        {
            let outcome = home.get(&server);
            assert!(outcome.code == 1 && outcome.stderr.is_empty(), "{server}: {outcome:?}");
        }
    }
    assert_eq!(aws.all_calls(), 0);
    let mint_locks = home.path("run/credmint/mint-locks");
    let after = files(&home.path("")).into_iter().filter(|path| !path.starts_with(&mint_locks)).collect::<Vec<_>>();
    assert_eq!(after, before);
}

#[test]
fn a_hostile_config_takes_no_terminal_over() {
    let mut home = Home::new();
    home.set("PATH", format!("{}:/usr/bin:/bin", program(CLI).parent().unwrap().display()));
    // As on a terminal: there, colours are not taken out again.
    home.set("CLICOLOR_FORCE", "1");
    let name = r"\u001b]0;attack\u0007\u001b[2J";
    home.write(
        ".docker/config.json",
        format!(r#"{{"credHelpers": {{"{name}.example": "{name}"}}, "credsStore": "{name}"}}"#),
    );
    for arguments in [&["status"][..], &["configure", "--dry-run", "--store"], &["configure", "--yes", "gcr.io"]] {
        let outcome = home.run(CLI, arguments, "");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains("attack") || said.contains("gcr"), "{arguments:?}: {said}");
        assert!(!said.contains("\u{7}") && !said.contains("\u{1b}]") && !said.contains("\u{1b}[2J"), "{said:?}");
    }
}

#[test]
fn a_hostile_config_costs_no_time_and_no_stack() {
    let mut home = Home::new();
    home.set("PATH", format!("{}:/usr/bin:/bin", program(CLI).parent().unwrap().display()));
    let members: String = (0..100_000).map(|nth| format!("\"r{nth}.example\":\"x\",")).collect();
    let (status, configure) = (&["status"][..], &["configure", "--dry-run", "gcr.io"][..]);
    for (config, commands) in [
        (format!("{{\"x\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000)), &[status, configure][..]),
        (format!("{{\"auths\":{{{}\"last\":{{}}}}}}", members.replace("\"x\"", "{}")), &[status, configure]),
        // `status` calls each of these helpers.
        (format!("{{\"credHelpers\":{{{members}\"last\":\"x\"}}}}"), &[configure]),
    ] {
        home.write(".docker/config.json", config);
        for &arguments in commands {
            // Processor time, so that the load of the machine does not matter; a program that needs more is killed.
            let line = format!("ulimit -t 20 && exec {CLI} {}", arguments.join(" "));
            let outcome = Outcome::of(CLI, &mut home.shell(&line));
            assert!(outcome.code <= 1, "{outcome:?}");
        }
    }
}
