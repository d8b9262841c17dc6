use std::path::PathBuf;

use broker::MintError;
use protocol::Secret;
use settings::Environment;
use url::Url;
use web::RequestBuilder;

use crate::context::Context;
use crate::error;

const METADATA_SERVICE: &str = "http://169.254.169.254";
/// The endpoint of Azure Arc's agent, which sets no variables on Linux.
const AGENT: &str = "http://localhost:40342/metadata/identity/oauth2/token";

/// The service that gives tokens of managed identities here, by the variables that each platform sets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ManagedSource {
    AppService { endpoint: String, header: Secret },
    Arc { endpoint: String },
    MachineLearning { endpoint: String, secret: Secret },
    CloudShell { endpoint: String },
    VirtualMachine { endpoint: String },
}

impl ManagedSource {
    pub(crate) fn of(environment: &Environment) -> Result<Self, MintError> {
        let text = |variable| environment.text(variable);
        if let Some(endpoint) = text("IDENTITY_ENDPOINT") {
            if let Some(header) = text("IDENTITY_HEADER").map(Secret::new) {
                if text("IDENTITY_SERVER_THUMBPRINT").is_some() {
                    return Err(error::service_fabric());
                }
                return Ok(ManagedSource::AppService { endpoint, header });
            }
            if text("IMDS_ENDPOINT").is_some() {
                return Ok(ManagedSource::Arc { endpoint });
            }
        } else if let Some(endpoint) = text("MSI_ENDPOINT") {
            return Ok(match text("MSI_SECRET").map(Secret::new) {
                Some(secret) => ManagedSource::MachineLearning { endpoint, secret },
                None => ManagedSource::CloudShell { endpoint },
            });
        }
        // Set if a service in a cluster replaces the machine's, as the SDKs read it.
        let named = text("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        if named.is_none() && agent(environment).is_some_and(|agent| agent.exists()) {
            return Ok(ManagedSource::Arc { endpoint: AGENT.to_owned() });
        }
        let host = named.unwrap_or_else(|| METADATA_SERVICE.to_owned());
        Ok(ManagedSource::VirtualMachine {
            endpoint: format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/')),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            ManagedSource::AppService { .. } => "App Service",
            ManagedSource::Arc { .. } => "Azure Arc",
            ManagedSource::MachineLearning { .. } => "Azure Machine Learning",
            ManagedSource::CloudShell { .. } => "Cloud Shell",
            ManagedSource::VirtualMachine { .. } => "this machine",
        }
    }

    /// What gives the token, for errors.
    pub(crate) fn service(&self) -> &'static str {
        match self {
            ManagedSource::Arc { .. } => "the Azure Arc agent",
            ManagedSource::VirtualMachine { .. } => "the metadata service",
            _ => self.name(),
        }
    }

    /// Whether one can be chosen by its id.
    pub(crate) fn has_several(&self) -> bool {
        !matches!(self, ManagedSource::CloudShell { .. })
    }

    /// The request for a token; `None` if the endpoint is not a URL. No proxy can reach any of them.
    pub(crate) fn request(&self, context: &Context<'_>, client_id: Option<&str>) -> Option<RequestBuilder> {
        let (endpoint, version, parameter) = match self {
            ManagedSource::AppService { endpoint, .. } => (endpoint, "2019-08-01", "client_id"),
            ManagedSource::Arc { endpoint } => (endpoint, "2020-06-01", "client_id"),
            ManagedSource::MachineLearning { endpoint, .. } => (endpoint, "2017-09-01", "clientid"),
            ManagedSource::VirtualMachine { endpoint } => (endpoint, "2018-02-01", "client_id"),
            ManagedSource::CloudShell { endpoint } => {
                let url = web_address(endpoint)?;
                return Some(metadata(context.client.direct().post(url).form(&[("resource", &context.resource)])));
            }
        };
        let mut url = web_address(endpoint)?;
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", &context.resource);
        if let Some(id) = client_id {
            url.query_pairs_mut().append_pair(parameter, id);
        }
        let request = context.client.direct().get(url);
        Some(match self {
            ManagedSource::AppService { header, .. } => request.header("X-IDENTITY-HEADER", header.expose()),
            ManagedSource::MachineLearning { secret, .. } => request.header("secret", secret.expose()),
            _ => metadata(request),
        })
    }
}

/// Azure Arc's agent, as the Azure SDKs look for it.
/// <https://github.com/AzureAD/microsoft-authentication-library-for-python/blob/dev/msal/managed_identity.py>
pub(crate) fn agent(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        Some(environment.path("ProgramFiles")?.join("AzureConnectedMachineAgent").join("himds.exe"))
    } else {
        cfg!(target_os = "linux").then(|| "/opt/azcmagent/bin/himds".into())
    }
}

/// A header that a web page cannot send, so that none can request tokens.
fn metadata(request: RequestBuilder) -> RequestBuilder {
    request.header("Metadata", "true")
}

fn web_address(endpoint: &str) -> Option<Url> {
    Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_known_by_its_variables() {
        let of = |variables: &[(&str, &str)]| ManagedSource::of(&Environment::of(variables.iter().copied()));
        let name = |variables: &[(&str, &str)]| of(variables).unwrap().name();
        assert_eq!(name(&[("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h")]), "App Service");
        assert_eq!(name(&[("IDENTITY_ENDPOINT", "http://x"), ("IMDS_ENDPOINT", "http://x")]), "Azure Arc");
        assert_eq!(name(&[("MSI_ENDPOINT", "http://x"), ("MSI_SECRET", "s")]), "Azure Machine Learning");
        assert_eq!(name(&[("MSI_ENDPOINT", "http://x")]), "Cloud Shell");
        let machine =
            |host: &str| ManagedSource::VirtualMachine { endpoint: format!("{host}/metadata/identity/oauth2/token") };
        assert_eq!(of(&[("IDENTITY_HEADER", "h")]).unwrap(), machine(METADATA_SERVICE));
        let host = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://localhost:42/")];
        assert_eq!(of(&host).unwrap(), machine("http://localhost:42"));
        let fabric = [("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "t")];
        assert!(of(&fabric).is_err());
    }
}
