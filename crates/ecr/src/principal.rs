//! Whose credentials sign the request for a token.

use broker::Principal;

pub(crate) fn environment_keys() -> Principal {
    Principal::new("the access key in the environment", "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
}

/// The role that a web identity's token is exchanged for.
pub(crate) fn web_identity(role: &str) -> Principal {
    Principal::new(format!("role {role} (web identity)"), "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN")
}

pub(crate) fn profile(name: &str) -> Principal {
    Principal::new(format!("AWS profile {name}"), format!("run `aws sts get-caller-identity{}`", profile_option(name)))
}

pub(crate) fn container() -> Principal {
    let remedy = "check AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, and AWS_CONTAINER_AUTHORIZATION_TOKEN";
    Principal::new("the container's role", remedy)
}

pub(crate) fn instance() -> Principal {
    Principal::new("the instance's role", "check that the role's trust policy names ec2.amazonaws.com")
}

pub(crate) fn role_of_profile(arn: &str, name: &str) -> Principal {
    let remedy = format!("run `aws sts get-caller-identity{}`", profile_option(name));
    Principal::new(format!("role {arn} of AWS profile {name}"), remedy)
}

pub(crate) fn role_of_settings(arn: &str) -> Principal {
    Principal::new(format!("role {arn}"), "check role_arn and external_id in credmint's settings")
}

pub(crate) fn pod(role: &str) -> Principal {
    let remedy = "check the role's trust policy, and the audience of the tokens that kubelet requests";
    Principal::new(format!("role {role} of the service account"), remedy)
}

/// ` --profile NAME` for Amazon's command; nothing for the default profile.
pub(crate) fn profile_option(name: &str) -> String {
    if name == "default" { String::new() } else { format!(" --profile {}", quoted(name)) }
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |sign: char| sign.is_alphanumeric() || "_-./@:+".contains(sign);
    if !name.is_empty() && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_to_a_shell() {
        for (name, expected) in
            [("dev", "dev"), ("b\u{fc}ro", "b\u{fc}ro"), ("my corp", "'my corp'"), ("bob's", "'bob'\\''s'"), ("", "''")]
        {
            assert_eq!(quoted(name), expected);
        }
    }
}
