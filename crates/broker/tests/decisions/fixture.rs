//! A cloud that the test controls, a real file vault and a clock that the test sets.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use broker::{Broker, ExistingToken, MintError, Minted, Provider, Scope};
use protocol::{Credentials, Deadline, ErrorMessage, Failure, Helper, Secret, ServerUrl};
use settings::{Conditions, Environment, Places, Settings, Setup};
use vault::{Choice, Entry, Key, Vault};

pub(crate) const HOUR: u64 = 3600;

thread_local! {
    pub(crate) static NOW: Cell<SystemTime> = Cell::new(SystemTime::now());
}

pub(crate) fn pass(seconds: i64) {
    NOW.set(if seconds < 0 {
        NOW.get() - Duration::from_secs(seconds.unsigned_abs())
    } else {
        NOW.get() + Duration::from_secs(seconds.unsigned_abs())
    });
}

/// Serves `*.cloud.example`; `public.cloud.example` also without an identity.
#[derive(Clone)]
pub(crate) struct Cloud(pub(crate) Rc<State>);

pub(crate) struct State {
    pub(crate) mints: Cell<u32>,
    pub(crate) refuses: RefCell<Option<MintError>>,
    pub(crate) existing_token: RefCell<Result<Option<String>, MintError>>,
    pub(crate) identity: RefCell<String>,
    pub(crate) stage: RefCell<&'static str>,
    /// Seconds.
    pub(crate) life: Cell<u64>,
    /// The identity of the minted token, if it is another one.
    pub(crate) turns_out: RefCell<Option<String>>,
    /// What another process does while this one mints.
    pub(crate) meanwhile: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Provider for Cloud {
    type Target = ();

    fn scope(&self, server: &ServerUrl, _: &Setup) -> Option<Scope<()>> {
        let (account, _) = server.host().split_once(".cloud.example")?;
        let identity = self.0.identity.borrow().clone();
        Some(Scope { service: "cloud:eu".into(), identity, public: account == "public", target: () })
    }

    fn username(&self, _: &Scope<()>) -> &str {
        "CLOUD"
    }

    fn existing_token(&self, _: &Scope<()>, _: &Setup) -> Result<Option<ExistingToken>, MintError> {
        let token = self.0.existing_token.borrow().clone()?;
        Ok(token.map(|token| ExistingToken { username: "HAND".into(), secret: Secret::new(token) }))
    }

    fn mint(&self, _: &Scope<()>, setup: &Setup, _: Deadline) -> Result<Minted, MintError> {
        if let Some(meanwhile) = self.0.meanwhile.borrow_mut().take() {
            meanwhile();
        }
        if let Some(error) = self.0.refuses.borrow().clone() {
            return Err(error);
        }
        self.0.mints.set(self.0.mints.get() + 1);
        let secret = Secret::new(format!("{}-{}", self.0.identity.borrow(), self.0.mints.get()));
        let expires = NOW.get() + Duration::from_secs(self.0.life.get());
        let requires = setup.environment.text("STAGE").and_then(|_| {
            // The conditions are known only after minting.
            Conditions::default().variable("STAGE").seal(&setup.environment)
        });
        let scope = self.0.turns_out.borrow().clone();
        Ok(Minted { scope, requires, ..Minted::new("CLOUD", secret, expires) })
    }
}

pub(crate) struct Fixture {
    pub(crate) cloud: Cloud,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let state = State {
            mints: Cell::new(0),
            refuses: RefCell::new(None),
            existing_token: RefCell::new(Ok(None)),
            identity: RefCell::new("alice".to_owned()),
            stage: RefCell::new(""),
            life: Cell::new(12 * HOUR),
            turns_out: RefCell::new(None),
            meanwhile: RefCell::new(None),
        };
        Fixture { cloud: Cloud(Rc::new(state)), folder: tempfile::tempdir().unwrap() }
    }

    /// A new process with the same folders.
    pub(crate) fn broker(&self) -> Broker<Cloud> {
        self.broker_with(Settings::default())
    }

    pub(crate) fn broker_with(&self, settings: Settings) -> Broker<Cloud> {
        let place = |name| Some(self.folder.path().join(name));
        let places = Places { runtime: place("run"), data: place("data"), cache: place("cache"), ..Places::default() };
        let environment = Environment::of([("STAGE", *self.cloud.0.stage.borrow())]);
        let setup = Setup { environment, places, settings, workload: None };
        Broker::new(self.cloud.clone(), setup, vault_in(self.folder.path()), || NOW.get())
    }

    pub(crate) fn get(&self, server: &str) -> Result<String, Failure> {
        self.get_with(Settings::default(), server)
    }

    pub(crate) fn get_with(&self, settings: Settings, server: &str) -> Result<String, Failure> {
        let given = self.broker_with(settings).get(&ServerUrl::parse(server).unwrap())?;
        assert_eq!(given.server, server, "the reply echoes the address");
        Ok(format!("{}:{}", given.username, given.secret.expose()))
    }

    pub(crate) fn store(&self, server: &str, username: &str, secret: &str) {
        let secret = Secret::new(secret.into());
        let login = Credentials { server: server.into(), username: username.into(), secret };
        self.broker().store(&ServerUrl::parse(server).unwrap(), login).unwrap();
    }

    pub(crate) fn erase(&self, server: &str) {
        self.broker().erase(&ServerUrl::parse(server).unwrap()).unwrap();
    }

    pub(crate) fn list(&self) -> Vec<(String, String)> {
        self.broker().list().unwrap()
    }

    pub(crate) fn refuses(&self, error: Option<MintError>) {
        *self.cloud.0.refuses.borrow_mut() = error;
    }

    /// The number of entries in the vault.
    pub(crate) fn tokens(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("run/tokens")).map_or(0, Iterator::count)
    }

    pub(crate) fn signs_in(&self, identity: &str) {
        *self.cloud.0.identity.borrow_mut() = identity.to_owned();
    }
}

pub(crate) fn vault_in(folder: &Path) -> Vault {
    let place = |name| Some(folder.join(name));
    let places = vault::Places { runtime: place("run"), data: place("data"), cache: place("cache"), session_bus: None };
    Vault::new(Choice::File, places)
}

/// Alice's token, stored by another process.
pub(crate) fn token_of_alice(secret: &str, life: u64) -> Entry {
    Entry {
        key: Key::Token("cloud:eu/alice".into()),
        server: "a.cloud.example".into(),
        username: "CLOUD".into(),
        secret: Secret::new(secret.into()),
        issued: NOW.get(),
        expires: Some(NOW.get() + Duration::from_secs(life)),
        requires: None,
    }
}

pub(crate) fn why(text: &str) -> ErrorMessage {
    ErrorMessage { what: text.to_owned(), hint: None }
}

pub(crate) fn failed() -> Option<MintError> {
    Some(MintError::Failed(why("the service is away")))
}
