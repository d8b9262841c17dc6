//! PFX files as `openssl pkcs12` writes them: by itself, for older readers, and with other algorithms.

#![allow(clippy::disallowed_methods)] // A test reads from the environment whether it may skip.

use std::process::Command;

use super::*;

const PASSWORD: &str = "p\u{e4}ss w\u{f6}rd \u{20ac}";

/// A folder with `key.pem`, `certificate.pem` of the authority in `ca.pem`, and what else openssl makes of them.
struct Folder(tempfile::TempDir);

impl Folder {
    /// `None` if there is no openssl.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            let said = b"skipped: PFX files: there is no openssl\n";
            std::io::Write::write_all(&mut std::io::stderr(), said).unwrap();
            assert!(std::env::var("CREDMINT_TESTS").as_deref() != Ok("all"), "nothing may be skipped here");
            return None;
        }
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout ca.key -out ca.pem");
        folder.openssl(
            "req -x509 -newkey rsa:2048 -nodes -subj /CN=app -CA ca.pem -CAkey ca.key -keyout key.pem \
             -out certificate.pem",
        );
        Some(folder)
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        let output = command.args(arguments.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// A PFX file of what these options name.
    fn pfx(&self, options: &str, password: &str) -> Vec<u8> {
        std::fs::write(self.0.path().join("password"), format!("{password}\n")).unwrap();
        self.openssl(&format!("pkcs12 -export {options} -passout file:password -out app.pfx"));
        self.read("app.pfx")
    }

    /// What openssl takes for the certificate.
    fn der(&self, name: &str) -> Vec<u8> {
        self.openssl(&format!("x509 -in {name} -outform der -out certificate.der"));
        self.read("certificate.der")
    }
}

#[test]
fn a_pfx_file_with_any_usual_algorithm_is_opened() {
    let Some(folder) = Folder::new() else { return };
    let key = Certificate::of_pem(&[folder.read("certificate.pem"), folder.read("key.pem")].concat(), "").unwrap().key;
    for (algorithms, why) in [
        ("", "as openssl 3 writes it: PBES2 with AES-256, a MAC of SHA-256"),
        ("-legacy", "as openssl 1 wrote it: RC2 with 40 bits, 3DES, a MAC of SHA-1"),
        ("-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", "as Windows exports with TripleDES-SHA1"),
        ("-keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256", "as Windows exports with AES256-SHA256"),
        ("-keypbe AES-128-CBC -certpbe AES-128-CBC -macalg sha384", "other sizes"),
        ("-keypbe AES-192-CBC -certpbe AES-192-CBC -macalg sha512", "other sizes"),
        ("-certpbe NONE", "a certificate that is not encrypted, as Java and Key Vault have it"),
        ("-keypbe NONE -certpbe NONE", "nothing encrypted, only a MAC"),
        ("-iter 10000", "more rounds"),
        ("-name app -caname ca", "with names"),
    ] {
        for password in [PASSWORD, "plain", ""] {
            let pfx =
                folder.pfx(&format!("{algorithms} -inkey key.pem -in certificate.pem -certfile ca.pem"), password);
            let opened = Certificate::of(&pfx, password);
            let opened = opened.unwrap_or_else(|flaw| panic!("{algorithms:?}, {why}, {password:?}: {flaw:?}"));
            assert_eq!(opened.chain, [folder.der("certificate.pem"), folder.der("ca.pem")], "{algorithms}: {why}");
            assert_eq!(opened.key.public().as_ref(), key.public().as_ref(), "{algorithms}: {why}");
        }
        let pfx = folder.pfx(&format!("{algorithms} -inkey key.pem -in certificate.pem"), PASSWORD);
        assert_eq!(Certificate::of(&pfx, "another").err(), Some(CertificateError::Locked), "{algorithms}: {why}");
    }
}

#[test]
fn a_pfx_file_that_is_of_no_use_is_distinguished() {
    let Some(folder) = Folder::new() else { return };
    folder.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ec -keyout ec.key -out ec.pem",
    );
    for (options, flaw) in [
        ("-inkey ec.key -in ec.pem", CertificateError::NotRsa),
        ("-nokeys -in certificate.pem", CertificateError::NoKey),
    ] {
        assert_eq!(Certificate::of(&folder.pfx(options, PASSWORD), PASSWORD).err(), Some(flaw), "{options}");
    }
    let whole = folder.pfx("-inkey key.pem -in certificate.pem", PASSWORD);
    for cut in [0, 1, 20, whole.len() / 2, whole.len() - 1] {
        assert_eq!(
            Certificate::of(&whole[..cut], PASSWORD).err(),
            Some(CertificateError::Locked),
            "cut to {cut} bytes"
        );
    }
}

#[test]
fn a_pem_file_is_read_in_every_order_and_with_an_encrypted_key() {
    let Some(folder) = Folder::new() else { return };
    let (own, ca, key) = (folder.read("certificate.pem"), folder.read("ca.pem"), folder.read("key.pem"));
    let chain = [folder.der("certificate.pem"), folder.der("ca.pem")];
    let opened = |parts: &[&[u8]], password: &str| Certificate::of(&parts.concat(), password).map(|it| it.chain);
    for parts in [[&own, &ca, &key], [&ca, &own, &key], [&key, &ca, &own], [&ca, &key, &own]] {
        assert_eq!(opened(&parts.map(Vec::as_slice), "").unwrap(), chain);
    }
    assert_eq!(opened(&[&ca, &key], "").err(), Some(CertificateError::OfAnotherKey));
    assert_eq!(opened(&[&key], "").err(), Some(CertificateError::NoCertificate));
    std::fs::write(folder.0.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    for cipher in ["-v2 aes-256-cbc", "-v2 aes-128-cbc -v2prf hmacWithSHA512", "-v2 des3", "-scrypt"] {
        folder.openssl(&format!("pkcs8 -topk8 {cipher} -in key.pem -passout file:password -out locked.key"));
        let locked = folder.read("locked.key");
        assert_eq!(opened(&[&own, &locked, &ca], PASSWORD).unwrap(), chain, "{cipher}");
        assert_eq!(opened(&[&own, &locked], "another").err(), Some(CertificateError::LockedKey), "{cipher}");
    }
    folder.openssl("rsa -traditional -aes256 -in key.pem -passout file:password -out old.key");
    assert_eq!(opened(&[&own, &folder.read("old.key")], PASSWORD).err(), Some(CertificateError::OldCipher));
}
