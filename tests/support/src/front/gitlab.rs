//! GitLab's own API for projects and their registries:
//! <https://docs.gitlab.com/api/container_registry/>.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use super::{expiration, header, read};
use crate::catalog::Catalog;
use crate::path::{field, parts};
use crate::reply::{Body, HangUp, json, reply};

pub(super) const HOST: &str = "gitlab.com";
/// What a clean-up policy may say. <https://docs.gitlab.com/api/projects/#edit-a-project>
const POLICY: [(&str, &[&str]); 3] = [
    ("cadence", &["1d", "7d", "14d", "1month", "3month"]),
    ("older_than", &["7d", "14d", "30d", "60d", "90d"]),
    ("keep_n", &["1", "5", "10", "25", "50", "100"]),
];

/// The settings of projects, and the registry of their images.
#[derive(Debug, Default)]
pub struct GitLab {
    settings: Mutex<Vec<String>>,
    catalog: OnceLock<Arc<Catalog>>,
}

impl GitLab {
    /// Cleans up in this registry from from now on.
    pub fn show(&self, catalog: Arc<Catalog>) {
        // A second registry would belong to another GitLab.
        let _ = self.catalog.set(catalog);
    }

    /// `variable KEY=VALUE` and `policy PROJECT JSON`, the oldest first.
    pub(crate) fn settings(&self) -> Vec<String> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, what: String) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Carries out every project's policy, and collects what no tag leads to any more. What was deleted, as
    /// `NAME:TAG` and `NAME@DIGEST`.
    pub(crate) async fn clean_up(&self) -> Vec<String> {
        let Some(catalog) = self.catalog.get() else { return Vec::new() };
        let settings = self.settings();
        let policies = settings.iter().filter_map(|setting| setting.strip_prefix("policy ")?.split_once(' '));
        // The last one that a project was given counts.
        let policies: BTreeMap<_, _> = policies.collect();
        let mut gone = Vec::new();
        for (project, policy) in policies {
            let policy = serde_json::from_str(policy).expect("it was written as JSON");
            for name in catalog.names().into_iter().filter(|name| name.starts_with(project)) {
                gone.extend(expiration::clean_up(catalog, &name, &policy).await);
            }
        }
        gone
    }
}

/// Projects are those whose registry something was pushed to: the first two parts of a name.
pub(super) async fn answer(
    catalog: &Catalog,
    gitlab: &GitLab,
    token: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, HangUp> {
    let given =
        header(&request, "private-token").or_else(|| header(&request, "authorization")?.strip_prefix("Bearer "));
    let is_known = given == Some(token);
    let (head, body) = read(request).await?;
    if !is_known {
        return Ok(json(401, &json!({"message": "401 Unauthorized"})));
    }
    let given: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = parts(head.uri.path());
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let ["api", "v4", "projects", project, asked @ ..] = &path[..] else { return Ok(absent()) };
    let names: Vec<_> = catalog.names().into_iter().filter(|name| name.starts_with(project)).collect();
    Ok(match (&head.method, asked) {
        (&Method::GET, []) => json(200, &told(project)),
        (&Method::PUT, []) => {
            let policy = &given["container_expiration_policy_attributes"];
            let word = |key: &str| policy[key].to_string().trim_matches('"').to_owned();
            if let Some((key, _)) = POLICY.iter().find(|(key, may)| !may.contains(&word(key).as_str())) {
                return Ok(json(400, &json!({"error": format!("{key} does not have a valid value")})));
            }
            if let Some(why) = expiration::refusal(policy) {
                return Ok(json(400, &json!({"message": why})));
            }
            gitlab.set(format!("policy {project} {policy}"));
            json(200, &told(project))
        }
        (&Method::POST, ["variables"]) => {
            let (key, value) = (given["key"].as_str().unwrap_or_default(), given["value"].as_str().unwrap_or_default());
            if given["masked"] == true && value.len() < 8 {
                return Ok(json(400, &json!({"message": {"value": ["is invalid"]}})));
            }
            gitlab.set(format!("variable {key}={value}"));
            json(201, &json!({"key": key, "value": value}))
        }
        (&Method::GET, ["registry", "repositories"]) => {
            let with_tags = field(head.uri.query(), "tags").as_deref() == Some("true");
            let repositories = names.iter().enumerate().map(|(number, name)| {
                let location = format!("registry.gitlab.com/{name}");
                let mut one = json!({"id": number + 1, "path": name, "location": location});
                if with_tags {
                    let found = catalog.repository(name).unwrap_or_default();
                    let tags =
                        found.tags().map(|(tag, ..)| json!({"name": tag, "location": format!("{location}:{tag}")}));
                    one["tags"] = tags.collect();
                }
                one
            });
            json(200, &repositories.collect())
        }
        (&Method::DELETE, ["registry", "repositories", id, "tags", tag]) => {
            let name = id.parse::<usize>().ok().and_then(|id| names.get(id.checked_sub(1)?));
            match name {
                Some(name) if catalog.delete(name, tag).await => reply(200, "application/json", "200"),
                _ => absent(),
            }
        }
        _ => absent(),
    })
}

fn told(project: &str) -> Value {
    json!({
        "id": 1,
        "name": project.rsplit('/').next(),
        "path_with_namespace": project,
        "container_registry_image_prefix": format!("registry.gitlab.com/{project}"),
        "web_url": format!("https://gitlab.com/{project}"),
        "default_branch": "main",
    })
}

fn absent() -> Response<Body> {
    json(404, &json!({"message": "404 Not Found"}))
}
