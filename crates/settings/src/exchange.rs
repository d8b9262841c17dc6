use std::collections::BTreeMap;
use std::path::PathBuf;

use registry::Exchange;
use registry::exchange::{Audience, GATEWAY, Key, Subject};
use serde::Deserialize;

/// The exchange of a `[[registry]]` table: `provider = "dockerhub"` and the keys that go with it.
#[derive(Clone, Debug)]
pub struct ExchangeRule {
    /// The row of the table of exchanges.
    pub exchange: &'static Exchange,
    /// Its keys and their values.
    pub values: BTreeMap<&'static str, String>,
    /// The identity token that is exchanged.
    pub identity: IdentityRule,
    /// The request and the response of `provider = "exchange"`.
    pub gateway: Gateway,
    /// Whether `match` names one host. A token goes to no host that only a wildcard matches, except to the
    /// provider's own.
    pub names_host: bool,
}

/// The source and the audience of an identity token.
#[derive(Clone, Debug, Default)]
pub struct IdentityRule {
    /// `identity`; else whichever CI runs this job.
    pub source: Option<IdentitySource>,
    /// `audience`.
    pub audience: Option<String>,
    /// `token_file`: a file that holds it.
    pub file: Option<PathBuf>,
    /// `token_env`: the variable that holds it.
    pub variable: Option<String>,
    /// `token_command`: a program that prints it, and its arguments.
    pub command: Option<Vec<String>>,
}

/// A place that gives identity tokens to what runs there: `identity` in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentitySource {
    /// GitHub Actions, also of GitHub Enterprise Server, and Forgejo Actions.
    Github,
    /// GitLab CI: `token_env` names the variable of `id_tokens`.
    Gitlab,
    /// Azure Pipelines.
    AzurePipelines,
    /// Buildkite.
    Buildkite,
    /// CircleCI.
    Circleci,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// A projected service account token: `token_file` names it.
    Kubernetes,
    /// The metadata server of Google Cloud.
    Google,
    /// AWS: whatever identity this machine has there.
    Aws,
}

/// The exchange that a table describes by itself; the rest is as in RFC 8693.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// `fields`: further fields of the request. If one is `{identity_token}`, there are no others.
    pub fields: BTreeMap<String, String>,
    /// `response`: the names of the response's fields, by `token`, `expires_in`, `expires` and `username`.
    pub response: BTreeMap<String, String>,
}

/// The keys that only a table with an exchange may have.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) values: Vec<(&'static str, Option<String>)>,
    pub(crate) identity: Option<IdentitySource>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) variable: Option<String>,
    pub(crate) command: Option<Vec<String>>,
    pub(crate) fields: Option<BTreeMap<String, String>>,
    pub(crate) response: Option<BTreeMap<String, String>>,
}

impl Keys {
    /// The first key that is set and needs an exchange.
    fn first(&self) -> Option<&'static str> {
        let others = [
            ("identity", self.identity.is_some()),
            ("token_file", self.file.is_some()),
            ("token_env", self.variable.is_some()),
            ("token_command", self.command.is_some()),
            ("fields", self.fields.is_some()),
            ("response", self.response.is_some()),
        ];
        let values = self.values.iter().map(|(name, value)| (*name, value.is_some()));
        values.chain(others).find(|(name, is_there)| *is_there && *name != "account").map(|(name, _)| name)
    }

    /// For a table without an exchange: it has none of these keys.
    pub(crate) fn must_be_absent(&self) -> Result<(), String> {
        let Some(key) = self.first() else { return Ok(()) };
        let takes = |row: &&Exchange| row.keys.iter().any(|it| it.name == key);
        let providers: Vec<_> = registry::exchange::EXCHANGES.iter().filter(takes).map(|row| row.provider).collect();
        let providers = if providers.is_empty() { vec!["dockerhub", "quay"] } else { providers };
        Err(format!("{key} needs a provider that takes it, such as provider = \"{}\"", providers[0]))
    }

    /// For a table with an exchange.
    pub(crate) fn rule(
        self,
        exchange: &'static Exchange,
        pattern: &str,
        audience: Option<String>,
    ) -> Result<ExchangeRule, String> {
        let provider = exchange.provider;
        let mut values = BTreeMap::new();
        for (name, value) in self.values {
            let Some(value) = value else { continue };
            if !exchange.keys.iter().any(|key| key.name == name) {
                return Err(format!("provider = \"{provider}\" does not take {name}"));
            }
            if value.is_empty() {
                return Err(format!("{name} is empty"));
            }
            values.insert(name, value);
        }
        // What only some hosts need is known with the host.
        let is_needed = |key: &&Key| key.required && key.variable.is_none() && key.unless.is_empty();
        for key in exchange.keys.iter().filter(is_needed) {
            if !values.contains_key(key.name) {
                return Err(format!("provider = \"{provider}\" needs {}", key.name));
            }
        }
        for name in ["url", "platform"] {
            if let Some(address) = values.get_mut(name) {
                *address = address.trim_end_matches('/').to_owned();
                if !is_address(address) {
                    return Err(format!("{name} is an address that begins with https://"));
                }
            }
        }
        if values.get("access").is_some_and(|access| access != "pull" && access != "push") {
            return Err("access is \"pull\" or \"push\"".to_owned());
        }
        if values.get("format").is_some_and(|format| format != "form" && format != "json") {
            return Err("format is \"form\" or \"json\"".to_owned());
        }
        if provider != GATEWAY && (self.fields.is_some() || self.response.is_some()) {
            return Err(format!("fields and response need provider = \"{GATEWAY}\""));
        }
        let known = ["token", "expires_in", "expires", "username"];
        if let Some(name) =
            self.response.iter().flatten().map(|(name, _)| name).find(|it| !known.contains(&it.as_str()))
        {
            return Err(format!("response has no {name}: it names token, expires_in, expires and username"));
        }
        let names_host = !pattern.split('/').next().unwrap_or_default().contains(['*', '?']);
        let url = exchange.request.as_ref().map_or("", |request| request.url);
        let follows_host = url.contains("{host}") || url.contains("{platform}") && !values.contains_key("platform");
        if !names_host && (exchange.hosts.is_empty() || follows_host) {
            return Err(format!(
                "match must name a single host for provider = \"{provider}\", because a token is sent to it"
            ));
        }
        if follows_host && url.contains("{platform}") {
            let host = pattern.split('/').next().unwrap_or_default();
            values.insert("platform", format!("https://{host}"));
        }
        let identity = IdentityRule {
            source: self.identity,
            audience,
            file: self.file,
            variable: self.variable,
            command: self.command,
        };
        identity.check(exchange)?;
        let gateway = Gateway { fields: self.fields.unwrap_or_default(), response: self.response.unwrap_or_default() };
        Ok(ExchangeRule { exchange, values, identity, gateway, names_host })
    }
}

impl IdentityRule {
    fn check(&self, exchange: &Exchange) -> Result<(), String> {
        let named = [self.file.is_some(), self.variable.is_some(), self.command.is_some()];
        if named.iter().filter(|is_there| **is_there).count() > 1 {
            return Err("set only one of token_file, token_env and token_command".to_owned());
        }
        let provider = exchange.provider;
        let Subject::IdentityToken(audience) = exchange.subject else {
            let has_token = self.file.is_some() || self.variable.is_some();
            return match (self.source, &self.audience, &self.command) {
                (None, None, None) if matches!(exchange.subject, Subject::ApiToken(_)) || !has_token => Ok(()),
                _ if exchange.subject == Subject::OciProfile => Err(format!(
                    "provider = \"{provider}\" signs with a profile of Oracle's config file: name it by oci_profile"
                )),
                _ if exchange.subject == Subject::AccessKey => Err(format!(
                    "provider = \"{provider}\" signs with an AccessKey: set ALIBABA_CLOUD_ACCESS_KEY_ID, or aliyun_profile"
                )),
                _ => Err(format!("provider = \"{provider}\" takes an API token: name it by token_env or token_file")),
            };
        };
        match (self.source, &self.variable, &self.file) {
            (Some(IdentitySource::Gitlab), None, _) => {
                return Err("identity = \"gitlab\" needs token_env: the variable under id_tokens".to_owned());
            }
            (Some(IdentitySource::Kubernetes), _, None) => {
                return Err("identity = \"kubernetes\" needs token_file: that of a projected volume".to_owned());
            }
            (Some(IdentitySource::Gitlab), Some(_), _) | (Some(IdentitySource::Kubernetes), _, Some(_)) => {}
            (Some(_), ..) if named.contains(&true) => {
                return Err("a table has an identity, or token_file, token_env or token_command".to_owned());
            }
            _ => {}
        }
        match (audience, &self.audience) {
            (Audience::Fixed(_), Some(_)) => Err(format!("the audience of provider = \"{provider}\" is fixed")),
            (Audience::Setting, None) => {
                Err(format!("provider = \"{provider}\" needs audience, which the identity token is requested for"))
            }
            _ => Ok(()),
        }
    }
}

/// Over TLS, or on this machine.
fn is_address(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let plain = !host.is_empty() && !rest.contains(['?', '#', '@', '\\', ' ']);
    plain && (scheme == "https" || scheme == "http" && matches!(host, "localhost" | "127.0.0.1" | "::1"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::Settings;

    fn parse(pattern: &str, keys: &str) -> Result<crate::ExchangeRule, String> {
        let text = format!("[[registry]]\nmatch = \"{pattern}\"\n{keys}\n");
        let settings = Settings::parse(&text).map_err(|failure| failure.to_string())?;
        Ok(settings.rules.into_iter().next().unwrap().exchange.unwrap())
    }

    #[test]
    fn keys_that_do_not_fit_are_named() {
        for (pattern, keys, words) in [
            ("docker.io", "provider = \"dockerhub\"", "needs account"),
            (
                "docker.io",
                "connection_id = \"x\"",
                "connection_id needs a provider that takes it, such as provider = \"dockerhub\"",
            ),
            ("docker.io", "identity = \"github\"", "identity needs a provider"),
            ("docker.io", "provider = \"dockerhub\"\naccount = \"a\"\nrobot = \"r\"", "does not take robot"),
            ("docker.io", "provider = \"dockerhub\"\naccount = \"a\"\naudience = \"x\"", "is fixed"),
            ("docker.io", "provider = \"dockerhub\"\naccount = \"a\"\nprofile = \"x\"", "does not take profile"),
            ("docker.io", "provider = \"dockerhub\"\naccount = \"a\"\nhelper = \"pass\"", "cannot be combined"),
            ("docker.io", "provider = \"dockerhub\"\naccount = \"a\"\nlife = 60", "life must be 300 to 3600"),
            ("quay.io", "provider = \"quay\"\nrobot = \"a+b\"\nlife = 600", "cannot ask for a TTL"),
            ("quay.io", "provider = \"dockrhub\"", "unknown variant `dockrhub`; did you mean `dockerhub`?"),
            ("quay.*", "provider = \"quay\"\nrobot = \"a+b\"", "match must name a single host"),
            (
                "*.jfrog.io",
                "provider = \"jfrog\"\nprovider_name = \"p\"\naudience = \"a\"",
                "match must name a single host",
            ),
            ("r.example", "provider = \"jfrog\"\nprovider_name = \"p\"", "needs audience"),
            (
                "r.example",
                "provider = \"exchange\"\nurl = \"http://x.example\"\naudience = \"a\"",
                "begins with https://",
            ),
            ("r.example", "provider = \"exchange\"\nurl = \"https://u@x\"\naudience = \"a\"", "begins with https://"),
            ("*", "provider = \"exchange\"\nurl = \"https://x\"\naudience = \"a\"", "match must name a single host"),
            (
                "r.example",
                "provider = \"identity-token\"\naudience = \"a\"\nfields = { a = \"b\" }",
                "fields and response need",
            ),
            ("r.example", "provider = \"identity-token\"\naudience = \"a\"\nidentity = \"gitlab\"", "needs token_env"),
            (
                "r.example",
                "provider = \"identity-token\"\naudience = \"a\"\nidentity = \"kubernetes\"",
                "needs token_file",
            ),
            (
                "r.example",
                "provider = \"identity-token\"\naudience = \"a\"\nidentity = \"jenkins\"",
                "unknown variant `jenkins`",
            ),
            (
                "r.example",
                "provider = \"identity-token\"\naudience = \"a\"\ntoken_env = \"A\"\ntoken_file = \"/b\"",
                "one of token_file, token_env and token_command",
            ),
            (
                "registry.digitalocean.com",
                "provider = \"digitalocean\"\nregistry_name = \"r\"\nidentity = \"github\"",
                "takes an API token",
            ),
            (
                "registry.digitalocean.com",
                "provider = \"digitalocean\"\nregistry_name = \"r\"\naccess = \"admin\"",
                "access is",
            ),
        ] {
            let error = parse(pattern, keys).unwrap_err();
            assert!(error.contains(words), "{keys}: {error}");
        }
    }

    #[test]
    fn what_fits_is_read() {
        let rule = parse("docker.io", "provider = \"dockerhub\"\naccount = \"corp\"\nlife = 600").unwrap();
        assert_eq!(
            (rule.exchange.provider, rule.values["account"].as_str(), rule.names_host),
            ("dockerhub", "corp", true)
        );
        let jfrog = "provider = \"jfrog\"\nprovider_name = \"p\"\naudience = \"a\"";
        assert_eq!(parse("corp.jfrog.io", jfrog).unwrap().values["platform"], "https://corp.jfrog.io");
        assert_eq!(parse("corp.jfrog.io/team-a/*", jfrog).unwrap().values["platform"], "https://corp.jfrog.io");
        let wide = parse("*.jfrog.io", &format!("{jfrog}\nplatform = \"https://corp.jfrog.io/\"")).unwrap();
        assert_eq!((wide.values["platform"].as_str(), wide.names_host), ("https://corp.jfrog.io", false));
        let own = "provider = \"exchange\"\nurl = \"http://127.0.0.1:1/t\"\naudience = \"a\"\n\
            fields = { jwt = \"{identity_token}\" }\nresponse = { token = \"t\" }";
        let rule = parse("r.example:5000", own).unwrap();
        assert_eq!(
            (rule.gateway.fields["jwt"].as_str(), rule.gateway.response["token"].as_str()),
            ("{identity_token}", "t")
        );
    }
}
