//! Properties of every entry, checked with random inputs.

#![allow(clippy::unwrap_used)] // In a test a panic is the message.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use protocol::{Secret, ServerUrl};
use vault::{Choice, Entry, Key, Places, Vault};

fn key() -> impl Strategy<Value = Key> {
    let server = "(https?://)?[a-z]{1,8}(\\.[a-z]{1,8}){0,2}(:[1-9][0-9]{0,3})?(/[a-z]{1,4})?";
    prop_oneof![
        "[a-z0-9.:-]{1,20}/[0-9a-f]{1,32}".prop_map(Key::Token),
        any::<String>().prop_map(Key::Token),
        server.prop_map(|text| Key::Login(ServerUrl::parse(&text).unwrap())),
    ]
}

prop_compose! {
    fn entry()(
        key in key(), server in any::<String>(), username in any::<String>(), secret in any::<String>(),
        issued in 0_u64..1 << 39, expires in any::<Option<u32>>(),
    ) -> Entry {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let expires = expires.map(|life| at(issued + u64::from(life)));
        Entry { key, server, username, secret: Secret::new(secret), issued: at(issued), expires, requires: None }
    }
}

proptest! {
    #[test]
    fn an_entry_is_decoded_with_its_own_key_only(entry in entry(), other in key()) {
        let bytes = entry.encode();
        prop_assert_eq!(Entry::decode(&bytes, &entry.key), Some(entry.clone()));
        prop_assert_eq!(Entry::decode(&bytes, &other).is_some(), other == entry.key);
    }

    #[test]
    fn a_truncated_or_longer_entry_is_none(entry in entry(), at in any::<prop::sample::Index>(), more in any::<u8>()) {
        let mut bytes = entry.encode().to_vec();
        prop_assert_eq!(Entry::decode(&bytes[..at.index(bytes.len())], &entry.key), None);
        bytes.push(more);
        prop_assert_eq!(Entry::decode(&bytes, &entry.key), None);
    }

    #[test]
    fn a_damaged_entry_never_panics_and_never_has_another_key(
        entry in entry(), other in key(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = entry.encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(found) = Entry::decode(&bytes, &other) {
            prop_assert_eq!(found.key, other);
        }
    }
}

proptest! {
    // Few cases, because each one syncs files to the disk.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_file_vault_behaves_like_a_map(entries in prop::collection::vec(entry(), 1..6), removed in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Some(folder.path().join(name));
        let vault = Vault::new(Choice::File, Places { runtime: place("run"), data: place("data"), ..Places::default() });
        let mut stored: Vec<Entry> = Vec::new();
        for entry in entries {
            let entry = Entry { expires: None, ..entry };
            vault.save(&entry).unwrap();
            stored.retain(|other| other.key != entry.key);
            stored.push(entry);
        }
        let gone = stored.remove(removed.index(stored.len()));
        vault.remove(&gone.key).unwrap();
        prop_assert_eq!(vault.load(&gone.key), Ok(None));
        for entry in &stored {
            prop_assert_eq!(vault.load(&entry.key), Ok(Some(entry.clone())));
        }
        let names = vault.names().unwrap();
        prop_assert_eq!(names.len(), stored.len());
        prop_assert!(stored.iter().all(|entry| names.iter().any(|name| name.key == entry.key)));
    }
}
