use std::time::Duration;

use broker::Scope;
use protocol::ServerUrl;
use registry::Exchange;
use registry::exchange::{Key, Subject as Kind, Username};
use settings::{ExchangeRule, Fingerprint, Gateway, Setup};

use crate::job::Job;
use crate::subject::Subject;
use crate::values::Values;

/// What minting needs to know.
#[derive(Clone, Debug)]
pub enum Target {
    /// A GitLab job's own registry.
    Job(Job),
    /// An exchange.
    Exchange(Box<Plan>),
}

/// One exchange, with all that the settings and the environment say of it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) server: ServerUrl,
    pub(crate) row: &'static Exchange,
    pub(crate) gateway: Gateway,
    pub(crate) values: Values,
    pub(crate) subject: Subject,
    /// A key that needs a value and has none.
    pub(crate) missing: Option<&'static str>,
    username: String,
}

impl Plan {
    /// The name of the user, as far as it is known without a token.
    pub(crate) fn user(&self) -> &str {
        &self.username
    }
}

impl Target {
    pub(crate) fn username(&self) -> &str {
        match self {
            Target::Job(job) => job.username(),
            Target::Exchange(plan) => &plan.username,
        }
    }
}

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    // Under such addresses Docker keeps the tokens of its own sign-in to Docker Hub.
    let is_docker_s = !server.aliases().is_empty() && server.path().starts_with("/v1/");
    if !server.is_https() || !server.is_plain() || is_docker_s {
        return None;
    }
    let rule = setup.rule_of(server);
    if let Some(of_rule) = rule.and_then(|rule| rule.exchange.as_ref()) {
        let is_meant = of_rule.names_host || of_rule.exchange.serves(server);
        return is_meant.then(|| plan(server, of_rule.exchange, Some(of_rule), rule.and_then(|rule| rule.life), setup));
    }
    if rule.is_some_and(|rule| rule.command.is_some() || rule.login.is_some()) {
        return None;
    }
    if let Some(job) = Job::of(server, &setup.environment) {
        return Some(of_job(job, server, setup));
    }
    // Without a table it is set up by variables, or not at all.
    let row = Exchange::of_host(server)?;
    let has_value = |key: &Key| key.variable.is_some_and(|name| setup.environment.raw(name).is_some());
    let is_set_up = row.keys.iter().all(|key| !key.required || has_value(key));
    (is_set_up && matches!(row.subject, Kind::IdentityToken(_))).then(|| plan(server, row, None, None, setup))
}

fn of_job(job: Job, server: &ServerUrl, setup: &Setup) -> Scope<Target> {
    let mut print = Fingerprint::new();
    print.add("server", Some(server.authority().as_bytes())).variable(&setup.environment, "CI_JOB_ID");
    Scope {
        service: format!("gitlab-job:{}", plain(&server.authority())),
        identity: print.finish(),
        public: true,
        target: Target::Job(job),
    }
}

fn plan(
    server: &ServerUrl,
    row: &'static Exchange,
    rule: Option<&ExchangeRule>,
    life: Option<Duration>,
    setup: &Setup,
) -> Scope<Target> {
    let (values, missing) = Values::of(row, rule, life, server, setup);
    let subject = Subject::of(row, rule, &values, setup);
    let gateway = rule.map(|rule| rule.gateway.clone()).unwrap_or_default();
    // Docker Hub has one token for all its hosts, every other one is of a host.
    let is_of_host = !row.hosts.contains(&"docker.io") || !row.serves(server);
    let service = match is_of_host {
        true => format!("exchange:{}:{}", row.provider, plain(&server.authority())),
        false => format!("exchange:{}", row.provider),
    };
    let mut print = Fingerprint::new();
    for (name, value) in values.all().filter(|(name, _)| is_of_host || *name != "host") {
        print.add(name, Some(value.as_bytes()));
    }
    for (kind, texts) in [("field", &gateway.fields), ("response", &gateway.response)] {
        for (name, value) in texts {
            print.add(kind, Some(name.as_bytes())).add("value", Some(value.as_bytes()));
        }
    }
    subject.add_to(&mut print, setup);
    let username = username(row, &values);
    let plan = Plan { server: server.clone(), row, gateway, values, subject, missing, username };
    let target = Target::Exchange(Box::new(plan));
    Scope { service, identity: print.finish(), public: row.public, target }
}

/// As far as it is known without a token.
fn username(row: &Exchange, values: &Values) -> String {
    let named = values.value("username").map(str::to_owned);
    let of_row = || match row.username {
        Username::Is(text) => values.fill(text),
        Username::JFrogSubject => None,
    };
    // `list` names the user that `get` would return, which only the response tells.
    named.or_else(of_row).filter(|name| !name.is_empty()).unwrap_or_else(|| row.provider.to_owned())
}

/// What may stand in the name of a token.
fn plain(authority: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | ':');
    authority.chars().map(|sign| if is_plain(sign) { sign } else { '-' }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use settings::Settings;

    use super::*;

    const HUB: &str = "[[registry]]\nmatch = \"docker.io\"\nprovider = \"dockerhub\"\naccount = \"corp\"\n";
    const CONNECTION: &str = "connection_id = \"0b6a4b0e-0000-0000-0000-000000000000\"\n";
    const JOB: [(&str, &str); 2] =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", "https://a/1"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")];

    fn scope(settings: &str, variables: &[(&str, &str)], server: &str) -> Option<Scope<Target>> {
        let mut setup = Setup::of(Path::new("/nowhere"), variables);
        setup.settings = Settings::parse(settings).unwrap();
        of(&ServerUrl::parse(server).unwrap(), &setup)
    }

    #[test]
    fn a_registry_without_set_up_has_no_owner() {
        for server in ["docker.io", "quay.io", "cgr.dev", "corp.jfrog.io", "registry.digitalocean.com", "r.example"] {
            assert!(scope("", &JOB, server).is_none(), "{server}");
        }
        // An API token gives access to an account: it is not sent only because it exists.
        assert!(scope("", &[("DIGITALOCEAN_ACCESS_TOKEN", "x")], "registry.digitalocean.com").is_none());
        // Without the name of the user a connection is not set up.
        assert!(scope("", &[("DOCKERHUB_OIDC_CONNECTIONID", "x")], "docker.io").is_none());
        let cloudsmith = [("CLOUDSMITH_ORG", "o"), ("CLOUDSMITH_SERVICE_SLUG", "s")];
        assert_eq!(
            scope("", &cloudsmith, "docker.cloudsmith.io").unwrap().service,
            "exchange:cloudsmith:docker.cloudsmith.io"
        );
    }

    #[test]
    fn a_token_goes_to_no_host_that_only_a_wildcard_matches() {
        let wide = HUB.replace("docker.io", "*") + CONNECTION;
        for (server, expected) in
            [("docker.io", true), ("dhi.io", true), ("docker.io.attacker.example", false), ("attacker.example", false)]
        {
            assert_eq!(scope(&wide, &JOB, server).is_some(), expected, "{server}");
        }
        let named = HUB.to_owned() + CONNECTION;
        for server in ["http://docker.io", "docker.io:5000", "me@docker.io", "https://index.docker.io/v1/access-token"]
        {
            assert!(scope(&named, &JOB, server).is_none(), "{server}");
        }
        assert!(scope(&named, &JOB, "https://index.docker.io/v1/").is_some());
    }

    #[test]
    fn another_job_connection_or_account_is_another_token() {
        let id = |settings: &str, variables: &[(&str, &str)]| scope(settings, variables, "docker.io").unwrap().id();
        let plain = HUB.to_owned() + CONNECTION;
        let mut seen = HashSet::from([id(&plain, &JOB)]);
        for (settings, variables) in [
            (plain.clone(), [("ACTIONS_ID_TOKEN_REQUEST_URL", "https://a/2"), JOB[1]]),
            (plain.clone(), [JOB[0], ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "u")]),
            (plain.replace("corp", "other"), JOB),
            (plain.replace("0b6a4b0e", "1b6a4b0e"), JOB),
            (plain.clone() + "life = 300", JOB),
            (plain.clone() + "token_env = \"HOME\"", JOB),
        ] {
            assert!(seen.insert(id(&settings, &variables)), "{settings} {variables:?}");
        }
        assert!(!seen.insert(id(
            HUB,
            &[JOB[0], JOB[1], ("DOCKERHUB_OIDC_CONNECTIONID", "0b6a4b0e-0000-0000-0000-000000000000")]
        )));
        let both = plain.clone() + &plain.replace("docker.io", "dhi.io");
        let [hub, dhi] = ["docker.io", "dhi.io"].map(|server| scope(&both, &JOB, server).unwrap().id());
        assert_eq!(hub, dhi, "one token for Docker Hub and its hardened images");
    }

    #[test]
    fn another_gateway_field_is_another_token() {
        let of = |more: &str| {
            let text = format!(
                "[[registry]]\nmatch = \"r.example\"\nprovider = \"exchange\"\nurl = \"https://sts\"\naudience = \"a\"\n{more}"
            );
            scope(&text, &JOB, "r.example").unwrap().identity
        };
        let all = [
            "",
            "fields = { a = \"b\" }",
            "fields = { a = \"c\" }",
            "response = { token = \"a\" }",
            "username = \"u\"",
        ];
        assert_eq!(all.iter().map(|more| of(more)).collect::<HashSet<_>>().len(), all.len());
    }
}
