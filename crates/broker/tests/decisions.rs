//! The broker's decisions, with a cloud that the test controls, a real file vault and a clock
//! that the test sets.

#![allow(clippy::unwrap_used)] // In a test a panic is the message.

#[path = "decisions/fixture.rs"]
mod fixture;
#[path = "decisions/single_flight.rs"]
mod single_flight;

use std::time::{Duration, SystemTime};

use broker::MintError;
use protocol::Failure;
use settings::Settings;

use crate::fixture::{Fixture, HOUR, NOW, failed, pass, why};

const REGISTRY: &str = "a.cloud.example";

#[test]
fn a_token_minted_under_other_conditions_is_never_served() {
    let fixture = Fixture::new();
    *fixture.cloud.0.stage.borrow_mut() = "dev";
    assert_eq!(fixture.get(REGISTRY).unwrap(), "CLOUD:alice-1");
    assert_eq!(fixture.get(REGISTRY).unwrap(), "CLOUD:alice-1", "under the same ones it is");
    *fixture.cloud.0.stage.borrow_mut() = "prod";
    fixture.refuses(failed());
    assert!(fixture.get(REGISTRY).is_err(), "not even where there is no other");
    fixture.refuses(None);
    assert_eq!(fixture.get(REGISTRY).unwrap(), "CLOUD:alice-2");
}

#[test]
fn one_token_serves_every_account_of_a_service() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    assert_eq!(fixture.get("https://b.cloud.example/v2/").unwrap(), "CLOUD:alice-1");
    assert_eq!(fixture.cloud.0.mints.get(), 1);
}

#[test]
fn a_foreign_host_is_not_found() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("docker.io"), Err(Failure::NotFound));
    assert_eq!(fixture.cloud.0.mints.get(), 0);
}

#[test]
fn another_identity_gets_another_token() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    fixture.signs_in("bob");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:bob-2");
    fixture.signs_in("alice");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    // The vault counts in seconds.
    pass(12 * HOUR as i64 - 602);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    pass(3);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-2");
}

#[test]
fn a_token_that_lives_for_minutes_is_cached_for_half_of_its_life() {
    for (life, margin, cached) in [(300, 600, 149), (30, 600, 14), (HOUR, 7_200, 1_799)] {
        let fixture = Fixture::new();
        fixture.cloud.0.life.set(life);
        let get = || {
            let settings = Settings { refresh_before: Duration::from_secs(margin), ..Settings::default() };
            fixture.get_with(settings, "a.cloud.example").unwrap()
        };
        assert_eq!(get(), "CLOUD:alice-1");
        // The vault counts in seconds.
        pass(cached - 1);
        assert_eq!(get(), "CLOUD:alice-1", "{life}");
        pass(3);
        assert_eq!(get(), "CLOUD:alice-2", "{life}");
    }
}

#[test]
fn a_token_near_expiry_is_served_if_minting_fails() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    pass(12 * HOUR as i64 - 300);
    fixture.refuses(failed());
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    fixture.refuses(Some(MintError::NoIdentity(why("no identity"))));
    assert_eq!(fixture.get("public.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn an_expired_token_is_never_served() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    pass(12 * HOUR as i64);
    fixture.refuses(failed());
    assert_eq!(fixture.get("a.cloud.example"), Err(Failure::Stop(why("the service is away"))));
}

#[test]
fn a_token_from_the_future_is_never_served() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    pass(-(30 * HOUR as i64));
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-2");
    pass(-(30 * HOUR as i64));
    fixture.refuses(failed());
    assert_eq!(fixture.get("a.cloud.example"), Err(Failure::Stop(why("the service is away"))));
}

#[test]
fn without_an_identity_only_public_registries_are_anonymous() {
    let fixture = Fixture::new();
    fixture.refuses(Some(MintError::NoIdentity(why("no identity"))));
    assert_eq!(fixture.get("public.cloud.example"), Err(Failure::NotFound));
    assert_eq!(fixture.get("a.cloud.example"), Err(Failure::NotFoundBecause(why("no identity"))), "and says why");
    fixture.refuses(failed());
    assert_eq!(fixture.get("public.cloud.example"), Err(Failure::Stop(why("the service is away"))));
}

#[test]
fn a_login_wins_until_it_is_erased() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    fixture.store("a.cloud.example", "me", "password");
    assert_eq!(fixture.get("https://A.cloud.example").unwrap(), "me:password");
    assert_eq!(fixture.get("b.cloud.example").unwrap(), "CLOUD:alice-1", "a login is for its host alone");
    pass(1000 * HOUR as i64);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "me:password");
    fixture.erase("a.cloud.example");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-2");
}

#[test]
fn a_login_wins_until_it_expires() {
    let fixture = Fixture::new();
    fixture.store("a.cloud.example", "AWS", "pasted");
    pass(12 * HOUR as i64 - 1);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "AWS:pasted");
    assert_eq!(fixture.list(), [("a.cloud.example".to_owned(), "AWS".to_owned())]);
    pass(1);
    assert_eq!(fixture.list(), []);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn a_login_to_a_foreign_host_does_not_expire() {
    let fixture = Fixture::new();
    fixture.store("registry.example", "AWS", "not Amazon's");
    pass(1000 * HOUR as i64);
    assert_eq!(fixture.get("registry.example").unwrap(), "AWS:not Amazon's");
}

#[test]
fn erasing_forgets_the_tokens_of_every_identity() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    fixture.signs_in("bob");
    fixture.get("a.cloud.example").unwrap();
    fixture.erase("b.cloud.example");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:bob-3");
    fixture.signs_in("alice");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-4");
    fixture.erase("nothing.example");
}

#[test]
fn every_listed_server_has_credentials() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    fixture.store("a.cloud.example", "me", "password");
    fixture.store("registry.example:5000", "you", "password");
    fixture.signs_in("bob");
    fixture.get("b.cloud.example").unwrap();
    let mut listed = fixture.list();
    listed.sort();
    let expected = [("a.cloud.example", "me"), ("b.cloud.example", "CLOUD"), ("registry.example:5000", "you")];
    assert_eq!(listed, expected.map(|(server, username)| (server.to_owned(), username.to_owned())));
    for (server, username) in listed {
        assert!(fixture.get(&server).unwrap().starts_with(&username));
    }
    let listed = |server: &str| fixture.list().into_iter().any(|(listed, _)| listed == server);
    pass(13 * HOUR as i64);
    assert!(listed("b.cloud.example"), "the name outlives the token: some clients get only what is listed");
    assert_eq!(fixture.get("b.cloud.example").unwrap(), "CLOUD:bob-3");
    fixture.erase("b.cloud.example");
    assert!(!listed("b.cloud.example"));
    fixture.get("c.cloud.example").unwrap();
    pass(89 * 24 * HOUR as i64);
    assert!(listed("c.cloud.example"));
    pass(2 * 24 * HOUR as i64);
    assert!(!listed("c.cloud.example"));
}

#[test]
fn every_host_that_a_token_served_is_listed() {
    let fixture = Fixture::new();
    for server in ["a.cloud.example", "b.cloud.example", "https://c.cloud.example/v2/"] {
        fixture.get(server).unwrap();
    }
    assert_eq!(fixture.cloud.0.mints.get(), 1);
    let expected =
        ["a.cloud.example", "b.cloud.example", "c.cloud.example"].map(|server| (server.to_owned(), "CLOUD".to_owned()));
    assert_eq!(fixture.list(), expected);
    fixture.erase("b.cloud.example");
    assert_eq!(fixture.list(), [expected[0].clone(), expected[2].clone()]);
}

#[test]
fn expired_tokens_of_other_identities_are_removed() {
    let fixture = Fixture::new();
    for key in 0..24 {
        fixture.signs_in(&format!("key-{key}"));
        fixture.get("a.cloud.example").unwrap();
        pass(HOUR as i64);
    }
    assert_eq!(fixture.tokens(), 12, "one for each hour that a token lives");
}

#[test]
fn an_ecr_password_expires_at_its_own_expiration() {
    use base64::Engine;
    let fixture = Fixture::new();
    let end = (NOW.get() + Duration::from_secs(HOUR)).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let password = base64::engine::general_purpose::STANDARD.encode(format!("{{\"expiration\":{end}}}"));
    fixture.store("a.cloud.example", "AWS", &password);
    pass(HOUR as i64 - 2);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), format!("AWS:{password}"));
    pass(3);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn an_existing_token_is_passed_through_and_never_cached() {
    let fixture = Fixture::new();
    let set_existing = |token: Result<Option<String>, MintError>| *fixture.cloud.0.existing_token.borrow_mut() = token;
    set_existing(Ok(Some("first".into())));
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "HAND:first");
    set_existing(Ok(Some("second".into())));
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "HAND:second", "it is never stale");
    assert_eq!(fixture.list(), [("a.cloud.example".to_owned(), "HAND".to_owned())]);
    assert_eq!(fixture.cloud.0.mints.get(), 0);
    fixture.store("a.cloud.example", "bob", "password");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "bob:password", "a stored login wins");
    fixture.erase("a.cloud.example");
    set_existing(Err(MintError::Failed(why("it is of the wrong kind"))));
    assert_eq!(fixture.get("a.cloud.example"), Err(Failure::Stop(why("it is of the wrong kind"))));
    assert_eq!(fixture.cloud.0.mints.get(), 0, "the next source would be another identity");
    set_existing(Ok(None));
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}
