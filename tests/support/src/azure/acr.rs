//! The API of a login server for its images at `/acr/v1/`:
//! <https://learn.microsoft.com/en-us/rest/api/containerregistry/>.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use crate::catalog::{Catalog, Repository, Version};
use crate::moment::rfc3339;
use crate::path::field;
use crate::reply::{Body, HangUp, json, reply};

const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// Requests that the front has authorized by the scopes of the token.
pub(crate) async fn answer(catalog: &Catalog, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
    let path = head.uri.path().strip_prefix("/acr/v1/").unwrap_or_default();
    if path == "_catalog" {
        return Ok(json(200, &json!({"repositories": catalog.names()})));
    }
    let (name, kind, one) = parts(path);
    let Some(repository) = catalog.repository(name) else { return Ok(refuse(404, "NAME_UNKNOWN")) };
    let query = head.uri.query();
    Ok(match (&head.method, kind, one) {
        (&Method::GET, "_tags", None) => listed(name, "tags", query, tags(catalog, name, &repository, query)),
        (&Method::GET, "_tags", Some(tag)) => {
            match tags(catalog, name, &repository, query).find(|it| it["name"] == tag) {
                Some(found) => json(200, &json!({"registry": "", "imageName": name, "tag": found})),
                None => refuse(404, "TAG_UNKNOWN"),
            }
        }
        (&Method::GET, "_manifests", None) => {
            let versions: Vec<_> = repository.versions().map(|it| manifest(&repository, it)).collect();
            listed(name, "manifests", query, versions.into_iter())
        }
        (&Method::GET, "_manifests", Some(digest)) => match repository.version(digest) {
            Some(found) => json(200, &json!({"imageName": name, "manifest": manifest(&repository, found)})),
            None => refuse(404, "MANIFEST_UNKNOWN"),
        },
        (&Method::DELETE, "_tags", Some(tag)) if catalog.is_locked(name, tag) => {
            refuse(405, &format!("the tag {tag} is locked"))
        }
        (&Method::DELETE, "_tags", Some(tag)) => {
            if catalog.delete(name, tag).await {
                reply(202, "application/json", "")
            } else {
                refuse(404, "TAG_UNKNOWN")
            }
        }
        (&Method::PATCH, "_tags", Some(tag)) => {
            let given: Value = serde_json::from_slice(&body).unwrap_or_default();
            if given["deleteEnabled"] == false {
                catalog.lock(name, tag);
            }
            match tags(catalog, name, &repository, None).find(|it| it["name"] == tag) {
                Some(found) => json(200, &json!({"registry": "", "imageName": name, "tag": found})),
                None => refuse(404, "TAG_UNKNOWN"),
            }
        }
        _ => refuse(404, "UNSUPPORTED"),
    })
}

/// The repository, `_tags` or `_manifests`, and which of them. An older form of the path, which
/// Microsoft's `acr` uses, is the same.
fn parts(path: &str) -> (&str, &str, Option<&str>) {
    for kind in ["_tags", "_manifests"] {
        if let Some((name, rest)) = path.split_once(&format!("/{kind}")) {
            return (name, kind, rest.strip_prefix('/').filter(|one| !one.is_empty()));
        }
    }
    (path, "", None)
}

/// In the requested order; the next page begins after the given item.
fn tags<'a>(
    catalog: &'a Catalog,
    name: &'a str,
    repository: &'a Repository,
    query: Option<&str>,
) -> impl Iterator<Item = Value> + 'a {
    let mut all: Vec<_> = repository.tags().collect();
    match field(query, "orderby").as_deref() {
        Some("timedesc") => all.sort_by_key(|(_, _, set)| std::cmp::Reverse(*set)),
        Some("timeasc") => all.sort_by_key(|(_, _, set)| *set),
        _ => {}
    }
    all.into_iter().map(move |(tag, digest, set)| {
        let free = !catalog.is_locked(name, tag);
        json!({
            "name": tag,
            "digest": digest,
            "createdTime": rfc3339(set),
            "lastUpdateTime": rfc3339(set),
            "signed": false,
            "changeableAttributes": {"deleteEnabled": free, "writeEnabled": free, "readEnabled": true, "listEnabled": true},
        })
    })
}

fn listed(name: &str, kind: &str, query: Option<&str>, all: impl Iterator<Item = Value>) -> Response<Body> {
    let mut all: Vec<_> = all.collect();
    if let Some(last) = field(query, "last").filter(|last| !last.is_empty()) {
        let key = if kind == "tags" { "name" } else { "digest" };
        let at = all.iter().position(|it| it[key] == last.as_str()).map_or(all.len(), |at| at + 1);
        all.drain(..at);
    }
    if let Some(size) = field(query, "n").and_then(|size| size.parse().ok()) {
        all.truncate(size);
    }
    json(200, &json!({"registry": "", "imageName": name, kind: all}))
}

fn manifest(repository: &Repository, version: &Version) -> Value {
    let mut manifest = json!({
        "digest": version.digest,
        "imageSize": version.size,
        "createdTime": rfc3339(version.pushed),
        "lastUpdateTime": rfc3339(version.pushed),
        "mediaType": version.media_type,
        "changeableAttributes": {"deleteEnabled": true, "writeEnabled": true, "readEnabled": true, "listEnabled": true},
    });
    let tags = repository.tags_of(&version.digest);
    // A version without tags has no such field.
    if !tags.is_empty() {
        manifest["tags"] = tags.into();
    }
    if !INDEXES.contains(&version.media_type.as_str()) {
        manifest["architecture"] = "amd64".into();
        manifest["os"] = "linux".into();
    }
    manifest
}

fn refuse(status: u16, code: &str) -> Response<Body> {
    json(status, &json!({"errors": [{"code": code, "message": code}]}))
}
