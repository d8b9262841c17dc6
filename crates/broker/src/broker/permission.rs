use std::time::SystemTime;

use protocol::{ErrorMessage, Failure, ServerUrl};
use settings::Policy;

use super::Broker;
use crate::{Provider, Scope};

/// What the policy of the machine's administrators allows.
impl<P: Provider> Broker<P> {
    fn policy(&self) -> Option<&Policy> {
        self.setup.settings.policy.as_ref()
    }

    /// Whether a registry, or an image of it, may be given credentials.
    ///
    /// # Errors
    /// "Not found", with the rule that denies it, so that public images can still be pulled.
    pub(super) fn permit(&self, image: &ServerUrl) -> Result<(), Failure> {
        let refusal = self.policy().and_then(|policy| policy.refuses_registry(image));
        refusal.map_or(Ok(()), |refusal| Err(Failure::NotFoundBecause(refusal)))
    }

    /// Whether some images of a registry may be given credentials, and others not.
    pub(super) fn permits_some_images_of(&self, registry: &ServerUrl) -> bool {
        self.policy().is_some_and(|policy| policy.names_some_images_of(registry))
    }

    /// Why the tokens of a scope may not be used.
    pub(super) fn refuses_scope(&self, image: &ServerUrl, scope: &Scope<P::Target>) -> Option<ErrorMessage> {
        self.policy()?.refuses_provider(image, provider_of(&scope.service), self.setup.rule_of(image))
    }

    /// Why a stored login may not be used.
    pub(super) fn refuses_login(&self, image: &ServerUrl) -> Option<ErrorMessage> {
        self.policy()?.refuses_login(image)
    }

    /// When a token that was received then ends for us.
    pub(super) fn end_of_token(&self, issued: SystemTime, expires: Option<SystemTime>) -> Option<SystemTime> {
        let limit = self.policy().and_then(|policy| issued.checked_add(policy.max_life()?));
        expires.into_iter().chain(limit).min()
    }

    /// The remedy if a login cannot be stored because only files are left for it.
    pub(super) fn no_plain_files(&self) -> Option<String> {
        let policy = self.policy().filter(|policy| !policy.allows_plain_files())?;
        Some(format!("unlock or install a keychain: [policy] in {} has plain_files = false", policy.path().display()))
    }
}

/// `quay` of `exchange:quay:quay.io`, `ecr` of `ecr:aws:us-east-1`: the name that the settings have for it.
pub(crate) fn provider_of(service: &str) -> &str {
    let mut parts = service.split(':');
    match (parts.next(), parts.next()) {
        (Some("exchange"), Some(provider)) => provider,
        (Some("gitlab-job"), _) => "gitlab",
        (first, _) => first.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_begins_with_its_provider() {
        for (service, provider) in [
            ("ecr:aws:us-east-1", "ecr"),
            ("exchange:quay:quay.io", "quay"),
            ("exchange:dockerhub", "dockerhub"),
            ("gitlab-job:registry.gitlab.example:5050", "gitlab"),
            ("command", "command"),
        ] {
            assert_eq!(provider_of(service), provider);
        }
    }
}
