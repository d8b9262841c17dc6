//! Docker Hub's own API, at `hub.docker.com`: <https://docs.docker.com/reference/api/hub/latest/>.

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use super::{header, read};
use crate::catalog::Catalog;
use crate::moment::rfc3339;
use crate::path::{field, parts};
use crate::reply::{Body, HangUp, json, reply};

pub(super) const HOST: &str = "hub.docker.com";
/// What a login is exchanged for.
const TOKEN: &str = "pretend-token-of-the-hub";

/// `login` is the only valid one: user and password.
pub(super) async fn answer(
    catalog: &Catalog,
    login: &[String; 2],
    request: Request<Incoming>,
) -> Result<Response<Body>, HangUp> {
    let bearer = header(&request, "authorization") == Some(&format!("Bearer {TOKEN}"));
    let (head, body) = read(request).await?;
    let path = parts(head.uri.path());
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let query = head.uri.query();
    Ok(match (&head.method, &path[..]) {
        (&Method::POST, ["v2", "auth", "token"]) => {
            let given: Value = serde_json::from_slice(&body).unwrap_or_default();
            if given["identifier"] == login[0].as_str() && given["secret"] == login[1].as_str() {
                json(200, &json!({"access_token": TOKEN}))
            } else {
                json(401, &json!({"detail": "Incorrect authentication credentials"}))
            }
        }
        (&Method::GET, ["v2", "namespaces", owner, "repositories"]) => {
            let below = format!("{owner}/");
            let names = catalog.names();
            let names = names.iter().filter_map(|name| name.strip_prefix(&below));
            let found: Vec<_> = names.map(|name| json!({"name": name, "namespace": owner})).collect();
            json(200, &json!({"count": found.len(), "next": null, "results": found}))
        }
        (&Method::GET, ["v2", "namespaces", owner, "repositories", name, "tags"]) => {
            let Some(found) = catalog.repository(&format!("{owner}/{name}")) else { return Ok(absent()) };
            let part = field(query, "name").unwrap_or_default();
            let mut tags: Vec<_> = found.tags().filter(|(tag, ..)| tag.contains(&part)).collect();
            tags.sort_by_key(|(_, _, set)| *set);
            if field(query, "ordering").as_deref() != Some("last_updated") {
                tags.reverse();
            }
            let told = |(tag, digest, set): (&str, &str, _)| json!({"name": tag, "digest": digest, "last_updated": rfc3339(set)});
            let tags: Vec<_> = tags.into_iter().map(told).collect();
            json(200, &json!({"count": tags.len(), "next": null, "results": tags}))
        }
        (&Method::DELETE, ["v2", "namespaces", owner, "repositories", name, "tags", tag]) => {
            if !bearer {
                return Ok(json(401, &json!({"detail": "Authentication credentials were not provided."})));
            }
            let is_gone = catalog.delete(&format!("{owner}/{name}"), tag).await;
            if is_gone { reply(204, "application/json", "") } else { absent() }
        }
        _ => absent(),
    })
}

fn absent() -> Response<Body> {
    json(404, &json!({"message": "object not found"}))
}
