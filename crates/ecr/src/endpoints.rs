//! Which API endpoint gives a registry's token: from the host name of Docker's request to the host name that
//! the SDK calls. The expected names are those of AWS's own endpoint rules
//! (botocore's `endpoints.json` and `partitions.json`).

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use protocol::ServerUrl;
use settings::{Environment, Places, Settings, Setup};

use crate::assume_role::{assume, sts_region};
use crate::role_chain::Role;
use crate::{mint, principal, scope};

/// Records the URL of a request, and does not send it.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.lock().unwrap().push(request.uri().to_owned());
        HttpConnectorFuture::ready(Err(ConnectorError::user("not sent".into())))
    }
}

impl HttpClient for Recorder {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The user's own settings (`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`).
#[derive(Clone, Copy, Default)]
struct Wish {
    fips: bool,
    dual_stack: bool,
}

/// The hosts of the requests for this registry: for a role's credentials, and for the token.
fn asked_with(wish: Wish, registry: &str) -> (String, String) {
    let setup = Setup {
        environment: Environment::of([("", "")]),
        places: Places::default(),
        settings: Settings::default(),
        workload: None,
    };
    let target = scope::of(&ServerUrl::parse(registry).unwrap(), &setup).unwrap_or_else(|| panic!("{registry}")).target;
    let recorder = Recorder::default();
    let credentials = Credentials::new("AKIA", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .time_source(SystemTimeSource::new())
        .region(aws_config::Region::new(target.region.clone()))
        .use_fips(wish.fips)
        .use_dual_stack(wish.dual_stack)
        .http_client(recorder.clone())
        .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked_by = |refused: bool| {
        assert!(refused);
        recorder.0.lock().unwrap().drain(..).next().unwrap_or_else(|| panic!("no request for {registry}"))
    };
    let arn = "arn:aws:iam::123456789012:role/pull".into();
    let role = Role { arn, ..Role::default() };
    let sts = asked_by(
        runtime
            .block_on(assume(&role, &principal::role_of_settings(""), &config, sts_region(&target), credentials))
            .is_err(),
    );
    (sts, asked_by(runtime.block_on(mint::ask(&target, &config)).is_err()))
}

fn asked_for(registry: &str) -> String {
    asked_with(Wish::default(), registry).1
}

/// A partition: regions of it, the suffix of its registries, of its API, and of both where they
/// speak IPv6 too (the isolated partitions have no such registries).
struct Partition {
    regions: &'static [&'static str],
    plain: (&'static str, &'static str),
    dual: Option<(&'static str, &'static str)>,
}

const PARTITIONS: [Partition; 8] = [
    Partition {
        regions: &[
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
            "eu-central-1",
            "eu-west-3",
            "ap-south-1",
            "mx-central-1",
            "ap-northeast-1",
            "ap-southeast-2",
            "ca-central-1",
            "eu-north-1",
            "il-central-1",
            "me-south-1",
            "af-south-1",
            "sa-east-1",
        ],
        plain: ("amazonaws.com", "amazonaws.com"),
        dual: Some(("on.aws", "api.aws")),
    },
    Partition {
        regions: &["us-gov-east-1", "us-gov-west-1"],
        plain: ("amazonaws.com", "amazonaws.com"),
        dual: Some(("on.aws", "api.aws")),
    },
    Partition {
        regions: &["cn-north-1", "cn-northwest-1"],
        plain: ("amazonaws.com.cn", "amazonaws.com.cn"),
        dual: Some(("on.amazonwebservices.com.cn", "api.amazonwebservices.com.cn")),
    },
    Partition {
        regions: &["eusc-de-east-1"],
        plain: ("amazonaws.eu", "amazonaws.eu"),
        dual: Some(("on.amazonwebservices.eu", "api.amazonwebservices.eu")),
    },
    Partition { regions: &["us-iso-east-1", "us-iso-west-1"], plain: ("c2s.ic.gov", "c2s.ic.gov"), dual: None },
    Partition { regions: &["us-isob-east-1"], plain: ("sc2s.sgov.gov", "sc2s.sgov.gov"), dual: None },
    Partition { regions: &["eu-isoe-west-1"], plain: ("cloud.adc-e.uk", "cloud.adc-e.uk"), dual: None },
    Partition {
        regions: &["us-isof-east-1", "us-isof-south-1"],
        plain: ("csp.hci.ic.gov", "csp.hci.ic.gov"),
        dual: None,
    },
];

#[test]
fn the_api_is_of_the_kind_of_the_registry() {
    let mut rows = 0;
    for Partition { regions, plain, dual } in PARTITIONS {
        for region in regions {
            for (fips, suffix) in [("", ""), ("-fips", "-fips")] {
                let registry = format!("123456789012.dkr.ecr{fips}.{region}.{}", plain.0);
                assert_eq!(
                    asked_for(&registry),
                    format!("https://api.ecr{suffix}.{region}.{}/", plain.1),
                    "{registry}"
                );
                rows += 1;
                if let Some(dual) = dual {
                    let registry = format!("123456789012.dkr-ecr{fips}.{region}.{}", dual.0);
                    assert_eq!(asked_for(&registry), format!("https://ecr{suffix}.{region}.{}/", dual.1), "{registry}");
                    rows += 1;
                }
            }
        }
    }
    assert_eq!(rows, 96);
    assert_eq!(asked_for("public.ecr.aws"), "https://api.ecr-public.us-east-1.amazonaws.com/");
    assert_eq!(asked_for("ecr-public.aws.com"), "https://ecr-public.us-east-1.api.aws/");
}

#[test]
fn what_the_user_asks_for_is_never_taken_away() {
    let fips = Wish { fips: true, ..Wish::default() };
    let dual_stack = Wish { dual_stack: true, ..Wish::default() };
    for (wish, registry, expected) in [
        (fips, "123456789012.dkr.ecr.us-east-1.amazonaws.com", "https://api.ecr-fips.us-east-1.amazonaws.com/"),
        (fips, "123456789012.dkr-ecr.us-east-1.on.aws", "https://ecr-fips.us-east-1.api.aws/"),
        (dual_stack, "123456789012.dkr.ecr.us-east-1.amazonaws.com", "https://ecr.us-east-1.api.aws/"),
        (dual_stack, "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "https://ecr-fips.us-east-1.api.aws/"),
        (dual_stack, "public.ecr.aws", "https://ecr-public.us-east-1.api.aws/"),
    ] {
        assert_eq!(asked_with(wish, registry).1, expected, "{registry}");
    }
}

#[test]
fn a_role_is_assumed_in_the_registrys_partition_with_the_users_settings() {
    let fips = Wish { fips: true, ..Wish::default() };
    let none = Wish::default();
    for (wish, registry, expected) in [
        (none, "123456789012.dkr.ecr.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com"),
        (none, "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com"),
        (none, "123456789012.dkr-ecr.eu-west-3.on.aws", "sts.eu-west-3.amazonaws.com"),
        (fips, "123456789012.dkr.ecr.us-east-1.amazonaws.com", "sts-fips.us-east-1.amazonaws.com"),
        // GovCloud's one endpoint is a FIPS one.
        (fips, "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.amazonaws.com"),
        (none, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"),
        (none, "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"),
        (none, "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "sts.us-iso-east-1.c2s.ic.gov"),
        (none, "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "sts.us-isob-east-1.sc2s.sgov.gov"),
        (none, "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
        (none, "123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "sts.us-isof-south-1.csp.hci.ic.gov"),
        (none, "public.ecr.aws", "sts.us-east-1.amazonaws.com"),
    ] {
        assert_eq!(asked_with(wish, registry).0, format!("https://{expected}/"), "{registry}");
    }
}
