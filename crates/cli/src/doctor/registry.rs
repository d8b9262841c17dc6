use std::time::{Duration, SystemTime};

use dockerconfig::{Client as Reads, Source};
use protocol::{Client as Helper, Credentials, Deadline, Secret};
use web::{Answer, Client};

use super::challenge::Challenge;
use super::report::Report;
use super::{Configs, grant, sources};
use crate::context::Context;
use crate::helpers::file_name;
use crate::image::Image;
use crate::printer::Tone;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// Signatures of AWS are refused after five minutes; tokens end a little early or late before that.
const SKEW: Duration = Duration::from_secs(60);
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// Asks the registry itself, as Docker would, with what Docker would show.
pub(super) fn look(image: &Image, configs: &Configs, context: &Context<'_>, report: &mut Report<'_>) {
    report.about(&format!("The registry {}", image.registry));
    let visit = Client::new(&context.setup.environment)
        .and_then(|client| web::run(Visit { image, client: &client }.pay(configs, context, report)));
    if let Err(error) = visit {
        report.broken(error.what, error.hint);
    }
}

struct Visit<'a> {
    image: &'a Image,
    client: &'a Client,
}

impl Visit<'_> {
    /// Docker Hub's registry is at another name than its images.
    fn host(&self) -> &str {
        if self.image.is_docker_hub() { "registry-1.docker.io" } else { &self.image.registry }
    }

    fn url(&self, path: &str) -> String {
        let host = self.host();
        // As Docker does: what is on this machine needs no TLS.
        let is_here = ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here));
        format!("{}://{host}/v2/{path}", if is_here { "http" } else { "https" })
    }

    fn request(&self, path: &str, show: Option<&Shown>) -> web::RequestBuilder {
        let request = self.client.proxied().get(self.url(path)).header("accept", MANIFESTS);
        match show {
            None => request,
            Some(Shown::Basic(login)) => request.basic_auth(&login.username, Some(login.secret.expose())),
            Some(Shown::Bearer(token)) => request.bearer_auth(token.expose()),
        }
    }

    async fn ask(&self, path: &str, show: Option<&Shown>) -> Result<Answer, web::Trouble> {
        Answer::once(self.request(path, show), Deadline::after(ANSWER)).await
    }

    async fn pay(&self, configs: &Configs, context: &Context<'_>, report: &mut Report<'_>) {
        let host = self.host();
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            if context.setup.environment.raw(name).is_some() {
                report.note(format!("{name} is set: requests of this command go through a proxy"), None);
                break;
            }
        }
        let answer = match self.ask("", None).await {
            Ok(answer) => answer,
            Err(trouble) => {
                let why = trouble.explain(&format!("{host} cannot be asked"));
                return report.broken(why.what, why.hint);
            }
        };
        clock(&answer, report);
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let challenge = match answer.status {
            200 => {
                report.fine(format!("{host} answers, and lets everyone in"));
                None
            }
            401 => match Challenge::parse(header("www-authenticate")) {
                Some(challenge) => {
                    report.fine(format!("{host} answers, and asks for credentials"));
                    Some(challenge)
                }
                None => {
                    return report
                        .broken(format!("{host} asks for credentials in a way that Docker does not know"), None);
                }
            },
            status => {
                let text = format!("{host} is no registry: it answers {status} to GET /v2/");
                return report.broken(text, "check the name, and whether a proxy answers for it".to_owned());
            }
        };
        let Ok(login) = login(self.image, configs, context, report) else { return };
        match (challenge, login) {
            (None, login) => self.manifest(login.map(Shown::Basic).as_ref(), report).await,
            (Some(Challenge::Basic), Some(login)) => self.basic(login, report).await,
            (Some(Challenge::Basic), None) => report.broken(
                format!("there are no credentials for {host}, and it wants some"),
                super::how_to_sign_in(self.image),
            ),
            (Some(Challenge::Bearer { realm, service }), login) => self.bearer(&realm, &service, login, report).await,
        }
    }

    async fn basic(&self, login: Credentials, report: &mut Report<'_>) {
        let user = login.username.clone();
        let shown = Shown::Basic(login);
        match self.ask("", Some(&shown)).await {
            Ok(answer) if answer.is_success() => {
                report.fine(format!("it takes the credentials of {user}"));
                self.manifest(Some(&shown), report).await;
            }
            Ok(answer) => self.refused(&user, answer.status, report),
            Err(trouble) => report.broken(trouble.explain(&format!("{} cannot be asked", self.host())).what, None),
        }
    }

    /// Trades the credentials for a token of the repository.
    async fn bearer(&self, realm: &str, service: &str, login: Option<Credentials>, report: &mut Report<'_>) {
        let shown: String = realm.chars().filter(|c| c.is_ascii_graphic()).take(200).collect();
        if !Challenge::is_trusted(realm, self.host()) {
            return report.broken(
                format!("it wants the credentials sent to {shown}, which is not of its domain or not over TLS"),
                "ask its operator; they were not sent now, but Docker would send them".to_owned(),
            );
        }
        let user = login.as_ref().map_or_else(|| "nobody".to_owned(), |login| login.username.clone());
        let scopes: &[&str] = if self.image.repository.is_some() { &["pull", "pull,push"] } else { &[""] };
        for actions in scopes {
            let answer = match self.token(realm, service, actions, login.as_ref()).await {
                Ok(answer) => answer,
                Err(trouble) => {
                    let why = trouble.explain(&format!("its token server at {shown} cannot be asked"));
                    return report.broken(why.what, why.hint);
                }
            };
            let body = answer.json().unwrap_or_default();
            let token = ["token", "access_token"].iter().find_map(|key| body[*key].as_str());
            let Some(token) = token.filter(|_| answer.is_success()) else {
                if *actions == "pull,push" {
                    return report.note(format!("{user} gets no token to push"), None);
                }
                return self.refused(&user, answer.status, report);
            };
            let granted = self.image.repository.as_deref().and_then(|repository| grant::actions(token, repository));
            match (*actions, granted) {
                ("pull,push", Some(granted)) if granted.iter().any(|action| action == "push" || action == "*") => {
                    report.fine(format!("{user} may push"));
                }
                ("pull,push", Some(_)) => report.note(format!("{user} may not push"), None),
                ("pull,push", None) => {}
                ("pull", Some(granted)) if granted.is_empty() => {
                    report.broken(format!("{user} may not pull, or the repository is not there"), None);
                }
                _ => {
                    report.fine(format!("its token server gives {user} a token"));
                    self.manifest(Some(&Shown::Bearer(Secret::new(token.to_owned()))), report).await;
                }
            }
        }
    }

    async fn token(
        &self,
        realm: &str,
        service: &str,
        actions: &str,
        login: Option<&Credentials>,
    ) -> Result<Answer, web::Trouble> {
        let scope = self.image.repository.as_ref().map(|name| format!("repository:{name}:{actions}"));
        let deadline = Deadline::after(ANSWER);
        // An identity token is no password: it goes in by OAuth, as Docker does it.
        if let Some(login) = login.filter(|login| login.username == "<token>") {
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", "credmint"),
                ("service", service),
                ("scope", scope.as_deref().unwrap_or_default()),
                ("refresh_token", login.secret.expose()),
            ];
            return Answer::once(self.client.proxied().post(realm).form(&fields), deadline).await;
        }
        let mut query = vec![("service", service.to_owned())];
        query.extend(scope.map(|scope| ("scope", scope)));
        let mut request = self.client.proxied().get(realm).query(&query);
        if let Some(login) = login {
            request = request.basic_auth(&login.username, Some(login.secret.expose()));
        }
        Answer::once(request, deadline).await
    }

    /// Looks for the image itself.
    async fn manifest(&self, show: Option<&Shown>, report: &mut Report<'_>) {
        let Some(name) = &self.image.repository else { return };
        let tag = self.image.digest.as_deref().or(self.image.tag.as_deref()).unwrap_or("latest");
        match self.ask(&format!("{name}/manifests/{tag}"), show).await {
            Ok(answer) => {
                match answer.status {
                    200 => report.fine(format!("{name}:{tag} can be pulled")),
                    404 => report.broken(
                        format!("{name} has no {tag}"),
                        format!("credmint guide {}/{name} lists tags", self.image.registry),
                    ),
                    401 | 403 => report.broken(
                        format!("with these credentials {name} may not be pulled, or it is not there"),
                        super::how_to_sign_in(self.image),
                    ),
                    429 => report.broken(
                        "it has had too many requests from here",
                        "wait, or sign in for a higher limit".to_owned(),
                    ),
                    status => report.broken(format!("{name}:{tag} cannot be pulled: it answers {status}"), None),
                }
                limit(&answer, report);
            }
            Err(trouble) => report.broken(trouble.explain("the image cannot be asked for").what, None),
        }
    }

    fn refused(&self, user: &str, status: u16, report: &mut Report<'_>) {
        report.broken(
            format!("{} refuses the credentials of {user}, with {status}", self.host()),
            format!("credmint logout {} and sign in anew; {}", self.image.registry, super::how_to_sign_in(self.image)),
        );
    }
}

/// What is shown to a registry.
enum Shown {
    Basic(Credentials),
    Bearer(Secret),
}

/// What Docker would show; `Err` where its helper fails.
fn login(
    image: &Image,
    configs: &Configs,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Result<Option<Credentials>, ()> {
    let source = sources::of(Reads::Docker, image, configs).and_then(|winner| winner.source);
    match source {
        Some(Source::Helper { helper, asked, .. }) => {
            let Some(program) = context.helpers.on_path(&helper) else { return Err(()) };
            let limit = context.setup.settings.timeout + Duration::from_secs(5);
            match Helper::new(program, limit).get(&asked) {
                Ok(Some(login)) => {
                    report.fine(format!("{} gives the credentials of {}", file_name(&helper), login.username));
                    Ok(Some(login))
                }
                Ok(None) => {
                    report.note(format!("{} has no credentials for it", file_name(&helper)), None);
                    Ok(None)
                }
                Err(error) => {
                    report.broken(format!("{}: {error}", file_name(&helper)), None);
                    Err(())
                }
            }
        }
        Some(Source::Entry { key, .. }) => {
            let document = configs.docker.as_ref().map(|(_, document)| document);
            let auth = document.and_then(|document| document.auths().into_iter().find(|auth| auth.server == key));
            Ok(auth.and_then(|auth| auth.login()))
        }
        Some(Source::Variable { .. }) => {
            report.note("what DOCKER_AUTH_CONFIG holds is not tried out", None);
            Err(())
        }
        None => Ok(None),
    }
}

/// Tokens begin and end by the clock.
fn clock(answer: &Answer, report: &mut Report<'_>) {
    let date = answer.headers.get("date").and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let Some(theirs) = date else { return };
    let now = SystemTime::now();
    let (skew, word) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if skew > SKEW {
        let skew = humantime::format_duration(Duration::from_secs(skew.as_secs()));
        report.broken(
            format!("this machine's clock is {} {word}", Tone::Strong.of(skew)),
            "set it by the network: timedatectl set-ntp true".to_owned(),
        );
    }
}

/// <https://docs.docker.com/docker-hub/usage/pulls/>
fn limit(answer: &Answer, report: &mut Report<'_>) {
    let count = |name: &str| {
        let text = answer.headers.get(name)?.to_str().ok()?;
        text.split(';').next()?.trim().parse::<u64>().ok()
    };
    if let (Some(limit), Some(left)) = (count("ratelimit-limit"), count("ratelimit-remaining")) {
        let text = format!("{left} of {limit} pulls are left in this window");
        if left * 10 < limit { report.note(text, "sign in for a higher limit".to_owned()) } else { report.fine(text) }
    }
}
