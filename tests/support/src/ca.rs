use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority for one test.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate for some hosts and its key.
pub struct Certificate {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Ca {
    /// A new authority with a new key.
    #[expect(clippy::new_without_default, reason = "each is unique")]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "pretend-cloud test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("the parameters are of a CA");
        Ca { issuer }
    }

    /// The authority's certificate, for a bundle.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these host names and addresses.
    ///
    /// # Panics
    /// If one is neither.
    pub fn certificate_for<S: AsRef<str>>(&self, hosts: &[S]) -> Certificate {
        let hosts: Vec<String> = hosts.iter().map(|host| host.as_ref().to_owned()).collect();
        let params = CertificateParams::new(hosts).expect("hosts are names or addresses");
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority signs");
        let pem = [certificate.pem(), self.issuer.pem(), key.serialize_pem()].concat();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Certificate { pem, chain: vec![certificate.der().clone(), self.issuer.der().clone()], key }
    }
}

impl Certificate {
    /// The certificate, its issuer's and its key, for another server.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        // The provider is named: with two of them in the dependencies, rustls panics instead of choosing one.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the default versions")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), PrivateKeyDer::Pkcs8(self.key.clone_key()))
            .expect("the key belongs to the certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("ring makes keys")
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::{ServerName, pem::PemObject};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;
    use crate::Aws;

    /// Shakes hands with `aws` as a client that trusts this bundle.
    fn shake_hands(aws: &Aws, bundle: &str, host: &'static str) -> std::io::Result<()> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(bundle.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(aws.addr()).await?;
            let name = ServerName::try_from(host).unwrap();
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(drop)
        })
    }

    #[test]
    fn only_who_trusts_it_reaches_its_hosts() {
        let ca = Ca::new();
        let aws = Aws::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &["api.ecr.us-east-1.amazonaws.com"]);
        assert!(aws.url().starts_with("https://"));
        shake_hands(&aws, &ca.pem(), "api.ecr.us-east-1.amazonaws.com").unwrap();
        assert!(shake_hands(&aws, &ca.pem(), "sts.amazonaws.com").is_err());
        assert!(shake_hands(&aws, &Ca::new().pem(), "api.ecr.us-east-1.amazonaws.com").is_err());
    }
}
