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

/// A token of an App's installation that has been given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationToken {
    /// No two are equal. It names the App and is longer than GitHub's old ones, as the new ones are.
    pub token: String,
    /// The App that asked.
    pub app: String,
    /// The number of the installation.
    pub installation: u64,
    /// For whom the App is installed there.
    pub account: String,
    /// The `Host` that was asked: tells GitHub, its tenants and servers apart.
    pub host: String,
    /// What it may do with packages: `read`, or `write`.
    pub access: String,
    /// The repositories that it is for; empty for all.
    pub repositories: Vec<String>,
    /// When it ends, by GitHub's clock.
    pub expires: SystemTime,
}

/// For whom an App is installed.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    pub(super) id: u64,
    pub(super) account: String,
    pub(super) is_org: bool,
    pub(super) is_suspended: bool,
}

/// Everything that the pretend GitHub knows; shared by its listeners.
pub(super) struct State {
    /// Tells this one's tokens from those of another in the same test.
    nonce: u64,
    pub(super) ledger: Ledger<GitHubCall>,
    facts: Mutex<Facts>,
    /// The registry whose packages it tells of.
    pub(super) catalog: OnceLock<Arc<Catalog>>,
}

pub(super) struct Facts {
    pub(super) minted: Vec<InstallationToken>,
    /// What repositories were set up with.
    pub(super) settings: BTreeSet<String>,
    /// Tokens that do not end.
    pub(super) given: Vec<String>,
    pub(super) installations: Vec<Installation>,
    /// What an installation's tokens may read.
    pub(super) permissions: Vec<String>,
    pub(super) devices: Vec<Device>,
    /// What they asked to be allowed.
    pub(super) scopes: Vec<String>,
    /// The tokens of devices whose user has agreed.
    pub(super) consents: Vec<String>,
    pub(super) denies_devices: bool,
    pub(super) polls_before_consent: u32,
    pub(super) token_life: Duration,
    pub(super) clock_skew: i64,
    /// Counts the secrets that were made.
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
        // A handler that panicked has failed its test; the counts are still whole.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// GitHub's clock.
    pub(super) fn now(&self) -> SystemTime {
        let skew = self.facts().clock_skew;
        let seconds = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds }
    }

    /// A text that nobody else has been given.
    pub(super) fn secret(&self) -> String {
        let serial = {
            let mut facts = self.facts();
            facts.serial += 1;
            facts.serial
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest([self.nonce, serial].map(u64::to_le_bytes).concat()))
    }
}
