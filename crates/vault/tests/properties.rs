//! What holds for every entry, with counter-examples looked for at random.

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
    fn an_entry_comes_back_under_its_key_alone(entry in entry(), other in key()) {
        let bytes = entry.encode();
        prop_assert_eq!(Entry::decode(&bytes, &entry.key), Some(entry.clone()));
        prop_assert_eq!(Entry::decode(&bytes, &other).is_some(), other == entry.key);
    }

    #[test]
    fn a_cut_or_longer_entry_is_none(entry in entry(), at in any::<prop::sample::Index>(), more in any::<u8>()) {
        let mut bytes = entry.encode().to_vec();
        prop_assert_eq!(Entry::decode(&bytes[..at.index(bytes.len())], &entry.key), None);
        bytes.push(more);
        prop_assert_eq!(Entry::decode(&bytes, &entry.key), None);
    }

    #[test]
    fn a_damaged_entry_panics_nobody_and_is_never_another_keys(
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
    // Each case writes to the disk and waits for it.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_vault_of_files_is_a_map(entries in prop::collection::vec(entry(), 1..6), removed in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Some(folder.path().join(name));
        let vault = Vault::new(Choice::File, Places { runtime: place("run"), data: place("data"), ..Places::default() });
        let mut kept: Vec<Entry> = Vec::new();
        for entry in entries {
            let entry = Entry { expires: None, ..entry };
            vault.save(&entry).unwrap();
            kept.retain(|other| other.key != entry.key);
            kept.push(entry);
        }
        let gone = kept.remove(removed.index(kept.len()));
        vault.remove(&gone.key).unwrap();
        prop_assert_eq!(vault.load(&gone.key), Ok(None));
        for entry in &kept {
            prop_assert_eq!(vault.load(&entry.key), Ok(Some(entry.clone())));
        }
        let names = vault.names().unwrap();
        prop_assert_eq!(names.len(), kept.len());
        prop_assert!(kept.iter().all(|entry| names.iter().any(|name| name.key == entry.key)));
    }
}
