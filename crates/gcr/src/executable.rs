use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use broker::{MintError, Principal};
use program::{Output, RunError};
use protocol::Secret;
use serde::Deserialize;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::exchange::Exchange;

/// What a subject token is requested for.
pub(crate) struct SubjectTokenRequest<'a> {
    pub(crate) audience: &'a str,
    pub(crate) token_type: &'a str,
    pub(crate) impersonation_url: Option<&'a str>,
}

/// A program that prints subject tokens.
#[derive(Deserialize)]
pub(crate) struct Executable {
    command: String,
    timeout_millis: Option<u64>,
    pub(crate) output_file: Option<PathBuf>,
}

impl Executable {
    /// The program and its arguments: no shell runs it, and quotes hold words together, as for Google's
    /// library for Python. `None` for a quote that does not end.
    pub(crate) fn words(&self) -> Option<Vec<String>> {
        let mut words = Vec::new();
        let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
        let mut signs = self.command.chars();
        while let Some(sign) = signs.next() {
            match (quote, sign) {
                (Some(open), sign) if sign == open => quote = None,
                // Windows' paths are full of them.
                (None | Some('"'), '\\') if cfg!(unix) => word.get_or_insert_default().push(signs.next()?),
                (None, '"' | '\'') => {
                    quote = Some(sign);
                    word.get_or_insert_default();
                }
                (None, sign) if sign.is_whitespace() => words.extend(word.take()),
                (_, sign) => word.get_or_insert_default().push(sign),
            }
        }
        words.extend(word);
        quote.is_none().then_some(words)
    }

    /// <https://google.aip.dev/auth/4117#determining-the-subject-token-in-executable-sourced-credentials>
    pub(crate) async fn token(
        &self,
        request: &SubjectTokenRequest<'_>,
        principal: &Principal,
        exchange: &Exchange<'_>,
    ) -> Result<Secret, MintError> {
        const ALLOWED: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";
        // The file may come from anywhere, so the user has to allow that it runs a program.
        if exchange.environment.text(ALLOWED).as_deref() != Some("1") {
            return Err(principal.no_token_but(
                "its file names a program to run, which is not allowed",
                format!("set {ALLOWED}=1 to allow it"),
            ));
        }
        if let Some(token) = self.output_file.as_ref().and_then(|path| cached(&std::fs::read(path).ok()?)) {
            return Ok(token);
        }
        let mut words = self.words().unwrap_or_default().into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", request.audience)
            .env("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", request.token_type)
            .env("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0");
        if let Some(path) = &self.output_file {
            command.env("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", path);
        }
        let url = request.impersonation_url.unwrap_or_default();
        if let Some(account) = url.rsplit('/').next().and_then(|last| last.strip_suffix(":generateAccessToken")) {
            command.env("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", account);
        }
        let limit = Duration::from_millis(self.timeout_millis.unwrap_or(30_000));
        let check = "run that program by hand";
        match program::run(&mut command, exchange.deadline.within(limit)).await {
            Ok(Output { status, stdout, .. }) if status.success() => {
                // It may print nothing, and write the token to its file.
                let file =
                    self.output_file.as_ref().filter(|_| stdout.is_empty()).and_then(|path| std::fs::read(path).ok());
                let reply = Reply::of(&file.map_or(stdout, Zeroizing::new));
                reply
                    .and_then(Reply::token)
                    .ok_or_else(|| principal.no_token_but("its program printed no subject token", check))
            }
            Ok(_) => Err(principal.no_token_but("its program failed", check)),
            Err(RunError::TimedOut) => Err(principal.no_token_but("its program timed out", check)),
            Err(RunError::NotStarted(error)) => Err(principal
                .no_token_but(format!("cannot run its program: {error}"), "check `credential_source` in its file")),
        }
    }
}

/// What a program prints, or writes to its output file.
#[derive(Deserialize)]
struct Reply {
    version: u64,
    success: bool,
    token_type: Option<String>,
    id_token: Option<String>,
    saml_response: Option<String>,
    expiration_time: Option<u64>,
}

impl Reply {
    fn of(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    fn token(self) -> Option<Secret> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.version != 1 || !self.success || self.expiration_time.is_some_and(|end| end <= now) {
            return None;
        }
        let token = match self.token_type.as_deref()?.strip_prefix("urn:ietf:params:oauth:token-type:")? {
            "jwt" | "id_token" => self.id_token,
            "saml2" => self.saml_response,
            _ => None,
        };
        token.filter(|token| !token.is_empty()).map(Secret::new)
    }
}

/// The token that a program wrote to its output file, unless it has expired.
fn cached(json: &[u8]) -> Option<Secret> {
    Reply::of(json).filter(|reply| reply.expiration_time.is_some()).and_then(Reply::token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_and_living_reply_of_a_program_counts() {
        let reply = |kind: &str, rest: &str| {
            format!(
                r#"{{"version": 1, "success": true, "id_token": "j", "saml_response": "s",
                    "token_type": "urn:ietf:params:oauth:token-type:{kind}"{rest}}}"#
            )
        };
        let token = |json: &str| Reply::of(json.as_bytes()).and_then(Reply::token);
        for (kind, expected) in [("jwt", "j"), ("id_token", "j"), ("saml2", "s")] {
            assert_eq!(token(&reply(kind, "")).unwrap().expose(), expected);
        }
        assert!(token(&reply("access_token", "")).is_none(), "an unknown type");
        assert!(token(&reply("jwt", r#", "expiration_time": 1"#)).is_none(), "an expired one");
        assert!(token(r#"{"version": 1, "success": true, "id_token": "j"}"#).is_none(), "one of no type");
        assert!(token(r#"{"version": 1, "success": false, "code": "401", "message": "m"}"#).is_none());
        assert!(token(&reply("jwt", "").replace("1", "2")).is_none(), "another version");
        assert!(cached(reply("jwt", "").as_bytes()).is_none(), "a cached one has an expiry");
        assert!(cached(reply("jwt", r#", "expiration_time": 4102444800"#).as_bytes()).is_some());
    }

    #[test]
    #[cfg(unix)]
    fn a_command_is_split_as_pythons_shlex_does() {
        let words =
            |command: &str| Executable { command: command.into(), timeout_millis: None, output_file: None }.words();
        for (command, expected) in [
            ("/bin/x a  b\n", &["/bin/x", "a", "b"][..]),
            ("/bin/x 'a b' \"c d\"e ''", &["/bin/x", "a b", "c de", ""]),
            (r#"/bin/x a\ b 'c\d' "e\"f""#, &["/bin/x", "a b", r"c\d", "e\"f"]),
            ("", &[]),
        ] {
            assert_eq!(words(command).unwrap(), expected, "{command}");
        }
        for command in ["/bin/x 'a", "/bin/x \"a", "/bin/x a\\"] {
            assert_eq!(words(command), None, "{command}");
        }
    }
}
