mod values;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use registry::{Cloud, Exchange};
use serde::Deserialize;
use serde::de::Error as _;

use crate::exchange::Keys;
use crate::{Access, IdentitySource, Narrowing, OnFailure, Rule};
pub(crate) use values::Pattern;
use values::{Command, Helper, Id, Named, Target, Variable, login_of};

/// A `[[registry]]` table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) r#match: Pattern,
    provider: Option<Provider>,
    target: Option<Target>,
    profile: Option<String>,
    role_arn: Option<String>,
    external_id: Option<String>,
    region: Option<String>,
    tenant: Option<String>,
    client_id: Option<String>,
    authority: Option<String>,
    audience: Option<String>,
    impersonate: Option<String>,
    credentials_file: Option<Named>,
    #[serde(default)]
    self_signed_jwt: bool,
    app_id: Option<Id>,
    installation_id: Option<Id>,
    private_key_file: Option<Named>,
    account: Option<String>,
    command: Option<Command>,
    helper: Option<Helper>,
    login: Option<String>,
    identity: Option<IdentitySource>,
    token_file: Option<Named>,
    token_env: Option<Variable>,
    token_command: Option<Command>,
    username: Option<String>,
    connection_id: Option<String>,
    robot: Option<String>,
    provider_name: Option<String>,
    project_key: Option<String>,
    platform: Option<String>,
    organization: Option<String>,
    service_slug: Option<String>,
    identity_id: Option<String>,
    registry_name: Option<String>,
    oci_profile: Option<String>,
    instance_id: Option<String>,
    aliyun_profile: Option<String>,
    access: Option<String>,
    #[serde(default)]
    repositories: Vec<String>,
    session_policy: Option<String>,
    #[serde(default)]
    session_policy_arns: Vec<String>,
    /// Seconds.
    duration_seconds: Option<u64>,
    url: Option<String>,
    format: Option<String>,
    fields: Option<BTreeMap<String, String>>,
    response: Option<BTreeMap<String, String>>,
    /// Seconds.
    life: Option<NonZeroU64>,
    on_failure: Option<OnFailure>,
}

/// A cloud, or an exchange.
#[derive(Clone, Copy)]
enum Provider {
    Cloud(Cloud),
    Exchange(&'static Exchange),
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let cloud = Cloud::ALL.into_iter().find(|cloud| cloud.provider() == name).map(Provider::Cloud);
        cloud.or_else(|| Exchange::named(&name).map(Provider::Exchange)).ok_or_else(|| {
            let exchanges = registry::exchange::EXCHANGES.iter().map(|row| row.provider);
            let known: Vec<_> = Cloud::ALL.map(Cloud::provider).into_iter().chain(exchanges).collect();
            D::Error::custom(format!("unknown variant `{name}`, expected one of `{}`", known.join("`, `")))
        })
    }
}

impl Table {
    /// The keys that only an exchange takes, taken out.
    fn exchange_keys(&mut self) -> Keys {
        let of_exchange = matches!(self.provider, Some(Provider::Exchange(_)));
        let mut values = vec![
            ("account", self.account.clone()),
            ("username", self.username.take()),
            ("connection_id", self.connection_id.take()),
            ("robot", self.robot.take()),
            ("provider_name", self.provider_name.take()),
            ("project_key", self.project_key.take()),
            ("platform", self.platform.take()),
            ("organization", self.organization.take()),
            ("service_slug", self.service_slug.take()),
            ("identity_id", self.identity_id.take()),
            ("registry_name", self.registry_name.take()),
            ("oci_profile", self.oci_profile.take()),
            ("instance_id", self.instance_id.take()),
            ("aliyun_profile", self.aliyun_profile.take()),
            ("region", of_exchange.then(|| self.region.take()).flatten()),
            ("access", of_exchange.then(|| self.access.take()).flatten()),
            ("url", self.url.take()),
            ("format", self.format.take()),
        ];
        values.retain(|(_, value)| value.is_some());
        Keys {
            values,
            identity: self.identity,
            file: self.token_file.take().map(|file| file.0),
            variable: self.token_env.take().map(|variable| variable.0),
            command: self.token_command.take().map(|command| command.0),
            fields: self.fields.take(),
            response: self.response.take(),
        }
    }

    /// The rights that a cloud's token is to have, taken out.
    fn narrowing(&mut self) -> Result<Narrowing, String> {
        let access = match self.access.take().as_deref() {
            None => None,
            Some("pull") => Some(Access::Pull),
            Some("push") => Some(Access::Push),
            Some(_) => return Err("access is \"pull\" or \"push\"".to_owned()),
        };
        let narrowing = Narrowing {
            access,
            repositories: std::mem::take(&mut self.repositories),
            session_policy: self.session_policy.take(),
            session_policy_arns: std::mem::take(&mut self.session_policy_arns),
            duration: self.duration_seconds.map(Duration::from_secs),
        };
        narrowing.check(self.role_arn.is_some()).map(|()| narrowing)
    }

    /// The first key that only a cloud takes.
    fn cloud_key(&self) -> Option<&'static str> {
        let keys = [
            ("target", self.target.is_some()),
            ("profile", self.profile.is_some()),
            ("role_arn", self.role_arn.is_some()),
            ("external_id", self.external_id.is_some()),
            ("region", self.region.is_some()),
            ("tenant", self.tenant.is_some()),
            ("client_id", self.client_id.is_some()),
            ("authority", self.authority.is_some()),
            ("impersonate", self.impersonate.is_some()),
            ("credentials_file", self.credentials_file.is_some()),
            ("self_signed_jwt", self.self_signed_jwt),
            ("app_id", self.app_id.is_some()),
            ("installation_id", self.installation_id.is_some()),
            ("private_key_file", self.private_key_file.is_some()),
            ("repositories", !self.repositories.is_empty()),
            ("session_policy", self.session_policy.is_some()),
            ("session_policy_arns", !self.session_policy_arns.is_empty()),
            ("duration_seconds", self.duration_seconds.is_some()),
        ];
        keys.into_iter().find(|(_, is_there)| *is_there).map(|(name, _)| name)
    }
}

/// The TTL that an exchange requests.
fn check_life(exchange: &Exchange, life: Option<NonZeroU64>) -> Result<(), String> {
    let Some(life) = life else { return Ok(()) };
    match exchange.ttl {
        None => Err(format!("provider = \"{}\" cannot ask for a TTL: leave out life", exchange.provider)),
        Some(ttl) if !(ttl.least..=ttl.most).contains(&life.get()) => {
            Err(format!("life must be {} to {} seconds for provider = \"{}\"", ttl.least, ttl.most, exchange.provider))
        }
        Some(_) => Ok(()),
    }
}

impl TryFrom<Table> for Rule {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, Self::Error> {
        let (provider, exchange) = match table.provider {
            Some(Provider::Cloud(cloud)) => (Some(cloud), None),
            Some(Provider::Exchange(exchange)) => (None, Some(exchange)),
            None => (None, None),
        };
        match (provider, &table.target) {
            (Some(Cloud::Aws), None) => {
                return Err("provider \"ecr\" needs a target: the host name of the registry at AWS".to_owned());
            }
            (Some(cloud), Some(Target(_, actual))) if cloud != *actual => {
                return Err("target is a registry of another provider".to_owned());
            }
            _ => {}
        }
        let keys = table.exchange_keys();
        let command = match (table.command.take(), table.helper.take()) {
            (Some(_), Some(_)) => return Err("command and helper cannot be combined".to_owned()),
            (Some(Command(command)), None) => Some(command),
            (None, Some(Helper(name))) => Some(vec![name, "get".to_owned()]),
            (None, None) => None,
        };
        let login = table.login.take().map(|login| login_of(&login, &table.r#match.0)).transpose()?;
        if login.is_some() && (table.provider.is_some() || command.is_some() || table.cloud_key().is_some()) {
            return Err("login cannot be combined with another identity".to_owned());
        }
        if command.is_some() && (table.provider.is_some() || table.target.is_some()) {
            return Err("provider and target cannot be combined with command or helper".to_owned());
        }
        if table.external_id.is_some() && table.role_arn.is_none() {
            return Err("external_id needs a role_arn".to_owned());
        }
        let cloud_key = table.cloud_key();
        let narrowing = table.narrowing()?;
        let may_narrow = table.provider.is_some() || table.target.is_some() || table.r#match.may_be_of_cloud();
        if !narrowing.is_none() && (command.is_some() || login.is_some() || !may_narrow) {
            return Err(
                "access, repositories and session_policy need a registry of a cloud, or a provider that takes them"
                    .to_owned(),
            );
        }
        let exchange = match exchange {
            Some(exchange) => {
                if let Some(key) = cloud_key {
                    return Err(format!("provider = \"{}\" does not take {key}", exchange.provider));
                }
                check_life(exchange, table.life)?;
                Some(keys.rule(exchange, &table.r#match.0, table.audience.take())?)
            }
            None if table.life.is_some() && command.is_none() => {
                return Err("life needs a command, a helper or an exchange".to_owned());
            }
            None => keys.must_be_absent().map(|()| None)?,
        };
        let chooses_identity = table.provider.is_some()
            || cloud_key.is_some()
            || table.account.is_some()
            || table.audience.is_some()
            || command.is_some()
            || login.is_some()
            || !narrowing.is_none();
        Ok(Rule {
            chooses_identity,
            login,
            narrowing,
            is_of_machine: false,
            pattern: table.r#match.0,
            target: table.target.map(|Target(server, _)| server),
            profile: table.profile,
            role_arn: table.role_arn,
            external_id: table.external_id,
            region: table.region,
            provider,
            tenant: table.tenant,
            client_id: table.client_id,
            authority: table.authority,
            audience: table.audience,
            impersonate: table.impersonate,
            credentials_file: table.credentials_file.map(|file| file.0),
            self_signed_jwt: table.self_signed_jwt,
            app_id: table.app_id.map(String::from),
            installation_id: table.installation_id.map(String::from),
            private_key_file: table.private_key_file.map(|file| file.0),
            account: table.account,
            command,
            life: table.life.map(|seconds| Duration::from_secs(seconds.get())),
            exchange,
            on_failure: table.on_failure,
        })
    }
}
