use pretend_cloud::{Aws, Google, Proxy};

#[cfg(unix)]
use crate::acr;
use crate::gcr;
use crate::home::{CREDMINT, ECR, Home, REGISTRY, program};

const PAGES: [&str; 2] = [include_str!("../README.md"), include_str!("../installers/REFERENCE.md")];

/// The fenced blocks of a language, in the README and the reference.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let of = |page: &'static str| page.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap());
    PAGES.into_iter().flat_map(|page| of(page).collect::<Vec<_>>()).collect()
}

/// These build the project: `tests/run` itself runs them.
#[test]
fn the_commands_that_build_are_run_by_the_test_command() {
    let script = include_str!("run");
    for command in blocks("sh").into_iter().flat_map(str::lines).filter(|line| line.starts_with("cargo ")) {
        assert!(script.lines().any(|line| line.contains(command)), "tests/run does not run `{command}`");
    }
    assert!(blocks("sh").contains(&"tests/run\n"));
}

/// One after the other, as a reader with an AWS identity would type them.
#[test]
fn every_other_command_works() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    home.set("PATH", format!("{}:/usr/bin:/bin", program(ECR).parent().unwrap().display()));
    home.set("PASSWORD", "secret");
    let commands = blocks("sh").into_iter().flat_map(str::lines);
    for command in commands.filter(|line| !line.starts_with("cargo ") && *line != "tests/run") {
        let output = home.shell(command).current_dir(home.path("")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let expected = match command.split_whitespace().nth(1).unwrap() {
            "guide" => "# ",
            "status" => "docker-credential-credmint",
            "doctor" => "no problems found",
            REGISTRY => "\"Username\":\"AWS\"",
            _ => "",
        };
        assert!(said.contains(expected), "{command}: {said}");
    }
    let config = |path: &str| std::fs::read_to_string(home.path(path)).unwrap();
    assert!(config(".docker/config.json").contains("\"credsStore\": \"credmint\""));
    assert!(config("config/containers/auth.json").contains(REGISTRY) && config("config.json").contains("auths"));
    home.run(CREDMINT, &["get"], "registry.corp.example:5000").is_not_found();
}

#[test]
fn the_settings_are_valid_and_do_what_they_say() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings(blocks("toml").into_iter().find(|block| block.contains("role/pull")).unwrap());
    home.write(".aws/credentials", "[production]\naws_access_key_id = AKIAPRODUCTION\naws_secret_access_key = s\n");
    for (server, by) in [
        ("210987654321.dkr.ecr.us-east-1.amazonaws.com", "AKIAPRODUCTION"),
        (REGISTRY, "AKIAALICE"),
        ("docker.corp.example", "AKIAALICE"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ASIA"),
    ] {
        let secret = home.get(server).secret();
        let minted = aws.minted().into_iter().find(|token| token.password == secret).unwrap();
        assert!(minted.access_key.starts_with(by), "{server}: {}", minted.access_key);
    }
}

/// A key that is misspelt, or in the wrong table, is an error of every request. `policy.rs` has that of administrators.
#[test]
fn every_example_of_settings_is_valid() {
    let home = Home::of(CREDMINT);
    for block in blocks("toml").into_iter().filter(|block| !block.contains("[policy]")) {
        home.settings(block);
        home.get("registry.nowhere.example").is_not_found();
    }
}

#[test]
fn the_example_of_a_session_policy_works() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    home.settings(blocks("toml").into_iter().find(|block| block.contains("duration_seconds")).unwrap());
    home.get("123456789012.dkr.ecr.eu-west-1.amazonaws.com").credentials();
    let assumed = aws.assumed().pop().unwrap();
    assert_eq!(assumed.duration.as_deref(), Some("3600"));
    assert!(assumed.policy.unwrap().contains("arn:aws:ecr:*:*:repository/team/app"));
}

#[cfg(unix)]
#[test]
fn the_settings_for_another_helper_work() {
    let mut home = Home::of(CREDMINT);
    home.settings(blocks("toml").into_iter().find(|block| block.contains("helper = ")).unwrap());
    home.script("bin/docker-credential-pass", r#"echo '{"Username":"me","Secret":"of pass"}'"#);
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
    assert_eq!(home.get("registry.corp.example").secret(), "of pass");
    home.get("registry.gitlab.com").explains(&["/opt/corp/registry-token", "was not found"]);
}

#[test]
fn the_docker_configuration_names_hosts_that_the_helper_serves() {
    let aws = Aws::start();
    let home = Home::signed_in(&aws);
    let config: serde_json::Value = serde_json::from_str(blocks("json")[0]).unwrap();
    for (host, helper) in config["credHelpers"].as_object().unwrap() {
        assert_eq!(helper, "ecr");
        home.get(host).credentials();
    }
}

#[test]
fn the_configuration_for_google_works() {
    let google = Google::start();
    let mut home = gcr::with_key(&google);
    let of = |language, word: &str| blocks(language).into_iter().find(|block| block.contains(word)).unwrap();
    let config: serde_json::Value = serde_json::from_str(of("json", "pkg.dev")).unwrap();
    for (host, helper) in config["credHelpers"].as_object().unwrap() {
        assert_eq!(helper, "gcr");
        gcr::get(&home, host).credentials();
    }
    home.settings(of("toml", "impersonate"));
    // Google itself must not be called.
    home.set("HTTPS_PROXY", Proxy::start().url());
    gcr::get(&home, "us-docker.pkg.dev").explains(&["puller@project.iam.gserviceaccount.com"]);
    gcr::get(&home, "europe-docker.pkg.dev").explains(&["/etc/credmint/puller.json: it does not exist"]);
    gcr::get(&home, "docker.corp.example").credentials();
}

#[cfg(unix)]
#[test]
fn the_configuration_for_azure_works() {
    let world = acr::World::new();
    let mut home = world.with_secret();
    let of = |language, word: &str| blocks(language).into_iter().find(|block| block.contains(word)).unwrap();
    let config: serde_json::Value = serde_json::from_str(of("json", "azurecr.io")).unwrap();
    for (host, helper) in config["credHelpers"].as_object().unwrap() {
        assert_eq!(helper, "acr");
        acr::get(&home, host).credentials();
    }
    home.settings(of("toml", "audience"));
    let minted = world.minted(&acr::get(&home, "registry.local.example"));
    assert_eq!(
        (minted.authority.as_str(), minted.resource.as_str()),
        ("login.corp.example", "https://management.azure.com")
    );
    assert_eq!(world.minted(&acr::get(&home, "docker.corp.example")).registry, "contoso.azurecr.io");
    acr::get(&home, "fabrikam.azurecr.io").is_not_found_because(&["no Azure credentials found"]);
    home.set("AZURE_FEDERATED_TOKEN_FILE", home.write("token", "federated.job.signature"));
    let by = world.minted_by(&acr::get(&home, "fabrikam.azurecr.io"));
    assert_eq!(by, "app 33333333-aaaa-bbbb-cccc-444444444444 by job");
}
