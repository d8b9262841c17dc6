//! Artifact Registry: <https://cloud.google.com/artifact-registry/docs/reference/rest>.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use super::cleanup;
use crate::behaviour::Refusal;
use crate::catalog::{Catalog, Repository, Version};
use crate::moment::rfc3339;
use crate::path::{field, parts};
use crate::reply::{Body, json};

/// The only location.
const LOCATION: &str = "europe";

/// The repositories, by `PROJECT/LOCATION/NAME`, and their registry.
#[derive(Default)]
pub(super) struct Artifacts {
    repositories: Mutex<BTreeMap<String, Value>>,
    pub(super) catalog: OnceLock<Arc<Catalog>>,
}

impl Artifacts {
    fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        // A handler that panicked has failed its test; what is stored is still consistent.
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the policies of the repositories, as a background job does once a day. Returns what
    /// was deleted, as `NAME@DIGEST`.
    pub(super) async fn clean_up(&self) -> Vec<String> {
        let Some(catalog) = self.catalog.get() else { return Vec::new() };
        let with_policies: Vec<_> = self.repositories().iter().map(|(at, it)| (at.clone(), it.clone())).collect();
        let mut gone = Vec::new();
        for (at, repository) in with_policies {
            let parts: Vec<_> = at.split('/').collect();
            let [project, _, name] = parts[..] else { continue };
            if repository["cleanupPolicyDryRun"] == true {
                continue;
            }
            let policies: Vec<_> =
                repository["cleanupPolicies"].as_object().into_iter().flat_map(|all| all.values()).collect();
            let below = format!("{project}/{name}/");
            for image in catalog.names().into_iter().filter(|image| image.starts_with(&below)) {
                // An index first: its platforms are kept as long as it exists.
                while let Some(found) = catalog.repository(&image) {
                    let doomed = cleanup::doomed(&found, &policies, catalog.now());
                    let Some(digest) = doomed.into_iter().find(|digest| !found.has_parent(digest)) else { break };
                    catalog.delete(&image, &digest).await;
                    gone.push(format!("{image}@{digest}"));
                }
            }
        }
        gone
    }

    pub(super) async fn answer(&self, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let given: Value = serde_json::from_slice(body).unwrap_or_default();
        let parts = parts(head.uri.path());
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        if let [_version, "projects", project, "locations"] = &parts[..] {
            let name = format!("projects/{project}/locations/{LOCATION}");
            return Ok(json(200, &json!({"locations": [{"name": name, "locationId": LOCATION}]})));
        }
        let [_version, "projects", project, "locations", location, asked @ ..] = &parts[..] else {
            return Err(absent());
        };
        let name_of = |name: &str| format!("projects/{project}/locations/{location}/repositories/{name}");
        match (&head.method, asked) {
            (&Method::GET, []) => Ok(json(
                200,
                &json!({"name": format!("projects/{project}/locations/{location}"), "locationId": location}),
            )),
            (&Method::GET, ["operations", "1"]) => {
                Ok(done(project, location, &json!({"@type": "type.googleapis.com/google.protobuf.Empty"})))
            }
            (&Method::GET, ["repositories"]) => {
                let below = format!("{project}/{location}/");
                let all = self.repositories();
                let found: Vec<_> = all.iter().filter(|(at, _)| at.starts_with(&below)).map(|(_, it)| it).collect();
                Ok(json(200, &json!({"repositories": found})))
            }
            (&Method::POST, ["repositories"]) => {
                let id = field(head.uri.query(), "repositoryId").ok_or_else(|| invalid("no repositoryId"))?;
                let mut repository = given;
                if repository["format"] != "DOCKER" {
                    return Err(invalid("the pretend Artifact Registry keeps images alone"));
                }
                repository["name"] = name_of(&id).into();
                let at = format!("{project}/{location}/{id}");
                if self.repositories().insert(at, repository.clone()).is_some() {
                    return Err(Refusal::new(409, "ALREADY_EXISTS", "the repository already exists"));
                }
                let kind = "type.googleapis.com/google.devtools.artifactregistry.v1.Repository";
                repository["@type"] = kind.into();
                Ok(done(project, location, &repository))
            }
            (_, ["repositories", name, rest @ ..]) => {
                let (name, verb) = name.split_once(':').unwrap_or((name, ""));
                let at = format!("{project}/{location}/{name}");
                let known = self.repositories().get(&at).cloned().ok_or_else(absent)?;
                match (&head.method, rest, verb) {
                    (&Method::GET, [], "") => Ok(json(200, &known)),
                    (&Method::PATCH, [], "") => {
                        let mask = field(head.uri.query(), "updateMask").unwrap_or_default();
                        let mut changed = known;
                        for key in mask.split(',') {
                            let key = key
                                .replace("cleanup_policies", "cleanupPolicies")
                                .replace("cleanup_policy_dry_run", "cleanupPolicyDryRun");
                            changed[&key] = given[&key].clone();
                        }
                        cleanup::check(&changed["cleanupPolicies"]).map_err(|why| invalid(&why))?;
                        self.repositories().insert(at, changed.clone());
                        Ok(json(200, &changed))
                    }
                    (_, [], "getIamPolicy") => {
                        Ok(json(200, known.get("policy").unwrap_or(&json!({"etag": "BwWWja0YfJA="}))))
                    }
                    (&Method::POST, [], "setIamPolicy") => {
                        let mut changed = known;
                        changed["policy"] = given["policy"].clone();
                        self.repositories().insert(at, changed);
                        Ok(json(200, &given["policy"]))
                    }
                    (_, ["packages", asked @ ..], "") => self.packages(head, [project, location, name], asked).await,
                    _ => Err(absent()),
                }
            }
            _ => Err(absent()),
        }
    }

    async fn packages(&self, head: &Parts, at: [&str; 3], asked: &[&str]) -> Result<Response<Body>, Refusal> {
        let catalog = self.catalog.get().ok_or_else(absent)?;
        let [project, location, name] = at;
        let below = format!("{project}/{name}/");
        let path = format!("projects/{project}/locations/{location}/repositories/{name}/packages");
        if asked.is_empty() {
            let names = catalog.names();
            let names = names.iter().filter_map(|image| image.strip_prefix(&below));
            let found: Vec<_> =
                names.map(|image| json!({"name": format!("{path}/{}", image.replace('/', "%2F"))})).collect();
            return Ok(json(200, &json!({"packages": found})));
        }
        let image = format!("{below}{}", asked[0]);
        let found = catalog.repository(&image).ok_or_else(absent)?;
        let path = format!("{path}/{}", asked[0].replace('/', "%2F"));
        let version = |one: &Version| told(&path, &found, one);
        match (&head.method, &asked[1..]) {
            (&Method::GET, []) => Ok(json(200, &json!({"name": path}))),
            (&Method::GET, ["versions"]) => {
                let mut all: Vec<_> = found.versions().map(version).collect();
                if !field(head.uri.query(), "orderBy").is_some_and(|order| order.contains("desc")) {
                    all.reverse();
                }
                Ok(json(200, &json!({"versions": all})))
            }
            (&Method::GET, ["versions", digest]) => {
                found.version(digest).map(|one| json(200, &version(one))).ok_or_else(absent)
            }
            (&Method::DELETE, ["versions", digest]) => {
                found.version(digest).ok_or_else(absent)?;
                let force = field(head.uri.query(), "force").as_deref() == Some("true");
                if !force && !found.tags_of(digest).is_empty() {
                    return Err(Refusal::new(400, "FAILED_PRECONDITION", "the version is tagged"));
                }
                if found.has_parent(digest) {
                    let why = "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE: Manifest is still referenced by one or more parent images";
                    return Err(Refusal::new(400, "FAILED_PRECONDITION", why));
                }
                catalog.delete(&image, digest).await;
                Ok(done(project, location, &json!({"@type": "type.googleapis.com/google.protobuf.Empty"})))
            }
            (&Method::GET, ["tags"]) => {
                let wanted = field(head.uri.query(), "filter").unwrap_or_default();
                let wanted = wanted.split('"').nth(1).and_then(|version| version.rsplit('/').next());
                let tags = found.tags().filter(|(_, digest, _)| wanted.is_none_or(|wanted| wanted == *digest));
                let tags: Vec<_> = tags.map(|(tag, digest, _)| tag_of(&path, tag, digest)).collect();
                Ok(json(200, &json!({"tags": tags})))
            }
            (&Method::GET, ["tags", tag]) => {
                let (_, digest, _) = found.tags().find(|(one, ..)| one == tag).ok_or_else(absent)?;
                Ok(json(200, &tag_of(&path, tag, digest)))
            }
            (&Method::DELETE, ["tags", tag]) => {
                if catalog.delete(&image, tag).await {
                    Ok(json(200, &json!({})))
                } else {
                    Err(absent())
                }
            }
            _ => Err(absent()),
        }
    }
}

fn told(path: &str, repository: &Repository, version: &Version) -> Value {
    let tags = repository.tags_of(&version.digest);
    let tags: Vec<_> = tags.iter().map(|tag| tag_of(path, tag, &version.digest)).collect();
    json!({
        "name": format!("{path}/versions/{}", version.digest),
        "createTime": rfc3339(version.pushed),
        "updateTime": rfc3339(version.pushed),
        "relatedTags": tags,
        "metadata": {"imageSizeBytes": version.size.to_string(), "mediaType": version.media_type},
    })
}

fn tag_of(path: &str, tag: &str, digest: &str) -> Value {
    json!({"name": format!("{path}/tags/{tag}"), "version": format!("{path}/versions/{digest}")})
}

/// An operation that takes no time.
pub(super) fn done(project: &str, location: &str, response: &Value) -> Response<Body> {
    let name = format!("projects/{project}/locations/{location}/operations/1");
    json(200, &json!({"name": name, "done": true, "response": response}))
}

fn absent() -> Refusal {
    Refusal::new(404, "NOT_FOUND", "Requested entity was not found.")
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "INVALID_ARGUMENT", why)
}
