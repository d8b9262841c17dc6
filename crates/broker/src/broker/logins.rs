use protocol::{Credentials, ErrorMessage, Failure, ServerUrl};
use settings::VaultChoice;
use vault::{Entry, Key, Location, VaultError};

use super::Broker;
use crate::Provider;
use crate::erase::erase_result;
use crate::login_expiry::login_expiry;

impl<P: Provider> Broker<P> {
    /// Stores a login; returns a warning if it is not encrypted.
    pub(super) fn store_login(&self, server: &ServerUrl, login: Credentials) -> Result<Option<String>, Failure> {
        if let Some(refusal) = self.refuses_login(server) {
            return Err(Failure::Stop(refusal));
        }
        let now = (self.clock)();
        let of_cloud = self.provider.scope(server, &self.setup).is_some();
        let expires = of_cloud.then(|| login_expiry(&login.username, login.secret.expose(), now)).flatten();
        let address = self.setup.login_of(server, server).server;
        let entry = Entry {
            key: Key::Login(address.clone()),
            server: address.key(),
            username: login.username,
            secret: login.secret,
            issued: now,
            expires,
            requires: None,
        };
        match self.vault.save_with_keychain_error(&entry) {
            Ok((Location::File(path), reason)) => {
                // If the settings choose files, no reason is needed.
                let chosen = self.setup.settings.vault == VaultChoice::File;
                let why = if chosen { String::new() } else { why_unencrypted(reason.as_ref()) };
                Ok(Some(format!("The login for {server} is stored unencrypted in {}{why}", path.display())))
            }
            Ok((Location::Nowhere, _)) => Err(Failure::with_hint(
                "cannot store the login: vault is \"none\" in credmint's settings",
                "set vault = \"auto\"",
            )),
            Ok((Location::Keychain | Location::Kernel, _)) => Ok(None),
            Err(error) => Err(Failure::Stop(ErrorMessage {
                what: format!("cannot store the login for {server}: {error}"),
                hint: self.missing_home().or_else(|| self.no_plain_files()).or_else(|| error.remedy()),
            })),
        }
    }

    /// Removes the login of a server, and the tokens for its service.
    pub(super) fn erase_all(&self, server: &ServerUrl) -> Result<Option<String>, Failure> {
        let mut keys = vec![Key::Login(self.setup.login_of(server, server).server.clone())];
        if let Some(scope) = self.provider.scope(server, &self.setup) {
            // The token of this identity, and the tokens of other identities for the same service.
            let service = format!("{}/", scope.service);
            let others = self.vault.names().inspect_err(|error| log::warn!("cannot list the vault: {error}"));
            keys.push(Key::Token(scope.id()));
            keys.extend(
                others
                    .unwrap_or_default()
                    .into_iter()
                    .map(|name| name.key)
                    .filter(|key| matches!(key, Key::Token(id) if id.starts_with(&service) && *id != scope.id())),
            );
        }
        let removed = keys.iter().map(|key| self.vault.remove(key)).collect();
        self.served_hosts.remove(&server.key(), (self.clock)());
        erase_result(server, removed)
    }
}

/// Why a login was not stored in a keychain, and the remedy.
fn why_unencrypted(reason: Option<&VaultError>) -> String {
    match reason {
        None => ": this machine has no keychain".to_owned(),
        // Such as on a server; there is no remedy.
        Some(error @ VaultError::Absent { .. }) => format!(": {error}"),
        Some(error) => match error.remedy() {
            Some(remedy) => format!(": {error} ({remedy})"),
            None => format!(": {error}"),
        },
    }
}
