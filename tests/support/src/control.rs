//! The clouds' interface for scripts: what happened, and what to do next.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Map, Value, json};

use crate::aws::Aws;
use crate::azure::Azure;
use crate::catalog::Catalog;
use crate::front::{GitLab, TokenServer};
use crate::github::GitHub;
use crate::google::Google;
use crate::reply::{Body, HangUp, json, reply};
use crate::server::{Server, Service};

/// The clouds of one script.
pub struct Clouds {
    /// Amazon's.
    pub aws: Arc<Aws>,
    /// Microsoft's.
    pub azure: Arc<Azure>,
    /// Google's.
    pub google: Arc<Google>,
    /// GitHub's.
    pub github: Arc<GitHub>,
    /// All issuers of bearer tokens.
    pub tokens: Vec<TokenServer>,
    /// The content of the registries that have an API.
    pub catalogs: Vec<Arc<Catalog>>,
    /// GitLab's projects.
    pub gitlab: Arc<GitLab>,
}

/// Serves scripts over plain HTTP:
///
/// | path | |
/// |---|---|
/// | `/calls` | how often each kind of call came, as `{"aws.EcrToken": 1}` |
/// | `/minted` | the identities of the tokens, the oldest first, as `["aws arn:…", "google user x"]`; no token |
/// | `/strange` | unknown requests |
/// | `/end-tokens` | expires every token issued so far |
/// | `/days-later/DAYS` | makes all images older |
/// | `/clean-up` | carries out Google's and GitLab's clean-up policies; what they deleted |
/// | `/clean-up/github?INPUTS` | does as the clean-up action of the guide's workflow; what it deleted |
/// | `/made` | what was created by the clouds' APIs, except images |
/// | `/token-life/SECONDS` | sets the TTL of tokens minted from now on |
pub struct Control {
    _server: Server,
}

impl Control {
    /// Listens at this address.
    pub fn start(addr: SocketAddr, clouds: Clouds) -> Self {
        Control { _server: Server::start(addr, None, Arc::new(clouds)) }
    }
}

impl Service for Clouds {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let path = request.uri().path();
        Ok(match path {
            "/calls" => json(200, &self.calls()),
            "/minted" => json(200, &self.minted()),
            "/strange" => json(200, &self.strange()),
            "/end-tokens" => {
                self.end_tokens();
                json(200, &json!({}))
            }
            "/clean-up" => {
                let all = [self.google.clean_up().await, self.gitlab.clean_up().await].concat();
                json(200, &json!(all))
            }
            "/clean-up/github" => match self.github.clean_up(request.uri().query().unwrap_or_default()).await {
                Ok(gone) => json(200, &json!(gone)),
                Err(why) => json(400, &json!({"error": why})),
            },
            "/made" => {
                let (azure, google) = (self.azure.resources(), self.google.resources());
                let (github, gitlab) = (self.github.settings(), self.gitlab.settings());
                json(200, &json!({"azure": azure, "google": google, "github": github, "gitlab": gitlab}))
            }
            _ if path.starts_with("/days-later/") => {
                let days = path.rsplit('/').next().and_then(|days| days.parse().ok()).unwrap_or(0);
                self.catalogs.iter().for_each(|catalog| catalog.wait(Duration::from_secs(86_400 * days)));
                json(200, &json!({}))
            }
            _ => match path.strip_prefix("/token-life/").and_then(|seconds| seconds.parse().ok()) {
                Some(seconds) => {
                    self.set_token_life(Duration::from_secs(seconds));
                    json(200, &json!({}))
                }
                None => reply(404, "text/plain", "scripts cannot ask for this\n"),
            },
        })
    }
}

impl Clouds {
    fn calls(&self) -> Value {
        let counts = [
            ("aws", self.aws.counts()),
            ("azure", self.azure.counts()),
            ("google", self.google.counts()),
            ("github", self.github.counts()),
        ];
        let flat = counts.into_iter().flat_map(|(cloud, calls)| {
            calls.into_iter().map(move |(call, count)| (format!("{cloud}.{call}"), count.into()))
        });
        flat.collect::<Map<_, _>>().into()
    }

    fn minted(&self) -> Value {
        let aws = self.aws.minted().into_iter().map(|token| format!("aws {} {}", token.access_key, token.identity));
        let azure = self.azure.minted().into_iter().map(|token| format!("azure {} {}", token.identity, token.registry));
        let google = self.google.minted().into_iter().map(|token| format!("google {}", token.identity));
        let github = self.github.minted().into_iter().map(|token| format!("github {}", token.account));
        aws.chain(azure).chain(google).chain(github).collect()
    }

    fn strange(&self) -> Value {
        let azure = self.azure.strange_requests();
        let all = [self.aws.strange_requests(), azure, self.google.strange_requests(), self.github.strange_requests()];
        all.into_iter().flatten().collect()
    }

    fn end_tokens(&self) {
        self.aws.end_tokens();
        self.azure.end_tokens();
        self.google.end_tokens();
        self.github.end_tokens();
        self.tokens.iter().for_each(TokenServer::end_tokens);
    }

    fn set_token_life(&self, life: Duration) {
        self.aws.set_token_life(life);
        self.azure.set_token_life(life);
        self.google.set_token_life(life);
        self.github.set_token_life(life);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fetch;

    #[test]
    fn scripts_see_calls_and_end_tokens() {
        let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (aws, azure) = (Arc::new(Aws::start()), Arc::new(Azure::start()));
        let (google, github) = (Arc::new(Google::start()), Arc::new(GitHub::start()));
        let (metadata, url) =
            (google.url() + "/computeMetadata/v1/instance/service-accounts/default/token", google.url());
        let control = Control::start(
            addr,
            Clouds { aws, azure, google, github, tokens: Vec::new(), catalogs: Vec::new(), gitlab: Arc::default() },
        );
        let ask = |path: &str| fetch("GET", &format!("http://{addr}{path}"), &[], "").unwrap();
        assert_eq!(ask("/token-life/60").status, 200);
        let minted = fetch("GET", &metadata, &[("metadata-flavor", "Google")], "").unwrap();
        assert_eq!(minted.json()["expires_in"], 60);
        assert_eq!(ask("/calls").json(), json!({"google.MetadataToken": 1}));
        assert_eq!(ask("/minted").json(), json!(["google machine"]));
        assert_eq!(fetch("GET", &(url + "/nowhere"), &[], "").unwrap().status, 404);
        assert_eq!(ask("/strange").json(), json!(["GET /nowhere"]));
        assert_eq!((ask("/end-tokens").status, ask("/token-life/x").status), (200, 404));
        drop(control);
    }
}
