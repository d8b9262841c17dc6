//! Puts the unwinder into the programs. Rust asks for it in a shared library, for backtraces that nobody sees,
//! and to load that at every start takes a tenth of a cached `get`.

#![allow(clippy::disallowed_methods, clippy::print_stdout)] // A build script asks and answers so.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=crates/bin/build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let is_own = variable("HOST") == variable("TARGET");
    if is_own
        && variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
        && has_archive()
    {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the linker will find it; not every system's compiler comes with it.
fn has_archive() -> bool {
    let answer = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    // The bare name comes back when it is nowhere.
    let path = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
    path.is_ok_and(|path| Path::new(&path).is_absolute())
}
