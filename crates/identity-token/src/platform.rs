use settings::{Environment, IdentitySource};

/// A CI that provides its jobs with identity tokens.
pub(crate) struct Platform {
    pub(crate) source: IdentitySource,
    pub(crate) name: &'static str,
    /// Set in each of its jobs.
    pub(crate) seen: &'static str,
    /// What a token needs: one variable of each group.
    pub(crate) needs: &'static [&'static [&'static str]],
    /// The variables that identify a job.
    pub(crate) job: &'static [&'static str],
    /// The remedy for a job without an identity.
    pub(crate) remedy: &'static str,
}

/// In the order in which they are looked for.
pub(crate) const PLATFORMS: [Platform; 6] = [
    // Forgejo sets the same variables. <https://docs.github.com/actions/reference/security/oidc>
    Platform {
        source: IdentitySource::Github,
        name: "GitHub Actions",
        seen: "GITHUB_ACTIONS",
        needs: &[&[GITHUB_URL], &[GITHUB_TOKEN]],
        job: &[GITHUB_URL, GITHUB_TOKEN],
        remedy: "give the job `permissions: id-token: write` in its workflow (Forgejo: `enable-openid-connect: true`); \
            a pull request from a fork gets none, and needs on_failure = \"not-found\" to pull public images",
    },
    // <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
    Platform {
        source: IdentitySource::Gitlab,
        name: "GitLab CI",
        seen: "GITLAB_CI",
        needs: &[&[]],
        job: &["CI_JOB_ID", "CI_JOB_TOKEN"],
        remedy: "add `id_tokens: { REGISTRY_ID_TOKEN: { aud: … } }` to the job in .gitlab-ci.yml, and \
            token_env = \"REGISTRY_ID_TOKEN\" to the [[registry]] table",
    },
    // <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>
    Platform {
        source: IdentitySource::AzurePipelines,
        name: "Azure Pipelines",
        seen: "TF_BUILD",
        needs: &[&[AZURE_URL], &[AZURE_TOKEN]],
        job: &["SYSTEM_JOBID", AZURE_URL, AZURE_TOKEN],
        remedy: "add `env: { SYSTEM_ACCESSTOKEN: $(System.AccessToken) }` to the step",
    },
    // <https://buildkite.com/docs/agent/cli/reference/oidc>
    Platform {
        source: IdentitySource::Buildkite,
        name: "Buildkite",
        seen: "BUILDKITE",
        needs: &[&[BUILDKITE_TOKEN], &[BUILDKITE_JOB]],
        job: &[BUILDKITE_JOB, BUILDKITE_TOKEN],
        remedy: "pass BUILDKITE_AGENT_ACCESS_TOKEN and BUILDKITE_JOB_ID to this process",
    },
    // <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>
    Platform {
        source: IdentitySource::Circleci,
        name: "CircleCI",
        seen: "CIRCLECI",
        needs: &[&CIRCLE_TOKENS],
        job: &["CIRCLE_WORKFLOW_JOB_ID", "CIRCLE_WORKFLOW_ID", CIRCLE_TOKENS[0], CIRCLE_TOKENS[1]],
        remedy: "pass CIRCLE_OIDC_TOKEN_V2 to this process",
    },
    // <https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/>
    Platform {
        source: IdentitySource::Bitbucket,
        name: "Bitbucket Pipelines",
        seen: "BITBUCKET_BUILD_NUMBER",
        needs: &[&[BITBUCKET_TOKEN]],
        job: &["BITBUCKET_STEP_UUID", BITBUCKET_TOKEN],
        remedy: "set `oidc: true` on the step in bitbucket-pipelines.yml",
    },
];

pub(crate) const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(crate) const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
pub(crate) const AZURE_URL: &str = "SYSTEM_OIDCREQUESTURI";
pub(crate) const AZURE_TOKEN: &str = "SYSTEM_ACCESSTOKEN";
pub(crate) const BUILDKITE_TOKEN: &str = "BUILDKITE_AGENT_ACCESS_TOKEN";
pub(crate) const BUILDKITE_JOB: &str = "BUILDKITE_JOB_ID";
pub(crate) const CIRCLE_TOKENS: [&str; 2] = ["CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"];
pub(crate) const BITBUCKET_TOKEN: &str = "BITBUCKET_STEP_OIDC_TOKEN";

impl Platform {
    pub(crate) fn of(source: IdentitySource) -> Option<&'static Platform> {
        const TABLE: &[Platform] = &PLATFORMS;
        TABLE.iter().find(|platform| platform.source == source)
    }

    /// The CI that runs this job.
    pub(crate) fn here(environment: &Environment) -> Option<&'static Platform> {
        const TABLE: &[Platform] = &PLATFORMS;
        TABLE.iter().find(|platform| platform.is_here(environment))
    }

    /// Whether this is a job of this CI, or has the variables of one, as in a container.
    pub(crate) fn is_here(&self, environment: &Environment) -> bool {
        environment.raw(self.seen).is_some() || self.source != IdentitySource::Gitlab && self.is_granted(environment)
    }

    /// Whether this job has an identity.
    pub(crate) fn is_granted(&self, environment: &Environment) -> bool {
        self.needs.iter().all(|group| group.iter().any(|name| environment.raw(name).is_some()))
    }
}
