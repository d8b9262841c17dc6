//! Sets the version of the programs, and links the unwinder statically. Rust asks for it in a shared
//! library, for backtraces that are never shown, and loading it at every start takes a tenth of a cached `get`.

#![allow(clippy::disallowed_methods, clippy::print_stdout)] // A build script reads variables and prints.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=crates/bin/build.rs");
    println!("cargo::rustc-env=CREDMINT_VERSION={}", version());
    println!("cargo::rustc-env=CREDMINT_TARGET={}", variable("TARGET"));
    println!("cargo::rerun-if-env-changed=CREDMINT_COMMIT");
    if let Some(commit) = commit() {
        println!("cargo::rustc-env=CREDMINT_BUILT_FROM={commit}");
    }
    let is_own = variable("HOST") == variable("TARGET");
    if is_own
        && variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
        && has_archive()
    {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// The package's version; where clouds were left out, with those that were not: `0.1.0+ecr.ghcr`.
fn version() -> String {
    let version = variable("CARGO_PKG_VERSION");
    let clouds = ["ecr", "acr", "gcr", "ghcr", "exchange"];
    let has = |cloud: &&str| env::var_os(format!("CARGO_FEATURE_{}", cloud.to_uppercase())).is_some();
    let built_in: Vec<_> = clouds.iter().copied().filter(has).collect();
    if built_in.iter().all(|name| *name == "exchange") {
        println!("cargo::error=a suite without any cloud is none: add --features ecr, acr, gcr or ghcr");
    }
    if built_in.len() == clouds.len() { version } else { format!("{version}+{}", built_in.join(".")) }
}

/// The commit that is built: `CREDMINT_COMMIT`, else git's word for it. Nothing where neither knows, as in a source
/// archive, and for a development build, whose programs would be linked again after every commit.
fn commit() -> Option<String> {
    let given = variable("CREDMINT_COMMIT");
    let commit = if given.is_empty() && variable("PROFILE") == "release" { commit_of_checkout()? } else { given };
    let digits = commit.strip_suffix("-dirty").unwrap_or(&commit);
    let is_hash = digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(commit)
}

fn commit_of_checkout() -> Option<String> {
    // An archive that was unpacked within another project's checkout is not of that project's commit.
    if !Path::new(&variable("CARGO_MANIFEST_DIR")).join(".git").exists() {
        return None;
    }
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Whether the linker will find it; not every system's compiler comes with it.
fn has_archive() -> bool {
    let answer = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    // The bare name comes back when it is nowhere.
    let path = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
    path.is_ok_and(|path| Path::new(&path).is_absolute())
}
