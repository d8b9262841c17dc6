use std::fs;
use std::path::{Path, PathBuf};

use dockerconfig::{ConfigError, ConfigFile, Document, HelperName, KeyFormat, Saved};
use protocol::ServerUrl;

const TEXT: &str = "{\n\t\"credsStore\": \"old\"\n}\n";

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Home { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with(name: &str, text: &str) -> (Self, PathBuf) {
        let home = Home::new();
        let path = home.path(name);
        fs::write(&path, text).unwrap();
        (home, path)
    }
}

fn set_store(path: &Path, name: &str) -> Result<Saved, ConfigError> {
    let helper = HelperName::parse(name).unwrap();
    ConfigFile::at(path).edit(|document| document.set_creds_store(&helper)).map(|edited| edited.saved)
}

fn set_helper(path: &Path, server: &str) {
    let (server, helper) = (ServerUrl::parse(server).unwrap(), HelperName::parse("ecr").unwrap());
    let edited = ConfigFile::at(path).edit(|document| document.set_cred_helper(&server, KeyFormat::Docker, &helper));
    assert!(edited.unwrap().undoable);
}

#[cfg(unix)]
fn store(path: &Path) -> Option<String> {
    ConfigFile::at(path).read().unwrap().creds_store()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o7777
}

#[test]
fn c7_an_edit_that_changes_nothing_touches_nothing() {
    let (home, path) = Home::with("config.json", TEXT);
    let (before, folder) = (fs::metadata(&path).unwrap(), fs::metadata(home.folder.path()).unwrap());
    assert_eq!(set_store(&path, "old").unwrap(), Saved::Untouched);
    let (after, folder_after) = (fs::metadata(&path).unwrap(), fs::metadata(home.folder.path()).unwrap());
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(folder.modified().unwrap(), folder_after.modified().unwrap(), "nothing came or went in the folder");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&before), std::os::unix::fs::MetadataExt::ino(&after));
    let absent = home.path("absent/config.json");
    let saved = ConfigFile::at(&absent).edit(Document::remove_creds_store).unwrap().saved;
    assert_eq!((saved, home.path("absent").exists()), (Saved::Untouched, false));
}

#[test]
fn a_preview_writes_nothing() {
    let (home, path) = Home::with("config.json", TEXT);
    let helper = HelperName::parse("new").unwrap();
    let edited = ConfigFile::at(&path).preview(|document| document.set_creds_store(&helper)).unwrap();
    assert_eq!((edited.saved, edited.undoable), (Saved::Untouched, false));
    let shown = dockerconfig::diff("config.json", &edited.before, &edited.after);
    assert!(shown.contains("-\t\"credsStore\": \"old\"\n+\t\"credsStore\": \"new\"\n"), "{shown}");
    assert_eq!(dockerconfig::diff("config.json", &edited.before, &edited.before), "");
    assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
    assert_eq!(fs::read_dir(home.folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn c8_a_link_stays_a_link_and_the_new_file_is_made_where_it_leads() {
    use std::os::unix::fs::symlink;
    for (link, dangling) in [("../dotfiles/docker.json", false), ("absolute", false), ("../dotfiles/docker.json", true)]
    {
        let home = Home::new();
        for folder in ["dotfiles", ".docker"] {
            fs::create_dir(home.path(folder)).unwrap();
        }
        let (real, path) = (home.path("dotfiles/docker.json"), home.path(".docker/config.json"));
        if !dangling {
            fs::write(&real, TEXT).unwrap();
        }
        // A link to a link.
        let first = if link == "absolute" { real.clone() } else { link.into() };
        symlink(&first, home.path(".docker/middle")).unwrap();
        symlink("middle", &path).unwrap();
        assert_eq!(set_store(&path, "new").unwrap(), Saved::Replaced);
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("middle"));
        assert_eq!(fs::read_link(home.path(".docker/middle")).unwrap(), first);
        assert!(!fs::symlink_metadata(&real).unwrap().is_symlink());
        assert_eq!(store(&real).unwrap(), "new");
        assert_eq!(fs::read_dir(home.path("dotfiles")).unwrap().count(), 1, "no litter beside the file");
        if dangling {
            assert_eq!(mode(&real), 0o600);
        }
        ConfigFile::at(&path).undo().unwrap().unwrap();
        assert_eq!(fs::read_to_string(&real).ok().as_deref(), (!dangling).then_some(TEXT));
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    }
}

#[cfg(unix)]
#[test]
fn c8_a_link_that_leads_to_itself_is_an_error() {
    let home = Home::new();
    let path = home.path("config.json");
    std::os::unix::fs::symlink("config.json", &path).unwrap();
    let error = set_store(&path, "new").unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn c9_the_mode_stays_and_what_is_new_is_private() {
    use std::os::unix::fs::PermissionsExt;
    for wanted in [0o644, 0o600, 0o640, 0o666] {
        let (_home, path) = Home::with("config.json", TEXT);
        fs::set_permissions(&path, fs::Permissions::from_mode(wanted)).unwrap();
        set_store(&path, "new").unwrap();
        assert_eq!(mode(&path), wanted);
        assert_eq!(mode(&path.with_file_name("config.json.credmint-undo")), 0o600);
    }
    let home = Home::new();
    let path = home.path(".docker/config.json");
    set_store(&path, "new").unwrap();
    assert_eq!((mode(&path), mode(&home.path(".docker"))), (0o600, 0o700));
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\n\t\"auths\": {},\n\t\"credsStore\": \"new\"\n}");
}

#[cfg(unix)]
#[test]
fn c9_the_owner_stays_when_root_edits() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (_home, path) = Home::with("config.json", TEXT);
    if chown(&path, Some(1234), Some(4321)).is_err() {
        return testing::skip("a folder of another user", "only root can give a file away");
    }
    assert_eq!(set_store(&path, "new").unwrap(), Saved::Replaced);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
}

#[test]
fn only_regular_files_are_edited() {
    let home = Home::new();
    fs::create_dir(home.path("config.json")).unwrap();
    let error = set_store(&home.path("config.json"), "new").unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {}: not a regular file", home.path("config.json").display()));
}

/// The files in a folder; on Windows, which locks no folders, without the file that is locked instead.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !(cfg!(windows) && name.ends_with(".credmint-lock"))).collect();
    names.sort();
    names
}

#[test]
fn leftovers_of_a_killed_editor_are_removed() {
    let (home, path) = Home::with("config.json", TEXT);
    fs::write(home.path(".config.json.credmint-abc123"), "{").unwrap();
    fs::write(home.path(".other.json.credmint-abc123"), "{").unwrap();
    set_store(&path, "new").unwrap();
    assert_eq!(names(home.folder.path()), [".other.json.credmint-abc123", "config.json", "config.json.credmint-undo"]);
}

#[test]
fn undo_restores_the_bytes_after_several_edits() {
    for text in [TEXT, "{ }", "\n", "{\"credHelpers\":{ \"r.example\":\"x\" , \"s\":\"y\"}}\r\n"] {
        let (home, path) = Home::with("config.json", text);
        set_store(&path, "new").unwrap();
        set_helper(&path, "r.example");
        set_helper(&path, "docker.io");
        ConfigFile::at(&path).edit(Document::remove_creds_store).unwrap();
        let undone = ConfigFile::at(&path).undo().unwrap().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), undone.kept.len()), (text, 0));
        assert!(ConfigFile::at(&path).undo().unwrap().is_none(), "once");
        assert_eq!(names(home.folder.path()), ["config.json"]);
    }
}

#[test]
fn undo_keeps_later_changes_of_others() {
    let (_home, path) = Home::with("config.json", TEXT);
    set_store(&path, "new").unwrap();
    set_helper(&path, "r.example");
    set_helper(&path, "s.example");
    // Docker saves in its own order, with one more login; and the user chose another helper for s.example.
    let docker = "{\n\t\"auths\": {\n\t\t\"t.example\": {}\n\t},\n\t\"credsStore\": \"new\",\n\t\"credHelpers\": {\n\t\t\"r.example\": \"ecr\",\n\t\t\"s.example\": \"theirs\"\n\t}\n}";
    fs::write(&path, docker).unwrap();
    let undone = ConfigFile::at(&path).undo().unwrap().unwrap();
    assert_eq!(undone.kept, ["credHelpers: s.example"]);
    let expected = docker.replace("\"new\"", "\"old\"").replace("\n\t\t\"r.example\": \"ecr\",", "");
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn undo_never_keeps_a_login() {
    let text = "{\"auths\":{\"r.example\":{\"auth\":\"dTpjYW5hcnk=\"}},\"credsStore\":\"old\"}";
    let (_home, path) = Home::with("config.json", text);
    let helper = HelperName::parse("new").unwrap();
    let migrate = |document: &mut Document| {
        document.auths()[0].login().iter().for_each(|login| assert!(document.remove_login(login)));
        document.set_creds_store(&helper);
    };
    ConfigFile::at(&path).edit(migrate).unwrap();
    let record = fs::read_to_string(path.with_file_name("config.json.credmint-undo")).unwrap();
    assert!(record.contains("old") && !record.contains("dTpjYW5hcnk"), "{record}");
    ConfigFile::at(&path).undo().unwrap().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"auths\":{\"r.example\":{}},\"credsStore\":\"old\"}");
}

#[test]
fn a_damaged_undo_record_is_reported_and_hinders_no_edit() {
    let (home, path) = Home::with("config.json", TEXT);
    fs::write(home.path("config.json.credmint-undo"), "{").unwrap();
    let helper = HelperName::parse("new").unwrap();
    let edited = ConfigFile::at(&path).edit(|document| document.set_creds_store(&helper)).unwrap();
    assert_eq!((edited.saved, edited.undoable), (Saved::Replaced, false));
    let error = ConfigFile::at(&path).undo().unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.contains("config.json.credmint-undo: "), "{error}");
}
