use std::path::PathBuf;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
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

/// Two HTTP clients with the system's authorities or those that the environment names: one that
/// uses the proxy of the environment, and one that never does.
pub(crate) fn clients(environment: &Environment) -> Result<(SharedHttpClient, SharedHttpClient), Explained> {
    let context = TlsContext::builder().with_trust_store(trust(environment)?).build().map_err(|_| Explained {
        what: "the certificate authorities of this machine cannot be used".into(),
        hint: Some("check SSL_CERT_FILE".into()),
    })?;
    // A client put together by hand uses no proxy unless it is told to.
    Ok((client(&context, ProxyConfig::from_env()), client(&context, ProxyConfig::disabled())))
}

fn client(context: &TlsContext, proxy: ProxyConfig) -> SharedHttpClient {
    let context = context.clone();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(proxy.clone())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    })
}

fn trust(environment: &Environment) -> Result<TrustStore, Explained> {
    for name in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        if let Some(path) = environment.path(name) {
            let pem = std::fs::read(&path).map_err(|error| Explained {
                what: format!("the certificate authorities in {} cannot be read: {error}", path.display()),
                hint: Some(format!("check {name}")),
            })?;
            return Ok(TrustStore::empty().with_pem_certificate(pem));
        }
    }
    let bundle = BUNDLES.iter().map(PathBuf::from).find_map(|path| std::fs::read(path).ok());
    Ok(bundle.map_or_else(TrustStore::default, |pem| TrustStore::empty().with_pem_certificate(pem)))
}
