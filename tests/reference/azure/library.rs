use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pretend_cloud::{
    APPLICATION_PEM, APPLICATION_PFX, APPLICATION_PFX_LEGACY, AzureCall, Behaviour, Ca, PFX_PASSWORD, TENANT,
};
use serde_json::{Value, json};

use super::rows::{ROWS, Verdict};
use crate::acr::{CONTOSO, World, get, put_program};
use crate::home::{Home, skip};

/// Microsoft's own library, which answers all rows in one process.
struct Reference {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Reference {
    /// `None` if it is not installed.
    fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = folder.join("target/reference/azure/bin/python3");
        if !python.exists() {
            return None;
        }
        let script = folder.join("tests/reference/azure/library.py");
        let mut command = Command::new(python);
        command.arg(script).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Reference { child, input, output })
    }

    /// The access token that it gets in an environment, or its words.
    fn sign_in(&mut self, variables: &BTreeMap<String, String>) -> Result<String, String> {
        writeln!(self.input, "{}", json!(variables)).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        text("token").ok_or_else(|| text("error").unwrap())
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A principal and the host at which it signed in; or the error.
type Principal = Result<(String, String), String>;

/// One row, made: a home, and what the reference has beside it.
struct Case<'a> {
    world: &'a World,
    home: Home,
    theirs: BTreeMap<String, String>,
    registry: String,
}

impl<'a> Case<'a> {
    /// From words such as `AZURE_CLIENT_ID=app`, `az:jane` or `imds:404`; see `rows.rs`.
    fn new(world: &'a World, words: &str) -> Self {
        let home = world.home();
        let mut case = Case { world, home, theirs: BTreeMap::new(), registry: CONTOSO.to_owned() };
        case.put("PATH", &format!("{}:/usr/bin:/bin", case.home.path("bin").display()));
        case.put("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
        world.azure.on(AzureCall::MachineToken, Behaviour::Proper);
        world.azure.on(AzureCall::AppToken, Behaviour::Proper);
        words.split_whitespace().for_each(|word| case.word(word));
        for (name, value) in [
            ("HOME", case.home.path("").to_str().unwrap().to_owned()),
            ("HTTPS_PROXY", world.proxy.url()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
            ("REQUESTS_CA_BUNDLE", case.home.path("ca.pem").to_str().unwrap().to_owned()),
        ] {
            case.theirs.insert(name.to_owned(), value);
        }
        case
    }

    fn put(&mut self, name: &str, value: &str) {
        self.home.set(name, value);
        self.theirs.insert(name.to_owned(), value.to_owned());
    }

    fn word(&mut self, word: &str) {
        if word == "application" {
            self.put("AZURE_TENANT_ID", TENANT);
            self.put("AZURE_CLIENT_ID", "app");
        } else if let Some(variable) = word.strip_prefix("theirs:") {
            let (name, value) = variable.split_once('=').unwrap();
            self.theirs.insert(name.to_owned(), value.to_owned());
        } else if let Some((name, value)) = word.split_once('=') {
            let value = self.value(value);
            self.put(name, &value);
        } else {
            let (what, how) = word.split_once(':').unwrap_or_else(|| panic!("no word of the table: {word}"));
            match what {
                "registry" => self.registry = how.to_owned(),
                "imds" => self.machine(how),
                "app-service" => self.world.azure.on(AzureCall::AppToken, refusal(how.parse().unwrap(), "x")),
                "az" => self.az(how),
                "azd" => self.azd(how),
                _ => panic!("no word of the table: {word}"),
            }
        }
    }

    /// Expands placeholders in a variable: `@secret`; `_` is a space.
    fn value(&self, value: &str) -> String {
        let azure = &self.world.azure;
        let file = |name: &str, text: &[u8]| self.home.write(name, text).to_str().unwrap().to_owned();
        let at = |path: &str| format!("{}/{path}", azure.url());
        match value {
            "@tenant" => TENANT.to_owned(),
            "@secret" => azure.secret_of("app"),
            "@password" => PFX_PASSWORD.to_owned(),
            "@pem" => file("app.pem", APPLICATION_PEM.as_bytes()),
            "@pem-root-first" => file("root.pem", format!("{}{APPLICATION_PEM}", Ca::new().pem()).as_bytes()),
            "@pem-without-key" => file("no-key.pem", Ca::new().pem().as_bytes()),
            "@pem-encrypted" => self.encrypted(),
            "@pfx" => file("app.pfx", APPLICATION_PFX),
            "@pfx-legacy" => file("legacy.pfx", APPLICATION_PFX_LEGACY),
            "@token" => file("token", b"federated.pod.signature"),
            "@token-with-line-feed" => file("token", b"federated.pod.signature\n"),
            "@gone" => "/no/such/file".to_owned(),
            "@machine" => azure.url(),
            "@app" | "@learning" | "@shell" | "@arc" => at(&value[1..]),
            "@elsewhere" => {
                let file = self.home.write("elsewhere/azureProfile.json", r#"{"subscriptions": [{}]}"#);
                file.parent().unwrap().to_str().unwrap().to_owned()
            }
            plain => plain.replace('_', " "),
        }
    }

    /// The application's key, encrypted, and its certificate.
    fn encrypted(&self) -> String {
        let path = self.home.write("app.pem", APPLICATION_PEM);
        let mut openssl = Command::new("openssl");
        openssl.args(["pkcs8", "-topk8", "-passout", "pass:locked", "-in"]).arg(&path);
        let key = openssl.output().unwrap().stdout;
        let certificate = &APPLICATION_PEM[APPLICATION_PEM.find("-----BEGIN CERTIFICATE").unwrap()..];
        self.home.write("encrypted.pem", [&key, certificate.as_bytes()].concat()).to_str().unwrap().to_owned()
    }

    fn machine(&mut self, how: &str) {
        let url = self.world.azure.url();
        self.put("AZURE_POD_IDENTITY_AUTHORITY_HOST", &url);
        self.world.azure.on(
            AzureCall::MachineToken,
            match how {
                "proper" => Behaviour::Proper,
                "no-identity" => refusal(400, "Identity not found"),
                "another-400" => refusal(400, "AADSTS500011: x"),
                "docker-desktop" => refusal(403, "connecting to 169.254.169.254: network is unreachable"),
                "updated-404" => Behaviour::StumbleTimes(404, 2),
                "updated-410" => Behaviour::StumbleTimes(410, 2),
                "garbage" => Behaviour::Garbage,
                "page-503" => Behaviour::Page(503),
                status => refusal(status.parse().unwrap(), "x"),
            },
        );
    }

    fn az(&mut self, how: &str) {
        if how != "without-profile" {
            self.home.write(".azure/azureProfile.json", r#"{"subscriptions": [{"user": {"name": "jane"}}]}"#);
        }
        let token = self.world.azure.access_token_of("jane");
        let said = |end: &str| format!("echo '{{\"accessToken\": \"{token}\", {end}, \"tokenType\": \"Bearer\"}}'");
        let fails = |words: &str, code: u8| format!("echo \"ERROR: {words}\" >&2; exit {code}");
        let script = match how {
            "jane" | "without-profile" => said("\"expires_on\": 4102444800"),
            "before-2.54" => said("\"expiresOn\": \"2099-11-26 20:15:30.000000\""),
            "none" => fails("Please run 'az login' to setup account.", 1),
            "ended" => fails("AADSTS700082: ended. Please run: az login", 1),
            "offline" => fails("Max retries exceeded (Caused by NameResolutionError", 1),
            "broken" => fails("ModuleNotFoundError: No module named 'azure'", 1),
            "127" => fails("python3: not found", 127),
            "malformed" => "echo malformed".to_owned(),
            "not-there" => return,
            _ => panic!("no az of the table: {how}"),
        };
        put_program(&mut self.home, "az", &script);
    }

    fn azd(&mut self, how: &str) {
        self.home.write(".azd/auth.json", r#"{"auth": {"account": {"currentUser": {}}}}"#);
        let token = self.world.azure.access_token_of(how);
        let answer = json!({"token": token, "expiresOn": "2099-01-01T00:00:00Z"});
        match how {
            "none" => put_program(&mut self.home, "azd", "echo 'ERROR: not logged in, run azd auth login' >&2; exit 1"),
            _ => put_program(&mut self.home, "azd", &format!("echo '{answer}'")),
        }
    }

    fn ours(&self) -> Principal {
        let outcome = get(&self.home, &self.registry);
        if outcome.code != 0 {
            return Err(outcome.stderr.trim().to_owned());
        }
        let minted = self.world.minted(&outcome);
        Ok((minted.identity, minted.authority))
    }

    fn theirs(&self, reference: &mut Reference) -> Principal {
        let token = reference.sign_in(&self.theirs)?;
        Ok(self.world.azure.owner_of(&token).expect("it is a token of the pretend Azure"))
    }
}

fn refusal(status: u16, message: &str) -> Behaviour {
    Behaviour::Refuse { status, code: "invalid_request", message: message.to_owned() }
}

/// What is wrong with a row, if anything is.
fn flaw(ours: &Principal, theirs: &Principal, verdict: &Verdict) -> Option<String> {
    let same = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    let is_right = match verdict {
        Verdict::As(name) => same && ours.as_ref().is_ok_and(|(ours, _)| ours == name),
        Verdict::At(name, host) => same && ours.as_ref().is_ok_and(|(ours, at)| ours == name && at == host),
        Verdict::Refused(words) => same && ours.as_ref().is_err_and(|why| why.contains(words)),
        Verdict::Differs { ours: words, theirs: name, .. } => {
            let is_theirs = |theirs: &Principal| theirs.as_ref().map_or("", |(theirs, _)| theirs.as_str()) == *name;
            let is_ours = match ours {
                Ok((ours, _)) => ours == words,
                Err(why) => !words.is_empty() && why.contains(words),
            };
            !same && is_ours && is_theirs(theirs)
        }
    };
    let short = |text: &str| text.chars().take(400).collect::<String>();
    (!is_right).then(|| format!("{verdict:?}\n    ours: {ours:?}\n    theirs: {}", short(&format!("{theirs:?}"))))
}

#[test]
fn ours_signs_in_as_the_sdk_does_or_the_row_has_the_reason() {
    let test = "ours_signs_in_as_the_sdk_does_or_the_row_has_the_reason";
    let Some(mut reference) = Reference::start() else {
        return skip(test, "azure-identity is not installed: tests/reference/set-up");
    };
    let world = World::new();
    let mut flaws = Vec::new();
    for (words, verdict) in ROWS {
        let case = Case::new(&world, words);
        if let Some(flaw) = flaw(&case.ours(), &case.theirs(&mut reference), verdict) {
            flaws.push(format!("{words}\n    {flaw}"));
        }
    }
    assert!(flaws.is_empty(), "{} of {} rows:\n{}", flaws.len(), ROWS.len(), flaws.join("\n"));
}
