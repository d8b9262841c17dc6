use clap::ValueEnum;

use super::pages::Page;

/// What a guide can be about, in the usual order of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// Sign in to the registry's cloud
    SignIn,
    /// Configure Docker to use credmint
    SetUp,
    /// The engine's mirrors, proxy and insecure registries
    Engine,
    /// Create the repository
    Create,
    /// Run your own registry
    Registry,
    /// Choose tags
    Tags,
    /// Build and push
    Build,
    /// Pull, inspect and verify
    Pull,
    /// List tags
    List,
    /// Delete a tag
    Delete,
    /// Delete old images automatically
    CleanUp,
    /// Copy to another registry
    Mirror,
    /// Scan for vulnerabilities
    Scan,
    /// Sign and verify
    Sign,
    /// Build in a pipeline
    Ci,
    /// Pull from Kubernetes
    Kubernetes,
    /// Troubleshoot
    Trouble,
    /// Notes on this operating system
    System,
    /// Messages of clients: cause and remedy (without an image)
    Troubleshooting,
    /// Where tokens and logins are kept (without an image)
    Keychains,
    /// The Windows Subsystem for Linux (without an image)
    Wsl,
    /// Jobs without a robot's password (without an image)
    Robots,
    /// Switch from another helper (without an image)
    Switch,
    /// Known limits (without an image)
    Limits,
}

impl Topic {
    /// Those that are about an image.
    pub(crate) const ALL: &'static [Topic] = &[
        Topic::SignIn,
        Topic::SetUp,
        Topic::Engine,
        Topic::Create,
        Topic::Registry,
        Topic::Tags,
        Topic::Build,
        Topic::Pull,
        Topic::List,
        Topic::Delete,
        Topic::CleanUp,
        Topic::Mirror,
        Topic::Scan,
        Topic::Sign,
        Topic::Ci,
        Topic::Kubernetes,
        Topic::Trouble,
        Topic::System,
    ];

    /// Its name on the command line, in the texts and in JSON.
    pub(super) fn section(self) -> &'static str {
        match self {
            Topic::SignIn => "sign-in",
            Topic::SetUp => "set-up",
            Topic::Engine => "engine",
            Topic::Create => "create",
            Topic::Registry => "registry",
            Topic::Tags => "tags",
            Topic::Build => "build",
            Topic::Pull => "pull",
            Topic::List => "list",
            Topic::Delete => "delete",
            Topic::CleanUp => "clean-up",
            Topic::Mirror => "mirror",
            Topic::Scan => "scan",
            Topic::Sign => "sign",
            Topic::Ci => "ci",
            Topic::Kubernetes => "kubernetes",
            Topic::Trouble => "trouble",
            Topic::System => "system",
            Topic::Troubleshooting => "troubleshooting",
            Topic::Keychains => "keychains",
            Topic::Wsl => "wsl",
            Topic::Robots => "robots",
            Topic::Switch => "switch",
            Topic::Limits => "limits",
        }
    }

    /// Whether it changes what lies in the registry.
    pub(super) fn is_for_owners(self) -> bool {
        use Topic::{Build, Ci, CleanUp, Create, Delete, Sign, Tags};
        matches!(self, Create | Tags | Build | Delete | CleanUp | Sign | Ci)
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Topic::SignIn => "Sign in",
            Topic::SetUp => "Set up Docker",
            Topic::Engine => "The engine's own settings",
            Topic::Create => "Create the repository",
            Topic::Registry => "Run a registry",
            Topic::Tags => "Tags",
            Topic::Build => "Build and push",
            Topic::Pull => "Pull and verify",
            Topic::List => "List tags",
            Topic::Delete => "Delete",
            Topic::CleanUp => "Clean up automatically",
            Topic::Mirror => "Mirror to another registry",
            Topic::Scan => "Scan",
            Topic::Sign => "Sign and verify",
            Topic::Ci => "Continuous integration",
            Topic::Kubernetes => "Kubernetes",
            Topic::Trouble => "When something is wrong",
            Topic::System => "On this system",
            Topic::Troubleshooting | Topic::Keychains | Topic::Wsl | Topic::Robots | Topic::Switch | Topic::Limits => {
                Page::of(self).map_or("", |page| page.title)
            }
        }
    }
}

/// The system that runs pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ci {
    /// GitHub Actions
    Github,
    /// Azure Pipelines
    Azure,
    /// GitLab CI/CD
    Gitlab,
    /// No pipeline
    None,
}

impl Ci {
    pub(super) fn section(self) -> Option<&'static str> {
        match self {
            Ci::Github => Some("github"),
            Ci::Azure => Some("azure"),
            Ci::Gitlab => Some("gitlab"),
            Ci::None => None,
        }
    }

    /// How images are signed, and verified as those of this pipeline.
    pub(super) fn signing(self) -> &'static str {
        match self {
            Ci::Github | Ci::None => "sign",
            Ci::Azure => "sign-azure",
            Ci::Gitlab => "sign-gitlab",
        }
    }
}

/// The system that commands are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    /// A POSIX shell
    Linux,
    /// A POSIX shell
    Macos,
    /// PowerShell
    Windows,
}

impl System {
    /// What stands before a command that edits the engine's file.
    pub(super) fn sudo(self) -> &'static str {
        if self == System::Linux { "sudo " } else { "" }
    }

    /// What has the engine read its file again.
    pub(super) fn reload(self) -> &'static str {
        if self == System::Linux { "sudo systemctl reload docker" } else { "docker desktop restart" }
    }

    pub(super) fn of_this_machine() -> Self {
        match std::env::consts::OS {
            "windows" => System::Windows,
            "macos" => System::Macos,
            _ => System::Linux,
        }
    }

    pub(super) fn section(self) -> &'static str {
        match self {
            System::Linux => "linux",
            System::Macos => "macos",
            System::Windows => "windows",
        }
    }
}
