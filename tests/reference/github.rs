//! Which token gh would take, and which one our helper takes: row by row, each a set of files and
//! variables. `gh auth token` does not report why it has none; ours distinguishes no identity from one without a token.

use std::path::PathBuf;

use crate::ghcr::real_gh;
use crate::home::{GHCR, Home, NOT_FOUND, skip};
use crate::session::Session;

#[path = "github_jobs.rs"]
mod jobs;

use jobs::JOBS;

/// There is no identity.
const NO_IDENTITY: &str = "no identity";
/// There is an identity without a token.
const REFUSED: &str = "refused";

/// A registry, and the GitHub that it is of.
type Place = (&'static str, &'static str);
const PUBLIC: Place = ("ghcr.io", "github.com");
const TENANT: Place = ("containers.octocorp.ghe.com", "octocorp.ghe.com");
const SERVER: Place = ("containers.github.corp.example", "github.corp.example");

struct Row {
    name: &'static str,
    place: Place,
    ours: &'static str,
    /// What gh takes, and why we do not.
    theirs: Option<(&'static str, &'static str)>,
    set: fn(&mut Home),
}

const fn same(name: &'static str, place: Place, token: &'static str, set: fn(&mut Home)) -> Row {
    Row { name, place, ours: token, theirs: None, set }
}

const fn differs(
    name: &'static str,
    place: Place,
    ours: &'static str,
    theirs: &'static str,
    why: &'static str,
    set: fn(&mut Home),
) -> Row {
    Row { name, place, ours, theirs: Some((theirs, why)), set }
}

/// The file of gh's in the usual folder.
fn hosts(home: &mut Home, text: &str) {
    hosts_in(home, "config/gh", text);
}

fn hosts_in(home: &mut Home, folder: &str, text: &str) {
    home.write(&format!("{folder}/config.yml"), "version: \"1\"\n");
    home.write(&format!("{folder}/hosts.yml"), text);
}

const ALICE: &str = "github.com:\n    users:\n        alice:\n            oauth_token: gho_alice\n    user: alice\n    oauth_token: gho_alice\n";
const SEVERAL: &str = "\
github.com:
    git_protocol: https
    users:
        alice:
            oauth_token: gho_alice
        bob:
            oauth_token: gho_bob
    user: bob
    oauth_token: gho_bob
octocorp.ghe.com:
    users:
        carol:
            oauth_token: gho_carol
    user: carol
    oauth_token: gho_carol
github.corp.example:
    users:
        dave:
            oauth_token: gho_dave
    user: dave
    oauth_token: gho_dave
";
/// Its token is in the keychain, if anywhere.
const IN_KEYCHAIN: &str = "github.com:\n    users:\n        alice:\n        bob:\n    user: alice\n";
const JOB: &str = "a job's GITHUB_TOKEN is one of the job's own GitHub";

const VARIABLES: &[Row] = &[
    same("nothing at all", PUBLIC, NO_IDENTITY, |_| ()),
    same("nothing for a tenant", TENANT, NO_IDENTITY, |_| ()),
    same("nothing for a server", SERVER, NO_IDENTITY, |_| ()),
    same("GH_TOKEN", PUBLIC, "gh", |h| _ = h.set("GH_TOKEN", "gh")),
    same("GITHUB_TOKEN", PUBLIC, "github", |h| _ = h.set("GITHUB_TOKEN", "github")),
    same("both", PUBLIC, "gh", |h| _ = h.set("GH_TOKEN", "gh").set("GITHUB_TOKEN", "github")),
    same("an empty GH_TOKEN", PUBLIC, "github", |h| _ = h.set("GH_TOKEN", "").set("GITHUB_TOKEN", "github")),
    same("GH_TOKEN for a tenant", TENANT, "gh", |h| _ = h.set("GH_TOKEN", "gh")),
    same("GITHUB_TOKEN for a tenant", TENANT, "github", |h| _ = h.set("GITHUB_TOKEN", "github")),
    same("GH_TOKEN for a server", SERVER, NO_IDENTITY, |h| _ = h.set("GH_TOKEN", "gh")),
    same("GITHUB_TOKEN for a server", SERVER, NO_IDENTITY, |h| _ = h.set("GITHUB_TOKEN", "github")),
    same("GH_ENTERPRISE_TOKEN", SERVER, "ghe", |h| _ = h.set("GH_ENTERPRISE_TOKEN", "ghe")),
    same("GITHUB_ENTERPRISE_TOKEN", SERVER, "enterprise", |h| _ = h.set("GITHUB_ENTERPRISE_TOKEN", "enterprise")),
    same("both of a server", SERVER, "ghe", |h| {
        h.set("GH_ENTERPRISE_TOKEN", "ghe").set("GITHUB_ENTERPRISE_TOKEN", "enterprise");
    }),
    same("a server's for github.com", PUBLIC, NO_IDENTITY, |h| _ = h.set("GH_ENTERPRISE_TOKEN", "ghe")),
    same("a server's for a tenant", TENANT, NO_IDENTITY, |h| _ = h.set("GITHUB_ENTERPRISE_TOKEN", "enterprise")),
    same("a codespace of a server", SERVER, "github", |h| {
        h.set("CODESPACES", "true").set("GITHUB_TOKEN", "github");
    }),
    same("a codespace, and GH_TOKEN", SERVER, NO_IDENTITY, |h| _ = h.set("CODESPACES", "true").set("GH_TOKEN", "gh")),
    same("a codespace, and a server's token", SERVER, "ghe", |h| {
        h.set("CODESPACES", "true").set("GITHUB_TOKEN", "github").set("GH_ENTERPRISE_TOKEN", "ghe");
    }),
    same("a codespace in another word", SERVER, "github", |h| {
        h.set("CODESPACES", "T").set("GITHUB_TOKEN", "github");
    }),
    same("a codespace with another value", SERVER, NO_IDENTITY, |h| {
        h.set("CODESPACES", "yes").set("GITHUB_TOKEN", "github");
    }),
    same("a variable before the file", PUBLIC, "gh", |h| {
        hosts(h, ALICE);
        h.set("GH_TOKEN", "gh");
    }),
    same("a server's variable beside the file", PUBLIC, "gho_alice", |h| {
        hosts(h, ALICE);
        h.set("GH_ENTERPRISE_TOKEN", "ghe");
    }),
    same("GH_HOST chooses no registry", PUBLIC, "gh", |h| {
        h.set("GH_HOST", "github.corp.example").set("GH_TOKEN", "gh");
    }),
    same("GH_HOST chooses no server", SERVER, "ghe", |h| {
        h.set("GH_HOST", "github.com").set("GH_ENTERPRISE_TOKEN", "ghe").set("GH_TOKEN", "gh");
    }),
    same("an actor changes no token", PUBLIC, "github", |h| {
        h.set("GITHUB_TOKEN", "github").set("GITHUB_ACTOR", "octocat");
    }),
    differs("a token with a line feed", PUBLIC, "gh", "gh\n", "no header holds a line feed", |h| {
        h.set("GH_TOKEN", "gh\n");
    }),
    differs("a fine-grained token", PUBLIC, REFUSED, "github_pat_x", "GitHub Packages does not take them", |h| {
        h.set("GH_TOKEN", "github_pat_x");
    }),
];

const FILES: &[Row] = &[
    same("an account", PUBLIC, "gho_alice", |h| hosts(h, ALICE)),
    same("the active one of several", PUBLIC, "gho_bob", |h| hosts(h, SEVERAL)),
    same("that of a tenant", TENANT, "gho_carol", |h| hosts(h, SEVERAL)),
    same("that of a server", SERVER, "gho_dave", |h| hosts(h, SEVERAL)),
    same("another host's is none", TENANT, NO_IDENTITY, |h| hosts(h, ALICE)),
    same("a file of before there were several", PUBLIC, "gho_old", |h| {
        h.write(
            "config/gh/hosts.yml",
            "github.com:\n    user: alice\n    oauth_token: gho_old\n    git_protocol: ssh\n",
        );
    }),
    same("a token without a user", PUBLIC, "gho_old", |h| hosts(h, "github.com:\n    oauth_token: gho_old\n")),
    same("a token in quotes", PUBLIC, "gho_q", |h| {
        hosts(h, "github.com:\n    oauth_token: \"gho_q\"\n    user: 'a'\n")
    }),
    same("a file in one line", PUBLIC, "gho_f", |h| hosts(h, "github.com: {oauth_token: gho_f, user: alice}\n")),
    same("a file with comments", PUBLIC, "gho_c", |h| {
        hosts(h, "# mine\ngithub.com: # here\n    oauth_token: gho_c # there\n    user: alice\n");
    }),
    same("an empty file", PUBLIC, NO_IDENTITY, |h| hosts(h, "")),
    same("a host without anything", PUBLIC, NO_IDENTITY, |h| hosts(h, "github.com:\n")),
    same("a user without a token", PUBLIC, REFUSED, |h| hosts(h, IN_KEYCHAIN)),
    same("a token of one who is not active", PUBLIC, REFUSED, |h| {
        hosts(h, "github.com:\n    users:\n        alice:\n            oauth_token: gho_alice\n    user: alice\n");
    }),
    same("a file that is no YAML", PUBLIC, REFUSED, |h| hosts(h, "github.com:\n  oauth_token: x\n   user: [\n")),
    same("a folder in its place", PUBLIC, REFUSED, |h| {
        std::fs::create_dir_all(h.path("config/gh/hosts.yml")).unwrap();
    }),
];

const FOLDERS: &[Row] = &[
    same("GH_CONFIG_DIR", PUBLIC, "gho_alice", |h| {
        hosts(h, SEVERAL);
        hosts_in(h, "other", ALICE);
        h.set("GH_CONFIG_DIR", h.path("other"));
    }),
    same("GH_CONFIG_DIR with nothing in it", PUBLIC, NO_IDENTITY, |h| {
        hosts(h, ALICE);
        h.set("GH_CONFIG_DIR", h.path("other"));
    }),
    same("an empty GH_CONFIG_DIR", PUBLIC, "gho_alice", |h| {
        hosts(h, ALICE);
        h.set("GH_CONFIG_DIR", "");
    }),
    same("GH_CONFIG_DIR before XDG_CONFIG_HOME", PUBLIC, "gho_alice", |h| {
        hosts_in(h, "xdg/gh", SEVERAL);
        hosts_in(h, "other", ALICE);
        h.set("XDG_CONFIG_HOME", h.path("xdg")).set("GH_CONFIG_DIR", "");
        h.set("GH_CONFIG_DIR", h.path("other"));
    }),
    same("XDG_CONFIG_HOME", PUBLIC, "gho_bob", |h| {
        hosts(h, ALICE);
        hosts_in(h, "xdg/gh", SEVERAL);
        h.set("XDG_CONFIG_HOME", h.path("xdg"));
    }),
    same("the home", PUBLIC, "gho_alice", |h| {
        hosts_in(h, ".config/gh", ALICE);
        h.unset("XDG_CONFIG_HOME");
    }),
    same("an empty XDG_CONFIG_HOME", PUBLIC, "gho_alice", |h| {
        hosts_in(h, ".config/gh", ALICE);
        h.set("XDG_CONFIG_HOME", "");
    }),
];

/// With a Secret Service, in which there is a token for each of two users, and bob was active last.
const KEYCHAIN: &[Row] = &[
    same("no account in the file", TENANT, NO_IDENTITY, |h| hosts(h, "")),
    same("who is active", PUBLIC, "gho_bob", |h| hosts(h, &IN_KEYCHAIN.replace("user: alice", "user: bob"))),
    differs(
        "who is active in another folder",
        PUBLIC,
        "gho_alice",
        "gho_bob",
        "gh's keychain knows one active user for all folders, and the file says whose the folder is",
        |h| {
            hosts(h, &IN_KEYCHAIN.replace("user: alice", "user: bob"));
            hosts_in(h, "other", IN_KEYCHAIN);
            h.set("GH_CONFIG_DIR", h.path("other"));
        },
    ),
    same("a token of the file before the keychain", PUBLIC, "gho_file", |h| {
        hosts(h, "github.com:\n    users:\n        bob:\n    user: bob\n    oauth_token: gho_file\n");
    }),
    same("a variable before the keychain", PUBLIC, "gh", |h| {
        hosts(h, &IN_KEYCHAIN.replace("user: alice", "user: bob"));
        h.set("GH_TOKEN", "gh");
    }),
    same("a keychain, and no file", PUBLIC, "gho_bob", |_| ()),
    differs(
        "a user who is not in the keychain",
        PUBLIC,
        REFUSED,
        "gho_bob",
        "gh gives the token of whoever was active last",
        |h| hosts(h, "github.com:\n    users:\n        carol:\n    user: carol\n"),
    ),
];

/// What gh is asked for, and what ours answers.
fn judge(rows: &[&Row], home: &mut Home, wrong: &mut Vec<String>) {
    for row in rows {
        let (registry, host) = row.place;
        let program = home.path("bin/gh");
        let output = home.other(program.to_str().unwrap(), &["auth", "token", "--hostname", host]).output().unwrap();
        let theirs = String::from_utf8(output.stdout).unwrap();
        let theirs = theirs.strip_suffix('\n').filter(|token| !token.is_empty());
        let outcome = home.run(GHCR, &["get"], registry);
        let ours = match outcome.code {
            0 => outcome.secret(),
            _ if outcome.stdout.trim_end() == NOT_FOUND => NO_IDENTITY.to_owned(),
            _ => REFUSED.to_owned(),
        };
        let has_token = |who: &str| ![NO_IDENTITY, REFUSED].contains(&who);
        let expected = row.theirs.map_or(row.ours, |(token, _)| token);
        if ours != row.ours || theirs != Some(expected).filter(|who| has_token(who)) {
            let why = row.theirs.map_or("they are to be the same", |(_, why)| why);
            wrong.push(format!("{}: ours {ours}, gh's {theirs:?} ({why}): {outcome:?}", row.name));
        }
    }
}

/// A home with gh.
fn home(gh: &PathBuf) -> Home {
    let mut home = Home::of(GHCR);
    std::fs::create_dir_all(home.path("bin")).unwrap();
    std::os::unix::fs::symlink(gh, home.path("bin/gh")).unwrap();
    home.set("PATH", home.path("bin"));
    home.settings("[[registry]]\nmatch = \"*.corp.example\"\nprovider = \"ghcr\"\n");
    home
}

#[test]
fn a_set_of_files_and_variables_has_the_token_that_gh_takes() {
    let Some(gh) = real_gh() else { return skip("gh", "gh is not installed") };
    let mut wrong = Vec::new();
    let rows: Vec<&Row> = [VARIABLES, JOBS, FILES, FOLDERS].into_iter().flatten().collect();
    for row in &rows {
        let mut home = home(&gh);
        (row.set)(&mut home);
        judge(&[row], &mut home, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn a_keychain_with_two_users_has_the_token_that_gh_takes() {
    let test = "a_keychain_with_two_users_has_the_token_that_gh_takes";
    let Some(gh) = real_gh() else { return skip("gh", "gh is not installed") };
    let mut wrong = Vec::new();
    let mut home = home(&gh);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
    let Some(_session) = Session::start(&mut home, test) else { return };
    home.set("CREDMINT_VAULT", "file");
    // As go-keyring stores them for gh: those of all users, and again that of the active one.
    for (user, token) in [("alice", "gho_alice"), ("bob", "gho_bob"), ("", "gho_bob")] {
        let store = format!("printf {token} | secret-tool store --label=gh service gh:github.com username '{user}'");
        if !home.shell(&store).status().unwrap().success() {
            return skip(test, "secret-tool is not installed");
        }
    }
    for row in KEYCHAIN {
        for folder in ["config/gh", "other"] {
            let _ = std::fs::remove_dir_all(home.path(folder));
        }
        home.unset("GH_CONFIG_DIR").unset("GH_TOKEN");
        (row.set)(&mut home);
        judge(&[row], &mut home, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), KEYCHAIN.len(), wrong.join("\n"));
}
