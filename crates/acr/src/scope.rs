use broker::Scope;
use protocol::ServerUrl;
use registry::Registry;
use settings::{Fingerprint, Rule, Setup};

/// What minting needs to know.
#[derive(Clone, Debug)]
#[allow(dead_code)] // Until it mints.
pub struct Target {
    pub(crate) registry: registry::AcrRegistry,
    pub(crate) rule: Option<Rule>,
}

pub(crate) fn of(server: &ServerUrl, setup: &Setup) -> Option<Scope<Target>> {
    let (Registry::Acr(registry), rule) = setup.registry_of(server)? else { return None };
    Some(Scope {
        service: "acr".into(),
        identity: Fingerprint::new().finish(),
        public: false,
        target: Target { registry, rule: rule.cloned() },
    })
}
