use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The configuration for a service. If the user sets its endpoint (`AWS_ENDPOINT_URL`, `endpoint_url` in a
/// profile), FIPS and dual-stack do not apply to it, and the SDK rejects the combination.
pub(crate) fn of_service(config: &SdkConfig, service: &str) -> SdkConfig {
    match has_endpoint(config, service) {
        true => config.to_builder().use_fips(false).use_dual_stack(false).build(),
        false => config.clone(),
    }
}

pub(crate) fn has_endpoint(config: &SdkConfig, service: &str) -> bool {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    config.endpoint_url().is_some()
        || key.is_ok_and(|key| config.service_config().is_some_and(|settings| settings.load_config(key).is_some()))
}
