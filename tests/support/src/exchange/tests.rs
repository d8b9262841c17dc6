use serde_json::json;

use super::issuer::{ISSUER, now};
use super::state::State;

#[test]
fn a_token_is_checked_for_audience_and_issuer() {
    let state = State::new();
    let token = state.identity("repo:octo-org/app:x", &json!("a"));
    assert_eq!(state.admit(&token, "a").unwrap(), "repo:octo-org/app:x");
    assert!(state.admit(&token, "b").is_err(), "for somebody else");
    assert!(State::new().admit(&token, "a").is_err(), "another issuer's key");
    let several = state.identity("repo:octo-org/app:x", &json!(["a", "b"]));
    assert!(state.admit(&several, "b").is_ok());
    let other = state.identity("repo:other/app:x", &json!("a"));
    assert!(state.admit(&other, "a").is_err(), "of a job that is not trusted");
    let sign = |issuer: &str, end: u64| {
        state.issuer.sign(&json!({"iss": issuer, "sub": "repo:octo-org/app:x", "aud": "a", "exp": end}))
    };
    assert!(state.admit(&sign(ISSUER, now() + 60), "a").is_ok());
    assert!(state.admit(&sign(ISSUER, now() - 1), "a").is_err(), "expired");
    assert!(state.admit(&sign("https://gitlab.com", now() + 60), "a").is_err());
    let (text, signature) = token.rsplit_once('.').unwrap();
    assert!(state.admit(&format!("{text}x.{signature}"), "a").is_err(), "changed");
}
