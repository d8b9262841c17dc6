use identity_token::{Detected, Source, no_identity, not_granted};
use protocol::{ErrorMessage, ServerUrl};
use registry::Exchange;
use registry::exchange::Subject;
use settings::IdentityRule;

use super::finding::{EXCHANGE_GUIDE, Remedy, Section};
use crate::context::Context;
use crate::image::Image;

/// The exchange of a registry's token, if the settings have one; if they do not and this job has an
/// identity that the registry accepts, that it is possible.
pub(super) fn check(image: &Image, context: &Context<'_>, section: &mut Section) {
    let Ok(server) = ServerUrl::parse(&image.name()) else { return };
    let environment = &context.setup.environment;
    let rule = context.setup.rule_of(&server);
    if let Some(rule) = rule.filter(|rule| rule.matches_some_images_of(&server)) {
        let text = format!(
            "the settings for {} apply where a client names the image; docker and podman name {} only",
            rule.pattern, image.registry
        );
        section.note(text, Remedy::run(format!("credmint export --output auth.json {}", image.name())));
    }
    let Some(exchange) = rule.and_then(|rule| rule.exchange.as_ref()) else {
        let of_host = Exchange::of_host(&server).filter(|row| matches!(row.subject, Subject::IdentityToken(_)));
        if let (Some(row), Detected::Source(source)) = (of_host, Source::detect(&IdentityRule::default(), environment))
        {
            let text =
                format!("{} can exchange the identity token of {} for a token of its own", row.name, source.name());
            section.note(text, Remedy::run(EXCHANGE_GUIDE));
        }
        return;
    };
    let row = exchange.exchange;
    let is_missing = |key: &&registry::exchange::Key| {
        let variable = key.variable.and_then(|name| environment.raw(name));
        key.is_required(&server) && !exchange.values.contains_key(key.name) && variable.is_none()
    };
    if let Some(key) = row.keys.iter().find(is_missing) {
        let or = key.variable.map(|name| format!(", or {name} in the environment")).unwrap_or_default();
        let remedy = Remedy::advice(format!("set {} in the [[registry]] table{or}", key.name)).or_run(EXCHANGE_GUIDE);
        section.broken(format!("{} requires {}, which is not set", row.name, key.name), remedy);
        return;
    }
    if row.subject == Subject::OciProfile {
        section.ok(format!("{}: a profile of Oracle's config file signs the request for a token", row.name));
        return;
    }
    if row.subject == Subject::AccessKey {
        section.ok(format!("{}: an AccessKey signs the request for a token", row.name));
        return;
    }
    if !matches!(row.subject, Subject::IdentityToken(_)) {
        section.ok(format!("{}: an API token is exchanged for a short-lived one", row.name));
        return;
    }
    let explained = |why: ErrorMessage| (why.what, Remedy::advice(why.hint.unwrap_or_default()).or_run(EXCHANGE_GUIDE));
    match Source::detect(&exchange.identity, environment) {
        Detected::Source(source) => {
            section.ok(format!("{}: the identity token of {} is exchanged for a token", row.name, source.name()));
        }
        Detected::NotGranted(platform) => {
            let (what, remedy) = explained(not_granted(platform));
            section.broken(what, remedy);
        }
        Detected::None => {
            let (what, remedy) = explained(no_identity());
            section.note(what, remedy);
        }
    }
}
