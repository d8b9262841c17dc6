use std::path::PathBuf;
use std::time::Duration;

use protocol::ServerUrl;
use registry::Cloud;

use crate::{ExchangeRule, Narrowing, OnFailure};

/// A `[[registry]]` table: the settings of the registries that it matches.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// `match`: a host, or a host and the first parts of a path, with `*` for any run of characters
    /// except `/` and `?` for one.
    pub pattern: String,
    /// The cloud registry that a custom domain stands for.
    pub target: Option<ServerUrl>,
    /// The cloud of the registry, if the host name does not show it: GitHub Enterprise Server, Azure Local.
    pub provider: Option<Cloud>,
    /// AWS: the profile to use; comes before the environment.
    pub profile: Option<String>,
    /// AWS: a role to assume with that identity.
    pub role_arn: Option<String>,
    /// AWS: the external id that the role requires.
    pub external_id: Option<String>,
    /// AWS: the region of the STS endpoint; default: the registry's.
    pub region: Option<String>,
    /// Azure: the tenant to sign in to.
    pub tenant: Option<String>,
    /// Azure: the application or managed identity to use. GitHub: the OAuth app for signing in with a code.
    pub client_id: Option<String>,
    /// Azure: the authority host; default: that of the registry's cloud.
    pub authority: Option<String>,
    /// Azure: the audience of the token; default: Azure's container registries. Google: the provider of the workload
    /// identity pool that trusts the service accounts of a cluster.
    pub audience: Option<String>,
    /// Google: the service account to impersonate.
    pub impersonate: Option<String>,
    /// Google: the credentials file to use; comes before the environment.
    pub credentials_file: Option<PathBuf>,
    /// Google: use a self-signed JWT of the service account's key as the token, without a token request.
    pub self_signed_jwt: bool,
    /// GitHub: the App to use, by its id or client id.
    pub app_id: Option<String>,
    /// GitHub: the App's installation; default: that of `account`.
    pub installation_id: Option<String>,
    /// GitHub: the App's private key, as PEM.
    pub private_key_file: Option<PathBuf>,
    /// GitHub: the user or organisation that the App is installed for; default: the owner of the requested packages,
    /// else the only one.
    pub account: Option<String>,
    /// The program and its arguments that return the credentials of these registries for Docker's `get`.
    pub command: Option<Vec<String>>,
    /// How long its credentials may be cached, if they have no expiry; for an exchange, the TTL to request.
    pub life: Option<Duration>,
    /// The exchange that these registries' tokens come from.
    pub exchange: Option<ExchangeRule>,
    /// Fewer rights than those of the identity.
    pub narrowing: Narrowing,
    /// The stored login that serves these registries, and nothing else: its address, on the same host.
    pub login: Option<ServerUrl>,
    /// Whether it selects an identity, and not only what happens if that fails.
    pub chooses_identity: bool,
    /// Whether it is from the settings for all users of the machine.
    pub is_of_machine: bool,
    /// The response if an identity exists and fails; default: that of all registries.
    pub on_failure: Option<OnFailure>,
}

impl Rule {
    /// Whether this rule matches some images of this host, and not all.
    pub fn matches_some_images_of(&self, server: &ServerUrl) -> bool {
        self.has_path() && is_host(&self.host().to_ascii_lowercase(), server)
    }

    /// The host that `match` names, or its pattern.
    pub fn host(&self) -> &str {
        self.pattern.split('/').next().unwrap_or_default()
    }

    /// Whether `match` has a path: the rule is for some images of a registry.
    pub(crate) fn has_path(&self) -> bool {
        self.pattern.split('/').skip(1).any(|part| !part.is_empty())
    }

    /// Whether this rule matches a registry.
    pub fn matches(&self, server: &ServerUrl) -> bool {
        let pattern = self.pattern.to_ascii_lowercase();
        let (host, path) = pattern.split_once('/').unwrap_or((&pattern, ""));
        let path_of_server = server.path().to_ascii_lowercase();
        let mut parts = path_of_server.split('/').filter(|part| !part.is_empty());
        is_host(host, server)
            && path
                .split('/')
                .filter(|part| !part.is_empty())
                .all(|part| parts.next().is_some_and(|given| glob(part, given)))
    }
}

/// Docker uses another name for Docker Hub than the one in an image reference.
fn is_host(pattern: &str, server: &ServerUrl) -> bool {
    glob(pattern, &server.authority()) || server.aliases().iter().any(|alias| glob(pattern, alias))
}

/// Whether `text` matches `pattern`; linear in practice, because it backtracks only to the last star.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_hosts_and_leading_parts_of_paths() {
        for (pattern, server, expected) in [
            ("r.example", "https://R.example/v2/", true),
            ("R.Example", "r.example", true),
            ("r.example", "xr.example", false),
            ("r.example", "r.example:5000", false),
            ("r.example:5000", "r.example:5000", true),
            ("*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com", true),
            ("*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com.cn", false),
            ("12345678901?.*", "123456789012.dkr", true),
            ("*", "anything.example", true),
            ("docker.io", "https://index.docker.io/v1/", true),
            ("docker.io/team", "docker.io/team/app", true),
            ("docker.io", "docker.io:5000", false),
            ("r.example/team", "r.example/team/app", true),
            ("r.example/team", "r.example/teams", false),
            ("r.example/team-*", "r.example/team-a/app", true),
            ("r.example/team", "r.example", false),
            ("r.example/a/b", "r.example/a", false),
            ("**a*?b", "xxaxxb", true),
            ("a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            let rule = Rule { pattern: pattern.into(), ..Rule::default() };
            assert_eq!(rule.matches(&ServerUrl::parse(server).unwrap()), expected, "{pattern} on {server}");
        }
    }
}
