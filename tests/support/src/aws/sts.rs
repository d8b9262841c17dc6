//! The security token service: a form in, XML out.

use std::collections::HashMap;

use hyper::Response;
use hyper::http::request::Parts;

use super::cloud::iso;
use super::identity::Identity;
use super::{ACCOUNT, Cloud};
use crate::behaviour::Refusal;
use crate::reply::{Body, reply};

/// A role that was assumed, and the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    /// The role.
    pub role_arn: String,
    /// The name of the session.
    pub session_name: String,
    /// The caller: the access key, or `web identity`.
    pub source: String,
    /// The external id that was sent along.
    pub external_id: Option<String>,
    /// The source identity that was sent along.
    pub source_identity: Option<String>,
    /// The requested duration, in seconds.
    pub duration: Option<String>,
    /// The policy of the session that was sent along.
    pub policy: Option<String>,
    /// The managed policies of the session.
    pub policy_arns: Vec<String>,
    /// The access key that was issued.
    pub access_key: String,
}

pub(super) fn assume_role(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let signer = cloud.signer(head, "sts")?;
    let form = Form::parse(body);
    let (role, external_id) = (form.required("RoleArn")?, form.optional("ExternalId"));
    let wanted = cloud.state().external_id.clone();
    if wanted.is_some() && wanted != external_id {
        let message = format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role}", signer.arn);
        return Err(Refusal::new(403, "AccessDenied", message));
    }
    give_role(cloud, "AssumeRole", &form, signer.access_key)
}

pub(super) fn assume_role_with_web_identity(cloud: &Cloud, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let form = Form::parse(body);
    // A token of Kubernetes, GitHub or anyone else: a JWT is three parts.
    if form.required("WebIdentityToken")?.split('.').count() != 3 {
        let message = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
        return Err(Refusal::new(400, "InvalidIdentityToken", message));
    }
    give_role(cloud, "AssumeRoleWithWebIdentity", &form, "web identity".to_owned())
}

/// Unknown: the message of the real one if the account has not enabled it.
pub(super) fn web_identity_token(cloud: &Cloud, head: &Parts, body: &[u8]) -> Result<Response<Body>, Refusal> {
    cloud.signer(head, "sts")?;
    let form = Form::parse(body);
    let (audience, algorithm) = (form.required("Audience.member.1")?, form.required("SigningAlgorithm")?);
    let seconds = form.optional("DurationSeconds").map_or(Some(300), |text| text.parse::<u64>().ok());
    if !["RS256", "ES384"].contains(&algorithm.as_str()) || !seconds.is_some_and(|it| (60..=3600).contains(&it)) {
        return Err(Refusal::new(400, "ValidationError", "SigningAlgorithm or DurationSeconds"));
    }
    let Some((_, token)) = cloud.state().identity_token.clone().filter(|(known, _)| *known == audience) else {
        return Err(Refusal::new(403, "OutboundWebIdentityFederationDisabled", "it is not enabled for this account"));
    };
    Ok(success("GetWebIdentityToken", &format!("<WebIdentityToken>{token}</WebIdentityToken>")))
}

pub(super) fn caller_identity(cloud: &Cloud, head: &Parts) -> Result<Response<Body>, Refusal> {
    let signer = cloud.signer(head, "sts")?;
    let (arn, key) = (escape(&signer.arn), escape(&signer.access_key));
    let result = format!("<Arn>{arn}</Arn><UserId>{key}</UserId><Account>{ACCOUNT}</Account>");
    Ok(success("GetCallerIdentity", &result))
}

pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    // The query services have other names and another status for the same errors.
    let (status, code) = match refusal.code {
        "UnrecognizedClientException" => (403, "InvalidClientTokenId"),
        "ExpiredTokenException" => (403, "ExpiredToken"),
        "InvalidSignatureException" => (403, "SignatureDoesNotMatch"),
        "MissingAuthenticationTokenException" => (403, "MissingAuthenticationToken"),
        "IncompleteSignatureException" => (400, "IncompleteSignature"),
        code => (refusal.status, code),
    };
    let error = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message>\
         </Error><RequestId>{REQUEST}</RequestId></ErrorResponse>",
        escape(&refusal.message)
    );
    reply(status, "text/xml", error)
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const REQUEST: &str = "00000000-0000-4000-8000-000000000000";

fn give_role(cloud: &Cloud, action: &str, form: &Form, source: String) -> Result<Response<Body>, Refusal> {
    let (role_arn, session_name) = (form.required("RoleArn")?, form.required("RoleSessionName")?);
    let Some((partition_and_account, role)) = role_arn.split_once(":role/") else {
        return Err(Refusal::new(400, "ValidationError", format!("{role_arn} is invalid")));
    };
    let role = role.rsplit('/').next().unwrap_or(role);
    let arn = format!("{}:assumed-role/{role}/{session_name}", partition_and_account.replace(":iam:", ":sts:"));
    let kind = if action == "AssumeRole" { "ASSUMEROLE" } else { "WEBIDENTITY" };
    let identity = cloud.issue(kind, arn);
    let result = role_result(&identity);
    cloud.state().assumed.push(AssumedRole {
        role_arn,
        session_name,
        source,
        external_id: form.optional("ExternalId"),
        source_identity: form.optional("SourceIdentity"),
        duration: form.optional("DurationSeconds"),
        policy: form.optional("Policy"),
        policy_arns: (1..=10).map_while(|nth| form.optional(&format!("PolicyArns.member.{nth}.arn"))).collect(),
        access_key: identity.access_key,
    });
    Ok(success(action, &result))
}

fn role_result(identity: &Identity) -> String {
    let Identity { access_key, secret_key, session_token, arn, expires } = identity;
    let (arn, expires) = (escape(arn), iso(*expires));
    format!(
        "<AssumedRoleUser><AssumedRoleId>AROAPRETEND:{access_key}</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{secret_key}</SecretAccessKey>\
         <SessionToken>{session_token}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
    )
}

fn success(action: &str, result: &str) -> Response<Body> {
    let xml = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{REQUEST}</RequestId></ResponseMetadata></{action}Response>"
    );
    reply(200, "text/xml", xml)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

struct Form(HashMap<String, String>);

impl Form {
    fn parse(body: &[u8]) -> Self {
        Form(form_urlencoded::parse(body).into_owned().collect())
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn required(&self, name: &str) -> Result<String, Refusal> {
        self.optional(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let message = format!("1 validation error detected: Value at '{name}' failed to satisfy constraint");
            Refusal::new(400, "ValidationError", message)
        })
    }
}
