use pretend_cloud::{Aws, Google};

use super::Messages;
use crate::acr::{self, CONTOSO, World};
use crate::alibaba::{ENTERPRISE, PERSONAL};
use crate::gcr;
use crate::ghcr::{Company, PACKAGES};
use crate::home::{CREDMINT, Home, REGISTRY};
use crate::policy::Machine;

fn table(server: &str, keys: &str) -> String {
    format!("[[registry]]\nmatch = \"{server}\"\n{keys}\n")
}

#[test]
fn tables() {
    let mut messages = Messages::new();
    logins(&mut messages);
    narrowing(&mut messages);
    oracle(&mut messages);
    alibaba(&mut messages);
    administrators(&mut messages);
    messages.compare("tables");
}

fn logins(messages: &mut Messages) {
    let home = Home::of(CREDMINT);
    home.settings(&table("quay.io/team-a/*", "login = \"quay.io/team-a\""));
    messages.add("a table names a login that is not stored", &home.get("quay.io/team-a/app"));
    home.settings(&table("quay.io/team-a/*", "login = \"registry.example/team-a\""));
    messages.add("a table names a login of another host", &home.get("quay.io/team-a/app"));
}

fn narrowing(messages: &mut Messages) {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings(&table(REGISTRY, "access = \"pull\""));
    messages.add("ECR: access without a role", &home.get(REGISTRY));
    let many: Vec<_> = (0..60).map(|nth| format!("\"a-repository-with-a-long-name/{nth}\"")).collect();
    let role = "role_arn = \"arn:aws:iam::123456789012:role/pull\"";
    home.settings(&table(REGISTRY, &format!("{role}\nrepositories = [{}]", many.join(", "))));
    messages.add("ECR: a policy that is too long", &home.get(REGISTRY));
    let world = World::new();
    let home = world.with_secret();
    home.settings(&table(CONTOSO, "access = \"pull\""));
    messages.add("ACR: access without repositories", &acr::get(&home, CONTOSO));
    let google = Google::start();
    let home = gcr::with_key(&google);
    home.settings(&table("europe-docker.pkg.dev", "access = \"pull\""));
    messages.add("Artifact Registry: access", &gcr::get(&home, "europe-docker.pkg.dev"));
    let mut company = Company::with_app();
    company.home.settings(&table(PACKAGES, "account = \"octo-org\"\nrepositories = [\"elsewhere\"]"));
    messages.add("GitHub: a repository that the App has not", &company.get(PACKAGES));
    company.home.settings(&table(PACKAGES, "repositories = [\"octo-org/app\"]"));
    messages.add("GitHub: a repository with its owner", &company.get(PACKAGES));
    company.home.unset("GITHUB_APP_ID").unset("GITHUB_APP_PRIVATE_KEY").set("GH_TOKEN", "ghp_canary");
    company.home.settings(&table(PACKAGES, "access = \"pull\""));
    messages.add("GitHub: access without an App", &company.get(PACKAGES));
}

fn oracle(messages: &mut Messages) {
    let job = crate::oracle::user("oci_profile = \"nobody\"");
    messages.add("Oracle: a profile that does not exist", &job.get("fra.ocir.io"));
    let job = crate::oracle::user("");
    crate::oracle::config(&job, "ocid1.user.oc1..canary");
    messages.add("Oracle: a signature that is rejected", &job.get("fra.ocir.io"));
    job.home.write(".oci/key.pem", "canary");
    crate::oracle::config(&job, "ocid1.user.oc1..bbbb");
    messages.add("Oracle: a key that is none", &job.get("fra.ocir.io"));
    job.home.write(".oci/config", "[DEFAULT]\nuser = canary\n");
    messages.add("Oracle: a profile without a key", &job.get("fra.ocir.io"));
}

fn alibaba(messages: &mut Messages) {
    let hosts = [PERSONAL, ENTERPRISE];
    let job = crate::alibaba::user("", "");
    messages.add("Alibaba: no instance", &job.get(hosts[1]));
    job.home.write(".aliyun/config.json", "");
    messages.add("Alibaba: a config file that is not JSON", &job.get(hosts[0]));
    for (situation, profile) in [
        (
            "a secret that is wrong",
            "default\",\"mode\":\"AK\",\"access_key_id\":\"LTAI-c4n4ry\",\"access_key_secret\":\"canary",
        ),
        (
            "a key that does not exist",
            "default\",\"mode\":\"AK\",\"access_key_id\":\"canary\",\"access_key_secret\":\"canary",
        ),
        ("a profile of another mode", "default\",\"mode\":\"RamRoleArn"),
        ("a profile without a key", "default\",\"mode\":\"AK"),
        ("a profile that does not exist", "other"),
    ] {
        job.home.write(".aliyun/config.json", format!("{{\"profiles\":[{{\"name\":\"{profile}\"}}]}}"));
        messages.add(&format!("Alibaba: {situation}"), &job.get(hosts[0]));
    }
    std::fs::remove_file(job.home.path(".aliyun/config.json")).unwrap();
    messages.add("Alibaba: no key", &job.get(hosts[0]));
}

fn administrators(messages: &mut Messages) {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let policies = [
        ("a registry that [policy] does not have", "registries = [\"ghcr.io\"]"),
        ("a provider that [policy] does not have", "providers = [\"ghcr\"]"),
        ("files where [policy] forbids them", "plain_files = false"),
    ];
    for (situation, policy) in policies {
        let Some(machine) = Machine::with(&home, &format!("[policy]\n{policy}\n"), "messages::tables") else { return };
        messages.add(situation, &machine.get(REGISTRY));
    }
    home.set("CREDMINT_VAULT", "auto");
    home.settings(&table("*.corp.example", "helper = \"corp\""));
    let Some(machine) = Machine::with(&home, "[policy]\ncommands = false\nplain_files = false\n", "") else { return };
    messages.add("a program where [policy] forbids it", &machine.get("r.corp.example"));
    home.settings("[policy]\n");
    messages.add("[policy] in a user's file", &Machine::with(&home, "\n", "").unwrap().get(REGISTRY));
}
