//! Error responses of Entra ID, of managed identity endpoints and of login servers.

use broker::{MintError, Principal};
use web::{Response, quote};

/// An error code of Entra ID, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) code: u32,
    cause: &'static str,
    /// Empty if the principal's own remedy is the best one.
    remedy: &'static str,
}

impl Rejection {
    /// By the first `AADSTS` code in a text.
    /// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
    pub(crate) fn find(text: &str) -> Option<Self> {
        let digits = text.split("AADSTS").nth(1)?;
        let end = digits.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(digits.len());
        let code = digits[..end].parse().ok()?;
        let known = CODES.iter().find(|(codes, ..)| codes.contains(&code));
        let (cause, remedy) =
            known.map_or(("Entra ID rejected the request", ""), |&(_, cause, remedy)| (cause, remedy));
        Some(Rejection { code, cause, remedy })
    }

    pub(crate) fn error(&self, principal: &Principal) -> MintError {
        // A user has set no variables of an application.
        let is_for_applications = self.remedy.contains("AZURE_");
        let remedy = if principal.is_user() && is_for_applications { "" } else { self.remedy };
        principal.no_token_but(format!("{} (AADSTS{})", self.cause, self.code), remedy)
    }
}

/// The error response of Entra ID, or of a service with the same format: its code is quoted, its text never is.
pub(crate) fn of_token_service(principal: &Principal, host: &str, response: &Response) -> MintError {
    log::debug!("{host} responded HTTP {}", response.status);
    if let Some(outage) = web::outage(host, response.status) {
        return principal.no_token_because(outage);
    }
    let body = response.json().unwrap_or_default();
    if let Some(rejection) = Rejection::find(&format!("{} {}", body["error_description"], body["error"])) {
        log::debug!("{host} responded AADSTS{}", rejection.code);
        return rejection.error(principal);
    }
    match body["error"].as_str().and_then(quote::code) {
        Some(code) => principal.no_token(format!("{host} rejected the request ({code})")),
        None => principal.no_token(format!("{host} rejected the request (HTTP {})", response.status)),
    }
}

/// The error response of a login server that does not take the access token.
pub(crate) fn of_login_server(principal: &Principal, login_server: &str, response: &Response) -> MintError {
    log::debug!("{login_server} responded HTTP {}", response.status);
    if let Some(outage) = web::outage(login_server, response.status) {
        return principal.no_token_because(outage);
    }
    let details = response.json().unwrap_or_default()["errors"].to_string();
    let status = response.status;
    let (cause, remedy) = match status {
        401 | 403 if ["client with IP", "firewall"].iter().any(|words| details.contains(words)) => (
            format!("the network rules of {login_server} deny this address"),
            "allow this machine's address in the registry's network rules",
        ),
        401 | 403 => (format!("{login_server} denied access"), "assign it the role AcrPull or AcrPush on the registry"),
        404 => (format!("there is no registry {login_server}"), "check the name of the registry"),
        _ => (format!("{login_server} rejected the request"), ""),
    };
    principal.no_token_but(format!("{cause} (HTTP {status})"), remedy)
}

type Row = (&'static [u32], &'static str, &'static str);

const AUDIENCE: &str = "check `tenant` and `audience` in credmint's settings";

/// Codes, what they mean, and the remedy.
const CODES: [Row; 18] = [
    (
        &[7_000_215],
        "Entra ID rejected the client secret",
        "set AZURE_CLIENT_SECRET to the value of the secret, not to its ID",
    ),
    (
        &[7_000_222],
        "the client secret has expired",
        "run `az ad app credential reset --append --id $AZURE_CLIENT_ID`, and set AZURE_CLIENT_SECRET to the new one",
    ),
    (
        &[700_027, 7_000_214, 7_000_229],
        "Entra ID rejected the client certificate",
        "upload the certificate to the application",
    ),
    (&[7_000_112], "the application is disabled", "enable it in Entra ID"),
    (&[700_016], "the tenant has no such application", "check AZURE_CLIENT_ID and AZURE_TENANT_ID"),
    (&[90_002, 900_021, 900_023, 50_059], "there is no such tenant", "check AZURE_TENANT_ID"),
    (
        &[90_038, 900_382, 900_432, 900_439],
        "the tenant belongs to another Azure cloud",
        "check AZURE_AUTHORITY_HOST, or `authority` in credmint's settings",
    ),
    (
        &[70_021, 700_211, 700_212, 700_213, 700_214, 700_223, 700_238],
        "no federated credential of the application matches the token",
        "check the issuer, the subject and the audience of the application's federated credential",
    ),
    (&[700_024], "the assertion is not valid at this time", "set this machine's clock, or renew the federated token"),
    (
        &[50_013, 50_027, 500_131],
        "the assertion is for another audience",
        "check AZURE_AUTHORITY_HOST, and the audience of the federated token",
    ),
    (
        &[500_011, 500_014, 50_001, 65_001, 65_005, 650_052, 650_054, 650_056, 650_057, 90_009],
        "the tenant does not know the resource that the token is for",
        AUDIENCE,
    ),
    (&[70_011, 1_002_012, 28_002, 28_003], "the scope of the token is invalid", AUDIENCE),
    (
        &[50_173, 50_078, 50_132, 50_133, 54_005, 70_008, 70_043, 700_081, 700_082, 700_084],
        "the session has expired",
        "",
    ),
    (&[50_072, 50_074, 50_076, 50_079, 50_158, 16_000], "the tenant requires an interactive sign-in", ""),
    (&[50_020, 50_034, 50_057, 90_072], "the account is unknown in the tenant, or disabled", ""),
    (&[50_105], "the account is not assigned to the application", "ask the tenant's administrator to assign it"),
    (
        &[
            50_005, 50_097, 50_131, 50_142, 53_000, 53_001, 53_002, 53_003, 53_004, 53_009, 53_010, 53_011, 500_021,
            530_001, 530_002, 530_003, 530_004, 530_021, 530_032, 530_034, 530_035,
        ],
        "conditional access denied the sign-in",
        "ask the tenant's administrator which device, location or application the policy requires",
    ),
    (
        &[90_033, 90_055, 90_006, 90_007, 50_196, 90_024, 50_033],
        "Entra ID is unavailable, or limits the rate of requests",
        "try again later",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_and_no_sentence_is_repeated() {
        for (text, expected) in [
            ("AADSTS7000215: Invalid client secret provided. canary", Some(7_000_215)),
            ("ERROR: AADSTS700082: The refresh token has expired. canary", Some(700_082)),
            ("AADSTS99999999999999: canary", None),
            ("AADSTS: canary", None),
            ("invalid_client", None),
        ] {
            let rejection = Rejection::find(text);
            assert_eq!(rejection.as_ref().map(|rejection| rejection.code), expected, "{text}");
            assert!(!format!("{rejection:?}").contains("canary"));
        }
        assert_eq!(Rejection::find("AADSTS1: x").unwrap().cause, "Entra ID rejected the request");
    }

    #[test]
    fn every_code_has_one_cause() {
        let mut codes: Vec<_> = CODES.iter().flat_map(|(codes, ..)| codes.iter()).collect();
        let all = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
