use broker::{AtHand, MintError, Minted, Provider, Scope};
use protocol::{Deadline, ServerUrl};
use registry::Cloud;
use settings::Setup;

/// Whatever cloud a registry is of, by that cloud's own rules: what its helper has cached serves here,
/// and the other way round.
pub(crate) struct All;

/// One cloud's token.
pub(crate) enum Which {
    Aws(Scope<ecr::Target>),
    Azure(Scope<acr::Target>),
    Google(Scope<gcr::Target>),
    GitHub(Scope<ghcr::Target>),
}

impl Provider for All {
    type Target = Which;

    fn scope(&self, server: &ServerUrl, setup: &Setup) -> Option<Scope<Which>> {
        let (registry, _) = setup.registry_of(server)?;
        Some(match registry.cloud() {
            Cloud::Aws => named(ecr::Ecr.scope(server, setup)?, Which::Aws),
            Cloud::Azure => named(acr::Acr.scope(server, setup)?, Which::Azure),
            Cloud::Google => named(gcr::Gcr.scope(server, setup)?, Which::Google),
            Cloud::GitHub => named(ghcr::Ghcr.scope(server, setup)?, Which::GitHub),
        })
    }

    fn at_hand(&self, scope: &Scope<Which>, setup: &Setup) -> Result<Option<AtHand>, MintError> {
        match &scope.target {
            Which::Aws(scope) => ecr::Ecr.at_hand(scope, setup),
            Which::Azure(scope) => acr::Acr.at_hand(scope, setup),
            Which::Google(scope) => gcr::Gcr.at_hand(scope, setup),
            Which::GitHub(scope) => ghcr::Ghcr.at_hand(scope, setup),
        }
    }

    fn mint(&self, scope: &Scope<Which>, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
        match &scope.target {
            Which::Aws(scope) => ecr::Ecr.mint(scope, setup, deadline),
            Which::Azure(scope) => acr::Acr.mint(scope, setup, deadline),
            Which::Google(scope) => gcr::Gcr.mint(scope, setup, deadline),
            Which::GitHub(scope) => ghcr::Ghcr.mint(scope, setup, deadline),
        }
    }
}

fn named<T>(scope: Scope<T>, which: fn(Scope<T>) -> Which) -> Scope<Which> {
    let (service, identity, public) = (scope.service.clone(), scope.identity.clone(), scope.public);
    Scope { service, identity, public, target: which(scope) }
}
