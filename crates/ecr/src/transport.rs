use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use protocol::Explained;
use settings::Environment;

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
    let pem = web::authorities(environment, &["SSL_CERT_FILE", "AWS_CA_BUNDLE"])?;
    Ok(pem.map_or_else(TrustStore::default, |pem| TrustStore::empty().with_pem_certificate(pem)))
}
