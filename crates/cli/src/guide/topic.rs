use clap::ValueEnum;

/// What a guide can be about, in the order in which one comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// Sign in to the registry's cloud
    SignIn,
    /// Tell Docker about credmint
    SetUp,
    /// Make the repository
    Create,
    /// Name images
    Tags,
    /// Build and push
    Build,
    /// Pull and look
    Pull,
    /// List tags
    List,
    /// Delete a tag
    Delete,
    /// Let old images go
    CleanUp,
    /// Copy to another registry
    Mirror,
    /// Look for known holes
    Scan,
    /// Sign and verify
    Sign,
    /// Build in a pipeline
    Ci,
    /// Pull from Kubernetes
    Kubernetes,
    /// Find out what is wrong
    Trouble,
    /// Know this system's ways
    System,
}

impl Topic {
    pub(crate) const ALL: &'static [Topic] = &[
        Topic::SignIn,
        Topic::SetUp,
        Topic::Create,
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
            Topic::Create => "create",
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
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Topic::SignIn => "Sign in",
            Topic::SetUp => "Set up Docker",
            Topic::Create => "Create the repository",
            Topic::Tags => "Tags",
            Topic::Build => "Build and push",
            Topic::Pull => "Pull and verify",
            Topic::List => "List tags",
            Topic::Delete => "Delete",
            Topic::CleanUp => "Clean up by itself",
            Topic::Mirror => "Mirror to another registry",
            Topic::Scan => "Scan",
            Topic::Sign => "Sign and verify",
            Topic::Ci => "Continuous integration",
            Topic::Kubernetes => "Kubernetes",
            Topic::Trouble => "When something is wrong",
            Topic::System => "On this system",
        }
    }
}

/// Whose pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ci {
    /// GitHub Actions
    Github,
    /// Azure Pipelines
    Azure,
    /// GitLab CI/CD
    Gitlab,
    /// Nobody's
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
}

/// Whose commands.
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
