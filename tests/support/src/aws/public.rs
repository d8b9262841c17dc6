//! The rest of ECR Public's API: repositories, and what lies in them. There is one alias.
//! <https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/>

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::cloud::epoch;
use super::ecr::amz_json;
use super::{ACCOUNT, Cloud};
use crate::behaviour::Refusal;
use crate::catalog::{Catalog, Repository, Version};
use crate::reply::Body;

/// The name that the account has in the addresses of its images.
const ALIAS: &str = "octo-org";

/// The repositories that were made, and the registry that their images lie in.
#[derive(Default)]
pub(crate) struct Repositories {
    made: Mutex<BTreeSet<String>>,
    pub(crate) catalog: OnceLock<Arc<Catalog>>,
}

impl Repositories {
    fn made(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A handler that panicked has failed its test; what was made is still whole.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn answer(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let signer = cloud.signer(head, "ecr-public")?;
    if signer.region != "us-east-1" {
        return Err(Refusal::new(400, "InvalidSignatureException", "ECR Public is managed in us-east-1"));
    }
    let given: Value = serde_json::from_slice(body).unwrap_or_default();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let name = given["repositoryName"].as_str().unwrap_or_default();
    let all = &cloud.public;
    let response = match target.rsplit('.').next().unwrap_or_default() {
        "DescribeRegistries" => json!({"registries": [{
            "registryId": ACCOUNT,
            "registryArn": format!("arn:aws:ecr-public::{ACCOUNT}:registry/{ACCOUNT}"),
            "registryUri": "public.ecr.aws", "verified": false,
            "aliases": [{"name": ALIAS, "status": "ACTIVE", "primaryRegistryAlias": true, "defaultRegistryAlias": true}],
        }]}),
        "CreateRepository" => {
            if !all.made().insert(name.to_owned()) {
                return Err(Refusal::new(400, "RepositoryAlreadyExistsException", "The repository already exists"));
            }
            json!({"repository": told(name), "catalogData": {}})
        }
        "DescribeRepositories" => json!({"repositories": all.made().iter().map(|name| told(name)).collect::<Vec<_>>()}),
        "DescribeImages" => {
            let found = found(all, name)?;
            json!({"imageDetails": found.versions().map(|version| detail(&found, name, version)).collect::<Vec<_>>()})
        }
        "BatchDeleteImage" => delete(all, name, &given["imageIds"]).await?,
        _ => return Err(Refusal::new(400, "UnknownOperationException", "")),
    };
    Ok(amz_json(200, &response))
}

/// What lies in a repository that was made.
fn found(all: &Repositories, name: &str) -> Result<Repository, Refusal> {
    if !all.made().contains(name) {
        return Err(Refusal::new(400, "RepositoryNotFoundException", format!("There is no repository {name}")));
    }
    Ok(all.catalog.get().and_then(|catalog| catalog.repository(&format!("{ALIAS}/{name}"))).unwrap_or_default())
}

fn told(name: &str) -> Value {
    json!({
        "repositoryArn": format!("arn:aws:ecr-public::{ACCOUNT}:repository/{name}"),
        "registryId": ACCOUNT, "repositoryName": name,
        "repositoryUri": format!("public.ecr.aws/{ALIAS}/{name}"),
    })
}

fn detail(repository: &Repository, name: &str, version: &Version) -> Value {
    let mut detail = json!({
        "registryId": ACCOUNT, "repositoryName": name, "imageDigest": version.digest,
        "imageSizeInBytes": version.size, "imageManifestMediaType": version.media_type,
        "imagePushedAt": epoch(version.pushed).as_secs(),
    });
    let tags = repository.tags_of(&version.digest);
    // What has no tag has no list of them.
    if !tags.is_empty() {
        detail["imageTags"] = json!(tags);
    }
    detail
}

/// By tags and by digests: an image goes with its last tag, and a platform not before its index.
async fn delete(all: &Repositories, name: &str, ids: &Value) -> Result<Value, Refusal> {
    found(all, name)?;
    let catalog = all.catalog.get().ok_or_else(|| Refusal::new(500, "ServerException", ""))?;
    let image = format!("{ALIAS}/{name}");
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    for id in ids.as_array().into_iter().flatten() {
        let now = catalog.repository(&image).unwrap_or_default();
        let tag = id["imageTag"].as_str();
        let digest = match tag {
            Some(tag) => now.tags().find(|(one, ..)| *one == tag).map(|(_, digest, _)| digest.to_owned()),
            None => id["imageDigest"].as_str().filter(|digest| now.version(digest).is_some()).map(str::to_owned),
        };
        let Some(digest) = digest else {
            failures.push(
                json!({"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}),
            );
            continue;
        };
        let is_last = tag.is_none() || now.tags_of(&digest).len() == 1;
        if is_last && now.has_parent(&digest) {
            let why = "Requested image referenced by manifest list";
            failures.push(json!({"imageId": id, "failureCode": "ImageReferencedByManifestList", "failureReason": why}));
            continue;
        }
        match tag.filter(|_| !is_last) {
            Some(tag) => catalog.delete(&image, tag).await,
            None => catalog.delete(&image, &digest).await,
        };
        gone.push(json!({"imageDigest": digest, "imageTag": tag}));
    }
    Ok(json!({"imageIds": gone, "failures": failures}))
}
