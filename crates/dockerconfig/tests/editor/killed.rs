#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use dockerconfig::{ConfigFile, HelperName, Saved};

/// The child's variable with the file's path; the child is this program, running the test below.
const FILE: &str = "DOCKERCONFIG_TEST_FILE";
/// Long, so that a half-written file is noticed; the edit makes it shorter.
const OLD: &str = "{\n\t\"credsStore\": \"a-very-long-name-of-a-helper-that-will-be-replaced\"\n}\n";
const NEW: &str = "{\n\t\"credsStore\": \"new\"\n}\n";

/// The system call that exchanges two files, as in `/proc/…/syscall`.
const RENAMEAT2: &str = if cfg!(target_arch = "x86_64") { "316" } else { "276" };

#[test]
#[ignore = "is run by the others, as a process of its own"]
#[allow(clippy::disallowed_methods)] // The only way to hand something to a test.
fn child() {
    let Ok(path) = std::env::var(FILE) else { return };
    let helper = HelperName::parse("new").unwrap();
    let edited = ConfigFile::at(path).edit(|document| document.set_creds_store(&helper)).unwrap();
    println!("{:?}", edited.saved);
}

fn child_of(program: &str, arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::child", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(FILE, path).stderr(Stdio::null());
    command
}

fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        testing::skip("killed at every step", "there is no strace, or it may not trace here");
    }
    can
}

#[test]
fn c12_a_login_between_the_last_read_and_the_exchange_is_not_lost() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, OLD).unwrap();
    // A delay between the call and its execution, the first time only; long enough for a busy machine.
    let late = "inject=renameat2:delay_enter=5000000:when=1";
    let mut child = child_of("strace", &["-f", "-o", "/dev/null", "-e", late], &path);
    let child = child.stdout(Stdio::piped()).spawn().unwrap();
    // Once it is in this call, it has read the file for the last time.
    testing::wait_until("the swap", || {
        let traced = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap_or_default();
        let threads = traced.split_whitespace().flat_map(|id| fs::read_dir(format!("/proc/{id}/task"))).flatten();
        let calls =
            threads.flatten().map(|thread| fs::read_to_string(thread.path().join("syscall")).unwrap_or_default());
        calls.into_iter().any(|call| call.split(' ').next() == Some(RENAMEAT2))
    });
    assert!(ConfigFile::at(&path).read().unwrap().creds_store().unwrap().starts_with("a-very-long"), "not yet swapped");
    crate::together::docker_login(&path, "login.example");
    assert!(child.wait_with_output().unwrap().status.success());
    let document = ConfigFile::at(&path).read().unwrap();
    assert_eq!((document.auths().len(), document.creds_store().as_deref()), (1, Some("new")));
}

/// Kills the child at its first, second… call of each kind until it runs to its end, and checks the file each time;
/// under `unshare` with the file mounted, if `mount` is set.
fn at_every_step(prepare: &dyn Fn(&Path), mount: Option<&str>, check: &dyn Fn(&Path, bool), saved: Saved) {
    if !can_trace() {
        return;
    }
    // The calls that change something, and those between them.
    for call in [
        "openat",
        "write",
        "fsync",
        "fchmod",
        "fchown",
        "flock",
        "renameat2",
        "rename,renameat",
        "linkat",
        "ftruncate",
        "unlink,unlinkat",
        "close",
    ] {
        let mut killed = 0;
        for nth in 1.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("config.json");
            prepare(&path);
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let strace = ["-f", "-o", "/dev/null", "-e", &inject];
            let output = match mount {
                None => child_of("strace", &strace, &path).output(),
                Some(how) => {
                    let arguments =
                        [&[how, "sh", "-c", MOUNTED, path.to_str().unwrap(), "strace"], &strace[..]].concat();
                    child_of("unshare", &arguments, &path).output()
                }
            };
            let output = output.unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let finished = output.status.success();
            check(&path, finished);
            if finished {
                assert!(text.contains(&format!("{saved:?}")), "{text}");
                break;
            }
            killed += 1;
            assert!(nth < 200, "{call} without end: {text}");
        }
        if killed == 0 && call == "fsync" {
            panic!("nothing was killed");
        }
    }
}

fn old_or_new(path: &Path, finished: bool) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text == NEW || !finished && text == OLD, "{text:?}");
    // Leftovers do not hinder the next editor.
    let helper = HelperName::parse("next").unwrap();
    ConfigFile::at(path).edit(|document| document.set_creds_store(&helper)).unwrap();
    let names = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".config.json.")).collect();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn c8_a_process_that_is_killed_leaves_the_old_or_the_new_file() {
    at_every_step(&|path| fs::write(path, OLD).unwrap(), None, &old_or_new, Saved::Replaced);
}

#[test]
fn c8_a_process_that_is_killed_leaves_no_file_or_the_new_one() {
    let check = |path: &Path, finished: bool| match fs::read_to_string(path) {
        Ok(text) => assert_eq!(text, "{\n\t\"auths\": {},\n\t\"credsStore\": \"new\"\n}"),
        Err(error) => assert!(!finished && error.kind() == std::io::ErrorKind::NotFound, "{error}"),
    };
    at_every_step(&|_| (), None, &check, Saved::Replaced);
}

/// The shell's `$0` is the file; it is mounted over itself, similar to `docker run -v config.json:…`.
const MOUNTED: &str = "mount --bind \"$0\" \"$0\" && exec \"$@\"";

/// The option of `unshare` that allows mounts here: as root, or as the root of a user namespace.
fn mounting() -> Option<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let works = |how: &&str| {
        let mut tried = Command::new("unshare");
        tried.args([how, "sh", "-c", MOUNTED]).arg(&path).arg("true").stderr(Stdio::null());
        tried.status().is_ok_and(|status| status.success())
    };
    let how = ["-m", "-rm"].into_iter().find(works);
    if how.is_none() {
        testing::skip("a mounted file", "nothing can be mounted here");
    }
    how
}

#[test]
fn c10_a_mounted_file_is_overwritten_in_place_and_whole_at_every_step() {
    if let Some(how) = mounting() {
        let check = |path: &Path, finished: bool| {
            let text = fs::read_to_string(path).unwrap();
            // Before the last step it ends in line feeds: still the new document.
            assert!(text == NEW || !finished && (text == OLD || text.trim_end() == NEW.trim_end()), "{text:?}");
        };
        at_every_step(&|path| fs::write(path, OLD).unwrap(), Some(how), &check, Saved::InPlace);
    }
}

#[test]
fn c10_a_file_in_a_folder_of_another_user_is_overwritten_in_place() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, OLD).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if chown(&path, Some(12345), Some(12345)).is_err() {
        return testing::skip("a folder of another user", "only root can give a file away");
    }
    let before = fs::metadata(&path).unwrap();
    // Other users cannot read this program's folder, so it is copied.
    let program = folder.path().join("program");
    testing::copy_program(&std::env::current_exe().unwrap(), &program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=12345", "--regid=12345", "--clear-groups"]).arg(&program);
    command.args(["--exact", "killed::child", "--ignored", "--nocapture"]).env(FILE, &path);
    let Ok(output) = command.output() else { return testing::skip("a folder of another user", "there is no setpriv") };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("InPlace"), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let after = fs::metadata(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!((after.ino(), after.uid(), after.mode()), (before.ino(), before.uid(), before.mode()));
}
