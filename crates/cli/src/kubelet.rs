mod install;

use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::SystemTime;

use broker::{ProvideRequest, ProvideResponse};
use protocol::{ErrorMessage, Secret, ServerUrl};
use serde_json::{Value, json};
use settings::Workload;

use crate::context::Context;
use crate::image::Image;
use crate::provide;

pub(crate) use install::Install;

/// Credential provider plugin for kubelet: reads a request from standard input
#[derive(Args, Debug)]
pub(crate) struct Kubelet {
    #[command(subcommand)]
    pub(crate) action: Option<KubeletAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KubeletAction {
    Install(crate::kubelet::Install),
}

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

/// Amazon's ecr-credential-provider takes the role of service accounts without
/// `eks.amazonaws.com/ecr-role-arn` from it.
/// <https://github.com/kubernetes/cloud-provider-aws/blob/master/cmd/ecr-credential-provider/main.go>
const DEFAULT_ROLE: &str = "AWS_ECR_ROLE_ARN";
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/ecr-role-arn";

pub(crate) fn run(which: &Kubelet, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    match &which.action {
        None => answer(context),
        Some(KubeletAction::Install(which)) => install::run(which, context),
    }
}

/// Returns the credentials for an image that kubelet is about to pull. If this fails, kubelet logs standard
/// error and pulls without credentials; on success it logs nothing.
fn answer(context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let text = protocol::read_request().map_err(|failure| ErrorMessage { what: failure.to_string(), hint: None })?;
    let request = Request::read(&text, context.setup.environment.text(DEFAULT_ROLE))?;
    let image = image(&request.image)?;
    let registry = ServerUrl::parse(&image.registry).map_err(|error| ErrorMessage {
        what: format!("{} is not a registry address: {error}", image.registry),
        hint: None,
    })?;
    let (repository, workload) = (image.repository, request.workload);
    let question = ProvideRequest { registry, repository, workload, on_node: true };
    let found = provide::provided(&question, context)?;
    let response = response(request.version, &request.image, found.as_ref());
    context.printer.bytes(format!("{response}\n").as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// kubelet requests credentials for an image. For a registry alone, the response would have the key of another one.
fn image(text: &str) -> Result<Image, ErrorMessage> {
    let image = Image::parse(text)?;
    if image.repository.is_none() || text.contains("://") {
        return Err(ErrorMessage {
            what: format!("{:?} is not an image name", text.chars().take(80).collect::<String>()),
            hint: Some("pass the name as in the pod, such as ghcr.io/owner/app:1".to_owned()),
        });
    }
    Ok(image)
}

/// A `CredentialProviderRequest`.
struct Request {
    version: &'static str,
    image: String,
    workload: Option<Workload>,
}

impl Request {
    fn read(text: &str, default_role: Option<String>) -> Result<Self, ErrorMessage> {
        let wrong = |what: String| ErrorMessage {
            what: format!("invalid request on standard input: {what}"),
            hint: Some("this command is run by kubelet: see --image-credential-provider-config".to_owned()),
        };
        let mut request: Value = serde_json::from_str(text)
            .map_err(|error| wrong(format!("not a JSON object: line {}, column {}", error.line(), error.column())))?;
        if request["kind"] != "CredentialProviderRequest" {
            return Err(wrong("not a CredentialProviderRequest".to_owned()));
        }
        let version = VERSIONS.into_iter().find(|version| request["apiVersion"] == *version);
        let version =
            version.ok_or_else(|| wrong(format!("unsupported apiVersion: expected {}", VERSIONS[..2].join(" or "))))?;
        let image = match request["image"].take() {
            Value::String(image) if !image.is_empty() => image,
            _ => return Err(wrong("no image".to_owned())),
        };
        let workload = match request["serviceAccountToken"].take() {
            Value::Null => None,
            // An older kubelet has no such field.
            _ if version != VERSIONS[0] => None,
            Value::String(token) if !token.trim().is_empty() => {
                let token = Secret::new(token);
                let annotations: Option<BTreeMap<String, String>> =
                    serde_json::from_value(request["serviceAccountAnnotations"].take())
                        .map_err(|_| wrong("annotations that are not strings".to_owned()))?;
                let mut annotations = annotations.unwrap_or_default();
                if let Some(role) = default_role {
                    annotations.entry(ROLE_ANNOTATION.to_owned()).or_insert(role);
                }
                Some(Workload::new(token, annotations))
            }
            // The node's identity must not be used instead of the service account's.
            _ => return Err(wrong("a serviceAccountToken that is empty or not a string".to_owned())),
        };
        Ok(Request { version, image, workload })
    }
}

/// A `CredentialProviderResponse`. An empty one is not cached, as a login may follow.
fn response(version: &str, image: &str, found: Option<&ProvideResponse>) -> Value {
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
            // Without an expiry, kubelet uses the defaultCacheDuration of its configuration.
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

/// The key of the credentials in the response: the registry as written in the image, as kubelet compares
/// letter case and port, or the image itself.
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
