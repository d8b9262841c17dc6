use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use protocol::{Client, ClientError, Credentials, ErrorMessage, ServerUrl};

use crate::context::Context;

/// For another helper whose logins are moved: its keychain may prompt its user.
pub(crate) const INTERACTIVE_TIMEOUT: Duration = Duration::from_secs(120);
/// For another helper that is only queried for a login.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Queries helpers for logins, each key once.
pub(crate) struct CachedQueries<'a> {
    context: &'a Context<'a>,
    ours: Client,
    limit: Duration,
    /// Helpers that timed out: they are not queried again.
    hung: RefCell<HashSet<String>>,
    /// The addresses that our helpers may have a login for.
    listed: OnceCell<HashSet<String>>,
    answers: RefCell<HashMap<(String, String), Option<Credentials>>>,
}

impl<'a> CachedQueries<'a> {
    /// `limit` is the timeout for each query of another helper.
    pub(crate) fn new(context: &'a Context<'a>, limit: Duration) -> Result<Self, ErrorMessage> {
        let ours = context.helpers.universal(context.setup.settings.timeout)?;
        Ok(CachedQueries {
            context,
            ours,
            limit,
            hung: RefCell::default(),
            listed: OnceCell::new(),
            answers: RefCell::default(),
        })
    }

    /// What another helper returns; `None` on an error, since Docker goes on then.
    fn other(&self, helper: &str, asked: &str) -> Option<Credentials> {
        if self.hung.borrow().contains(helper) {
            return None;
        }
        let program = self.context.helpers.on_path(helper)?;
        match Client::new(program, self.limit).get(asked) {
            Ok(found) => found,
            Err(error @ ClientError::TimedOut { .. }) => {
                self.hung.borrow_mut().insert(helper.to_owned());
                self.context.printer.note(format!("{error}: its logins are ignored"));
                None
            }
            Err(_) => None,
        }
    }

    fn once(&self, helper: &str, asked: &str, ask: impl FnOnce() -> Option<Credentials>) -> Option<Credentials> {
        let question = (helper.to_owned(), asked.to_owned());
        if let Some(known) = self.answers.borrow().get(&question) {
            return known.clone();
        }
        let answer = ask();
        self.answers.borrow_mut().insert(question, answer.clone());
        answer
    }
}

impl dockerconfig::HelperQueries for CachedQueries<'_> {
    fn is_ours(&self, helper: &str) -> bool {
        self.context.helpers.is_ours(helper)
    }

    fn credentials(&self, helper: &str, asked: &str) -> Option<Credentials> {
        let mints = ServerUrl::parse(asked).is_ok_and(|server| self.context.setup.registry_of(&server).is_some());
        match self.is_ours(helper) {
            true if !mints => self.stored_login(asked),
            true => self.once("ours, minted", asked, || self.ours.get(asked).ok().flatten()),
            false => self.once(helper, asked, || self.other(helper, asked)),
        }
    }

    fn stored_login(&self, asked: &str) -> Option<Credentials> {
        let listed = self.listed.get_or_init(|| {
            let keys = self.ours.list().unwrap_or_default().into_keys();
            keys.filter_map(|key| ServerUrl::parse(&key).ok()).map(|server| server.key()).collect()
        });
        if !listed.contains(&ServerUrl::parse(asked).ok()?.key()) {
            return None;
        }
        self.once("ours, kept", asked, || {
            let facts = self.ours.inspect(asked).ok()?;
            (!facts["login"].is_null()).then(|| self.ours.get(asked).ok().flatten()).flatten()
        })
    }
}
