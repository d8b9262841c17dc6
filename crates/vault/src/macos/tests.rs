use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::tool::Tool;
use super::*;
use crate::testing::{login, token};
use testing::skip;

const FOREIGN: VaultError = VaultError::Foreign { place: PLACE };

/// A keychain in memory, which behaves as the real one does to another program.
#[derive(Default)]
struct Memory {
    items: RefCell<BTreeMap<(String, String), (String, String)>>,
    /// The status with which everything but listing fails.
    status: Cell<Option<Status>>,
    is_locked: Cell<bool>,
}

impl Memory {
    fn allowed(&self) -> Result<(), Status> {
        self.status.get().map_or(Ok(()), Err)
    }
}

impl Items for Memory {
    fn is_locked(&self) -> bool {
        self.is_locked.get()
    }

    fn read(&self, service: &str, account: &str) -> Result<(String, Zeroizing<String>), Status> {
        self.allowed()?;
        let items = self.items.borrow();
        let (comment, value) = items.get(&(service.to_owned(), account.to_owned())).ok_or(Status::NOT_FOUND)?;
        Ok((comment.clone(), Zeroizing::new(value.clone())))
    }

    fn write(&self, items: &[Item<'_>]) -> Result<(), Status> {
        for item in items {
            self.allowed()?;
            let name = (item.service.to_owned(), item.account.to_owned());
            self.items.borrow_mut().insert(name, (item.comment.to_owned(), item.value.to_owned()));
        }
        Ok(())
    }

    fn delete(&self, service: &str, account: &str) -> Result<(), Status> {
        self.allowed()?;
        let gone = self.items.borrow_mut().remove(&(service.to_owned(), account.to_owned()));
        gone.map(drop).ok_or(Status::NOT_FOUND)
    }

    fn list(&self, service: &str) -> Result<Vec<Named>, Status> {
        let items = self.items.borrow();
        let ours = items.iter().filter(|((of, _), _)| of == service);
        let named = |((_, account), (comment, _)): (&(String, String), &(String, String))| Named {
            account: account.clone(),
            comment: comment.clone(),
        };
        Ok(ours.map(named).collect())
    }
}

/// The fake of `security`, in its own folder.
fn fake_security() -> Option<(tempfile::TempDir, PathBuf)> {
    if !Path::new("/usr/bin/python3").exists() {
        skip("the fake of security", "python3 is not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("security");
    std::fs::write(&path, include_str!("tests/security")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    Some((folder, path))
}

fn with_tool(program: &Path) -> Entries<Tool> {
    Entries(Tool::new(program.to_owned(), || false))
}

fn round<I: Items>(entries: &Entries<I>, lengths: &[usize]) {
    for &length in lengths {
        for entry in [token("ecr:aws/1", &"x".repeat(length)), login("r.example:5000", &"é\"\\\n'".repeat(length / 6))]
        {
            entries.save(&entry).unwrap();
            assert_eq!(entries.load(&entry.key), Ok(Some(entry)), "{length}");
        }
        assert_eq!(entries.names().unwrap().len(), 2);
    }
    let longest = login(&format!("{}example", "r.".repeat(100)), "secret");
    entries.save(&longest).unwrap();
    assert_eq!(entries.load(&longest.key), Ok(Some(longest.clone())));
    for entry in [token("ecr:aws/1", ""), login("r.example:5000", ""), longest] {
        entries.remove(&entry.key).unwrap();
        entries.remove(&entry.key).unwrap();
        assert_eq!(entries.load(&entry.key), Ok(None));
    }
    assert_eq!(entries.names(), Ok(Vec::new()));
}

#[test]
fn entries_are_loaded_replaced_and_removed() {
    let entries = Entries(Memory::default());
    round(&entries, &[0, 1, LARGEST - 1, LARGEST, LARGEST + 1, 3 * LARGEST, 2 * LARGEST + 7, 5]);
    assert!(entries.0.items.borrow().is_empty(), "no part is left");
    let Some((_folder, program)) = fake_security() else { return };
    round(&with_tool(&program), &[2 * LARGEST + 7, 0]);
    assert_eq!(std::fs::read_to_string(program.with_extension("json")).unwrap(), "[]", "no part is left");
}

#[test]
fn each_status_has_its_own_error() {
    let (kept, of_login) = (token("a", "secret"), login("r.example", "secret"));
    let broken = |why: &str| VaultError::Failed { place: PLACE, why: why.to_owned() };
    let absent = |why: &str| VaultError::Absent { place: PLACE, why: format!("not in this session (OSStatus {why})") };
    for (status, expected) in [
        (Status::INVALID_OWNER_EDIT, FOREIGN),
        (Status::AUTH_FAILED, FOREIGN),
        (Status::DUPLICATE, FOREIGN),
        (Status::INTERACTION_NOT_ALLOWED, FOREIGN),
        (Status::USER_CANCELED, VaultError::Unconfirmed { place: PLACE }),
        (Status::NO_DEFAULT_KEYCHAIN, VaultError::NoCollection { place: PLACE }),
        (Status::NO_SUCH_KEYCHAIN, absent("-25294")),
        (Status::NOT_AVAILABLE, absent("-25291")),
        (Status(-67068), broken("OSStatus -67068")),
        (Status::NO_ANSWER, broken("cannot run /usr/bin/security")),
    ] {
        let entries = Entries(Memory::default());
        for entry in [&kept, &of_login] {
            entries.save(entry).unwrap();
        }
        entries.0.status.set(Some(status));
        assert_eq!(entries.load(&of_login.key), Err(expected.clone()), "{status:?}");
        assert_eq!(entries.remove(&of_login.key), Err(expected.clone()), "{status:?}: the secret stays");
        assert_eq!(entries.save(&of_login), Err(expected.clone()), "{status:?}");
        let of_token = entries.load(&kept.key);
        let expected = if expected == FOREIGN { Ok(None) } else { Err(expected) };
        assert_eq!(of_token, expected, "{status:?}: a token of another program is replaced");
        assert_eq!(entries.names().unwrap().len(), 2, "{status:?}: an unreadable item is still listed");
    }
}

#[test]
fn a_locked_keychain_is_reported_and_not_accessed() {
    let entries = Entries(Memory::default());
    let kept = login("r.example", "secret");
    entries.save(&kept).unwrap();
    entries.0.is_locked.set(true);
    entries.0.status.set(Some(Status::NO_ANSWER));
    let locked = VaultError::Locked { place: PLACE };
    assert_eq!(entries.load(&kept.key), Err(locked.clone()));
    assert_eq!(entries.save(&kept), Err(locked.clone()));
    assert_eq!(entries.remove(&kept.key), Err(locked.clone()));
    assert_eq!(entries.ready(), Err(locked.clone()));
    assert_eq!(entries.names().unwrap().len(), 1, "attributes remain readable");
    assert!(locked.remedy().unwrap().contains("security unlock-keychain"));
}

#[test]
fn a_damaged_part_makes_the_entry_absent() {
    let entries = Entries(Memory::default());
    let kept = token("a", &"x".repeat(2 * LARGEST));
    entries.save(&kept).unwrap();
    let name = (PARTS.to_owned(), part_of(&label(&kept.key), 1));
    for value in ["", "1", "1eHg=", "2", "not base64"] {
        entries.0.items.borrow_mut().insert(name.clone(), (String::new(), value.to_owned()));
        assert_eq!(entries.load(&kept.key), Ok(None), "{value}");
    }
    entries.0.items.borrow_mut().remove(&name);
    assert_eq!(entries.load(&kept.key), Ok(None));
}

#[test]
fn the_output_of_security_is_parsed() {
    let Some((_folder, program)) = fake_security() else { return };
    let entries = with_tool(&program);
    let (kept, of_login) = (token("a", "secret"), login("r.example", "secret"));
    for entry in [&kept, &of_login] {
        entries.save(entry).unwrap();
    }
    // Items of another build, and of another program with the same service.
    let state = program.with_extension("json");
    let foreign = std::fs::read_to_string(&state).unwrap().replace("\"a\":", "\"foreign\": true, \"a\":");
    let unrelated = r#"[{"a": "\u00e9", "s": "credmint", "w": "x"}, {"class": "inet", "a": "b", "s": "credmint"}, "#;
    std::fs::write(&state, foreign.replacen('[', unrelated, 1)).unwrap();
    assert_eq!(entries.names().unwrap().len(), 2, "no item hides another");
    assert_eq!(entries.load(&of_login.key), Err(FOREIGN));
    assert_eq!(entries.save(&of_login), Err(FOREIGN));
    assert_eq!(entries.remove(&of_login.key), Err(FOREIGN), "`password has been deleted.` is printed nevertheless");
    assert_eq!(entries.load(&kept.key), Ok(None));

    for (command, status) in [("find-generic-password", -128), ("find-generic-password", -25307)] {
        std::fs::write(program.with_extension("fail"), format!("{command} {status}\n")).unwrap();
        assert_eq!(entries.load(&of_login.key), Err(Status(status).explained()));
    }
    let nowhere = with_tool(Path::new("/nowhere/security"));
    assert_eq!(nowhere.load(&kept.key), Err(Status::NO_ANSWER.explained()));
}

#[test]
fn a_secret_is_in_no_argument_and_no_line_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("security");
    let script = "#!/bin/sh\necho \"$@\" >>\"$0.arguments\"\ncat >>\"$0.input\"\necho 'delete-generic-password: returned -25300' >&2\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let secret = "canary".repeat(2_000);
    with_tool(&program).save(&login(&format!("{}example", "r.".repeat(100)), &secret)).unwrap();
    let input = std::fs::read_to_string(folder.path().join("security.input")).unwrap();
    assert!(input.lines().count() > 6 && input.lines().all(|line| line.len() < 4_032), "no line is cut");
    assert!(input.contains(&BASE64.encode("canary".repeat(100))[..]), "it goes over standard input");
    let arguments = std::fs::read_to_string(folder.path().join("security.arguments")).unwrap();
    assert!(arguments.lines().all(|line| line == "-i"), "{arguments}");
}
