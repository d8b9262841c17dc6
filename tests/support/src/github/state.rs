use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::GitHubCall;
use super::device::Device;
use crate::catalog::Catalog;
use crate::ledger::Ledger;

/// A token of an App's installation that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationToken {
    /// Unique. It names the App and is longer than GitHub's old ones, as the new ones are.
    pub token: String,
    /// The App of the request.
    pub app: String,
    /// The number of the installation.
    pub installation: u64,
    /// The account of the installation.
    pub account: String,
    /// The `Host` of the request, which distinguishes GitHub, its tenants and servers.
    pub host: String,
    /// Its permission for packages: `read`, or `write`.
    pub access: String,
    /// The repositories that it is for; empty for all.
    pub repositories: Vec<String>,
    /// Its expiry, by GitHub's clock.
    pub expires: SystemTime,
}

/// The account of an installation.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    pub(super) id: u64,
    pub(super) account: String,
    pub(super) is_org: bool,
    pub(super) is_suspended: bool,
}

/// The state of the pretend GitHub, shared by its listeners.
pub(super) struct State {
    /// Distinguishes its tokens from those of another one in the same test.
    nonce: u64,
    pub(super) ledger: Ledger<GitHubCall>,
    facts: Mutex<Facts>,
    /// The registry of its packages.
    pub(super) catalog: OnceLock<Arc<Catalog>>,
}

pub(super) struct Facts {
    pub(super) minted: Vec<InstallationToken>,
    /// What repositories were set up with.
    pub(super) settings: BTreeSet<String>,
    /// Tokens that do not expire.
    pub(super) given: Vec<String>,
    pub(super) installations: Vec<Installation>,
    /// The permission of installation tokens.
    pub(super) permissions: Vec<String>,
    pub(super) devices: Vec<Device>,
    /// The scopes that they requested.
    pub(super) scopes: Vec<String>,
    /// The tokens of devices whose user has agreed.
    pub(super) consents: Vec<String>,
    pub(super) denies_devices: bool,
    pub(super) polls_before_consent: u32,
    pub(super) token_life: Duration,
    pub(super) clock_skew: i64,
    /// The number of secrets created.
    serial: u64,
}

impl State {
    pub(super) fn new() -> Self {
        let facts = Facts {
            minted: Vec::new(),
            settings: BTreeSet::new(),
            given: Vec::new(),
            installations: Vec::new(),
            permissions: vec!["metadata".into(), "packages".into()],
            scopes: Vec::new(),
            consents: Vec::new(),
            devices: Vec::new(),
            denies_devices: false,
            polls_before_consent: 1,
            token_life: Duration::from_secs(3600),
            clock_skew: 0,
            serial: 0,
        };
        let nonce = RandomState::new().build_hasher().finish();
        State { nonce, ledger: Ledger::new(), facts: Mutex::new(facts), catalog: OnceLock::new() }
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        // A handler that panicked has failed its test; the counts are still consistent.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// GitHub's clock.
    pub(super) fn now(&self) -> SystemTime {
        let skew = self.facts().clock_skew;
        let seconds = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds }
    }

    /// A unique text.
    pub(super) fn secret(&self) -> String {
        let serial = {
            let mut facts = self.facts();
            facts.serial += 1;
            facts.serial
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest([self.nonce, serial].map(u64::to_le_bytes).concat()))
    }
}
