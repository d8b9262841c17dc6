use std::io::Write;
use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dockerconfig::Document;
use protocol::Explained;
use serde_json::json;
use zeroize::Zeroizing;

use crate::arguments::{Export, Format};
use crate::context::Context;
use crate::image::Image;
use crate::{time, token};

/// Writes what the registries' helpers answer in a form that knows no helpers. It holds secrets: a
/// file is made for its owner alone.
pub(crate) fn run(which: &Export, context: &Context<'_>) -> Result<ExitCode, Explained> {
    let mut document = Document::empty();
    let mut end: Option<SystemTime> = None;
    for text in &which.registries {
        let image = Image::parse(text)?;
        let mut login = token::credentials(&image, context)?;
        image.server().clone_into(&mut login.server);
        document.set_auth(&login);
        let expires = token::expiry(&image, context);
        end = end.into_iter().chain(expires).min();
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
        Some(expires) => context.printer.note(format!("good until {expires}")),
        None => context.printer.note("it holds logins that do not say when they end"),
    }
    Ok(ExitCode::SUCCESS)
}

fn compact(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Explained> {
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|_| Explained { what: "the config made for the export is not JSON".to_owned(), hint: None })?;
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

fn write(path: &std::path::Path, text: &[u8]) -> Result<(), Explained> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let written = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".credmint-").tempfile_in(folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    written().map_err(|error| Explained { what: format!("{} cannot be written: {error}", path.display()), hint: None })
}
