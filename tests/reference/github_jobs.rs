//! The variables of GitHub Actions jobs.

use super::*;

pub(super) const JOBS: &[Row] = &[
    same("a job of github.com", PUBLIC, "github", |h| {
        h.set("GITHUB_SERVER_URL", "https://github.com").set("GITHUB_TOKEN", "github");
    }),
    differs("a job of a server", PUBLIC, NO_IDENTITY, "github", JOB, |h| {
        h.set("GITHUB_SERVER_URL", "https://github.corp.example").set("GITHUB_TOKEN", "github");
    }),
    differs("a job of a tenant", PUBLIC, NO_IDENTITY, "github", JOB, |h| {
        h.set("GITHUB_SERVER_URL", "https://octocorp.ghe.com").set("GITHUB_TOKEN", "github");
    }),
    differs("a job of github.com, at a tenant", TENANT, NO_IDENTITY, "github", JOB, |h| {
        h.set("GITHUB_SERVER_URL", "https://github.com").set("GITHUB_TOKEN", "github");
    }),
    same("a job of a tenant, at its own", TENANT, "github", |h| {
        h.set("GITHUB_SERVER_URL", "https://octocorp.ghe.com/").set("GITHUB_TOKEN", "github");
    }),
    differs("a job of a server, at its own", SERVER, "github", NO_IDENTITY, JOB, |h| {
        h.set("GITHUB_SERVER_URL", "https://github.corp.example").set("GITHUB_TOKEN", "github");
    }),
    differs("a job of a server, at another", SERVER, NO_IDENTITY, NO_IDENTITY, JOB, |h| {
        h.set("GITHUB_SERVER_URL", "https://other.corp.example").set("GITHUB_TOKEN", "github");
    }),
    same("a job of a server with a token of its own for github.com", PUBLIC, "gh", |h| {
        h.set("GITHUB_SERVER_URL", "https://github.corp.example").set("GITHUB_TOKEN", "github").set("GH_TOKEN", "gh");
    }),
    differs("a job of a server that names its token twice", PUBLIC, NO_IDENTITY, "github", JOB, |h| {
        h.set("GITHUB_SERVER_URL", "https://github.corp.example").set("GITHUB_TOKEN", "github");
        h.set("GH_TOKEN", "github");
    }),
    differs("a job of a server on a machine with an account of gh", PUBLIC, "gho_alice", "github", JOB, |h| {
        hosts(h, ALICE);
        h.set("GITHUB_SERVER_URL", "https://github.corp.example").set("GITHUB_TOKEN", "github");
    }),
    same("a job of a server with the server's token", SERVER, "ghe", |h| {
        h.set("GITHUB_SERVER_URL", "https://github.corp.example").set("GITHUB_TOKEN", "github");
        h.set("GH_ENTERPRISE_TOKEN", "ghe");
    }),
    same("not a URL", PUBLIC, NO_IDENTITY, |h| _ = h.set("GITHUB_SERVER_URL", "github.com")),
];
