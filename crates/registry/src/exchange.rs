//! Tokens in exchange for other tokens: the registries that take the identity of a job, one row each.

mod rows;

use protocol::ServerUrl;

pub use rows::EXCHANGES;

/// A registry that mints its tokens in exchange for another one: the identity token of a job, or an API
/// token. One row of [`EXCHANGES`] is all that there is to one.
///
/// Texts may hold `{key}`: a key of the `[[registry]]` table, `host` (with a port), `region` (of the host), `ttl`
/// (seconds) or `read_write` (`true` where `access = "push"`).
#[derive(Debug)]
pub struct Exchange {
    /// `provider` in the settings.
    pub provider: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Its hosts; `*` is a label or its beginning, `{region}` the name of a region. Others are named in the settings.
    pub hosts: &'static [&'static str],
    /// Whether it serves the public, too.
    pub public: bool,
    /// The keys of its own.
    pub keys: &'static [Key],
    /// What is exchanged.
    pub subject: Subject,
    /// `None` if the registry takes the identity token itself for a password.
    pub request: Option<Request>,
    /// What the answer looks like.
    pub response: Response,
    /// The user name if the response has none.
    pub username: Username,
    /// The TTL that can be requested.
    pub ttl: Option<Ttl>,
    /// What to do about a refusal: the first that fits.
    pub refusals: &'static [Refusal],
}

/// A key of a `[[registry]]` table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Whether there has to be a value.
    pub required: bool,
    /// The hosts that need none, as in [`Exchange::hosts`].
    pub unless: &'static [&'static str],
    /// The variable that stands in for it.
    pub variable: Option<&'static str>,
}

/// What is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The identity token of the job, for an audience.
    IdentityToken(Audience),
    /// A token in one of these variables, or where `token_env` and `token_file` say.
    ApiToken(&'static [&'static str]),
    /// The request is signed with a key of Oracle's config file: `oci_profile`.
    OciProfile,
    /// The request is signed with an AccessKey of Alibaba Cloud: variables, or `aliyun_profile`.
    AccessKey,
}

/// Whom an identity token is for. Any service with the same audience would take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Always this one.
    Fixed(&'static str),
    /// This one, if the settings name no other.
    Default(&'static str),
    /// The one that the settings name.
    Setting,
}

/// The request of an exchange.
#[derive(Debug)]
pub struct Request {
    /// Where it is sent; the one address that the subject token goes to.
    pub url: &'static str,
    /// The form of it.
    pub body: Body,
    /// Where the subject token stands in it.
    pub proof: Proof,
    /// The other fields; one whose key has no value is left out.
    pub fields: &'static [(&'static str, &'static str)],
}

/// The form of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// GET.
    Get,
    /// POST with nothing in it.
    Empty,
    /// POST, as [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693#section-2.1) has it.
    Form,
    /// POST with an object.
    Json,
}

/// Where the subject token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// In this field of the body.
    Field(&'static str),
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`, as the password of this user.
    Basic(&'static str),
    /// In this header.
    Header(&'static str),
    /// There is none: the request is signed.
    Signature,
}

/// What the answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// An object with these members; an empty name is none.
    Fields {
        /// The token.
        token: &'static str,
        /// Its TTL in seconds.
        expires_in: &'static str,
        /// Its expiry, as in RFC 3339.
        expires: &'static str,
        /// The name of the user.
        username: &'static str,
    },
    /// Docker's `config.json`, with the pair under this host.
    DockerConfig(&'static str),
    /// Alibaba Cloud's, of either edition.
    Alibaba,
}

/// The name of the user that goes with a token. Never `<token>`, for which Docker would take the token for
/// one to refresh others with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Username {
    /// This one, unless the settings say another.
    Is(&'static str),
    /// From the subject of the minted token, as JFrog's own clients read it.
    JFrogSubject,
}

/// A TTL that can be requested, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// The requested TTL without `life`.
    pub default: u64,
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What stands in the body; empty for anything.
    pub words: &'static str,
    /// What to do.
    pub hint: &'static str,
}

impl Exchange {
    /// By its name in the settings.
    pub fn named(provider: &str) -> Option<&'static Exchange> {
        EXCHANGES.iter().find(|row| row.provider == provider)
    }

    /// The one whose own hosts an address is one of.
    pub fn of_host(server: &ServerUrl) -> Option<&'static Exchange> {
        EXCHANGES.iter().find(|row| row.serves(server))
    }

    /// Whether an address is one of its own hosts: with TLS at its own port, as for the clouds.
    pub fn serves(&self, server: &ServerUrl) -> bool {
        server.is_https() && server.port().is_none() && server.is_plain() && has(self.hosts, server)
    }

    /// The region that one of its own hosts names.
    pub fn region<'a>(&self, server: &'a ServerUrl) -> Option<&'a str> {
        let pattern = self.hosts.iter().find(|pattern| fits(pattern, server.host()))?;
        pattern.split('.').zip(server.host().split('.')).find(|(label, _)| *label == REGION).map(|(_, name)| name)
    }
}

impl Key {
    /// Whether there has to be a value for this host.
    pub fn is_required(&self, server: &ServerUrl) -> bool {
        self.required && !has(self.unless, server)
    }
}

const REGION: &str = "{region}";

fn has(patterns: &[&str], server: &ServerUrl) -> bool {
    patterns.iter().any(|pattern| fits(pattern, server.host()))
}

/// Whether a host is one of a pattern: label by label, so that nothing may precede or follow.
fn fits(pattern: &str, host: &str) -> bool {
    let label_fits = |(pattern, label): (&str, &str)| match pattern.strip_prefix('*') {
        Some(rest) => label.strip_suffix(rest).is_some_and(is_label),
        None if pattern == REGION => is_region(label),
        None => pattern == label,
    };
    pattern.split('.').count() == host.split('.').count() && pattern.split('.').zip(host.split('.')).all(label_fits)
}

/// `cn-hangzhou`, `us-west-1`: unlike `oss-cn-hangzhou`, below which anybody may have a bucket of any name.
fn is_region(label: &str) -> bool {
    is_label(label) && label.find('-') == Some(2) && label.len() > 3
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The provider that the settings describe by themselves: [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693).
pub const GATEWAY: &str = "exchange";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(server: &str) -> Option<&'static str> {
        Exchange::of_host(&ServerUrl::parse(server).unwrap()).map(|row| row.provider)
    }

    #[test]
    fn hosts_are_whole_and_nothing_may_follow() {
        for (server, expected) in [
            ("docker.io", Some("dockerhub")),
            ("https://index.docker.io/v1/", Some("dockerhub")),
            ("dhi.io", Some("dockerhub")),
            ("https://Quay.io/v2/", Some("quay")),
            ("corp.jfrog.io", Some("jfrog")),
            ("fra.ocir.io", Some("oracle")),
            ("eu-frankfurt-1.ocir.io", Some("oracle")),
            ("ocir.io", None),
            ("a.fra.ocir.io", None),
            ("fra.ocir.io.attacker.example", None),
            ("registry.cn-hangzhou.aliyuncs.com", Some("alibaba")),
            ("registry-vpc.cn-hangzhou.aliyuncs.com", Some("alibaba")),
            ("registry-intl.ap-southeast-1.aliyuncs.com", Some("alibaba")),
            ("https://Corp-registry.cn-hangzhou.cr.aliyuncs.com", Some("alibaba")),
            ("corp-team-registry-vpc.us-west-1.cr.aliyuncs.com", Some("alibaba")),
            ("registry.oss-cn-hangzhou.aliyuncs.com", None),
            ("registry.cn-hangzhou.cr.aliyuncs.com", None),
            ("-registry.cn-hangzhou.cr.aliyuncs.com", None),
            ("corpregistry.cn-hangzhou.cr.aliyuncs.com", None),
            ("corp-registry.cn-hangzhou.aliyuncs.com", None),
            ("corp-registry-xvpc.cn-hangzhou.cr.aliyuncs.com", None),
            ("registry.cn-.aliyuncs.com", None),
            ("registry.aliyuncs.com", None),
            ("a.registry.cn-hangzhou.aliyuncs.com", None),
            ("xregistry.cn-hangzhou.aliyuncs.com", None),
            ("registry.cn-hangzhou.aliyuncs.com.cn", None),
            ("registry.cn-hangzhou.aliyuncs.com.attacker.example", None),
            ("registry.cn-hangzhou.aliyuncs.com:5000", None),
            ("docker.cloudsmith.io", Some("cloudsmith")),
            ("docker.cloudsmith.com", Some("cloudsmith")),
            ("cgr.dev", Some("chainguard")),
            ("registry.digitalocean.com", Some("digitalocean")),
            ("packages.buildkite.com/org/registry", Some("buildkite")),
            ("http://quay.io", None),
            ("quay.io:8443", None),
            ("quay.io.attacker.example", None),
            ("xquay.io", None),
            ("quay.io.", None),
            ("me@quay.io", None),
            ("jfrog.io", None),
            ("a.b.jfrog.io", None),
            ("corp.jfrog.io.attacker.example", None),
            ("corp-jfrog.io", None),
            ("attacker.example/quay.io", None),
        ] {
            assert_eq!(of(server), expected, "{server}");
        }
    }

    #[test]
    fn a_host_names_its_region_and_spares_a_key() {
        let row = Exchange::named("alibaba").unwrap();
        for (host, region, needed) in [
            ("registry-vpc.cn-hangzhou.aliyuncs.com", Some("cn-hangzhou"), &[][..]),
            ("corp-registry.us-west-1.cr.aliyuncs.com", Some("us-west-1"), &["instance_id"]),
            ("images.corp.example", None, &["instance_id", "region"]),
        ] {
            let server = ServerUrl::parse(host).unwrap();
            let keys: Vec<_> = row.keys.iter().filter(|key| key.is_required(&server)).map(|key| key.name).collect();
            assert_eq!((row.region(&server), &keys[..]), (region, needed), "{host}");
        }
    }

    #[test]
    fn rows_are_whole() {
        for row in EXCHANGES {
            let is_signed = row.request.as_ref().is_some_and(|request| request.proof == Proof::Signature);
            let signs = matches!(row.subject, Subject::OciProfile | Subject::AccessKey);
            assert_eq!(is_signed, signs, "{}", row.provider);
            let provider = row.provider;
            assert!(std::ptr::eq(Exchange::named(provider).unwrap(), row), "{provider} is there twice");
            assert!(!row.public || !row.hosts.is_empty(), "{provider}");
            let known = |key: &str| {
                matches!(key, "host" | "ttl" | "read_write" | "platform") || row.keys.iter().any(|it| it.name == key)
            };
            let request = row.request.iter();
            let texts = request.clone().map(|request| request.url);
            let texts = texts.chain(request.flat_map(|request| request.fields.iter().map(|(_, value)| *value)));
            for text in texts {
                for hole in text.split('{').skip(1) {
                    let key = hole.split('}').next().unwrap();
                    assert!(known(key), "{provider} has no key {key}");
                }
            }
            if let Some(request) = &row.request {
                let is_safe = ["https://", "{platform}", "{url}"].iter().any(|start| request.url.starts_with(start));
                assert!(is_safe, "{provider}: {}", request.url);
            }
        }
    }
}
