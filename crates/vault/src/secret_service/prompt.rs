//! Locked collections and items: which can be unlocked silently, and which need a prompt.

use std::cell::Cell;
use std::time::{Duration, Instant};

use dbus::Path;
use dbus::arg::{RefArg, Variant};

use super::bus::{Bus, COLLECTION, NOTHING, PROPERTIES, ROOT, ROOT_INTERFACE, SERVICE};
use super::connection::TIMEOUT;
use super::errors::unless_gone;
use crate::VaultError;

const PROMPT: &str = "org.freedesktop.Secret.Prompt";
/// The objects of KWallet's own interface, which exist beside the Secret Service until Plasma 6.
const KWALLETS: [&str; 2] = ["/modules/kwalletd5", "/modules/kwalletd6"];

/// Whether the user may be prompted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PromptPolicy {
    /// A prompt may be answered within the timeout of the service.
    #[default]
    IfQuick,
    /// No prompt: it is not worth the interruption.
    Never,
    /// The user has started this, and is waited for up to this time.
    WaitForUser(Duration),
}

/// The time that the user is waited for, in addition to the timeout of the service.
#[derive(Default)]
pub(super) struct Prompting {
    policy: Cell<PromptPolicy>,
    /// The time waited since the last call of [`Prompting::take`].
    taken: Cell<Duration>,
}

impl Prompting {
    pub(super) fn set(&self, policy: PromptPolicy) {
        self.policy.set(policy);
    }

    /// The time that the user was waited for, once.
    pub(super) fn take(&self) -> Duration {
        self.taken.take()
    }

    fn waited(&self, time: Duration) {
        self.taken.set(self.taken.get() + time);
        if let PromptPolicy::WaitForUser(left) = self.policy.get() {
            self.policy.set(PromptPolicy::WaitForUser(left.saturating_sub(time)));
        }
    }
}

impl Bus {
    /// Unlocks the collections of these items that need no prompt.
    pub(super) fn open_collections_of(&self, items: &[Path<'static>]) -> Result<(), VaultError> {
        items.iter().filter_map(collection_of).try_for_each(|collection| self.open_collection(&collection).map(drop))
    }

    /// For collections that were checked.
    pub(super) fn is_in_open_collection(&self, item: &Path<'static>) -> bool {
        let known = self.collections.borrow();
        collection_of(item).is_some_and(|of| known.iter().any(|(collection, open)| *open && *collection == of))
    }

    /// Whether a collection is unlocked or can be unlocked without a prompt: a keyring without a
    /// password, a wallet that was opened at login.
    pub(super) fn open_collection(&self, collection: &Path<'static>) -> Result<bool, VaultError> {
        if let Some((_, open)) = self.collections.borrow().iter().find(|(known, _)| known == collection) {
            return Ok(*open);
        }
        let open = match self.is_locked(collection)? {
            // It was deleted.
            None => return Err(VaultError::NoCollection { place: self.place() }),
            Some(false) => true,
            Some(true) => self.unlock_quietly(collection)?,
        };
        self.collections.borrow_mut().push((collection.clone(), open));
        Ok(open)
    }

    /// `None` if there is no such collection.
    fn is_locked(&self, collection: &Path<'static>) -> Result<Option<bool>, VaultError> {
        let answer = self.ask::<(Variant<bool>,)>(collection, PROPERTIES, "Get", (COLLECTION, "Locked"));
        let answer = unless_gone(answer).map_err(|error| self.failure(&error))?;
        Ok(answer.map(|(Variant(locked),)| locked))
    }

    /// For a service that replies to no search.
    pub(super) fn known_to_be_locked(&self) -> bool {
        let default = self.read_default_alias();
        default.is_ok_and(|path| &*path != NOTHING && self.is_locked(&path) == Ok(Some(true)))
    }

    fn unlock_quietly(&self, collection: &Path<'static>) -> Result<bool, VaultError> {
        let prompt = self.unlock(collection)?;
        let Some(prompt) = prompt else { return Ok(true) };
        if self.is_open_wallet(collection) {
            return match self.wait_for(&prompt) {
                Ok(_) => Ok(true),
                Err(VaultError::Unconfirmed { .. }) => Ok(false),
                Err(error) => Err(error),
            };
        }
        self.dismiss(&prompt);
        Ok(false)
    }

    /// The prompt that is required, if any. It is not shown until it is carried out.
    fn unlock(&self, object: &Path<'static>) -> Result<Option<Path<'static>>, VaultError> {
        let (unlocked, prompt): (Vec<Path<'static>>, Path<'static>) =
            self.call(ROOT, ROOT_INTERFACE, "Unlock", (vec![object],))?;
        Ok(Some(prompt).filter(|prompt| &**prompt != NOTHING && !unlocked.contains(object)))
    }

    /// KWallet reports a wallet as locked until the first client unlocks it, even if it was opened at login;
    /// unlocking shows no prompt then. `ksecretd` does not report which is the case.
    fn is_open_wallet(&self, collection: &Path<'static>) -> bool {
        let label = self.ask::<(Variant<String>,)>(collection, PROPERTIES, "Get", (COLLECTION, "Label"));
        let Ok((Variant(label),)) = label else { return false };
        let asked = KWALLETS.map(|path| self.send(path, "org.kde.KWallet", "isOpen", (&*label,)));
        let answers = asked.map(|asked| self.read::<(bool,)>(asked));
        match answers.into_iter().find_map(Result::ok) {
            Some((open,)) => open,
            None => self.program() == "ksecretd",
        }
    }

    pub(super) fn is_guarded(&self, item: &Path<'static>) -> bool {
        self.guarded.borrow().contains(item)
    }

    /// Prompts the user to confirm that an item may be read.
    pub(super) fn confirm(&self, item: &Path<'static>) -> Result<(), VaultError> {
        self.unlock(item)?.map_or(Ok(()), |prompt| self.carry_out(&prompt).map(drop))
    }

    /// Carries out a prompt, if the policy allows it; many services return one that shows nothing. Returns
    /// the resulting object. A prompt that is not answered in time is dismissed.
    pub(super) fn carry_out(&self, prompt: &Path<'static>) -> Result<Option<Path<'static>>, VaultError> {
        if self.prompting.policy.get() == PromptPolicy::Never {
            self.dismiss(prompt);
            return Err(self.unconfirmed());
        }
        self.wait_for(prompt)
    }

    fn wait_for(&self, prompt: &Path<'static>) -> Result<Option<Path<'static>>, VaultError> {
        // Determined now, while there is time: an error names it.
        self.program();
        let (began, end) = (Instant::now(), self.end.get());
        let policy = self.prompting.policy.get();
        if let PromptPolicy::WaitForUser(left) = policy {
            self.connection.wait_until(began + left);
        }
        let rule = format!("type='signal',sender='{SERVICE}',interface='{PROMPT}',member='Completed',path='{prompt}'");
        // Both are sent with the wait; if either fails, no signal arrives.
        self.connection.ask_bus("AddMatch", (rule,));
        let asked = self.send(prompt, PROMPT, "Prompt", ("",));
        let completed = self.read::<()>(asked).and_then(|()| self.connection.signal(prompt, "Completed"));
        let waited = began.elapsed();
        if let PromptPolicy::WaitForUser(_) = policy {
            self.wait_until(end + waited);
            self.prompting.waited(waited);
        }
        let result = completed.and_then(|signal| Ok(signal.read2::<bool, Variant<Box<dyn RefArg>>>()?));
        match result {
            Ok((false, result)) => Ok(result.0.as_str().and_then(|path| Path::new(path.to_owned()).ok())),
            Ok((true, _)) => Err(self.unconfirmed()),
            Err(error) if error.name() == Some(TIMEOUT) => {
                self.dismiss(prompt);
                Err(self.unconfirmed())
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Does not wait for the reply.
    fn dismiss(&self, prompt: &Path<'static>) {
        self.send(prompt, PROMPT, "Dismiss", ());
        self.connection.flush();
    }
}

/// The path of an item begins with that of its collection.
/// <https://specifications.freedesktop.org/secret-service-spec/latest/object-paths.html>
fn collection_of(item: &Path<'static>) -> Option<Path<'static>> {
    Path::new(item.rsplit_once('/')?.0.to_owned()).ok()
}
