use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::call::ExchangeCall;
use super::issuer::{ISSUER, Issuer, now};
use crate::behaviour::Refusal;
use crate::ledger::Ledger;

/// A registry's token that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangedToken {
    /// The service.
    pub service: ExchangeCall,
    /// The subject of the identity token, or the API token.
    pub subject: String,
    /// The user name that a registry requires with it.
    pub username: String,
    /// The token.
    pub token: String,
    /// When it expires, in seconds since 1970.
    pub expires: u64,
}

pub(super) struct State {
    pub(super) ledger: Ledger<ExchangeCall>,
    pub(super) issuer: Issuer,
    facts: Mutex<Facts>,
}

pub(super) struct Facts {
    pub(super) minted: Vec<ExchangedToken>,
    pub(super) signatures: Vec<(String, Vec<u8>)>,
    pub(super) token_life: u64,
    pub(super) clock_ahead: u64,
    pub(super) audience: BTreeMap<&'static str, String>,
    pub(super) subject: String,
    pub(super) retry_after: Option<u64>,
    pub(super) issued: Vec<String>,
    pub(super) identity_life: u64,
    pub(super) seen_at: BTreeSet<String>,
}

impl State {
    pub(super) fn new() -> Self {
        State {
            ledger: Ledger::new(),
            issuer: Issuer::new(),
            facts: Mutex::new(Facts {
                minted: Vec::new(),
                signatures: Vec::new(),
                token_life: 3600,
                clock_ahead: 0,
                audience: BTreeMap::new(),
                subject: "repo:octo-org/app:".to_owned(),
                retry_after: None,
                issued: Vec::new(),
                identity_life: 300,
                seen_at: BTreeSet::new(),
            }),
        }
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An identity token for a job.
    pub(super) fn identity(&self, subject: &str, audience: &Value) -> String {
        let end = now() + self.facts().identity_life;
        // Two of the same second also differ.
        let nth = self.facts().issued.len();
        let claims = json!({
            "iss": ISSUER, "sub": subject, "aud": audience, "exp": end, "iat": now() - 1, "jti": nth.to_string(),
            "canary": "c4n4ry",
        });
        let token = self.issuer.sign(&claims);
        self.facts().issued.push(token.clone());
        token
    }

    /// The subject of an identity token, if it is the issuer's, for this audience, and of a job that is trusted.
    pub(super) fn admit(&self, token: &str, audience: &str) -> Result<String, &'static str> {
        let claims = self.issuer.verify(token)?;
        let is_for = match &claims["aud"] {
            Value::Array(several) => several.iter().any(|it| it == audience),
            one => one == audience,
        };
        if claims["iss"] != ISSUER {
            return Err("the issuer is not configured for this robot");
        }
        if !is_for {
            return Err("Invalid token: Audience doesn't match");
        }
        let subject = claims["sub"].as_str().unwrap_or_default();
        match subject.starts_with(&self.facts().subject) {
            true => Ok(subject.to_owned()),
            false => Err("Token does not match robot"),
        }
    }

    /// The audience that a service requires: the one that a test has set, else its default.
    pub(super) fn audience(&self, service: &'static str, usual: &str) -> String {
        self.facts().audience.get(service).cloned().unwrap_or_else(|| usual.to_owned())
    }

    /// A new token of a registry's, a JSON Web Token with this subject and optionally an expiry.
    pub(super) fn mint(&self, service: ExchangeCall, whose: String, username: &str, claims: Value) -> ExchangedToken {
        let expires = now() + self.facts().token_life;
        let nth = self.facts().minted.len();
        let mut claims = claims;
        claims["jti"] = json!(format!("{service:?}-{nth}"));
        let token = self.issuer.sign(&claims);
        let token = ExchangedToken { service, subject: whose, username: username.to_owned(), token, expires };
        self.facts().minted.push(token.clone());
        token
    }
}

pub(super) fn refusal(status: u16, code: &'static str, message: &str) -> Refusal {
    Refusal::new(status, code, message)
}
