//! One process mints and the others wait: how they use its result.

use std::cell::RefCell;
use std::time::Duration;

use protocol::Failure;
use settings::Settings;

use crate::fixture::{Fixture, failed, token_of_alice, vault_in};

#[test]
fn a_failure_is_not_shared_with_later_processes() {
    let fixture = Fixture::new();
    fixture.refuses(failed());
    fixture.get("a.cloud.example").unwrap_err();
    fixture.refuses(None);
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-1");
}

#[test]
fn at_the_timeout_the_vault_is_read_once_more() {
    let fixture = Fixture::new();
    fixture.get("a.cloud.example").unwrap();
    fixture.erase("a.cloud.example");
    // Another process holds the lock throughout.
    let lock = fixture.folder.path().join("run/mint-locks/cloud-eu-alice.lock");
    let held = std::fs::File::options().read(true).write(true).open(lock).unwrap();
    held.lock().unwrap();
    let settings = || Settings { timeout: Duration::from_millis(300), ..Settings::default() };
    let Err(Failure::Stop(late)) = fixture.get_with(settings(), "a.cloud.example") else { panic!("it cannot mint") };
    assert!(late.what.contains("another process"), "{late}");
    let (folder, token) = (fixture.folder.path().to_owned(), token_of_alice("of another process", 5));
    Waiting::then(move || drop(vault_in(&folder).save(&token).unwrap()));
    assert_eq!(fixture.get_with(settings(), "a.cloud.example").unwrap(), "CLOUD:of another process");
    assert_eq!(fixture.cloud.0.mints.get(), 1);
}

/// Runs `act` once the log of this thread's broker shows that it waits for another process.
struct Waiting;

thread_local! {
    static ONCE_IT_WAITS: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

impl Waiting {
    fn then(action: impl FnOnce() + 'static) {
        ONCE_IT_WAITS.set(Some(Box::new(action)));
        let _ = log::set_logger(&Waiting);
        log::set_max_level(log::LevelFilter::Info);
    }
}

impl log::Log for Waiting {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.args().to_string().starts_with("waiting for another process") {
            ONCE_IT_WAITS.take().into_iter().for_each(|action| action());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_failure_does_not_hide_a_token_that_another_process_has_cached() {
    let fixture = Fixture::new();
    fixture.refuses(failed());
    let (folder, token) = (fixture.folder.path().to_owned(), token_of_alice("of another process", 5));
    *fixture.cloud.0.meanwhile.borrow_mut() = Some(Box::new(move || drop(vault_in(&folder).save(&token).unwrap())));
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:of another process");
}

#[test]
fn a_token_of_another_identity_is_served_and_not_cached() {
    let fixture = Fixture::new();
    for other in ["cloud:eu/bob", "cloud:us/alice", ""] {
        *fixture.cloud.0.turns_out.borrow_mut() = Some(other.to_owned());
        assert_eq!(fixture.get("a.cloud.example").unwrap(), format!("CLOUD:alice-{}", fixture.cloud.0.mints.get()));
        assert_eq!(fixture.tokens(), 0, "{other}");
    }
    *fixture.cloud.0.turns_out.borrow_mut() = Some("cloud:eu/alice".to_owned());
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-4");
    assert_eq!(fixture.get("a.cloud.example").unwrap(), "CLOUD:alice-4");
}
