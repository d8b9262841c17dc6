use std::path::PathBuf;

use protocol::ServerUrl;
use registry::Cloud;

/// A `[[registry]]` table: what is particular about the registries that it matches.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// `match`: a host, or a host and the first parts of a path, with `*` for any run of characters
    /// except `/` and `?` for one.
    pub pattern: String,
    /// The cloud registry that a custom domain stands for.
    pub target: Option<ServerUrl>,
    /// The cloud whose registry this is, where the host's name does not tell: GitHub Enterprise
    /// Server, Azure Local.
    pub provider: Option<Cloud>,
    /// AWS: the profile to sign in with, before anything that the environment says.
    pub profile: Option<String>,
    /// AWS: a role to assume with that identity.
    pub role_arn: Option<String>,
    /// AWS: the external id that the role asks for.
    pub external_id: Option<String>,
    /// AWS: the region whose STS is asked, where it is not the registry's own.
    pub region: Option<String>,
    /// Azure: the tenant to sign in to.
    pub tenant: Option<String>,
    /// Azure: the application, or the managed identity, to sign in as. GitHub: the OAuth app by which a
    /// person signs in with a code.
    pub client_id: Option<String>,
    /// Azure: the host that signs in, where it is not that of the registry's cloud.
    pub authority: Option<String>,
    /// Azure: what the token is asked for, where it is not Azure's container registries.
    pub audience: Option<String>,
    /// Google: the service account to impersonate.
    pub impersonate: Option<String>,
    /// Google: the credentials file to sign in with, before anything that the environment says.
    pub credentials_file: Option<PathBuf>,
    /// GitHub: the App to sign in as, by its id or its client id.
    pub app_id: Option<String>,
    /// GitHub: the App's installation; else the one of `account`.
    pub installation_id: Option<String>,
    /// GitHub: the App's private key, as PEM.
    pub private_key_file: Option<PathBuf>,
    /// GitHub: the user or the organisation that the App is installed for; else the one whose
    /// packages are asked for, else the only one.
    pub account: Option<String>,
}

impl Rule {
    /// Whether this rule is for a registry.
    pub fn matches(&self, server: &ServerUrl) -> bool {
        let pattern = self.pattern.to_ascii_lowercase();
        let (host, path) = pattern.split_once('/').unwrap_or((&pattern, ""));
        let asked = server.path().to_ascii_lowercase();
        let mut asked = asked.split('/').filter(|part| !part.is_empty());
        glob(host, &server.authority())
            && path
                .split('/')
                .filter(|part| !part.is_empty())
                .all(|part| asked.next().is_some_and(|asked| glob(part, asked)))
    }
}

/// Whether `text` is of the form of `pattern`; linear in practice, as it never goes back further
/// than to the last star.
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
