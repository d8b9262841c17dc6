use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{ErrorMessage, Secret};
use registry::Cloud;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{Fingerprint, Rule};

/// Annotations of a service account that name its cloud identity: those for pulling images, of the clouds' own
/// kubelet plugins, come before those for pods.
const AWS_ROLE: [&str; 2] = ["eks.amazonaws.com/ecr-role-arn", "eks.amazonaws.com/role-arn"];
const AZURE_CLIENT: [&str; 2] = ["kubernetes.azure.com/acr-client-id", "azure.workload.identity/client-id"];
const AZURE_TENANT: [&str; 2] = ["kubernetes.azure.com/acr-tenant-id", "azure.workload.identity/tenant-id"];
const GOOGLE_ACCOUNT: [&str; 1] = ["iam.gke.io/gcp-service-account"];
/// By which Google's own plugin pulls as the service account.
/// <https://github.com/kubernetes/cloud-provider-gcp/blob/master/pkg/gcpcredential/gcpcredential.go>
const GOOGLE_OPT_IN: [&str; 1] = ["iam.gke.io/enable-wi-image-pull"];

/// The prefix of the audience for a provider of a workload identity pool.
/// <https://cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes>
const GOOGLE_AUDIENCE: &str = "https://iam.googleapis.com/projects/";
/// Audiences of the other clouds: a token for one of them does not affect Google's registries.
const OTHER_AUDIENCES: [&str; 2] = ["sts.amazonaws.com", "api://AzureADTokenExchange"];

/// The Kubernetes service account of a pod whose image is pulled. If a cloud trusts it, it is used instead of the
/// machine's identity.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its token, which kubelet has requested for one audience.
    pub token: Secret,
    annotations: BTreeMap<String, String>,
    claims: Value,
}

impl Workload {
    /// Keeps the known annotations and reads the claims of the token. The signature is not verified here: the
    /// claims only separate its registry tokens from those of others, and the cloud verifies it before it mints one.
    pub fn new(token: Secret, annotations: BTreeMap<String, String>) -> Self {
        let known = |name: &String, value: &String| {
            let mut names = AWS_ROLE.iter().chain(&AZURE_CLIENT).chain(&AZURE_TENANT).chain(&GOOGLE_ACCOUNT);
            // An empty one is not dropped: see `authenticates_to`.
            names.any(|known| known == name) || GOOGLE_OPT_IN.contains(&name.as_str()) && value.trim() == "true"
        };
        let annotations = annotations.into_iter().filter(|(name, value)| known(name, value)).collect();
        let claims = claims(token.expose()).unwrap_or_default();
        Workload { token, annotations, claims }
    }

    /// The known annotations, for passing them on.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// AWS: the role to assume.
    pub fn aws_role(&self) -> Option<&str> {
        self.annotation(&AWS_ROLE)
    }

    /// Azure: the application or managed identity that trusts it.
    pub fn azure_client(&self) -> Option<&str> {
        self.annotation(&AZURE_CLIENT)
    }

    /// Azure: the tenant of [`Workload::azure_client`].
    pub fn azure_tenant(&self) -> Option<&str> {
        self.annotation(&AZURE_TENANT)
    }

    /// Google: the service account to impersonate.
    pub fn google_account(&self) -> Option<&str> {
        self.annotation(&GOOGLE_ACCOUNT)
    }

    /// Google: the provider of a workload identity pool that trusts it, as audience of the security token service:
    /// the rule's, else the token's.
    pub fn google_provider(&self, rule: Option<&Rule>) -> Option<String> {
        if let Some(audience) = rule.and_then(|rule| rule.audience.as_deref()) {
            return Some(audience.strip_prefix("https:").unwrap_or(audience).to_owned());
        }
        let audience = self.audiences().into_iter().find(|audience| audience.starts_with(GOOGLE_AUDIENCE))?;
        audience.strip_prefix("https:").map(str::to_owned)
    }

    /// Whether it is used for this cloud. Without an annotation for it, it is not, and the node's identity is used.
    /// (If kubelet's configuration requires an annotation, kubelet rejects a service account without it.)
    ///
    /// # Errors
    /// It is configured for this cloud and cannot be used: the node's identity must not take its place.
    pub fn authenticates_to(&self, cloud: Cloud, rule: Option<&Rule>) -> Result<bool, ErrorMessage> {
        match cloud {
            Cloud::Aws => self.is_annotated(&AWS_ROLE, "the ARN of a role"),
            Cloud::Azure => {
                let named =
                    self.is_annotated(&[AZURE_CLIENT, AZURE_TENANT].concat(), "the id of a client or tenant")?;
                if named && self.azure_client().is_none() {
                    let remedy = format!("annotate it with {}", AZURE_CLIENT[0]);
                    return Err(unusable("names a tenant and no client", remedy));
                }
                Ok(named)
            }
            Cloud::Google => {
                let names = [&GOOGLE_ACCOUNT[..], &GOOGLE_OPT_IN].concat();
                let named = self.is_annotated(&names, "a Google service account")?;
                if self.google_provider(rule).is_some() {
                    return Ok(true);
                }
                if !named && self.audiences().iter().all(|audience| OTHER_AUDIENCES.contains(audience)) {
                    return Ok(false);
                }
                let remedy = "set serviceAccountTokenAudience in kubelet's configuration, or `audience` in credmint's \
                              settings, to the provider: https://iam.googleapis.com/projects/NUMBER/locations/global/\
                              workloadIdentityPools/POOL/providers/PROVIDER";
                Err(unusable("has no token for a provider of a workload identity pool", remedy.to_owned()))
            }
            // GitHub has no federation.
            Cloud::GitHub => Ok(false),
        }
    }

    /// Whether one of these annotations exists.
    ///
    /// # Errors
    /// One exists and is empty. Kubelet checks only the name of a required annotation.
    fn is_annotated(&self, names: &[&str], value: &str) -> Result<bool, ErrorMessage> {
        let present: Vec<_> = names.iter().filter_map(|name| self.annotations.get_key_value(*name)).collect();
        match present.iter().find(|(_, value)| value.trim().is_empty()) {
            None => Ok(!present.is_empty()),
            Some((name, _)) => {
                let remedy = format!("set it to {value}, or remove it to pull as the node");
                Err(unusable(&format!("has the annotation {name} without a value"), remedy))
            }
        }
    }

    fn audiences(&self) -> Vec<&str> {
        let audiences = match &self.claims["aud"] {
            Value::Array(audiences) => audiences.as_slice(),
            audience => std::slice::from_ref(audience),
        };
        audiences.iter().filter_map(Value::as_str).collect()
    }

    fn annotation(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.annotations.get(*name)).map(|value| value.trim())
    }
}

fn unusable(what: &str, remedy: String) -> ErrorMessage {
    ErrorMessage { what: format!("the pod's service account {what}"), hint: Some(remedy) }
}

impl Fingerprint {
    /// Adds a service account, if there is one: issuer, name and id, and the identity to use. Not its token, which
    /// changes every hour.
    pub fn workload(&mut self, workload: Option<&Workload>) -> &mut Self {
        let Some(Workload { token, annotations, claims }) = workload else { return self };
        self.add("audience", Some(claims["aud"].to_string().as_bytes()));
        for claim in [&claims["iss"], &claims["sub"], &claims["kubernetes.io"]["serviceaccount"]["uid"]] {
            self.add("claim", claim.as_str().map(str::as_bytes));
        }
        // Without issuer or subject, the token identifies only itself.
        if claims["iss"].as_str().is_none() || claims["sub"].as_str().is_none() {
            self.add("token", Some(token.expose().as_bytes()));
        }
        for (name, value) in annotations {
            self.add(name, Some(value.as_bytes()));
        }
        self
    }
}

/// The claims of a JSON Web Token. <https://www.rfc-editor.org/rfc/rfc7519>
fn claims(token: &str) -> Option<Value> {
    let claims = token.split('.').nth(1)?;
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
    serde_json::from_slice(&claims).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> Secret {
        Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())))
    }

    fn workload(token: Secret, annotations: &[(&str, &str)]) -> Workload {
        Workload::new(token, annotations.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    fn print(workload: &Workload) -> String {
        Fingerprint::new().workload(Some(workload)).finish()
    }

    #[test]
    fn another_account_is_another_fingerprint_and_another_token_of_the_same_is_not() {
        let claims = |name: &str, uid: &str, issued: u64| {
            let pod = json!({"serviceaccount": {"uid": uid}, "pod": {"uid": issued.to_string()}});
            json!({"iss": "https://c", "sub": name, "aud": ["a"], "iat": issued, "kubernetes.io": pod})
        };
        let role = [("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/a")];
        let first = print(&workload(token(&claims("a", "1", 1)), &role));
        assert_eq!(print(&workload(token(&claims("a", "1", 2)), &role)), first, "a later token");
        let mut seen = HashSet::from([first, Fingerprint::new().workload(None).finish()]);
        assert!(seen.insert(print(&workload(token(&claims("b", "1", 1)), &role))), "the name");
        assert!(seen.insert(print(&workload(token(&claims("a", "2", 1)), &role))), "created again under the same name");
        assert!(seen.insert(print(&workload(token(&claims("a", "1", 1)), &[]))), "no role");
        let other = [("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/b")];
        assert!(seen.insert(print(&workload(token(&claims("a", "1", 1)), &other))), "another role");
        let mut elsewhere = claims("a", "1", 1);
        elsewhere["iss"] = "https://d".into();
        assert!(seen.insert(print(&workload(token(&elsewhere), &role))), "another cluster");
    }

    #[test]
    fn a_token_without_a_subject_is_identified_by_its_value() {
        let texts = ["", "x", "x.y.z", "x.e30.z", "x.e30.y", "x.W10.z"];
        let prints: HashSet<_> = texts.iter().map(|text| print(&workload(Secret::new((*text).into()), &[]))).collect();
        assert_eq!(prints.len(), texts.len());
    }

    #[test]
    fn the_principal_and_the_authority() {
        let pool = "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/c";
        let of = |audience: &str, annotations| workload(token(&json!({"aud": [audience]})), annotations);
        let plain = of("sts.amazonaws.com", &[("team", "x"), ("iam.gke.io/enable-wi-image-pull", "false")]);
        assert!(plain.annotations().is_empty());
        for cloud in [Cloud::Aws, Cloud::Azure, Cloud::Google, Cloud::GitHub] {
            assert_eq!(plain.authenticates_to(cloud, None), Ok(false), "{cloud:?}");
        }
        let both = [("eks.amazonaws.com/role-arn", "pod"), ("eks.amazonaws.com/ecr-role-arn", "pull")];
        assert_eq!(of("x", &both).aws_role(), Some("pull"));
        let azure = of("x", &[("azure.workload.identity/client-id", "c"), ("azure.workload.identity/tenant-id", "t")]);
        assert_eq!((azure.azure_client(), azure.azure_tenant()), (Some("c"), Some("t")));
        assert_eq!(
            (azure.authenticates_to(Cloud::Azure, None), azure.authenticates_to(Cloud::Aws, None)),
            (Ok(true), Ok(false))
        );
        let google = of(pool, &[("iam.gke.io/gcp-service-account", "g")]);
        assert_eq!(google.google_provider(None).as_deref(), pool.strip_prefix("https:"));
        assert_eq!(google.google_account(), Some("g"));
        let rule = Rule { audience: Some("//iam.googleapis.com/other".into()), ..Rule::default() };
        assert_eq!(google.google_provider(Some(&rule)).as_deref(), Some("//iam.googleapis.com/other"));
        assert_eq!(plain.authenticates_to(Cloud::Google, Some(&rule)), Ok(true));
        assert_eq!(google.authenticates_to(Cloud::GitHub, None), Ok(false));
    }

    #[test]
    fn an_unusable_service_account_is_an_error_and_never_the_node() {
        let pool = "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/c";
        let (role, pull_role) = ("eks.amazonaws.com/role-arn", "eks.amazonaws.com/ecr-role-arn");
        let (client, pull_client) = ("azure.workload.identity/client-id", "kubernetes.azure.com/acr-client-id");
        let tenant = "kubernetes.azure.com/acr-tenant-id";
        let (account, opt_in) = ("iam.gke.io/gcp-service-account", "iam.gke.io/enable-wi-image-pull");
        for (cloud, audience, annotations) in [
            (Cloud::Aws, "sts.amazonaws.com", vec![(role, "")]),
            (Cloud::Aws, "sts.amazonaws.com", vec![(pull_role, " "), (role, "arn:aws:iam::1:role/pod")]),
            (Cloud::Azure, "x", vec![(pull_client, "")]),
            (Cloud::Azure, "x", vec![(client, "c"), (tenant, "")]),
            (Cloud::Azure, "x", vec![(tenant, "t")]),
            (Cloud::Google, "sts.amazonaws.com", vec![(account, "g")]),
            (Cloud::Google, "sts.amazonaws.com", vec![(opt_in, "true")]),
            (Cloud::Google, "https://iam.googleapis.com/", vec![]),
            (Cloud::Google, "unknown", vec![]),
            (Cloud::Google, pool, vec![(account, "")]),
        ] {
            let why = workload(token(&json!({"aud": [audience]})), &annotations).authenticates_to(cloud, None);
            let why = why.expect_err(&format!("{audience} {annotations:?}"));
            assert!(why.what.starts_with("the pod's service account") && why.hint.is_some(), "{why}");
        }
    }
}
