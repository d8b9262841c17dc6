use std::time::Instant;

use pretend_cloud::{Aws, Behaviour, Ca, Call, SilentAddress};
use settings::Environment;

use super::*;
use crate::run;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(variables.iter().copied())
}

/// Calls GetCallerIdentity of the pretend AWS, which rejects an unsigned request.
fn ask(client: &Client, url: &str, deadline: Deadline) -> Result<Response, RequestError> {
    let request = client.direct().post(format!("{url}/")).form(&[("Action", "GetCallerIdentity")]);
    run(Response::to(request, deadline)).unwrap()
}

fn soon() -> Deadline {
    Deadline::after(testing::HANG)
}

#[test]
fn a_service_that_is_down_is_called_three_times_and_one_that_rejects_once() {
    let aws = Aws::start();
    let client = Client::new(&environment(&[("", "")])).unwrap();
    for (behaviour, status, calls) in [
        (Behaviour::FailTimes(2), 403, 3),
        (Behaviour::FailTimes(9), 500, 3),
        (Behaviour::Refuse { status: 400, code: "X", message: "x".into() }, 400, 1),
    ] {
        let before = aws.calls(Call::GetCallerIdentity);
        aws.on(Call::GetCallerIdentity, behaviour);
        assert_eq!(ask(&client, &aws.url(), soon()).unwrap().status, status);
        assert_eq!(aws.calls(Call::GetCallerIdentity) - before, calls);
    }
}

#[test]
fn a_program_that_never_responds_ends_with_the_deadline() {
    let silent = SilentAddress::new();
    let client = Client::new(&environment(&[("", "")])).unwrap();
    let started = Instant::now();
    let error = ask(&client, &silent.url(), Deadline::after(Duration::from_millis(300))).unwrap_err();
    assert!(started.elapsed() < testing::HANG);
    let explained = error.explain("it cannot be asked").to_string();
    assert_eq!(explained, "it cannot be asked: timed out: check the network and the proxy");
}

#[test]
fn a_redirection_is_not_followed() {
    let aws = Aws::start();
    let client = Client::new(&environment(&[("", "")])).unwrap();
    let astray = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, elsewhere) = (format!("http://{}", astray.local_addr().unwrap()), aws.url());
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut caller, _) = astray.accept().unwrap();
        let _ = caller.read(&mut [0; 4096]);
        write!(caller, "HTTP/1.1 307 x\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    assert_eq!(ask(&client, &url, soon()).unwrap().status, 307);
    server.join().unwrap();
    assert_eq!(aws.all_calls(), 0);
}

#[test]
fn only_named_authorities_count() {
    let ca = Ca::new();
    let aws = Aws::start_tls((std::net::Ipv4Addr::LOCALHOST, 0).into(), &ca, &["127.0.0.1"]);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, ca.pem()).unwrap();
    let trusting = Client::new(&environment(&[("SSL_CERT_FILE", bundle.to_str().unwrap())])).unwrap();
    assert_eq!(ask(&trusting, &aws.url(), soon()).unwrap().status, 403);
    let other = Client::new(&environment(&[("", "")])).unwrap();
    let explained = ask(&other, &aws.url(), soon()).unwrap_err().explain("it cannot be asked");
    assert_eq!(explained.what, "it cannot be asked: certificate not trusted");
    std::fs::write(&bundle, "no certificate").unwrap();
    let broken = Client::new(&environment(&[("SSL_CERT_FILE", bundle.to_str().unwrap())])).unwrap_err();
    assert_eq!(broken.hint.as_deref(), Some("check SSL_CERT_FILE and SSL_CERT_DIR"));
}
