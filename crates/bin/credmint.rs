//! `credmint`: the command for people.

use std::process::ExitCode;

use registry::Cloud;

const BUILD: cli::Build = cli::Build {
    version: env!("CREDMINT_VERSION"),
    commit: option_env!("CREDMINT_BUILT_FROM"),
    target: env!("CREDMINT_TARGET"),
    providers: &[
        #[cfg(feature = "ecr")]
        Cloud::Aws,
        #[cfg(feature = "acr")]
        Cloud::Azure,
        #[cfg(feature = "gcr")]
        Cloud::Google,
        #[cfg(feature = "ghcr")]
        Cloud::GitHub,
    ],
};

fn main() -> ExitCode {
    cli::run(BUILD)
}
