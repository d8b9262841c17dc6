//! Images of pods with service accounts: the identity of the token that kubelet gets.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pretend_cloud::{Aws, Behaviour, Ca, Call, Google, GoogleCall, Proxy, TENANT};
use serde_json::{Value, json};

use crate::acr::{CONTOSO, World};
use crate::gcr;
use crate::home::{CREDMINT, ECR, Home, Outcome, REGISTRY, files};
use crate::kubelet::{self, Response, ask};

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";
const ROLE: &str = "eks.amazonaws.com/role-arn";
const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/eks/providers/cluster";
const PKG: &str = "europe-docker.pkg.dev";

/// A service account's token; kubelet requests another one every time.
fn token(account: &str, audience: &str, issued: u64) -> String {
    let claims = json!({
        "iss": "https://oidc.cluster.example",
        "sub": format!("system:serviceaccount:team:{account}"),
        "aud": [audience],
        "iat": issued,
        "kubernetes.io": {"serviceaccount": {"name": account, "uid": format!("uid-of-{account}")}},
    });
    format!("federated.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn request(image: &str, token: &str, annotations: Value) -> Value {
    let mut request: Value = serde_json::from_str(include_str!("kubelet/request-of-pod.json")).unwrap();
    request["image"] = image.into();
    request["serviceAccountToken"] = token.into();
    for (name, value) in annotations.as_object().unwrap() {
        request["serviceAccountAnnotations"][name] = value.clone();
    }
    request
}

#[track_caller]
fn password(outcome: &Outcome) -> String {
    let answer = Response::of(outcome, V1);
    answer.auth.into_values().next().expect("credentials").1
}

/// The image of a pod with this service account, which may assume this role.
pub(crate) fn of_pod(home: &Home, account: &str, issued: u64, role: &str) -> Outcome {
    let token = token(account, "sts.amazonaws.com", issued);
    ask(
        home,
        &request(&format!("{REGISTRY}/app"), &token, json!({ROLE: format!("arn:aws:iam::123456789012:role/{role}")})),
    )
}

#[track_caller]
fn fails(outcome: &Outcome, words: &[&str]) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is missing: {outcome:?}");
    }
}

#[test]
fn a_service_account_assumes_its_role_and_leaves_no_token_behind() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.log_everything();
    let outcome = of_pod(&home, "web", 1, "web");
    let token = token("web", "sts.amazonaws.com", 1);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let assumed = &aws.assumed()[0];
    assert_eq!(
        (assumed.role_arn.as_str(), assumed.source.as_str()),
        ("arn:aws:iam::123456789012:role/web", "web identity")
    );
    let minted = &aws.minted()[0];
    assert!(
        minted.access_key.starts_with("ASIAWEBIDENTITY") && outcome.stdout.contains(&minted.password),
        "{minted:?}"
    );
    assert!(!outcome.stderr.contains(&token) && !outcome.stderr.contains(&minted.password), "{outcome:?}");
}

/// kubelet caches its response. In any vault, and after a failure too: a lock with the account's name
/// would disclose which accounts pull here, and a shared failure what they were denied.
#[test]
fn nothing_of_a_service_account_is_stored_on_the_node() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let before = files(&home.path(""));
    for vault in ["auto", "kernel", "file"] {
        home.set("CREDMINT_VAULT", vault);
        aws.on(Call::AssumeRoleWithWebIdentity, Behaviour::Proper);
        password(&of_pod(&home, "web", 1, "web"));
        let refusal = Behaviour::Refuse { status: 403, code: "AccessDenied", message: "no".into() };
        aws.on(Call::AssumeRoleWithWebIdentity, refusal);
        fails(&of_pod(&home, "web", 2, "web"), &["arn:aws:iam::123456789012:role/web"]);
        // A token in the kernel's keyring needs a key file.
        assert_eq!(files(&home.path("")), before, "{vault}");
    }
    assert_eq!(aws.calls(Call::EcrToken), 3);
}

#[test]
fn no_two_pods_share_a_token() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let web = password(&of_pod(&home, "web", 1, "pull"));
    let jobs = password(&of_pod(&home, "jobs", 1, "pull"));
    let other_role = password(&of_pod(&home, "web", 1, "push"));
    let machine = home.get(REGISTRY).secret();
    let all = [&web, &jobs, &other_role, &machine];
    assert!((0..4).all(|nth| !all[..nth].contains(&all[nth])), "the same role, but not the same account");
    assert_eq!(aws.calls(Call::EcrToken), 4);
    // With its next token, in another pod of the same account.
    assert_ne!(password(&of_pod(&home, "web", 2, "pull")), web);
    assert_eq!(home.get(REGISTRY).secret(), machine);
    assert_eq!((aws.calls(Call::EcrToken), aws.calls(Call::AssumeRoleWithWebIdentity)), (5, 4));
    let listed = home.list();
    assert_eq!(listed.len(), 1, "Docker is shown the machine's alone: {listed:?}");
}

#[test]
fn the_annotation_for_pulling_comes_first_and_without_one_the_machine_pulls() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let token = token("web", "sts.amazonaws.com", 1);
    let image = format!("{REGISTRY}/app");
    let both = json!({ROLE: "arn:aws:iam::1:role/web", "eks.amazonaws.com/ecr-role-arn": "arn:aws:iam::1:role/pull"});
    password(&ask(&home, &request(&image, &token, both)));
    assert_eq!(aws.assumed()[0].role_arn, "arn:aws:iam::1:role/pull");
    let machine = home.get(REGISTRY).secret();
    assert_eq!(password(&ask(&home, &request(&image, &token, json!({})))), machine);
    // A value that is not a string is not an annotation, and an older kubelet has none.
    fails(&ask(&home, &request(&image, &token, json!({ROLE: 7}))), &["annotations"]);
    let mut odd = request(&image, &token, json!({ROLE: "arn:aws:iam::1:role/web"}));
    odd["serviceAccountToken"] = json!([token]);
    fails(&ask(&home, &odd), &["serviceAccountToken"]);
    let mut older = request(&image, &token, json!({ROLE: "arn:aws:iam::1:role/web"}));
    older["apiVersion"] = "credentialprovider.kubelet.k8s.io/v1beta1".into();
    let answer = Response::of(&ask(&home, &older), "credentialprovider.kubelet.k8s.io/v1beta1");
    assert_eq!(answer.found(&image).1, machine);
}

/// kubelet's `requiredServiceAccountAnnotationKeys` requires the name of an annotation, not a value.
#[test]
fn an_annotation_that_is_empty_is_rejected_and_the_node_does_not_sign_in() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let image = format!("{REGISTRY}/app");
    let sts = token("web", "sts.amazonaws.com", 1);
    for annotation in [ROLE, "eks.amazonaws.com/ecr-role-arn"] {
        fails(&ask(&home, &request(&image, &sts, json!({annotation: ""}))), &[annotation, "service account"]);
    }
    let world = World::new();
    let federated = token("web", "api://AzureADTokenExchange", 1);
    for annotation in ["kubernetes.azure.com/acr-client-id", "azure.workload.identity/client-id"] {
        let outcome =
            ask(&world.with_secret(), &request(&format!("{CONTOSO}/app"), &federated, json!({annotation: " "})));
        fails(&outcome, &[annotation]);
    }
    let cluster = Cluster::new();
    let account = json!({"iam.gke.io/gcp-service-account": "web@pretend.iam.gserviceaccount.com"});
    fails(&ask(&cluster.home, &request(&format!("{PKG}/p/r/app"), &sts, account)), &["workload identity pool"]);
    assert_eq!((aws.all_calls(), world.azure.all_calls(), cluster.google.all_calls()), (0, 0, 0));
}

#[test]
fn amazon_s_own_variable_names_the_role_of_accounts_without_one() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("AWS_ECR_ROLE_ARN", "arn:aws:iam::1:role/default");
    let image = format!("{REGISTRY}/app");
    let sts = token("web", "sts.amazonaws.com", 1);
    let by_annotation = json!({"eks.amazonaws.com/ecr-role-arn": "arn:aws:iam::1:role/pull"});
    for (annotations, role) in
        [(json!({}), "default"), (json!({ROLE: "arn:aws:iam::1:role/web"}), "default"), (by_annotation, "pull")]
    {
        password(&ask(&home, &request(&image, &sts, annotations.clone())));
        let role = format!("arn:aws:iam::1:role/{role}");
        assert!(aws.assumed().iter().any(|assumed| assumed.role_arn == role), "{annotations}: {:?}", aws.assumed());
    }
    let machine = home.get(REGISTRY).secret();
    assert_eq!(password(&ask(&home, &kubelet::request(&image))), machine, "without a service account the node pulls");
}

#[test]
fn a_login_of_the_machine_is_not_given_to_a_service_account() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let login = json!({"ServerURL": REGISTRY, "Username": "AWS", "Secret": "of-the-machine"});
    assert_eq!(home.run(CREDMINT, &["store"], login.to_string()).code, 0);
    assert_eq!(home.run(ECR, &["get"], REGISTRY).secret(), "of-the-machine");
    assert_eq!(password(&of_pod(&home, "web", 1, "web")), aws.minted()[0].password);
}

#[test]
fn a_rejected_service_account_gets_nothing_of_the_machine_s() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.get(REGISTRY).credentials();
    let refusal = Behaviour::Refuse { status: 403, code: "AccessDenied", message: "canary".into() };
    aws.on(Call::AssumeRoleWithWebIdentity, refusal);
    let outcome = of_pod(&home, "web", 1, "web");
    fails(&outcome, &["role arn:aws:iam::123456789012:role/web of the service account", "trust policy"]);
    assert!(!outcome.stderr.contains("canary"), "{outcome:?}");
    aws.on(Call::AssumeRoleWithWebIdentity, Behaviour::Proper);
    let image = format!("{REGISTRY}/app");
    let broken = ask(&home, &request(&image, "not-a-token", json!({ROLE: "arn:aws:iam::1:role/x"})));
    fails(&broken, &["the token of the web identity"]);
}

/// It ends before an identity is looked for, and is a request all the same.
#[test]
fn a_service_account_that_cannot_be_used_is_in_the_audit_log() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let log = home.path("audit.log");
    home.settings(&format!("audit = \"{}\"\n", log.display()));
    let token = token("web", "sts.amazonaws.com", 1);
    fails(&ask(&home, &request(&format!("{REGISTRY}/app"), &token, json!({ROLE: ""}))), &["service account"]);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.lines().count() == 1 && text.contains("\"outcome\":\"failed\""), "{text}");
    assert!(text.contains(&format!("{REGISTRY}/app")) && !text.contains(&token), "{text}");
}

/// A pretend Google at Google's own addresses.
struct Cluster {
    google: Google,
    _proxy: Proxy,
    home: Home,
}

impl Cluster {
    fn new() -> Self {
        let (ca, proxy) = (Ca::new(), Proxy::start());
        let hosts = ["sts.googleapis.com", "iamcredentials.googleapis.com"];
        let google = Google::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &hosts);
        for host in hosts {
            proxy.route(&format!("{host}:443"), google.addr());
        }
        let mut home = gcr::home();
        let pem = home.write("ca.pem", ca.pem());
        home.set("HTTPS_PROXY", proxy.url()).set("SSL_CERT_FILE", pem);
        Cluster { google, _proxy: proxy, home }
    }

    /// Whose token kubelet is given for a pod.
    #[track_caller]
    fn identity(&self, token: &str, annotations: Value) -> String {
        let password = password(&ask(&self.home, &request(&format!("{PKG}/p/r/app"), token, annotations)));
        self.google.minted().into_iter().find(|minted| minted.token == password).unwrap().identity
    }
}

fn subject(token: &str) -> String {
    format!("subject {}", token.split('.').nth(1).unwrap())
}

#[test]
fn google_knows_a_service_account_by_a_pool() {
    let cluster = Cluster::new();
    let (web, jobs) = (token("web", &format!("https://{POOL}"), 1), token("jobs", &format!("https://{POOL}"), 1));
    assert_eq!(cluster.identity(&web, json!({})), subject(&web));
    assert_eq!(cluster.identity(&jobs, json!({})), subject(&jobs));
    let account = json!({"iam.gke.io/gcp-service-account": "web@pretend.iam.gserviceaccount.com"});
    let impersonated = format!("web@pretend.iam.gserviceaccount.com by {}", subject(&web));
    assert_eq!(cluster.identity(&web, account), impersonated);
    let later = token("web", &format!("https://{POOL}"), 2);
    assert_eq!(cluster.identity(&later, json!({})), subject(&later), "nothing is cached");
    assert_eq!((cluster.google.calls(GoogleCall::Exchange), cluster.google.calls(GoogleCall::Impersonate)), (4, 1));
}

#[test]
fn settings_name_the_pool_for_tokens_of_another_audience() {
    let cluster = Cluster::new();
    let token = token("web", "other", 1);
    let image = format!("{PKG}/p/r/app");
    fails(&ask(&cluster.home, &request(&image, &token, json!({}))), &["workload identity pool", "audience"]);
    cluster.home.settings(&format!("[[registry]]\nmatch = \"{PKG}\"\naudience = \"//{POOL}\"\n"));
    assert_eq!(cluster.identity(&token, json!({})), subject(&token));
}

#[test]
fn azure_trusts_a_service_account_by_an_application() {
    let world = World::new();
    let home = world.with_secret();
    let image = format!("{CONTOSO}/app");
    let token = token("web", "api://AzureADTokenExchange", 1);
    let client = json!({"azure.workload.identity/client-id": "web", "azure.workload.identity/tenant-id": TENANT});
    let given = password(&ask(&home, &request(&image, &token, client)));
    let identity =
        |given: &str| world.azure.minted().into_iter().find(|minted| minted.token == given).unwrap().identity;
    assert_eq!(identity(&given), format!("app web by {}", token.split('.').nth(1).unwrap()));
    let pull = json!({"azure.workload.identity/client-id": "web", "kubernetes.azure.com/acr-client-id": "pull"});
    let given = password(&ask(&home, &request(&image, &token, pull)));
    assert!(identity(&given).starts_with("app pull by "), "the tenant is the machine's");
    let given = password(&ask(&home, &request(&image, &token, json!({}))));
    assert_eq!(identity(&given), "app app by secret", "without an annotation the machine pulls");
    let jobs = self::token("jobs", "api://AzureADTokenExchange", 1);
    let client = json!({"azure.workload.identity/client-id": "web", "azure.workload.identity/tenant-id": TENANT});
    let of_jobs = password(&ask(&home, &request(&image, &jobs, client)));
    assert_eq!(identity(&of_jobs), format!("app web by {}", jobs.split('.').nth(1).unwrap()), "the same application");
    let nowhere = ask(&world.home(), &request(&image, &token, json!({"azure.workload.identity/client-id": "web"})));
    fails(&nowhere, &["tenant", "kubernetes.azure.com/acr-tenant-id"]);
}
