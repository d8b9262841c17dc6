use protocol::ErrorMessage;
use settings::{Environment, Setup};

use crate::build::Build;
use crate::helpers::Helpers;
use crate::printer::Printer;

/// What every command needs.
pub(crate) struct Context<'a> {
    /// What this program is built from.
    pub(crate) build: Build,
    /// The environment, the settings and the folders.
    pub(crate) setup: Setup,
    /// The helpers of this installation.
    pub(crate) helpers: Helpers,
    /// Why the settings are invalid; only [`Context::load_lenient`] goes on without them.
    pub(crate) broken_settings: Option<String>,
    /// The only way to standard output and standard error.
    pub(crate) printer: &'a Printer,
}

impl<'a> Context<'a> {
    /// Reads the settings.
    ///
    /// # Errors
    /// Settings files that cannot be understood.
    pub(crate) fn load(build: Build, printer: &'a Printer) -> Result<Self, ErrorMessage> {
        let context = Context::load_lenient(build, printer);
        match context.broken_settings {
            Some(what) => Err(ErrorMessage { what, hint: None }),
            None => Ok(context),
        }
    }

    /// Goes on with invalid settings, for commands that report problems.
    pub(crate) fn load_lenient(build: Build, printer: &'a Printer) -> Self {
        let environment = Environment::of_process();
        if let Some(setting) = environment.text("CREDMINT_LOG") {
            protocol::start_logger(&setting, false);
        }
        let helpers = Helpers::find(&environment);
        let (setup, failure) = Setup::examine(environment, vault::private::only_administrators_write);
        Context { build, setup, helpers, broken_settings: failure.map(|failure| failure.to_string()), printer }
    }
}
