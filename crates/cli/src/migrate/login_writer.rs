use protocol::{Client, Credentials, ErrorMessage};

use crate::context::Context;
use crate::printer::Tone;

/// Stores logins with our helper and reads each one back before it counts as stored.
pub(crate) struct LoginWriter<'a> {
    client: Client,
    context: &'a Context<'a>,
    /// The logins that were read back.
    pub(crate) stored: Vec<Credentials>,
    /// Whether one was skipped.
    pub(crate) failed: bool,
}

impl<'a> LoginWriter<'a> {
    pub(crate) fn new(context: &'a Context<'a>) -> Result<Self, ErrorMessage> {
        let client = context.helpers.for_logins(context.setup.settings.timeout)?;
        Ok(LoginWriter { client, context, stored: Vec::new(), failed: false })
    }

    /// Stores a login under its server; `shown` is the name to print.
    pub(crate) fn store(&mut self, login: &Credentials, shown: &str) {
        let why = match self.client.store(login).and_then(|()| self.client.get(&login.server)) {
            Ok(Some(kept)) if kept.username == login.username && kept.secret == login.secret => {
                self.context.printer.note(format!("{} {shown} ({})", Tone::Success.of("moved"), login.username));
                self.stored.push(login.clone());
                return;
            }
            Ok(_) => "it could not be read back from the keychain".to_owned(),
            Err(error) => error.to_string(),
        };
        self.skip(shown, &why);
    }

    /// Reports why a login was not moved.
    pub(crate) fn skip(&mut self, shown: &str, why: &str) {
        self.failed = true;
        self.context.printer.note(format!("{} {shown}: {why}", Tone::Error.of("skipped")));
    }
}
