//! The targets of the programs, and which machine gets which.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::{CLI, Home, files, program, skip};

fn installer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("installers").join(name)
}

/// Everything that a release has programs for, and what it calls itself: `uname -s`, `uname -m`.
const TARGETS: [(&str, &[&str]); 10] = [
    ("x86_64-unknown-linux-musl", &["Linux x86_64", "Linux amd64"]),
    ("aarch64-unknown-linux-musl", &["Linux aarch64", "Linux arm64"]),
    ("armv7-unknown-linux-gnueabihf", &["Linux armv7l", "Linux armv8l"]),
    ("riscv64gc-unknown-linux-gnu", &["Linux riscv64"]),
    ("powerpc64le-unknown-linux-gnu", &["Linux ppc64le"]),
    ("s390x-unknown-linux-gnu", &["Linux s390x"]),
    ("x86_64-apple-darwin", &["Darwin x86_64"]),
    ("aarch64-apple-darwin", &["Darwin arm64"]),
    // Those have `install.ps1`, which uses Windows' own information.
    ("x86_64-pc-windows-msvc", &[]),
    ("aarch64-pc-windows-msvc", &[]),
];

/// The output of `install.sh` on such a machine, without a release.
fn said(system: &str) -> String {
    let (system, machine) = system.split_once(' ').unwrap();
    let mut home = Home::new();
    home.set("PATH", format!("{}:/usr/bin:/bin", home.path("fake").display()));
    home.script("fake/uname", &format!("case $1 in -s) echo {system} ;; -m) echo {machine} ;; *) exit 1 ;; esac"));
    home.write("release/SHA256SUMS", "");
    let script = installer("install.sh");
    let release = home.path("release");
    let arguments = [script.to_str().unwrap(), "--from", release.to_str().unwrap()];
    let output = home.other("sh", &arguments).output().unwrap();
    assert!(!output.status.success() && files(&home.path(".local")).is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn each_machine_is_given_its_programs() {
    for (target, systems) in TARGETS {
        for system in systems {
            let said = said(system);
            assert!(said.contains(&format!(" has no archive for {target}\n")), "{system}: {said}");
        }
    }
}

#[test]
fn an_unsupported_machine_is_reported() {
    // Older ARM, 32-bit x86, other byte orders, and unsupported systems.
    let linux = "armv5tel armv6l armv7b armv8b aarch64_be i386 i686 ppc64 ppc s390 riscv32 mips64 loongarch64";
    let others = ["FreeBSD amd64", "FreeBSD arm64", "OpenBSD amd64", "NetBSD evbarm", "SunOS i86pc", "Darwin i386"];
    for system in linux.split(' ').map(|machine| format!("Linux {machine}")).chain(others.map(str::to_owned)) {
        let said = said(&system);
        let words = format!("no programs for {}\n", system.replace(' ', " on "));
        assert!(said.contains(&words) && said.contains("install.sh --source"), "{system}: {said}");
    }
}

/// A shell of Unix's on Windows, such as Git's.
#[test]
fn windows_is_sent_to_its_own_script() {
    for system in ["MINGW64_NT-10.0-26100 x86_64", "MSYS_NT-10.0-26100-ARM64 aarch64", "CYGWIN_NT-10.0-26100 x86_64"] {
        let said = said(system);
        assert!(said.contains("install.ps1") && !said.contains("--source"), "{system}: {said}");
    }
}

/// One list, in four places.
#[test]
fn the_workflow_the_table_and_the_packages_are_of_these_targets() {
    let release = include_str!("../.github/workflows/release.yml");
    let mut built: Vec<_> = release.lines().filter_map(|line| line.trim().strip_prefix("- { target: ")).collect();
    for target in &mut built {
        *target = target.split(',').next().unwrap();
    }
    assert_eq!(built, TARGETS.map(|(target, _)| target));
    let table = include_str!("../installers/README.md");
    let build = include_str!("../installers/build");
    for (target, _) in TARGETS {
        assert!(table.contains(&format!("\n| {target} |")), "{target} has no row in installers/README.md");
        let (processor, rest) = target.split_once('-').unwrap();
        assert!(build.contains(processor) && build.contains(rest), "{target}");
        // It checks the name before it looks for the archive.
        let archive = format!("credmint-{}-{target}.tar.xz", env!("CARGO_PKG_VERSION"));
        let output = Command::new(installer("packages")).args([&archive, "/proc/nowhere"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("there is none for"), !target.contains("-linux-"), "{target}: {said}");
    }
}

/// Packages for every processor, with its name; their programs are fakes, because they are not run.
#[test]
#[ignore = "packs for six processors: tests/run does it"]
fn each_linux_has_its_packages() {
    for tool in ["dpkg-deb", "rpmbuild"] {
        if !Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success()) {
            return skip("each_linux_has_its_packages", &format!("{tool} is not there"));
        }
    }
    let home = Home::new();
    for name in "credmint credmint-mint docker-credential-credmint docker-credential-ecr docker-credential-acr \
                 docker-credential-gcr docker-credential-ghcr"
        .split_whitespace()
    {
        home.write(&format!("programs/{name}"), "");
    }
    let folder = home.path("packages");
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let linux = "x86_64-unknown-linux-musl";
    said(
        Command::new(installer("archive"))
            .arg(linux)
            .args([home.path("programs"), folder.clone()])
            .env("CREDMINT_HERE", program(CLI)),
    );
    let version = env!("CARGO_PKG_VERSION");
    let archive = |target: &str| folder.join(format!("credmint-{version}-{target}.tar.gz"));
    for (target, debian, rpm, libc) in [
        (linux, "amd64", "x86_64", ""),
        ("aarch64-unknown-linux-musl", "arm64", "aarch64", ""),
        ("armv7-unknown-linux-gnueabihf", "armhf", "armv7hl", "libc6 (>= 2.28)"),
        ("riscv64gc-unknown-linux-gnu", "riscv64", "riscv64", "libc6 (>= 2.28)"),
        ("powerpc64le-unknown-linux-gnu", "ppc64el", "ppc64le", "libc6 (>= 2.28)"),
        ("s390x-unknown-linux-gnu", "s390x", "s390x", "libc6 (>= 2.28)"),
    ] {
        if target != linux {
            std::fs::copy(archive(linux), archive(target)).unwrap();
        }
        said(Command::new(installer("packages")).args([archive(target), folder.clone()]));
        let deb = folder.join(format!("credmint_{version}_{debian}.deb"));
        let field = |name: &str| said(Command::new("dpkg-deb").arg("-f").arg(&deb).arg(name));
        assert_eq!((field("Architecture").trim(), field("Depends").trim()), (debian, libc), "{target}");
        let of_rpm = folder.join(format!("credmint-{version}-1.{rpm}.rpm"));
        let needs = said(Command::new("rpm").args(["-qp", "--qf", "%{ARCH}\n", "--requires"]).arg(of_rpm));
        assert_eq!((needs.lines().next(), needs.contains("glibc")), (Some(rpm), !libc.is_empty()), "{target}");
    }
}
