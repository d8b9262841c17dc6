//! Microsoft Graph: applications, their principals and federated credentials.
//! <https://learn.microsoft.com/en-us/graph/api/overview>

use std::sync::{Mutex, PoisonError};

use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use crate::behaviour::Refusal;
use crate::path::field;
use crate::reply::{Body, json};

/// The objects of the directory: the kind, such as `applications`, and the content.
#[derive(Default)]
pub(super) struct Directory(Mutex<Vec<(String, Value)>>);

impl Directory {
    pub(super) fn answer(&self, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut given: Value = serde_json::from_slice(body).unwrap_or_default();
        let parts: Vec<_> = head.uri.path().trim_matches('/').split('/').skip(1).collect();
        match (&head.method, &parts[..]) {
            (&Method::GET, [kind]) => {
                let filter = field(head.uri.query(), "$filter").unwrap_or_default();
                let wanted = filter.split('\'').nth(1).unwrap_or_default();
                let fits = |it: &Value| ["appId", "displayName", "id"].iter().any(|key| it[key] == wanted);
                let found: Vec<_> = all.iter().filter(|(of, it)| of == kind && fits(it)).map(|(_, it)| it).collect();
                Ok(json(200, &json!({"value": found})))
            }
            (&Method::GET, [kind, id]) => {
                let found = all.iter().find(|(of, it)| of == kind && it["id"] == *id).ok_or_else(absent)?;
                Ok(json(200, &found.1))
            }
            (&Method::POST, [kind @ ("applications" | "servicePrincipals")]) => {
                let number = all.len() + 1;
                given["id"] = format!("00000000-0000-0000-0000-{number:012}").into();
                if *kind == "applications" {
                    given["appId"] = format!("00000000-0000-0000-1111-{number:012}").into();
                    given["passwordCredentials"] = json!([]);
                } else if !all.iter().any(|(of, it)| of == "applications" && it["appId"] == given["appId"]) {
                    return Err(Refusal::new(400, "Request_BadRequest", "there is no such application"));
                }
                all.push(((*kind).to_owned(), given.clone()));
                Ok(json(201, &given))
            }
            (&Method::POST, ["applications", id, "addPassword"]) => {
                if !all.iter().any(|(of, it)| of == "applications" && it["id"] == *id) {
                    return Err(absent());
                }
                Ok(json(200, &json!({"secretText": "pretend-password-of-an-application"})))
            }
            (&Method::POST, ["applications", id, "federatedIdentityCredentials"]) => {
                if !all.iter().any(|(of, it)| of == "applications" && it["id"] == *id) {
                    return Err(absent());
                }
                if ["name", "issuer", "subject"].iter().any(|key| given[key].as_str().is_none_or(str::is_empty)) {
                    return Err(Refusal::new(
                        400,
                        "Request_BadRequest",
                        "a credential has a name, an issuer and a subject",
                    ));
                }
                all.push(("federated".to_owned(), given.clone()));
                Ok(json(201, &given))
            }
            _ => Err(absent()),
        }
    }

    /// The federated credentials of an application, as `ISSUER SUBJECT`.
    pub(super) fn trusts(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        let federated = all.iter().filter(|(of, _)| of == "federated");
        federated.map(|(_, it)| format!("{} {}", text(it, "issuer"), text(it, "subject"))).collect()
    }
}

fn absent() -> Refusal {
    Refusal::new(404, "Request_ResourceNotFound", "Resource does not exist")
}
