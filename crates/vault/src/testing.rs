//! Entries for the tests of this crate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::{Secret, ServerUrl};

use crate::{Entry, Key};

pub(crate) fn now() -> SystemTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn token(id: &str, secret: &str) -> Entry {
    Entry {
        key: Key::Token(id.to_owned()),
        server: "1.dkr.ecr.us-east-1.amazonaws.com".to_owned(),
        username: "AWS".to_owned(),
        secret: Secret::new(secret.to_owned()),
        issued: now(),
        expires: Some(now() + Duration::from_secs(3600)),
        requires: None,
    }
}

pub(crate) fn login(server: &str, secret: &str) -> Entry {
    let key = Key::Login(ServerUrl::parse(server).unwrap());
    Entry { key, server: server.to_owned(), username: "me".to_owned(), expires: None, ..token("", secret) }
}

#[cfg(unix)]
#[allow(clippy::disallowed_methods)] // Variables of tests are not settings.
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
