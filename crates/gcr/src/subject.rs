use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use broker::MintError;
use program::{Said, Silence};
use protocol::Secret;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;
use url::Url;
use web::Answer;
use zeroize::Zeroizing;

use crate::aws;
use crate::exchange::Exchange;
use crate::failure::{self, Who, no_token};
use crate::federation::Federation;

/// `credential_source`: where the token of the other identity comes from.
#[derive(Deserialize)]
pub(crate) struct Source {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
    executable: Option<Executable>,
    /// `aws1`: `url` is then that of the instance's role.
    environment_id: Option<String>,
    region_url: Option<String>,
    regional_cred_verification_url: Option<String>,
    imdsv2_session_token_url: Option<String>,
}

/// How the token stands in what a file or an address holds: as it is, or in a field of JSON.
#[derive(Default, Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: Option<String>,
    subject_token_field_name: Option<String>,
}

#[derive(Deserialize)]
struct Executable {
    command: String,
    timeout_millis: Option<u64>,
    output_file: Option<PathBuf>,
}

/// The files besides a federation's own that decide whose token it gives: another subject in them is
/// another identity. Empty where the file is of another kind or cannot be read.
pub(crate) fn files_named_in(credentials: &Path) -> Vec<PathBuf> {
    #[derive(Deserialize)]
    struct Federated {
        credential_source: Option<Source>,
        source_credentials: Option<Box<Federated>>,
    }
    let Ok(text) = std::fs::read(credentials).map(Zeroizing::new) else { return Vec::new() };
    // Keys and users, which most are, need not be understood for that.
    const KIND: &[u8] = b"external_account";
    if !text.windows(KIND.len()).any(|words| words == KIND) {
        return Vec::new();
    }
    let Ok(Federated { credential_source, source_credentials }) = serde_json::from_slice(&text) else {
        return Vec::new();
    };
    let source = credential_source.or_else(|| source_credentials?.credential_source);
    source.map_or_else(Vec::new, |source| {
        source.file.into_iter().chain(source.executable.and_then(|executable| executable.output_file)).collect()
    })
}

/// The token to be exchanged.
pub(crate) async fn token(federation: &Federation, who: &Who, exchange: &Exchange<'_>) -> Result<Secret, MintError> {
    let source = &federation.credential_source;
    if let Some(version) = &source.environment_id {
        let (Some(verification), "aws1") = (&source.regional_cred_verification_url, version.as_str()) else {
            return Err(no_token(who, "its credential_source is of an unknown version", "create the file anew"));
        };
        let places = aws::Places {
            verification,
            role: source.url.as_deref(),
            region: source.region_url.as_deref(),
            session: source.imdsv2_session_token_url.as_deref(),
        };
        return aws::subject(&places, &federation.audience, who, exchange).await;
    }
    if let Some(path) = &source.file {
        let check = format!("check the file {}", path.display());
        let text = std::fs::read_to_string(path)
            .map_err(|error| no_token(who, &format!("its subject token cannot be read: {error}"), check.clone()))?;
        return source
            .format
            .token(&text)
            .ok_or_else(|| no_token(who, "its subject token is empty or not there", check));
    }
    if let Some(url) = &source.url {
        return from_url(url, source, who, exchange).await;
    }
    match &source.executable {
        Some(executable) => executable.token(federation, who, exchange).await,
        None => Err(no_token(who, "its credential_source names nothing that is known here", "create the file anew")),
    }
}

async fn from_url(url: &str, source: &Source, who: &Who, exchange: &Exchange<'_>) -> Result<Secret, MintError> {
    let url = Url::parse(url).map_err(|_| failure::bad_address(who))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let mut request = exchange.client_for(&url).get(url);
    for (name, value) in &source.headers {
        request = request.header(name, value);
    }
    let answer = Answer::to(request, exchange.deadline).await;
    let answer = answer.map_err(|trouble| failure::unreachable(who, &host, &trouble))?;
    if !answer.is_success() {
        let why = format!("{host}, which gives its subject token, answered with status {}", answer.status);
        return Err(no_token(who, &why, "check credential_source in its file"));
    }
    let token = answer.text().and_then(|text| source.format.token(text));
    token.ok_or_else(|| no_token(who, &format!("{host} gives no subject token"), "check credential_source in its file"))
}

impl Format {
    fn token(&self, text: &str) -> Option<Secret> {
        let token = match self.kind.as_deref() {
            Some("json") => {
                let json: Value = serde_json::from_str(text).ok()?;
                json[self.subject_token_field_name.as_deref()?].as_str()?.to_owned()
            }
            _ => text.trim().to_owned(),
        };
        (!token.is_empty()).then(|| Secret::new(token))
    }
}

impl Executable {
    /// <https://google.aip.dev/auth/4117#determining-the-subject-token-in-executable-sourced-credentials>
    async fn token(&self, federation: &Federation, who: &Who, exchange: &Exchange<'_>) -> Result<Secret, MintError> {
        const ALLOWED: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";
        // The file may have come from anywhere: that a program of its choice runs is for the user to say.
        if exchange.environment.text(ALLOWED).as_deref() != Some("1") {
            return Err(no_token(who, "it asks for a program to be run", format!("set {ALLOWED}=1 to allow it")));
        }
        if let Some(token) = self.output_file.as_ref().and_then(|path| kept(&std::fs::read(path).ok()?)) {
            return Ok(token);
        }
        let mut words = self.command.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", &federation.audience)
            .env("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", &federation.subject_token_type)
            .env("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0");
        if let Some(path) = &self.output_file {
            command.env("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", path);
        }
        let url = federation.service_account_impersonation_url.as_deref().unwrap_or_default();
        if let Some(account) = url.rsplit('/').next().and_then(|last| last.strip_suffix(":generateAccessToken")) {
            command.env("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", account);
        }
        let limit = Duration::from_millis(self.timeout_millis.unwrap_or(30_000));
        let check = "run that program by hand";
        match program::run(&mut command, exchange.deadline.within(limit)).await {
            Ok(Said { status, stdout, .. }) if status.success() => Reply::of(&stdout)
                .and_then(Reply::token)
                .ok_or_else(|| no_token(who, "its program gives no subject token", check)),
            Ok(_) => Err(no_token(who, "its program failed", check)),
            Err(Silence::Late) => Err(no_token(who, "its program did not end in time", check)),
            Err(Silence::NotStarted(error)) => Err(no_token(
                who,
                &format!("its program cannot be run: {error}"),
                "check credential_source in its file",
            )),
        }
    }
}

/// What a program answers, on standard output or in a file that it keeps.
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
        let is_saml = self.token_type.is_some_and(|kind| kind.ends_with(":saml2"));
        let token = if is_saml { self.saml_response } else { self.id_token };
        token.filter(|token| !token.is_empty()).map(Secret::new)
    }
}

/// The token that a program has kept in its file, while it lasts.
fn kept(json: &[u8]) -> Option<Secret> {
    Reply::of(json).filter(|reply| reply.expiration_time.is_some()).and_then(Reply::token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_as_it_is_or_in_a_field() {
        let plain = Format::default();
        assert_eq!(plain.token("a.b.c\n").unwrap().expose(), "a.b.c");
        assert!(plain.token(" \n").is_none());
        let json: Format = serde_json::from_str(r#"{"type": "json", "subject_token_field_name": "t"}"#).unwrap();
        assert_eq!(json.token(r#"{"t": "a.b.c"}"#).unwrap().expose(), "a.b.c");
        for text in ["a.b.c", r#"{"x": "a"}"#, r#"{"t": 1}"#, r#"{"t": ""}"#] {
            assert!(json.token(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_a_whole_and_living_reply_of_a_program_counts() {
        let reply =
            |rest: &str| format!(r#"{{"version": 1, "success": true, "id_token": "j", "saml_response": "s"{rest}}}"#);
        let token = |json: &str| Reply::of(json.as_bytes()).and_then(Reply::token);
        assert_eq!(token(&reply("")).unwrap().expose(), "j");
        assert_eq!(token(&reply(r#", "token_type": "urn:ietf:params:oauth:token-type:saml2""#)).unwrap().expose(), "s");
        assert!(token(&reply(r#", "expiration_time": 1"#)).is_none(), "an expired one");
        assert!(token(r#"{"version": 1, "success": false, "code": "401", "message": "m"}"#).is_none());
        assert!(token(r#"{"version": 2, "success": true, "id_token": "j"}"#).is_none());
        assert!(kept(reply("").as_bytes()).is_none(), "a kept one needs an end");
        assert!(kept(reply(r#", "expiration_time": 4102444800"#).as_bytes()).is_some());
    }
}
