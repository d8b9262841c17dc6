use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What a token server's token allows with a repository, as far as the token itself tells:
/// <https://distribution.github.io/distribution/spec/auth/jwt/>.
pub(super) fn actions(token: &str, repository: &str) -> Option<Vec<String>> {
    let payload = token.split('.').nth(1).filter(|_| token.matches('.').count() == 2)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
    let access = claims["access"].as_array()?;
    let about = access.iter().filter(|entry| entry["name"] == repository);
    let actions = about.flat_map(|entry| entry["actions"].as_array().into_iter().flatten());
    Some(actions.filter_map(|action| action.as_str().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_tells_what_it_allows() {
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
