use settings::VaultChoice;
use vault::VaultError;

use super::report::Report;
use crate::context::Context;
use crate::signed_in::signed_in;

/// Where secrets rest, who is signed in, and what is peculiar about the system.
pub(super) fn look(context: &Context<'_>, report: &mut Report<'_>) {
    report.about("This machine");
    for file in context.setup.places.settings.iter().filter(|file| file.exists()) {
        report.fine(format!("the settings in {} can be read", file.display()));
    }
    vault(context, report);
    let identities = signed_in(&context.setup);
    for identity in &identities {
        report.fine(format!("{} identity: {}", identity.cloud, identity.source));
    }
    if identities.is_empty() {
        report.note("signed in to no cloud that can be seen without asking", None);
    }
    system(context, report);
}

fn vault(context: &Context<'_>, report: &mut Report<'_>) {
    let mut in_files = true;
    for (place, names) in broker::open(&context.setup).survey() {
        match names {
            Ok(names) => {
                in_files &= place.starts_with("files");
                report.fine(format!("{place}: {} kept", names.len()));
            }
            // Looked for in passing, where nothing else was chosen.
            Err(error @ VaultError::Absent { .. }) if context.setup.settings.vault == VaultChoice::Auto => {
                report.note(error.to_string(), None)
            }
            Err(error @ VaultError::Locked { .. }) => report.note(
                error.to_string(),
                "unlock the keychain: what is in it is minted anew until then, and its logins are not seen".to_owned(),
            ),
            Err(error) => report.broken(error.to_string(), "restart the keychain, or set vault = \"file\"".to_owned()),
        }
    }
    if in_files {
        report.note("logins rest in files that only you can read, unencrypted", None);
    }
}

#[cfg(target_os = "linux")]
fn system(context: &Context<'_>, report: &mut Report<'_>) {
    let docker = context.helpers.path_of("docker").and_then(|program| std::fs::canonicalize(program).ok());
    if docker.is_some_and(|program| program.starts_with("/snap") || program.ends_with("snap")) {
        report.broken(
            "docker comes from a snap, which may run no program outside of it, and so no helper",
            "install Docker's own packages: https://docs.docker.com/engine/install/".to_owned(),
        );
    }
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().to_ascii_lowercase();
    if kernel.contains("microsoft") {
        report.note(
            "this is WSL: Docker Desktop writes \"credsStore\": \"desktop.exe\" into the config, which runs on Windows",
            "credmint configure --store".to_owned(),
        );
    }
    if let Some(user) = context.setup.environment.text("SUDO_USER") {
        report.note(
            format!("under sudo the config, the identities and the keychain of {user} are not seen"),
            "run docker without sudo: https://docs.docker.com/engine/install/linux-postinstall/".to_owned(),
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn system(_: &Context<'_>, _: &mut Report<'_>) {}
