use serde_json::{Map, Value};
use thiserror::Error;

/// Why Docker takes no notice of what `DOCKER_AUTH_CONFIG` holds. Tools that read the variable as a
/// whole config (GitLab's runner, testcontainers) may take it all the same.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VariableError {
    /// No JSON object, or more than one.
    #[error("DOCKER_AUTH_CONFIG is not a JSON object, so docker ignores it")]
    NotAnObject,
    /// Something else than `auths`, or than `auth` in an entry: `credHelpers`, for one.
    #[error("DOCKER_AUTH_CONFIG has an unknown field {0}, so docker ignores all of it")]
    UnknownField(String),
    /// An entry without a valid `auth`.
    #[error("DOCKER_AUTH_CONFIG has no valid auth for {0}, so docker ignores all of it")]
    InvalidAuth(String),
}

/// The servers in the value of `DOCKER_AUTH_CONFIG`, which Docker looks up before any helper and file.
///
/// Docker takes only `{"auths":{"SERVER":{"auth":"…"}}}`, see `parseEnvConfig` in
/// <https://github.com/docker/cli/blob/master/cli/config/configfile/file.go>.
///
/// # Errors
/// [`VariableError`]: why Docker acts as if it were not set.
pub fn servers_of_variable(value: &str) -> Result<Vec<String>, VariableError> {
    let whole: Map<String, Value> = serde_json::from_str(value).map_err(|_| VariableError::NotAnObject)?;
    let mut servers = Vec::new();
    for (name, value) in whole {
        let auths = match value {
            _ if !name.eq_ignore_ascii_case("auths") => return Err(VariableError::UnknownField(name)),
            Value::Object(auths) => auths,
            Value::Null => continue,
            _ => return Err(VariableError::NotAnObject),
        };
        for (server, entry) in auths {
            let no_auth = || VariableError::InvalidAuth(server.clone());
            let fields = entry.as_object().ok_or_else(no_auth)?;
            if let Some(other) = fields.keys().find(|name| !name.eq_ignore_ascii_case("auth")) {
                return Err(VariableError::UnknownField(other.clone()));
            }
            let auth = fields.values().next().and_then(Value::as_str).ok_or_else(no_auth)?;
            crate::auth::decode(auth).ok_or_else(no_auth)?;
            servers.push(server);
        }
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c20_the_variable_is_as_strict_as_docker_is() {
        let servers = |text: &str| servers_of_variable(text);
        assert_eq!(servers(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#), Ok(vec!["r.example".to_owned()]));
        assert_eq!(servers(r#"{"auths":{}}"#), Ok(vec![]));
        assert_eq!(servers(r#"{"auths":{},"credHelpers":{}}"#), Err(VariableError::UnknownField("credHelpers".into())));
        for entry in [r#"{"auth":"dTpw","email":"e"}"#, r#"{"username":"u"}"#] {
            assert!(
                matches!(servers(&format!(r#"{{"auths":{{"r":{entry}}}}}"#)), Err(VariableError::UnknownField(_))),
                "{entry}"
            );
        }
        for entry in ["{}", "null", r#"{"auth":""}"#, r#"{"auth":"dTo"}"#, r#"{"auth":1}"#] {
            assert_eq!(
                servers(&format!(r#"{{"auths":{{"r":{entry}}}}}"#)),
                Err(VariableError::InvalidAuth("r".into())),
                "{entry}"
            );
        }
        for text in ["", "x", "[]", "{}{}", r#"{"auths":{}} {"auths":{}}"#, r#"{"auths":[]}"#] {
            assert_eq!(servers(text), Err(VariableError::NotAnObject), "{text}");
        }
        assert!(!servers(r#"{"auths":{"r":{"auth":"canary"}}}"#).unwrap_err().to_string().contains("canary"));
    }
}
