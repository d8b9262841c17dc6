//! A company's proxy and CA.

use super::*;

/// A home whose network is a proxy only, behind which a pretend Google has a certificate of the
/// company's CA.
fn behind_proxy(google: &Google, ca: &Ca, proxy: &Proxy) -> Home {
    for host in ["oauth2.googleapis.com", "iamcredentials.googleapis.com", "sts.googleapis.com"] {
        proxy.route(&format!("{host}:443"), google.addr());
    }
    let mut home = home();
    let pem = home.write("ca.pem", ca.pem());
    home.set("HTTPS_PROXY", proxy.url()).set("SSL_CERT_FILE", pem);
    home
}

#[test]
fn settings_impersonate_through_a_proxy_and_a_private_authority() {
    let (ca, proxy) = (Ca::new(), Proxy::start());
    let hosts = ["oauth2.googleapis.com", "iamcredentials.googleapis.com"];
    let google = Google::start_tls("127.0.0.1:0".parse().unwrap(), &ca, &hosts);
    let mut home = behind_proxy(&google, &ca, &proxy);
    // As gcloud writes it: the address is Google's own.
    let mut user = google.user_file("jane");
    user.as_object_mut().unwrap().remove("token_uri");
    user["quota_project_id"] = "pretend".into();
    name_file(&mut home, &user);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane");
    let account = "puller@pretend.iam.gserviceaccount.com";
    home.settings(&format!("[[registry]]\nmatch = \"us-*\"\nimpersonate = \"{account}\"\n"));
    assert_eq!(minted_by(&google, &get(&home, "us-docker.pkg.dev")), format!("{account} by user jane"));
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "user jane");
    assert!(proxy.requests() >= 3);
    let mut key = google.key_file(account);
    key["token_uri"] = "https://oauth2.googleapis.com/token".into();
    name_file(&mut home, &key);
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), account);
    home.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    home.run(GCR, &["erase"], EUROPE).is_silent();
    get(&home, EUROPE).explains(&["oauth2.googleapis.com", "certificate not trusted", "SSL_CERT_FILE"]);
}

#[test]
fn a_metadata_server_is_called_without_the_proxy() {
    let google = Google::start();
    let proxy = Proxy::start();
    let mut home = on_machine(&google);
    home.set("HTTP_PROXY", proxy.url()).set("HTTPS_PROXY", proxy.url()).set("http_proxy", proxy.url());
    assert_eq!(minted_by(&google, &get(&home, EUROPE)), "machine");
    assert_eq!(proxy.requests(), 0);
}
