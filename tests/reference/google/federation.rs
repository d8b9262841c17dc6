//! Identities that others have given, exchanged for Google's.

use serde_json::{Value, json};

use super::{PULLER, REFUSED, Row, World, differs, same};

const SUBJECT: &str = "header.job.signature";
const IMPERSONATED: &str = "puller@pretend.iam.gserviceaccount.com by subject job";

/// A federation whose subject's token lies in a file with this text.
fn of_file(w: &mut World, text: &str, format: Value) -> Value {
    let token = w.home.write("token", text);
    w.google.federation_file(json!({"file": token, "format": format}))
}

fn of_address(w: &World, bearer: &str) -> Value {
    let format = json!({"type": "json", "subject_token_field_name": "value"});
    let url = format!("{}/subject", w.google.url());
    w.google.federation_file(json!({"url": url, "headers": {"Authorization": bearer}, "format": format}))
}

/// A federation by a program that prints this.
fn of_program(w: &mut World, output: &str, more: &Value) -> Value {
    let program = w.home.script("subject", &format!("test \"$1$2\" = 'a bc' && cat <<'END'\n{output}\nEND"));
    let mut source = json!({"command": format!("{} 'a b' c", program.display()), "timeout_millis": 20_000});
    source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1").set("PATH", "/usr/bin:/bin");
    w.google.federation_file(json!({"executable": source}))
}

fn reply(more: Value) -> String {
    let mut reply = json!({
        "version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:jwt",
        "id_token": SUBJECT, "expiration_time": 4_102_444_800_u64,
    });
    reply.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    reply.to_string()
}

fn of_aws(w: &World) -> Value {
    let at = |path: &str| format!("{}/latest/{path}", w.google.url());
    w.google.federation_file(json!({
        "environment_id": "aws1",
        "region_url": at("meta-data/placement/availability-zone"),
        "url": at("meta-data/iam/security-credentials"),
        "imdsv2_session_token_url": at("api/token"),
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }))
}

/// Keys of AWS in the environment.
fn keys(w: &mut World) -> &mut crate::home::Home {
    w.home.set("AWS_ACCESS_KEY_ID", "AKIAJOB").set("AWS_SECRET_ACCESS_KEY", w.google.aws_secret())
}

fn set(mut file: Value, field: &str, value: impl Into<Value>) -> Value {
    file[field] = value.into();
    file
}

const SOURCES: &[Row] = &[
    same("a token in a file", "subject job", |w| {
        let file = of_file(w, SUBJECT, json!({"type": "text"}));
        w.file(file);
    }),
    same("a token in a file with a line feed", "subject job", |w| {
        let file = of_file(w, "header.job.signature\n", json!({}));
        w.file(set(file, "universe_domain", "googleapis.com"));
    }),
    same("a token in a field of a file", "subject job", |w| {
        let format = json!({"type": "json", "subject_token_field_name": "t"});
        let file = of_file(w, &json!({"t": SUBJECT}).to_string(), format);
        w.file(file);
    }),
    same("a field that is not in the file", REFUSED, |w| {
        let format = json!({"type": "json", "subject_token_field_name": "x"});
        let file = of_file(w, &json!({"t": SUBJECT}).to_string(), format);
        w.file(file);
    }),
    same("a format of JSON without the field's name", REFUSED, |w| {
        let file = of_file(w, &json!({"t": SUBJECT}).to_string(), json!({"type": "json"}));
        w.file(file);
    }),
    same("an unknown format", REFUSED, |w| {
        let file = of_file(w, SUBJECT, json!({"type": "yaml"}));
        w.file(file);
    }),
    same("an empty file", REFUSED, |w| {
        let file = of_file(w, "", json!({}));
        w.file(file);
    }),
    same("a file that is not there", REFUSED, |w| {
        w.file(w.google.federation_file(json!({"file": "/nowhere/token"})));
    }),
    same("a token of an address", "subject job", |w| w.file(of_address(w, "bearer of-the-job"))),
    same("an address that refuses", REFUSED, |w| w.file(of_address(w, "bearer of-another"))),
    same("a file and an address", REFUSED, |w| {
        let mut file = of_address(w, "bearer of-the-job");
        file["credential_source"]["file"] = json!(w.home.write("token", SUBJECT));
        w.file(file);
    }),
    same("no source", REFUSED, |w| w.file(w.google.federation_file(json!({})))),
    same("a source that is no object", REFUSED, |w| w.file(w.google.federation_file(json!("token")))),
    same("a token of SAML", "subject job", |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.file(set(file, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"));
    }),
    same("an audience that Google does not know", REFUSED, |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.file(set(file, "audience", "//example.com/pool"));
    }),
    differs(
        "a certificate",
        REFUSED,
        REFUSED,
        "google-auth would show a certificate to Google; ours says that it cannot",
        |w| {
            let source = json!({"certificate": {"use_default_certificate_config": true}});
            w.file(w.google.federation_file(source));
        },
    ),
];

const EXCHANGES: &[Row] = &[
    same("Google's own address", "subject job", |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.file(set(file, "token_url", "https://sts.googleapis.com/v1/token"));
    }),
    same("a client of the pool", "subject job", |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.file(set(set(file, "client_id", "c"), "client_secret", "s"));
    }),
    same("a user of a workforce pool", "subject job", |w| {
        let file = of_file(w, SUBJECT, json!({}));
        let audience = "//iam.googleapis.com/locations/global/workforcePools/corp/providers/oidc";
        w.file(set(set(file, "audience", audience), "workforce_pool_user_project", "1"));
    }),
    same("a service account by a federated identity", IMPERSONATED, |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.file(set(file, "service_account_impersonation_url", w.google.impersonation_url(PULLER)));
    }),
    same("a service account, and for how long", IMPERSONATED, |w| {
        let file = of_file(w, SUBJECT, json!({}));
        let file = set(file, "service_account_impersonation_url", w.google.impersonation_url(PULLER));
        w.file(set(file, "service_account_impersonation", json!({"token_lifetime_seconds": 1800})));
    }),
    same("a service account that is not there", REFUSED, |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.file(set(file, "service_account_impersonation_url", w.google.impersonation_url("gone@example.com")));
    }),
    same("a file of gcloud's place", "subject job", |w| {
        let file = of_file(w, SUBJECT, json!({}));
        w.well_known(file);
    }),
];

const PROGRAMS: &[Row] = &[
    same("a program", "subject job", |w| {
        let file = of_program(w, &reply(json!({})), &json!({}));
        w.file(file);
    }),
    same("a program that is not allowed", REFUSED, |w| {
        let file = of_program(w, &reply(json!({})), &json!({}));
        w.file(file);
        w.home.unset("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    }),
    same("a program that is allowed in another word", REFUSED, |w| {
        let file = of_program(w, &reply(json!({})), &json!({}));
        w.file(file);
        w.home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "true");
    }),
    same("a program that fails", REFUSED, |w| {
        let failure = json!({"version": 1, "success": false, "code": "401", "message": "no"});
        let file = of_program(w, &failure.to_string(), &json!({}));
        w.file(file);
    }),
    same("a program that is not there", REFUSED, |w| {
        w.home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
        w.file(
            w.google.federation_file(json!({"executable": {"command": "/nowhere/subject", "timeout_millis": 5000}})),
        );
    }),
    same("a program's token that has ended", REFUSED, |w| {
        let file = of_program(w, &reply(json!({"expiration_time": 1})), &json!({}));
        w.file(file);
    }),
    same("a program of another version", REFUSED, |w| {
        let file = of_program(w, &reply(json!({"version": 2})), &json!({}));
        w.file(file);
    }),
    same("a program's token of an unknown type", REFUSED, |w| {
        let file = of_program(w, &reply(json!({"token_type": "x"})), &json!({}));
        w.file(file);
    }),
    same("a program's token of SAML", "subject saml", |w| {
        let saml = json!({
            "token_type": "urn:ietf:params:oauth:token-type:saml2", "saml_response": "header.saml.signature",
        });
        let file = of_program(w, &reply(saml), &json!({}));
        w.file(file);
    }),
    same("what a program has kept", "subject kept", |w| {
        let kept = w.home.write("kept.json", reply(json!({"id_token": "header.kept.signature"})));
        let file = of_program(w, &reply(json!({})), &json!({"output_file": kept}));
        w.file(file);
    }),
    same("what a program has kept for too long", "subject job", |w| {
        let kept = w.home.write("kept.json", reply(json!({"id_token": "header.kept.signature", "expiration_time": 1})));
        let file = of_program(w, &reply(json!({})), &json!({"output_file": kept}));
        w.file(file);
    }),
];

const AWS: &[Row] = &[
    same("the keys of the environment", "aws AKIAJOB", |w| {
        w.file(of_aws(w));
        keys(w).set("AWS_REGION", "eu-west-1");
    }),
    same("keys of a session", "aws AKIAJOB", |w| {
        w.file(of_aws(w));
        keys(w).set("AWS_DEFAULT_REGION", "eu-west-1").set("AWS_SESSION_TOKEN", "pretend-session");
    }),
    same("the instance's role", "aws ASIAROLE", |w| w.file(of_aws(w))),
    same("the instance's region, and keys of the environment", "aws AKIAJOB", |w| {
        w.file(of_aws(w));
        keys(w);
    }),
    same("half a key is none", "aws ASIAROLE", |w| {
        w.file(of_aws(w));
        w.home.set("AWS_ACCESS_KEY_ID", "AKIAJOB");
    }),
    same("an unknown key", REFUSED, |w| {
        w.file(of_aws(w));
        keys(w).set("AWS_SECRET_ACCESS_KEY", "another").set("AWS_REGION", "eu-west-1");
    }),
    same("an unknown version", REFUSED, |w| {
        let mut file = of_aws(w);
        file["credential_source"]["environment_id"] = "aws2".into();
        w.file(file);
    }),
    same("a role that is a service account", "puller@pretend.iam.gserviceaccount.com by aws AKIAJOB", |w| {
        w.file(set(of_aws(w), "service_account_impersonation_url", w.google.impersonation_url(PULLER)));
        keys(w).set("AWS_REGION", "eu-west-1");
    }),
];

pub(super) const ROWS: &[&[Row]] = &[SOURCES, EXCHANGES, PROGRAMS, AWS];
