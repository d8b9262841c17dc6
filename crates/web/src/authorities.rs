use std::path::{Path, PathBuf};

use protocol::ErrorMessage;
use settings::Environment;

/// The usual files with all CA certificates of a system: one file is read faster than the folder of single
/// files beside it.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The trusted CA certificates, as PEM: the first file of `named` that is set, with the name of the setting (a
/// cloud's own, such as `AWS_CA_BUNDLE`); else those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, as in OpenSSL; else
/// those of the system. `None` if the system does not keep them in a file.
///
/// # Errors
/// A named file or folder cannot be read.
pub fn authorities(
    environment: &Environment,
    named: &[(&str, Option<PathBuf>)],
) -> Result<Option<Vec<u8>>, ErrorMessage> {
    if let Some((name, path)) = named.iter().find_map(|(name, path)| Some((name, path.as_ref()?))) {
        return std::fs::read(path).map(Some).map_err(|error| unreadable(path, name, &error));
    }
    let (file, folders) = (environment.path("SSL_CERT_FILE"), environment.path("SSL_CERT_DIR"));
    if file.is_none() && folders.is_none() {
        return Ok(BUNDLES.iter().map(PathBuf::from).find_map(|path| std::fs::read(path).ok()));
    }
    let mut pem = match file {
        Some(path) => std::fs::read(&path).map_err(|error| unreadable(&path, "SSL_CERT_FILE", &error))?,
        None => Vec::new(),
    };
    for folder in folders.iter().flat_map(std::env::split_paths) {
        let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, "SSL_CERT_DIR", &error))?;
        // A certificate may be there twice: under its name, and as a link named by its digest.
        for text in entries.flatten().filter_map(|entry| std::fs::read(entry.path()).ok()) {
            pem.push(b'\n');
            pem.extend(text);
        }
    }
    Ok(Some(pem))
}

fn unreadable(path: &Path, name: &str, error: &std::io::Error) -> ErrorMessage {
    ErrorMessage {
        what: format!("cannot read the CA certificates in {}: {error}", path.display()),
        hint: Some(format!("check {name}")),
    }
}

/// The error if no certificate can be used.
#[cfg(feature = "client")]
pub(crate) fn unusable() -> ErrorMessage {
    ErrorMessage {
        what: "cannot use the CA certificates of this machine".into(),
        hint: Some("check SSL_CERT_FILE and SSL_CERT_DIR".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clouds_own_setting_comes_before_the_common_one() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        std::fs::create_dir(path("folder")).unwrap();
        for name in ["own", "file", "folder/one"] {
            std::fs::write(path(name), name).unwrap();
        }
        let read = |variables: &[(&str, &str)], own: Option<&str>| {
            let environment = Environment::of(variables.iter().map(|(name, file)| (*name, path(file))));
            let read = authorities(&environment, &[("unset", None), ("AWS_CA_BUNDLE", own.map(path))]);
            read.map(|pem| String::from_utf8(pem.unwrap()).unwrap()).map_err(|why| why.to_string())
        };
        let both = [("SSL_CERT_FILE", "file"), ("SSL_CERT_DIR", "folder")];
        assert_eq!(read(&both, Some("own")).unwrap(), "own");
        assert_eq!(read(&both, None).unwrap(), "file\nfolder/one");
        assert_eq!(read(&both[1..], None).unwrap(), "\nfolder/one");
        assert!(read(&[("SSL_CERT_DIR", "absent")], None).unwrap_err().contains("check SSL_CERT_DIR"));
        assert!(read(&both, Some("absent")).unwrap_err().contains("check AWS_CA_BUNDLE"));
    }
}
