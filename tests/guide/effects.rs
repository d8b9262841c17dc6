//! What the guide's commands do, pasted, to real registries.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::commands::tool;
use super::{commands_of, guide, text};
use crate::home::{CLI, Home, skip};

/// A registry that runs: distribution of one version or the other.
pub(super) struct Running {
    process: Child,
    pub(super) port: u16,
}

impl Running {
    /// Ready when it says where it listens; `settings` stand below its storage.
    fn start(home: &Home, program: &Path, place: &str, settings: &str) -> Self {
        let root = home.path(place).join("data");
        std::fs::create_dir_all(&root).unwrap();
        let config = home.write(
            &format!("{place}/etc/config.yml"),
            format!(
                "version: 0.1\nlog:\n  level: info\nstorage:\n  delete:\n    enabled: true\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{settings}",
                root.display()
            ),
        );
        Running::serve(home, program, &config)
    }

    /// With a configuration that listens at a free port here.
    pub(super) fn serve(home: &Home, program: &Path, config: &Path) -> Self {
        let mut command = home.other(program.to_str().unwrap(), &["serve", config.to_str().unwrap()]);
        let mut process = command.env("OTEL_TRACES_EXPORTER", "none").stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut said = String::new();
        let port = loop {
            let from = said.len();
            assert_ne!(log.read_line(&mut said).unwrap(), 0, "{said}");
            if let Some((_, after)) = said[from..].split_once("listening on 127.0.0.1:") {
                let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
                break digits.parse().unwrap();
            }
        };
        // Its log is read on, so that it never waits for a reader.
        std::thread::spawn(move || log.read_to_string(&mut said));
        Running { process, port }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The registries that are here: distribution 2, and 3 as `registry`.
pub(super) fn registries() -> Vec<std::path::PathBuf> {
    let found = ["docker-registry", "registry"].into_iter().filter_map(|name| {
        let found = tool(name);
        if found.is_none() {
            skip(&format!("guide: {name}"), "it is not here to be cleaned up");
        }
        found
    });
    found.collect()
}

/// A home whose path leads to the tools that `tests/set-up` brings, too.
pub(super) fn at_work() -> Home {
    let mut home = Home::new();
    let peers = super::peers().into_iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(":");
    home.set("PATH", format!("{}:{peers}:/usr/local/bin:/usr/bin:/bin", home.path("bin").display()));
    home
}

/// Runs a script in the home, and gives what it printed.
#[track_caller]
pub(super) fn run(home: &Home, script: &str) -> String {
    let output = home.shell(&format!("cd {}\n{script}", home.path("").display())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The command that the guide prints under this id, which is in this text. `marks` takes
/// each call for a command that is run.
#[track_caller]
pub(super) fn printed(file: &str, image: &str, id: &str) -> String {
    assert!(super::marks::has(file, id), "{file} has no {id}");
    let topics = guide(image, &["--system", "linux", "--to", "ghcr.io/owner3/mirror4"]);
    let command = commands_of(&topics).find(|command| text(command, "id") == id);
    text(command.unwrap_or_else(|| panic!("{image}: no {id}")), "run").to_owned()
}

#[test]
fn a_clean_up_leaves_what_tags_lead_to_and_nothing_else() {
    if ["crane", "jq"].iter().any(|name| tool(name).is_none()) {
        return skip("guide: clean-up", "there is no crane or no jq");
    }
    for program in registries() {
        let home = at_work();
        let registry = Running::start(&home, &program, "registry", "");
        let name = format!("127.0.0.1:{}/team1/app2", registry.port);
        // `docker exec registry` and the container's paths; everything else is the registry's own.
        home.script(
            "bin/docker",
            &format!(
                "if [ \"$1\" = restart ]; then echo anew >restarted; exit; fi\nshift 2\ncase $1 in registry) shift; exec {} \"$@\" ;; esac\nexec $(echo \"$*\" | sed 's|/var/lib/registry|{root}/data|; s|/etc |{root}/etc |')",
                program.display(),
                root = home.path("registry").display()
            ),
        );
        // An index of two platforms; another that shares one of them; an image whose tag moved on.
        run(
            &home,
            &format!(
                "set -eu
                one() {{ echo \"$1\" >file; tar cf layer.tar file; crane append --oci-empty-base -f layer.tar -t {name}:\"$1\"; crane mutate --set-platform \"linux/$2\" -t {name}:\"$1\" {name}:\"$1\"; }}
                for each in 'both-1 amd64' 'both-2 arm64' 'gone-2 arm64' 'moved amd64' 'plain amd64'; do one $each; done
                crane index append -m {name}:both-1 -m {name}:both-2 -t {name}:1.2.3
                crane index append -m {name}:both-1 -m {name}:gone-2 -t {name}:gone
                crane digest {name}:gone >gone; crane digest {name}:gone-2 >gone-platform; crane digest {name}:moved >moved
                crane delete {name}@$(cat gone)
                crane tag {name}:1.2.3 latest; crane tag {name}:plain moved"
            ),
        );
        // Their tags alone: as a build pushes them, platforms have none.
        for tag in ["both-1", "both-2", "gone-2"] {
            let tags = home.path("registry/data/docker/registry/v2/repositories/team1/app2/_manifests/tags");
            std::fs::remove_dir_all(tags.join(tag)).unwrap();
        }
        let image = format!("{name}:1.2.3");
        run(
            &home,
            &format!(
                "set -e\n{}\n{}",
                printed("other", &image, "clean-up.script"),
                printed("other", &image, "clean-up.list")
            ),
        );
        let unneeded = std::fs::read_to_string(home.path("unneeded.txt")).unwrap();
        for gone in ["gone-platform", "moved"] {
            let digest = std::fs::read_to_string(home.path(gone)).unwrap();
            assert!(unneeded.contains(&digest), "{gone} {digest} in {unneeded}");
        }
        let blobs = |home: &Home| {
            run(home, "find registry/data/docker/registry/v2/blobs -name data | wc -l").trim().parse::<u32>().unwrap()
        };
        let before = blobs(&home);
        run(&home, &printed("other", &image, "clean-up.delete"));
        run(&home, &format!("set -e\n{}", printed("other", &image, "clean-up.collect")));
        assert!(home.path("restarted").exists());
        drop(registry);
        let registry = Running::start(&home, &program, "registry", "");
        let name = format!("127.0.0.1:{}/team1/app2", registry.port);
        let tags = run(&home, &format!("crane ls {name} | LC_ALL=C sort"));
        assert_eq!(tags.split_whitespace().collect::<Vec<_>>(), ["1.2.3", "latest", "moved", "plain"]);
        for tag in tags.split_whitespace() {
            run(&home, &format!("crane validate --remote {name}:{tag}"));
            run(&home, &format!("crane validate --platform linux/amd64 --remote {name}:{tag}"));
        }
        run(&home, &format!("crane validate --platform linux/arm64 --remote {name}:1.2.3"));
        run(&home, &format!("! crane manifest {name}@$(cat gone-platform)"));
        assert!(blobs(&home) < before, "the disk is not freed");
        // What cannot be read, as the registry under its former port, stops it, and nothing is left to delete.
        assert!(
            !home.shell(&format!("cd {}\nsh clean-up.sh", home.path("").display())).output().unwrap().status.success()
        );
        assert!(!home.path("unneeded.txt").exists());
    }
}

#[test]
fn a_mirror_takes_what_is_attached_to_an_image() {
    let (Some(program), Some(_), Some(_), Some(_)) =
        (tool("docker-registry"), tool("crane"), tool("oras"), tool("docker"))
    else {
        return skip("guide: mirror", "there is no docker-registry, no crane, no oras or no docker");
    };
    let home = at_work();
    let (one, other) = (Running::start(&home, &program, "one", ""), Running::start(&home, &program, "other", ""));
    let (from, to) = (format!("127.0.0.1:{}/team1/app2", one.port), format!("127.0.0.1:{}/mirror3/app4", other.port));
    run(
        &home,
        &format!(
            "set -eu; echo a >file; tar cf layer.tar file; crane append --oci-empty-base -f layer.tar -t {from}:1.2.3
            crane digest {from}:1.2.3 >digest
            oras attach --plain-http --artifact-type example/signature {from}:1.2.3 file"
        ),
    );
    run(&home, &printed("shared", &format!("{from}:1.2.3"), "pull.exists"));
    let digest = std::fs::read_to_string(home.path("digest")).unwrap();
    let attached = |name: &str| {
        let found = run(&home, &format!("oras discover --plain-http --format json {name}@{digest}"));
        let found: Value = serde_json::from_str(&found).unwrap();
        found["referrers"].as_array().or(found["manifests"].as_array()).map_or(0, Vec::len)
    };
    assert_eq!(attached(&from), 1);
    for (image, to_image, id) in [
        (format!("{from}:1.2.3"), format!("{to}-tag"), "mirror.one"),
        (format!("{from}@{}", digest.trim()), format!("{to}-digest"), "mirror.one"),
        (format!("{from}:1.2.3"), format!("{to}-every"), "mirror.every"),
    ] {
        let topics = guide(&image, &["--system", "linux", "--topic", "mirror", "--to", &to_image]);
        let command =
            |id: &str| text(commands_of(&topics).find(|command| text(command, "id") == id).unwrap(), "run").to_owned();
        run(&home, &command(id));
        assert_eq!(attached(&to_image), 1, "{to_image}");
        let compared = run(&home, &command("mirror.compare"));
        assert_eq!(compared, digest.repeat(2), "{to_image}");
        let tags = run(&home, &format!("crane ls --omit-digest-tags {to_image} || true"));
        assert_eq!(tags.trim(), if image.contains('@') { "" } else { "1.2.3" }, "{to_image}");
    }
}

/// distribution 3 as a cache that fetches with what credmint answers.
#[test]
fn a_cache_fetches_with_credmints_credentials() {
    let (Some(upstream), Some(cache), Some(_), Some(_)) =
        (tool("docker-registry"), tool("registry"), tool("crane"), tool("htpasswd"))
    else {
        return skip("guide: registry", "there is no distribution 3, which is no package of Debian's, to be a cache");
    };
    let home = at_work();
    run(&home, "htpasswd -Bbn alice sesame >htpasswd");
    let auth = format!("auth:\n  htpasswd:\n    realm: upstream\n    path: {}\n", home.path("htpasswd").display());
    let upstream = Running::start(&home, &upstream, "upstream", &auth);
    let host = format!("127.0.0.1:{}", upstream.port);
    let login = home.run(CLI, &["login", &host, "--username", "alice", "--password-stdin"], "sesame");
    assert_eq!(login.code, 0, "{login:?}");
    let wired = home.run(CLI, &["configure", "--yes", &host], "");
    assert_eq!(wired.code, 0, "{wired:?}");
    run(
        &home,
        &format!(
            "set -e; echo a >file; tar cf layer.tar file; crane append --oci-empty-base -f layer.tar -t {host}/team1/app2:1"
        ),
    );
    let file = guide(&format!("{host}/team1/app2:1"), &["--topic", "mirror"]);
    let file = commands_of(&file).find(|command| text(command, "id") == "mirror.cache").unwrap()["file"].clone();
    let (_, proxy) = text(&file, "text").split_once("proxy:").unwrap();
    let cache = Running::start(&home, &cache, "cache", &format!("proxy:{proxy}"));
    run(&home, &format!("crane validate --remote 127.0.0.1:{}/team1/app2:1", cache.port));
    run(&home, &format!("! crane ls --omit-digest-tags {host}/team1/none"));
}

/// Docker Hub's tokens and GitLab's come from another host than their images, and a cache asks for a login there.
#[cfg(target_os = "linux")]
#[test]
fn a_login_is_asked_for_where_the_guide_has_it_asked_for() {
    use crate::home::CREDMINT;
    use crate::terminal::Terminal;
    for (command, host) in [
        (printed("other", "registry.example:5000/team1/app2:1", "sign-in.laptop"), "registry.example:5000"),
        (printed("gitlab", "registry.gitlab.com/group1/project2/app2:1", "sign-in.laptop"), "registry.gitlab.com"),
        (printed("docker-hub", "owner1/app2:1", "sign-in.laptop"), "docker.io"),
        (printed("gitlab", "registry.gitlab.com/group1/project2/app2:1", "mirror.cache-login"), "gitlab.com"),
        (printed("docker-hub", "owner1/app2:1", "mirror.cache-login"), "auth.docker.io"),
    ] {
        let home = Home::new();
        let arguments: Vec<_> = command.strip_prefix("credmint ").unwrap().split(' ').collect();
        let mut terminal = Terminal::run(&home, CLI, &arguments);
        terminal.sees("Username").types("me").sees("Password").types_unseen("sesame");
        let (code, shown) = terminal.ends();
        assert_eq!(code, 0, "{command}: {shown}");
        // What a registry asks, which runs as the same user.
        let kept = home.run(CREDMINT, &["get"], host).secret();
        assert_eq!(kept, "sesame", "{command}");
    }
}
