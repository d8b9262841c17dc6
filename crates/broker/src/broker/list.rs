use protocol::{Failure, ServerUrl};
use vault::{Key, Name};

use super::{Broker, cannot_list};
use crate::Provider;
use crate::login_expiry::login_expiry;

impl<P: Provider> Broker<P> {
    /// Every server that `get` has credentials for, as far as that is known without the network: stored
    /// logins, hosts that Docker's configuration or the settings assign to this helper, and hosts that were
    /// served before; without those that the policy of the machine refuses.
    ///
    /// Some clients call `list` first and `get` only for what it names, so a name must not depend on a
    /// cached token. Listing a host without an identity is harmless: its `get` returns "not found".
    pub(super) fn list_servers(&self) -> Result<Vec<(String, String)>, Failure> {
        let names = self.vault.names().map_err(|error| cannot_list(&error))?;
        let now = (self.clock)();
        let mut listed = Vec::new();
        // A login precedes the token of the same server.
        for name in names.into_iter().filter(|name| self.is_served(name, now)) {
            add(&mut listed, name.server, name.username);
        }
        for (server, username) in self.served_hosts.all(now) {
            if self.key_and_user(&server).is_some() {
                add(&mut listed, server, username);
            }
        }
        for server in self.setup.hosts_in_docker_config(&self.names) {
            if let Some((key, username)) = self.key_and_user(&server) {
                // Docker uses the name in its configuration; another spelling of it may be listed already.
                if key == server || !listed.iter().any(|(listed, _)| *listed == key) {
                    add(&mut listed, server, username);
                }
            } else if let Some(username) = user_of(&listed, &server) {
                // A login for Docker Hub, under the name that some clients look for.
                add(&mut listed, server, username);
            }
        }
        Ok(listed)
    }

    /// The key of a server that this helper mints for, and the user name that `get` returns.
    fn key_and_user(&self, server: &str) -> Option<(String, String)> {
        let server = ServerUrl::parse(server).ok()?;
        self.permit(&server).ok()?;
        let scope = self.provider.scope(&server, &self.setup)?;
        if self.refuses_scope(&server, &scope).is_some() {
            return None;
        }
        let existing = self.provider.existing_token(&scope, &self.setup).ok().flatten();
        let username = existing.map_or_else(|| self.provider.username(&scope).to_owned(), |token| token.username);
        // Empty for a cloud that is not built in.
        (!username.is_empty()).then(|| (server.key(), username))
    }

    /// Whether `get` returns this entry now.
    fn is_served(&self, name: &Name, now: std::time::SystemTime) -> bool {
        let server = ServerUrl::parse(&name.server).ok();
        let server = server.as_ref();
        if server.is_some_and(|server| self.permit(server).is_err()) {
            return false;
        }
        let scope = server.and_then(|server| self.provider.scope(server, &self.setup));
        let expiry = name.expires.or_else(|| login_expiry(&name.username, "", name.issued).filter(|_| scope.is_some()));
        let is_ours = match &name.key {
            Key::Login(_) => server.is_none_or(|server| self.refuses_login(server).is_none()),
            // Tokens of other identities are not served.
            Key::Token(id) => scope.is_some_and(|scope| {
                scope.id() == *id && server.is_some_and(|server| self.refuses_scope(server, &scope).is_none())
            }),
        };
        is_ours && expiry.is_none_or(|expiry| expiry > now)
    }
}

/// The user of a server that is listed under this or another spelling.
fn user_of(listed: &[(String, String)], server: &str) -> Option<String> {
    let key = ServerUrl::parse(server).ok()?.key();
    listed.iter().find(|(known, _)| *known == key).map(|(_, username)| username.clone())
}

fn add(listed: &mut Vec<(String, String)>, server: String, username: String) {
    if !listed.iter().any(|(known, _)| *known == server) {
        listed.push((server, username));
    }
}
