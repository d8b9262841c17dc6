use broker::ExistingToken;
use protocol::{Secret, ServerUrl};
use settings::Environment;

/// The registry that a GitLab job may use as it is: the variables have its host, the user and the password.
/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    host: &'static str,
    username: User,
    password: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Variable(&'static str),
    Is(&'static str),
}

/// The first that exists is used.
const JOBS: [Job; 3] = [
    Job { host: "CI_REGISTRY", username: User::Variable("CI_REGISTRY_USER"), password: "CI_REGISTRY_PASSWORD" },
    Job { host: "CI_REGISTRY", username: User::Is("gitlab-ci-token"), password: "CI_JOB_TOKEN" },
    Job {
        host: "CI_DEPENDENCY_PROXY_SERVER",
        username: User::Variable("CI_DEPENDENCY_PROXY_USER"),
        password: "CI_DEPENDENCY_PROXY_PASSWORD",
    },
];

impl Job {
    /// The one for an address: exactly the host that the variable names, with its port.
    pub(crate) fn of(server: &ServerUrl, environment: &Environment) -> Option<Job> {
        environment.raw("GITLAB_CI")?;
        let is_host = |variable: &str| {
            let named = environment.text(variable).and_then(|text| ServerUrl::parse(&text).ok());
            named.is_some_and(|named| named.is_plain() && named.is_https() && named.authority() == server.authority())
        };
        JOBS.into_iter().find(|job| is_host(job.host) && job.token(environment).is_some())
    }

    /// The name of the user, as far as it is the same in every job.
    pub(crate) fn username(&self) -> &'static str {
        match self.username {
            User::Variable(_) => "gitlab-ci-token",
            User::Is(name) => name,
        }
    }

    pub(crate) fn token(&self, environment: &Environment) -> Option<ExistingToken> {
        let username = match self.username {
            User::Variable(name) => environment.text(name)?,
            User::Is(name) => name.to_owned(),
        };
        Some(ExistingToken { username, secret: Secret::new(environment.text(self.password)?) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn user(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let environment = Environment::of(variables.iter().copied());
        let job = Job::of(&ServerUrl::parse(server).unwrap(), &environment)?;
        Some(job.token(&environment).unwrap().username)
    }

    #[test]
    fn a_job_s_password_is_for_the_job_s_registry_alone() {
        let all = [
            ("GITLAB_CI", "true"),
            ("CI_REGISTRY", "registry.gitlab.example:5050"),
            ("CI_REGISTRY_USER", "gitlab-ci-token"),
            ("CI_REGISTRY_PASSWORD", "x"),
            ("CI_DEPENDENCY_PROXY_SERVER", "gitlab.example:443"),
            ("CI_DEPENDENCY_PROXY_USER", "proxy"),
            ("CI_DEPENDENCY_PROXY_PASSWORD", "y"),
        ];
        for (server, expected) in [
            ("registry.gitlab.example:5050", Some("gitlab-ci-token")),
            ("https://registry.gitlab.example:5050/v2/", Some("gitlab-ci-token")),
            ("gitlab.example", Some("proxy")),
            ("registry.gitlab.example", None),
            ("registry.gitlab.example:5051", None),
            ("registry.gitlab.example.attacker.example:5050", None),
        ] {
            assert_eq!(user(server, &all).as_deref(), expected, "{server}");
        }
        assert_eq!(user("registry.gitlab.example:5050", &all[1..]), None, "no job of GitLab's");
        let token_alone = [("GITLAB_CI", "true"), ("CI_REGISTRY", "r.example"), ("CI_JOB_TOKEN", "x")];
        assert_eq!(user("r.example", &token_alone).as_deref(), Some("gitlab-ci-token"));
        assert_eq!(user("r.example", &token_alone[..2]), None);
    }
}
