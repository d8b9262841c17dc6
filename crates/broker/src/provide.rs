use std::time::{Duration, SystemTime};

use protocol::{ErrorMessage, Failure, Secret, ServerUrl};
use serde_json::Value;
use settings::Workload;

use crate::json::{quote, read_workload, take_text, write_workload};

/// A request of a client that can say more than a server name: kubelet, Bazel, `credmint token`.
#[derive(Clone, Debug)]
pub struct ProvideRequest {
    /// The registry, whose stored login is used.
    pub registry: ServerUrl,
    /// The image's repository, without a tag.
    pub repository: Option<String>,
    /// The service account of the pod that the image is for.
    pub workload: Option<Workload>,
    /// Whether kubelet requests it: remedies are then for a node, where nobody signs in.
    pub on_node: bool,
}

/// The response to a [`ProvideRequest`].
#[derive(Clone, Debug)]
pub struct ProvideResponse {
    /// The user's name.
    pub username: String,
    /// The password or token.
    pub secret: Secret,
    /// Its expiry, if known.
    pub expires: Option<SystemTime>,
    /// Whether other images of the registry may need other credentials.
    pub partial: bool,
}

impl ProvideRequest {
    /// A request for a registry, whatever the image.
    ///
    /// # Errors
    /// The address is not a registry address.
    pub fn for_registry(server: &str) -> Result<Self, ErrorMessage> {
        let registry =
            ServerUrl::parse(server).map_err(|error| ErrorMessage { what: error.to_string(), hint: None })?;
        Ok(ProvideRequest { registry, repository: None, workload: None, on_node: false })
    }

    /// The image's address; `None` if the request is for a registry.
    pub(crate) fn image(&self) -> Option<ServerUrl> {
        let repository = self.repository.as_ref()?;
        ServerUrl::parse(&format!("{}/{repository}", self.registry.authority())).ok()
    }

    /// The JSON for the helper's standard input; it contains the service account's token.
    pub fn to_json(&self) -> Secret {
        let mut line = b"{\"registry\":".to_vec();
        quote(&mut line, self.registry.original());
        if let Some(repository) = &self.repository {
            line.extend_from_slice(b",\"repository\":");
            quote(&mut line, repository);
        }
        if self.on_node {
            line.extend_from_slice(b",\"on_node\":true");
        }
        write_workload(&mut line, self.workload.as_ref());
        line.push(b'}');
        Secret::new(String::from_utf8(line).expect("what is made of texts is text"))
    }

    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let malformed = || Failure::stop("malformed `provide` request");
        let mut request: Value = serde_json::from_str(text).map_err(|_| malformed())?;
        let registry = request["registry"].as_str().and_then(|text| ServerUrl::parse(text).ok());
        Ok(ProvideRequest {
            registry: registry.ok_or_else(malformed)?,
            repository: request["repository"].as_str().map(str::to_owned),
            workload: read_workload(&mut request).ok_or_else(malformed)?,
            on_node: request["on_node"] == true,
        })
    }
}

impl ProvideResponse {
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(16 << 10);
        line.extend_from_slice(b"{\"username\":");
        quote(&mut line, &self.username);
        line.extend_from_slice(b",\"secret\":");
        quote(&mut line, self.secret.expose());
        let since = self.expires.map(|end| end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        let expires = since.map_or_else(|| "null".to_owned(), |since| since.as_secs().to_string());
        line.extend_from_slice(format!(",\"expires\":{expires},\"partial\":{}}}\n", self.partial).as_bytes());
        line
    }

    /// Reads a helper's output; `None` if it is malformed.
    pub fn read(text: &str) -> Option<Self> {
        let mut response: Value = serde_json::from_str(text).ok()?;
        Some(ProvideResponse {
            username: response["username"].as_str()?.to_owned(),
            secret: Secret::new(take_text(&mut response["secret"])?),
            expires: match response["expires"].as_u64() {
                Some(seconds) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
                None => None,
            },
            partial: response["partial"].as_bool()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_written() {
        let annotations = [("eks.amazonaws.com/role-arn".to_owned(), "arn:\"x\"".to_owned())];
        let request = ProvideRequest {
            registry: ServerUrl::parse("r.example:5000").unwrap(),
            repository: Some("team/app".into()),
            workload: Some(Workload::new(Secret::new("a.b.c\"".into()), annotations.into())),
            on_node: true,
        };
        let read = ProvideRequest::read(request.to_json().expose()).unwrap();
        assert_eq!((read.image().unwrap().key().as_str(), read.on_node), ("r.example:5000/team/app", true));
        let workload = read.workload.unwrap();
        assert_eq!((workload.token.expose(), workload.aws_role()), ("a.b.c\"", Some("arn:\"x\"")));
        let plain = ProvideRequest { repository: None, workload: None, ..request };
        let read = ProvideRequest::read(plain.to_json().expose()).unwrap();
        assert!(read.image().is_none() && read.workload.is_none());
    }

    #[test]
    fn a_response_is_read_as_written() {
        let expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_446_000));
        for (expires, partial) in [(expires, true), (None, false)] {
            let response = ProvideResponse {
                username: "AWS \"é\"".into(),
                secret: Secret::new("a\\b\n".into()),
                expires,
                partial,
            };
            let read = ProvideResponse::read(std::str::from_utf8(&response.to_json()).unwrap()).unwrap();
            assert_eq!((read.username, read.secret), (response.username, response.secret));
            assert_eq!((read.expires, read.partial), (expires, partial));
        }
    }

    #[test]
    fn a_malformed_request_is_rejected_and_not_repeated() {
        let without_annotations = r#"{"registry":"r.example","workload":{"token":"canary"}}"#;
        for text in ["", "canary", "{}", "{\"registry\":\"canary canary\"}", "[\"canary\"]", without_annotations] {
            let failure = ProvideRequest::read(text).unwrap_err().to_string();
            assert!(!failure.contains("canary"), "{failure}");
            assert!(ProvideResponse::read(text).is_none());
        }
    }
}
