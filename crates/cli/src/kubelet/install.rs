//! `credmint kubelet install`: installs the programs and their configuration for kubelet.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use protocol::ErrorMessage;

use crate::context::Context;

/// In this order: kubelet may start the last one as soon as it exists, and it needs the others.
const PROGRAMS: [&str; 3] = ["credmint-mint", "docker-credential-credmint", "credmint"];
/// Kubelet wants a name of its own for each of its providers: those of `service-accounts-config.yaml`.
const LINKS: [&str; 3] = ["credmint-aws", "credmint-azure", "credmint-google"];
const CONFIGURATIONS: [(&str, &str); 2] = [
    ("credential-provider-config.yaml", include_str!("../../../../installers/kubelet/credential-provider-config.yaml")),
    ("service-accounts-config.yaml", include_str!("../../../../installers/kubelet/service-accounts-config.yaml")),
];

/// Install the programs and kubelet's configuration on a node or into a node image
#[derive(Args, Debug)]
#[command(after_help = "\
Example: credmint kubelet install --to /opt/credmint
  Then set kubelet's --image-credential-provider-bin-dir to /opt/credmint/bin, and its
  --image-credential-provider-config to a configuration in /opt/credmint.")]
pub(crate) struct Install {
    /// The target directory
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// A directory with .yaml configuration files [default: the built-in ones, where no file exists yet]
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
}

/// Puts them there. Each file is replaced in one step, as kubelet may be running or reading it.
pub(super) fn run(which: &Install, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    let bin = which.to.join("bin");
    fs::create_dir_all(&bin).map_err(|error| unwritable(&bin, &error))?;
    for name in PROGRAMS {
        let from = context.helpers.sibling(name).ok_or_else(|| ErrorMessage {
            what: format!("{name} not found in the directory of this program"),
            hint: Some("install all of credmint's programs into one directory".to_owned()),
        })?;
        let program = File::open(&from).map_err(|error| unreadable(&from, &error))?;
        replace(&bin.join(name), 0o755, program).map_err(|error| unwritable(&bin.join(name), &error))?;
    }
    for name in LINKS {
        link(&bin.join(name)).map_err(|error| unwritable(&bin.join(name), &error))?;
    }
    match &which.config {
        Some(folder) => copy_configurations(folder, &which.to)?,
        None => {
            for (name, text) in CONFIGURATIONS {
                let path = which.to.join(name);
                if !path.exists() {
                    replace(&path, 0o644, text.as_bytes()).map_err(|error| unwritable(&path, &error))?;
                }
            }
        }
    }
    context.printer.note(format!("installed credmint in {}", bin.display()));
    Ok(ExitCode::SUCCESS)
}

fn copy_configurations(from: &Path, to: &Path) -> Result<(), ErrorMessage> {
    let entries = fs::read_dir(from).map_err(|error| unreadable(from, &error))?;
    let mut found = false;
    for path in entries.flatten().map(|entry| entry.path()) {
        // A ConfigMap is mounted as links beside folders that begin with a dot.
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|kind| kind == "yaml")) else {
            continue;
        };
        let text = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let target = to.join(name);
        replace(&target, 0o644, text.as_slice()).map_err(|error| unwritable(&target, &error))?;
        found = true;
    }
    if found {
        return Ok(());
    }
    Err(ErrorMessage { what: format!("no .yaml file in {}", from.display()), hint: None })
}

/// Writes a new file beside the old one and renames it.
fn replace(path: &Path, mode: u32, mut content: impl io::Read) -> io::Result<()> {
    let folder = path.parent().expect("it has a folder");
    let mut file = tempfile::Builder::new().prefix(".credmint-").tempfile_in(folder)?;
    io::copy(&mut content, &mut file)?;
    file.flush()?;
    set_mode(file.as_file(), mode)?;
    // A node that loses power must not keep a program that is empty.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Another name for credmint.
#[cfg(unix)]
fn link(path: &Path) -> io::Result<()> {
    let folder = path.parent().expect("it has a folder");
    // A folder of its own, so that the name in it is free.
    let new = tempfile::Builder::new().prefix(".credmint-").tempdir_in(folder)?;
    let made = new.path().join("link");
    std::os::unix::fs::symlink("credmint", &made)?;
    fs::rename(made, path)
}

/// Links need a privilege there.
#[cfg(not(unix))]
fn link(path: &Path) -> io::Result<()> {
    let program = path.with_file_name(format!("credmint{}", std::env::consts::EXE_SUFFIX));
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    replace(&path, 0o755, File::open(program)?)
}

fn unwritable(path: &Path, error: &io::Error) -> ErrorMessage {
    let hint = "run this as the owner of that directory, and check the free disk space".to_owned();
    ErrorMessage { what: format!("cannot write {}: {error}", path.display()), hint: Some(hint) }
}

fn unreadable(path: &Path, error: &io::Error) -> ErrorMessage {
    ErrorMessage { what: format!("cannot read {}: {error}", path.display()), hint: None }
}
