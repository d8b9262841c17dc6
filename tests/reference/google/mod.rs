//! The identity that Google's own programs find on a machine, and the one that our helper finds. Each row of
//! the tables is a set of files and variables; both sign in to one pretend Google, which tells by the
//! token who did.

mod federation;
mod files;
mod gcloud;
mod library;
mod machine;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pretend_cloud::{Behaviour, Ca, Google, GoogleCall, Proxy};
use serde_json::Value;

use crate::gcr::{EUROPE, get};
use crate::home::{Home, NOT_FOUND, Outcome};

/// There is no identity.
const NO_IDENTITY: &str = "no identity";
/// There is an identity, and it gets no token.
const REFUSED: &str = "refused";

const PULLER: &str = "puller@pretend.iam.gserviceaccount.com";
const ADC: &str = ".config/gcloud/application_default_credentials.json";

/// A set of files and variables, and who it is to be.
struct Row {
    name: &'static str,
    /// The identity that our helper finds.
    ours: &'static str,
    /// The identity that the reference finds, if it differs, and why.
    theirs: Option<(&'static str, &'static str)>,
    set: fn(&mut World),
}

/// Both programs are to be the same principal.
const fn same(name: &'static str, who: &'static str, set: fn(&mut World)) -> Row {
    Row { name, ours: who, theirs: None, set }
}

/// They are not, for this reason.
const fn differs(
    name: &'static str,
    ours: &'static str,
    theirs: &'static str,
    why: &'static str,
    set: fn(&mut World),
) -> Row {
    Row { name, ours, theirs: Some((theirs, why)), set }
}

/// A user of a network that leads to one pretend Google, at its own addresses too.
struct World {
    google: Google,
    /// The same one, at the addresses of the real one.
    _over_tls: Google,
    proxy: Proxy,
    ca: Ca,
    home: Home,
}

impl World {
    fn new() -> Self {
        let (ca, proxy, google) = (Ca::new(), Proxy::start(), Google::start());
        let hosts = ["oauth2.googleapis.com", "iamcredentials.googleapis.com", "sts.googleapis.com"];
        let over_tls = google.also_tls("127.0.0.1:0".parse().unwrap(), &ca, &hosts);
        for host in hosts {
            proxy.route(&format!("{host}:443"), over_tls.addr());
        }
        let mut world = World { google, _over_tls: over_tls, proxy, ca, home: Home::new() };
        world.move_in();
        world
    }

    /// Into a new home without an identity, where the metadata server is not queried.
    fn move_in(&mut self) {
        self.home = Home::new();
        for call in [GoogleCall::Token, GoogleCall::MetadataCheck, GoogleCall::MetadataToken] {
            self.google.on(call, Behaviour::Proper);
        }
        let bundle = self.home.write("ca.pem", self.ca.pem());
        self.home
            .set("NO_GCE_CHECK", "true")
            .set("SSL_CERT_FILE", &bundle)
            .set("REQUESTS_CA_BUNDLE", &bundle)
            .set("HTTPS_PROXY", self.proxy.url())
            // Otherwise google-auth starts gcloud to find the project, which does not choose an identity.
            .set("GOOGLE_CLOUD_PROJECT", "pretend")
            .set("PATH", "/nowhere");
    }

    /// Lets `GOOGLE_APPLICATION_CREDENTIALS` name a file with this text.
    fn file(&mut self, text: impl ToString) {
        let path = self.home.write("credentials.json", text.to_string());
        self.home.set("GOOGLE_APPLICATION_CREDENTIALS", path);
    }

    /// Writes what `gcloud auth application-default login` leaves behind.
    fn well_known(&mut self, text: impl ToString) {
        self.home.write(ADC, text.to_string());
    }

    fn ours(&self) -> (String, Outcome) {
        let outcome = get(&self.home, EUROPE);
        let who = match outcome.code {
            0 => self.principal(&outcome.secret()),
            _ if outcome.stdout.trim_end() == NOT_FOUND => NO_IDENTITY.to_owned(),
            _ => {
                outcome.explains(&[]);
                REFUSED.to_owned()
            }
        };
        (who, outcome)
    }

    /// Whose token it is: by who minted it, or of one that a service account has signed by itself, by
    /// what it says.
    fn principal(&self, token: &str) -> String {
        if let Some(minted) = self.google.minted().into_iter().find(|minted| minted.token == token) {
            return minted.identity;
        }
        let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Option<Value> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
        match claims.as_ref().and_then(|claims| claims["sub"].as_str()) {
            Some(account) => format!("{account} by its own signature"),
            None => token.to_owned(),
        }
    }
}

/// What is wrong with the rows, each of them told.
#[derive(Default)]
struct Verdict(Vec<String>);

impl Verdict {
    fn row(&mut self, row: &Row, world: &World, theirs: &(String, String)) {
        let (ours, outcome) = world.ours();
        let (expected, why) = row.theirs.unwrap_or((row.ours, "they are to be the same"));
        if (ours.as_str(), theirs.0.as_str()) != (row.ours, expected) {
            self.0.push(format!("{}: ours {ours}, theirs {} ({why}): {outcome:?}; {}", row.name, theirs.0, theirs.1));
        }
    }

    #[track_caller]
    fn hold(self, rows: usize) {
        assert!(self.0.is_empty(), "{} of {rows} rows:\n{}", self.0.len(), self.0.join("\n"));
    }
}
