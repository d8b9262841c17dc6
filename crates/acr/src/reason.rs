/// Why Entra ID gives no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) what: String,
    /// Empty where the remedy is that of the identity.
    pub(crate) hint: &'static str,
}

/// By the first `AADSTS` code in a text.
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
pub(crate) fn of_entra(text: &str) -> Option<Refusal> {
    let code = code(text)?;
    let known = REASONS.iter().find(|(codes, ..)| codes.contains(&code));
    let (what, hint) = known.map_or(("Entra ID refuses it", ""), |&(_, what, hint)| (what, hint));
    Some(Refusal { code, what: format!("{what} (AADSTS{code})"), hint })
}

fn code(text: &str) -> Option<u32> {
    let digits = text.split("AADSTS").nth(1)?;
    let end = digits.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

type Row = (&'static [u32], &'static str, &'static str);

const REASONS: [Row; 13] = [
    (
        &[7_000_215],
        "Entra ID does not accept its secret",
        "check AZURE_CLIENT_SECRET: it is to be the secret's value, not its id",
    ),
    (&[7_000_222], "its secret has expired", "create a new client secret and set AZURE_CLIENT_SECRET to it"),
    (&[700_027], "Entra ID does not accept its certificate", "upload the certificate to the application"),
    (&[7_000_112], "the application is disabled", "enable it in Entra ID"),
    (&[700_016], "there is no such application in the tenant", "check AZURE_CLIENT_ID and AZURE_TENANT_ID"),
    (&[90_002, 900_021, 900_023, 50_059], "there is no such tenant", "check AZURE_TENANT_ID"),
    (
        &[70_021, 700_211, 700_212, 700_213, 700_214, 700_223, 700_238],
        "no federated credential of the application fits the token",
        "check the issuer, the subject and the audience of the application's federated credential",
    ),
    (
        &[700_024],
        "what it has signed is not valid at this time",
        "set this machine's clock, or renew the federated token",
    ),
    (
        &[500_011, 500_014, 65_001, 650_057],
        "the tenant knows nothing of the service that the token is for",
        "check tenant and audience in credmint's settings",
    ),
    (&[50_173, 50_078, 50_132, 50_133, 54_005, 70_008, 70_043, 700_081, 700_082, 700_084], "the session has ended", ""),
    (&[50_074, 50_076, 50_079, 50_158], "the tenant wants to see the user again", ""),
    (&[50_020, 50_034, 50_057], "the account is unknown in the tenant, or disabled", ""),
    (
        &[53_000, 53_001, 53_003, 53_004, 50_105, 530_003],
        "the tenant's rules do not allow it",
        "ask the tenant's administrator",
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
            let refusal = of_entra(text);
            assert_eq!(refusal.as_ref().map(|refusal| refusal.code), expected, "{text}");
            assert!(!format!("{refusal:?}").contains("canary"));
        }
        assert_eq!(of_entra("AADSTS1: x").unwrap().what, "Entra ID refuses it (AADSTS1)");
    }

    #[test]
    fn every_code_has_one_reason() {
        let mut codes: Vec<_> = REASONS.iter().flat_map(|(codes, ..)| codes.iter()).collect();
        let all = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
