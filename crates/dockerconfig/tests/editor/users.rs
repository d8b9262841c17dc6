use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};

use dockerconfig::{ConfigFile, HelperName};

fn helper(name: &str) -> HelperName {
    HelperName::parse(name).unwrap()
}

#[test]
fn files_that_root_creates_in_another_home_belong_to_its_user() {
    if !rustix::process::geteuid().is_root() {
        return testing::skip(
            "files_that_root_creates_in_another_home_belong_to_its_user",
            "only root can be another user",
        );
    }
    let home = tempfile::tempdir().unwrap();
    chown(home.path(), Some(4711), Some(4712)).unwrap();
    let owner = |name: &str| {
        let metadata = home.path().join(name).symlink_metadata().unwrap();
        (metadata.uid(), metadata.gid())
    };
    let path = home.path().join(".config/containers/auth.json");
    ConfigFile::at(&path).edit(|document| document.set_creds_store(&helper("credmint"))).unwrap();
    for name in
        [".config", ".config/containers", ".config/containers/auth.json", ".config/containers/auth.json.credmint-undo"]
    {
        assert_eq!(owner(name), (4711, 4712), "{name}");
    }
    // An existing folder keeps its owner.
    std::fs::create_dir(home.path().join(".docker")).unwrap();
    let path = home.path().join(".docker/config.json");
    ConfigFile::at(&path).edit(|document| document.set_creds_store(&helper("credmint"))).unwrap();
    assert_eq!((owner(".docker"), owner(".docker/config.json")), ((0, 0), (0, 0)));
    // A link leads into a folder of root's: nothing in it changes its owner.
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), home.path().join("link")).unwrap();
    ConfigFile::at(home.path().join("link/new/config.json"))
        .edit(|document| document.set_creds_store(&helper("credmint")))
        .unwrap();
    let made = |name: &str| elsewhere.path().join(name).metadata().unwrap().uid();
    assert_eq!((made(""), made("new"), made("new/config.json")), (0, 0, 0));
}

#[test]
fn another_users_lock_is_named_and_not_waited_for() {
    if !rustix::process::geteuid().is_root() {
        return testing::skip("another_users_lock_is_named_and_not_waited_for", "only root can be another user");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut lock = Command::new("setpriv");
    lock.args(["--reuid=4711", "--clear-groups", "flock"]).arg(folder.path()).args([
        "sh",
        "-c",
        "echo held; read line",
    ]);
    let mut lock = lock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(lock.stdout.as_mut().unwrap(), &mut [0; 5]).unwrap();
    let file = ConfigFile::at(folder.path().join("config.json"));
    let edited = file.edit(|document| document.set_creds_store(&helper("credmint"))).unwrap();
    let holder = edited.other_lock_holder.unwrap();
    assert_eq!((holder.program.as_str(), holder.user), ("flock", Some(4711)));
    assert_eq!(holder.process, lock.id());
    drop(lock.stdin.take());
    lock.wait().unwrap();
    let edited = file.edit(|document| document.set_creds_store(&helper("other"))).unwrap();
    assert_eq!(edited.other_lock_holder, None);
}
