//! The other parts of a project that a registry needs: its number, the enabled services, and the
//! pools of other identities. <https://cloud.google.com/iam/docs/reference/rest>

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use crate::behaviour::Refusal;
use crate::path::{field, parts};
use crate::reply::{Body, json};

const NUMBER: &str = "123456789";

/// What was created, by its name: pools, their providers, services.
#[derive(Default)]
pub(super) struct Projects(Mutex<BTreeMap<String, Value>>);

impl Projects {
    /// The names, and what they are.
    pub(super) fn told(&self) -> BTreeMap<String, Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn answer(&self, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let mut given: Value = serde_json::from_slice(body).unwrap_or_default();
        let path = parts(head.uri.path());
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = || Refusal::new(404, "NOT_FOUND", "Requested entity was not found.");
        match (&head.method, &path[1..]) {
            (&Method::GET, ["projects", project]) => {
                let name = format!("projects/{NUMBER}");
                Ok(json(
                    200,
                    &json!({"name": name, "projectId": project, "projectNumber": NUMBER, "lifecycleState": "ACTIVE"}),
                ))
            }
            (&Method::POST, ["projects", project, "services", service]) if service.ends_with(":enable") => {
                let service = service.trim_end_matches(":enable");
                let name = format!("projects/{project}/services/{service}");
                all.insert(name.clone(), json!({"state": "ENABLED"}));
                let response = json!({"@type": "type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse", "service": {"name": name, "state": "ENABLED"}});
                Ok(json(200, &json!({"name": "operations/1", "done": true, "response": response})))
            }
            (&Method::POST, ["projects", _, "locations", "global", below @ ..]) => {
                let kind = below.last().copied().unwrap_or_default();
                let id = match kind {
                    "workloadIdentityPools" => field(head.uri.query(), "workloadIdentityPoolId"),
                    "providers" => field(head.uri.query(), "workloadIdentityPoolProviderId"),
                    _ => None,
                };
                let id = id.ok_or_else(absent)?;
                let parent = path[1..].join("/");
                let pool = parent.trim_end_matches("/providers");
                if kind == "providers" && !all.contains_key(pool) {
                    return Err(absent());
                }
                given["name"] = format!("{parent}/{id}").into();
                all.insert(format!("{parent}/{id}"), given.clone());
                Ok(json(200, &json!({"name": format!("{parent}/{id}/operations/1"), "done": true, "response": given})))
            }
            (&Method::GET, ["projects", project, asked @ ("occurrences" | "occurrences:vulnerabilitySummary")]) => {
                if !all.contains_key(&format!("projects/{project}/services/containerscanning.googleapis.com")) {
                    return Err(Refusal::new(403, "PERMISSION_DENIED", "Container Scanning API has not been used"));
                }
                let filter = field(head.uri.query(), "filter").unwrap_or_default();
                Ok(json(200, &if *asked == "occurrences" { found(project, &filter) } else { summary() }))
            }
            (&Method::GET, _) => all.get(&path[1..].join("/")).map(|found| json(200, found)).ok_or_else(absent),
            _ => Err(absent()),
        }
    }
}

/// What Artifact Analysis has found in the image that a filter names: the same vulnerability in each.
/// <https://cloud.google.com/container-analysis/docs/reference/rest/v1/projects.occurrences>
fn found(project: &str, filter: &str) -> Value {
    let resource = filter.split('"').find(|part| part.starts_with("https://"));
    let occurrences = resource.map(|resource| {
        json!({
            "name": format!("projects/{project}/occurrences/1"),
            "kind": "VULNERABILITY",
            "resourceUri": resource,
            "noteName": "projects/goog-vulnz/notes/CVE-2026-0001",
            "vulnerability": {
                "severity": "HIGH", "effectiveSeverity": "HIGH", "fixAvailable": true,
                "packageIssue": [{"affectedPackage": "app-library", "fixAvailable": true}],
            },
        })
    });
    json!({"occurrences": occurrences.into_iter().collect::<Vec<_>>()})
}

fn summary() -> Value {
    json!({"counts": [{"severity": "SEVERITY_UNSPECIFIED", "totalCount": "1", "fixableCount": "1"}]})
}
