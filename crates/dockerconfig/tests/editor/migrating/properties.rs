use std::cell::RefCell;

use dockerconfig::{Document, HelperQueries};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::{DOCKERS, Kept, PODMANS, key, pair};

/// Keys of one registry in every spelling, of Docker Hub, and of another registry.
const KEYS: [&str; 17] = [
    "r.example",
    "https://r.example",
    "http://r.example",
    "https://r.example/v1/",
    "https://r.example/some/path",
    "r.example/v2/",
    "r.example/team",
    "r.example/team/app",
    "r.example:443",
    "R.example",
    "https://index.docker.io/v1/",
    "docker.io",
    "index.docker.io",
    "https://registry-1.docker.io",
    "docker.io/library",
    "http://docker.io",
    "s.example",
];
const HELPED: [&str; 5] = ["r.example", "https://index.docker.io/v1/", "docker.io", "r.example:443", "s.example"];

fn config() -> impl Strategy<Value = Value> {
    let entry = prop_oneof![
        2 => Just(json!({"auth": "YTpw"})),
        2 => Just(json!({"auth": "Yjpw"})),
        1 => Just(json!({"auth": "Yzpw"})),
        1 => Just(json!({})),
        1 => Just(json!({"auth": "YTpw", "registrytoken": "t"})),
        1 => Just(json!({"registrytoken": "t"})),
    ];
    let auths = subsequence(&KEYS[..], 0..=4).prop_flat_map(move |keys| {
        vec(entry.clone(), keys.len())
            .prop_map(move |entries| Value::Object(keys.iter().map(|key| (*key).to_owned()).zip(entries).collect()))
    });
    let helper = || select(&["credmint", "pass", "absent"][..]);
    let helpers = btree_map(select(&HELPED[..]), helper(), 0..3);
    (auths, prop::option::of(helper()), helpers).prop_map(|(auths, store, helpers)| {
        let mut config = json!({"auths": auths});
        if let Some(store) = store {
            config["credsStore"] = json!(store);
        }
        if !helpers.is_empty() {
            config["credHelpers"] = json!(helpers);
        }
        config
    })
}

fn kept() -> impl Strategy<Value = Kept> {
    let user = || select(&["a", "b", "d"][..]);
    (btree_map(select(&HELPED[..]), user(), 0..2), btree_map(select(&HELPED[..]), user(), 0..3)).prop_map(
        |(ours, pass)| Kept {
            ours: RefCell::new(ours.into_iter().map(|(asked, user)| (key(asked), pair(user))).collect()),
            pass: pass.into_iter().map(|(asked, user)| (asked.to_owned(), pair(user))).collect(),
        },
    )
}

/// Simulates the clients' lookups, including their helpers, with whole documents and every order of their maps.
#[track_caller]
fn every_image_keeps_its_login(kept: &Kept, config: &Value, wired: &Value, podman: bool, only_shadowed: bool) {
    let parse = |value: &Value| Document::parse(value.to_string().into_bytes()).unwrap();
    let (before, wired) = (parse(config), parse(wired));
    let clients = if podman { PODMANS } else { DOCKERS };
    let earlier = kept.users(clients, &before);
    let unmoved = kept.users(clients, &wired);
    let (after, plan) = kept.migrate(&before, &wired, clients, only_shadowed);
    let later = kept.users(clients, &after);
    for (((client, image, earlier), (.., unmoved)), (.., later)) in earlier.iter().zip(unmoved).zip(later) {
        let nobody = earlier.len() == 1 && earlier.contains("");
        // Logins that the edit hides and that could not be moved are named; the others are as before.
        let hides = !unmoved.is_subset(earlier) || !plan.shadowed.is_empty();
        let named = hides && !plan.skipped.is_empty();
        assert!(
            nobody || named || later.is_subset(earlier),
            "{client:?} {image:?}: {earlier:?}, then {later:?}: {} {plan:?}",
            String::from_utf8_lossy(after.text())
        );
    }
    for auth in before.auths() {
        let Some(login) = auth.login() else { continue };
        let moved = plan.moves.iter().find(|moved| moved.keys.contains(&auth.server));
        let stays = after.auths().contains(&auth);
        assert!(moved.is_some() != stays, "{auth:?}: {plan:?}");
        if let Some(moved) = moved {
            assert_eq!(kept.stored_login(&moved.login.server).map(|kept| kept.username), Some(login.username));
        } else if !only_shadowed {
            assert!(plan.skipped.iter().any(|left| left.key == auth.server), "{} is named: {plan:?}", auth.server);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_migration_keeps_every_login(config in config(), kept in kept(), podman in any::<bool>()) {
        every_image_keeps_its_login(&kept, &config, &config, podman, false);
    }

    #[test]
    fn a_migration_with_a_new_wiring_keeps_every_login(config in config(), kept in kept(), store in any::<bool>()) {
        let mut config = config;
        if store && config["credsStore"] == "pass" {
            // Only `migrate --from` moves what a store keeps.
            config["credsStore"] = json!("absent");
        }
        let mut wired = config.clone();
        if store {
            wired["credsStore"] = json!("credmint");
        } else {
            wired["credHelpers"]["r.example"] = json!("credmint");
        }
        every_image_keeps_its_login(&kept, &config, &wired, false, true);
    }
}
