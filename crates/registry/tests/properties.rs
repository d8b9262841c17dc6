//! Properties of every host, tested at random.

#![allow(clippy::unwrap_used)] // In a test a panic is the message.

use proptest::prelude::*;
use proptest::sample::select;
use protocol::ServerUrl;
use registry::{Registry, registry_of};

/// Domains in which only the cloud can have names, written independently of the table.
const OWNED: [&str; 23] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "on.aws",
    "on.amazonwebservices.com.cn",
    "on.amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
    "public.ecr.aws",
    "ecr-public.aws.com",
    "azurecr.io",
    "azurecr.cn",
    "azurecr.us",
    "azurecr.de",
    "gcr.io",
    "pkg.dev",
    "docker.s3nsregistry.fr",
    "ghcr.io",
    "docker.pkg.github.com",
    "ghe.com",
    "s3nsregistry.fr",
];

/// A host of each kind.
const HOSTS: [&str; 16] = [
    "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
    "123456789012.dkr-ecr.eu-central-1.on.aws",
    "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
    "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
    "public.ecr.aws",
    "ecr-public.aws.com",
    "example.azurecr.io",
    "example-a1b2.westeurope.geo.azurecr.us",
    "gcr.io",
    "eu.gcr.io",
    "europe-west1-docker.pkg.dev",
    "docker.s3nsregistry.fr",
    "ghcr.io",
    "containers.octocorp.ghe.com",
];

fn is_owned(host: &str) -> bool {
    OWNED.iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The owner of the token must be part of the requested host.
fn stands_in(registry: &Registry, host: &str) -> bool {
    let labels: Vec<_> = host.split('.').collect();
    match registry {
        Registry::Ecr(ecr) => labels.contains(&ecr.account.as_str()) && labels.contains(&ecr.region.as_str()),
        Registry::Acr(acr) => acr.login_server == host,
        Registry::Ghcr(ghcr) => ghcr.github == "github.com" || host.ends_with(&ghcr.github),
        Registry::EcrPublic(_) | Registry::Gcr(_) => true,
    }
}

proptest! {
    /// Shortened, doubled, with other characters inside, before or after: either no cloud matches,
    /// or only this cloud can have the name.
    #[test]
    fn a_changed_host_is_rejected_or_still_the_clouds(
        host in select(&HOSTS[..]), at in any::<prop::sample::Index>(), until in any::<prop::sample::Index>(),
        inserted in r"[a-z0-9.@:/\\?#_-]{0,3}|\.attacker\.com|attacker\.com/|attacker\.com#|x@|-",
    ) {
        let (at, until) = (at.index(host.len() + 1), until.index(host.len() + 1));
        let text = format!("{}{inserted}{}", &host[..at.min(until)], &host[at.max(until)..]);
        for text in [format!("{}{inserted}{}", &host[..at], &host[at..]), text] {
            let Ok(server) = ServerUrl::parse(&text) else { continue };
            if let Some(registry) = registry_of(&server) {
                prop_assert!(is_owned(server.host()), "{} is taken for {:?}", text, registry);
                prop_assert!(stands_in(&registry, server.host()), "{} is taken for {:?}", text, registry);
                // The host that a browser or curl would connect to.
                let host = text.split(['/', '?', '#', '\\']).next().unwrap().trim_end_matches(":443");
                prop_assert_eq!(server.host(), host.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn every_way_to_write_a_host_is_the_same_registry(
        host in select(&HOSTS[..]), upper in prop::collection::vec(any::<bool>(), 1..20),
        scheme in select(&["", "https://", "//", "HTTPS://"][..]),
        end in select(&["", "/", ":443", ":443/v2/", "/v1/", "/team/app", "?x"][..]),
    ) {
        let letter = |(letter, upper): (char, &bool)| if *upper { letter.to_ascii_uppercase() } else { letter };
        let written: String = host.chars().zip(upper.iter().cycle()).map(letter).collect();
        let of = |text: &str| registry_of(&ServerUrl::parse(text).unwrap());
        prop_assert!(of(host).is_some());
        prop_assert_eq!(of(&format!("{scheme}{written}{end}")), of(host));
        prop_assert_eq!(of(&format!("http://{written}")), None);
    }
}
