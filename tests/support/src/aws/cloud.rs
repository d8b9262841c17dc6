use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::identity::Identity;
use super::public::Repositories;
use super::{AssumedRole, Call};
use crate::ledger::Ledger;

/// A registry token that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintedToken {
    /// The password that goes with the user `AWS`; each is unique.
    pub password: String,
    /// The access key of the caller. The prefix of a temporary one shows its source: `ASIAASSUMEROLE…`,
    /// `ASIAWEBIDENTITY…`, `ASIASSO…`, `ASIASIGNIN…`, `ASIAIMDS…`, `ASIACONTAINER…`.
    pub access_key: String,
    /// The ARN of the caller.
    pub identity: String,
    /// The region of the signature, hence of the token.
    pub region: String,
    /// The service of the signature: `ecr` or `ecr-public`.
    pub service: String,
    /// The `Host` of the request, which distinguishes FIPS, dual-stack and plain endpoints.
    pub host: String,
    /// Its expiry, by the cloud's clock.
    pub expires: SystemTime,
}

/// The account and region of a private registry, from its host.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

/// The state of the pretend AWS, shared by its listeners and the registry front.
pub(crate) struct Cloud {
    /// Distinguishes this cloud's secrets from those of another cloud in the same test.
    nonce: u64,
    pub(crate) ledger: Ledger<Call>,
    pub(crate) public: Repositories,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) minted: Vec<MintedToken>,
    pub(crate) assumed: Vec<AssumedRole>,
    pub(super) identities: HashMap<String, Identity>,
    /// The account of an access key, if it is not the default account.
    pub(super) accounts: HashMap<String, String>,
    pub(crate) external_id: Option<String>,
    pub(crate) identity_token: Option<(String, String)>,
    pub(crate) token_life: Duration,
    pub(crate) identity_life: Duration,
    pub(crate) clock_skew: i64,
    pub(crate) password_length: usize,
    /// The number of secrets created.
    serial: u64,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let state = State {
            minted: Vec::new(),
            assumed: Vec::new(),
            identities: HashMap::new(),
            accounts: HashMap::new(),
            external_id: None,
            identity_token: None,
            token_life: Duration::from_secs(12 * 3600),
            identity_life: Duration::from_secs(3600),
            clock_skew: 0,
            password_length: 1880,
            serial: 0,
        };
        Cloud {
            nonce: RandomState::new().build_hasher().finish(),
            ledger: Ledger::new(),
            public: Repositories::default(),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked has failed its test; the counts are still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cloud's clock.
    pub(crate) fn now(&self) -> SystemTime {
        let skew = self.state().clock_skew;
        let seconds = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds }
    }

    /// The next number, and a unique text of that many bytes.
    pub(super) fn secret(&self, bytes: usize) -> (u64, String) {
        let serial = {
            let mut state = self.state();
            state.serial += 1;
            state.serial
        };
        let mut text = String::new();
        let mut block = 0u64;
        while text.len() < bytes {
            let seed = [self.nonce, serial, block].map(u64::to_le_bytes).concat();
            STANDARD.encode_string(Sha256::digest(seed), &mut text);
            block += 1;
        }
        text.truncate(bytes);
        (serial, text)
    }

    /// Whether this password is valid for the service's registries in a region, if the host names one; the
    /// error has AWS's text.
    pub(crate) fn admits(&self, password: &str, service: &str, place: Option<Place<'_>>) -> Result<(), &'static str> {
        let now = self.now();
        let state = self.state();
        let token = state.minted.iter().find(|token| token.password == password).ok_or("Not Authorized")?;
        if token.service != service || place.is_some_and(|place| token.region != place.region) {
            return Err("Your Authorization Token is invalid.");
        }
        let is_closed = |account: &str| state.accounts.values().any(|closed| closed == account);
        if place.is_some_and(|place| is_closed(place.account) && !token.identity.contains(place.account)) {
            return Err(
                "User is not authorized to perform: ecr:BatchGetImage because no resource-based policy allows it",
            );
        }
        if token.expires <= now {
            return Err("Your Authorization Token has expired. Please run 'aws ecr get-login-password'.");
        }
        Ok(())
    }

    /// Expires every token minted so far.
    pub(crate) fn end_tokens(&self) {
        let now = self.now();
        self.state().minted.iter_mut().for_each(|token| token.expires = now);
    }
}

/// A time as AWS writes it in JSON and XML.
pub(super) fn iso(time: SystemTime) -> String {
    let time = time::OffsetDateTime::from(time).replace_nanosecond(0).expect("zero is a nanosecond");
    time.format(&time::format_description::well_known::Rfc3339).expect("a time of this age has that form")
}

/// Seconds since 1970.
pub(super) fn epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970")
}
