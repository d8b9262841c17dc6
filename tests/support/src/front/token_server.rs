//! The bearer flow: a token server that checks a login and grants actions on a
//! repository, as every registry except Amazon's has it.
//! <https://distribution.github.io/distribution/spec/auth/token/>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::{header, read, refuse};
use crate::azure::{self, Azure};
use crate::behaviour::Refusal;
use crate::reply::{Body, HangUp, json, with};
use crate::server::Service;

/// The user whose password is a refresh token.
const ACR_USER: &str = "00000000-0000-0000-0000-000000000000";
/// The TTL of its tokens, as that of most registries.
const LIFE: Duration = Duration::from_secs(300);

/// The issuer of the bearer tokens of a registry. A clone issues the same ones.
///
/// Everybody may pull `library/…`, `ratelimitpreview/…` and `…/public/…`; everything else requires a valid login.
#[derive(Clone)]
pub struct TokenServer(Arc<Office>);

struct Office {
    /// Its path.
    path: &'static str,
    /// Its host, if it is not that of the registry.
    host: Option<String>,
    /// Whether it accepts the OAuth form, with POST.
    takes_forms: bool,
    /// The issuer of refresh tokens at the registry itself, as Azure's.
    exchange: Option<Arc<azure::Cloud>>,
    keys: Keys,
    granted: Mutex<HashMap<String, Grant>>,
}

/// Whether a login (user and password) is valid at this host.
type Keys = Box<dyn Fn(&str, &str, &str) -> bool + Send + Sync>;

struct Grant {
    /// `repository:NAME:ACTION`, one for each action.
    scopes: Vec<String>,
    ends: Instant,
}

/// The result of the authentication.
pub(super) enum Entry {
    Through(Request<Incoming>),
    Answered(Response<Body>),
}

impl TokenServer {
    /// A token server at this path of the registry itself, as Google's and GitHub's. Like
    /// these it supports only the original flow, with GET.
    pub fn beside(path: &'static str, keys: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        TokenServer::new(Office { path, ..Office::new(move |_, user, password| keys(user, password)) })
    }

    /// A token server with its own host, as Docker Hub's. It also accepts the OAuth form, with POST.
    pub fn apart(host: impl Into<String>, keys: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        let office = Office::new(move |_, user, password| keys(user, password));
        TokenServer::new(Office { path: "/token", host: Some(host.into()), takes_forms: true, ..office })
    }

    /// GitLab's, at GitLab itself, with GET only.
    pub fn of_gitlab(keys: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        let office = Office::new(move |_, user, password| keys(user, password));
        TokenServer::new(Office { path: "/jwt/auth", host: Some(super::gitlab::HOST.to_owned()), ..office })
    }

    /// That of Azure's registries, which accepts the refresh tokens that they issue themselves.
    pub fn of_acr(azure: &Azure) -> Self {
        let cloud = Arc::clone(azure.cloud());
        let exchange = Some(Arc::clone(&cloud));
        let office = Office::new(move |host, user, token| user == ACR_USER && cloud.admits(host, token));
        TokenServer::new(Office { path: "/oauth2/token", takes_forms: true, exchange, ..office })
    }

    fn new(office: Office) -> Self {
        TokenServer(Arc::new(office))
    }

    /// Expires every token issued so far.
    pub fn end_tokens(&self) {
        self.granted().clear();
    }

    pub(super) async fn enter(&self, request: Request<Incoming>, scheme: &str) -> Result<Entry, HangUp> {
        if let Some(cloud) = self.0.exchange.as_ref().filter(|_| request.uri().path() == "/oauth2/exchange") {
            return Arc::clone(cloud).answer(request).await.map(Entry::Answered);
        }
        if request.uri().path() == self.0.path {
            return self.give(request).await.map(Entry::Answered);
        }
        let needed = needed_for(request.method(), request.uri().path());
        let bearer = header(&request, "authorization").and_then(|it| it.strip_prefix("Bearer "));
        let granted = self.granted();
        let grant = bearer.and_then(|token| granted.get(token)).filter(|grant| grant.ends > Instant::now());
        let wrong = match (bearer, grant) {
            (_, Some(grant)) if needed.as_ref().is_none_or(|scope| grant.scopes.contains(scope)) => {
                return Ok(Entry::Through(request));
            }
            (_, Some(_)) => ",error=\"insufficient_scope\"",
            (Some(_), None) => ",error=\"invalid_token\"",
            (None, None) => "",
        };
        let host = header(&request, "host").unwrap_or_default();
        let (at, path) = (self.0.host.as_deref().unwrap_or(host), self.0.path);
        let scope = needed.map(|scope| format!(",scope=\"{scope}\"")).unwrap_or_default();
        let challenge = format!("Bearer realm=\"{scheme}://{at}{path}\",service=\"{host}\"{scope}{wrong}");
        let refusal = Refusal::new(401, "UNAUTHORIZED", "authentication required");
        Ok(Entry::Answered(with(refuse(&refusal), "www-authenticate", &challenge)))
    }

    async fn give(&self, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let host = header(&request, "host").unwrap_or_default().to_owned();
        let (head, body) = read(request).await?;
        let (login, fields) = match head.method {
            Method::GET => (
                head.headers.get("authorization").map(|login| login.to_str().ok().and_then(basic)),
                fields_of(head.uri.query().unwrap_or_default().as_bytes()),
            ),
            Method::POST if self.0.takes_forms => {
                let fields = fields_of(&body);
                let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                let by_token = field("refresh_token").map(|token| (ACR_USER.to_owned(), token));
                (Some(field("username").zip(field("password")).or(by_token)), fields)
            }
            _ => return Ok(refuse(&Refusal::new(405, "UNSUPPORTED", "The operation is unsupported."))),
        };
        let is_known = match login {
            None => false,
            Some(Some((user, password))) if (self.0.keys)(&host, &user, &password) => true,
            Some(_) => return Ok(refuse(&Refusal::new(401, "UNAUTHORIZED", "incorrect username or password"))),
        };
        let wanted = fields.iter().filter(|(name, _)| name == "scope").flat_map(|(_, scopes)| scopes.split(' '));
        let scopes = wanted.flat_map(each_action).filter(|scope| is_known || is_public(scope)).collect();
        let token = new_token();
        self.granted().insert(token.clone(), Grant { scopes, ends: Instant::now() + LIFE });
        Ok(json(200, &json!({ "token": token, "access_token": token, "expires_in": LIFE.as_secs() })))
    }

    fn granted(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        // A handler that panicked has failed its test; the grants are still consistent.
        self.0.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Office {
    fn new(keys: impl Fn(&str, &str, &str) -> bool + Send + Sync + 'static) -> Self {
        let keys = Box::new(keys);
        Office { path: "/token", host: None, takes_forms: false, exchange: None, keys, granted: Mutex::default() }
    }
}

/// The scopes that a request to the registry requires; only a token if it is not about a repository.
fn needed_for(method: &Method, path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("/acr/v1/") {
        return Some(needed_at_acr(method, path));
    }
    let path = path.strip_prefix("/v2/")?;
    if path == "_catalog" {
        return Some("registry:catalog:*".to_owned());
    }
    let kinds = ["/manifests/", "/blobs/", "/tags/", "/referrers/"];
    let end = kinds.iter().filter_map(|kind| path.rfind(kind)).max()?;
    let action = match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "push",
    };
    Some(format!("repository:{}:{action}", &path[..end]))
}

/// Azure's API has other names for permissions.
fn needed_at_acr(method: &Method, path: &str) -> String {
    if path == "_catalog" {
        return "registry:catalog:*".to_owned();
    }
    let end = ["/_tags", "/_manifests"].iter().filter_map(|kind| path.find(kind)).min().unwrap_or(path.len());
    let action = match *method {
        Method::GET => "metadata_read",
        Method::DELETE => "delete",
        _ => "metadata_write",
    };
    format!("repository:{}:{action}", &path[..end])
}

/// `repository:app:pull,push` is two.
fn each_action(scope: &str) -> Vec<String> {
    let Some((what, actions)) = scope.rsplit_once(':') else { return Vec::new() };
    actions.split(',').map(|action| format!("{what}:{action}")).collect()
}

fn is_public(scope: &str) -> bool {
    let name = scope.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull"));
    let open = ["library/", "ratelimitpreview/"];
    name.is_some_and(|name| {
        open.iter().any(|owner| name.starts_with(owner)) || name.split('/').any(|part| part == "public")
    })
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let login = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    let (user, password) = std::str::from_utf8(&login).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn fields_of(form: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(form).into_owned().collect()
}

fn new_token() -> String {
    let mut bytes = [0; 48];
    SystemRandom::new().fill(&mut bytes).expect("the system has random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}
