//! What installs credmint: into clean folders, from archives of the programs under test.

mod packages;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Instant;

use pretend_cloud::Aws;

use crate::home::{ACR, CLI, CREDMINT, ECR, GCR, GHCR, Home, REGISTRY, WORKER, files, program, skip};

const PROGRAMS: [&str; 7] = [CLI, WORKER, CREDMINT, ECR, ACR, GCR, GHCR];
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

/// An archive of the release: `xz` or `gz`.
fn archive(release: &Path, kind: &str) -> PathBuf {
    files(release).into_iter().find(|file| file.extension().is_some_and(|it| it == kind)).unwrap()
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
    assert!(said.contains("installed credmint ") && said.contains("export PATH"), "{said}");
    let installed = started.elapsed();
    home.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    assert!(
        from_release(&mut home).ends_with("to set up Docker, run `credmint configure`\n"),
        "a second time is as good"
    );
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
    let archive = archive(&folder, "xz");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    for (wrong, words) in [
        ("echo more >>ARCHIVE", "does not match SHA256SUMS"),
        ("rm ARCHIVE", "no credmint-"),
        ("echo >SHA256SUMS", "has no archive for"),
        ("rm SHA256SUMS", "no SHA256SUMS in"),
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
fn the_smaller_archive_is_taken_where_it_can_be_opened() {
    let mut home = Home::new();
    let tools = home.path("tools");
    std::fs::create_dir(&tools).unwrap();
    let names = "sh uname sed mktemp mkdir mv rm rmdir cp cut sha256sum tar gzip find sort grep cat";
    for name in names.split(' ') {
        let script = format!("ln -s \"$(command -v {name})\" {}/", tools.display());
        succeeds(&mut home.shell(&script));
    }
    home.set("PATH", &tools);
    for (kind, has_xz) in [("gz", false), ("xz", true)] {
        if has_xz {
            std::os::unix::fs::symlink("/usr/bin/xz", tools.join("xz")).unwrap();
        }
        // With only this one in the folder, so nothing else is needed.
        let folder = home.path(kind);
        std::fs::create_dir(&folder).unwrap();
        let only = archive(release(), kind);
        std::fs::copy(&only, folder.join(only.file_name().unwrap())).unwrap();
        std::fs::copy(release().join("SHA256SUMS"), folder.join("SHA256SUMS")).unwrap();
        let output = install(&home, &["--from", folder.to_str().unwrap()]);
        assert!(output.status.success(), "{kind}: {output:?}");
    }
    let size = |kind| archive(release(), kind).metadata().unwrap().len();
    println!("tar.xz: {} bytes, tar.gz: {} bytes", size("xz"), size("gz"));
    if program(CLI).parent().unwrap().ends_with("release") {
        assert!(size("xz") <= 8_000_000, "{} bytes are more than a download may have", size("xz"));
    }
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
#[ignore = "packs the programs that ship: tests/run does it"]
fn what_it_has_not_put_there_stays() {
    let mut home = Home::new();
    home.set("CREDMINT_RELEASES", release());
    let theirs = [".local/bin/other", ".local/share/credmint/notes"].map(|name| home.write(name, "theirs"));
    let taken = home.write(".local/bin/docker-credential-ghcr", "theirs");
    let output = install(&home, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("docker-credential-ghcr was not installed by this script"),
        "{said}"
    );
    assert_eq!(files(&home.path(".local")).len(), 3, "nothing was changed");
    std::fs::remove_file(taken).unwrap();
    from_release(&mut home);
    from_release(&mut home);
    assert!(install(&home, &["--uninstall"]).status.success());
    let mut left = files(&home.path(".local"));
    left.sort();
    assert_eq!(left, theirs);
}

#[test]
fn it_reports_what_it_cannot_do() {
    let home = Home::new();
    for (arguments, words) in [
        (&["--uninstall"][..], "this script installed nothing"),
        (&[], "no release given"),
        (&["--bogus"], "unknown option --bogus"),
        (&["--from"], "--from requires a value"),
        (&["--prefix", "/proc/nowhere"], "cannot write to"),
        (&["--from", "https://127.0.0.1:1/"], "cannot download"),
        (&["--from", "http://127.0.0.1:1/"], "is not encrypted"),
    ] {
        let output = install(&home, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
    }
    assert!(String::from_utf8(install(&home, &["--help"]).stdout).unwrap().contains("--keep-config"));
}

/// The real cosign rejects an invalid signature; a fake that accepts one is called for the project's release workflow.
#[test]
fn a_published_script_verifies_the_signature_where_cosign_is_installed() {
    let mut home = Home::new();
    let script = std::fs::read_to_string(installer("install.sh")).unwrap();
    let script = home.write("install.sh", script.replacen("@PROJECT@", "https://project.example/credmint", 1));
    let release = home.write("release/SHA256SUMS", "").parent().unwrap().to_owned();
    let bin = home.path("cosigns");
    std::fs::create_dir(&bin).unwrap();
    home.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let install = |home: &Home| {
        let arguments = [script.to_str().unwrap(), "--from", release.to_str().unwrap()];
        String::from_utf8(home.other("sh", &arguments).output().unwrap().stderr).unwrap()
    };
    assert!(install(&home).contains("has no archive for"), "without cosign only the checksums tell");
    let asked = home.path("asked");
    testing::script(&bin.join("cosign"), &format!(r#"echo "$@" >{}"#, asked.display()));
    assert!(install(&home).contains("no SHA256SUMS.sigstore.json in"));
    home.write("release/SHA256SUMS.sigstore.json", "{}");
    assert!(install(&home).contains("has no archive for"));
    let asked = std::fs::read_to_string(asked).unwrap();
    assert!(
        asked.contains("^https://project[.]example/credmint/[.]github/workflows/release[.]yml@refs/tags/v"),
        "{asked}"
    );
    let folders = ["CREDMINT_PEERS", "PATH"].into_iter().filter_map(std::env::var_os);
    let paths: Vec<_> = folders.flat_map(|folders| std::env::split_paths(&folders).collect::<Vec<_>>()).collect();
    let Some(cosign) = paths.iter().map(|folder| folder.join("cosign")).find(|cosign| cosign.exists()) else {
        return skip("a_published_script_verifies_the_signature_where_cosign_is_installed", "cosign is not there");
    };
    std::fs::remove_file(bin.join("cosign")).unwrap();
    std::os::unix::fs::symlink(cosign, bin.join("cosign")).unwrap();
    let said = install(&home);
    assert!(said.contains("cannot verify the signature of SHA256SUMS"), "{said}");
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
