use std::collections::BTreeMap;
use std::process::ExitCode;

use dockerconfig::{HelperName, HelperQueries, KeyFormat};
use protocol::{Client, ClientError, Credentials, ErrorMessage, ServerUrl};

use super::login_writer::LoginWriter;
use crate::context::Context;
use crate::helper_queries::{CachedQueries, INTERACTIVE_TIMEOUT};
use crate::helpers::file_name;
use crate::printer::Tone;

/// Takes the logins of another helper over, by its own program: that is the one which its keychain
/// lets in. They stay there too.
/// Helpers of the clouds: Amazon's, Google's two, and those for Azure.
const MINTING: [&str; 6] = ["ecr-login", "gcloud", "gcr", "acr-env", "acr-linux", "acr-windows"];

pub(crate) fn of_helper(store: &str, dry_run: bool, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let store = HelperName::parse(store).map_err(|error| ErrorMessage { what: error.to_string(), hint: None })?;
    let file = file_name(store.as_str());
    if context.helpers.is_ours(store.as_str()) {
        return Err(ErrorMessage { what: format!("{file} is credmint's own helper: nothing to move"), hint: None });
    }
    if MINTING.contains(&store.as_str()) {
        return Err(ErrorMessage {
            what: format!("{file} stores no logins: it mints tokens, which expire within hours"),
            hint: Some("run `credmint configure`, so that credmint mints them".to_owned()),
        });
    }
    let program = context.helpers.on_path(store.as_str()).ok_or_else(|| ErrorMessage {
        what: format!("{file} not found on PATH"),
        hint: Some("name it as in Docker's config, for example `credmint migrate --from pass`".to_owned()),
    })?;
    let client = Client::new(program, INTERACTIVE_TIMEOUT);
    let refused = |error: ClientError| ErrorMessage { what: format!("{file}: {error}"), hint: None };
    let queries = CachedQueries::new(context, INTERACTIVE_TIMEOUT)?;
    let mut writer = LoginWriter::new(context)?;
    let mut is_empty = true;
    for (asked, listed) in by_registry(client.list().map_err(refused)?.into_keys()) {
        is_empty = false;
        match the_login(&client, &asked, &listed) {
            Err((server, why)) => writer.skip(&server, &why),
            Ok((found, others)) => {
                for other in others {
                    let what = format!("docker asks for {asked} and gets the login of {}", found.username);
                    context.printer.note(format!("{} {other}: {what}", Tone::Warning.of("skipped")));
                }
                let shown = listed.iter().find(|key| **key == found.server).unwrap_or(&asked);
                let login = Credentials { server: asked.clone(), ..found.clone() };
                match queries.stored_login(&asked) {
                    Some(kept) if kept.username != login.username || kept.secret != login.secret => {
                        let what = format!(
                            "another login ({}) is already stored; to remove it, run `credmint logout {asked}`",
                            kept.username
                        );
                        writer.skip(shown, &what);
                    }
                    _ if dry_run => context.printer.line(format!("{shown}  {}", login.username)),
                    _ => writer.store(&login, shown),
                }
            }
        }
    }
    if is_empty {
        context.printer.note(format!("no logins in {file}"));
    } else if !writer.stored.is_empty() {
        context.printer.note(format!("the logins also remain in {file}"));
    }
    Ok(if writer.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The listed addresses by the address that Docker sends: many helpers treat each spelling as another registry.
fn by_registry(listed: impl Iterator<Item = String>) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for listed in listed {
        // What docker-credential-secretservice lists since 0.9.0 is each item's label.
        // <https://github.com/docker/docker-credential-helpers/pull/324>
        let key = listed.strip_prefix("Registry credentials for ").unwrap_or(&listed);
        let asked = match ServerUrl::parse(key) {
            Ok(server) if server.path().is_empty() => KeyFormat::Docker.key(&server),
            // An address with a path is sent unchanged, by crane and for the tokens of Docker Hub.
            _ => key.to_owned(),
        };
        found.entry(asked).or_default().push(key.to_owned());
    }
    found
}

/// The login that Docker is given by a helper, else the one under another spelling; its server is the
/// spelling. Also names the spellings that have another login.
fn the_login(client: &Client, asked: &str, listed: &[String]) -> Result<(Credentials, Vec<String>), (String, String)> {
    let mut found: Vec<Credentials> = Vec::new();
    let mut failure = None;
    let spellings = std::iter::once(asked).chain(listed.iter().map(String::as_str).filter(|key| *key != asked));
    for server in spellings {
        match client.get(server) {
            Ok(Some(login)) => found.push(Credentials { server: server.to_owned(), ..login }),
            Ok(None) => {}
            // What is not listed need not be answered.
            Err(error) if listed.iter().any(|key| key == server) => {
                failure = Some((
                    server.to_owned(),
                    match error.to_string() {
                        text if text.is_empty() => "the helper failed without an error message".to_owned(),
                        text => text,
                    },
                ));
            }
            Err(_) => {}
        }
    }
    let differs = |one: &Credentials, other: &Credentials| one.username != other.username || one.secret != other.secret;
    let Some(first) = found.first().cloned() else {
        let nothing =
            || (listed.first().cloned().unwrap_or_default(), "the helper lists it but does not return it".to_owned());
        return Err(failure.unwrap_or_else(nothing));
    };
    let others: Vec<_> =
        found.iter().filter(|other| differs(&first, other)).map(|other| other.server.clone()).collect();
    if first.server != asked && !others.is_empty() {
        let all = found.iter().map(|login| login.server.as_str()).collect::<Vec<_>>().join(", ");
        return Err((
            all,
            format!("docker asks for {asked}, which has no login, and these have different ones: remove all but one"),
        ));
    }
    // As in the list.
    let server = listed.iter().find(|key| **key == first.server).or(listed.first());
    Ok((Credentials { server: server.cloned().unwrap_or_default(), ..first }, others))
}
