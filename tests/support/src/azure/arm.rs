//! The resource manager: resources are put, read and changed at their paths, whatever they are.
//! <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use super::cloud::TENANT;
use super::purge;
use crate::behaviour::Refusal;
use crate::catalog::Catalog;
use crate::path::field;
use crate::reply::{Body, json, reply};

const SUBSCRIPTION: &str = "33333333-aaaa-bbbb-cccc-444444444444";
/// Roles are identified by ids, which are the same everywhere.
/// <https://learn.microsoft.com/en-us/azure/role-based-access-control/built-in-roles/containers>
const ROLES: [(&str, &str); 2] =
    [("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d"), ("AcrPush", "8311e382-0749-4cb8-b61a-304f252e45ec")];

/// The resources of the only subscription.
#[derive(Default)]
pub(super) struct Resources {
    resources: Mutex<BTreeMap<String, Value>>,
    /// The logs of task runs, the oldest first.
    logs: Mutex<Vec<String>>,
    pub(super) catalog: OnceLock<Arc<Catalog>>,
}

impl Resources {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        // A handler that panicked has failed its test; what is stored is still consistent.
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path and content of every resource.
    pub(super) fn told(&self) -> BTreeMap<String, Value> {
        self.all().clone()
    }

    pub(super) async fn answer(&self, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let path = head.uri.path().to_ascii_lowercase();
        let path = path.trim_end_matches('/');
        let given: Value = serde_json::from_slice(body).unwrap_or_default();
        match (&head.method, path) {
            (&Method::GET, "/tenants") => {
                return Ok(json(200, &json!({"value": [{"id": format!("/tenants/{TENANT}"), "tenantId": TENANT}]})));
            }
            (&Method::GET, "/subscriptions") => {
                let id = format!("/subscriptions/{SUBSCRIPTION}");
                let one = json!({"id": id, "subscriptionId": SUBSCRIPTION, "displayName": "pretend", "state": "Enabled", "tenantId": TENANT});
                return Ok(json(200, &json!({"value": [one]})));
            }
            _ => {}
        }
        if let Some(log) = path.rsplit_once("/logs/").and_then(|(_, number)| number.parse::<usize>().ok()) {
            let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(reply(200, "text/plain", logs.get(log - 1).cloned().unwrap_or_default()));
        }
        match head.method {
            Method::PUT => self.put(head.uri.path(), path, given),
            Method::PATCH => {
                let mut all = self.all();
                let found = all.get_mut(path).ok_or_else(|| absent(path))?;
                merge(found, given);
                Ok(json(200, found))
            }
            Method::GET => self.read(head, path),
            Method::DELETE => {
                self.all().remove(path);
                Ok(reply(200, "application/json", "{}"))
            }
            _ => self.act(head, path, &given).await,
        }
    }

    fn put(&self, written: &str, path: &str, mut given: Value) -> Result<Response<Body>, Refusal> {
        let parts: Vec<_> = written.trim_matches('/').split('/').collect();
        let name = parts.last().copied().unwrap_or_default();
        given["id"] = written.into();
        given["name"] = name.into();
        if let Some(at) = parts.iter().rposition(|part| *part == "providers") {
            let kinds: Vec<_> = parts[at + 2..].iter().step_by(2).copied().collect();
            given["type"] = format!("{}/{}", parts[at + 1], kinds.join("/")).into();
        }
        if !given["properties"].is_object() {
            given["properties"] = json!({});
        }
        given["properties"]["provisioningState"] = "Succeeded".into();
        if given["type"] == "Microsoft.ContainerRegistry/registries" {
            given["properties"]["loginServer"] = format!("{}.azurecr.io", name.to_ascii_lowercase()).into();
        }
        self.all().insert(path.to_owned(), given.clone());
        // Every plan exists from the beginning, and is only changed.
        let is_new = given["type"] != "Microsoft.Security/pricings";
        Ok(json(if is_new { 201 } else { 200 }, &given))
    }

    fn read(&self, head: &Parts, path: &str) -> Result<Response<Body>, Refusal> {
        let filter = field(head.uri.query(), "$filter").unwrap_or_default();
        let wanted = filter.split('\'').nth(1).unwrap_or_default();
        if path.ends_with("/roledefinitions") {
            let roles = ROLES.iter().filter(|(name, _)| wanted == *name);
            let roles: Vec<_> = roles
                .map(|(name, id)| json!({"id": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{id}"), "name": id, "properties": {"roleName": name}}))
                .collect();
            return Ok(json(200, &json!({"value": roles})));
        }
        let all = self.all();
        if let Some(found) = all.get(path) {
            return Ok(json(200, found));
        }
        let is_listed =
            |resource: &&Value| resource["type"].as_str().is_some_and(|kind| wanted.eq_ignore_ascii_case(kind));
        if path.ends_with("/resources") {
            let found: Vec<_> = all.values().filter(is_listed).collect();
            return Ok(json(200, &json!({"value": found})));
        }
        // A list of the direct children.
        let below = format!("{path}/");
        let found: Vec<_> = all
            .iter()
            .filter(|(one, _)| one.strip_prefix(&below).is_some_and(|rest| !rest.contains('/')))
            .map(|(_, resource)| resource)
            .collect();
        if found.is_empty() && !path.ends_with('s') {
            Err(absent(path))
        } else {
            Ok(json(200, &json!({"value": found})))
        }
    }

    async fn act(&self, head: &Parts, path: &str, given: &Value) -> Result<Response<Body>, Refusal> {
        if path.ends_with("/checknameavailability") {
            return Ok(json(200, &json!({"nameAvailable": true})));
        }
        if path.ends_with("/listlogsasurl") {
            let run = path.split('/').rev().nth(1).unwrap_or_default();
            let number = run.strip_prefix("ca").unwrap_or(run);
            let host = super::entra::host(head);
            return Ok(json(200, &json!({"logArtifactLink": format!("https://{host}/logs/{number}")})));
        }
        if let Some(task) = path.strip_suffix("/listdetails") {
            return self.all().get(task).map(|task| json(200, task)).ok_or_else(|| absent(task));
        }
        if path.ends_with("/schedulerun") {
            let steps = match given["encodedTaskContent"].as_str() {
                Some(steps) => steps.to_owned(),
                None => {
                    let task = given["taskId"].as_str().unwrap_or_default().to_ascii_lowercase();
                    let all = self.all();
                    let task = all.get(&task).ok_or_else(|| absent(&task))?;
                    task["properties"]["step"]["encodedTaskContent"].as_str().unwrap_or_default().to_owned()
                }
            };
            return self.run(path, &steps).await;
        }
        Err(absent(path))
    }

    /// Runs the steps of a task, in YAML as az writes it.
    async fn run(&self, path: &str, steps: &str) -> Result<Response<Body>, Refusal> {
        let wrong = |why: String| Refusal::new(400, "BadRequest", why);
        let steps = STANDARD.decode(steps).ok().and_then(|steps| String::from_utf8(steps).ok()).unwrap_or_default();
        let command = steps.lines().find_map(|line| line.trim().strip_prefix("- cmd: "));
        let command = command.ok_or_else(|| wrong(format!("no command in {steps}")))?;
        let catalog = self.catalog.get().ok_or_else(|| wrong("no registry".to_owned()))?;
        let log = purge::run(catalog, command).await.map_err(wrong)?;
        let number = {
            let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            logs.push(log);
            logs.len()
        };
        let id = format!("ca{number}");
        let path = path.trim_end_matches("/schedulerun");
        let properties = json!({"runId": id, "status": "Succeeded", "provisioningState": "Succeeded"});
        let run = json!({"id": format!("{path}/runs/{id}"), "name": id, "properties": properties});
        self.all().insert(format!("{path}/runs/{id}"), run.clone());
        Ok(json(200, &run))
    }
}

fn absent(path: &str) -> Refusal {
    Refusal::new(404, "ResourceNotFound", format!("The resource {path} was not found."))
}

/// Merges the given object into the existing one, key by key.
fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                merge(old.entry(key).or_insert(Value::Null), value);
            }
        }
        (old, new) => *old = new,
    }
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    json(refusal.status, &json!({"error": {"code": refusal.code, "message": refusal.message}}))
}
