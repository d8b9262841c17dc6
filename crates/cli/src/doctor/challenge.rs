use public_suffix::{DEFAULT_PROVIDER, EffectiveTLDProvider};
use web::Url;

/// The authentication scheme that a registry requires: <https://distribution.github.io/distribution/spec/auth/token/>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Credentials with every request.
    Basic,
    /// Credentials for the token server at `realm`, and its token for the registry.
    Bearer { realm: String, service: String },
}

impl Challenge {
    /// Reads a `WWW-Authenticate` header: `Bearer realm="…",service="…"`.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        let field = |name: &str| fields(rest).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        scheme.eq_ignore_ascii_case("bearer").then_some(())?;
        Some(Challenge::Bearer { realm: field("realm")?, service: field("service").unwrap_or_default() })
    }
}

/// How the address of a token server relates to that of its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Realm {
    /// The registry itself, or a host of the same registrable domain, with TLS if the registry has it.
    SameDomain,
    /// Of another domain. Docker sends credentials there all the same.
    OtherDomain,
    /// Without TLS, or no address at all.
    Insecure,
}

impl Realm {
    /// Compares the address of a token server with that of its registry. A registry without TLS may have a
    /// token server without TLS.
    pub(super) fn of(realm: &str, registry: &Url) -> Self {
        let Some(realm) = Url::parse(realm).ok().filter(Url::has_host) else { return Realm::Insecure };
        let is_here = matches!(realm.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_safe = match realm.scheme() {
            "https" => true,
            "http" => is_here || registry.scheme() == "http",
            _ => false,
        };
        if !is_safe || !realm.username().is_empty() || realm.password().is_some() {
            return Realm::Insecure;
        }
        let is_same_domain = match (realm.host_str(), registry.host_str()) {
            (Some(one), Some(other)) if one == other => true,
            (Some(one), Some(other)) => domain(one).is_some_and(|one| Some(one) == domain(other)),
            _ => false,
        };
        if is_same_domain { Realm::SameDomain } else { Realm::OtherDomain }
    }
}

/// The registrable domain of a host: `evil.co.uk` and `bank.co.uk` are two.
fn domain(host: &str) -> Option<&str> {
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    DEFAULT_PROVIDER.effective_tld_plus_one(host).ok().filter(|_| !is_address)
}

/// `key="value", key=value`.
fn fields(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (key, after) = rest.split_once('=')?;
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        rest = left.trim_start_matches([',', ' ']);
        Some((key.trim().trim_start_matches(',').trim(), value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_as_registries_write_them() {
        let bearer = |realm: &str, service: &str| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.to_owned() })
        };
        for (header, expected) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            ("BASIC", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"a,b\"",
                bearer("https://ghcr.io/token", "ghcr.io"),
            ),
            (
                "bearer service=r.example, realm=\"https://r.example/t?a=b\"",
                bearer("https://r.example/t?a=b", "r.example"),
            ),
            ("Bearer realm=https://r.example/token", bearer("https://r.example/token", "")),
            ("Bearer service=\"x\"", None),
            ("Bearer realm=\"https://open", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    #[test]
    fn credentials_go_to_the_same_domain_over_tls_only() {
        use Realm::{Insecure, OtherDomain, SameDomain};
        for (realm, registry, expected) in [
            ("https://auth.docker.io/token", "https://registry-1.docker.io/", SameDomain),
            ("https://ghcr.io/token", "https://ghcr.io/", SameDomain),
            ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com/", SameDomain),
            ("https://r.example:5001/token", "https://r.example:5000/", SameDomain),
            ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000/", SameDomain),
            ("http://r.lan:5001/token", "http://r.lan:5000/", SameDomain),
            ("https://10.0.0.1:5001/", "https://10.0.0.1/", SameDomain),
            ("http://ghcr.io/token", "https://ghcr.io/", Insecure),
            ("https://ghcr.io@attacker.example/token", "https://ghcr.io/", Insecure),
            ("https://:x@ghcr.io/token", "https://ghcr.io/", Insecure),
            ("ghcr.io/token", "https://ghcr.io/", Insecure),
            ("ftp://ghcr.io/token", "https://ghcr.io/", Insecure),
            ("https://", "https://ghcr.io/", Insecure),
            ("https://attacker.example/token", "https://ghcr.io/", OtherDomain),
            ("https://ghcr.io.attacker.example/", "https://ghcr.io/", OtherDomain),
            ("https://evilghcr.io/", "https://ghcr.io/", OtherDomain),
            ("https://evil.co.uk/token", "https://registry.bank.co.uk/", OtherDomain),
            ("https://bank.co.uk/token", "https://registry.bank.co.uk/", SameDomain),
            ("https://evil.github.io/token", "https://bank.github.io/", OtherDomain),
            ("https://a.evil.github.io/token", "https://evil.github.io/", SameDomain),
            ("https://co.uk/token", "https://bank.co.uk/", OtherDomain),
            ("https://stranger#.registry.example.com/token", "https://registry.example.com/", OtherDomain),
            ("https://stranger?.registry.example.com/token", "https://registry.example.com/", OtherDomain),
            ("https://stranger\\.registry.example.com/token", "https://registry.example.com/", OtherDomain),
            ("https://api.scaleway.com/registry-internal/v1/token", "https://rg.fr-par.scw.cloud/", OtherDomain),
            ("https://ghcr.io/token", "https://lscr.io/", OtherDomain),
            ("https://10.0.0.2/token", "https://10.0.0.1/", OtherDomain),
            ("https://1.0.0.1/token", "https://10.0.0.1/", OtherDomain),
            ("https://b/token", "https://a/", OtherDomain),
        ] {
            assert_eq!(Realm::of(realm, &Url::parse(registry).unwrap()), expected, "{realm} for {registry}");
        }
    }
}
