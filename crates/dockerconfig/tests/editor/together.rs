use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dockerconfig::{ConfigFile, HelperName, KeyFormat};
use protocol::ServerUrl;
use serde_json::{Value, json};

fn edit(path: &Path, server: &str) {
    let (server, helper) = (ServerUrl::parse(server).unwrap(), HelperName::parse("ecr").unwrap());
    ConfigFile::at(path).edit(|document| document.set_cred_helper(&server, KeyFormat::Docker, &helper)).unwrap();
}

/// Like `docker login` with a helper: reads, adds a marker and renames, without a second read or a lock.
pub(crate) fn docker_login(path: &Path, server: &str) {
    let mut config: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    config["auths"][server] = json!({});
    let mut file = tempfile::Builder::new().prefix("config.json").tempfile_in(path.parent().unwrap()).unwrap();
    serde_json::to_writer_pretty(&mut file, &config).unwrap();
    file.persist(path).unwrap();
}

/// Runs `work` while another thread reads the file repeatedly: it must always be complete.
fn read_meanwhile(path: &Path, work: impl FnOnce()) {
    /// Ends the reader even if `work` panics.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
                reads += 1;
                // On Windows, an open file cannot be replaced; real clients read it once.
                std::thread::sleep(Duration::from_millis(if cfg!(windows) { 10 } else { 0 }));
            }
            reads
        });
        let ended = Done(&done);
        work();
        drop(ended);
        assert!(reader.join().unwrap() > 10);
    });
}

#[test]
fn c12_concurrent_editors_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, "{}").unwrap();
    read_meanwhile(&path, || {
        std::thread::scope(|threads| {
            for editor in 0..4 {
                let path = &path;
                threads.spawn(move || (0..12).for_each(|nth| edit(path, &format!("r{nth}.e{editor}.example"))));
            }
        });
    });
    assert_eq!(ConfigFile::at(&path).read().unwrap().cred_helpers().len(), 48);
    ConfigFile::at(&path).undo().unwrap().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}", "and one undo knows of them all");
}

/// Not on Windows: it cannot exchange two files, and Docker fails there if a file is open.
#[cfg(not(windows))]
#[test]
fn c12_no_editor_loses_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, "{}").unwrap();
    // Docker itself may lose an edit: it may always write what it read before.
    read_meanwhile(&path, || {
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for nth in 0..150 {
                    docker_login(&path, &format!("l{nth}.example"));
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            for editor in 0..2 {
                let path = &path;
                threads.spawn(move || (0..20).for_each(|nth| edit(path, &format!("r{nth}.e{editor}.example"))));
            }
        });
    });
    let logins = ConfigFile::at(&path).read().unwrap().auths().len();
    assert_eq!(logins, 150);
}

#[test]
fn an_edit_is_repeated_if_the_file_changes_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, "{}").unwrap();
    let (server, helper) = (ServerUrl::parse("r.example").unwrap(), HelperName::parse("ecr").unwrap());
    let mut calls = 0;
    let edited = ConfigFile::at(&path).edit(|document| {
        calls += 1;
        // The first call is the preview; the second one is under the lock, and a login is written meanwhile.
        if calls == 2 {
            docker_login(&path, "login.example");
        }
        document.set_cred_helper(&server, KeyFormat::Docker, &helper);
    });
    assert_eq!((calls, edited.unwrap().before.auths().len()), (3, 1));
    let document = ConfigFile::at(&path).read().unwrap();
    assert_eq!((document.auths().len(), document.cred_helpers().len()), (1, 1));
    ConfigFile::at(&path).undo().unwrap().unwrap();
    let back = fs::read_to_string(&path).unwrap();
    assert_eq!(back, "{\n  \"auths\": {\n    \"login.example\": {}\n  }\n}", "the bytes that the login left");
}
