use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::client::{Answer, fetch};

/// An image that was pulled and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The number of parts: the manifest, the configuration, the layers.
    pub parts: usize,
    /// Their total size in bytes.
    pub bytes: usize,
}

/// Pulls an image as Docker does: it is rejected without a login, then fetches every part with it and
/// compares its digest. `registry` is an `http://` address without a trailing slash.
///
/// # Errors
/// The error of the registry, or a part whose digest does not match.
pub fn pull(registry: &str, name: &str, tag: &str, username: &str, password: &str) -> Result<Pulled, String> {
    let ask = |path: &str, headers: &[(&str, &str)]| {
        fetch("GET", &format!("{registry}/v2/{path}"), headers, "").map_err(|error| error.to_string())
    };
    let challenge = ask("", &[])?;
    let wanted = challenge.headers.get("www-authenticate").map_or("", String::as_str);
    if challenge.status != 401 || !wanted.starts_with("Basic ") {
        return Err(format!("a registry without a login answered {} instead of asking for one", challenge.status));
    }
    let login = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
    let part = |path: &str| {
        let answer = ask(path, &[("authorization", &login), ("accept", "application/vnd.oci.image.manifest.v1+json")])?;
        if answer.status == 200 { Ok(answer) } else { Err(format!("{} for {path}: {}", answer.status, answer.text())) }
    };

    let manifest = part(&format!("{name}/manifests/{tag}"))?;
    compare(&manifest, manifest.headers.get("docker-content-digest").map_or("", String::as_str))?;
    let mut pulled = Pulled { parts: 1, bytes: manifest.body.len() };
    let manifest = manifest.json();
    let layers = manifest["layers"].as_array().ok_or("the manifest has no layers")?;
    for descriptor in std::iter::once(&manifest["config"]).chain(layers) {
        let digest = descriptor["digest"].as_str().ok_or("a descriptor has no digest")?;
        let blob = part(&format!("{name}/blobs/{digest}"))?;
        compare(&blob, digest)?;
        pulled = Pulled { parts: pulled.parts + 1, bytes: pulled.bytes + blob.body.len() };
    }
    Ok(pulled)
}

/// The digest of some bytes, as registries write it.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn compare(answer: &Answer, promised: &str) -> Result<(), String> {
    let digest = digest_of(&answer.body);
    if digest == promised { Ok(()) } else { Err(format!("{digest} came instead of {promised}")) }
}
