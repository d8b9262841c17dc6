use dbus::arg::{RefArg, Variant, cast};
use dbus::{Error, Message, Path};
use zeroize::Zeroizing;

use super::bus::{Bus, ROOT, ROOT_INTERFACE};
use super::connection::{PendingReply, malformed};
use super::key_exchange::{ALGORITHM, Cipher, KeyExchange};
use crate::VaultError;

/// A session of the Secret Service, which defines how secrets are transferred.
///
/// They are transferred plain if the service supports it. The specification's encryption would cost
/// 5 ms on every `get` for two modular exponentiations and protect nothing: a process that can monitor
/// this user's bus can request the secret from the service itself, and no other user can read the
/// bus, which is a local socket.
pub(super) struct Session {
    path: Path<'static>,
    cipher: Option<Cipher>,
}

/// A secret as it is transferred: session, parameters, value, type.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/types.html>
pub(super) type Wrapped = (Path<'static>, Vec<u8>, Vec<u8>, &'static str);

/// gnome-keyring and KeePassXC reply to `plain` with a string, KWallet with bytes; it has no meaning.
type Opened = (Variant<Box<dyn RefArg>>, Path<'static>);

impl Session {
    pub(super) fn path(&self) -> &Path<'static> {
        &self.path
    }

    pub(super) fn wrap(&self, secret: &[u8]) -> Result<Wrapped, Error> {
        let (parameters, value) = match &self.cipher {
            None => (Vec::new(), secret.to_vec()),
            Some(cipher) => {
                let (vector, sealed) = cipher.encrypt(secret).map_err(no_random_numbers)?;
                (vector.to_vec(), sealed)
            }
        };
        Ok((self.path.clone(), parameters, value, "text/plain"))
    }

    /// Reads a slice of the message, because libdbus reads a vector byte by byte, which takes as long as
    /// half a roundtrip for a token.
    pub(super) fn unwrap(&self, answer: &Message) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (_, parameters, value, _) = answer.read1::<(Path<'_>, &[u8], &[u8], &str)>()?;
        match &self.cipher {
            None => Ok(Zeroizing::new(value.to_vec())),
            Some(cipher) => cipher.decrypt(parameters, value).ok_or_else(malformed),
        }
    }
}

impl Bus {
    pub(super) fn session(&self) -> Result<&Session, VaultError> {
        if self.session.get().is_none() {
            let opened = self.once_known::<Opened>(self.session_asked.take(), || self.send_session());
            let session = match opened {
                Ok((_, path)) => Session { path, cipher: None },
                Err(error) if is_unsupported(&error) => self.exchange_keys().map_err(|error| self.failure(&error))?,
                Err(error) => return Err(self.failure(&error)),
            };
            _ = self.session.set(session);
        }
        Ok(self.session.get().expect("it has just been set"))
    }

    pub(super) fn send_session(&self) -> PendingReply {
        self.send(ROOT, ROOT_INTERFACE, "OpenSession", ("plain", Variant("")))
    }

    fn exchange_keys(&self) -> Result<Session, Error> {
        log::debug!("the service rejects plain secrets: exchanging a key");
        let offer = KeyExchange::new().map_err(no_random_numbers)?;
        let ours = Variant(offer.public().to_vec());
        let (theirs, path): Opened = self.ask(ROOT, ROOT_INTERFACE, "OpenSession", (ALGORITHM, ours))?;
        let cipher = cast::<Vec<u8>>(&*theirs.0).and_then(|theirs| offer.agree(theirs)).ok_or_else(malformed)?;
        Ok(Session { path, cipher: Some(cipher) })
    }
}

fn is_unsupported(error: &Error) -> bool {
    matches!(
        error.name(),
        Some("org.freedesktop.DBus.Error.NotSupported" | "org.freedesktop.DBus.Error.InvalidArgs") //
    )
}

fn no_random_numbers(error: std::io::Error) -> Error {
    Error::new_custom("org.freedesktop.DBus.Error.Failed", &format!("no random numbers: {error}"))
}
