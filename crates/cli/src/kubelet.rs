use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::SystemTime;

use broker::{Provided, Question};
use protocol::{Explained, Secret, ServerUrl};
use serde_json::{Value, json};
use settings::Workload;

use crate::context::Context;
use crate::image::Image;
use crate::provide;

/// The versions of the conversation that differ in nothing but that only the first has service accounts.
/// <https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1/>
const VERSIONS: [&str; 3] = [
    "credentialprovider.kubelet.k8s.io/v1",
    "credentialprovider.kubelet.k8s.io/v1beta1",
    "credentialprovider.kubelet.k8s.io/v1alpha1",
];
/// The name by which kubelet finds credentials for images without a host.
/// <https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/credentialprovider/keyring.go>
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Answers kubelet, which asks for the credentials of an image that it is about to pull.
pub(crate) fn run(context: &Context<'_>) -> Result<ExitCode, Explained> {
    let text = protocol::read_request().map_err(|failure| Explained { what: failure.to_string(), hint: None })?;
    let request = Request::read(&text)?;
    let image = Image::parse(&request.image)?;
    let registry = ServerUrl::parse(&image.registry)
        .map_err(|error| Explained { what: format!("{} is no registry: {error}", image.registry), hint: None })?;
    // Where there is nothing, kubelet has other plugins and the pod's own secrets to try.
    let question = Question { registry, repository: image.repository, workload: request.workload, goes_on: true };
    let found = provide::provided(&question, context)?;
    let response = response(request.version, &request.image, found.as_ref());
    context.printer.bytes(format!("{response}\n").as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// A `CredentialProviderRequest`.
struct Request {
    version: &'static str,
    image: String,
    workload: Option<Workload>,
}

impl Request {
    fn read(text: &str) -> Result<Self, Explained> {
        let wrong = |what: String| Explained {
            what: format!("the request on standard input {what}"),
            hint: Some("kubelet starts this by its --image-credential-provider-config".to_owned()),
        };
        let mut request: Value = serde_json::from_str(text).map_err(|error| {
            wrong(format!("is not a JSON object: line {}, column {}", error.line(), error.column()))
        })?;
        if request["kind"] != "CredentialProviderRequest" {
            return Err(wrong("is no CredentialProviderRequest".to_owned()));
        }
        let version = VERSIONS.into_iter().find(|version| request["apiVersion"] == *version);
        let version =
            version.ok_or_else(|| wrong(format!("is of another apiVersion than {}", VERSIONS[..2].join(" or "))))?;
        let image = match request["image"].take() {
            Value::String(image) if !image.is_empty() => image,
            _ => return Err(wrong("names no image".to_owned())),
        };
        let workload = match request["serviceAccountToken"].take() {
            Value::Null => None,
            // An older kubelet has no such field.
            _ if version != VERSIONS[0] => None,
            Value::String(token) if token.is_empty() => None,
            Value::String(token) => {
                let token = Secret::new(token);
                let annotations: Option<BTreeMap<String, String>> =
                    serde_json::from_value(request["serviceAccountAnnotations"].take())
                        .map_err(|_| wrong("has annotations that are not texts".to_owned()))?;
                Some(Workload::new(token, annotations.unwrap_or_default()))
            }
            _ => return Err(wrong("has a service account's token that is no text".to_owned())),
        };
        Ok(Request { version, image, workload })
    }
}

/// A `CredentialProviderResponse`. One with nothing in it is not kept, as somebody may sign in.
fn response(version: &str, image: &str, found: Option<&Provided>) -> Value {
    let mut auth = serde_json::Map::new();
    let mut response = json!({
        "apiVersion": version,
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
    });
    match found {
        Some(provided) => {
            if provided.partial {
                response["cacheKeyType"] = "Image".into();
            }
            // Where the end is not known, kubelet takes the defaultCacheDuration of its configuration.
            if let Some(life) = provide::life(provided, SystemTime::now()) {
                response["cacheDuration"] = format!("{}s", life.as_secs()).into();
            }
            let credentials = json!({"username": provided.username, "password": provided.secret.expose()});
            auth.insert(key(image, provided.partial), credentials);
        }
        None => response["cacheDuration"] = "0s".into(),
    }
    response["auth"] = auth.into();
    response
}

/// What kubelet is to know the credentials by: the registry as it stands in front of the image, whose
/// letter case and port kubelet compares, or the image itself.
fn key(image: &str, partial: bool) -> String {
    let host = image.split_once('/').map(|(host, _)| host);
    let host = host.filter(|host| host.contains(['.', ':']) || *host == "localhost");
    match host {
        Some(_) if partial => name(image).to_owned(),
        Some(host) => host.to_owned(),
        None => DEFAULT_REGISTRY.to_owned(),
    }
}

/// An image without its tag and its digest.
fn name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}
