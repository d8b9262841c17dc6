mod federation;
mod gcloud;

use pretend_cloud::{Google, GoogleCall};
use serde_json::{Value, json};

use crate::home::{GCR, Home, NOT_FOUND, Outcome};

pub(crate) const EUROPE: &str = "europe-docker.pkg.dev";
const PULLER: &str = "puller@pretend.iam.gserviceaccount.com";
const ADC: &str = ".config/gcloud/application_default_credentials.json";

/// A home without an identity, where the metadata server is not queried.
pub(crate) fn home() -> Home {
    let mut home = Home::new();
    home.set("NO_GCE_CHECK", "true");
    home
}

/// A home with the key of a service account.
pub(crate) fn with_key(google: &Google) -> Home {
    let mut home = home();
    name_file(&mut home, &google.key_file(PULLER));
    home
}

/// A home with a key that signs its own tokens.
pub(crate) fn signing_itself(google: &Google) -> Home {
    let home = with_key(google);
    home.settings("[[registry]]\nmatch = \"*.pkg.dev\"\nself_signed_jwt = true\n");
    home
}

/// Sets `GOOGLE_APPLICATION_CREDENTIALS` to this file.
pub(crate) fn name_file(home: &mut Home, file: &Value) {
    let path = home.write("credentials.json", file.to_string());
    home.set("GOOGLE_APPLICATION_CREDENTIALS", path);
}

/// A home on a machine whose metadata server is the pretend Google.
pub(crate) fn on_machine(google: &Google) -> Home {
    let mut home = home();
    home.unset("NO_GCE_CHECK").set("GCE_METADATA_HOST", google.addr().to_string());
    home
}

/// Puts a program of this name on the `PATH`.
pub(crate) fn put_program(home: &mut Home, name: &str, script: &str) {
    home.script(&format!("bin/{name}"), script);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
}

pub(crate) fn get(home: &Home, server: &str) -> Outcome {
    home.run(GCR, &["get"], server)
}

/// The identity that minted the token of this output.
#[track_caller]
pub(crate) fn minted_by(google: &Google, outcome: &Outcome) -> String {
    let (_, username, secret) = outcome.credentials();
    assert_eq!(username, "oauth2accesstoken");
    let token = google.minted().into_iter().find(|token| token.token == secret);
    token.unwrap_or_else(|| panic!("never minted: {outcome:?}")).identity
}

#[test]
fn the_second_get_is_cached_and_one_token_serves_all_registries() {
    let google = Google::start();
    let home = with_key(&google);
    let first = get(&home, EUROPE);
    assert_eq!(minted_by(&google, &first), PULLER);
    for host in ["https://europe-docker.pkg.dev/v2/", "gcr.io", "us.gcr.io", "docker.us-central1.rep.pkg.dev"] {
        assert_eq!(get(&home, host).secret(), first.secret(), "{host}");
    }
    assert_eq!((google.calls(GoogleCall::Token), google.all_calls()), (1, 1));
}

#[test]
fn foreign_hosts_are_not_found_without_any_request() {
    let google = Google::start();
    let home = with_key(&google);
    for host in ["docker.io", "us-maven.pkg.dev", "gcr.io.attacker.com", "notgcr.io", "gcr.io:8443", "http://gcr.io"] {
        get(&home, host).is_not_found();
    }
    assert_eq!(google.all_calls(), 0);
}

#[test]
fn a_user_signs_in_by_the_variable_or_where_gcloud_keeps_it() {
    let google = Google::start();
    let mut home = home();
    home.write(ADC, google.user_file("jane").to_string());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane");
    home.write(ADC, google.user_file("john").to_string() + "\n");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user john", "an edited file is another identity");
    let other = home.write("other/application_default_credentials.json", google.user_file("joan").to_string());
    home.set("CLOUDSDK_CONFIG", other.parent().unwrap());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user joan");
    name_file(&mut home, &google.user_file("jack"));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jack", "the variable comes first");
    home.unset("GOOGLE_APPLICATION_CREDENTIALS");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user joan");
    assert_eq!(google.calls(GoogleCall::Token), 4, "the earlier identity finds its cached token");
}

#[test]
fn a_machine_is_its_service_account() {
    let google = Google::start();
    let mut home = on_machine(&google);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "machine");
    let calls = google.all_calls();
    get(&home, EUROPE).credentials();
    assert_eq!(google.all_calls(), calls, "a cached get sends no request");
    home.write(ADC, google.user_file("jane").to_string());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane", "a file comes first");
    home.unset("GCE_METADATA_HOST").set("GCE_METADATA_IP", google.addr().to_string());
    std::fs::remove_file(home.path(ADC)).unwrap();
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "machine");
    home.set("NO_GCE_CHECK", "true");
    get(&home, EUROPE).is_not_found();
    assert_eq!(google.strange_requests(), [""; 0]);
}

#[test]
fn pods_of_one_node_do_not_share_a_token() {
    let google = Google::start();
    let mut home = on_machine(&google);
    home.set("KUBERNETES_SERVICE_HOST", "10.0.0.1").set("HOSTNAME", "web-0");
    let first = get(&home, EUROPE).secret();
    assert_ne!(get(home.set("HOSTNAME", "web-1"), EUROPE).secret(), first);
    assert_eq!(get(home.set("HOSTNAME", "web-0"), EUROPE).secret(), first);
}

#[test]
fn settings_choose_the_file_for_a_registry() {
    let google = Google::start();
    let home = with_key(&google);
    let file = home.write("other.json", google.user_file("jane").to_string());
    home.settings(&format!("[[registry]]\nmatch = \"us-docker.pkg.dev\"\ncredentials_file = '{}'\n", file.display()));
    assert_eq!(minted_by(&google, &get(&home, "us-docker.pkg.dev")), "user jane");
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), PULLER);
    home.settings("[[registry]]\nmatch = \"us-docker.pkg.dev\"\ncredentials_file = '/gone.json'\n");
    get(&home, "us-docker.pkg.dev").explains(&["/gone.json: it does not exist", "credentials_file"]);
}

#[test]
fn a_custom_domain_is_used_like_its_target_or_names_its_provider() {
    let google = Google::start();
    let home = with_key(&google);
    get(&home, "docker.corp.example").is_not_found();
    home.settings(&format!(
        "[[registry]]\nmatch = \"docker.corp.example\"\nprovider = \"gcr\"\ntarget = \"{EUROPE}\"\n\
         [[registry]]\nmatch = \"other.example:5000\"\nprovider = \"gcr\"\n"
    ));
    let (server, username, secret) = get(&home, "docker.corp.example").credentials();
    assert_eq!((server.as_str(), username.as_str()), ("docker.corp.example", "oauth2accesstoken"));
    assert_eq!(get(&home, EUROPE).secret(), secret, "they share the token");
    assert_eq!(minted_by(&google, &get(&home, "other.example:5000")), PULLER);
}

#[test]
fn logins_are_stored_listed_and_erased() {
    let google = Google::start();
    let home = with_key(&google);
    let minted = get(&home, EUROPE).secret();
    let login = json!({"ServerURL": EUROPE, "Username": "_json_key", "Secret": "a key"});
    home.run(GCR, &["store"], login.to_string());
    let (_, username, secret) = get(&home, EUROPE).credentials();
    assert_eq!((username.as_str(), secret.as_str()), ("_json_key", "a key"), "a stored login takes precedence");
    let listed: Value = serde_json::from_str(&home.run(GCR, &["list"], "unused").stdout).unwrap();
    assert_eq!(listed[format!("https://{EUROPE}")].as_str().or(listed[EUROPE].as_str()), Some("_json_key"), "{listed}");
    home.run(GCR, &["erase"], EUROPE).is_silent();
    assert_ne!(get(&home, EUROPE).secret(), minted, "the minted token was erased too");
    assert_eq!(google.calls(GoogleCall::Token), 2);
    assert_eq!(get(&home, "r.example").stdout.trim(), NOT_FOUND);
}
