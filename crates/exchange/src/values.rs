use std::collections::BTreeMap;
use std::time::Duration;

use protocol::ServerUrl;
use registry::Exchange;
use registry::exchange::Key;
use settings::{ExchangeRule, Policy, Setup};

/// What stands for `{key}` in the texts of a row.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    map: BTreeMap<&'static str, String>,
}

impl Values {
    /// Of the settings, and of variables where they say nothing; with the first key that has no value and needs one.
    pub(crate) fn of(
        row: &'static Exchange,
        rule: Option<&ExchangeRule>,
        life: Option<Duration>,
        server: &ServerUrl,
        setup: &Setup,
    ) -> (Self, Option<&'static str>) {
        let environment = &setup.environment;
        let mut map = rule.map(|rule| rule.values.clone()).unwrap_or_default();
        for key in row.keys {
            if let (false, Some(variable)) = (map.contains_key(key.name), key.variable)
                && let Some(value) = environment.text(variable)
            {
                map.insert(key.name, value.trim().to_owned());
            }
        }
        let is_missing = |key: &&Key| key.is_required(server) && !map.contains_key(key.name);
        let missing = row.keys.iter().find(is_missing).map(|key| key.name);
        if let Some(region) = row.region(server) {
            map.entry("region").or_insert_with(|| region.to_owned());
        }
        map.insert("host", server.authority());
        if let Some(ttl) = row.ttl {
            // A token need not last longer than it may be used.
            let most =
                setup.settings.policy.as_ref().and_then(Policy::max_life).map_or(ttl.most, |most| most.as_secs());
            let wanted = life.map_or(ttl.default, |life| life.as_secs()).min(most).max(ttl.least);
            map.insert("ttl", wanted.to_string());
        }
        let pushes = map.get("access").is_some_and(|access| access == "push");
        map.insert("read_write", pushes.to_string());
        (Values { map }, missing)
    }

    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.map.get(key).map(String::as_str)
    }

    /// The requested TTL.
    pub(crate) fn ttl(&self) -> Option<u64> {
        self.value("ttl")?.parse().ok()
    }

    /// A text with its values; `None` if one is missing.
    pub(crate) fn fill(&self, text: &str) -> Option<String> {
        self.filled(text, str::to_owned)
    }

    /// An address with its values. The first one may be an address itself, as it stands.
    pub(crate) fn fill_url(&self, text: &str) -> Option<String> {
        match text.strip_prefix("https://{host}") {
            Some(rest) => Some(format!("https://{}{}", self.value("host")?, self.filled(rest, encoded)?)),
            None if text.starts_with('{') => {
                let (key, rest) = text[1..].split_once('}')?;
                Some(format!("{}{}", self.value(key)?, self.filled(rest, encoded)?))
            }
            None => self.filled(text, encoded),
        }
    }

    fn filled(&self, text: &str, form: fn(&str) -> String) -> Option<String> {
        let mut rest = text;
        let mut filled = String::with_capacity(text.len() + 64);
        while let Some((before, after)) = rest.split_once('{') {
            let (key, after) = after.split_once('}')?;
            filled.push_str(before);
            filled.push_str(&form(self.value(key)?));
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.map.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// As a part of a path or a query: what has a meaning there is escaped.
pub(crate) fn encoded(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_what_has_a_meaning_in_an_address_is_escaped() {
        let server = ServerUrl::parse("r.example:5000").unwrap();
        let of = |variables: &[(&str, &str)]| Setup::of("/nowhere".as_ref(), variables);
        let setup = of(&[("CLOUDSMITH_ORG", "a/../b?c"), ("CLOUDSMITH_SERVICE_SLUG", " slug ")]);
        let row = Exchange::named("cloudsmith").unwrap();
        let (values, missing) = Values::of(row, None, None, &server, &setup);
        assert_eq!(missing, None);
        assert_eq!(values.fill_url("https://x/openid/{organization}/").unwrap(), "https://x/openid/a%2F..%2Fb%3Fc/");
        assert_eq!(values.fill_url("https://{host}/t?a={service_slug}").unwrap(), "https://r.example:5000/t?a=slug");
        assert_eq!(values.fill("{service_slug}-{host}").unwrap(), "slug-r.example:5000");
        assert_eq!((values.fill("{nothing}"), values.fill_url("{platform}/x")), (None, None));
        let (_, missing) = Values::of(row, None, None, &server, &of(&[("CLOUDSMITH_ORG", "a")]));
        assert_eq!(missing, Some("service_slug"));
    }

    #[test]
    fn a_ttl_is_requested_where_possible() {
        let server = ServerUrl::parse("docker.io").unwrap();
        let of = |provider, life| {
            let row = Exchange::named(provider).unwrap();
            Values::of(row, None, life, &server, &Setup::of("/nowhere".as_ref(), &[])).0.ttl()
        };
        assert_eq!(of("dockerhub", None), Some(3600));
        assert_eq!(of("dockerhub", Some(Duration::from_secs(300))), Some(300));
        assert_eq!(of("quay", None), None);
    }
}
