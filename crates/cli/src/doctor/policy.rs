use protocol::{ErrorMessage, ServerUrl};
use settings::{Audit, Setup};

use super::finding::{Remedy, Section};
use crate::image::Image;

/// What administrators demand on this machine.
pub(super) fn survey(setup: &Setup, section: &mut Section) {
    if let Some(policy) = &setup.settings.policy {
        section.ok(format!("[policy] of this machine's administrators: {}", policy.path().display()));
    }
    match &setup.settings.audit {
        Some(Audit::Syslog) => section.ok("audit log: syslog"),
        Some(Audit::File(path)) => section.ok(format!("audit log: {}", path.display())),
        None => {}
    }
}

/// Why an image gets no credentials, if the policy denies it.
pub(super) fn refusal(image: &Image, setup: &Setup) -> Option<ErrorMessage> {
    let policy = setup.settings.policy.as_ref()?;
    let server = ServerUrl::parse(&image.name()).ok()?;
    let rule = setup.rule_of(&server);
    let by_rule = rule.and_then(|rule| match (&rule.exchange, &rule.command) {
        (Some(exchange), _) => Some(exchange.exchange.provider),
        (None, Some(_)) => Some("command"),
        (None, None) => rule.login.as_ref().map(|_| "login"),
    });
    let of_cloud = || setup.registry_of(&server).map(|(registry, _)| registry.cloud().provider());
    let provider = by_rule.or_else(of_cloud);
    let by_provider = || policy.refuses_provider(&server, provider.unwrap_or("login"), rule);
    policy.refuses_registry(&server).or_else(by_provider)
}

/// A note on it.
pub(super) fn check(image: &Image, setup: &Setup, section: &mut Section) {
    if let Some(ErrorMessage { what, hint }) = refusal(image, setup) {
        section.note(what, hint.map(Remedy::advice));
    }
}
