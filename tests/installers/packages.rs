//! What a release has: archives, packages, manifests, and snippets for pipelines.

use std::path::Path;
use std::process::Command;

use super::*;

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn the_same_programs_make_the_same_archive() {
    let again = tempfile::tempdir().unwrap();
    succeeds(Command::new(installer("archive")).arg(TARGET).arg(release().join("programs")).arg(again.path()));
    let sums = |folder: &Path| std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(again.path()), sums(release()));
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn an_archive_lists_its_contents() {
    let archive = archive(release(), "xz");
    let read = |name: &str| {
        let output =
            succeeds(Command::new("tar").arg("-xOf").arg(&archive).args(["--wildcards", &format!("*/{name}")]));
        String::from_utf8(output.stdout).unwrap()
    };
    let bill: serde_json::Value = serde_json::from_str(&read("sbom.cdx.json")).unwrap();
    let names: Vec<_> = bill["components"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"aws-sdk-ecr") && names.contains(&"azure_identity"));
    assert!(!names.contains(&"proptest"), "what only tests it is not in it");
    let texts = read("THIRD-PARTY.txt");
    assert!(names.iter().all(|name| texts.contains(&format!("{name} "))));
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn packages_are_built_clean_installed_and_removed() {
    const TEST: &str = "packages_are_built_clean_installed_and_removed";
    for tool in ["dpkg-deb", "rpmbuild", "lintian"] {
        if !is_there(tool) {
            return skip(TEST, &format!("{tool} is not there"));
        }
    }
    let home = Home::new();
    let folder = home.path("packages");
    let archive = archive(release(), "xz");
    let maintainer = "credmint <maintainer@lists.debian.org>";
    succeeds(Command::new(installer("packages")).arg(&archive).arg(&folder).env("CREDMINT_MAINTAINER", maintainer));
    let package =
        |kind: &str| files(&folder).into_iter().find(|file| file.extension().is_some_and(|it| it == kind)).unwrap();
    succeeds(Command::new("lintian").args(["--allow-root", "--fail-on=error,warning"]).arg(package("deb")));

    // Each into its own root folder and database.
    let (deb, rpm) = (home.path("deb"), home.path("rpm"));
    std::fs::create_dir_all(deb.join("var/lib/dpkg/info")).unwrap();
    std::fs::create_dir_all(deb.join("var/lib/dpkg/updates")).unwrap();
    std::fs::write(deb.join("var/lib/dpkg/status"), "").unwrap();
    std::fs::create_dir_all(&rpm).unwrap();
    let dpkg = |arguments: &[&str]| {
        let root = format!("--root={}", deb.display());
        let mut command = Command::new("dpkg");
        command.args([&root, "--force-not-root", "--force-script-chrootless", "--log=/dev/null"]).args(arguments);
        succeeds(&mut command);
    };
    let with_rpm = |arguments: &[&str]| {
        succeeds(Command::new("rpm").args(["--root", rpm.to_str().unwrap(), "--nodeps"]).args(arguments));
    };
    dpkg(&["--install", package("deb").to_str().unwrap()]);
    with_rpm(&["-i", "--ignorearch", package("rpm").to_str().unwrap()]);
    for root in [&deb, &rpm] {
        let aws = Aws::start();
        let mut user = Home::signed_in(&aws);
        user.set("PATH", format!("{}:/usr/bin:/bin", root.join("usr/bin").display()));
        let credmint = root.join("usr/bin/credmint");
        let token = user.run(credmint.to_str().unwrap(), &["token", REGISTRY], "").stdout;
        assert_eq!(aws.minted().last().unwrap().password, token.trim_end());
        assert!(root.join("usr/share/man/man1/credmint.1.gz").exists());
    }
    dpkg(&["--purge", "credmint"]);
    with_rpm(&["-e", "credmint"]);
    for root in [&deb, &rpm] {
        let left: Vec<_> = files(&root.join("usr"))
            .into_iter()
            .filter(|file| !file.starts_with(root.join("usr/lib/sysimage")))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn manifests_name_the_release_s_archives_and_nothing_that_is_missing() {
    let home = Home::new();
    let (all, out) = (home.path("all"), home.path("out"));
    std::fs::create_dir_all(&all).unwrap();
    let version = String::from_utf8(succeeds(&mut Command::new(installer("version"))).stdout).unwrap();
    let version = version.trim();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let targets = [
        ("x86_64-unknown-linux-musl", "tar.xz"),
        ("aarch64-unknown-linux-musl", "tar.xz"),
        ("x86_64-apple-darwin", "tar.xz"),
        ("aarch64-apple-darwin", "tar.xz"),
        ("x86_64-pc-windows-msvc", "zip"),
        ("aarch64-pc-windows-msvc", "zip"),
    ];
    let sums: String = targets
        .iter()
        .enumerate()
        .map(|(nth, (target, kind))| format!("{:064x}  credmint-{version}-{target}.{kind}\n", nth + 1))
        .collect();
    std::fs::write(all.join("SHA256SUMS"), &sums).unwrap();
    let made = |release: &Path| {
        Command::new(installer("manifests"))
            .arg(release)
            .args(["https://releases.example/v1/", "https://project.example"])
            .arg(&out)
            .output()
            .unwrap()
    };
    let output = made(&all);
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let scoop: serde_json::Value = serde_json::from_str(&read("scoop.json")).unwrap();
    assert_eq!(scoop["architecture"]["64bit"]["hash"], format!("{:064x}", 5));
    assert_eq!(
        scoop["architecture"]["64bit"]["url"],
        format!("https://releases.example/v1/credmint-{version}-x86_64-pc-windows-msvc.zip")
    );
    for name in ["credmint.rb", "flake.nix", "winget.yaml", "scoop.json"] {
        let text = read(name);
        assert!(
            text.contains(version)
                && !text.contains("@version@")
                && !text.contains("@sha256")
                && !text.contains("@base"),
            "{name}: {text}"
        );
    }
    assert!(read("install.sh").contains("published=https://releases.example/v1\n"));
    assert!(read("install.ps1").contains("$published = 'https://releases.example/v1'"));
    std::fs::remove_dir_all(&out).unwrap();
    let output = made(release());
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no credmint.rb"),
        "{output:?}"
    );
    assert!(!out.join("credmint.rb").exists());
}

/// One action is one commit wherever it is used, the pipelines that `credmint guide` prints included.
#[test]
fn every_action_of_a_workflow_is_pinned_to_a_commit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pins = std::collections::BTreeMap::new();
    for folder in [".github/workflows", "installers/ci", "crates/cli/src/guide/texts"] {
        for text in std::fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().path()) {
            let text = std::fs::read_to_string(text).unwrap();
            for line in text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")) {
                let (action, version) = line.split_once('@').expect(line);
                let (commit, version) = version.split_once(" # v").expect(line);
                assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
                assert!(version.split('.').count() == 3, "{line}: which version it is");
                assert_eq!(*pins.entry(action.to_owned()).or_insert_with(|| commit.to_owned()), commit, "{line}");
            }
        }
    }
    assert!(pins.len() > 10, "{pins:?}");
}

/// The scripts that stand in the YAML of pipelines are scripts.
#[test]
fn the_contents_of_pipelines_are_valid() {
    if !is_there("yamllint") {
        return skip("the_contents_of_pipelines_are_valid", "yamllint is not there");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = "{extends: relaxed, rules: {line-length: disable}}";
    succeeds(
        Command::new("yamllint")
            .args(["--strict", "-d", rules])
            .arg(folder.join("installers/ci"))
            .arg(folder.join(".github")),
    );
}
