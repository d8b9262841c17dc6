use broker::MintError;
use protocol::Secret;
use settings::Environment;
use url::Url;
use web::RequestBuilder;

use crate::asking::Asking;
use crate::failure::failed;

const MACHINE: &str = "http://169.254.169.254";

/// Where this runs, as far as managed identities go: told by the variables that each place sets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    AppService { endpoint: String, header: Secret },
    Arc { endpoint: String },
    MachineLearning { endpoint: String, secret: Secret },
    CloudShell { endpoint: String },
    Machine { endpoint: String },
}

impl Place {
    pub(crate) fn of(environment: &Environment) -> Result<Self, MintError> {
        let text = |variable| environment.text(variable);
        if let Some(endpoint) = text("IDENTITY_ENDPOINT") {
            if let Some(header) = text("IDENTITY_HEADER").map(Secret::new) {
                if text("IDENTITY_SERVER_THUMBPRINT").is_some() {
                    return Err(failed(
                        "managed identities of Service Fabric cannot be used",
                        "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
                    ));
                }
                return Ok(Place::AppService { endpoint, header });
            }
            if text("IMDS_ENDPOINT").is_some() {
                return Ok(Place::Arc { endpoint });
            }
        } else if let Some(endpoint) = text("MSI_ENDPOINT") {
            return Ok(match text("MSI_SECRET").map(Secret::new) {
                Some(secret) => Place::MachineLearning { endpoint, secret },
                None => Place::CloudShell { endpoint },
            });
        }
        // The variable of whoever stands in for the machine's service in a cluster, as the SDKs read it.
        let host = text("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| MACHINE.to_owned());
        Ok(Place::Machine { endpoint: format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/')) })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Place::AppService { .. } => "App Service",
            Place::Arc { .. } => "Azure Arc",
            Place::MachineLearning { .. } => "Azure Machine Learning",
            Place::CloudShell { .. } => "Cloud Shell",
            Place::Machine { .. } => "this machine",
        }
    }

    /// Whether one can be chosen by its id.
    pub(crate) fn has_several(&self) -> bool {
        !matches!(self, Place::Arc { .. } | Place::CloudShell { .. })
    }

    /// Asks for a token; `None` if the endpoint is no web address. No proxy can reach any of them.
    pub(crate) fn request(&self, asking: &Asking<'_>, client_id: Option<&str>) -> Option<RequestBuilder> {
        let (endpoint, version, parameter) = match self {
            Place::AppService { endpoint, .. } => (endpoint, "2019-08-01", "client_id"),
            Place::Arc { endpoint } => (endpoint, "2020-06-01", "client_id"),
            Place::MachineLearning { endpoint, .. } => (endpoint, "2017-09-01", "clientid"),
            Place::Machine { endpoint } => (endpoint, "2018-02-01", "client_id"),
            Place::CloudShell { endpoint } => {
                let url = web_address(endpoint)?;
                return Some(metadata(asking.client.direct().post(url).form(&[("resource", &asking.resource)])));
            }
        };
        let mut url = web_address(endpoint)?;
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", &asking.resource);
        if let Some(id) = client_id {
            url.query_pairs_mut().append_pair(parameter, id);
        }
        let request = asking.client.direct().get(url);
        Some(match self {
            Place::AppService { header, .. } => request.header("X-IDENTITY-HEADER", header.expose()),
            Place::MachineLearning { secret, .. } => request.header("secret", secret.expose()),
            _ => metadata(request),
        })
    }
}

/// A web page cannot send it, so that none can ask for tokens.
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
    fn each_place_is_known_by_its_variables() {
        let of = |variables: &[(&str, &str)]| Place::of(&Environment::of(variables.iter().copied()));
        let name = |variables: &[(&str, &str)]| of(variables).unwrap().name();
        assert_eq!(name(&[("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h")]), "App Service");
        assert_eq!(name(&[("IDENTITY_ENDPOINT", "http://x"), ("IMDS_ENDPOINT", "http://x")]), "Azure Arc");
        assert_eq!(name(&[("MSI_ENDPOINT", "http://x"), ("MSI_SECRET", "s")]), "Azure Machine Learning");
        assert_eq!(name(&[("MSI_ENDPOINT", "http://x")]), "Cloud Shell");
        let machine = |host: &str| Place::Machine { endpoint: format!("{host}/metadata/identity/oauth2/token") };
        assert_eq!(of(&[("IDENTITY_HEADER", "h")]).unwrap(), machine(MACHINE));
        let host = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://localhost:42/")];
        assert_eq!(of(&host).unwrap(), machine("http://localhost:42"));
        let fabric = [("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "t")];
        assert!(of(&fabric).is_err());
    }
}
