use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dockerconfig::Document;
use protocol::{Credentials, ErrorMessage};
use serde_json::json;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::image::Image;
use crate::{time, token};

/// Print credentials for tools without helper support: kaniko, kind, pull secrets
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint export ghcr.io public.ecr.aws --output /kaniko/.docker/config.json
  credmint export --format secret --name regcred ghcr.io | kubectl apply -f -
  DOCKER_AUTH_CONFIG=$(credmint export --format variable ghcr.io)")]
pub(crate) struct Export {
    /// Registries or images
    #[arg(required = true, value_name = "REGISTRY|IMAGE")]
    pub(crate) registries: Vec<String>,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Config)]
    pub(crate) format: Format,
    /// The name of the Kubernetes secret
    #[arg(long, default_value = "credmint")]
    pub(crate) name: String,
    /// Write to this file (mode 0600) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A config.json
    Config,
    /// The same on one line, for DOCKER_AUTH_CONFIG
    Variable,
    /// A Kubernetes secret of type dockerconfigjson
    Secret,
}

/// Writes the credentials of the registries' helpers in a format without helpers. It contains secrets: a
/// file is made for its owner alone.
pub(crate) fn run(which: &Export, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let mut document = Document::empty();
    let mut end: Option<SystemTime> = None;
    let images = which.registries.iter().map(|text| Image::with_host(text)).collect::<Result<Vec<_>, _>>()?;
    for image in &images {
        let found = token::provided(image, context)?;
        end = end.into_iter().chain(found.expires).min();
        for server in keys(image, found.partial, &images) {
            let (username, secret) = (found.username.clone(), found.secret.clone());
            document.set_auth(&Credentials { server, username, secret });
        }
    }
    let expires = end.map(time::iso);
    let text = match which.format {
        Format::Config => Zeroizing::new(document.text().to_vec()),
        // The same on one line.
        Format::Variable => compact(document.text())?,
        Format::Secret => secret(&which.name, document.text(), expires.as_deref()),
    };
    match &which.output {
        Some(path) => write(path, &text)?,
        None => context.printer.bytes(&text),
    }
    match &expires {
        Some(expires) => context.printer.note(format!("expires {expires}")),
        None => context.printer.note("contains logins without a known expiry"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys of credentials. Those that are not for all images of a registry are under the image, where podman,
/// skopeo, kaniko and kubelet look first; other clients look for the host alone, which they get if no other argument
/// is of the same host.
fn keys(image: &Image, partial: bool, images: &[Image]) -> Vec<String> {
    let host = image.server().to_owned();
    let is_only = images.iter().filter(|other| other.registry == image.registry).count() == 1;
    match image.repository.is_some() && partial {
        true if is_only => vec![image.name(), host],
        true => vec![image.name()],
        false => vec![host],
    }
}

fn compact(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorMessage> {
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|_| ErrorMessage { what: "the exported config is not valid JSON".to_owned(), hint: None })?;
    Ok(Zeroizing::new(format!("{value}\n").into_bytes()))
}

/// <https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets>
fn secret(name: &str, config: &[u8], expires: Option<&str>) -> Zeroizing<Vec<u8>> {
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name, "annotations": {"credmint/expires": expires.unwrap_or("unknown")}},
        "data": {".dockerconfigjson": STANDARD.encode(config)},
    });
    Zeroizing::new(format!("{manifest:#}\n").into_bytes())
}

fn write(path: &std::path::Path, text: &[u8]) -> Result<(), ErrorMessage> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let written = || -> std::io::Result<()> {
        std::fs::metadata(folder)?;
        let mut file = tempfile::Builder::new().prefix(".credmint-").tempfile_in(folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    // An error of tempfile ends in the name of its temporary file: its kind is enough.
    let cause = |error: std::io::Error| if error.raw_os_error().is_some() { error } else { error.kind().into() };
    written().map_err(cause).map_err(|error| ErrorMessage {
        what: format!("cannot write {}: {error}", path.display()),
        hint: Some(format!("check that {} exists and that you can write to it", folder.display())),
    })
}
