use dbus::arg::{RefArg, Variant, cast};
use dbus::{Error, Message, Path};
use zeroize::Zeroizing;

use super::agreement::{ALGORITHM, Cipher, KeyExchange};
use super::bus::{Bus, ROOT, ROOT_INTERFACE};
use super::connection::{PendingReply, malformed};
use crate::VaultError;

/// How secrets cross the bus.
///
/// As they are, wherever the service takes it: encryption on the way is part of the specification, and
/// would take 5 ms on every `get` for two modular exponentiations; it keeps nothing from anybody:
/// a process that can watch this user's bus can ask the service for the secret itself, and the
/// bus is a socket in memory that no other user can read.
pub(super) struct Session {
    path: Path<'static>,
    cipher: Option<Cipher>,
}

/// A secret as it crosses the bus: session, parameters, value, type.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/types.html>
pub(super) type Wrapped = (Path<'static>, Vec<u8>, Vec<u8>, &'static str);

/// gnome-keyring and KeePassXC answer `plain` with a text, KWallet with bytes; nobody needs either.
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

    /// As a slice of the message: a vector of bytes is read byte by byte, which for a token takes as
    /// long as half a roundtrip.
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
                Err(error) if is_refusal(&error) => self.agree().map_err(|error| self.failure(&error))?,
                Err(error) => return Err(self.failure(&error)),
            };
            _ = self.session.set(session);
        }
        Ok(self.session.get().expect("it has just been set"))
    }

    pub(super) fn send_session(&self) -> PendingReply {
        self.send(ROOT, ROOT_INTERFACE, "OpenSession", ("plain", Variant("")))
    }

    fn agree(&self) -> Result<Session, Error> {
        log::debug!("the service takes no secret as it is: a key is agreed on");
        let offer = KeyExchange::new().map_err(no_random_numbers)?;
        let ours = Variant(offer.public().to_vec());
        let (theirs, path): Opened = self.ask(ROOT, ROOT_INTERFACE, "OpenSession", (ALGORITHM, ours))?;
        let cipher = cast::<Vec<u8>>(&*theirs.0).and_then(|theirs| offer.agree(theirs)).ok_or_else(malformed)?;
        Ok(Session { path, cipher: Some(cipher) })
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error.name(),
        Some("org.freedesktop.DBus.Error.NotSupported" | "org.freedesktop.DBus.Error.InvalidArgs") //
    )
}

fn no_random_numbers(error: std::io::Error) -> Error {
    Error::new_custom("org.freedesktop.DBus.Error.Failed", &format!("no random numbers: {error}"))
}
