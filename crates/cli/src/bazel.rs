use clap::{Args, Subcommand};
use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{ProvideRequest, ProvideResponse};
use protocol::{ErrorMessage, ServerUrl};
use registry::Registry;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::{provide, time};

/// Credential helper for Bazel
#[derive(Args, Debug)]
#[command(after_help = "\
Example: bazel build --credential_helper=ghcr.io=%workspace%/tools/credmint //...
  with a tools/credmint that says: exec credmint bazel \"$@\"")]
pub(crate) struct Bazel {
    #[command(subcommand)]
    pub(crate) action: BazelAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BazelAction {
    /// Read a request from standard input and print the headers for its URI
    Get,
}

/// Returns the headers that Bazel sends with a request to a URI.
/// <https://github.com/EngFlow/credential-helper-spec/blob/main/spec.md>
pub(crate) fn run(which: &Bazel, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    match which.action {
        BazelAction::Get => answer(context),
    }
}

fn answer(context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let text = protocol::read_request().map_err(|failure| ErrorMessage { what: failure.to_string(), hint: None })?;
    let answer = match address(&text)? {
        Some(address) => headers(&address, context)?,
        None => None,
    };
    context.printer.bytes(format!("{}\n", answer.unwrap_or_else(|| json!({}))).as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// The requested address: a URL of a registry, or its host only, as from rules_img for a push. `None` if no
/// credentials may be sent there.
fn address(text: &str) -> Result<Option<ServerUrl>, ErrorMessage> {
    let wrong = |what: String| ErrorMessage {
        what: format!("invalid request on standard input: {what}"),
        hint: Some("this command is run by Bazel: see --credential_helper".to_owned()),
    };
    let request: Value = serde_json::from_str(text)
        .map_err(|error| wrong(format!("not a JSON object: line {}, column {}", error.line(), error.column())))?;
    let uri = request["uri"].as_str().ok_or_else(|| wrong("no uri".to_owned()))?;
    // A URL with user and password uses those.
    let has_user = uri.split(['/', '?', '#']).nth(2).is_some_and(|authority| authority.contains('@'));
    Ok(ServerUrl::parse(uri).ok().filter(|address| address.is_https() && !has_user))
}

fn headers(address: &ServerUrl, context: &Context<'_>) -> Result<Option<Value>, ErrorMessage> {
    let Ok(registry) = ServerUrl::parse(&address.authority()) else { return Ok(None) };
    let repository = repository(address.path()).map(str::to_owned);
    let kind = context.setup.registry_of(&registry).map(|(registry, _)| registry);
    let question = ProvideRequest { registry, repository, workload: None, on_node: false };
    let Some(provided) = provide::provided(&question, context)? else { return Ok(None) };
    let value = authorization(kind.as_ref(), address, &provided);
    let mut answer = json!({"headers": {"Authorization": [value.as_str()]}});
    let now = SystemTime::now();
    // Without it Bazel calls again after its --credential_helper_cache_duration.
    if let Some(life) = provide::life(&provided, now) {
        answer["expires"] = time::iso(now + life).into();
    }
    Ok(Some(answer))
}

/// The repository in a path of the registry API.
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#endpoints>
fn repository(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/v2/")?;
    let end = ["/manifests/", "/blobs/", "/tags/", "/referrers/"].iter().filter_map(|part| path.find(part)).min()?;
    Some(&path[..end]).filter(|name| !name.is_empty())
}

/// The header.
///
/// Token servers accept a user and a password; rules_img (a host, to push) and rules_oci (the address of the
/// token server) use them. Bazel's downloader does not: it sends this header with the request for the file
/// and fails when that is rejected. For files, the header is what the registry accepts instead of its token
/// server's token: Google's access token, and for GitHub and ECR Public the credentials for the token server
/// in base64. Private ECR and ACR accept a user and a password everywhere.
fn authorization(kind: Option<&Registry>, address: &ServerUrl, provided: &ProvideResponse) -> Zeroizing<String> {
    let (user, secret) = (provided.username.as_str(), provided.secret.expose());
    let encoded = |text: String| Zeroizing::new(STANDARD.encode(Zeroizing::new(text).as_bytes()));
    let is_file = address.path().starts_with("/v2/") && address.path() != "/v2/token";
    let value = match kind.filter(|_| is_file) {
        Some(Registry::Gcr(_)) if user == "oauth2accesstoken" => format!("Bearer {secret}"),
        Some(Registry::EcrPublic(_)) => format!("Bearer {}", *encoded(format!("{user}:{secret}"))),
        // Its predecessor has no token server.
        Some(Registry::Ghcr(_)) if address.host() != "docker.pkg.github.com" => {
            format!("Bearer {}", *encoded(secret.to_owned()))
        }
        _ => format!("Basic {}", *encoded(format!("{user}:{secret}"))),
    };
    Zeroizing::new(value)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use protocol::Secret;

    use super::*;

    #[test]
    fn each_registry_gets_what_it_takes() {
        let decoded = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        for (uri, user, expected) in [
            ("https://1.example/v2/a/blobs/x", "u", "Basic u:s"),
            ("https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/a/manifests/1", "AWS", "Basic AWS:s"),
            ("https://public.ecr.aws/v2/a/manifests/1", "AWS", "Bearer AWS:s"),
            ("https://public.ecr.aws/token/", "AWS", "Basic AWS:s"),
            ("https://contoso.azurecr.io/v2/a/manifests/1", "0", "Basic 0:s"),
            ("https://ghcr.io/v2/o/a/manifests/1", "x", "Bearer s"),
            ("https://ghcr.io/token?scope=repository:o/a:pull", "x", "Basic x:s"),
            ("https://docker.pkg.github.com/v2/o/r/a/manifests/1", "x", "Basic x:s"),
            ("ghcr.io", "x", "Basic x:s"),
            ("https://gcr.io/v2/p/a/manifests/1", "_json_key", "Basic _json_key:s"),
            ("https://gcr.io/v2/token?service=gcr.io", "oauth2accesstoken", "Basic oauth2accesstoken:s"),
        ] {
            let address = ServerUrl::parse(uri).unwrap();
            let kind = registry::registry_of(&ServerUrl::parse(&address.authority()).unwrap());
            let provided = ProvideResponse {
                username: user.into(),
                secret: Secret::new("s".into()),
                expires: None::<SystemTime>,
                partial: false,
            };
            let value = authorization(kind.as_ref(), &address, &provided);
            let (scheme, text) = value.split_once(' ').unwrap();
            assert_eq!(format!("{scheme} {}", decoded(text)), expected, "{uri}");
        }
    }

    #[test]
    fn the_image_in_a_path() {
        for (path, expected) in [
            ("/v2/o/a/manifests/1", Some("o/a")),
            ("/v2/o/blobs/sha256:0", Some("o")),
            ("/v2/a/b/c/tags/list", Some("a/b/c")),
            ("/v2/", None),
            ("/v2/_catalog", None),
            ("/token", None),
            ("/v1/o/manifests/1", None),
        ] {
            assert_eq!(repository(path), expected, "{path}");
        }
    }
}
