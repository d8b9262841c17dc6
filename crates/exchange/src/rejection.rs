//! Error responses of the services.

use broker::MintError;
use identity_token::Claims;
use registry::exchange::{Refusal, Subject};
use serde_json::Value;
use web::{Response, outage, quote};

use crate::principal;
use crate::scope::Plan;

/// The service's status and code, the subject token that it rejected, and the remedy of its row.
pub(crate) fn of_service(plan: &Plan, source: &str, claims: Option<&Claims>, response: &Response) -> MintError {
    let (name, status) = (plan.row.name, response.status);
    let principal = principal::registry(plan);
    if let Some(outage) = outage(name, status) {
        return principal.no_token_because(outage);
    }
    let code = response.json().as_ref().and_then(code).map(|code| format!(" {code}")).unwrap_or_default();
    let subject = match (plan.row.subject, claims) {
        (Subject::IdentityToken(_), Some(claims)) => format!("; {claims}, audience {}", claims.audience()),
        _ => String::new(),
    };
    let kind = match plan.row.subject {
        Subject::ApiToken(_) => "token",
        Subject::IdentityToken(_) => "identity token",
        Subject::OciProfile | Subject::AccessKey => "signature",
    };
    let body = response.text().unwrap_or_default();
    let fits = |row: &&Refusal| row.status == status && body.contains(row.words);
    let remedy = plan.row.refusals.iter().find(fits).map_or("", |row| row.hint);
    principal.no_token_but(format!("{name} rejected the {kind} of {source} (HTTP {status}{code}{subject})"), remedy)
}

/// The service's own code for an error, where it is one word: sentences may repeat what was sent.
fn code(json: &Value) -> Option<&str> {
    let candidates = [&json["error"], &json["code"], &json["errors"][0]["code"], &json["id"]];
    candidates.into_iter().filter_map(Value::as_str).find_map(quote::code).or_else(|| of_alibaba(json))
}

/// `InvalidAccessKeyId.NotFound`.
fn of_alibaba(json: &Value) -> Option<&str> {
    json["Code"].as_str().filter(|text| text.split('.').all(|part| quote::code(part).is_some()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_is_one_word() {
        assert_eq!(code(&json!({"error": "invalid_grant", "error_description": "x"})), Some("invalid_grant"));
        assert_eq!(code(&json!({"errors": [{"code": "DENIED"}]})), Some("DENIED"));
        assert_eq!(code(&json!({"Code": "Forbidden.RAM", "Message": "x"})), Some("Forbidden.RAM"));
        assert_eq!(code(&json!({"Code": "no code. Of course"})), None);
        for json in
            [json!({"error": "Token does not match robot"}), json!({"error": "a.b.c"}), json!([]), json!({"code": 7})]
        {
            assert_eq!(code(&json), None, "{json}");
        }
    }
}
