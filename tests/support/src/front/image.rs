use hyper::{Method, Response};
use serde_json::{Value, json};

use super::refuse;
use crate::behaviour::Refusal;
use crate::pull::digest_of;
use crate::reply::{Body, reply, with};

/// A small image that can only be read: one manifest, one configuration, one layer with one file.
#[derive(Clone, Debug)]
pub struct Image {
    manifest: Blob,
    config: Blob,
    layer: Blob,
}

#[derive(Clone, Debug)]
struct Blob {
    digest: String,
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Image {
    /// Always the same bytes on one machine.
    pub(super) fn new() -> Self {
        let layer = Blob::new("application/vnd.oci.image.layer.v1.tar", archive("hello.txt", GREETING));
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
        });
        let config = Blob::new("application/vnd.oci.image.config.v1+json", config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": [layer.descriptor()],
        });
        Image { manifest: Blob::new(MANIFEST, manifest.to_string().into_bytes()), config, layer }
    }

    /// The image exists under every name and tag; a digest must match.
    pub(super) fn answer(&self, method: &Method, path: &str) -> Response<Body> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return refuse(&Refusal::new(405, "UNSUPPORTED", "the built-in image can only be read"));
        }
        if path == "/v2/" || path == "/v2" {
            return reply(200, "application/json", "{}");
        }
        let found = if let Some((_, reference)) = path.rsplit_once("/manifests/") {
            Some(&self.manifest).filter(|blob| !reference.contains(':') || blob.digest == reference)
        } else if let Some((_, digest)) = path.rsplit_once("/blobs/") {
            [&self.config, &self.layer].into_iter().find(|blob| blob.digest == digest)
        } else {
            None
        };
        match found {
            // hyper omits the body of a response to HEAD and sends its length, which Docker requires.
            Some(blob) => with(reply(200, blob.media_type, blob.bytes.clone()), "docker-content-digest", &blob.digest),
            None => refuse(&Refusal::new(404, "MANIFEST_UNKNOWN", "the built-in image has no such part")),
        }
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const GREETING: &[u8] = b"pulled with a token of the pretend AWS\n";

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Blob { digest: digest_of(&bytes), media_type, bytes }
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// This machine's architecture, in Go's terms: an engine may not pull for another.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A tar archive of one file.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, content).expect("writing to memory cannot fail");
    archive.into_inner().expect("writing to memory cannot fail")
}
