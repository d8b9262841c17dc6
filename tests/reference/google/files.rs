//! Credentials files: where they are looked for, and those that hold a key or a refresh token.

use serde_json::{Value, json};

use super::{NO_IDENTITY, PULLER, REFUSED, Row, World, differs, same};

const USER_ADDRESS: &str = "google-auth goes to Google's own address alone, as Google's libraries for Go do not";

/// The file without one of its fields.
fn without(mut file: Value, field: &str) -> Value {
    file.as_object_mut().unwrap().remove(field).expect("the field");
    file
}

/// The file with one more field, or another one.
fn with(mut file: Value, field: &str, value: impl Into<Value>) -> Value {
    file[field] = value.into();
    file
}

fn key(world: &World) -> Value {
    world.google.key_file(PULLER)
}

fn impersonated(world: &World, source: Value) -> Value {
    json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": world.google.impersonation_url(PULLER),
        "source_credentials": source,
    })
}

const PLACES: &[Row] = &[
    same("nothing at all", NO_IDENTITY, |_| ()),
    same("the variable", "user jane", |w| w.file(w.google.user_file("jane"))),
    same("where gcloud keeps it", "user jane", |w| w.well_known(w.google.user_file("jane"))),
    same("the variable before gcloud's place", "user jane", |w| {
        w.well_known(w.google.user_file("john"));
        w.file(w.google.user_file("jane"));
    }),
    same("an empty variable", "user john", |w| {
        w.well_known(w.google.user_file("john"));
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", "");
    }),
    same("another folder of gcloud's", "user joan", |w| {
        w.well_known(w.google.user_file("john"));
        let path = w.home.write("other/application_default_credentials.json", w.google.user_file("joan").to_string());
        w.home.set("CLOUDSDK_CONFIG", path.parent().unwrap());
    }),
    same("another folder of gcloud's, with nothing in it", NO_IDENTITY, |w| {
        w.well_known(w.google.user_file("john"));
        w.home.set("CLOUDSDK_CONFIG", w.home.path("other"));
    }),
    same("gcloud's folder is not under XDG_CONFIG_HOME", NO_IDENTITY, |w| {
        w.home.write("config/gcloud/application_default_credentials.json", w.google.user_file("jane").to_string());
    }),
    same("a variable that names gcloud's place", "user jane", |w| {
        w.well_known(w.google.user_file("jane"));
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", w.home.path(super::ADC));
    }),
    same("a variable that names nothing", REFUSED, |w| {
        w.well_known(w.google.user_file("john"));
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", w.home.path("gone.json"));
    }),
    same("a variable that names a folder", REFUSED, |w| {
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", w.home.path(""));
    }),
    same("a variable with a tilde", REFUSED, |w| {
        w.home.write("key.json", key(w).to_string());
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", "~/key.json");
    }),
    same("a variable with a line feed behind", REFUSED, |w| {
        let path = w.home.write("key.json", key(w).to_string());
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", format!("{}\n", path.display()));
    }),
    same("a variable that holds the key itself", REFUSED, |w| {
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", key(w).to_string());
    }),
    same("a link to the file", "user jane", |w| {
        w.home.write("real.json", w.google.user_file("jane").to_string());
        std::os::unix::fs::symlink(w.home.path("real.json"), w.home.path("link.json")).unwrap();
        w.home.set("GOOGLE_APPLICATION_CREDENTIALS", w.home.path("link.json"));
    }),
    same("a link to nothing in gcloud's place", NO_IDENTITY, |w| {
        std::fs::create_dir_all(w.home.path(".config/gcloud")).unwrap();
        std::os::unix::fs::symlink("/nowhere", w.home.path(super::ADC)).unwrap();
    }),
    differs("a folder in gcloud's place", REFUSED, NO_IDENTITY, "an unusable one is not skipped", |w| {
        std::fs::create_dir_all(w.home.path(super::ADC)).unwrap();
    }),
    same("a file of gcloud's that is empty", REFUSED, |w| w.well_known("")),
    same("a file with a mark of its encoding", REFUSED, |w| w.file(format!("\u{feff}{}", key(w)))),
    same("a file with something behind it", REFUSED, |w| w.file(format!("{} x", key(w)))),
    same("a list", REFUSED, |w| w.file("[]")),
    same("a file without a type", REFUSED, |w| w.file(without(key(w), "type"))),
    same("a file of an unknown type", REFUSED, |w| w.file(with(key(w), "type", "service_account_of_mars"))),
    same("a service account of Google's air-gapped cloud", REFUSED, |w| {
        w.file(json!({
            "type": "gdch_service_account", "format_version": "1", "project": "p", "private_key_id": "1",
            "private_key": key(w)["private_key"], "name": "puller", "ca_cert_path": "/nowhere",
            "token_uri": format!("{}/authenticate", w.google.url()),
        }));
    }),
];

const KEYS: &[Row] = &[
    same("a key", PULLER, |w| w.file(key(w))),
    same("a key, as people print it", PULLER, |w| w.file(serde_json::to_string_pretty(&key(w)).unwrap() + "\r\n")),
    same("a key with Google's own address", PULLER, |w| {
        w.file(with(key(w), "token_uri", "https://oauth2.googleapis.com/token"));
    }),
    same("a key with unknown fields", PULLER, |w| w.file(with(key(w), "later", json!({"x": [1]})))),
    same("a key of a project to be charged", PULLER, |w| w.file(with(key(w), "quota_project_id", "p"))),
    same("a key without an address", REFUSED, |w| w.file(without(key(w), "token_uri"))),
    same("a key without an account", REFUSED, |w| w.file(without(key(w), "client_email"))),
    same("a key without the key", REFUSED, |w| w.file(without(key(w), "private_key"))),
    same("a key that Google does not know", REFUSED, |w| w.file(with(key(w), "private_key_id", "another"))),
    same("a key whose line feeds are written out", REFUSED, |w| {
        let text = key(w)["private_key"].as_str().unwrap().replace('\n', "\\n");
        w.file(with(key(w), "private_key", text));
    }),
    differs(
        "a key of another of Google's clouds",
        REFUSED,
        "puller@pretend.iam.gserviceaccount.com by its own signature",
        "google-auth does not know that its token is to go to a registry of another cloud",
        |w| w.file(with(key(w), "universe_domain", "s3nsapis.fr")),
    ),
    same("the universe by its name", PULLER, |w| w.file(with(key(w), "universe_domain", "googleapis.com"))),
];

const USERS: &[Row] = &[
    same("a user without an address", "user jane", |w| w.file(without(w.google.user_file("jane"), "token_uri"))),
    differs("a user of another token endpoint", REFUSED, "user jane", USER_ADDRESS, |w| {
        w.file(with(w.google.user_file("jane"), "token_uri", format!("{}/nothing", w.google.url())));
    }),
    same("a user without a refresh token", REFUSED, |w| w.file(without(w.google.user_file("jane"), "refresh_token"))),
    same("a user without a client", REFUSED, |w| w.file(without(w.google.user_file("jane"), "client_id"))),
    same("a user without a client's secret", REFUSED, |w| w.file(without(w.google.user_file("jane"), "client_secret"))),
    same("a user of another client", REFUSED, |w| w.file(with(w.google.user_file("jane"), "client_id", "other"))),
    same("a user whose session has ended", REFUSED, |w| {
        w.file(with(w.google.user_file("jane"), "refresh_token", "ended"));
    }),
    same("a user with a project to be charged", "user jane", |w| {
        w.file(with(w.google.user_file("jane"), "quota_project_id", "p"));
    }),
    same("a user of a workforce pool", "workforce jane", |w| w.file(w.google.workforce_file("jane"))),
    same("one in gcloud's place", "workforce jane", |w| w.well_known(w.google.workforce_file("jane"))),
    same("one without an address", REFUSED, |w| w.file(without(w.google.workforce_file("jane"), "token_url"))),
    same("one without a client", REFUSED, |w| w.file(without(w.google.workforce_file("jane"), "client_id"))),
    same("one whose session has ended", REFUSED, |w| {
        w.file(with(w.google.workforce_file("jane"), "refresh_token", "ended"));
    }),
];

const IMPERSONATED: &[Row] = &[
    same("a user is a service account", "puller@pretend.iam.gserviceaccount.com by user jane", |w| {
        w.file(impersonated(w, w.google.user_file("jane")));
    }),
    same("in gcloud's place", "puller@pretend.iam.gserviceaccount.com by user jane", |w| {
        w.well_known(impersonated(w, w.google.user_file("jane")));
    }),
    same(
        "a service account is another one",
        "puller@pretend.iam.gserviceaccount.com by robot@pretend.iam.gserviceaccount.com",
        |w| w.file(impersonated(w, w.google.key_file("robot@pretend.iam.gserviceaccount.com"))),
    ),
    same("a user of a pool is a service account", "puller@pretend.iam.gserviceaccount.com by workforce jane", |w| {
        w.file(impersonated(w, w.google.workforce_file("jane")));
    }),
    same(
        "by delegates",
        "puller@pretend.iam.gserviceaccount.com by user jane through between@pretend.iam.gserviceaccount.com",
        |w| {
            let between = json!(["between@pretend.iam.gserviceaccount.com"]);
            w.file(with(impersonated(w, w.google.user_file("jane")), "delegates", between));
        },
    ),
    same("with scopes of its own", "puller@pretend.iam.gserviceaccount.com by user jane", |w| {
        let scopes = json!(["https://www.googleapis.com/auth/devstorage.read_only"]);
        w.file(with(impersonated(w, w.google.user_file("jane")), "scopes", scopes));
    }),
    same("an account that is not there", REFUSED, |w| {
        let url = w.google.impersonation_url("gone@example.com");
        w.file(with(impersonated(w, w.google.user_file("jane")), "service_account_impersonation_url", url));
    }),
    same("without source credentials", REFUSED, |w| {
        w.file(without(impersonated(w, Value::Null), "source_credentials"))
    }),
    same("by a source of an unknown type", REFUSED, |w| w.file(impersonated(w, json!({"type": "x"})))),
    same("without an account", REFUSED, |w| {
        w.file(without(impersonated(w, w.google.user_file("jane")), "service_account_impersonation_url"));
    }),
    differs(
        "a federated identity is a service account",
        "puller@pretend.iam.gserviceaccount.com by subject job",
        REFUSED,
        "google-auth takes no such source; Google's library for Go and gcloud do",
        |w| {
            let token = w.home.write("token", "header.job.signature");
            w.file(impersonated(w, w.google.federation_file(json!({"file": token}))));
        },
    ),
];

pub(super) const ROWS: &[&[Row]] = &[PLACES, KEYS, USERS, IMPERSONATED];
