use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::Scope;
use protocol::ServerUrl;
use settings::{Fingerprint, Setup};

/// What running the program needs to know.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) server: ServerUrl,
    /// The program as the settings name it, and its arguments.
    pub(crate) command: Vec<String>,
    /// Its path.
    pub(crate) program: Option<PathBuf>,
    /// How long responses without an expiry may be cached.
    pub(crate) life: Option<Duration>,
}

/// What changes from one shell to the next, and chooses no identity.
const VOLATILE: [&str; 6] = ["_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"];

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    let rule = setup.rule_of(server)?;
    let command = rule.command.clone()?;
    let name = Path::new(command.first()?);
    let program = if name.is_absolute() {
        Some(name.to_owned()).filter(|path| path.is_file())
    } else {
        setup.environment.program(command.first()?)
    };
    let target = Target { server: server.clone(), command, program, life: rule.life };
    Some(Scope {
        service: "command".to_owned(),
        identity: identity(setup, &target),
        // The program reports whether it has credentials; if not, the client continues without.
        public: true,
        target,
    })
}

/// The credentials of a program can depend on its whole environment: any variable matters,
/// but for what changes all the time.
fn identity(setup: &Setup, target: &Target) -> String {
    let mut print = Fingerprint::new();
    print.add("server", Some(target.server.original().as_bytes()));
    for word in &target.command {
        print.add("command", Some(word.as_bytes()));
    }
    print.add("life", target.life.map(|life| life.as_secs().to_be_bytes()).as_ref().map(<[u8; 8]>::as_slice));
    if let Some(path) = &target.program {
        print.file(path);
    }
    for name in setup.environment.names() {
        if !VOLATILE.contains(&name.as_str()) {
            print.variable(&setup.environment, &name);
        }
    }
    print.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use settings::Settings;

    use super::*;

    fn id(settings: &str, variables: &[(&str, &str)], server: &str) -> Option<String> {
        let mut setup = Setup::of(Path::new("/nowhere"), variables);
        setup.settings = Settings::parse(settings).unwrap();
        of(&ServerUrl::parse(server).unwrap(), &setup).map(|scope| scope.id())
    }

    #[test]
    fn another_program_server_or_variable_is_another_token() {
        let table = |more: &str| format!("[[registry]]\nmatch = \"*.corp.example\"\n{more}\n");
        let pass = table("helper = \"pass\"");
        let plain = id(&pass, &[("STORE", "a"), ("PWD", "/x")], "r.corp.example").unwrap();
        assert_eq!(id(&pass, &[("STORE", "a"), ("PWD", "/y")], "r.corp.example").unwrap(), plain);
        for (settings, store, server) in [
            (table("helper = \"other\""), "a", "r.corp.example"),
            (table("command = [\"docker-credential-pass\", \"get\", \"x\"]"), "a", "r.corp.example"),
            (table("helper = \"pass\"\nlife = 60"), "a", "r.corp.example"),
            (pass.clone(), "b", "r.corp.example"),
            (pass.clone(), "a", "s.corp.example"),
        ] {
            assert_ne!(id(&settings, &[("STORE", store)], server).unwrap(), plain, "{settings} {store} {server}");
        }
        assert_eq!(id(&pass, &[], "corp.example"), None);
        assert_eq!(id(&table("profile = \"x\""), &[], "r.corp.example"), None);
    }
}
