//! One image through create, tag, list, scan, sign, clean up and delete, by the commands as they are printed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;

use super::commands::tool;
use super::effects::{Running, at_work, printed, registries, run};
use super::{IMAGES, commands_of, guide, text};
use crate::home::{Home, skip};

/// An address of this machine that clients do not treat as local, so that they require TLS.
const HERE: &str = "0.0.0.0";

/// A registry as the topic `registry` makes it, but for the places of its files.
fn served(home: &Home, program: &Path) -> Running {
    let topics = guide(&format!("{HERE}:5000/team1/app2:1.2.3"), &["--topic", "registry"]);
    let config = commands_of(&topics).find(|command| text(command, "id") == "registry.config").unwrap();
    let place = home.path("").display().to_string();
    let config = text(&config["file"], "text")
        .replace("/var/lib/registry", &format!("{place}/data"))
        .replace("addr: :5000", "addr: 127.0.0.1:0")
        .replace("/certs/", &format!("{place}/"))
        .replace("/auth/", &format!("{place}/"));
    Running::serve(home, program, &home.write("config.yml", config))
}

#[test]
fn a_registry_of_your_own_from_the_certificate_to_the_next_version() {
    if ["crane", "oras", "cosign", "htpasswd", "openssl", "jq", "skopeo"].iter().any(|name| tool(name).is_none()) {
        return skip("guide: registry", "there is no crane, oras, cosign, htpasswd, openssl, jq or skopeo");
    }
    let programs = registries();
    for program in &programs {
        let mut home = at_work();
        let image = format!("{HERE}:5000/team1/app2:1.2.3");
        home.write("token.txt", "sesame");
        run(&home, &printed("own", &image, "registry.certificate-settings"));
        run(&home, &printed("own", &image, "registry.certificate"));
        // It asks twice; from a file it does not.
        run(&home, &format!("{} <token.txt", printed("own", &image, "registry.password").replace("-cB", "-icB")));
        home.set("SSL_CERT_FILE", home.path("registry.crt"));
        home.set("COSIGN_PASSWORD", "sesame");
        let registry = served(&home, program);
        let name = format!("{HERE}:{}/team1/app2", registry.port);
        let image = format!("{name}:1.2.3");
        run(&home, &format!("! crane catalog {HERE}:{}", registry.port));
        run(&home, &printed("other", &image, "sign-in.server"));
        run(&home, &printed("shared", &image, "set-up.configure"));
        assert_eq!(run(&home, &printed("other", &image, "sign-in.check")).trim(), "ci");
        run(
            &home,
            &format!(
                "set -e; echo a >file; tar cf layer.tar file; crane append --oci-empty-base -f layer.tar -t {image}
                crane mutate --set-platform linux/amd64 -t {image} {image}
                # What a build attaches is in the index, and no image.
                oras push {name}:attached --artifact-type example/attestation file
                crane index append -m {image} -m {name}:attached -t {image}"
            ),
        );
        run(&home, &printed("shared", &image, "tags.promote"));
        run(&home, &printed("shared", &image, "tags.environment"));
        assert_eq!(run(&home, &printed("other", &image, "list.repositories")).trim(), "team1/app2");
        for said in [
            run(&home, &printed("other", &image, "list.oras")),
            run(&home, &printed("shared", &image, "list.crane")),
            run(&home, &printed("shared", &image, "list.skopeo")),
        ] {
            for tag in ["1.2.3", "1.2.3-production", "staging"] {
                assert!(said.contains(tag), "{tag}: {said}");
            }
        }
        run(&home, &printed("shared", &image, "pull.exists"));
        run(&home, &printed("scan-and-sign", &image, "sign.key-pair"));
        let with_digest =
            |command: String| format!("set -e\n{}\n{command}", printed("scan-and-sign", &image, "sign.digest"));
        run(&home, &with_digest(printed("scan-and-sign", &image, "sign.key")));
        run(&home, &with_digest(printed("scan-and-sign", &image, "sign.verify-key")));
        // An SBOM that BuildKit would have made.
        home.write("sbom.json", "{\"spdxVersion\": \"SPDX-2.3\"}");
        let attest = printed("scan-and-sign", &image, "sign.sbom");
        let (_, attest) = attest.split_once('\n').unwrap();
        run(&home, &with_digest(attest.to_owned()));
        run(&home, &with_digest(printed("scan-and-sign", &image, "sign.verify-sbom")));
        run(&home, &printed("own", &image, "registry.check"));
        drop(registry);
        // What version 2 has stored, 3 serves, with the same configuration; and every one its own.
        let registry = served(&home, programs.last().unwrap());
        let image = format!("{HERE}:{}/team1/app2:1.2.3", registry.port);
        run(&home, &printed("other", &image, "sign-in.server"));
        run(&home, &printed("shared", &image, "set-up.configure"));
        run(&home, &printed("own", &image, "registry.check"));
        run(&home, &printed("other", &image, "delete.image"));
        run(&home, &format!("! crane manifest {image}"));
    }
}

/// The engine's file, and kubelet's, in another place than root's.
#[test]
fn the_engine_and_the_node_are_set_up_by_what_is_printed() {
    let home = at_work();
    let image = "registry.example:5000/team1/app2:1";
    let file = home.path("daemon.json");
    let here = |command: String| {
        command.replace("sudo ", "").replace("credmint daemon", &format!("credmint daemon --file {}", file.display()))
    };
    run(&home, &here(printed("machine", image, "engine.mirror")));
    run(&home, &here(printed("own", image, "engine.insecure")));
    run(&home, &here(printed("machine", "ghcr.io/owner1/app2:1", "engine.insecure")));
    run(&home, &here(printed("machine", image, "engine.proxy")));
    let shown = run(&home, &here(printed("machine", image, "engine.show")));
    for line in [
        "registry mirrors: https://mirror.example",
        "insecure registries: registry.example:5000, registry.lan:5000",
        "proxy for https: http://proxy.example:3128",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    run(&home, &here(printed("machine", image, "engine.undo")));
    assert!(!file.exists());
    let node = home.path("node");
    run(&home, &printed("machine", image, "kubernetes.provider").replace("/opt/credmint", &node.display().to_string()));
    assert!(node.join("bin/credmint").is_file() && node.join("credential-provider-config.yaml").is_file());
}

/// Amazon's API, as moto plays it.
struct Moto(Child);

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A home whose aws asks moto.
fn with_moto() -> Option<(Home, Moto)> {
    let (moto, aws) = (tool("moto_server")?, tool("aws")?);
    let mut home = at_work();
    let mut command = home.other(moto.to_str().unwrap(), &["--port", "0"]);
    let mut server = command.env("PATH", std::env::var_os("PATH").unwrap()).spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let server = Moto(server);
    let mut said = String::new();
    let port = loop {
        let from = said.len();
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "{said}");
        if let Some((_, after)) = said[from..].split_once("http://127.0.0.1:") {
            break after.trim().to_owned();
        }
    };
    std::thread::spawn(move || log.lines().for_each(drop));
    let bin = home.path("bin");
    for (name, value) in [
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", "AKIAALICE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_PAGER", String::new()),
        ("PATH", format!("{}:{}:/usr/bin:/bin", bin.display(), aws.parent().unwrap().display())),
    ] {
        home.set(name, value);
    }
    Some((home, server))
}

/// What is created takes what a pipeline pushes: the same tag, of another build of the same commit.
#[test]
fn a_repository_of_ecr_from_its_role_to_its_last_image() {
    let Some((home, server)) = with_moto() else {
        return skip("guide: moto", "there is no moto or no aws to make a repository");
    };
    let image = IMAGES[0];
    let put = |build: u32, tag: &str| {
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",\"config\":{{\"mediaType\":\"application/vnd.docker.container.image.v1+json\",\"digest\":\"sha256:{build:064}\",\"size\":2}},\"layers\":[{{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"digest\":\"sha256:{build:064}\",\"size\":2}}]}}"
        );
        let put = "aws ecr put-image --region eu-west-1 --repository-name team1/app2 --query image.imageId.imageDigest --output text";
        home.shell(&format!("{put} --image-tag {tag} --image-manifest '{manifest}'")).output().unwrap()
    };
    let push = |build| put(build, "sha-0123456");
    run(&home, &printed("ecr", image, "sign-in.check").replace("credmint", ": credmint"));
    // Who may push: the trust and the rights are files that the commands name.
    run(&home, &printed("ecr", image, "ci.provider"));
    let topics = guide(image, &["--topic", "ci", "--system", "linux"]);
    let files = commands_of(&topics).filter(|command| ["ci.trust", "ci.policy"].contains(&text(command, "id")));
    let files: Vec<_> = files.map(|command| text(command, "run")).collect();
    run(&home, &format!("set -e\nsubject=repo:o/r\n{}\n{}", files.join("\n"), printed("ecr", image, "ci.role")));
    let role = run(&home, "aws iam get-role --region eu-west-1 --role-name app2-push --output json");
    assert!(role.contains("repo:o/r:environment:release"), "{role}");

    run(&home, &printed("ecr", image, "create.repository"));
    assert_eq!(run(&home, &printed("ecr", image, "list.repositories")).trim(), "team1/app2");
    for build in 1..3 {
        let output = push(build);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // A repository with other settings rejects it, until they are changed.
    run(
        &home,
        "aws ecr put-image-tag-mutability --region eu-west-1 --repository-name team1/app2 --image-tag-mutability IMMUTABLE",
    );
    assert!(!push(3).status.success(), "moto does not tell immutable tags from others");
    run(&home, &printed("ecr", image, "create.tags"));
    assert!(push(4).status.success());
    let output = put(5, "1.2.3");
    let digest = String::from_utf8(output.stdout).unwrap();
    let listed = run(&home, &printed("ecr", image, "list.aws"));
    assert!(listed.contains("sha-0123456") && listed.contains(digest.trim()), "{listed}");
    // The digest of the platform, which crane would ask the registry for.
    home.script("bin/crane", &format!("echo {}", digest.trim()));
    let scanned =
        home.shell(&printed("ecr", image, "scan.start").replace("aws ecr wait", ": aws ecr wait")).output().unwrap();
    assert!(scanned.status.success(), "{}", String::from_utf8_lossy(&scanned.stderr));
    run(&home, &printed("ecr", image, "scan.findings"));
    let policy = guide(image, &["--topic", "clean-up"]);
    let policy = commands_of(&policy).find(|command| text(command, "id") == "clean-up.policy").unwrap().clone();
    run(&home, &format!("set -e\n{}\n{}", text(&policy, "run"), printed("ecr", image, "clean-up.apply")));
    run(&home, &printed("ecr", image, "delete.tag"));
    assert!(!run(&home, &printed("ecr", image, "list.aws")).contains("1.2.3"));
    let digest = String::from_utf8(put(6, "1.2.3").stdout).unwrap();
    home.script("bin/crane", &format!("echo {}", digest.trim()));
    run(&home, &printed("ecr", image, "delete.image"));
    let left = run(&home, &printed("ecr", image, "list.aws"));
    assert!(!left.contains(digest.trim()) && left.contains("sha-0123456"), "{left}");
    drop(server);
}

/// Who may push to ECR Public, which is not told by the address: the account is asked for first.
#[test]
fn a_role_for_ecr_public_knows_its_account() {
    let Some((home, server)) = with_moto() else {
        return skip("guide: moto", "there is no moto or no aws to make a role");
    };
    let image = IMAGES[1];
    let topics = guide(image, &["--topic", "ci", "--ci", "github", "--system", "linux"]);
    let file = |id: &str| {
        let command = commands_of(&topics).find(|command| text(command, "id") == id).unwrap();
        text(command, "run").to_owned()
    };
    let provider = printed("ecr-public", image, "ci.provider");
    let role = printed("ecr-public", image, "ci.role");
    run(&home, &format!("set -e\nsubject=repo:o/r\n{provider}\n{}\n{}\n{role}", file("ci.trust"), file("ci.policy")));
    let trust = run(&home, "aws iam get-role --region us-east-1 --role-name app2-push --output json");
    assert!(trust.contains("123456789012:oidc-provider/token.actions.githubusercontent.com"), "{trust}");
    assert!(trust.contains("repo:o/r:environment:release"), "{trust}");
    let policy =
        run(&home, "aws iam get-role-policy --region us-east-1 --role-name app2-push --policy-name push --output json");
    assert!(policy.contains("arn:aws:ecr-public::123456789012:repository/app2"), "{policy}");
    drop(server);
}
