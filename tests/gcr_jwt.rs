use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pretend_cloud::{Behaviour, Google, GoogleCall};
use serde_json::{Value, json};

use crate::gcr::{EUROPE, get, home, minted_by, name_file, signing_itself, with_key};
use crate::home::{GCR, program, skip};

const PULLER: &str = "puller@pretend.iam.gserviceaccount.com";

/// A JWT's header and claims.
#[track_caller]
fn parts(token: &str) -> [Value; 2] {
    let [header, claims, _] = token.split('.').collect::<Vec<_>>()[..] else { panic!("no JWT: {token}") };
    [header, claims].map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
}

#[test]
fn a_self_signed_token_needs_no_request() {
    let google = Google::start();
    let home = signing_itself(&google);
    let (_, username, token) = get(&home, EUROPE).credentials();
    assert_eq!((username.as_str(), google.all_calls()), ("oauth2accesstoken", 0));
    let [_, claims] = parts(&token);
    assert!(claims.get("aud").is_none(), "{claims}");
    assert_eq!(get(&home, EUROPE).secret(), token, "it is kept");
    let other = get(&home, "gcr.io").secret();
    assert_eq!((other == token, google.calls(GoogleCall::Token)), (false, 1), "and serves no other rule");
}

/// No worker process is needed for it: the helper has the key and no request to send.
#[test]
fn a_self_signed_token_is_minted_by_the_helper_itself() {
    let google = Google::start();
    let home = signing_itself(&google);
    let helper = home.path("alone").join(GCR);
    std::fs::create_dir_all(home.path("alone")).unwrap();
    testing::copy_program(&program(GCR), &home.path("alone"));
    let alone = |server: &str| home.run(helper.to_str().unwrap(), &["get"], server);
    let token = alone(EUROPE).secret();
    assert_eq!(parts(&token)[1]["iss"], PULLER);
    assert_eq!(alone(EUROPE).secret(), token, "it is cached");
    alone("gcr.io").explains(&["credmint-mint not found"]);
    // A key that cannot be used, and a token that is exchanged for another one, are for the worker.
    home.settings("[[registry]]\nmatch = \"*.pkg.dev\"\nself_signed_jwt = true\nimpersonate = \"other@p.example\"\n");
    alone(EUROPE).explains(&["credmint-mint not found"]);
    let mut file = google.key_file(PULLER);
    file["private_key"] = "no key".into();
    home.write("credentials.json", file.to_string());
    home.settings("[[registry]]\nmatch = \"*.pkg.dev\"\nself_signed_jwt = true\n");
    alone(EUROPE).explains(&["credmint-mint not found"]);
    get(&home, EUROPE).explains(&["private key is malformed", PULLER]);
}

#[test]
fn a_key_signs_its_own_token_where_the_token_service_is_out_of_reach() {
    let google = Google::start();
    let mut home = home();
    let mut file = google.key_file(PULLER);
    // A closed port.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    file["token_uri"] = format!("http://{address}/token").into();
    name_file(&mut home, &file);
    let [header, claims] = parts(&get(&home, EUROPE).secret());
    assert_eq!((&header["alg"], &claims["iss"]), (&json!("RS256"), &json!(PULLER)));
    assert!(crate::home::files(&home.path("run/credmint/tokens")).is_empty(), "and asks again the next time");
    // A service that responds is reachable, whatever its response.
    for behaviour in [Behaviour::Empty, Behaviour::FailTimes(9), Behaviour::Close] {
        google.on(GoogleCall::Token, behaviour);
        get(&with_key(&google), EUROPE).explains(&[PULLER]);
    }
}

/// OpenSSL before version 3 turns the key that Google issues (PKCS #8) into this form (PKCS #1).
#[test]
fn a_key_in_pkcs_1_signs_too() {
    /// What stands before the key itself in the PKCS #8 form of an RSA key of 2048 bits.
    const ALGORITHM: usize = 26;
    let google = Google::start();
    let mut home = home();
    let mut file = google.key_file(PULLER);
    let pem: String = file["private_key"].as_str().unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    let key = STANDARD.encode(&STANDARD.decode(pem).unwrap()[ALGORITHM..]);
    file["private_key"] = format!("-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----\n").into();
    name_file(&mut home, &file);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), PULLER);
}

/// A proxy that does not work is to be put right.
#[test]
fn a_broken_proxy_is_an_error() {
    let google = Google::start();
    let mut home = home();
    let mut file = google.key_file(PULLER);
    file["token_uri"] = "https://oauth2.googleapis.com/token".into();
    name_file(&mut home, &file);
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    home.set("HTTPS_PROXY", format!("http://{address}"));
    get(&home, EUROPE).explains(&["the proxy", "HTTPS_PROXY"]);
}

/// Python with Google's library: what `tests/set-up` has installed, else the one on the path.
fn python() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/guide/bin/python");
    [installed, "python3".into()].into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", "import google.oauth2.service_account"]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

/// Google's own library signs the same: header, claims, and the signature of what we signed.
#[test]
fn googles_library_signs_the_same() {
    const SIGN: &str = "
import base64, json, sys
from google.oauth2 import service_account
scopes = ['https://www.googleapis.com/auth/cloud-platform']
account = service_account.Credentials.from_service_account_file(sys.argv[1], scopes=scopes, always_use_jwt_access=True)
account._create_self_signed_jwt(None)
account.refresh(None)
signature = account.signer.sign(sys.argv[2].encode())
print(json.dumps([account.token, base64.urlsafe_b64encode(signature).decode().rstrip('=')]))
";
    let Some(python) = python() else { return skip("google-auth", "no Python here has it") };
    let google = Google::start();
    let home = signing_itself(&google);
    let ours = get(&home, EUROPE).secret();
    let (signed, signature) = ours.rsplit_once('.').unwrap();
    let output =
        Command::new(python).args(["-c", SIGN]).arg(home.path("credentials.json")).arg(signed).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let [theirs, expected]: [String; 2] = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(signature, expected);
    let ([header, claims], [their_header, their_claims]) = (parts(&ours), parts(&theirs));
    assert_eq!(header, their_header);
    let timeless = |mut claims: Value| {
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        claims["exp"] = life.into();
        claims.as_object_mut().unwrap().remove("iat");
        claims
    };
    assert_eq!(timeless(claims), timeless(their_claims));
}
