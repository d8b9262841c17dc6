//! Metadata servers.

use pretend_cloud::{Behaviour, GoogleCall};

use super::{NO_IDENTITY, REFUSED, Row, World, differs, same};

/// On a machine whose metadata server is the pretend Google. google-auth looks for it at the second
/// address, and asks it at the first.
fn machine(w: &mut World) -> &mut crate::home::Home {
    w.home
        .unset("NO_GCE_CHECK")
        .set("GCE_METADATA_HOST", w.google.addr().to_string())
        .set("GCE_METADATA_IP", w.google.addr().to_string())
}

const MACHINE: &[Row] = &[
    same("a machine of Google's", "machine", |w| _ = machine(w)),
    same("a file comes first", "user jane", |w| {
        machine(w);
        w.file(w.google.user_file("jane"));
    }),
    same("gcloud's place comes first", "user jane", |w| {
        machine(w);
        w.well_known(w.google.user_file("jane"));
    }),
    same("a file that names nothing is the end", REFUSED, |w| {
        machine(w).set("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere");
    }),
    same("a machine whose metadata server is disabled", NO_IDENTITY, |w| _ = machine(w).set("NO_GCE_CHECK", "true")),
    same("one that is, in another word", "machine", |w| _ = machine(w).set("NO_GCE_CHECK", "1")),
    differs(
        "one that is not to be asked, in capitals",
        NO_IDENTITY,
        "machine",
        "Google's library for Java understands them",
        |w| _ = machine(w).set("NO_GCE_CHECK", "TRUE"),
    ),
    same("a variable that is empty", "machine", |w| _ = machine(w).set("NO_GCE_CHECK", "")),
    same("a closed port", NO_IDENTITY, |w| {
        w.home.unset("NO_GCE_CHECK").set("GCE_METADATA_HOST", "127.0.0.1:1").set("GCE_METADATA_IP", "127.0.0.1:1");
        w.home.set("GCE_METADATA_DETECT_RETRIES", "1");
    }),
    same("an old name, which only Python's library knows", "machine", |w| {
        machine(w).unset("GCE_METADATA_HOST");
        w.home.set("GCE_METADATA_ROOT", w.google.addr().to_string());
    }),
    same("another server than Google's", NO_IDENTITY, |w| {
        machine(w);
        w.google.on(GoogleCall::MetadataCheck, Behaviour::Empty);
    }),
    same("a server that stumbles", "machine", |w| {
        machine(w);
        w.google.on(GoogleCall::MetadataToken, Behaviour::FailTimes(1));
    }),
    differs(
        "a machine without a service account",
        NO_IDENTITY,
        REFUSED,
        "it may have gcloud's account, which google-auth does not know",
        |w| {
            machine(w);
            let gone = Behaviour::Refuse { status: 404, code: "x", message: "no account".into() };
            w.google.on(GoogleCall::MetadataToken, gone);
        },
    ),
    same("a machine whose account gets no token", REFUSED, |w| {
        machine(w);
        let refused = Behaviour::Refuse { status: 403, code: "x", message: "no".into() };
        w.google.on(GoogleCall::MetadataToken, refused);
    }),
    same("a malformed response", REFUSED, |w| {
        machine(w);
        w.google.on(GoogleCall::MetadataToken, Behaviour::Garbage);
    }),
];

pub(super) const ROWS: &[&[Row]] = &[MACHINE];
