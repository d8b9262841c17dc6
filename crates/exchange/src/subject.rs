use std::path::PathBuf;

use identity_token::{Detected, Source};
use registry::Exchange;
use registry::exchange::{Audience, Subject as Kind};
use settings::{ExchangeRule, Fingerprint, IdentityRule, Setup};

use crate::access_key;
use crate::values::Values;

/// What is exchanged, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Identity {
        detected: Detected,
        audience: Option<String>,
        /// Whether a token for another audience is not sent: if the settings name one, or the service has only one.
        is_strict: bool,
    },
    ApiToken {
        source: Option<Source>,
        /// Where it is looked for, if the settings do not say.
        variables: &'static [&'static str],
    },
    /// A profile of Oracle's config file, which signs the request.
    Oci { file: Option<PathBuf>, profile: String },
    /// An AccessKey of Alibaba Cloud, which signs the request.
    AccessKey(access_key::Source),
}

impl Subject {
    pub(crate) fn of(row: &Exchange, rule: Option<&ExchangeRule>, values: &Values, setup: &Setup) -> Self {
        let environment = &setup.environment;
        let none = IdentityRule::default();
        let identity = rule.map_or(&none, |rule| &rule.identity);
        match row.subject {
            Kind::IdentityToken(audience) => {
                let named = identity.audience.clone();
                let (audience, is_strict) = match audience {
                    Audience::Fixed(text) => (values.fill(text), true),
                    Audience::Default(text) => (named.clone().or_else(|| values.fill(text)), named.is_some()),
                    Audience::Setting => (named, true),
                };
                Subject::Identity { detected: Source::detect(identity, environment), audience, is_strict }
            }
            Kind::ApiToken(variables) => {
                let file = identity.file.clone().map(Source::File);
                let named = file.or_else(|| identity.variable.clone().map(Source::Variable));
                let found = || variables.iter().find(|name| environment.raw(name).is_some());
                let source = named.or_else(|| found().map(|name| Source::Variable((*name).to_owned())));
                Subject::ApiToken { source, variables }
            }
            Kind::OciProfile => {
                let usual = || setup.places.home.as_ref().map(|home| home.join(".oci/config"));
                let file = environment.path("OCI_CLI_CONFIG_FILE").or_else(usual);
                Subject::Oci { file, profile: values.value("oci_profile").unwrap_or("DEFAULT").to_owned() }
            }
            Kind::AccessKey => Subject::AccessKey(access_key::Source::of(values.value("aliyun_profile"), setup)),
        }
    }

    /// Adds whose token it is.
    pub(crate) fn add_to(&self, print: &mut Fingerprint, setup: &Setup) {
        let (source, audience) = match self {
            Subject::Identity { detected: Detected::Source(source), audience, .. } => (Some(source), audience.as_ref()),
            Subject::Identity { audience, .. } => (None, audience.as_ref()),
            Subject::ApiToken { source, .. } => (source.as_ref(), None),
            Subject::AccessKey(_) => (None, None),
            Subject::Oci { file, profile } => {
                print.add("profile", Some(profile.as_bytes()));
                if let Some(file) = file {
                    print.file(file);
                }
                (None, None)
            }
        };
        if let Subject::AccessKey(source) = self {
            source.add_to(print, setup);
        }
        print.add("audience", audience.map(|text| text.as_bytes()));
        if let Some(source) = source {
            source.add_to(print, setup);
        }
    }
}
