use protocol::{Failure, ServerUrl};

use super::permission::provider_of;
use super::{Broker, Found, Origin};
use crate::audit::{self, Outcome, Request};
use crate::{Provider, Scope};

impl<P: Provider> Broker<P> {
    /// Writes a line about a request for credentials, if the settings enable it.
    pub(super) fn audit(&self, image: &ServerUrl, found: &Result<Found, Failure>) {
        let outcome = match found {
            Ok(Found { credentials, origin, .. }) => Outcome::Served {
                how: match origin {
                    Origin::Login => "login",
                    Origin::Cached => "cached",
                    Origin::Existing => "passed on",
                    Origin::Minted => "minted",
                },
                username: &credentials.username,
                secret: credentials.secret.expose(),
            },
            Err(failure) => Outcome::Failed(failure),
        };
        let is_login = found.as_ref().is_ok_and(|found| found.origin == Origin::Login);
        self.write_audit("get", image, is_login, &outcome);
    }

    /// The same of a login that was stored or erased.
    pub(super) fn audit_login(&self, action: &'static str, server: &ServerUrl, done: &Result<Option<String>, Failure>) {
        let outcome = done.as_ref().map_or_else(Outcome::Failed, |_| Outcome::Done);
        self.write_audit(action, server, true, &outcome);
    }

    fn write_audit(&self, action: &'static str, server: &ServerUrl, is_login: bool, outcome: &Outcome<'_>) {
        let Some(destination) = &self.setup.settings.audit else { return };
        let scope = if is_login { None } else { self.provider.scope(server, &self.setup) };
        let is_refused = || match &scope {
            Some(scope) => self.permit(server).is_err() || self.refuses_scope(server, scope).is_some(),
            None => self.refuses_login(server).is_some(),
        };
        let failed = matches!(outcome, Outcome::Failed(_));
        let outcome = if failed && is_refused() { &Outcome::Refused } else { outcome };
        let provider = scope.as_ref().map(|scope| provider_of(&scope.service)).or(is_login.then_some("login"));
        let identity = scope.as_ref().map(|Scope { identity, .. }| identity.as_str());
        audit::write(destination, &Request { action, server, provider, identity }, outcome, (self.clock)());
    }
}
