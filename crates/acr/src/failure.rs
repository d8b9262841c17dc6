use std::path::Path;

use broker::MintError;
use protocol::Explained;
use web::{Answer, Trouble};

use crate::application::Application;
use crate::reason;

/// Whose token is asked for: what users read of it, and what they can do when it does not come.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    name: String,
    remedy: String,
}

impl Who {
    fn of(name: impl Into<String>, remedy: impl Into<String>) -> Self {
        Who { name: name.into(), remedy: remedy.into() }
    }

    fn application(application: &Application, by: &str, remedy: &str) -> Self {
        Who::of(format!("the application {} with its {by}", plain(&application.client_id)), remedy)
    }

    pub(crate) fn secret(application: &Application) -> Self {
        Who::application(application, "secret", "check AZURE_CLIENT_SECRET, AZURE_CLIENT_ID and AZURE_TENANT_ID")
    }

    pub(crate) fn certificate(application: &Application) -> Self {
        let remedy = "check AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_ID and AZURE_TENANT_ID";
        Who::application(application, "certificate", remedy)
    }

    pub(crate) fn workload(application: &Application) -> Self {
        let remedy = "check the federated credential of the application, AZURE_CLIENT_ID and AZURE_TENANT_ID";
        Who::application(application, "federated token", remedy)
    }

    pub(crate) fn pipelines(application: &Application) -> Self {
        let remedy = "check the service connection, and that SYSTEM_ACCESSTOKEN is $(System.AccessToken)";
        Who::application(application, "service connection", remedy)
    }

    pub(crate) fn managed(client_id: Option<&str>, of: &str) -> Self {
        let name = match client_id {
            Some(id) => format!("the managed identity {} of {of}", plain(id)),
            None => format!("the managed identity of {of}"),
        };
        Who::of(name, "check that the identity is assigned to it, and AZURE_CLIENT_ID")
    }

    pub(crate) fn az(tenant: Option<&str>) -> Self {
        let login = tenant.map_or("az login".into(), |tenant| format!("az login --tenant {}", plain(tenant)));
        Who::of("the Azure CLI's account", format!("run: {login}"))
    }

    pub(crate) fn azd() -> Self {
        Who::of("the Azure Developer CLI's account", "run: azd auth login")
    }
}

pub(crate) fn failed(what: impl Into<String>, hint: impl Into<String>) -> MintError {
    MintError::Failed(Explained { what: what.into(), hint: Some(hint.into()) })
}

/// A token cannot be had; without a hint of its own, the remedy is that of the identity.
pub(crate) fn no_token(who: &Who, why: &str, hint: &str) -> MintError {
    failed(format!("{} gets no token: {why}", who.name), if hint.is_empty() { &who.remedy } else { hint })
}

pub(crate) fn nobody() -> MintError {
    MintError::NotSignedIn(Explained {
        what: "nobody is signed in to Azure on this machine".into(),
        hint: Some("run: az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET".into()),
    })
}

pub(crate) fn no_such_source() -> MintError {
    failed(
        "AZURE_TOKEN_CREDENTIALS names no identity that can be used here",
        "set it to dev or prod, or to a single one such as AzureCliCredential",
    )
}

pub(crate) fn closed_cloud() -> MintError {
    failed("Azure's German cloud, to which this registry belongs, was closed in 2021", "use a registry in azurecr.io")
}

pub(crate) fn bad_authority(by: &str) -> MintError {
    failed(format!("{by} is not a host, or an address of https"), format!("check {by}"))
}

/// One variable says that there is an application, another one that is needed does not say which.
pub(crate) fn half_set(because: &str, missing: &str) -> MintError {
    failed(format!("{because} is set and {missing} is not"), format!("set {missing}, or unset {because}"))
}

pub(crate) fn bad_application(who: &Who) -> MintError {
    no_token(who, "it is not properly described", "")
}

pub(crate) fn unreadable(who: &Who, path: &Path, error: &std::io::Error, by: &str) -> MintError {
    no_token(who, &format!("{} cannot be read: {error}", path.display()), &format!("check {by}"))
}

pub(crate) fn unreachable(who: &Who, host: &str, trouble: &Trouble) -> MintError {
    MintError::Failed(trouble.explain(&format!("{} gets no token from {host}", who.name)))
}

pub(crate) fn nonsense(who: &Who, host: &str) -> MintError {
    MintError::Failed(Explained {
        what: format!("{} gets no token: {host} answered without a usable one", who.name),
        hint: None,
    })
}

pub(crate) fn ended(who: &Who) -> MintError {
    no_token(who, "the one that came has already ended", "check this machine's clock")
}

pub(crate) fn late(who: &Who) -> MintError {
    no_token(who, "no answer within the time limit", "raise timeout in credmint's settings")
}

/// What Entra ID, or a service that speaks like it, says when it gives no token: told by its codes and
/// never by its sentences.
pub(crate) fn refused(who: &Who, host: &str, answer: &Answer) -> MintError {
    let body = answer.json().unwrap_or_default();
    let details = format!("{} {}", body["error_description"], body["error"]);
    if let Some(refusal) = reason::of_entra(&details) {
        log::debug!("{host} answered AADSTS{}", refusal.code);
        return no_token(who, &refusal.what, refusal.hint);
    }
    log::debug!("{host} answered {}", answer.status);
    let why = match body["error"].as_str().filter(|code| is_code(code)) {
        Some(code) => format!("{host} answered {code}"),
        None => format!("{host} answered with status {}", answer.status),
    };
    no_token(who, &why, "")
}

/// What a login server says when it does not take the access token.
pub(crate) fn not_let_in(who: &Who, login_server: &str, answer: &Answer) -> MintError {
    let body = answer.json().unwrap_or_default();
    let details = body["errors"].to_string();
    log::debug!("{login_server} answered {}", answer.status);
    let (why, hint) = match answer.status {
        401 | 403 if ["client with IP", "firewall"].iter().any(|words| details.contains(words)) => {
            ("its network rules keep this machine out", "allow this machine's address in the registry's network rules")
        }
        401 | 403 => ("it has no right to it", "assign it the role AcrPull, or AcrPush, on the registry"),
        404 => ("there is no such registry", "check the name of the registry"),
        429 => ("it is asked too often", "try again in a moment"),
        status => return no_token(who, &format!("{login_server} answered with status {status}"), ""),
    };
    no_token(who, &format!("{login_server} does not let it in: {why}"), hint)
}

fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// A name is a word; anything else is not shown.
fn plain(word: &str) -> &str {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_name = !word.is_empty() && word.len() <= 128 && word.bytes().all(of_name);
    if is_name { word } else { "(an unreadable name)" }
}
