//! What installs credmint: into clean folders, from archives of the programs under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Instant;

use pretend_cloud::Aws;

use crate::home::{ACR, CLI, CREDMINT, ECR, GCR, GHCR, Home, MINTER, REGISTRY, files, program, skip};

const PROGRAMS: [&str; 7] = [CLI, MINTER, CREDMINT, ECR, ACR, GCR, GHCR];
const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

fn installer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("installers").join(name)
}

#[track_caller]
fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A release of the programs under test, made once; without their debug information, which is large.
fn release() -> &'static Path {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    RELEASE.get_or_init(|| {
        // Left behind when the tests end: nothing runs after the last of them.
        let folder = tempfile::Builder::new().prefix("credmint-release-").tempdir().unwrap().keep();
        let programs = folder.join("programs");
        std::fs::create_dir(&programs).unwrap();
        for name in PROGRAMS {
            succeeds(Command::new("strip").arg("-o").arg(programs.join(name)).arg(program(name)));
        }
        succeeds(Command::new(installer("archive")).arg(TARGET).arg(&programs).arg(&folder));
        folder
    })
}

fn install(home: &Home, arguments: &[&str]) -> Output {
    home.other("sh", &[&[installer("install.sh").to_str().unwrap()], arguments].concat()).output().unwrap()
}

fn from_release(home: &mut Home) -> String {
    home.set("CREDMINT_RELEASES", release());
    let output = install(home, &[]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn it_is_installed_used_and_gone_again_without_a_trace() {
    let aws = Aws::start();
    let mut home = Home::signed_in(&aws);
    let untouched = "{ \"detachKeys\": \"ctrl-q,q\" }";
    let config = home.write(".docker/config.json", untouched);
    release();
    let started = Instant::now();
    let said = from_release(&mut home);
    let bin = home.path(".local/bin");
    assert!(said.contains("is installed in ") && said.contains("export PATH"), "{said}");
    let installed = started.elapsed();
    home.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    assert!(from_release(&mut home).ends_with("next: credmint configure\n"), "a second time is as good");
    let started = Instant::now();
    let credmint = bin.join(CLI);
    let credmint = credmint.to_str().unwrap();
    assert_eq!(home.run(credmint, &["configure", "--store"], "").code, 0);
    let token = home.run(credmint, &["token", REGISTRY], "").stdout;
    let took = installed + started.elapsed();
    println!("from install.sh over configure to the first minted token: {} ms", took.as_millis());
    assert_eq!(aws.minted().last().unwrap().password, token.trim_end());
    assert_eq!(home.run(credmint, &["doctor", "--offline"], "").code, 0);
    assert!(home.path(".local/share/man/man1/credmint-doctor.1").exists());
    let output = install(&home, &["--uninstall"]);
    assert!(output.status.success(), "{output:?}");
    assert!(files(&home.path(".local")).is_empty(), "{:?}", files(&home.path(".local")));
    assert_eq!(std::fs::read_to_string(config).unwrap(), untouched);
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn what_is_wrong_with_a_release_changes_nothing() {
    let home = Home::new();
    let folder = home.path("release");
    succeeds(Command::new("cp").arg("-r").arg(release()).arg(&folder));
    let from = folder.to_str().unwrap();
    let archive = files(&folder).into_iter().find(|file| file.extension().is_some_and(|kind| kind == "gz")).unwrap();
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    for (wrong, words) in [
        ("echo more >>ARCHIVE", "is not what SHA256SUMS says"),
        ("rm ARCHIVE", "there is no credmint-"),
        ("echo >SHA256SUMS", "has nothing for"),
        ("rm SHA256SUMS", "there is no SHA256SUMS"),
    ] {
        let script = wrong.replace("ARCHIVE", archive.to_str().unwrap());
        succeeds(home.shell(&script).current_dir(&folder));
        let output = install(&home, &["--from", from]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{wrong}: {said}");
        assert!(files(&home.path(".local")).is_empty(), "{wrong}");
        succeeds(Command::new("cp").arg(release().join(archive.file_name().unwrap())).arg(&archive));
        std::fs::write(folder.join("SHA256SUMS"), &sums).unwrap();
    }
    assert!(install(&home, &["--from", from]).status.success(), "and nothing else was wrong");
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn an_older_installation_is_replaced_and_its_files_do_not_stay() {
    let mut home = Home::new();
    from_release(&mut home);
    home.write(".local/share/man/man1/credmint-gone.1", "old");
    let list = home.path(".local/share/credmint/installed");
    let text = std::fs::read_to_string(&list).unwrap() + "share/man/man1/credmint-gone.1\n";
    std::fs::write(&list, text).unwrap();
    from_release(&mut home);
    assert!(!home.path(".local/share/man/man1/credmint-gone.1").exists());
}

#[test]
fn it_says_what_it_cannot_do() {
    let home = Home::new();
    for (arguments, words) in [
        (&["--uninstall"][..], "nothing was installed"),
        (&[], "no release is named"),
        (&["--bogus"], "what is --bogus?"),
        (&["--from"], "--from wants a value"),
        (&["--prefix", "/proc/nowhere"], "cannot be written"),
        (&["--from", "http://127.0.0.1:1/"], "cannot be fetched"),
    ] {
        let output = install(&home, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
    }
    assert!(String::from_utf8(install(&home, &["--help"]).stdout).unwrap().contains("--keep-config"));
}

#[test]
#[ignore = "packs the programs that ship: tests/run does it"]
fn the_script_works_in_a_plain_shell() {
    if !is_there("busybox") && Command::new("busybox").output().is_err() {
        return skip("the_script_works_in_a_plain_shell", "busybox is not there");
    }
    let mut home = Home::new();
    home.set("CREDMINT_RELEASES", release());
    let script = installer("install.sh");
    let output = home.other("busybox", &["ash", script.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(home.path(".local/bin/credmint").exists());
}

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
fn an_archive_tells_what_is_in_it() {
    let archive = files(release()).into_iter().find(|file| file.extension().is_some_and(|kind| kind == "gz")).unwrap();
    let read = |name: &str| {
        let output =
            succeeds(Command::new("tar").arg("-xzOf").arg(&archive).args(["--wildcards", &format!("*/{name}")]));
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
    let archive = files(release()).into_iter().find(|file| file.extension().is_some_and(|kind| kind == "gz")).unwrap();
    let maintainer = "credmint <maintainer@lists.debian.org>";
    succeeds(Command::new(installer("packages")).arg(&archive).arg(&folder).env("CREDMINT_MAINTAINER", maintainer));
    let package =
        |kind: &str| files(&folder).into_iter().find(|file| file.extension().is_some_and(|it| it == kind)).unwrap();
    succeeds(Command::new("lintian").args(["--allow-root", "--fail-on=error,warning"]).arg(package("deb")));

    // Each into a root and a database of its own.
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
        ("x86_64-unknown-linux-musl", "tar.gz"),
        ("aarch64-unknown-linux-musl", "tar.gz"),
        ("x86_64-apple-darwin", "tar.gz"),
        ("aarch64-apple-darwin", "tar.gz"),
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

#[test]
fn every_action_of_the_release_is_pinned_to_a_commit() {
    let text = include_str!("../.github/workflows/release.yml");
    let uses: Vec<_> =
        text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")).collect();
    assert!(uses.len() > 5);
    for action in uses {
        let commit = action.split('@').nth(1).unwrap().split(' ').next().unwrap();
        assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
    }
}

/// The scripts that stand in the YAML of pipelines are scripts.
#[test]
fn what_stands_in_pipelines_is_valid() {
    if !is_there("yamllint") {
        return skip("what_stands_in_pipelines_is_valid", "yamllint is not there");
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
