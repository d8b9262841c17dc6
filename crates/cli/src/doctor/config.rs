use std::path::Path;

use dockerconfig::{Client, ConfigFile, Document, Oddity, Reader, System, servers_of_variable};
use protocol::ServerUrl;

use super::Configs;
use super::report::Report;
use crate::context::Context;
use crate::docker::surroundings;
use crate::helpers::EVERYTHING;

/// Can the files be read, by all who read them, and do their entries mean what they seem to?
pub(super) fn look(folder: Option<&Path>, context: &Context<'_>, report: &mut Report<'_>) -> Configs {
    report.about("Docker's config");
    let surroundings = surroundings(context);
    let (system, mut docker) = (System::this(), None);
    match surroundings.docker(folder).map(ConfigFile::at) {
        None => report.broken("there is no home folder to look for it in", "set HOME".to_owned()),
        Some(file) if !file.path().exists() => {
            let path = file.path().to_owned();
            let remedy = "credmint configure".to_owned();
            report.note(format!("{} is not there, so no helper is used", path.display()), remedy);
            docker = Some((path, Document::empty()));
        }
        Some(file) => docker = read(&file, report).map(|document| (file.path().to_owned(), document)),
    }
    if let Some((path, document)) = &docker {
        logins(path, document, report);
        keys(document, report);
    }
    for path in surroundings.files(Client::Podman, system) {
        let is_docker = docker.as_ref().is_some_and(|(docker, _)| *docker == path);
        if !is_docker && path.exists() {
            read(&ConfigFile::at(path), report);
        }
    }
    Configs { surroundings, system, docker, variable: variable(context, report) }
}

fn read(file: &ConfigFile, report: &mut Report<'_>) -> Option<Document> {
    let path = file.path().display();
    let document = match file.read() {
        Ok(document) => document,
        Err(error) => {
            report.broken(error.to_string(), "mend it by hand: Docker cannot read it either".to_owned());
            return None;
        }
    };
    for remark in document.remarks() {
        let text = format!("{path}, {}: {}", remark.at, remark.what);
        match remark.what {
            Oddity::BrokenAuth(_) => report.broken(text, "docker logout, and sign in anew".to_owned()),
            Oddity::Twice(_) => report.broken(text, "take one of them out".to_owned()),
            Oddity::Blank | Oddity::TrailingData | Oddity::LetterCase(..) => report.note(text, None),
        }
    }
    if document.remarks().is_empty() {
        report.fine(format!("{path} can be read by everyone"));
    }
    Some(document)
}

/// Logins that anybody who reads the file has, and those that Docker does not see.
fn logins(path: &Path, document: &Document, report: &mut Report<'_>) {
    let migrate = || "credmint migrate".to_owned();
    let hidden = document.hidden_by_a_store();
    for auth in document.auths().iter().filter(|auth| auth.login().is_some()) {
        let place = format!("the login for {} stands in plain text in {}", auth.server, path.display());
        if document.creds_store().is_some() && hidden.iter().any(|other| other.server == auth.server) {
            report.note(format!("{place}, where Docker does not look because of credsStore"), migrate());
        } else {
            report.note(place, migrate());
        }
    }
}

/// An entry that Docker never asks for is one that does nothing.
fn keys(document: &Document, report: &mut Report<'_>) {
    for (host, _) in document.cred_helpers() {
        let asked = ServerUrl::parse(&host).ok().map(|server| Reader::Docker.key(&server));
        match asked {
            Some(asked) if asked == host => {}
            Some(asked) => report.broken(
                format!("credHelpers names {host}, and Docker asks for {asked}"),
                format!("credmint configure {asked}"),
            ),
            None => report.broken(
                format!("credHelpers names {host}, which is no host; patterns are not known to Docker"),
                format!("name each host, or: credmint configure --store (credsStore {EVERYTHING})"),
            ),
        }
    }
}

/// What goes before every helper and every file.
fn variable(context: &Context<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(text) = context.setup.environment.text("DOCKER_AUTH_CONFIG") else { return Vec::new() };
    match servers_of_variable(&text) {
        Ok(servers) => {
            report.note(
                format!("DOCKER_AUTH_CONFIG is set: docker asks no helper for {}", servers.join(", ")),
                "unset DOCKER_AUTH_CONFIG, unless it is meant".to_owned(),
            );
            servers
        }
        Err(ignored) => {
            report.note(ignored.to_string(), None);
            Vec::new()
        }
    }
}
