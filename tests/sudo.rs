use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use pretend_cloud::{Aws, Call};

use crate::home::{CLI, ECR, Home, Outcome, REGISTRY, WORKER, files, program, skip};

const USER: u32 = 54_321;

/// A home of another user, in which this test runs as root; `None` if it is not root.
fn of_another_user(test: &str, aws: &Aws) -> Option<Home> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        skip(test, "only root can be in another user's home");
        return None;
    }
    let mut home = Home::signed_in(aws);
    for name in ["XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        home.unset(name);
    }
    for place in ["data", "cache", "config"] {
        std::fs::remove_dir(home.path(place)).unwrap();
    }
    // Where the other user can run them.
    std::fs::create_dir(home.path("bin")).unwrap();
    for name in [ECR, CLI, WORKER] {
        testing::copy_program(&program(name), &home.path("bin").join(name));
    }
    for place in ["", "run", "bin"] {
        chown(home.path(place), Some(USER), Some(USER)).unwrap();
    }
    home.set("SUDO_USER", "jane").set("SUDO_UID", USER.to_string());
    Some(home)
}

/// The same call by the owner of the home.
fn as_user(home: &Home, name: &str, arguments: &[&str], input: &str) -> Outcome {
    let program = home.path("bin").join(name);
    let mut whole = vec!["--reuid=54321", "--regid=54321", "--clear-groups", program.to_str().unwrap()];
    whole.extend(arguments);
    let asked = std::fs::File::open(home.write("asked", input)).unwrap();
    Outcome::of(name, home.other("setpriv", &whole).stdin(asked))
}

/// Every file and folder that root has made in a home and that is root's.
fn roots_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found = Vec::new();
    for path in entries.filter(|path| !path.ends_with("bin") && !path.ends_with("asked")) {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(roots_in(&path));
        }
        if (metadata.uid(), metadata.gid()) != (USER, USER) {
            found.push(path);
        }
    }
    found
}

#[test]
fn what_root_makes_in_a_users_home_is_the_users() {
    let aws = Aws::start();
    let Some(home) = of_another_user("what_root_makes_in_a_users_home_is_the_users", &aws) else { return };
    let stored = home.store("r.example", "u", "s3cret");
    assert_eq!((stored.code, stored.stdout.as_str()), (0, ""), "{stored:?}");
    let minted = home.get(REGISTRY).credentials();
    assert_eq!(roots_in(&home.path("")), Vec::<PathBuf>::new());
    assert!(home.path(".local/share/credmint/logins").is_dir());

    assert_eq!(as_user(&home, ECR, &["get"], "r.example").secret(), "s3cret");
    assert_eq!(as_user(&home, ECR, &["get"], REGISTRY).credentials(), minted, "and no other token");
    assert_eq!(aws.calls(Call::EcrToken), 1);
    let login = r#"{"ServerURL": "r.example", "Username": "u", "Secret": "another"}"#;
    assert_eq!(as_user(&home, ECR, &["store"], login).code, 0);
    assert_eq!(home.get("r.example").secret(), "another", "root reads what is the user's");
    home.erase("r.example").is_silent();
    as_user(&home, ECR, &["get"], "r.example").is_not_found();
    assert_eq!(roots_in(&home.path("")), Vec::<PathBuf>::new());
}

/// Files of an earlier version are not changed, and doctor has a remedy.
#[test]
fn files_that_root_already_owns_are_found_and_given_back() {
    let aws = Aws::start();
    let Some(mut home) = of_another_user("files_that_root_already_owns_are_found_and_given_back", &aws) else { return };
    home.store("r.example", "u", "s3cret");
    let local = home.path(".local");
    assert!(home.other("chown", &["-R", "0:0", local.to_str().unwrap()]).status().unwrap().success());
    home.get("r.example").credentials();
    home.store("other.example", "u", "s3cret");
    assert_eq!(local.metadata().unwrap().uid(), 0);
    let found = as_user(&home, CLI, &["doctor"], "");
    assert!(found.stdout.contains(".local belongs to another user"), "{found:?}");
    assert!(found.stdout.contains("sudo chown -R \"$(id -u):$(id -g)\""), "{found:?}");

    // A single file, and root looks itself.
    let file = files(&home.path(".local/share/credmint/logins")).pop().unwrap();
    assert!(home.other("chown", &["-R", "54321:54321", local.to_str().unwrap()]).status().unwrap().success());
    chown(&file, Some(0), Some(0)).unwrap();
    home.set("PATH", "/usr/bin:/bin");
    let found = home.run(CLI, &["doctor"], "");
    let command = format!("chown -R 54321:54321 {}", file.display());
    assert!(found.stdout.contains(&command), "{found:?}");
    assert!(home.shell(&command).status().unwrap().success());
    assert!(!home.run(CLI, &["doctor"], "").stdout.contains("another user"));
}

/// The user can replace every folder with a link to another user's files.
#[test]
fn root_follows_no_link_of_the_users() {
    let aws = Aws::start();
    let Some(home) = of_another_user("root_follows_no_link_of_the_users", &aws) else { return };
    let victim = tempfile::tempdir().unwrap();
    for name in ["credmint", "credmint/tokens"] {
        let link = home.path("run").join(name);
        symlink(victim.path(), &link).unwrap();
        home.get(REGISTRY).credentials();
        assert_eq!(files(victim.path()), Vec::<PathBuf>::new(), "{name}");
        std::fs::remove_file(link).unwrap();
        _ = std::fs::create_dir(home.path("run/credmint"));
        chown(home.path("run/credmint"), Some(USER), None).unwrap();
        std::fs::set_permissions(home.path("run/credmint"), PermissionsExt::from_mode(0o700)).unwrap();
    }
    // A second name of a file that is root's alone.
    let precious = victim.path().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    std::fs::set_permissions(&precious, PermissionsExt::from_mode(0o600)).unwrap();
    let hosts = home.path(".local/share/credmint/answered-hosts");
    if hosts.exists() {
        std::fs::remove_file(&hosts).unwrap();
    }
    if std::fs::hard_link(&precious, &hosts).is_ok() {
        home.get(REGISTRY).credentials();
    }
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(precious.metadata().unwrap().uid(), 0);
}

#[test]
fn a_home_that_does_not_exist_is_not_made() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let nowhere = home.path("nonexistent");
    home.set("HOME", &nowhere).set("XDG_RUNTIME_DIR", nowhere.join("run"));
    for name in ["XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        home.unset(name);
    }
    home.get(REGISTRY).credentials();
    home.store("r.example", "u", "s").explains(&["cannot store the login", "HOME", "nonexistent"]);
    let outcome = home.run(CLI, &["configure", "--yes", REGISTRY], "");
    assert!(outcome.code == 1 && outcome.stderr.contains("does not exist"), "{outcome:?}");
    assert!(!nowhere.exists());
}

#[test]
fn without_an_identity_under_sudo_the_error_names_the_home() {
    let mut home = Home::new();
    home.set("SUDO_USER", "jane").set("SUDO_UID", USER.to_string());
    let looked = home.path("").display().to_string();
    home.get(REGISTRY).is_not_found_because(&[looked.trim_end_matches('/'), "jane", "sudo -E"]);
    // In the user's own home there is no such message.
    let owner = home.path("").metadata().unwrap().uid();
    home.set("SUDO_UID", owner.to_string());
    let outcome = home.get(REGISTRY);
    assert!(!outcome.stderr.contains("jane"), "{outcome:?}");
}
