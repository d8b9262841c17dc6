use std::time::SystemTime;

use broker::{MintError, Minted};
use protocol::{Deadline, Secret};
use serde_json::{Map, Value, json};
use settings::{Access, Environment, Narrowing};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use web::{Client, Response};
use zeroize::Zeroizing;

use crate::app::{App, Installation, is_account_name};
use crate::rejection::of_github;
use crate::token::USERNAME;
use crate::{error, principal};

/// How many installations are fetched: one is enough to know the only one, a few more to name them.
const NAMED: usize = 5;

/// The token of an App's installation.
pub(crate) fn token(app: &App, environment: &Environment, deadline: Deadline) -> Result<Minted, MintError> {
    let client = Client::new(environment).map_err(MintError::from)?;
    let assertion = app.key.assertion(&app.id, SystemTime::now()).ok_or_else(error::no_randomness)?;
    let api = Api { app, client, assertion, deadline };
    web::run(api.token()).map_err(MintError::from)?
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
        let id = match &self.app.installation {
            Installation::Id(id) => id.clone(),
            Installation::Account(account) => {
                self.of(account).await?.ok_or_else(|| error::not_installed_for(self.app, account))?
            }
            Installation::Owner(None) => self.only().await?,
            Installation::Owner(Some(owner)) => match self.of(owner).await? {
                Some(id) => id,
                // What others have made public can be pulled with any token.
                None => self.only().await?,
            },
        };
        log::debug!("the identity comes from installation {id} of the GitHub App {}", self.app.id);
        let path = format!("/app/installations/{id}/access_tokens");
        let response = self.send(Verb::Post(self.wanted()), &path).await?;
        if !response.is_success() {
            return Err(of_github(self.app, Some(&id), &response));
        }
        self.minted(&response).ok_or_else(|| self.malformed())?
    }

    /// The rights that the token is to have; `None` for all that the installation has.
    /// <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>
    fn wanted(&self) -> Option<Value> {
        let Narrowing { access, repositories, .. } = &self.app.narrowing;
        let mut wanted = Map::new();
        if let Some(access) = access {
            let level = if *access == Access::Push { "write" } else { "read" };
            wanted.insert("permissions".to_owned(), json!({ "packages": level }));
        }
        if !repositories.is_empty() {
            wanted.insert("repositories".to_owned(), json!(repositories));
        }
        (!wanted.is_empty()).then(|| wanted.into())
    }

    /// The installation of a user or an organisation, which have addresses of their own.
    async fn of(&self, account: &str) -> Result<Option<String>, MintError> {
        for kind in ["orgs", "users"] {
            let response = self.send(Verb::Get, &format!("/{kind}/{account}/installation")).await?;
            match response.status {
                200 => return self.installation(response.json().as_ref()).map(Some),
                404 => {}
                _ => return Err(of_github(self.app, None, &response)),
            }
        }
        Ok(None)
    }

    async fn only(&self) -> Result<String, MintError> {
        let response = self.send(Verb::Get, &format!("/app/installations?per_page={NAMED}")).await?;
        if !response.is_success() {
            return Err(of_github(self.app, None, &response));
        }
        let Some(Value::Array(installations)) = response.json() else { return Err(self.malformed()) };
        match &installations[..] {
            [] => Err(error::not_installed(self.app)),
            [only] => self.installation(Some(only)),
            several => {
                let names = several
                    .iter()
                    .filter_map(|one| one["account"]["login"].as_str())
                    .filter(|name| is_account_name(name));
                Err(error::several_installations(self.app, &names.collect::<Vec<_>>(), several.len() == NAMED))
            }
        }
    }

    /// The id of an installation that is not suspended.
    fn installation(&self, installation: Option<&Value>) -> Result<String, MintError> {
        let installation = installation.ok_or_else(|| self.malformed())?;
        let id = installation["id"].as_u64().ok_or_else(|| self.malformed())?;
        if !installation["suspended_at"].is_null() {
            return Err(error::suspended(self.app));
        }
        Ok(id.to_string())
    }

    fn minted(&self, response: &Response) -> Option<Result<Minted, MintError>> {
        let Value::Object(mut response) = response.json()? else { return None };
        let Value::String(token) = response.remove("token")? else { return None };
        let secret = Secret::new(token);
        let expires = OffsetDateTime::parse(response.get("expires_at")?.as_str()?, &Rfc3339).ok()?;
        if response.get("permissions").is_some_and(|permissions| permissions.get("packages").is_none()) {
            return Some(Err(error::no_permission(self.app)));
        }
        let expires = SystemTime::from(expires);
        if expires <= SystemTime::now() {
            return Some(Err(principal::app(self.app).expired_token()));
        }
        Some(Ok(Minted::new(USERNAME, secret, expires)))
    }

    fn malformed(&self) -> MintError {
        principal::app(self.app).malformed_response(&self.app.github.host)
    }

    async fn send(&self, verb: Verb, path: &str) -> Result<Response, MintError> {
        let (client, address) = (self.client.proxied(), self.app.github.api() + path);
        let request = match verb {
            Verb::Get => client.get(address),
            Verb::Post(None) => client.post(address),
            Verb::Post(Some(body)) => client.post(address).json(&body),
        };
        let request = request
            .bearer_auth(self.assertion.as_str())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        let response = Response::to(request, self.deadline).await;
        response.map_err(|error| {
            let message = error.explain(&format!("cannot reach {}", self.app.github));
            principal::app(self.app).no_token_because(message)
        })
    }
}

enum Verb {
    Get,
    /// With this in it.
    Post(Option<Value>),
}
