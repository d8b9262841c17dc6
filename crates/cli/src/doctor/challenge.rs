/// How a registry wants to be shown credentials: <https://distribution.github.io/distribution/spec/auth/token/>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With every request.
    Basic,
    /// To the server at `realm`, which gives a token for them.
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

    /// Whether credentials for this registry may be sent to the realm: over TLS or within this machine,
    /// to the registry itself or its neighbour in the same domain.
    pub(super) fn is_trusted(realm: &str, registry: &str) -> bool {
        let (scheme, rest) = realm.split_once("://").unwrap_or(("", realm));
        let host = host_of(rest.split(['/', '?']).next().unwrap_or(rest));
        let registry = host_of(registry);
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let is_neighbour = host == registry || (domain(host).contains('.') && domain(host) == domain(registry));
        // GitLab's and others' realms may be elsewhere; then it is for a person to say that it is right.
        !rest.contains('@') && is_neighbour && (scheme == "https" || (scheme == "http" && is_here))
    }
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The last two labels; a name below a registry's own domain is a neighbour.
fn domain(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.');
    match (dots.next(), dots.next()) {
        (Some(_), Some((at, _))) if host.bytes().any(|byte| byte.is_ascii_alphabetic()) => &host[at + 1..],
        _ => host,
    }
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
    fn credentials_go_to_neighbours_over_tls_alone() {
        for (realm, registry, is_trusted) in [
            ("https://auth.docker.io/token", "registry-1.docker.io", true),
            ("https://ghcr.io/token", "ghcr.io", true),
            ("https://r.example:5001/token", "r.example:5000", true),
            ("http://127.0.0.1:5001/token", "127.0.0.1:5000", true),
            ("http://ghcr.io/token", "ghcr.io", false),
            ("https://attacker.example/token", "ghcr.io", false),
            ("https://ghcr.io@attacker.example/token", "ghcr.io", false),
            ("https://ghcr.io.attacker.example/", "ghcr.io", false),
            ("https://evilghcr.io/", "ghcr.io", false),
            ("https://127.0.0.1/token", "10.0.0.1", false),
            ("ghcr.io/token", "ghcr.io", false),
        ] {
            assert_eq!(Challenge::is_trusted(realm, registry), is_trusted, "{realm} for {registry}");
        }
    }
}
