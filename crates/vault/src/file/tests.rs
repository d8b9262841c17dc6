use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;
use crate::testing::{self, login, token};

fn store(kind: Kind) -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("credmint"), kind);
    (folder, store)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn is_broken<T: std::fmt::Debug>(result: &Result<T, VaultError>, why: &str) {
    match result {
        Err(VaultError::Failed { why: text, .. }) if text.contains(why) => {}
        result => panic!("{why}: {result:?}"),
    }
}

#[test]
fn an_entry_is_private_and_is_loaded() {
    for (kind, entry, other) in [
        (Kind::Tokens, token("ecr:aws/1", "s"), login("r.example", "s")),
        (Kind::Logins, login("r.example", ""), token("a", "s")),
    ] {
        let (_folder, store) = store(kind);
        assert_eq!(store.load(&entry.key), Ok(None));
        assert_eq!(store.names(), Ok(Vec::new()));
        store.remove(&entry.key).unwrap();
        assert_eq!(store.save(&entry), Ok(Location::File(store.path(&entry.key))));
        assert_eq!((mode(&store.folder()), mode(&store.path(&entry.key))), (0o700, 0o600));
        assert_eq!(store.load(&entry.key), Ok(Some(entry.clone())));
        assert_eq!(store.names().unwrap().iter().map(|name| &name.key).collect::<Vec<_>>(), [&entry.key]);
        assert_eq!(store.load(&other.key), Ok(None));
        assert!(store.save(&other).is_err());
        store.remove(&entry.key).unwrap();
        assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 0);
    }
}

#[test]
fn damaged_entries_are_absent_unlisted_and_replaced() {
    let (_folder, store) = store(Kind::Tokens);
    let entry = token("a", "secret");
    let path = store.path(&entry.key);
    store.save(&entry).unwrap();
    let whole = fs::read(&path).unwrap();
    for damage in [&b""[..], b"\n", b"\xff\0garbage", &whole[..whole.len() - 1], &whole[..20], &[b'{'; 100_000]] {
        fs::write(&path, damage).unwrap();
        assert_eq!(store.load(&entry.key), Ok(None));
        assert!(store.names().unwrap().len() <= 1);
        store.save(&entry).unwrap();
        assert_eq!(store.load(&entry.key), Ok(Some(entry.clone())));
    }
    // In the file of another key, and unfinished.
    let other = token("b", "").key;
    fs::rename(&path, store.path(&other)).unwrap();
    fs::write(store.folder().join(".new-1"), &whole).unwrap();
    assert_eq!(store.load(&other), Ok(None));
    assert_eq!(store.names(), Ok(Vec::new()));
}

#[test]
fn files_that_others_can_access_are_rejected() {
    let (_folder, store) = store(Kind::Tokens);
    let entry = token("a", "secret");
    let path = store.path(&entry.key);
    store.save(&entry).unwrap();

    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    is_broken(&store.load(&entry.key), "accessible to other users (mode 640)");
    assert_eq!(store.names(), Ok(Vec::new()));

    let elsewhere = store.root.join("elsewhere");
    store.save(&entry).unwrap();
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    is_broken(&store.load(&entry.key), "");
    store.save(&entry).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file(), "the link is replaced, not written through");

    fs::remove_file(&path).unwrap();
    let pipe = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap();
    assert!(pipe.success());
    is_broken(&store.load(&entry.key), "not a regular file");

    for folder in [store.folder(), store.root.clone()] {
        fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
        is_broken(&store.save(&entry), "accessible to other users (mode 770)");
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    }
    let real = store.root.join("real");
    fs::rename(store.folder(), &real).unwrap();
    symlink(&real, store.folder()).unwrap();
    is_broken(&store.save(&entry), "");
    is_broken(&store.names(), "");
}

#[test]
fn files_of_another_user_are_rejected() {
    if !rustix::process::geteuid().is_root() {
        return ::testing::skip("files of other users", "only root can give a file away");
    }
    let (_folder, store) = store(Kind::Tokens);
    let entry = token("a", "secret");
    store.save(&entry).unwrap();
    std::os::unix::fs::chown(store.path(&entry.key), Some(65534), None).unwrap();
    is_broken(&store.load(&entry.key), "belongs to user 65534");
    std::os::unix::fs::chown(store.folder(), Some(65534), None).unwrap();
    is_broken(&store.save(&entry), "belongs to user 65534");
    is_broken(&store.names(), "belongs to user 65534");
}

/// A file system in its own mount namespace, so that nothing is left of it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_or_read_only_disk_is_an_error_and_the_old_entry_stays() {
    use std::process::Command;
    const INSIDE: &str = "CREDMINT_TEST_FULL_DISK";
    let Some(folder) = testing::variable(INSIDE) else {
        let folder = tempfile::tempdir().unwrap();
        let test = "file::tests::a_full_or_read_only_disk_is_an_error_and_the_old_entry_stays";
        let script = r#"mount -t tmpfs -o size=64k none "$1" && exec "$2" --exact "$3" --nocapture"#;
        let status = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .arg(folder.path())
            .arg(std::env::current_exe().unwrap())
            .arg(test)
            .env(INSIDE, folder.path())
            .status();
        let outcome = status.map(|status| status.code());
        return match outcome {
            Ok(Some(0)) => {}
            // The test itself failed, not the creation of the disk.
            Ok(Some(101)) => panic!("failed on the small disk"),
            outcome => ::testing::skip(test, &format!("cannot create a file system: {outcome:?}")),
        };
    };
    let root = PathBuf::from(folder);
    let store = FileStore::new(root.join("credmint"), Kind::Logins);
    let old = login("r.example", "old");
    store.save(&old).unwrap();
    is_broken(&store.save(&login("r.example", &"n".repeat(100_000))), "No space left");
    assert_eq!(store.load(&old.key), Ok(Some(old.clone())));
    assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 1, "nothing half-written is left");
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&root).status().unwrap();
    if !remounted.success() {
        return ::testing::skip("a read-only disk", "remounting is not permitted");
    }
    is_broken(&store.save(&login("r.example", "new")), "Read-only");
    is_broken(&store.remove(&old.key), "Read-only");
    assert_eq!(store.load(&old.key), Ok(Some(old)));
}

#[test]
fn concurrent_saves_leave_one_whole_entry() {
    let (_folder, store) = store(Kind::Tokens);
    let entries: Vec<_> = (0..16).map(|nth| token("a", &format!("{nth}").repeat(5000))).collect();
    std::thread::scope(|threads| {
        for entry in &entries {
            let store = &store;
            threads.spawn(move || {
                for _ in 0..5 {
                    store.save(entry).unwrap();
                    assert!(store.load(&entry.key).unwrap().is_some());
                }
            });
        }
    });
    let last = store.load(&entries[0].key).unwrap().unwrap();
    assert!(entries.contains(&last) || entries.iter().any(|entry| entry.secret == last.secret));
    assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 1);
}
