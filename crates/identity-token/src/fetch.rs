use std::path::Path;
use std::time::SystemTime;

use broker::MintError;
use program::{Output, RunError};
use protocol::{Deadline, ErrorMessage};
use registry::Cloud;
use serde_json::{Value, json};
use settings::{IdentitySource, MetadataPresence, Setup, display_path};
use tokio::process::Command;
use web::{Client, RequestBuilder, Response, Url};

#[cfg(feature = "aws")]
use crate::Claims;
use crate::platform::{self, Platform};
use crate::source::program;
use crate::{IdentityToken, Source, error};

/// How a token is requested.
pub struct Fetch<'a> {
    /// The audience of the token.
    pub audience: Option<&'a str>,
    /// Whether a token for another audience is an error; some sources do not let the audience be chosen.
    pub is_strict: bool,
    /// The requested TTL, in seconds, if the source supports one.
    pub ttl: Option<u64>,
    /// How the source is reached.
    pub client: &'a Client,
    /// The variables and files that configure it.
    pub setup: &'a Setup,
    /// Until when a response is waited for.
    pub deadline: Deadline,
}

/// Set for a program that prints a token, so that a recursive call of credmint is an error.
const INSIDE: &str = "CREDMINT_INSIDE_COMMAND";
/// In an argument of `token_command`.
const AUDIENCE: &str = "{audience}";

impl Source {
    /// Gets the token. It is for one address; the caller drops it once it was sent there.
    ///
    /// # Errors
    /// There is none, it has expired, or it is for another audience.
    pub async fn token(&self, fetch: &Fetch<'_>) -> Result<IdentityToken, MintError> {
        let name = self.name();
        let token = match self {
            Source::File(path) => fetch.file(path)?,
            Source::Variable(name) => fetch.variable(name)?,
            Source::Command(words) => fetch.command(&words_for(words, fetch.audience)).await?,
            Source::Platform(IdentitySource::Github) => fetch.github().await?,
            Source::Platform(IdentitySource::AzurePipelines) => fetch.azure_pipelines().await?,
            Source::Platform(IdentitySource::Buildkite) => fetch.buildkite().await?,
            Source::Platform(IdentitySource::Circleci) => fetch.circleci().await?,
            Source::Platform(IdentitySource::Bitbucket) => fetch.variable(platform::BITBUCKET_TOKEN)?,
            Source::Platform(IdentitySource::Google) => fetch.google().await?,
            Source::Platform(IdentitySource::Aws) => fetch.aws().await?,
            Source::Platform(IdentitySource::Gitlab | IdentitySource::Kubernetes) => {
                return Err(MintError::NoIdentity(error::no_identity()));
            }
        };
        fetch.check(&name, token)
    }

    /// For messages.
    pub fn name(&self) -> String {
        match self {
            Source::Platform(IdentitySource::Google) => "the metadata server of Google Cloud".to_owned(),
            Source::Platform(IdentitySource::Aws) => "AWS".to_owned(),
            Source::Platform(source) => Platform::of(*source).map_or("this job", |platform| platform.name).to_owned(),
            Source::File(path) => display_path(path),
            Source::Variable(name) => format!("${name}"),
            Source::Command(words) => words.first().cloned().unwrap_or_default(),
        }
    }
}

impl Fetch<'_> {
    fn check(&self, name: &str, token: IdentityToken) -> Result<IdentityToken, MintError> {
        let Some(claims) = &token.claims else { return Ok(token) };
        if let Some(ago) = claims.expires.and_then(|end| SystemTime::now().duration_since(end).ok()) {
            return Err(error::expired(name, ago.as_secs() / 60));
        }
        match self.audience.filter(|_| self.is_strict) {
            Some(wanted) if !claims.audiences.iter().any(|audience| audience == wanted) => {
                Err(error::other_audience(name, claims, wanted))
            }
            _ => Ok(token),
        }
    }

    fn variable(&self, name: &str) -> Result<IdentityToken, MintError> {
        let Some(text) = self.setup.environment.text(name) else {
            let hint = format!("set {name}: under id_tokens in GitLab CI, or wherever this job gets its token");
            let what = format!("no identity token found: {name} is not set");
            return Err(MintError::Failed(ErrorMessage { what, hint: Some(hint) }));
        };
        IdentityToken::new(&text).ok_or_else(|| error::not_a_token(&format!("${name}")))
    }

    fn file(&self, path: &Path) -> Result<IdentityToken, MintError> {
        let text = protocol::read_text_file(path).map_err(|error| {
            let hint = "check token_file, and that its volume is mounted or its helper runs";
            error::of_source(&display_path(path), &error.to_string(), hint)
        })?;
        IdentityToken::new(&text).ok_or_else(|| error::not_a_token(&display_path(path)))
    }

    /// <https://docs.github.com/actions/reference/security/oidc>
    async fn github(&self) -> Result<IdentityToken, MintError> {
        let mut url = self.address(platform::GITHUB_URL, "GitHub Actions")?;
        if let Some(audience) = self.audience {
            url.query_pairs_mut().append_pair("audience", audience);
        }
        let token = self.setup.environment.text(platform::GITHUB_TOKEN).unwrap_or_default();
        let request = self.client.proxied().get(url).bearer_auth(token);
        let request = request.header("accept", "application/json; api-version=2.0");
        self.ask("GitHub Actions", request, "value").await
    }

    async fn azure_pipelines(&self) -> Result<IdentityToken, MintError> {
        let name = "Azure Pipelines";
        let mut url = self.address(platform::AZURE_URL, name)?;
        url.query_pairs_mut().append_pair("api-version", "7.1");
        let token = self.setup.environment.text(platform::AZURE_TOKEN).unwrap_or_default();
        let request = self.client.proxied().post(url).bearer_auth(token).json(&json!({}));
        self.ask(name, request.header("x-tfs-fedauthredirect", "Suppress"), "oidcToken").await
    }

    /// <https://github.com/buildkite/agent/blob/main/api/oidc.go>
    async fn buildkite(&self) -> Result<IdentityToken, MintError> {
        let name = "Buildkite";
        let text = |variable: &str| self.setup.environment.text(variable).unwrap_or_default();
        let endpoint = self.setup.environment.text("BUILDKITE_AGENT_ENDPOINT");
        let endpoint = endpoint.as_deref().unwrap_or("https://agent-edge.buildkite.com/v3").trim_end_matches('/');
        let job = text(platform::BUILDKITE_JOB);
        if !job.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(error::of_source(
                name,
                "BUILDKITE_JOB_ID is not the id of a job",
                "leave it as Buildkite sets it",
            ));
        }
        let url = secure(&format!("{endpoint}/jobs/{job}/oidc/tokens"))
            .ok_or_else(|| not_secure("BUILDKITE_AGENT_ENDPOINT", name))?;
        let mut body = serde_json::Map::new();
        if let Some(audience) = self.audience {
            body.insert("audience".to_owned(), audience.into());
        }
        if let Some(ttl) = self.ttl {
            body.insert("lifetime".to_owned(), ttl.into());
        }
        let request = self.client.proxied().post(url).json(&Value::Object(body));
        let request = request.header("authorization", format!("Token {}", text(platform::BUILDKITE_TOKEN)));
        self.ask(name, request, "token").await
    }

    /// The token of the job if it is for this audience and has not expired, else that of CircleCI's program.
    async fn circleci(&self) -> Result<IdentityToken, MintError> {
        let texts = platform::CIRCLE_TOKENS.iter().filter_map(|name| self.setup.environment.text(name));
        let fits = |token: &IdentityToken| {
            let Some(claims) = &token.claims else { return false };
            let is_for = |wanted: &str| claims.audiences.iter().any(|audience| audience == wanted);
            self.audience.is_none_or(is_for) && claims.expires.is_none_or(|end| end > SystemTime::now())
        };
        if let Some(token) = texts.filter_map(|text| IdentityToken::new(&text)).find(fits) {
            return Ok(token);
        }
        let mut words: Vec<String> = ["circleci", "run", "oidc", "get"].map(str::to_owned).into();
        if let Some(audience) = self.audience {
            words.extend(["--claims".to_owned(), json!({ "aud": audience }).to_string()]);
        }
        self.command(&words).await
    }

    /// <https://cloud.google.com/compute/docs/instances/verifying-instance-identity>
    async fn google(&self) -> Result<IdentityToken, MintError> {
        let name = "the metadata server of Google Cloud";
        let named = self.setup.environment.text("GCE_METADATA_HOST");
        let host = named.as_deref().unwrap_or("169.254.169.254");
        let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/identity");
        let query = [("audience", self.audience.unwrap_or_default()), ("format", "full")];
        let request = self.client.direct().get(url).query(&query).header("metadata-flavor", "Google");
        let presence = MetadataPresence::of(Cloud::Google, named.is_some());
        let Some(response) = web::metadata(&request, presence, self.deadline).await else {
            let what = format!("no identity token found: {name} does not respond");
            let hint = Some("run it on Google Cloud, or name another source".to_owned());
            return Err(MintError::NoIdentity(ErrorMessage { what, hint }));
        };
        if !response.is_success() {
            return Err(error::rejection(name, &response, "attach a service account to the machine"));
        }
        response.text().and_then(IdentityToken::new).ok_or_else(|| error::malformed(name))
    }

    #[cfg(feature = "aws")]
    async fn aws(&self) -> Result<IdentityToken, MintError> {
        let audience = self.audience.unwrap_or_default();
        let (token, requires) = ecr::identity_token(audience, self.ttl, self.setup, self.deadline).await?;
        Ok(IdentityToken { claims: Claims::of(token.expose()), secret: token, requires })
    }

    #[cfg(not(feature = "aws"))]
    async fn aws(&self) -> Result<IdentityToken, MintError> {
        Err(error::of_source("AWS", "this build of credmint does not support AWS", "install one with all clouds"))
    }

    async fn ask(&self, name: &str, request: RequestBuilder, field: &str) -> Result<IdentityToken, MintError> {
        let response = Response::to(request, self.deadline).await;
        let response =
            response.map_err(|error| MintError::Failed(error.explain(&format!("no identity token from {name}"))))?;
        if !response.is_success() {
            return Err(error::rejection(
                name,
                &response,
                "run the job again: its permission lasts as long as the job",
            ));
        }
        let token = response.json().and_then(|json| IdentityToken::new(json[field].as_str()?));
        token.ok_or_else(|| error::malformed(name))
    }

    async fn command(&self, words: &[String]) -> Result<IdentityToken, MintError> {
        let name = words.first().map(String::as_str).unwrap_or_default();
        if self.setup.environment.raw(INSIDE).is_some() {
            let why = "it called credmint for the same token";
            return Err(error::of_source(name, why, "make it print a token of its own"));
        }
        let Some(path) = program(name, &self.setup.environment) else {
            return Err(error::of_source(name, "program not found", "install it, or change token_command"));
        };
        let mut process = Command::new(path);
        process.args(&words[1..]).env(INSIDE, "1");
        if let Some(folders) = self.setup.environment.search_path() {
            process.env("PATH", folders);
        }
        let hint = "run it by hand to see why";
        match program::run(&mut process, self.deadline).await {
            Ok(Output { status, stdout, .. }) if status.success() => std::str::from_utf8(&stdout)
                .ok()
                .and_then(IdentityToken::new)
                .ok_or_else(|| error::of_source(name, "its output is not just a token", hint)),
            Ok(Output { status, .. }) => Err(error::of_source(name, &format!("it failed ({status})"), hint)),
            Err(RunError::TimedOut) => Err(error::of_source(name, "timed out", hint)),
            Err(RunError::NotStarted(error)) => Err(error::of_source(name, &error.to_string(), hint)),
        }
    }

    /// The address in a variable that a CI sets.
    fn address(&self, variable: &str, name: &str) -> Result<Url, MintError> {
        let text = self.setup.environment.text(variable);
        text.and_then(|text| secure(&text)).ok_or_else(|| not_secure(variable, name))
    }
}

/// What goes there is the job's own credential.
fn secure(address: &str) -> Option<Url> {
    Url::parse(address).ok().filter(|url| url.scheme() == "https" && url.has_host())
}

fn not_secure(variable: &str, name: &str) -> MintError {
    let why = format!("{variable} is not an address that begins with https://");
    error::of_source(name, &why, format!("leave {variable} as {name} sets it"))
}

/// A whole argument `{audience}` is replaced; nothing within one.
fn words_for(words: &[String], audience: Option<&str>) -> Vec<String> {
    let replaced = |word: &String| match audience {
        Some(audience) if word == AUDIENCE => audience.to_owned(),
        _ => word.clone(),
    };
    words.iter().map(replaced).collect()
}
