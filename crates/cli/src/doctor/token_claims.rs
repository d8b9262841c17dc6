use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The actions that a token allows for a repository, if it is a JWT that has them:
/// <https://distribution.github.io/distribution/spec/auth/jwt/>.
pub(super) fn actions(token: &str, repository: &str) -> Option<Vec<String>> {
    let claims = claims(token)?;
    let access = claims["access"].as_array()?;
    let about = access.iter().filter(|entry| entry["name"] == repository);
    let actions = about.flat_map(|entry| entry["actions"].as_array().into_iter().flatten());
    Some(actions.filter_map(|action| action.as_str().map(str::to_owned)).collect())
}

/// Whether the token is for an anonymous subject: then the token server ignored the credentials.
pub(super) fn is_anonymous(token: &str) -> bool {
    claims(token).is_some_and(|claims| claims["sub"] == "")
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1).filter(|_| token.matches('.').count() == 2)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_without_a_subject_is_anonymous() {
        assert!(is_anonymous(&token(r#"{"sub":"","access":[]}"#)));
        for other in [token(r#"{"sub":"me"}"#), token(r#"{"access":[]}"#), "opaque".to_owned()] {
            assert!(!is_anonymous(&other), "{other}");
        }
    }

    #[test]
    fn a_token_has_its_actions() {
        let pull =
            r#"{"access":[{"type":"repository","name":"a/b","actions":["pull"]},{"name":"c","actions":["push"]}]}"#;
        assert_eq!(actions(&token(pull), "a/b"), Some(vec!["pull".to_owned()]));
        assert_eq!(actions(&token(pull), "d"), Some(Vec::new()));
        assert_eq!(actions(&token(r#"{"access":[]}"#), "a/b"), Some(Vec::new()));
        for other in ["opaque", "a.b", "a.b.c.d", &token("{}"), &token("no json")] {
            assert_eq!(actions(other, "a/b"), None, "{other}");
        }
    }
}
