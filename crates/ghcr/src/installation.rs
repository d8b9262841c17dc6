use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::{Deadline, Secret};
use serde_json::Value;
use settings::Environment;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use web::{Answer, Client};
use zeroize::Zeroizing;

use crate::app::{App, Wanted, is_login};
use crate::failure;
use crate::refusal::refused;
use crate::token::ANYBODY;

/// How many installations are fetched: one is enough to know the only one, a few more to name them.
const NAMED: usize = 5;

/// The token of an App's installation.
pub(crate) fn token(app: &App, environment: &Environment, deadline: Deadline) -> Result<Minted, MintError> {
    let client = Client::new(environment).map_err(MintError::Failed)?;
    let assertion = app.key.assertion(&app.id, SystemTime::now()).ok_or_else(failure::no_signature)?;
    let api = Api { app, client, assertion, deadline };
    web::run(api.token()).map_err(MintError::Failed)?
}

/// GitHub's API, as an App: <https://docs.github.com/rest/apps/apps>.
struct Api<'a> {
    app: &'a App,
    client: Client,
    assertion: Zeroizing<String>,
    deadline: Deadline,
}

impl Api<'_> {
    async fn token(&self) -> Result<Minted, MintError> {
        let id = match &self.app.wanted {
            Wanted::Id(id) => id.clone(),
            Wanted::Account(account) => {
                self.of(account).await?.ok_or_else(|| failure::not_installed_for(self.app, account))?
            }
            Wanted::Owner(None) => self.only().await?,
            Wanted::Owner(Some(owner)) => match self.of(owner).await? {
                Some(id) => id,
                // What others have made public can be pulled with any token.
                None => self.only().await?,
            },
        };
        log::debug!("the identity comes from installation {id} of the GitHub App {}", self.app.id);
        let path = format!("/app/installations/{id}/access_tokens");
        let answer = self.ask(Verb::Post, &path).await?;
        if !answer.is_success() {
            return Err(refused(self.app, Some(&id), &answer));
        }
        self.minted(&answer).ok_or_else(|| failure::nonsense(self.app))?
    }

    /// The installation of a user or an organisation, which have addresses of their own.
    async fn of(&self, account: &str) -> Result<Option<String>, MintError> {
        for kind in ["orgs", "users"] {
            let answer = self.ask(Verb::Get, &format!("/{kind}/{account}/installation")).await?;
            match answer.status {
                200 => return self.installation(answer.json().as_ref()).map(Some),
                404 => {}
                _ => return Err(refused(self.app, None, &answer)),
            }
        }
        Ok(None)
    }

    async fn only(&self) -> Result<String, MintError> {
        let answer = self.ask(Verb::Get, &format!("/app/installations?per_page={NAMED}")).await?;
        if !answer.is_success() {
            return Err(refused(self.app, None, &answer));
        }
        let Some(Value::Array(installations)) = answer.json() else { return Err(failure::nonsense(self.app)) };
        match &installations[..] {
            [] => Err(failure::nowhere_installed(self.app)),
            [only] => self.installation(Some(only)),
            several => {
                let names =
                    several.iter().filter_map(|one| one["account"]["login"].as_str()).filter(|name| is_login(name));
                Err(failure::several_installations(self.app, &names.collect::<Vec<_>>(), several.len() == NAMED))
            }
        }
    }

    /// The id of an installation that is not suspended.
    fn installation(&self, installation: Option<&Value>) -> Result<String, MintError> {
        let installation = installation.ok_or_else(|| failure::nonsense(self.app))?;
        let id = installation["id"].as_u64().ok_or_else(|| failure::nonsense(self.app))?;
        if !installation["suspended_at"].is_null() {
            return Err(failure::suspended(self.app));
        }
        Ok(id.to_string())
    }

    fn minted(&self, answer: &Answer) -> Option<Result<Minted, MintError>> {
        let Value::Object(mut answer) = answer.json()? else { return None };
        let Value::String(token) = answer.remove("token")? else { return None };
        let secret = Secret::new(token);
        let expires = OffsetDateTime::parse(answer.get("expires_at")?.as_str()?, &Rfc3339).ok()?;
        if answer.get("permissions").is_some_and(|permissions| permissions.get("packages").is_none()) {
            log::warn!("the GitHub App {} has no permission for packages: only public ones can be pulled", self.app.id);
        }
        let expires = SystemTime::from(expires);
        if expires <= SystemTime::now() {
            return Some(Err(failure::ended(self.app)));
        }
        Some(Ok(Minted { username: ANYBODY.into(), secret, expires }))
    }

    async fn ask(&self, verb: Verb, path: &str) -> Result<Answer, MintError> {
        let (client, address) = (self.client.proxied(), self.app.github.api() + path);
        let request = match verb {
            Verb::Get => client.get(address),
            Verb::Post => client.post(address),
        };
        let request = request
            .bearer_auth(self.assertion.as_str())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        let answer = Answer::to(request, self.deadline).await;
        answer.map_err(|trouble| MintError::Failed(trouble.explain(&failure::unreachable(self.app))))
    }
}

enum Verb {
    Get,
    Post,
}
