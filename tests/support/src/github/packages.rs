//! Packages as GitHub's API tells them: <https://docs.github.com/en/rest/packages/packages>.

use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use crate::behaviour::Refusal;
use crate::catalog::{Catalog, Repository, Version};
use crate::moment::rfc3339;
use crate::path::field;
use crate::reply::{Body, json, reply, with};

/// Requests for the packages of an owner: `kind` is `orgs` or `users`.
pub(super) async fn answer(catalog: &Catalog, head: &Parts, asked: &[&str]) -> Result<Response<Body>, Refusal> {
    let [kind, owner, "packages", rest @ ..] = asked else { return Err(absent()) };
    // The packages of an organisation are not those of a user.
    if (*kind == "orgs") != is_organization(owner) {
        return Err(absent());
    }
    let find = |package: &str| catalog.repository(&format!("{owner}/{package}")).ok_or_else(absent);
    match (&head.method, rest) {
        (&Method::GET, []) => {
            if field(head.uri.query(), "package_type").as_deref() != Some("container") {
                return Err(Refusal::new(400, "", "Package type must be specified"));
            }
            let own = format!("{owner}/");
            let names = catalog.names();
            let names = names.iter().filter_map(|name| name.strip_prefix(&own));
            Ok(page(head, names.map(|name| package(owner, name)).collect()))
        }
        (&Method::GET, ["container", name]) => find(name).map(|_| json(200, &package(owner, name))),
        (&Method::GET, ["container", name, "versions"]) => {
            let repository = find(name)?;
            Ok(page(head, repository.versions().map(|one| version(&repository, one)).collect()))
        }
        (&Method::GET, ["container", name, "versions", id]) => {
            let repository = find(name)?;
            let found = repository.versions().find(|one| one.id.to_string() == **id).ok_or_else(absent)?;
            Ok(json(200, &version(&repository, found)))
        }
        (&Method::DELETE, ["container", name, "versions", id]) => {
            let repository = find(name)?;
            let found = repository.versions().find(|one| one.id.to_string() == **id).ok_or_else(absent)?;
            if repository.versions().count() == 1 {
                let why = "You cannot delete the last version of a package. You must delete the package instead.";
                return Err(Refusal::new(400, "", why));
            }
            // GitHub also deletes a platform whose index exists.
            catalog.delete(&format!("{owner}/{name}"), &found.digest).await;
            Ok(reply(204, "application/json", ""))
        }
        _ => Err(absent()),
    }
}

/// Whether an owner is an organisation: here, by its name.
pub(super) fn is_organization(owner: &str) -> bool {
    owner.contains("org")
}

fn absent() -> Refusal {
    Refusal::new(404, "", "Not Found")
}

fn package(owner: &str, name: &str) -> Value {
    json!({
        "name": name,
        "package_type": "container",
        "visibility": "private",
        "owner": {"login": owner},
        "html_url": format!("https://github.com/orgs/{owner}/packages/container/package/{}", name.replace('/', "%2F")),
    })
}

fn version(repository: &Repository, version: &Version) -> Value {
    let pushed = rfc3339(version.pushed);
    json!({
        "id": version.id,
        "name": version.digest,
        "created_at": pushed,
        "updated_at": pushed,
        "metadata": {"package_type": "container", "container": {"tags": repository.tags_of(&version.digest)}},
    })
}

/// One page of a list: thirty by default, and the link to the next one.
/// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
fn page(head: &Parts, all: Vec<Value>) -> Response<Body> {
    let number = |name: &str| field(head.uri.query(), name).and_then(|value| value.parse::<usize>().ok());
    let (size, page) = (number("per_page").unwrap_or(30).min(100), number("page").unwrap_or(1).max(1));
    let one: Vec<_> = all.iter().skip(size * (page - 1)).take(size).cloned().collect();
    let response = json(200, &Value::Array(one));
    if all.len() <= size * page {
        return response;
    }
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let query = field(head.uri.query(), "package_type").map_or(String::new(), |kind| format!("package_type={kind}&"));
    let next = format!("https://{host}{}?{query}per_page={size}&page={}", head.uri.path(), page + 1);
    with(response, "link", &format!("<{next}>; rel=\"next\""))
}
