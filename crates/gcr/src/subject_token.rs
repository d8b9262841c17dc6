use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use broker::{MintError, Principal};
use protocol::Secret;
use serde::Deserialize;
use serde_json::Value;
use settings::Environment;
use url::Url;
use web::Response;
use zeroize::Zeroizing;

use crate::aws;
use crate::error;
use crate::exchange::Exchange;
use crate::executable::{Executable, SubjectTokenRequest};
use crate::rejection;

/// `credential_source`: the source of the other identity provider's token.
#[derive(Deserialize)]
pub(crate) struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
    executable: Option<Executable>,
    certificate: Option<Value>,
    /// `aws1`: `url` is then that of the instance's role.
    environment_id: Option<String>,
    region_url: Option<String>,
    regional_cred_verification_url: Option<String>,
    imdsv2_session_token_url: Option<String>,
}

/// The format of what a file or a URL returns: the token itself, or JSON with the token in a field.
#[derive(Default, Deserialize)]
struct Format {
    #[serde(rename = "type", default)]
    kind: FormatKind,
    subject_token_field_name: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormatKind {
    #[default]
    Text,
    Json,
}

/// The files besides a federation's own that choose its subject: another subject token in them, or another
/// program, is another identity. `None` if the file has another type or cannot be read.
pub(crate) fn files_named_in(credentials: &Path, environment: &Environment) -> Option<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Federated {
        credential_source: Option<CredentialSource>,
        source_credentials: Option<Box<Federated>>,
    }
    let text = std::fs::read(credentials).map(Zeroizing::new).ok()?;
    // Keys and users, which most files are, need not be parsed for that.
    const KIND: &[u8] = b"external_account";
    if !text.windows(KIND.len()).any(|words| words == KIND) {
        return None;
    }
    let Federated { credential_source, source_credentials } = serde_json::from_slice(&text).ok()?;
    let source = credential_source.or_else(|| source_credentials?.credential_source)?;
    let of_program = source.executable.map(|executable| {
        let name = executable.words().unwrap_or_default().into_iter().next().unwrap_or_default();
        let program = if name.contains('/') { Some(name.into()) } else { environment.program(&name) };
        [executable.output_file, program]
    });
    Some(source.file.into_iter().chain(of_program.into_iter().flatten().flatten()).collect())
}

/// Gets the token to be exchanged.
pub(crate) async fn token(
    source: &CredentialSource,
    request: &SubjectTokenRequest<'_>,
    principal: &Principal,
    exchange: &Exchange<'_>,
) -> Result<Secret, MintError> {
    if let Some(version) = &source.environment_id {
        let (Some(verification), "aws1") = (&source.regional_cred_verification_url, version.as_str()) else {
            return Err(
                principal.no_token_but("its credential_source has an unknown environment_id", "create the file again")
            );
        };
        let endpoints = aws::Endpoints {
            verification,
            role: source.url.as_deref(),
            region: source.region_url.as_deref(),
            session: source.imdsv2_session_token_url.as_deref(),
        };
        return aws::subject_token(&endpoints, request.audience, principal, exchange).await;
    }
    if source.certificate.is_some() {
        let why = "X.509 certificates are not supported";
        return Err(principal.no_token_but(why, "use an OIDC, SAML or AWS provider of the workload identity pool"));
    }
    if usize::from(source.file.is_some()) + usize::from(source.url.is_some()) + usize::from(source.executable.is_some())
        > 1
    {
        return Err(principal.no_token_but("its credential_source names more than one source", "create the file again"));
    }
    if let Some(path) = &source.file {
        let check = format!("check the file {}", settings::display_path(path));
        let text = std::fs::read_to_string(path).map_err(|error| {
            principal.no_token_but(format!("cannot read its subject token: {error}"), check.clone())
        })?;
        return source
            .format
            .token(&text)
            .ok_or_else(|| principal.no_token_but("its subject token is empty or missing", check));
    }
    if let Some(url) = &source.url {
        return from_url(url, source, principal, exchange).await;
    }
    match &source.executable {
        Some(executable) => executable.token(request, principal, exchange).await,
        None => Err(principal.no_token_but("its credential_source names no supported source", "create the file again")),
    }
}

async fn from_url(
    url: &str,
    source: &CredentialSource,
    principal: &Principal,
    exchange: &Exchange<'_>,
) -> Result<Secret, MintError> {
    let url = Url::parse(url).map_err(|_| error::insecure_url(principal))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let mut request = exchange.client_for(&url)?.get(url);
    for (name, value) in &source.headers {
        request = request.header(name, value);
    }
    let response = Response::to(request, exchange.deadline).await;
    let response = response.map_err(|error| error::unreachable(principal, &host, &error))?;
    if !response.is_success() {
        if let Some(error) = rejection::outage(principal, &host, &response) {
            return Err(error);
        }
        let why = format!("{host} responded HTTP {} to the request for its subject token", response.status);
        return Err(principal.no_token_but(&why, "check `credential_source` in its file"));
    }
    let token = response.text().and_then(|text| source.format.token(text));
    token.ok_or_else(|| {
        principal.no_token_but(format!("{host} sent no subject token"), "check `credential_source` in its file")
    })
}

impl Format {
    fn token(&self, text: &str) -> Option<Secret> {
        let token = match self.kind {
            FormatKind::Json => {
                let json: Value = serde_json::from_str(text).ok()?;
                json[self.subject_token_field_name.as_deref()?].as_str()?.to_owned()
            }
            FormatKind::Text => text.trim().to_owned(),
        };
        (!token.is_empty()).then(|| Secret::new(token))
    }
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
}
