use serde_json::Value;

use super::{Azure, AzureCall, TENANT};
use crate::{Behaviour, fetch};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn token(azure: &Azure, form: String) -> (u16, Value) {
    let url = format!("{}/{TENANT}/oauth2/v2.0/token", azure.url());
    let answer = fetch("POST", &url, &[FORM], form).unwrap();
    (answer.status, answer.json())
}

#[test]
fn an_applications_token_becomes_a_registrys() {
    let azure = Azure::start();
    let scope = "scope=https%3A%2F%2Fcontainerregistry.azure.net%2F.default";
    let form = format!("grant_type=client_credentials&client_id=app&client_secret=secret-of-app&{scope}");
    let (status, answer) = token(&azure, form);
    assert_eq!(status, 200, "{answer}");
    let host = azure.addr().to_string();
    let exchange = |access: &str| {
        let form = format!("grant_type=access_token&service={host}&tenant={TENANT}&access_token={access}");
        fetch("POST", &format!("{}/oauth2/exchange", azure.url()), &[FORM], form).unwrap()
    };
    assert_eq!(exchange("another").status, 401);
    assert_eq!(exchange(answer["access_token"].as_str().unwrap()).status, 200);
    let minted = azure.minted().remove(0);
    assert_eq!((minted.identity.as_str(), minted.registry.as_str()), ("app app by secret", host.as_str()));
    assert_eq!((azure.calls(AzureCall::Token), azure.calls(AzureCall::Exchange), azure.all_calls()), (1, 2, 3));
}

#[test]
fn what_is_not_proven_is_rejected() {
    let azure = Azure::start();
    let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for (form, code) in [
        ("client_id=app&client_secret=wrong".to_owned(), "AADSTS7000215"),
        ("client_id=unknown&client_secret=x".to_owned(), "AADSTS700016"),
        (format!("client_id=app&{assertion}&client_assertion=a.b.c"), "AADSTS700027"),
        (format!("client_id=app&{assertion}&client_assertion=opaque"), "AADSTS70021"),
        ("client_id=app&client_secret=secret-of-app&scope=https%3A%2F%2Fx%2F.default".to_owned(), "AADSTS500011"),
    ] {
        let (status, answer) = token(&azure, format!("grant_type=client_credentials&{form}"));
        assert_eq!(status, 400, "{form}");
        assert!(answer["error_description"].as_str().unwrap().starts_with(code), "{answer}");
    }
    let metadata = format!("{}/metadata/identity/oauth2/token", azure.url());
    assert_eq!(fetch("GET", &metadata, &[], "").unwrap().status, 400);
    azure.on(AzureCall::MachineCheck, Behaviour::Empty);
    assert_eq!(fetch("GET", &metadata, &[], "").unwrap().status, 200);
}
