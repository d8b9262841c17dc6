use identity_token::IdentityToken;
use registry::exchange::{Body, Proof, Request};
use serde_json::{Map, Value};
use web::{Client, RequestBuilder, Url};

use crate::scope::Plan;

/// The headers of a signed request.
pub(crate) type SignedHeaders = Vec<(&'static str, String)>;

/// What stands for the subject token in a field of a table.
const IDENTITY_TOKEN: &str = "{identity_token}";

/// A request, all but the subject token.
#[derive(Debug, PartialEq)]
pub(crate) struct Unsigned {
    pub(crate) url: Url,
    pub(crate) body: Body,
    proof: Place,
    fields: Vec<(String, Field)>,
}

/// Where the subject token goes.
#[derive(Debug, PartialEq)]
enum Place {
    Field(String),
    Bearer,
    Basic(String),
    Header(&'static str),
    Signature,
}

#[derive(Debug, PartialEq)]
enum Field {
    Text(String),
    Number(u64),
}

impl Unsigned {
    /// The request of an exchange; `None` if its address is not one that a secret may be sent to.
    pub(crate) fn of(plan: &Plan, request: &Request) -> Option<Self> {
        let values = &plan.values;
        let url = Url::parse(&values.fill_url(request.url)?).ok().filter(may_be_sent_to)?;
        let body = match values.value("format") {
            Some("json") => Body::Json,
            _ => request.body,
        };
        let proof = match request.proof {
            Proof::Field(name) => Place::Field(name.to_owned()),
            Proof::Bearer => Place::Bearer,
            Proof::Basic(user) => Place::Basic(values.fill(user)?),
            Proof::Header(name) => Place::Header(name),
            Proof::Signature => Place::Signature,
        };
        let filled = |(name, text): &(&str, &str)| {
            let value = values.fill(text)?;
            let number = (*text == "{ttl}").then(|| value.parse().ok()).flatten();
            Some(((*name).to_owned(), number.map_or(Field::Text(value), Field::Number)))
        };
        let mut unsigned = Unsigned { url, body, proof, fields: request.fields.iter().filter_map(filled).collect() };
        unsigned.add(plan);
        Some(unsigned)
    }

    /// Applies the fields of a table.
    fn add(&mut self, plan: &Plan) {
        let fields = &plan.gateway.fields;
        if let Some((name, _)) = fields.iter().find(|(_, text)| *text == IDENTITY_TOKEN) {
            self.proof = Place::Field(name.clone());
            self.fields.clear();
        }
        for (name, text) in fields.iter().filter(|(_, text)| *text != IDENTITY_TOKEN) {
            let value = text.replace("{host}", plan.values.value("host").unwrap_or_default());
            self.fields.retain(|(known, _)| known != name);
            self.fields.push((name.clone(), Field::Text(value)));
        }
    }

    /// The request with a signature, and without a token.
    pub(crate) fn signed(self, headers: SignedHeaders, client: &Client) -> RequestBuilder {
        let client = if is_local(&self.url) { client.direct() } else { client.proxied() };
        let request = if self.body == Body::Get { client.get(self.url) } else { client.post(self.url) };
        let request = request.header("accept", "application/json");
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// The request with the subject token in it.
    pub(crate) fn sign(self, token: &IdentityToken, client: &Client) -> RequestBuilder {
        let Unsigned { url, body, proof, fields } = self;
        // A proxy cannot reach this machine's own services.
        let client = if is_local(&url) { client.direct() } else { client.proxied() };
        let request = if body == Body::Get { client.get(url) } else { client.post(url) };
        let token = token.secret.expose();
        let (request, field) = match proof {
            Place::Field(name) => (request, Some(name)),
            Place::Bearer => (request.bearer_auth(token), None),
            Place::Basic(user) => (request.basic_auth(user, Some(token)), None),
            Place::Header(name) => (request.header(name, token), None),
            // It is signed in `signed`.
            Place::Signature => (request, None),
        };
        let request = request.header("accept", "application/json");
        match body {
            Body::Get | Body::Empty => request,
            Body::Form => {
                let texts = fields.into_iter().map(|(name, value)| (name, value.text()));
                let texts: Vec<_> = texts.chain(field.map(|name| (name, token.to_owned()))).collect();
                request.form(&texts)
            }
            Body::Json => {
                let values = fields.into_iter().map(|(name, value)| (name, value.json()));
                let object: Map<_, _> = values.chain(field.map(|name| (name, token.into()))).collect();
                request.json(&Value::Object(object))
            }
        }
    }
}

impl Field {
    fn text(self) -> String {
        match self {
            Field::Text(text) => text,
            Field::Number(number) => number.to_string(),
        }
    }

    fn json(self) -> Value {
        match self {
            Field::Text(text) => text.into(),
            Field::Number(number) => number.into(),
        }
    }
}

/// Over TLS, or not leaving this machine; and with no user in it.
fn may_be_sent_to(url: &Url) -> bool {
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local(url);
    is_safe && url.has_host() && url.username().is_empty() && url.password().is_none()
}

fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
