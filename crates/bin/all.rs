use broker::{ExistingToken, MintError, Minted, Provider, Scope};
use protocol::{Deadline, ErrorMessage, ServerUrl};
use registry::{Cloud, Registry};
use settings::Setup;

/// Every cloud that is built in, each by its own rules: what its helper has cached serves here, and the
/// other way round.
pub(crate) struct All;

/// One cloud's token.
#[allow(clippy::large_enum_variant, reason = "there is one of them at a time")]
pub(crate) enum Which {
    #[cfg(feature = "ecr")]
    Aws(Scope<ecr::Target>),
    #[cfg(feature = "acr")]
    Azure(Scope<acr::Target>),
    #[cfg(feature = "gcr")]
    Google(Scope<gcr::Target>),
    #[cfg(feature = "ghcr")]
    GitHub(Scope<ghcr::Target>),
    /// Another program, which the settings name for a registry.
    Other(Scope<command::Target>),
    /// A registry that mints in exchange for an identity token.
    #[cfg(feature = "exchange")]
    Exchange(Scope<exchange::Target>),
    /// A registry of a cloud, by its name, that is not built in: only a stored login serves it.
    NotBuiltIn(String, ServerUrl),
}

impl Provider for All {
    type Target = Which;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Which>> {
        let Some((registry, _)) = setup.registry_of(server) else {
            return of_no_cloud(server, setup);
        };
        Some(match registry.cloud() {
            #[cfg(feature = "ecr")]
            Cloud::Aws => named(ecr::Ecr.scope(server, setup)?, Which::Aws),
            #[cfg(feature = "acr")]
            Cloud::Azure => named(acr::Acr.scope(server, setup)?, Which::Azure),
            #[cfg(feature = "gcr")]
            Cloud::Google => named(gcr::Gcr.scope(server, setup)?, Which::Google),
            #[cfg(feature = "ghcr")]
            Cloud::GitHub => named(ghcr::Ghcr.scope(server, setup)?, Which::GitHub),
            #[allow(unreachable_patterns, reason = "there is none where all are built in")]
            cloud => Scope {
                service: format!("{}:not-built-in", cloud.provider()),
                identity: "none".to_owned(),
                public: !matches!(registry, Registry::Ecr(_) | Registry::Acr(_)),
                target: Which::NotBuiltIn(cloud.to_string(), server.clone()),
            },
        })
    }

    fn username<'a>(&'a self, scope: &'a Scope<Which>) -> &'a str {
        match &scope.target {
            #[cfg(feature = "ecr")]
            Which::Aws(scope) => ecr::Ecr.username(scope),
            #[cfg(feature = "acr")]
            Which::Azure(scope) => acr::Acr.username(scope),
            #[cfg(feature = "gcr")]
            Which::Google(scope) => gcr::Gcr.username(scope),
            #[cfg(feature = "ghcr")]
            Which::GitHub(scope) => ghcr::Ghcr.username(scope),
            Which::Other(scope) => command::Command.username(scope),
            #[cfg(feature = "exchange")]
            Which::Exchange(scope) => exchange::Exchange.username(scope),
            Which::NotBuiltIn(..) => "",
        }
    }

    fn existing_token(&self, scope: &Scope<Which>, setup: &Setup) -> Result<Option<ExistingToken>, MintError> {
        match &scope.target {
            #[cfg(feature = "ecr")]
            Which::Aws(scope) => ecr::Ecr.existing_token(scope, setup),
            #[cfg(feature = "acr")]
            Which::Azure(scope) => acr::Acr.existing_token(scope, setup),
            #[cfg(feature = "gcr")]
            Which::Google(scope) => gcr::Gcr.existing_token(scope, setup),
            #[cfg(feature = "ghcr")]
            Which::GitHub(scope) => ghcr::Ghcr.existing_token(scope, setup),
            Which::Other(scope) => command::Command.existing_token(scope, setup),
            #[cfg(feature = "exchange")]
            Which::Exchange(scope) => exchange::Exchange.existing_token(scope, setup),
            // Not an error, so that public images can be pulled.
            Which::NotBuiltIn(cloud, server) => Err(MintError::NoIdentity(not_built_in(cloud, server))),
        }
    }

    #[cfg(feature = "gcr")]
    fn mint_offline(&self, scope: &Scope<Which>, setup: &Setup) -> Option<Minted> {
        match &scope.target {
            Which::Google(scope) => gcr::Gcr.mint_offline(scope, setup),
            _ => None,
        }
    }

    fn remedy_on_node(&self, scope: &Scope<Which>) -> Option<&'static str> {
        match &scope.target {
            #[cfg(feature = "ecr")]
            Which::Aws(scope) => ecr::Ecr.remedy_on_node(scope),
            #[cfg(feature = "acr")]
            Which::Azure(scope) => acr::Acr.remedy_on_node(scope),
            #[cfg(feature = "gcr")]
            Which::Google(scope) => gcr::Gcr.remedy_on_node(scope),
            _ => None,
        }
    }

    fn mint(&self, scope: &Scope<Which>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        match &scope.target {
            #[cfg(feature = "ecr")]
            Which::Aws(scope) => ecr::Ecr.mint(scope, setup, deadline),
            #[cfg(feature = "acr")]
            Which::Azure(scope) => acr::Acr.mint(scope, setup, deadline),
            #[cfg(feature = "gcr")]
            Which::Google(scope) => gcr::Gcr.mint(scope, setup, deadline),
            #[cfg(feature = "ghcr")]
            Which::GitHub(scope) => ghcr::Ghcr.mint(scope, setup, deadline),
            Which::Other(scope) => command::Command.mint(scope, setup, deadline),
            #[cfg(feature = "exchange")]
            Which::Exchange(scope) => exchange::Exchange.mint(scope, setup, deadline),
            // A helper of another build has this cloud, and this worker has not.
            Which::NotBuiltIn(cloud, server) => Err(MintError::Failed(not_built_in(cloud, server))),
        }
    }
}

/// The provider of a registry outside the four clouds: set up in the settings, or known from a job's variables.
fn of_no_cloud(server: &ServerUrl, setup: &Setup) -> Option<Scope<Which>> {
    if let Some(scope) = command::Command.scope(server, setup) {
        return Some(named(scope, Which::Other));
    }
    #[cfg(feature = "exchange")]
    let scope = exchange::Exchange.scope(server, setup).map(|scope| named(scope, Which::Exchange));
    #[cfg(not(feature = "exchange"))]
    let scope = setup.rule_of(server).and_then(|rule| rule.exchange.as_ref()).map(|rule| Scope {
        service: format!("{}:not-built-in", rule.exchange.provider),
        identity: "none".to_owned(),
        public: false,
        target: Which::NotBuiltIn(format!("provider = \"{}\"", rule.exchange.provider), server.clone()),
    });
    scope
}

fn not_built_in(cloud: &str, server: &ServerUrl) -> ErrorMessage {
    ErrorMessage {
        what: format!(
            "no token for {server}: this build of credmint ({}) does not support {cloud}",
            env!("CREDMINT_VERSION")
        ),
        hint: Some(format!("install one with all clouds, or run: docker login {}", server.authority())),
    }
}

fn named<T>(scope: Scope<T>, which: fn(Scope<T>) -> Which) -> Scope<Which> {
    let (service, identity, public) = (scope.service.clone(), scope.identity.clone(), scope.public);
    Scope { service, identity, public, target: which(scope) }
}
