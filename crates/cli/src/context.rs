use protocol::Explained;
use settings::{Environment, Setup};

use crate::helpers::Helpers;
use crate::printer::Printer;

/// What every command needs.
pub(crate) struct Context<'a> {
    /// The environment, the settings and the folders.
    pub(crate) setup: Setup,
    /// The helpers of this installation.
    pub(crate) helpers: Helpers,
    /// The only way to standard output and standard error.
    pub(crate) printer: &'a Printer,
}

impl<'a> Context<'a> {
    pub(crate) fn load(printer: &'a Printer) -> Result<Self, Explained> {
        let environment = Environment::of_process();
        if let Some(setting) = environment.text("CREDMINT_LOG") {
            protocol::start_journal(&setting);
        }
        let helpers = Helpers::find(&environment);
        let setup = Setup::load(environment).map_err(|failure| Explained { what: failure.to_string(), hint: None })?;
        Ok(Context { setup, helpers, printer })
    }
}
