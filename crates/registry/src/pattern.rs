/// A host name with placeholders: `{account}.dkr.ecr.{region}.amazonaws.com`. A hole is one whole label.
pub(crate) struct Pattern(pub(crate) &'static str);

/// What stood in the placeholders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Placeholders<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

impl Pattern {
    /// Matches the whole host, label by label; `host` is in lower case.
    pub(crate) fn matches<'a>(&self, host: &'a str) -> Option<Placeholders<'a>> {
        let mut placeholders = Placeholders::default();
        let mut labels = host.split('.');
        for expected in self.0.split('.') {
            let label = labels.next()?;
            match expected {
                "{account}" if is_account(label) => placeholders.account = label,
                "{region}" if is_region(label) => placeholders.region = label,
                "{name}" if is_registry_name(label) => {}
                "{place}" if is_place(label) => {}
                "{location}-docker" if label.strip_suffix("-docker").is_some_and(is_place) => {}
                literal if literal == label => {}
                _ => return None,
            }
        }
        labels.next().is_none().then_some(placeholders)
    }
}

/// An AWS account: twelve digits.
fn is_account(label: &str) -> bool {
    label.len() == 12 && label.bytes().all(|byte| byte.is_ascii_digit())
}

/// The shape that all AWS regions share: words of letters and a number, `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let mut words = label.rsplit('-');
    let number = words.next().unwrap_or_default();
    let is_number = !number.is_empty() && number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let mut count = 0;
    let all_words = words.all(|word| {
        count += 1;
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    is_number && all_words && count >= 2
}

/// The name of a registry in Azure: five to fifty letters and digits, then perhaps the hash of a
/// domain name label. <https://learn.microsoft.com/azure/container-registry/container-registry-get-started-portal>
fn is_registry_name(label: &str) -> bool {
    let (name, hash) = label.split_once('-').map_or((label, None), |(name, hash)| (name, Some(hash)));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (5..=50).contains(&name.len()) && is_plain(name) && hash.is_none_or(|hash| !hash.is_empty() && is_plain(hash))
}

/// A region or a tenant: letters, digits and single hyphens inside.
fn is_place(label: &str) -> bool {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    label.split('-').all(|word| !word.is_empty() && is_plain(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_whole_labels_and_nothing_may_follow() {
        let pattern = Pattern("{account}.dkr.ecr.{region}.amazonaws.com");
        let placeholders = pattern.matches("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
        assert_eq!(placeholders, Placeholders { account: "123456789012", region: "eu-west-1" });
        for host in [
            "",
            "dkr.ecr",
            "123456789012.dkr.ecr.eu-west-1.amazonaws",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.x",
        ] {
            assert_eq!(pattern.matches(host), None, "{host}");
        }
    }

    #[test]
    fn regions_by_shape() {
        for region in ["us-east-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-7", "xx-new-12"]
        {
            assert!(is_region(region), "{region}");
        }
        for other in
            ["", "us", "us-east", "us-east-", "-east-1", "us--1", "1-1", "us1-east-1", "us-east-123", "us_east_1"]
        {
            assert!(!is_region(other), "{other}");
        }
    }
}
