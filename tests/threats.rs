//! Attacks, one by one: the table in `crates/README.md` names the test of each.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pretend_cloud::{Aws, Behaviour, Call};

use crate::home::{CLI, ECR, Home, MINTER, REGISTRY, files, program, skip};

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
    let lock = only(&home.path("run/credmint/turns"));
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
    let lock = only(&home.path("run/credmint/turns"));
    std::fs::remove_file(&lock).unwrap();
    assert!(home.other("mkfifo", &[lock.to_str().unwrap()]).status().unwrap().success());
    let outcome = home.get(REGISTRY);
    outcome.credentials();
    assert!(outcome.took < Duration::from_secs(5), "{outcome:?}");
}

/// A failure that somebody else wrote would be shown as ours, and a lock that somebody else holds
/// would hold everybody up.
#[test]
fn locks_that_others_can_touch_are_not_used() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    let lock = only(&home.path("run/credmint/turns"));
    let turns = lock.parent().unwrap().to_owned();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let note = format!("{{\"at\":{now},\"not_signed_in\":true,\"what\":\"attack\",\"hint\":null}}");
    let attack = |prepare: &dyn Fn()| {
        home.erase(REGISTRY).is_silent();
        std::fs::write(&lock, &note).unwrap();
        prepare();
        home.get(REGISTRY).credentials();
        mode(&turns, 0o700);
    };
    attack(&|| mode(&turns, 0o777));
    attack(&|| mode(&lock, 0o666));
    if !is_root() {
        return skip("locks_that_others_can_touch_are_not_used", "only root can give a file away");
    }
    mode(&lock, 0o600);
    attack(&|| std::os::unix::fs::chown(&lock, Some(65534), None).unwrap());
    std::os::unix::fs::chown(&lock, Some(0), None).unwrap();
    attack(&|| std::os::unix::fs::chown(&turns, Some(65534), None).unwrap());
}

/// Old locks are removed, and through a link that would be somebody's files.
#[test]
fn a_link_in_the_place_of_the_locks_removes_nothing() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let victim = home.write("elsewhere/precious.lock", "");
    let old = std::time::SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    std::fs::File::options().append(true).open(&victim).unwrap().set_modified(old).unwrap();
    std::fs::create_dir(home.path("run/credmint")).unwrap();
    mode(&home.path("run/credmint"), 0o700);
    symlink(home.path("elsewhere"), home.path("run/credmint/turns")).unwrap();
    home.get(REGISTRY).credentials();
    assert_eq!(files(&home.path("elsewhere")), [victim]);
}

/// Somebody was there first, as can be in a shared folder.
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
    home.store("r.example", "u", "s").explains(&["open to other users (mode 777)"]);
    for place in ["planted", "cache/credmint", "data/credmint"] {
        assert_eq!(files(&home.path(place)), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn root_in_a_users_home_leaves_nothing_there() {
    let test = "root_in_a_users_home_leaves_nothing_there";
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

/// The bus has gone, and its place in a shared folder is free for everybody.
#[test]
fn another_users_bus_is_told_nothing() {
    let test = "another_users_bus_is_told_nothing";
    if !is_root() {
        return skip(test, "only root can be another user");
    }
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let folder = tempfile::tempdir().unwrap();
    mode(folder.path(), 0o777);
    let (socket, heard) = (folder.path().join("bus"), folder.path().join("heard"));
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
        .args([&socket, &heard])
        .spawn()
        .unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(other.stdout.as_mut().unwrap()), &mut String::new())
        .unwrap();
    home.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display())).set("CREDMINT_VAULT", "auto");
    home.get(REGISTRY).credentials();
    assert!(other.wait().unwrap().success(), "it has been called at");
    assert_eq!(std::fs::read(heard).unwrap(), b"");
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
fn a_hostile_name_is_no_path_and_no_command() {
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
    let turns = home.path("run/credmint/turns");
    let after = files(&home.path("")).into_iter().filter(|path| !path.starts_with(&turns)).collect::<Vec<_>>();
    assert_eq!(after, before);
}

/// A helper without a minter beside it.
fn alone(home: &Home) -> String {
    let folder = home.path("alone");
    std::fs::create_dir(&folder).unwrap();
    let helper = folder.join(ECR);
    std::fs::copy(program(ECR), &helper).unwrap();
    helper.to_str().unwrap().to_owned()
}

#[test]
fn nothing_is_run_out_of_the_present_folder() {
    let mut home = Home::new();
    let helper = alone(&home);
    home.script("checkout/credmint-mint", "echo '{\"what\":\"attack\"}'");
    for path in [".:/usr/bin", ":/usr/bin", "checkout:/usr/bin", "/usr/bin:"] {
        home.set("PATH", path);
        let line = format!("cd {} && echo {REGISTRY} | {helper} get", home.path("checkout").display());
        let output = home.shell(&line).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("cannot be started"), "{path}: {said}");
        std::fs::remove_dir_all(home.path("run/credmint")).unwrap();
    }
}

#[test]
fn a_minter_that_never_stops_talking_is_stopped() {
    let home = Home::new();
    let helper = alone(&home);
    home.script("alone/credmint-mint", "exec cat /dev/zero");
    // What it says must not fill the memory.
    let line = format!("ulimit -v 1000000; echo {REGISTRY} | {helper} get");
    let started = Instant::now();
    let output = home.shell(&line).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("gave no proper answer"), "{said} {:?}", output.status);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_helper_that_never_stops_talking_is_stopped() {
    let mut home = Home::new();
    let own = home.path("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::copy(program(CLI), own.join(CLI)).unwrap();
    home.script("own/docker-credential-credmint", "exec cat /dev/zero");
    home.set("PATH", format!("{}:/usr/bin:/bin", own.display()));
    let started = Instant::now();
    let output =
        home.shell(&format!("ulimit -v 2000000; {}/credmint token r.example", own.display())).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// A helper that is minting, and the process that does it.
fn minting(home: &Home, aws: &Aws) -> (Child, u32) {
    let line = format!("ulimit -S -c $(ulimit -H -c); exec {} get", program(ECR).display());
    let mut helper = home.shell(&line).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut helper.stdin.take().unwrap(), REGISTRY.as_bytes()).unwrap();
    let started = Instant::now();
    while aws.calls(Call::EcrToken) == 0 {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", helper.id())).unwrap();
    (helper, children.trim().parse().unwrap())
}

#[test]
fn a_crash_writes_no_memory_to_the_disk() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    let (mut helper, minter) = minting(&home, &aws);
    for process in [helper.id(), minter] {
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(line.split_whitespace().nth(4), Some("0"), "{line}");
    }
    helper.kill().unwrap();
    helper.wait().unwrap();
}

#[test]
fn what_everybody_can_see_of_a_process_holds_no_secret() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    let (mut helper, minter) = minting(&home, &aws);
    for (process, name) in [(helper.id(), ECR), (minter, MINTER)] {
        let of = |file: &str| Path::new("/proc").join(process.to_string()).join(file);
        let arguments = std::fs::read_to_string(of("cmdline")).unwrap();
        assert!(arguments.contains(name) && !arguments.contains("alices-secret"), "{arguments}");
        // The variables may hold one, and are their owner's.
        assert_eq!(std::fs::metadata(of("environ")).unwrap().permissions().mode() & 0o077, 0);
    }
    helper.kill().unwrap();
    helper.wait().unwrap();
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
        // The status asks each of these helpers.
        (format!("{{\"credHelpers\":{{{members}\"last\":\"x\"}}}}"), &[configure]),
    ] {
        home.write(".docker/config.json", config);
        for &arguments in commands {
            let outcome = home.run(CLI, arguments, "");
            assert!(outcome.code <= 1, "{outcome:?}");
            assert!(outcome.took < Duration::from_secs(20), "{arguments:?} took {:?}", outcome.took);
        }
    }
}
