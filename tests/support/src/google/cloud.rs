use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::GoogleCall;
use super::artifacts::Artifacts;
use super::projects::Projects;
use crate::behaviour::Refusal;
use crate::ledger::Ledger;
use crate::reply::{Body, json};

/// An access token that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The token; each is unique.
    pub token: String,
    /// Its identity: a service account's address, `user NAME`, `subject NAME`, `aws KEY`, `machine`;
    /// of an impersonated account `EMAIL by WHOM`.
    pub identity: String,
    /// Its expiry, by the cloud's clock.
    pub expires: SystemTime,
}

/// The state of the pretend Google, shared by its listeners.
pub(crate) struct Cloud {
    /// Distinguishes this cloud's tokens from those of another cloud in the same test.
    nonce: u64,
    pub(crate) ledger: Ledger<GoogleCall>,
    state: Mutex<State>,
    pub(super) artifacts: Artifacts,
    pub(super) projects: Projects,
}

pub(crate) struct State {
    pub(crate) minted: Vec<AccessToken>,
    pub(crate) token_life: Duration,
    pub(crate) clock_skew: i64,
    pub(crate) universe: String,
    pub(crate) identity_token: Option<(String, String)>,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let state = State {
            minted: Vec::new(),
            token_life: Duration::from_secs(3599),
            clock_skew: 0,
            universe: "googleapis.com".to_owned(),
            identity_token: None,
        };
        Cloud {
            nonce: RandomState::new().build_hasher().finish(),
            ledger: Ledger::new(),
            state: Mutex::new(state),
            artifacts: Artifacts::default(),
            projects: Projects::default(),
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

    /// A new token.
    pub(super) fn mint(&self, identity: impl Into<String>, life: Duration) -> AccessToken {
        let expires = self.now() + life;
        let mut state = self.state();
        let serial = state.minted.len() as u64;
        let seed = [self.nonce, serial].map(u64::to_le_bytes).concat();
        let token = format!("ya29.{}", URL_SAFE_NO_PAD.encode(Sha256::digest(seed)).repeat(5));
        let minted = AccessToken { token, identity: identity.into(), expires };
        state.minted.push(minted.clone());
        minted
    }

    /// A token as OAuth services answer.
    pub(super) fn oauth(&self, identity: impl Into<String>) -> Response<Body> {
        let life = self.state().token_life;
        let minted = self.mint(identity, life);
        json(200, &json!({"access_token": minted.token, "expires_in": life.as_secs(), "token_type": "Bearer"}))
    }

    /// The identity of a token that was issued here and has not expired.
    pub(super) fn bearer(&self, token: &str) -> Result<String, Refusal> {
        let now = self.now();
        let state = self.state();
        let known = state.minted.iter().find(|minted| minted.token == token && minted.expires > now);
        known
            .map(|minted| minted.identity.clone())
            .ok_or_else(|| Refusal::new(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."))
    }
}
