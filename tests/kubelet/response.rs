//! How kubelet reads a response.

use super::*;

/// kubelet's interpretation of a response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) key_type: String,
    /// As Go writes durations; `None` is kubelet's default.
    pub(crate) life: Option<Duration>,
    pub(crate) auth: BTreeMap<String, (String, String)>,
}

impl Response {
    /// Reads it as strictly as kubelet: an unknown field, another version or an unknown kind of key
    /// would make it ignore the response.
    #[track_caller]
    pub(crate) fn of(outcome: &Outcome, version: &str) -> Self {
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        let Value::Object(mut fields) = serde_json::from_str(&outcome.stdout).unwrap() else { panic!("{outcome:?}") };
        assert_eq!(fields.remove("apiVersion"), Some(version.into()), "{outcome:?}");
        assert_eq!(fields.remove("kind"), Some("CredentialProviderResponse".into()), "{outcome:?}");
        let text = |value: Value| value.as_str().unwrap_or_else(|| panic!("{outcome:?}")).to_owned();
        let key_type = text(fields.remove("cacheKeyType").unwrap());
        assert!(["Image", "Registry", "Global"].contains(&key_type.as_str()), "{outcome:?}");
        let life = fields.remove("cacheDuration").map(|life| {
            let seconds = text(life).strip_suffix('s').and_then(|seconds| seconds.parse().ok());
            Duration::from_secs(seconds.unwrap_or_else(|| panic!("{outcome:?}")))
        });
        let Some(Value::Object(auth)) = fields.remove("auth") else { panic!("{outcome:?}") };
        let auth = auth.into_iter().map(|(key, value)| {
            let Value::Object(mut config) = value else { panic!("{outcome:?}") };
            let pair = (text(config.remove("username").unwrap()), text(config.remove("password").unwrap()));
            assert!(config.is_empty(), "{outcome:?}");
            (key, pair)
        });
        let auth = auth.collect();
        assert!(fields.is_empty(), "kubelet knows no such fields: {fields:?}");
        Response { key_type, life, auth }
    }

    /// The user and the password that kubelet would find for this image.
    #[track_caller]
    pub(crate) fn found(&self, image: &str) -> (String, String) {
        self.auth.iter().find(|(key, _)| matches(key, image)).unwrap_or_else(|| panic!("{image}: {self:?}")).1.clone()
    }
}

#[track_caller]
pub(crate) fn response(home: &Home, image: &str) -> Response {
    Response::of(&ask(home, &request(image)), V1)
}

/// kubelet's own rules, for a key and an image without its tag: the same number of labels, each compared alone, the same
/// port, and the path as a prefix; and what is for Docker Hub is for every image without a host.
/// <https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/credentialprovider/keyring.go>
pub(crate) fn matches(key: &str, image: &str) -> bool {
    fn parts(text: &str) -> (Vec<&str>, &str, &str) {
        let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
        (host.split('.').collect(), port, path)
    }
    fn label(pattern: &str, text: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == text,
            Some((front, back)) => {
                text.strip_prefix(front).is_some_and(|rest| (0..=rest.len()).any(|at| label(back, &rest[at..])))
            }
        }
    }
    let ((key_host, key_port, key_path), (host, port, path)) = (parts(key), parts(image));
    let by_url = key_port == port
        && key_host.len() == host.len()
        && path.starts_with(key_path)
        && key_host.iter().zip(&host).all(|(pattern, text)| label(pattern, text));
    let first = image.split('/').next().unwrap();
    let is_default =
        !image.contains('/') || matches!(first, "docker.io" | "index.docker.io") || !first.contains(['.', ':']);
    by_url || (key == "index.docker.io" && is_default)
}
