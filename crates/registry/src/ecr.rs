use crate::Registry;
use crate::pattern::Pattern;

/// An account's private registry in Amazon ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrRegistry {
    /// The twelve digits of the account that owns the registry, not of the one that signs in.
    pub account: String,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// The partition of the region.
    pub partition: Partition,
    /// Whether the host is a FIPS endpoint: its token is to come from one too.
    pub fips: bool,
    /// Whether the host also has IPv6 addresses: its token is to come from such an endpoint too.
    pub dual_stack: bool,
}

/// Amazon ECR Public: one registry for the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcrPublicRegistry {
    /// Whether the host also has IPv6 addresses.
    pub dual_stack: bool,
}

/// A part of AWS with identities and host names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// China.
    China,
    /// GovCloud (US).
    UsGov,
    /// The European Sovereign Cloud.
    Eusc,
    /// Top Secret.
    Iso,
    /// Secret.
    IsoB,
    /// Europe's isolated region.
    IsoE,
    /// Secret and Top Secret for one more customer.
    IsoF,
}

impl Partition {
    /// The name AWS uses in ARNs.
    pub fn name(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::China => "aws-cn",
            Partition::UsGov => "aws-us-gov",
            Partition::Eusc => "aws-eusc",
            Partition::Iso => "aws-iso",
            Partition::IsoB => "aws-iso-b",
            Partition::IsoE => "aws-iso-e",
            Partition::IsoF => "aws-iso-f",
        }
    }

    /// By the first words of the region, as in AWS's `partitions.json`. A
    /// continent that AWS has not been to yet belongs to the commercial partition.
    fn of_region(region: &str) -> Self {
        const PREFIXES: [(&str, Partition); 7] = [
            ("cn-", Partition::China),
            ("us-gov-", Partition::UsGov),
            ("eusc-", Partition::Eusc),
            ("us-iso-", Partition::Iso),
            ("us-isob-", Partition::IsoB),
            ("eu-isoe-", Partition::IsoE),
            ("us-isof-", Partition::IsoF),
        ];
        PREFIXES
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix))
            .map_or(Partition::Aws, |&(_, partition)| partition)
    }
}

struct Row {
    pattern: Pattern,
    fips: bool,
    dual_stack: bool,
    /// A region of any other partition under this suffix is not a host of AWS.
    partitions: &'static [Partition],
}

const fn row(pattern: &'static str, fips: bool, dual_stack: bool, partitions: &'static [Partition]) -> Row {
    Row { pattern: Pattern(pattern), fips, dual_stack, partitions }
}

/// Every private host name of ECR: the suffix of each partition, for four kinds of endpoint.
/// Sources: <https://docs.aws.amazon.com/general/latest/gr/ecr.html> and the DNS suffixes in
/// botocore's `partitions.json`. The isolated partitions have no dual-stack registry hosts.
const PRIVATE: &[Row] = &[
    row("{account}.dkr.ecr.{region}.amazonaws.com", false, false, &[Partition::Aws, Partition::UsGov]),
    row("{account}.dkr.ecr-fips.{region}.amazonaws.com", true, false, &[Partition::Aws, Partition::UsGov]),
    row("{account}.dkr-ecr.{region}.on.aws", false, true, &[Partition::Aws, Partition::UsGov]),
    row("{account}.dkr-ecr-fips.{region}.on.aws", true, true, &[Partition::Aws, Partition::UsGov]),
    row("{account}.dkr.ecr.{region}.amazonaws.com.cn", false, false, &[Partition::China]),
    row("{account}.dkr.ecr-fips.{region}.amazonaws.com.cn", true, false, &[Partition::China]),
    row("{account}.dkr-ecr.{region}.on.amazonwebservices.com.cn", false, true, &[Partition::China]),
    row("{account}.dkr-ecr-fips.{region}.on.amazonwebservices.com.cn", true, true, &[Partition::China]),
    row("{account}.dkr.ecr.{region}.amazonaws.eu", false, false, &[Partition::Eusc]),
    row("{account}.dkr.ecr-fips.{region}.amazonaws.eu", true, false, &[Partition::Eusc]),
    row("{account}.dkr-ecr.{region}.on.amazonwebservices.eu", false, true, &[Partition::Eusc]),
    row("{account}.dkr-ecr-fips.{region}.on.amazonwebservices.eu", true, true, &[Partition::Eusc]),
    row("{account}.dkr.ecr.{region}.c2s.ic.gov", false, false, &[Partition::Iso]),
    row("{account}.dkr.ecr-fips.{region}.c2s.ic.gov", true, false, &[Partition::Iso]),
    row("{account}.dkr.ecr.{region}.sc2s.sgov.gov", false, false, &[Partition::IsoB]),
    row("{account}.dkr.ecr-fips.{region}.sc2s.sgov.gov", true, false, &[Partition::IsoB]),
    row("{account}.dkr.ecr.{region}.cloud.adc-e.uk", false, false, &[Partition::IsoE]),
    row("{account}.dkr.ecr-fips.{region}.cloud.adc-e.uk", true, false, &[Partition::IsoE]),
    row("{account}.dkr.ecr.{region}.csp.hci.ic.gov", false, false, &[Partition::IsoF]),
    row("{account}.dkr.ecr-fips.{region}.csp.hci.ic.gov", true, false, &[Partition::IsoF]),
];

pub(crate) fn registry_of(host: &str) -> Option<Registry> {
    match host {
        "public.ecr.aws" => return Some(Registry::EcrPublic(EcrPublicRegistry { dual_stack: false })),
        "ecr-public.aws.com" => return Some(Registry::EcrPublic(EcrPublicRegistry { dual_stack: true })),
        _ => {}
    }
    PRIVATE.iter().find_map(|row| {
        let placeholders = row.pattern.matches(host)?;
        let partition = Partition::of_region(placeholders.region);
        row.partitions.contains(&partition).then(|| {
            Registry::Ecr(EcrRegistry {
                account: placeholders.account.to_owned(),
                region: placeholders.region.to_owned(),
                partition,
                fips: row.fips,
                dual_stack: row.dual_stack,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use protocol::ServerUrl;

    use super::*;
    use crate::registry_of;

    fn of(text: &str) -> Option<Registry> {
        registry_of(&ServerUrl::parse(text).ok()?)
    }

    #[test]
    fn every_partition_and_kind_of_endpoint() {
        use Partition::*;
        for (rest, region, partition, fips, dual_stack) in [
            ("dkr.ecr.us-east-1.amazonaws.com", "us-east-1", Aws, false, false),
            ("dkr.ecr.mx-central-1.amazonaws.com", "mx-central-1", Aws, false, false),
            ("dkr.ecr-fips.us-west-2.amazonaws.com", "us-west-2", Aws, true, false),
            ("dkr-ecr.eu-central-2.on.aws", "eu-central-2", Aws, false, true),
            ("dkr-ecr-fips.us-east-2.on.aws", "us-east-2", Aws, true, true),
            ("dkr.ecr.us-gov-east-1.amazonaws.com", "us-gov-east-1", UsGov, false, false),
            ("dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", UsGov, true, false),
            ("dkr-ecr.us-gov-west-1.on.aws", "us-gov-west-1", UsGov, false, true),
            ("dkr-ecr-fips.us-gov-west-1.on.aws", "us-gov-west-1", UsGov, true, true),
            ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", China, false, false),
            ("dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn", "cn-northwest-1", China, false, true),
            ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", Eusc, false, false),
            ("dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu", "eusc-de-east-1", Eusc, false, true),
            ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", Iso, false, false),
            ("dkr.ecr-fips.us-iso-west-1.c2s.ic.gov", "us-iso-west-1", Iso, true, false),
            ("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", IsoB, false, false),
            ("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", IsoE, false, false),
            ("dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", IsoF, false, false),
        ] {
            let account = "123456789012".to_owned();
            let expected = Registry::Ecr(EcrRegistry { account, region: region.into(), partition, fips, dual_stack });
            let host = format!("123456789012.{rest}");
            for spelling in [
                host.clone(),
                host.to_uppercase(),
                format!("https://{host}/v2/"),
                format!("{host}:443"),
                format!("{host}/team/app"),
            ] {
                assert_eq!(of(&spelling).as_ref(), Some(&expected), "{spelling}");
            }
            assert_eq!(of(&format!("http://{host}")), None, "{host} without TLS");
            assert_eq!(of(&format!("{host}:8443")), None, "{host} on another port");
            assert_eq!(of(&format!("{host}.attacker.com")), None, "{host} as a prefix");
            assert_eq!(of(&format!("attacker.{host}")), None, "{host} as a suffix");
            assert_eq!(of(&format!("user@{host}")), None, "{host} with user information");
            assert_eq!(of(&format!("attacker.com/{host}")), None, "{host} in the path");
            assert_eq!(of(&format!("{host}.")), None, "{host} with a trailing dot");
        }
    }

    #[test]
    fn the_public_registry_by_its_exact_names() {
        assert_eq!(of("public.ecr.aws"), Some(Registry::EcrPublic(EcrPublicRegistry { dual_stack: false })));
        assert_eq!(of("https://ecr-public.aws.com"), Some(Registry::EcrPublic(EcrPublicRegistry { dual_stack: true })));
        for other in [
            "x.public.ecr.aws",
            "public.ecr.aws.com",
            "ecr-public.aws",
            "publicXecr.aws",
            "gallery.ecr.aws",
            "public.ecr.aws:5000",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn near_misses_belong_to_no_cloud() {
        for other in [
            "12345678901.dkr.ecr.us-east-1.amazonaws.com",
            "1234567890123.dkr.ecr.us-east-1.amazonaws.com",
            "12345678901a.dkr.ecr.us-east-1.amazonaws.com",
            "١٢٣٤٥٦٧٨٩٠١٢.dkr.ecr.us-east-1.amazonaws.com",
            "dkr.ecr.us-east-1.amazonaws.com",
            "api.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.notamazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.de",
            "123456789012.dkr.ecr.us-east-1.amazonaws.org",
            "123456789012.dkr.ecr..amazonaws.com",
            "123456789012.dkr.ecr.evil.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.useast1.amazonaws.com",
            "123456789012.dkr-ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.on.aws",
            "123456789012.dkr.ecr-fip.us-east-1.amazonaws.com",
            "123456789012-dkr-ecr-us-east-1.amazonaws.com",
            "123456789012.s3.us-east-1.amazonaws.com",
            // A region under the suffix of another partition: its token would come from elsewhere.
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.us-iso-east-1.sc2s.sgov.gov",
            "123456789012.dkr.ecr.us-gov-west-1.amazonaws.eu",
            "123456789012.dkr-ecr.eusc-de-east-1.on.aws",
            "docker.io",
            "localhost:5000",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
