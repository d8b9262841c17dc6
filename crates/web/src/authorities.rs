use std::path::PathBuf;

use protocol::Explained;
use settings::Environment;

/// The usual files with all of a system's authorities in one: reading one is faster than reading
/// the folder of single files that lies beside it.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The certificate authorities that count, as PEM: those of the first of these variables that is
/// set (`SSL_CERT_FILE`, and what a cloud's users have beside it), else the system's. `None` where
/// a system keeps them elsewhere than in a file.
///
/// # Errors
/// A file that was named and cannot be read.
pub fn authorities(environment: &Environment, variables: &[&str]) -> Result<Option<Vec<u8>>, Explained> {
    for name in variables {
        if let Some(path) = environment.path(name) {
            let pem = std::fs::read(&path).map_err(|error| Explained {
                what: format!("the certificate authorities in {} cannot be read: {error}", path.display()),
                hint: Some(format!("check {name}")),
            })?;
            return Ok(Some(pem));
        }
    }
    Ok(BUNDLES.iter().map(PathBuf::from).find_map(|path| std::fs::read(path).ok()))
}

/// Authorities that are there and cannot be used.
#[cfg(feature = "client")]
pub(crate) fn unusable() -> Explained {
    Explained {
        what: "the certificate authorities of this machine cannot be used".into(),
        hint: Some("check SSL_CERT_FILE".into()),
    }
}
