//! The session of a role, with fewer rights than the role: AWS grants what both allow.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>
//!
//! Whether the token that ECR mints for such a session keeps to its policy for all of its twelve hours is not
//! documented.

use broker::MintError;
use serde_json::json;
use settings::{Access, Narrowing, Rule};

use crate::error;
use crate::role_chain::Role;
use crate::scope::{Service, Target};

/// AWS's limit: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
const MAX_POLICY: usize = 2_048;

const PULL: [&str; 3] = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const PUSH: [&str; 4] = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"];

/// The role with the session settings of a rule.
///
/// # Errors
/// The policy is longer than AWS allows.
pub(crate) fn narrowed(role: Role, rule: Option<&Rule>, target: &Target) -> Result<Role, MintError> {
    let Some(rule) = rule else { return Ok(role) };
    let narrowing = &rule.narrowing;
    let is_by_access = narrowing.access.is_some() || !narrowing.repositories.is_empty();
    let policy = match &narrowing.session_policy {
        Some(policy) => Some(policy.clone()),
        None => is_by_access.then(|| policy(narrowing, &role.arn, target.service)),
    };
    if policy.as_ref().is_some_and(|policy| policy.len() > MAX_POLICY) {
        return Err(error::long_policy());
    }
    Ok(Role { policy, policy_arns: narrowing.session_policy_arns.clone(), duration: narrowing.duration, ..role })
}

fn policy(narrowing: &Narrowing, role: &str, service: Service) -> String {
    // `aws`, `aws-cn` …: the role and the registry are of one partition.
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let prefix = match service {
        Service::Private => "ecr",
        Service::Public => "ecr-public",
    };
    let repository = |name: &String| format!("arn:{partition}:{prefix}:*:*:repository/{name}");
    let resources: Vec<_> = match &narrowing.repositories[..] {
        [] => vec!["*".to_owned()],
        names => names.iter().map(repository).collect(),
    };
    let pushes = narrowing.access == Some(Access::Push);
    let actions = PULL.iter().chain(pushes.then_some(&PUSH).into_iter().flatten());
    let actions: Vec<_> = actions.map(|action| action.replacen("ecr:", &format!("{prefix}:"), 1)).collect();
    let mut sign_in = vec![format!("{prefix}:GetAuthorizationToken")];
    if service == Service::Public {
        sign_in.push("sts:GetServiceBearerToken".to_owned());
    }
    let statements = json!([
        {"Effect": "Allow", "Action": sign_in, "Resource": "*"},
        {"Effect": "Allow", "Action": actions, "Resource": resources},
    ]);
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}
