/// For every config: each image keeps its login.
mod properties;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dockerconfig::Client::{self, Docker, DockerCredential, GoContainerRegistry, Podman};
use dockerconfig::{Auth, Document, HelperName, HelperQueries, LookupQuery, Migration, Plan, Source, lookup};
use protocol::{Credentials, Secret, ServerUrl};
use serde_json::{Value, json};

const DOCKERS: &[Client] = &[Docker, GoContainerRegistry, DockerCredential, Podman];
const PODMANS: &[Client] = &[Podman, GoContainerRegistry];

type Image = (&'static str, Option<&'static str>);

const IMAGES: [Image; 10] = [
    ("r.example", None),
    ("r.example", Some("other")),
    ("r.example", Some("team")),
    ("r.example", Some("team/app")),
    ("r.example", Some("team/app/deep")),
    ("docker.io", None),
    ("docker.io", Some("library/alpine")),
    ("docker.io", Some("team/app")),
    ("s.example", Some("x")),
    ("t.example", Some("x")),
];

/// Our helper, which compares addresses, and pass, which compares texts.
#[derive(Debug, Default)]
struct Kept {
    ours: RefCell<BTreeMap<String, (String, Secret)>>,
    pass: BTreeMap<String, (String, Secret)>,
}

fn key(asked: &str) -> String {
    ServerUrl::parse(asked).map_or_else(|_| asked.to_owned(), |server| server.key())
}

fn login((username, secret): &(String, Secret), asked: &str) -> Credentials {
    Credentials { server: asked.to_owned(), username: username.clone(), secret: secret.clone() }
}

fn pair(user: &str) -> (String, Secret) {
    (user.to_owned(), Secret::new("p".to_owned()))
}

impl HelperQueries for Kept {
    fn is_ours(&self, helper: &str) -> bool {
        ["credmint", "ecr"].contains(&helper)
    }

    fn credentials(&self, helper: &str, asked: &str) -> Option<Credentials> {
        match helper {
            "pass" => self.pass.get(asked).map(|pair| login(pair, asked)),
            helper if self.is_ours(helper) => self.stored_login(asked),
            _ => None,
        }
    }

    fn stored_login(&self, asked: &str) -> Option<Credentials> {
        self.ours.borrow().get(&key(asked)).map(|pair| login(pair, asked))
    }
}

impl Kept {
    /// Plans, stores what moves, and applies the plan.
    fn migrate(
        &self,
        before: &Document,
        wired: &Document,
        clients: &[Client],
        only_shadowed: bool,
    ) -> (Document, Plan) {
        let helper = HelperName::parse("credmint").unwrap();
        let migration = Migration { clients, helper: &helper, helpers: self, only_shadowed };
        let plan = migration.plan(before, wired);
        let moved: Vec<_> = plan.moves.iter().map(|moved| moved.login.clone()).collect();
        for login in moved.iter().chain(plan.shadowed.iter().map(|other| &other.login)) {
            self.ours.borrow_mut().insert(key(&login.server), (login.username.clone(), login.secret.clone()));
        }
        let mut document = wired.clone();
        let done = migration.apply(before, &mut document, &moved);
        assert_eq!(done.iter().map(|done| &done.keys).collect::<Vec<_>>(), keys(&plan), "what was planned is done");
        (document, plan)
    }

    /// The users that each client finds for each image, in every order of its map; empty
    /// without a login.
    fn users(&self, clients: &[Client], document: &Document) -> Vec<(Client, Image, BTreeSet<String>)> {
        let asked = || IMAGES.iter().flat_map(|image| clients.iter().map(move |client| (*client, *image)));
        let mut found: Vec<_> = asked().map(|(client, image)| (client, image, BTreeSet::new())).collect();
        let value: Value = serde_json::from_slice(document.text()).unwrap();
        let entries = value["auths"].as_object().cloned().unwrap_or_default();
        let others = value.as_object().unwrap().iter().filter(|(name, _)| *name != "auths");
        let others: String = others.map(|(name, value)| format!(",{name:?}:{value}")).collect();
        for order in permutations(entries.into_iter().map(|(key, entry)| format!("{key:?}:{entry}")).collect()) {
            let text = format!("{{\"auths\":{{{}}}{others}}}", order.join(","));
            let document = Document::parse(text.into_bytes()).unwrap();
            let files = [(PathBuf::from("file"), document)];
            for (client, (host, repository), users) in &mut found {
                users.insert(self.user(*client, host, *repository, &files));
            }
        }
        found
    }

    fn user(&self, client: Client, host: &str, repository: Option<&str>, files: &[(PathBuf, Document)]) -> String {
        let server = ServerUrl::parse(host).unwrap();
        let won = lookup(client, &LookupQuery { server: &server, repository, variable: &[], files });
        let found = won.source.iter().chain(&won.then).find_map(|source| match source {
            Source::Helper { helper, asked, .. } => self.credentials(helper, asked).map(|login| login.username),
            Source::Entry { key, .. } => {
                let auth: Auth = files[0].1.auths().into_iter().find(|auth| auth.server == *key).unwrap();
                Some(auth.login().map_or_else(|| format!("the token of {key}"), |login| login.username))
            }
            Source::Variable { .. } => unreachable!("there is none"),
        });
        found.unwrap_or_default()
    }
}

fn keys(plan: &Plan) -> Vec<&Vec<String>> {
    plan.moves.iter().map(|moved| &moved.keys).collect()
}

fn permutations<T: Clone>(items: Vec<T>) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let with = |nth: usize| {
        let mut rest = items.clone();
        let first = rest.remove(nth);
        permutations(rest).into_iter().map(move |mut order| {
            order.insert(0, first.clone());
            order
        })
    };
    (0..items.len()).flat_map(with).collect()
}

fn golden(name: &str) -> (Document, Document) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
    let read = |kind| Document::parse(std::fs::read(folder.join(format!("{name}.{kind}.json"))).unwrap()).unwrap();
    (read("before"), read("after"))
}

#[track_caller]
fn table(name: &str, clients: &[Client], kept: &[(&str, &str)], left: &[(&str, &str)]) {
    let (before, after) = golden(name);
    let vault = Kept::default();
    let (document, plan) = vault.migrate(&before, &before, clients, false);
    let text = |document: &Document| String::from_utf8(document.text().to_vec()).unwrap();
    assert_eq!(text(&document), text(&after), "{name}");
    let users: Vec<_> = vault.ours.borrow().iter().map(|(key, (user, _))| (key.clone(), user.clone())).collect();
    let expected: Vec<_> = kept.iter().map(|(key, user)| ((*key).to_owned(), (*user).to_owned())).collect();
    assert_eq!(users, expected, "{name}");
    assert_eq!(plan.skipped.len(), left.len(), "{name}: {:?}", plan.skipped);
    for (found, (key, why)) in plan.skipped.iter().zip(left) {
        assert!(found.key == *key && found.why.contains(why), "{name}: {found:?}");
    }
}

#[test]
fn among_two_spellings_the_one_that_docker_uses_moves_and_the_other_is_named() {
    table("two-spellings", DOCKERS, &[("twice.example", "used")], &[("https://twice.example", "duplicate entry for")]);
    let hub = "https://index.docker.io/v1/";
    let left = [("docker.io", "docker uses https://index.docker.io/v1/"), ("index.docker.io", "duplicate entry for")];
    table("hub-spellings", DOCKERS, &[(hub, "used")], &left);
}

#[test]
fn a_login_is_kept_under_the_address_that_is_looked_up_and_not_under_its_key() {
    let kept = [("bare.example:5000", "three"), ("path.example", "one"), ("plain.example", "two")];
    table("paths-and-http", DOCKERS, &kept, &[("bare.example:5000/v2/", "")][1..]);
}

#[test]
fn logins_that_a_helper_cannot_hold_stay_and_the_output_says_why() {
    let left = [
        ("spaces.example", "a separate login for spaces.example/team"),
        ("spaces.example/team", "a separate login"),
        ("spaces.example/team/app", "a separate login"),
        ("alone.example/team", "for some repositories only"),
    ];
    table("namespaces", PODMANS, &[("whole.example", "whole")], &left);
}

#[test]
fn the_tokens_of_the_web_login_go_where_the_login_goes() {
    let (hub, access) = ("https://index.docker.io/v1/", "https://index.docker.io/v1/access-token");
    let refresh = "https://index.docker.io/v1/refresh-token";
    table("hub-tokens", DOCKERS, &[(hub, "me"), (access, "me"), (refresh, "me")], &[]);
}

#[test]
fn logins_stored_or_served_by_another_are_not_overwritten() {
    let text = json!({"auths": {"a.example": {"auth": "dTpw"}, "b.example": {"auth": "dTpw"}, "c.example": {"auth": "dTpw"}},
        "credHelpers": {"b.example": "pass", "c.example": "pass"}});
    let before = Document::parse(text.to_string().into_bytes()).unwrap();
    let kept = Kept { pass: BTreeMap::from([("b.example".to_owned(), pair("other"))]), ..Kept::default() };
    kept.ours.borrow_mut().insert("a.example".to_owned(), pair("earlier"));
    let (after, plan) = kept.migrate(&before, &before, DOCKERS, false);
    assert_eq!(keys(&plan), [&vec!["c.example".to_owned()]], "pass has nothing for it, so nobody had it");
    assert!(
        plan.skipped[0].why.contains("another login for a.example (earlier) is already stored"),
        "{:?}",
        plan.skipped
    );
    assert!(plan.skipped[1].why.contains("gets another login from docker-credential-pass"), "{:?}", plan.skipped);
    assert_eq!(after.cred_helpers()[1], ("c.example".to_owned(), "credmint".to_owned()));
    assert_eq!(kept.ours.borrow()["a.example"].0, "earlier");
}

#[test]
fn an_edit_that_hides_some_logins_moves_only_those() {
    let text = json!({"auths": {"a.example": {"auth": "dTpw"}, "b.example": {"auth": "dTpw"}}});
    let before = Document::parse(text.to_string().into_bytes()).unwrap();
    let mut wired = before.clone();
    let server = ServerUrl::parse("a.example").unwrap();
    wired.set_cred_helper(&server, dockerconfig::KeyFormat::Docker, &HelperName::parse("ecr").unwrap());
    let (after, plan) = Kept::default().migrate(&before, &wired, DOCKERS, true);
    assert_eq!(keys(&plan), [&vec!["a.example".to_owned()]]);
    assert_eq!(after.cred_helpers(), [("a.example".to_owned(), "ecr".to_owned())], "the cloud's own helper keeps it");
    let expected =
        json!({"auths": {"a.example": {}, "b.example": {"auth": "dTpw"}}, "credHelpers": {"a.example": "ecr"}});
    assert_eq!(serde_json::from_slice::<Value>(after.text()).unwrap(), expected);
}

#[test]
fn a_login_stored_meanwhile_stays() {
    let parse = |user: &str| {
        Document::parse(format!("{{\"auths\":{{\"a.example\":{{\"auth\":\"{user}\"}}}}}}").into_bytes()).unwrap()
    };
    let (before, mut now) = (parse("dTpw"), parse("djpw"));
    let (kept, helper) = (Kept::default(), HelperName::parse("credmint").unwrap());
    let migration = Migration { clients: DOCKERS, helper: &helper, helpers: &kept, only_shadowed: false };
    let moved: Vec<_> = migration.plan(&before, &before).moves.into_iter().map(|moved| moved.login).collect();
    assert_eq!(migration.apply(&now.clone(), &mut now, &moved), []);
    assert_eq!(now.text(), parse("djpw").text());
}

#[test]
fn a_hidden_login_of_another_helper_is_named() {
    let before = Document::parse(b"{\"credsStore\":\"pass\"}".to_vec()).unwrap();
    let mut wired = before.clone();
    for server in ["a.example", "b.example"] {
        let server = ServerUrl::parse(server).unwrap();
        wired.set_cred_helper(&server, dockerconfig::KeyFormat::Docker, &HelperName::parse("credmint").unwrap());
    }
    let kept = Kept { pass: BTreeMap::from([("a.example".to_owned(), pair("u"))]), ..Kept::default() };
    let (_, plan) = kept.migrate(&before, &wired, DOCKERS, true);
    let [other] = &plan.shadowed[..] else { panic!("{plan:?}") };
    assert_eq!((other.helper.as_str(), &other.login), ("pass", &login(&pair("u"), "a.example")));
}
