use std::time::Duration;

use super::*;
use crate::file::{FileStore, Kind};
use crate::testing::{login, now, token};

/// Two file stores, and before them one that fails with an error.
fn vault(choice: Choice, folder: &std::path::Path, first: Option<VaultError>) -> (Vault, [FileStore; 2]) {
    let place = |name: &str| FileStore::new(folder.join(name), Kind::Tokens);
    let mut stores: Vec<Box<dyn Store + Send + Sync>> = Vec::new();
    stores.extend(first.map(|error| Box::new(Failing(error)) as Box<dyn Store + Send + Sync>));
    stores.push(Box::new(place("outer")));
    stores.push(Box::new(place("inner")));
    (Vault { choice, stores, logins: None, unreachable: None }, [place("outer"), place("inner")])
}

struct Failing(VaultError);

impl Store for Failing {
    fn place(&self) -> String {
        "failing".to_owned()
    }
    fn load(&self, _: &Key) -> Result<Option<Entry>, VaultError> {
        Err(self.0.clone())
    }
    fn save(&self, _: &Entry) -> Result<Location, VaultError> {
        Err(self.0.clone())
    }
    fn remove(&self, _: &Key) -> Result<(), VaultError> {
        Err(self.0.clone())
    }
    fn names(&self) -> Result<Vec<Name>, VaultError> {
        Err(self.0.clone())
    }
}

const LOCKED: VaultError = VaultError::Locked { place: "keychain" };

fn absent() -> VaultError {
    VaultError::Absent { place: "keychain", why: "none".to_owned() }
}

#[test]
fn an_expired_token_does_not_hide_a_valid_one() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, [outer, inner]) = vault(Choice::Auto, folder.path(), None);
    let valid = token("a", "valid");
    let expired = Entry { expires: Some(now() - Duration::from_secs(1)), ..token("a", "expired") };
    outer.save(&expired).unwrap();
    assert_eq!(vault.load(&valid.key), Ok(None));
    assert_eq!(vault.names(), Ok(Vec::new()));
    inner.save(&valid).unwrap();
    assert_eq!(vault.load(&valid.key), Ok(Some(valid.clone())));
    assert_eq!(vault.names().unwrap()[0].expires, valid.expires);
}

#[test]
fn expired_tokens_are_removed_unless_another_process_renews_them() {
    let folder = tempfile::tempdir().unwrap();
    let (mut vault, [outer, _]) = vault(Choice::Auto, folder.path(), None);
    let logins = FileStore::new(folder.path().to_owned(), Kind::Logins);
    vault.stores.push(Box::new(FileStore::new(folder.path().to_owned(), Kind::Logins)));
    let over = |entry: Entry| Entry { expires: Some(now() - Duration::from_secs(1)), ..entry };
    logins.save(&over(login("r.example", "expired"))).unwrap();
    outer.save(&token("valid", "s")).unwrap();
    for id in ["expired", "being renewed", "renewed"] {
        outer.save(&over(token(id, "s"))).unwrap();
    }
    vault.sweep(now(), |id| match id {
        "being renewed" => None,
        // After the tokens were listed, and before the lock was free.
        "renewed" => outer.save(&token(id, "new")).ok().map(drop),
        "expired" => Some(()),
        _ => panic!("{id} has not expired"),
    });
    let left = |id: &str| outer.load(&Key::Token(id.to_owned())).unwrap().map(|token| token.secret.expose().to_owned());
    let left = ["valid", "expired", "being renewed", "renewed"].map(left);
    assert_eq!(left.each_ref().map(Option::as_deref), [Some("s"), None, Some("s"), Some("new")]);
    assert_eq!(logins.names().unwrap().len(), 1, "the caller decides about expired logins");
}

#[test]
fn there_is_one_copy_and_it_is_removed_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, [outer, inner]) = vault(Choice::Auto, folder.path(), None);
    let (old, new) = (token("a", "old"), token("a", "new"));
    inner.save(&old).unwrap();
    vault.save(&new).unwrap();
    assert_eq!((outer.load(&new.key), inner.load(&new.key)), (Ok(Some(new.clone())), Ok(None)));
    inner.save(&old).unwrap();
    assert_eq!(vault.names().unwrap().len(), 1, "no key twice");
    vault.remove(&new.key).unwrap();
    assert_eq!(vault.load(&new.key), Ok(None));
}

#[test]
fn an_error_is_returned_only_if_no_store_works() {
    let folder = tempfile::tempdir().unwrap();
    let entry = token("a", "s");
    for (choice, error, reported) in
        [(Choice::Auto, LOCKED, true), (Choice::Auto, absent(), false), (Choice::Keychain, absent(), true)]
    {
        let (vault, _) = vault(choice, folder.path(), Some(error.clone()));
        assert_eq!(vault.load(&entry.key), if reported { Err(error.clone()) } else { Ok(None) });
        vault.save(&entry).unwrap();
        assert_eq!(vault.load(&entry.key), Ok(Some(entry.clone())));
        assert_eq!(vault.names().unwrap().len(), 1);
        let removed = vault.remove(&entry.key);
        assert_eq!(removed, if error == LOCKED { Err(LOCKED) } else { Ok(Removal::Complete) });
        // No other store accepts a login.
        assert!(vault.save(&login("r.example", "")).is_err_and(|found| !reported || found == error));
        let stores: Vec<Box<dyn Store + Send + Sync>> = vec![Box::new(Failing(error.clone()))];
        let alone = Vault { choice, stores, logins: None, unreachable: None };
        assert_eq!(alone.names(), if reported { Err(error) } else { Ok(Vec::new()) });
    }
}

#[test]
fn without_a_store_nothing_is_saved() {
    let entry = token("a", "s");
    let none = Vault::new(Choice::None, Places::default());
    assert_eq!((none.save(&entry), none.load(&entry.key)), (Ok(Location::Nowhere), Ok(None)));
    let nowhere = Vault::new(Choice::File, Places::default());
    assert!(matches!(nowhere.save(&entry), Err(VaultError::Absent { .. })));
    assert_eq!((nowhere.load(&entry.key), nowhere.names()), (Ok(None), Ok(Vec::new())));
}
