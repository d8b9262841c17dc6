use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::AzureCall;
use super::arm::Resources;
use super::graph::Directory;
use crate::behaviour::Refusal;
use crate::ledger::Ledger;

/// The only tenant.
pub const TENANT: &str = "11111111-aaaa-bbbb-cccc-222222222222";
const ACCESS_LIFE: Duration = Duration::from_secs(3599);
pub(super) const REGISTRIES: &str = "https://containerregistry.azure.net";
const RESOURCES: [&str; 4] = [
    REGISTRIES,
    "https://management.azure.com",
    // As az names them.
    "https://management.core.windows.net/",
    "https://graph.microsoft.com/",
];

/// A token that was issued for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The token; each is unique.
    pub token: String,
    /// Its identity: `app ID by secret`, `… by certificate`, `… by SUBJECT`; `machine`, `app service`,
    /// `arc`, `shell`, `learning`, of a user-assigned identity with its id behind it.
    pub identity: String,
    /// The host of Entra ID at which it signed in; empty for managed identities.
    pub authority: String,
    /// The resource of its access token.
    pub resource: String,
    /// The tenant that the exchange named.
    pub tenant: Option<String>,
    /// The login server that accepts it.
    pub registry: String,
    /// What an access token is for: `repository:NAME:pull`; a refresh token is for everything that its identity may do.
    pub scopes: Vec<String>,
    /// Its expiry, by the cloud's clock.
    pub expires: SystemTime,
}

/// An access token of Entra ID's.
#[derive(Clone)]
pub(super) struct AccessToken {
    pub(super) token: String,
    pub(super) identity: String,
    pub(super) authority: String,
    pub(super) resource: String,
    expires: SystemTime,
}

/// The state of the pretend Azure, shared by its listeners.
pub(crate) struct Cloud {
    /// Distinguishes this cloud's tokens from those of another cloud in the same test.
    nonce: u64,
    pub(crate) ledger: Ledger<AzureCall>,
    state: Mutex<State>,
    pub(super) resources: Resources,
    pub(super) directory: Directory,
}

pub(crate) struct State {
    pub(super) access: Vec<AccessToken>,
    pub(crate) minted: Vec<RefreshToken>,
    pub(crate) token_life: Duration,
    pub(crate) clock_skew: i64,
    pub(crate) arc_key: String,
    pub(crate) issuer: Option<String>,
    pub(crate) machine_cloud: String,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let state = State {
            access: Vec::new(),
            minted: Vec::new(),
            token_life: Duration::from_secs(3 * 3600),
            clock_skew: 0,
            arc_key: String::new(),
            issuer: None,
            machine_cloud: "AzurePublicCloud".to_owned(),
        };
        Cloud {
            nonce: RandomState::new().build_hasher().finish(),
            ledger: Ledger::new(),
            state: Mutex::new(state),
            resources: Resources::default(),
            directory: Directory::default(),
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

    /// Whether this registry accepts the token now.
    pub(crate) fn admits(&self, registry: &str, token: &str) -> bool {
        let now = self.now();
        let is_it =
            |minted: &RefreshToken| minted.token == token && minted.registry == registry && minted.expires > now;
        self.state().minted.iter().any(is_it)
    }

    /// A new access token, in the format of Entra ID.
    pub(super) fn access(&self, identity: String, authority: &str, resource: &str) -> Result<Value, Refusal> {
        if !RESOURCES.contains(&resource) {
            let message = format!("AADSTS500011: The resource principal named {resource} was not found in the tenant.");
            return Err(Refusal::new(400, "invalid_resource", message));
        }
        let expires = self.now() + ACCESS_LIFE;
        let mut state = self.state();
        let mut claims = json!({"aud": resource, "tid": TENANT, "exp": unix(expires)});
        if let Some(issuer) = &state.issuer {
            claims["iss"] = issuer.as_str().into();
        }
        let token = jwt(self.nonce, state.access.len(), &claims);
        let access = AccessToken {
            token: token.clone(),
            identity,
            authority: authority.to_owned(),
            resource: resource.to_owned(),
            expires,
        };
        state.access.push(access);
        Ok(json!({
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": ACCESS_LIFE.as_secs(),
            "expires_on": unix(expires).to_string(),
        }))
    }

    /// The identity of an access token that was issued here and has not expired.
    pub(super) fn known(&self, token: &str) -> Option<AccessToken> {
        let now = self.now();
        self.state().access.iter().find(|access| access.token == token && access.expires > now).cloned()
    }

    /// A new token for a registry.
    pub(super) fn refresh(&self, access: AccessToken, registry: &str, tenant: Option<&String>) -> String {
        let now = self.now();
        let mut state = self.state();
        let expires = now + state.token_life;
        let token = jwt(!self.nonce, state.minted.len(), &json!({"aud": registry, "exp": unix(expires)}));
        state.minted.push(RefreshToken {
            token: token.clone(),
            identity: access.identity,
            authority: access.authority,
            resource: access.resource,
            tenant: tenant.cloned(),
            registry: registry.to_owned(),
            scopes: Vec::new(),
            expires,
        });
        token
    }

    /// A token for some repositories, in exchange for a valid one of their registry.
    pub(super) fn repositories(&self, refresh: &str, registry: &str, scopes: Vec<String>) -> Option<String> {
        let now = self.now();
        let mut state = self.state();
        let is_it = |one: &&RefreshToken| one.token == refresh && one.registry == registry && one.expires > now;
        let known = state.minted.iter().find(is_it).cloned()?;
        let expires = now + state.token_life / 2;
        let token = jwt(!self.nonce, state.minted.len(), &json!({"aud": registry, "exp": unix(expires)}));
        state.minted.push(RefreshToken { token: token.clone(), scopes, expires, ..known });
        Some(token)
    }
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("the cloud is younger than 1970").as_secs()
}

fn jwt(nonce: u64, serial: usize, claims: &Value) -> String {
    let seed = [nonce, serial as u64].map(u64::to_le_bytes).concat();
    let signature = URL_SAFE_NO_PAD.encode(Sha256::digest(seed)).repeat(5);
    let [header, claims] =
        [&json!({"alg": "RS256", "typ": "JWT"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.{signature}")
}
