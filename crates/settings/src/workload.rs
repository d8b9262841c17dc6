use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Secret;
use registry::Cloud;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{Fingerprint, Rule};

/// Annotations of a service account that say as whom it signs in, those for pulling images first: the
/// ones of the clouds' own kubelet plugins, and the ones by which pods sign in.
const AWS_ROLE: [&str; 2] = ["eks.amazonaws.com/ecr-role-arn", "eks.amazonaws.com/role-arn"];
const AZURE_CLIENT: [&str; 2] = ["kubernetes.azure.com/acr-client-id", "azure.workload.identity/client-id"];
const AZURE_TENANT: [&str; 2] = ["kubernetes.azure.com/acr-tenant-id", "azure.workload.identity/tenant-id"];
const GOOGLE_ACCOUNT: [&str; 1] = ["iam.gke.io/gcp-service-account"];

/// The address by which a provider of a workload identity pool is named in tokens that are made for it.
/// <https://cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes>
const GOOGLE_AUDIENCE: &str = "https://iam.googleapis.com/projects/";

/// A service account of Kubernetes, for whose pod an image is pulled: where a cloud trusts it, it signs
/// in, and not the machine.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its token, which kubelet has made for one audience.
    pub token: Secret,
    annotations: BTreeMap<String, String>,
    claims: Value,
}

impl Workload {
    /// Keeps those annotations that mean something here, and reads what the token says of itself.
    /// Nothing is verified: whom the token is of is asked only to keep its registry tokens apart from
    /// those of others, and the cloud verifies it before it gives one.
    pub fn new(token: Secret, annotations: BTreeMap<String, String>) -> Self {
        let known = |name: &String, value: &String| {
            let names = AWS_ROLE.iter().chain(&AZURE_CLIENT).chain(&AZURE_TENANT).chain(&GOOGLE_ACCOUNT);
            names.copied().any(|known| known == name) && !value.trim().is_empty()
        };
        let annotations = annotations.into_iter().filter(|(name, value)| known(name, value)).collect();
        let claims = claims(token.expose()).unwrap_or_default();
        Workload { token, annotations, claims }
    }

    /// The annotations that count, for handing it on.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// AWS: the role that it may assume.
    pub fn aws_role(&self) -> Option<&str> {
        self.annotation(&AWS_ROLE)
    }

    /// Azure: the application, or the managed identity, that trusts it.
    pub fn azure_client(&self) -> Option<&str> {
        self.annotation(&AZURE_CLIENT)
    }

    /// Azure: the tenant of [`Workload::azure_client`].
    pub fn azure_tenant(&self) -> Option<&str> {
        self.annotation(&AZURE_TENANT)
    }

    /// Google: the service account that it may impersonate.
    pub fn google_account(&self) -> Option<&str> {
        self.annotation(&GOOGLE_ACCOUNT)
    }

    /// Google: the provider of a workload identity pool that trusts it, as the security token service
    /// names it: the rule's, else the one that the token was made for.
    pub fn google_provider(&self, rule: Option<&Rule>) -> Option<String> {
        if let Some(audience) = rule.and_then(|rule| rule.audience.as_deref()) {
            return Some(audience.strip_prefix("https:").unwrap_or(audience).to_owned());
        }
        let audiences = match &self.claims["aud"] {
            Value::Array(audiences) => audiences.as_slice(),
            audience => std::slice::from_ref(audience),
        };
        let mut audiences = audiences.iter().filter_map(Value::as_str);
        let audience = audiences.find(|audience| audience.starts_with(GOOGLE_AUDIENCE))?;
        audience.strip_prefix("https:").map(str::to_owned)
    }

    /// Whether it is to sign in to this cloud. One without an annotation for it is not: its images are
    /// pulled by the machine, as without service accounts.
    pub fn signs_in(&self, cloud: Cloud, rule: Option<&Rule>) -> bool {
        match cloud {
            Cloud::Aws => self.aws_role().is_some(),
            Cloud::Azure => self.azure_client().is_some(),
            Cloud::Google => self.google_provider(rule).is_some(),
            // It federates with nobody.
            Cloud::GitHub => false,
        }
    }

    fn annotation(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.annotations.get(*name)).map(|value| value.trim())
    }
}

impl Fingerprint {
    /// Adds a service account, if there is one: whoever has given out its token, its name and its id,
    /// and as whom it signs in. Not the token, which is another one every hour.
    pub fn workload(&mut self, workload: Option<&Workload>) -> &mut Self {
        let Some(Workload { token, annotations, claims }) = workload else { return self };
        self.add("audience", Some(claims["aud"].to_string().as_bytes()));
        for claim in [&claims["iss"], &claims["sub"], &claims["kubernetes.io"]["serviceaccount"]["uid"]] {
            self.add("claim", claim.as_str().map(str::as_bytes));
        }
        // One that does not say whom it is of is nobody's but its own.
        if claims["iss"].as_str().is_none() || claims["sub"].as_str().is_none() {
            self.add("token", Some(token.expose().as_bytes()));
        }
        for (name, value) in annotations {
            self.add(name, Some(value.as_bytes()));
        }
        self
    }
}

/// What a JSON Web Token says. <https://www.rfc-editor.org/rfc/rfc7519>
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
        assert!(seen.insert(print(&workload(token(&claims("a", "2", 1)), &role))), "made anew under the same name");
        assert!(seen.insert(print(&workload(token(&claims("a", "1", 1)), &[]))), "no role");
        let other = [("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/b")];
        assert!(seen.insert(print(&workload(token(&claims("a", "1", 1)), &other))), "another role");
        let mut elsewhere = claims("a", "1", 1);
        elsewhere["iss"] = "https://d".into();
        assert!(seen.insert(print(&workload(token(&elsewhere), &role))), "another cluster");
    }

    #[test]
    fn a_token_that_does_not_say_whom_it_is_of_is_only_itself() {
        let texts = ["", "x", "x.y.z", "x.e30.z", "x.e30.y", "x.W10.z"];
        let prints: HashSet<_> = texts.iter().map(|text| print(&workload(Secret::new((*text).into()), &[]))).collect();
        assert_eq!(prints.len(), texts.len());
    }

    #[test]
    fn who_signs_in_where() {
        let pool = "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/c";
        let of = |audience: &str, annotations| workload(token(&json!({"aud": [audience]})), annotations);
        let plain = of("sts.amazonaws.com", &[("team", "x"), ("eks.amazonaws.com/role-arn", " ")]);
        assert!(plain.annotations().is_empty());
        for cloud in [Cloud::Aws, Cloud::Azure, Cloud::Google, Cloud::GitHub] {
            assert!(!plain.signs_in(cloud, None), "{cloud:?}");
        }
        let both = [("eks.amazonaws.com/role-arn", "pod"), ("eks.amazonaws.com/ecr-role-arn", "pull")];
        assert_eq!(of("x", &both).aws_role(), Some("pull"));
        let azure = of("x", &[("azure.workload.identity/client-id", "c"), ("azure.workload.identity/tenant-id", "t")]);
        assert_eq!((azure.azure_client(), azure.azure_tenant()), (Some("c"), Some("t")));
        assert!(azure.signs_in(Cloud::Azure, None) && !azure.signs_in(Cloud::Aws, None));
        let google = of(pool, &[("iam.gke.io/gcp-service-account", "g")]);
        assert_eq!(google.google_provider(None).as_deref(), pool.strip_prefix("https:"));
        assert_eq!(google.google_account(), Some("g"));
        let rule = Rule { audience: Some("//iam.googleapis.com/other".into()), ..Rule::default() };
        assert_eq!(google.google_provider(Some(&rule)).as_deref(), Some("//iam.googleapis.com/other"));
        assert!(plain.signs_in(Cloud::Google, Some(&rule)) && !google.signs_in(Cloud::GitHub, None));
    }
}
