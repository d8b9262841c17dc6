//! Behind a company's proxy, where only the proxy resolves the clouds' host names.

use std::net::{SocketAddr, TcpListener};

use pretend_cloud::{Aws, Azure, Ca, Proxy, SocksProxy};

use crate::acr::{self, CONTOSO};
use crate::home::{Home, Outcome, REGISTRY};

/// Two clouds behind names that nothing but a proxy knows: one by its SDK, one by our own client.
struct Company {
    aws: Aws,
    azure: Azure,
    home: Home,
    _under_its_names: Azure,
}

const AWS_HOST: &str = "ecr.aws.example";

impl Company {
    fn new() -> Self {
        let (ca, azure) = (Ca::new(), Azure::start());
        let local: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let aws = Aws::start_tls(local, &ca, &[AWS_HOST]);
        let under_its_names = azure.also_tls(local, &ca, &["login.microsoftonline.com", CONTOSO]);
        let mut home = Home::signed_in(&aws);
        let pem = home.write("ca.pem", ca.pem());
        home.set("SSL_CERT_FILE", pem).set("AWS_ENDPOINT_URL", format!("https://{AWS_HOST}"));
        home.set("AZURE_CLIENT_ID", "app").set("AZURE_TENANT_ID", pretend_cloud::TENANT);
        home.set("AZURE_CLIENT_SECRET", azure.secret_of("app"));
        Company { aws, azure, home, _under_its_names: under_its_names }
    }

    /// Where each name leads.
    fn routes(&self) -> Vec<(String, SocketAddr)> {
        let azure = self._under_its_names.addr();
        [(AWS_HOST, self.aws.addr()), ("login.microsoftonline.com", azure), (CONTOSO, azure)]
            .map(|(host, address)| (format!("{host}:443"), address))
            .into()
    }

    fn proxy(&self, proxy: Proxy) -> Proxy {
        self.routes().into_iter().for_each(|(authority, address)| proxy.route(&authority, address));
        proxy
    }

    /// The outputs of both helpers with the proxy of these variables.
    fn gets(&mut self, variables: &[(&str, &str)]) -> [Outcome; 2] {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
            self.home.unset(name);
        }
        for (name, value) in variables {
            self.home.set(*name, *value);
        }
        self.home.set("CREDMINT_VAULT", "none");
        [self.home.get(REGISTRY), acr::get(&self.home, CONTOSO)]
    }

    #[track_caller]
    fn works(&mut self, variables: &[(&str, &str)]) {
        let before = self.aws.minted().len() + self.azure.minted().len();
        for outcome in self.gets(variables) {
            outcome.credentials();
        }
        assert_eq!(self.aws.minted().len() + self.azure.minted().len(), before + 2, "{variables:?}");
    }

    #[track_caller]
    fn fails(&mut self, variables: &[(&str, &str)], words: &[&str]) {
        for outcome in self.gets(variables) {
            outcome.explains(words);
            assert!(!outcome.stdout.contains("c4n4ry"), "{outcome:?}");
        }
    }
}

#[test]
fn a_proxy_by_each_of_its_variables() {
    let mut company = Company::new();
    let proxy = company.proxy(Proxy::start());
    let url = proxy.url();
    company.works(&[("HTTPS_PROXY", &url)]);
    company.works(&[("https_proxy", &url)]);
    company.works(&[("ALL_PROXY", &url)]);
    company.works(&[("HTTPS_PROXY", ""), ("https_proxy", &url)]);
    company.works(&[("HTTPS_PROXY", url.trim_start_matches("http://")), ("NO_PROXY", "other.example")]);
    company.fails(&[], &["cannot resolve the host name"]);
    company.fails(
        &[("HTTPS_PROXY", &url), ("NO_PROXY", &format!("{AWS_HOST},microsoftonline.com"))],
        &["cannot resolve the host name"],
    );
}

/// As every Go client: the names go to the proxy, whether it is called socks5 or socks5h.
#[test]
fn a_socks_proxy() {
    let mut company = Company::new();
    let proxy = SocksProxy::start();
    company.routes().into_iter().for_each(|(authority, address)| proxy.route(&authority, address));
    for scheme in ["socks5", "socks5h"] {
        company.works(&[("HTTPS_PROXY", &format!("{scheme}://{}", proxy.addr()))]);
        company.works(&[("all_proxy", &format!("{scheme}://{}", proxy.addr()))]);
    }
}

#[test]
fn a_proxy_error_names_the_proxy_and_the_cause() {
    let mut company = Company::new();
    let proxy = company.proxy(Proxy::with_password("me", "p@ss"));
    let address = proxy.url().trim_start_matches("http://").to_owned();
    company.works(&[("HTTPS_PROXY", &format!("http://me:p%40ss@{address}"))]);
    let shown = format!("http://{address} of HTTPS_PROXY");
    company.fails(&[("HTTPS_PROXY", &proxy.url())], &[&shown, "requires a user name and password", "407"]);
    let wrong = format!("http://me:c4n4ry@{address}");
    company.fails(&[("HTTPS_PROXY", &wrong)], &[&shown, "rejected the user name and password", "407"]);
    // A port that was free a moment ago.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    company.fails(
        &[("https_proxy", &format!("http://me:c4n4ry@{dead}"))],
        &[&format!("the proxy http://{dead} of https_proxy cannot be reached")],
    );
    company.fails(&[("HTTPS_PROXY", "ftp://me:c4n4ry@proxy.example")], &["HTTPS_PROXY", "scheme ftp", "socks5"]);
    let stranger = Proxy::start();
    company.fails(&[("HTTPS_PROXY", &stranger.url())], &["refused the connection to this host", "of HTTPS_PROXY"]);
}
