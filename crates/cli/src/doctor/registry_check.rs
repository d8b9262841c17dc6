use std::time::Duration;

use protocol::{Deadline, Secret};
use web::{Client, Response, Url};

use super::challenge::{Challenge, Realm};
use super::check_context::CheckContext;
use super::finding::{Level, Remedy, Section, how_to_sign_in};
use super::login::{self, Login};
use super::{github_app, limits, token_claims};
use crate::image::Image;

/// Timeout for one response.
const ANSWER: Duration = Duration::from_secs(15);
/// Timeout for finding out that a registry does not use TLS.
const PLAIN: Duration = Duration::from_secs(4);
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// Checks one registry with the requests and credentials that Docker would send.
pub(super) struct RegistryCheck<'a> {
    image: &'a Image,
    client: &'a Client,
    check: &'a CheckContext<'a>,
    scheme: &'static str,
}

/// The credentials of a request.
enum Authorization<'a> {
    Basic(&'a Login),
    Bearer(Secret),
}

impl<'a> RegistryCheck<'a> {
    pub(super) fn new(image: &'a Image, client: &'a Client, check: &'a CheckContext<'a>) -> Self {
        // As in Docker, a registry on this machine needs no TLS.
        let is_here = ["localhost", "127.", "[::1]"].iter().any(|here| image.host().starts_with(here));
        RegistryCheck { image, client, check, scheme: if is_here { "http" } else { "https" } }
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}/v2/{path}", self.scheme, self.image.host())
    }

    async fn ask(
        &self,
        path: &str,
        show: Option<&Authorization<'_>>,
        limit: Duration,
    ) -> Result<Response, web::RequestError> {
        let request = self.client.proxied().get(self.url(path)).header("accept", MANIFESTS);
        let request = match show {
            None => request,
            Some(Authorization::Basic(login)) => {
                request.basic_auth(login.user(), Some(login.credentials.secret.expose()))
            }
            Some(Authorization::Bearer(token)) => request.bearer_auth(token.expose()),
        };
        Response::once(request, Deadline::after(limit)).await
    }

    pub(super) async fn ask_all(mut self, section: &mut Section) {
        let host = self.image.host();
        let Some(answer) = self.reach(section).await else { return };
        limits::clock(&answer, section);
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let challenge = match answer.status {
            200 => {
                section.ok(format!("{host} requires no credentials"));
                None
            }
            401 => match Challenge::parse(header("www-authenticate")) {
                Some(challenge) => {
                    section.ok(format!("{host} requires credentials"));
                    Some(challenge)
                }
                None => {
                    let text = format!("{host} requires an authentication scheme that Docker does not support");
                    return section.broken(text, None);
                }
            },
            429 => return section.broken(limits::TOO_MANY, limits::wait()),
            status => {
                let text = format!("{host} is not a container registry: GET /v2/ returned {status}");
                return section.broken(text, Remedy::advice("check the name, and whether a proxy answered instead"));
            }
        };
        let Ok(login) = login::of(self.image, self.check, section) else { return };
        let shown = login.clone();
        match (challenge, login) {
            (None, login) => self.manifest(login.as_ref().map(Authorization::Basic).as_ref(), section).await,
            (Some(Challenge::Basic), Some(login)) => self.basic(&login, section).await,
            (Some(Challenge::Basic), None) => section.broken(
                format!("no credentials for {host}, which requires them"),
                how_to_sign_in(self.image, self.check.setup),
            ),
            (Some(Challenge::Bearer { realm, service }), login) => {
                self.bearer(&realm, &service, login.as_ref(), section).await;
            }
        }
        let is_refused = section.findings.iter().any(|finding| finding.level == Level::Broken);
        if let Some(login) = shown.filter(|_| is_refused) {
            github_app::explain(self.image, &login, self.client, self.check.setup, section).await;
        }
    }

    /// The first response, with or without TLS as for Docker; reports why there is none.
    async fn reach(&mut self, section: &mut Section) -> Option<Response> {
        let host = self.image.host();
        let is_here = self.scheme == "http";
        let error = match self.ask("", None, ANSWER).await {
            // The response of a server that expects TLS.
            Ok(answer) if is_here && answer.status == 400 => None,
            Ok(answer) => return Some(answer),
            Err(error) => Some(error),
        };
        let why = error.map(|error| error.explain(&format!("cannot reach {host}")));
        self.scheme = if is_here { "https" } else { "http" };
        let other = self.ask("", None, PLAIN).await.ok().filter(|answer| matches!(answer.status, 200 | 401));
        let is_insecure = || self.check.engine.is_insecure(host);
        match other {
            Some(answer) if is_here => return Some(answer),
            Some(answer) if is_insecure() => {
                section.note(format!("{host} does not use TLS, which insecure-registries allows"), None);
                return Some(answer);
            }
            Some(_) => section.broken(
                format!("{host} does not use TLS, which docker requires"),
                Remedy::advice(format!(
                    "give it a certificate, or run `sudo credmint daemon --insecure {host}`, then `sudo systemctl reload docker`"
                )),
            ),
            None if why.as_ref().is_some_and(|why| why.what.contains("certificate")) && is_insecure() => {
                let text = format!("the certificate of {host} is not trusted, which insecure-registries allows");
                section.note(format!("{text}; skipped further checks"), None);
            }
            None => match why {
                Some(why) => section.broken(why.what, why.hint.map(Remedy::advice)),
                None => section.broken(format!("{host} returned 400"), None),
            },
        }
        None
    }

    async fn basic(&self, login: &Login, section: &mut Section) {
        let shown = Authorization::Basic(login);
        match self.ask("", Some(&shown), ANSWER).await {
            Ok(answer) if answer.is_success() => {
                section.ok(format!("accepted the credentials of {}", login.user()));
                self.manifest(Some(&shown), section).await;
            }
            Ok(answer) => self.refused(Some(login), answer.status, section),
            Err(error) => {
                section.broken(error.explain(&format!("cannot reach {}", self.image.host())).what, None);
            }
        }
    }

    /// Exchanges the credentials for a token for the repository.
    async fn bearer(&self, realm: &str, service: &str, login: Option<&Login>, section: &mut Section) {
        let shown: String = realm.chars().filter(|c| c.is_ascii_graphic()).take(200).collect();
        let Ok(registry) = Url::parse(&self.url("")) else { return };
        if let Some(login) = login {
            match Realm::of(realm, &registry) {
                Realm::SameDomain => {}
                Realm::OtherDomain => {
                    let user = login.user();
                    return section.note(
                        format!("its token server {shown} is in another domain: the credentials of {user} were not sent there"),
                        Remedy::advice("check that it belongs to the registry: docker does send them there"),
                    );
                }
                Realm::Insecure => {
                    return section.broken(
                        format!("its token server {shown} does not use TLS"),
                        Remedy::advice("ask its operator; credmint did not send the credentials, but docker would"),
                    );
                }
            }
        }
        let scopes: &[&str] = match (&self.image.repository, login) {
            (Some(_), Some(_)) => &["pull", "pull,push"],
            (Some(_), None) => &["pull"],
            (None, _) => &[""],
        };
        for actions in scopes {
            let answer = match self.token(realm, service, actions, login).await {
                Ok(answer) => answer,
                Err(error) => {
                    let why = error.explain(&format!("cannot reach its token server {shown}"));
                    return section.broken(why.what, why.hint.map(Remedy::advice));
                }
            };
            let body = answer.json().unwrap_or_default();
            let token = ["token", "access_token"].iter().find_map(|key| body[*key].as_str());
            match token.filter(|_| answer.is_success()) {
                Some(token) => self.granted(token, actions, login, section).await,
                None if *actions == "pull,push" => {
                    section.note(format!("{} cannot push: no token", user(login)), None);
                }
                None => return self.refused(login, answer.status, section),
            }
        }
    }

    async fn granted(&self, token: &str, actions: &str, login: Option<&Login>, section: &mut Section) {
        let granted = self.image.repository.as_deref().and_then(|repository| token_claims::actions(token, repository));
        let user = user(login);
        match (actions, granted, login) {
            ("pull,push", Some(granted), _) if granted.iter().any(|action| action == "push" || action == "*") => {
                section.ok(format!("{user} can push"));
            }
            ("pull,push", Some(_), _) => section.note(format!("{user} cannot push"), None),
            ("pull,push", None, _) => {}
            (_, _, Some(login)) if token_claims::is_anonymous(token) => {
                let text =
                    format!("its token server returned an anonymous token: it ignored the credentials of {user}");
                section.broken(text, login.renew(self.image, self.check));
            }
            ("pull", Some(granted), _) if granted.is_empty() => {
                let remedy = how_to_sign_in(self.image, self.check.setup);
                section.broken(format!("{user} cannot pull, or the repository does not exist"), remedy);
            }
            (_, _, None) if self.image.repository.is_none() => section.note(
                "its token server returned an anonymous token, which gives access to public images only",
                how_to_sign_in(self.image, self.check.setup),
            ),
            _ => {
                section.ok(match login {
                    Some(_) => format!("its token server returned a token for {user}"),
                    None => "its token server returned an anonymous token".to_owned(),
                });
                self.manifest(Some(&Authorization::Bearer(Secret::new(token.to_owned()))), section).await;
            }
        }
    }

    async fn token(
        &self,
        realm: &str,
        service: &str,
        actions: &str,
        login: Option<&Login>,
    ) -> Result<Response, web::RequestError> {
        let scope = self.image.repository.as_ref().map(|name| format!("repository:{name}:{actions}"));
        let deadline = Deadline::after(ANSWER);
        let login = login.map(|login| &login.credentials);
        // An identity token is not a password: it is sent by OAuth, as Docker does.
        if let Some(login) = login.filter(|login| login.username == "<token>") {
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", "credmint"),
                ("service", service),
                ("scope", scope.as_deref().unwrap_or_default()),
                ("refresh_token", login.secret.expose()),
            ];
            return Response::once(self.client.proxied().post(realm).form(&fields), deadline).await;
        }
        let mut query = vec![("service", service.to_owned())];
        query.extend(scope.map(|scope| ("scope", scope)));
        let mut request = self.client.proxied().get(realm).query(&query);
        if let Some(login) = login {
            request = request.basic_auth(&login.username, Some(login.secret.expose()));
        }
        Response::once(request, deadline).await
    }

    /// Requests the manifest of the image.
    async fn manifest(&self, show: Option<&Authorization<'_>>, section: &mut Section) {
        let Some(name) = &self.image.repository else { return };
        let tag = self.image.digest.as_deref().or(self.image.tag.as_deref()).unwrap_or("latest");
        let answer = match self.ask(&format!("{name}/manifests/{tag}"), show, ANSWER).await {
            Ok(answer) => answer,
            Err(error) => return section.broken(error.explain("cannot query the image").what, None),
        };
        match answer.status {
            200 => section.ok(format!("{name}:{tag} can be pulled")),
            404 => section.broken(
                format!("{name} has no tag {tag}"),
                Remedy::run(format!("credmint guide --topic list {}/{name}", self.image.registry)),
            ),
            401 | 403 => section.broken(
                format!("cannot pull {name}: access denied, or it does not exist"),
                how_to_sign_in(self.image, self.check.setup),
            ),
            429 => section.broken(limits::TOO_MANY, limits::wait()),
            status => section.broken(format!("cannot pull {name}:{tag}: the registry returned {status}"), None),
        }
        limits::pulls(&answer, section);
    }

    fn refused(&self, login: Option<&Login>, status: u16, section: &mut Section) {
        let remedy = match login {
            Some(login) => login.renew(self.image, self.check),
            None => how_to_sign_in(self.image, self.check.setup),
        };
        let host = self.image.host();
        section.broken(
            match login {
                Some(login) => format!("{host} rejected the credentials of {} (HTTP {status})", login.user()),
                None => format!("{host} rejected an anonymous request (HTTP {status})"),
            },
            remedy,
        );
    }
}

fn user(login: Option<&Login>) -> &str {
    login.map_or("an anonymous user", Login::user)
}
