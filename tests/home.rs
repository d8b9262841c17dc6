use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Tests that cannot run here say so by it.
#[allow(unused_imports)] // The benches have nothing to skip.
pub(crate) use testing::skip;

mod outcome;

pub(crate) use outcome::Outcome;

pub(crate) const NOT_FOUND: &str = "credentials not found in native keychain";
pub(crate) const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
pub(crate) const ECR: &str = "docker-credential-ecr";
pub(crate) const ACR: &str = "docker-credential-acr";
pub(crate) const GCR: &str = "docker-credential-gcr";
pub(crate) const GHCR: &str = "docker-credential-ghcr";
pub(crate) const CREDMINT: &str = "docker-credential-credmint";
pub(crate) const CLI: &str = "credmint";
pub(crate) const WORKER: &str = "credmint-mint";
/// In a home, of [`Home::log_everything`].
const LOG: &str = "everything.log";

/// A user of the machine: a private home and an environment with nothing else.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    variables: BTreeMap<OsString, OsString>,
    helper: &'static str,
}

impl Home {
    /// Tokens and logins are stored in files, and no metadata service is queried.
    pub(crate) fn new() -> Self {
        Home::of(ECR)
    }

    /// A home whose calls go to this helper.
    pub(crate) fn of(helper: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut home = Home { folder, variables: BTreeMap::new(), helper };
        for (name, place) in [
            ("HOME", ""),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
        ] {
            let path = home.path(place);
            std::fs::create_dir_all(&path).unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
            home.set(name, path);
        }
        home.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        home.set("CREDMINT_VAULT", "file");
        home.set("AWS_EC2_METADATA_DISABLED", "true");
        home
    }

    /// A home with its own access key of a pretend AWS.
    pub(crate) fn signed_in(aws: &pretend_cloud::Aws) -> Self {
        let mut home = Home::new();
        home.set("AWS_ENDPOINT_URL", aws.url());
        home.set("AWS_ACCESS_KEY_ID", "AKIAALICE");
        home.set("AWS_SECRET_ACCESS_KEY", "alices-secret");
        home
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> &mut Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// All that is in the environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }

    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(std::ffi::OsStr::new(name));
        self
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A script that can be executed.
    pub(crate) fn script(&self, name: &str, script: &str) -> PathBuf {
        let path = self.write(name, "");
        testing::script(&path, script);
        path
    }

    /// Lets the one token of this home end a second ago.
    #[track_caller]
    pub(crate) fn end_token(&self) {
        assert_eq!(files(&self.path("run/credmint/tokens")).len(), 1);
        self.end_tokens();
    }

    /// Lets every token of this home end a second ago.
    pub(crate) fn end_tokens(&self) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.rewrite_tokens(|header| header["expires"] = (now.as_secs() - 1).into());
    }

    /// Waits until nothing runs any more that a program of this home has started.
    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        let home = format!("HOME={}", self.path("").display());
        testing::wait_until("the end of what was started", || testing::descendants_of(&home).is_empty());
    }

    /// Has everything logged: what is logged in a [`Home::run`] is part of its standard error.
    pub(crate) fn log_everything(&mut self) -> &mut Self {
        let log = format!("trace:{}", self.path(LOG).display());
        self.set("CREDMINT_LOG", log).set("RUST_LOG", "trace")
    }

    /// Credmint's settings file.
    pub(crate) fn settings(&self, text: &str) -> PathBuf {
        self.write("config/credmint/config.toml", text)
    }

    pub(crate) fn get(&self, server: &str) -> Outcome {
        self.run(self.helper, &["get"], server)
    }

    pub(crate) fn store(&self, server: &str, username: &str, secret: &str) -> Outcome {
        let login = serde_json::json!({"ServerURL": server, "Username": username, "Secret": secret});
        self.run(self.helper, &["store"], format!("{login}\n"))
    }

    pub(crate) fn erase(&self, server: &str) -> Outcome {
        self.run(self.helper, &["erase"], server)
    }

    pub(crate) fn list(&self) -> BTreeMap<String, String> {
        let outcome = self.run(self.helper, &["list"], "unused");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// Shifts the time at which the cached tokens were received, by seconds.
    pub(crate) fn tokens_were_received(&self, seconds: i64) {
        self.rewrite_tokens(|header| {
            header["issued"] = header["issued"].as_u64().unwrap().checked_add_signed(seconds).unwrap().into();
        });
    }

    fn rewrite_tokens(&self, change: impl Fn(&mut Value)) {
        let paths = files(&self.path("run/credmint/tokens"));
        assert!(!paths.is_empty());
        for path in paths {
            let entry = std::fs::read_to_string(&path).unwrap();
            let (header, secret) = entry.split_once('\n').unwrap();
            let mut header: Value = serde_json::from_str(header).unwrap();
            change(&mut header);
            std::fs::write(path, format!("{header}\n{secret}")).unwrap();
        }
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        let started = Instant::now();
        let mut child = self.command(program, arguments).stdin(Stdio::piped()).spawn().unwrap();
        let written = child.stdin.take().unwrap().write_all(input.as_ref());
        let output = child.wait_with_output().unwrap();
        if matches!(arguments, ["get" | "store" | "erase"]) {
            written.unwrap_or_else(|error| panic!("{program} did not read its whole input: {error}"));
        }
        let log = std::fs::read_to_string(self.path(LOG)).unwrap_or_default();
        _ = std::fs::remove_file(self.path(LOG));
        Outcome {
            program: Path::new(program).file_name().unwrap().to_str().unwrap().to_owned(),
            code: output.status.code().unwrap_or_else(|| panic!("{program} died: {}", output.status)),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap() + &log,
            took: started.elapsed(),
        }
    }

    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        self.in_here(Command::new(program(name)), arguments)
    }

    /// Its variables, for a program that is started otherwise.
    #[allow(dead_code)] // The benches start all of their programs by themselves.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let text = |value: &OsString| value.to_str().unwrap().to_owned();
        self.variables.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// A line of shell.
    pub(crate) fn shell(&self, line: &str) -> Command {
        self.other("sh", &["-c", line])
    }

    /// Some other program.
    pub(crate) fn other(&self, program: &str, arguments: &[&str]) -> Command {
        self.in_here(Command::new(program), arguments)
    }

    fn in_here(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).env_clear().envs(&self.variables).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Whether the test may be any user.
#[cfg(target_os = "linux")]
#[allow(dead_code)] // The benches need no other user.
pub(crate) fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// The program under test: of this build, or from the folder `CREDMINT_PROGRAMS`.
pub(crate) fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("CREDMINT_PROGRAMS").filter(|_| !name.contains('/')) {
        return Path::new(&folder).join(name);
    }
    let built = match name {
        ECR => option_env!("CARGO_BIN_EXE_docker-credential-ecr"),
        ACR => option_env!("CARGO_BIN_EXE_docker-credential-acr"),
        GCR => option_env!("CARGO_BIN_EXE_docker-credential-gcr"),
        GHCR => option_env!("CARGO_BIN_EXE_docker-credential-ghcr"),
        CREDMINT => option_env!("CARGO_BIN_EXE_docker-credential-credmint"),
        CLI => option_env!("CARGO_BIN_EXE_credmint"),
        WORKER => option_env!("CARGO_BIN_EXE_credmint-mint"),
        // A copy that a test has made.
        path if path.contains('/') => Some(path),
        _ => panic!("no program {name}"),
    };
    built.unwrap_or_else(|| panic!("{name} is not built with these features")).into()
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}
