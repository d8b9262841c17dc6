use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{Provided, Question};
use protocol::{Explained, ServerUrl};
use registry::Registry;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::{provide, time};

/// Answers Bazel, which asks what to send along to an address.
/// <https://github.com/EngFlow/credential-helper-spec/blob/main/spec.md>
pub(crate) fn run(context: &Context<'_>) -> Result<ExitCode, Explained> {
    let text = protocol::read_request().map_err(|failure| Explained { what: failure.to_string(), hint: None })?;
    let answer = match address(&text)? {
        Some(address) => headers(&address, context)?,
        None => None,
    };
    context.printer.bytes(format!("{}\n", answer.unwrap_or_else(|| json!({}))).as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// What is asked for: an address in a registry, or the registry's name alone as rules_img asks when it
/// pushes. `None` if no credentials may go there.
fn address(text: &str) -> Result<Option<ServerUrl>, Explained> {
    let wrong = |what: String| Explained {
        what: format!("the request on standard input {what}"),
        hint: Some("Bazel starts this by its --credential_helper".to_owned()),
    };
    let request: Value = serde_json::from_str(text)
        .map_err(|error| wrong(format!("is not a JSON object: line {}, column {}", error.line(), error.column())))?;
    let uri = request["uri"].as_str().ok_or_else(|| wrong("has no uri".to_owned()))?;
    Ok(ServerUrl::parse(uri).ok().filter(ServerUrl::is_https))
}

fn headers(address: &ServerUrl, context: &Context<'_>) -> Result<Option<Value>, Explained> {
    let Ok(registry) = ServerUrl::parse(&address.authority()) else { return Ok(None) };
    let repository = repository(address.path()).map(str::to_owned);
    let kind = context.setup.registry_of(&registry).map(|(registry, _)| registry);
    let question = Question { registry, repository, workload: None, goes_on: false };
    let Some(provided) = provide::provided(&question, context)? else { return Ok(None) };
    let value = authorization(kind.as_ref(), address, &provided);
    let mut answer = json!({"headers": {"Authorization": [value.as_str()]}});
    let now = SystemTime::now();
    // Without it Bazel asks again after its --credential_helper_cache_duration.
    if let Some(life) = provide::life(&provided, now) {
        answer["expires"] = time::iso(now + life).into();
    }
    Ok(Some(answer))
}

/// The image that a path of the registry's interface is about.
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#endpoints>
fn repository(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/v2/")?;
    let end = ["/manifests/", "/blobs/", "/tags/", "/referrers/"].iter().filter_map(|part| path.find(part)).min()?;
    Some(&path[..end]).filter(|name| !name.is_empty())
}

/// The header.
///
/// A registry's token server takes a user and a password, and whoever names no file of the registry's
/// (rules_img, which pushes) or a token server's address (rules_oci, which signs in by itself) goes
/// there. Bazel's downloader goes to no token server: it sends this header with the request for the
/// file and gives up when it is refused. So there it is what the registry itself takes in place of the
/// token that its token server would give: Google's access token, and for GitHub and ECR Public what
/// docker would show to the token server, in base64. ECR's own registries and Azure's take a user and
/// a password everywhere.
fn authorization(kind: Option<&Registry>, address: &ServerUrl, provided: &Provided) -> Zeroizing<String> {
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
            let provided = Provided {
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
