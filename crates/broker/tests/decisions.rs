//! The broker's decisions, with a cloud that does as it is told, a real file vault and a clock
//! that the test sets.

#![allow(clippy::unwrap_used)] // In a test a panic is the message.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use broker::{AtHand, Broker, MintError, Minted, Provider, Scope};
use protocol::{Credentials, Deadline, Explained, Failure, Helper, Secret, ServerUrl};
use settings::{Environment, Places, Settings, Setup};
use vault::{Choice, Vault};

const HOUR: u64 = 3600;

thread_local! {
    static NOW: Cell<SystemTime> = Cell::new(SystemTime::now());
}

fn pass(seconds: i64) {
    NOW.set(if seconds < 0 {
        NOW.get() - Duration::from_secs(seconds.unsigned_abs())
    } else {
        NOW.get() + Duration::from_secs(seconds.unsigned_abs())
    });
}

/// Serves `*.cloud.example`; `public.cloud.example` also to those who are not signed in.
#[derive(Clone)]
struct Cloud(Rc<State>);

struct State {
    mints: Cell<u32>,
    refuses: RefCell<Option<MintError>>,
    at_hand: RefCell<Result<Option<String>, MintError>>,
    identity: RefCell<String>,
}

impl Provider for Cloud {
    type Target = ();

    fn scope(&self, server: &ServerUrl, _: &Setup) -> Option<Scope<()>> {
        let (account, _) = server.host().split_once(".cloud.example")?;
        let identity = self.0.identity.borrow().clone();
        Some(Scope { service: "cloud:eu".into(), identity, public: account == "public", target: () })
    }

    fn at_hand(&self, _: &Scope<()>, _: &Setup) -> Result<Option<AtHand>, MintError> {
        let token = self.0.at_hand.borrow().clone()?;
        Ok(token.map(|token| AtHand { username: "HAND".into(), secret: Secret::new(token) }))
    }

    fn mint(&self, _: &Scope<()>, _: &Setup, _: Deadline) -> Result<Minted, MintError> {
        if let Some(error) = self.0.refuses.borrow().clone() {
            return Err(error);
        }
        self.0.mints.set(self.0.mints.get() + 1);
        let secret = Secret::new(format!("{}-{}", self.0.identity.borrow(), self.0.mints.get()));
        Ok(Minted { username: "CLOUD".into(), secret, expires: NOW.get() + Duration::from_secs(12 * HOUR) })
    }
}

struct House {
    cloud: Cloud,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let state = State {
            mints: Cell::new(0),
            refuses: RefCell::new(None),
            at_hand: RefCell::new(Ok(None)),
            identity: RefCell::new("alice".to_owned()),
        };
        House { cloud: Cloud(Rc::new(state)), folder: tempfile::tempdir().unwrap() }
    }

    /// A new process over the same folders.
    fn broker(&self) -> Broker<Cloud> {
        let place = |name| Some(self.folder.path().join(name));
        let places = Places { runtime: place("run"), data: place("data"), cache: place("cache"), ..Places::default() };
        let vault =
            vault::Places { runtime: place("run"), data: place("data"), cache: place("cache"), session_bus: None };
        let environment = Environment::of([("", "")]);
        let setup = Setup { environment, places, settings: Settings::default(), workload: None };
        Broker::new(self.cloud.clone(), setup, Vault::new(Choice::File, vault), || NOW.get())
    }

    fn get(&self, server: &str) -> Result<String, Failure> {
        let given = self.broker().get(&ServerUrl::parse(server).unwrap())?;
        assert_eq!(given.server, server, "the reply echoes the address");
        Ok(format!("{}:{}", given.username, given.secret.expose()))
    }

    fn store(&self, server: &str, username: &str, secret: &str) {
        let secret = Secret::new(secret.into());
        let login = Credentials { server: server.into(), username: username.into(), secret };
        self.broker().store(&ServerUrl::parse(server).unwrap(), login).unwrap();
    }

    fn erase(&self, server: &str) {
        self.broker().erase(&ServerUrl::parse(server).unwrap()).unwrap();
    }

    fn list(&self) -> Vec<(String, String)> {
        self.broker().list().unwrap()
    }

    fn refuses(&self, error: Option<MintError>) {
        *self.cloud.0.refuses.borrow_mut() = error;
        // A failure counts for seconds; the next one is to be a new one.
        pass(10);
    }

    fn signs_in(&self, identity: &str) {
        *self.cloud.0.identity.borrow_mut() = identity.to_owned();
    }
}

fn why(text: &str) -> Explained {
    Explained { what: text.to_owned(), hint: None }
}

fn failed() -> Option<MintError> {
    Some(MintError::Failed(why("the service is away")))
}

#[test]
fn one_token_serves_every_account_of_a_service() {
    let house = House::new();
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    assert_eq!(house.get("https://b.cloud.example/v2/").unwrap(), "CLOUD:alice-1");
    assert_eq!(house.cloud.0.mints.get(), 1);
}

#[test]
fn a_foreign_host_is_not_found() {
    let house = House::new();
    assert_eq!(house.get("docker.io"), Err(Failure::NotFound));
    assert_eq!(house.cloud.0.mints.get(), 0);
}

#[test]
fn another_identity_gets_another_token() {
    let house = House::new();
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    house.signs_in("bob");
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:bob-2");
    house.signs_in("alice");
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    // The vault counts in seconds.
    pass(12 * HOUR as i64 - 602);
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    pass(3);
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-2");
}

#[test]
fn an_aging_token_serves_when_there_is_no_new_one() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    pass(12 * HOUR as i64 - 300);
    house.refuses(failed());
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
    house.refuses(Some(MintError::NotSignedIn(why("nobody"))));
    assert_eq!(house.get("public.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn an_ended_token_never_serves() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    pass(12 * HOUR as i64);
    house.refuses(failed());
    assert_eq!(house.get("a.cloud.example"), Err(Failure::Stop(why("the service is away"))));
}

#[test]
fn a_token_from_the_future_never_serves() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    pass(-(30 * HOUR as i64));
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-2");
    pass(-(30 * HOUR as i64));
    house.refuses(failed());
    assert_eq!(house.get("a.cloud.example"), Err(Failure::Stop(why("the service is away"))));
}

#[test]
fn nobody_signed_in_is_anonymous_only_in_public() {
    let house = House::new();
    house.refuses(Some(MintError::NotSignedIn(why("nobody"))));
    assert_eq!(house.get("public.cloud.example"), Err(Failure::NotFound));
    assert_eq!(house.get("a.cloud.example"), Err(Failure::Stop(why("nobody"))));
    house.refuses(failed());
    assert_eq!(house.get("public.cloud.example"), Err(Failure::Stop(why("the service is away"))));
}

#[test]
fn a_login_wins_until_it_is_erased() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    house.store("a.cloud.example", "me", "password");
    assert_eq!(house.get("https://A.cloud.example").unwrap(), "me:password");
    assert_eq!(house.get("b.cloud.example").unwrap(), "CLOUD:alice-1", "a login is for its host alone");
    pass(1000 * HOUR as i64);
    assert_eq!(house.get("a.cloud.example").unwrap(), "me:password");
    house.erase("a.cloud.example");
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-2");
}

#[test]
fn a_login_wins_until_it_ends() {
    let house = House::new();
    house.store("a.cloud.example", "AWS", "pasted");
    pass(12 * HOUR as i64 - 1);
    assert_eq!(house.get("a.cloud.example").unwrap(), "AWS:pasted");
    assert_eq!(house.list(), [("a.cloud.example".to_owned(), "AWS".to_owned())]);
    pass(1);
    assert_eq!(house.list(), []);
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn a_login_to_a_foreign_host_has_no_end() {
    let house = House::new();
    house.store("registry.example", "AWS", "not Amazon's");
    pass(1000 * HOUR as i64);
    assert_eq!(house.get("registry.example").unwrap(), "AWS:not Amazon's");
}

#[test]
fn erasing_forgets_the_tokens_of_every_identity() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    house.signs_in("bob");
    house.get("a.cloud.example").unwrap();
    house.erase("b.cloud.example");
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:bob-3");
    house.signs_in("alice");
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-4");
    house.erase("nothing.example");
}

#[test]
fn whatever_is_listed_can_be_got() {
    let house = House::new();
    house.get("a.cloud.example").unwrap();
    house.store("a.cloud.example", "me", "password");
    house.store("registry.example:5000", "you", "password");
    house.signs_in("bob");
    house.get("b.cloud.example").unwrap();
    let mut listed = house.list();
    listed.sort();
    let expected = [("a.cloud.example", "me"), ("b.cloud.example", "CLOUD"), ("registry.example:5000", "you")];
    assert_eq!(listed, expected.map(|(server, username)| (server.to_owned(), username.to_owned())));
    for (server, username) in listed {
        assert!(house.get(&server).unwrap().starts_with(&username));
    }
    pass(13 * HOUR as i64);
    assert!(!house.list().iter().any(|(_, username)| username == "CLOUD"), "an ended token is not listed");
}

#[test]
fn a_failure_is_shared_with_those_who_come_at_once() {
    let house = House::new();
    house.refuses(failed());
    house.get("a.cloud.example").unwrap_err();
    *house.cloud.0.refuses.borrow_mut() = None;
    assert_eq!(house.get("a.cloud.example"), Err(Failure::Stop(why("the service is away"))));
    pass(10);
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn a_token_at_hand_is_handed_on_and_kept_nowhere() {
    let house = House::new();
    let lies = |token: Result<Option<String>, MintError>| *house.cloud.0.at_hand.borrow_mut() = token;
    lies(Ok(Some("first".into())));
    assert_eq!(house.get("a.cloud.example").unwrap(), "HAND:first");
    lies(Ok(Some("second".into())));
    assert_eq!(house.get("a.cloud.example").unwrap(), "HAND:second", "it is never stale");
    assert_eq!((house.list().len(), house.cloud.0.mints.get()), (0, 0));
    house.store("a.cloud.example", "bob", "password");
    assert_eq!(house.get("a.cloud.example").unwrap(), "bob:password", "a stored login wins");
    house.erase("a.cloud.example");
    lies(Err(MintError::Failed(why("it is of the wrong kind"))));
    assert_eq!(house.get("a.cloud.example"), Err(Failure::Stop(why("it is of the wrong kind"))));
    assert_eq!(house.cloud.0.mints.get(), 0, "the next source would be somebody else");
    lies(Ok(None));
    assert_eq!(house.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}
