use broker::MintError;
use identity_token::IdentityToken;
use protocol::ErrorMessage;
use registry::exchange::Subject as Kind;
use serde_json::Value;
use web::{Response, Url};

use crate::scope::Plan;

/// A reason with the registry that it is about.
pub(crate) fn about(plan: &Plan, why: ErrorMessage) -> ErrorMessage {
    ErrorMessage { what: format!("no token for {}: {}", shown(plan), why.what), hint: why.hint }
}

/// The registry as images name it.
fn shown(plan: &Plan) -> String {
    if plan.server.aliases().is_empty() { plan.server.to_string() } else { "docker.io".to_owned() }
}

/// The same for an error.
pub(crate) fn error_about(plan: &Plan, error: MintError) -> MintError {
    match error {
        MintError::NoIdentity(why) => MintError::NoIdentity(about(plan, why)),
        MintError::Failed(why) => MintError::Failed(about(plan, why)),
    }
}

fn failed(plan: &Plan, what: String, hint: Option<String>) -> MintError {
    MintError::Failed(about(plan, ErrorMessage { what, hint }))
}

pub(crate) fn missing(plan: &Plan, key: &str) -> MintError {
    let variable = plan.row.keys.iter().find(|it| it.name == key).and_then(|it| it.variable);
    let or = variable.map(|name| format!(", or {name} in the environment")).unwrap_or_default();
    let hint = format!("set {key} in the [[registry]] table of {}{or}", shown(plan));
    failed(plan, format!("{} needs {key}, and it is not set", plan.row.name), Some(hint))
}

pub(crate) fn no_address(plan: &Plan) -> MintError {
    let hint = "check platform and url in the [[registry]] table: they begin with https://".to_owned();
    failed(plan, format!("{} has no address that a token may be sent to", plan.row.name), Some(hint))
}

pub(crate) fn no_api_token(plan: &Plan, variables: &[&str]) -> MintError {
    let what = format!("no API token found: {} is not set", variables.join(" or "));
    let hint = format!("set {}, or name the file that holds it: token_file", variables.join(" or "));
    MintError::NoIdentity(about(plan, ErrorMessage { what, hint: Some(hint) }))
}

pub(crate) fn unreachable(plan: &Plan, url: &Url, error: &web::RequestError) -> MintError {
    let host = url.host_str().unwrap_or_default();
    let what = format!("{} at {host} cannot be reached", plan.row.name);
    MintError::Failed(about(plan, error.explain(&what)))
}

pub(crate) fn malformed(plan: &Plan, url: &Url, why: &str) -> MintError {
    let host = url.host_str().unwrap_or_default();
    let what = format!("malformed response from {} at {host}: {why}", plan.row.name);
    failed(plan, what, Some("check that this is the service's address, and no proxy's page".to_owned()))
}

/// A refusal: with the service's code, whom it has refused, and what to compare.
pub(crate) fn refused(plan: &Plan, source: &str, token: &IdentityToken, response: &Response) -> MintError {
    let (name, status) = (plan.row.name, response.status);
    if let Some(outage) = web::outage(name, status) {
        return failed(plan, outage.what, outage.hint);
    }
    let body = response.text().unwrap_or_default();
    let code = response.json().as_ref().and_then(code).map(|code| format!(" {code}")).unwrap_or_default();
    let (what, whose) = match (plan.row.subject, &token.claims) {
        (Kind::ApiToken(_), _) => (format!("the token of {source}"), String::new()),
        (_, Some(claims)) => {
            let audiences = claims.audiences.join(", ");
            let audience: String = audiences.chars().filter(|sign| !sign.is_control()).take(200).collect();
            (format!("the identity token of {source}"), format!("; {claims}, audience {audience}"))
        }
        (_, None) => (format!("the identity token of {source}"), String::new()),
    };
    let fits = |row: &&registry::exchange::Refusal| row.status == status && body.contains(row.words);
    let hint = plan.row.refusals.iter().find(fits).map_or("compare it with what the service trusts", |row| row.hint);
    failed(plan, format!("{name} refused {what} (HTTP {status}{code}{whose})"), Some(hint.to_owned()))
}

/// The service's own code for an error, where it is one word: sentences may repeat what was sent.
fn code(json: &Value) -> Option<&str> {
    let candidates = [&json["error"], &json["code"], &json["errors"][0]["code"], &json["id"]];
    candidates.into_iter().filter_map(Value::as_str).find_map(web::quote::code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_is_one_word() {
        assert_eq!(code(&json!({"error": "invalid_grant", "error_description": "x"})), Some("invalid_grant"));
        assert_eq!(code(&json!({"errors": [{"code": "DENIED"}]})), Some("DENIED"));
        for json in
            [json!({"error": "Token does not match robot"}), json!({"error": "a.b.c"}), json!([]), json!({"code": 7})]
        {
            assert_eq!(code(&json), None, "{json}");
        }
    }
}
