use protocol::ErrorMessage;

use super::holes::Holes;
use crate::image::Image;

/// What every registry's texts ask about an image.
///
/// # Errors
/// A registry alone, where an image is wanted.
pub(super) fn about(image: &Image) -> Result<Holes, ErrorMessage> {
    let (name, repository) = names(image)?;
    let tag = tag_of(image);
    let app = last(repository);
    let (owner, package) = repository.split_once('/').unwrap_or((repository, repository));
    let (version, minor, major) = versions(tag.unwrap_or_default());
    let mut holes = Holes::default();
    for (hole, word) in [
        ("registry", image.registry.clone()),
        ("repository", repository.to_owned()),
        ("name", name.clone()),
        ("image", exact(image, &name, tag)),
        ("app", app.to_owned()),
        // Kubernetes' names have neither dots nor underscores.
        ("pod", app.replace(['.', '_'], "-")),
        ("owner", owner.to_owned()),
        ("package", package.to_owned()),
        ("package_path", package.replace('/', "%2F")),
        ("version", version),
        ("minor", minor),
        ("major", major),
    ] {
        holes.add(hole, word);
    }
    // A digest has no such names: what would use them has its own section for digests.
    if let Some(tag) = tag {
        holes.add("tag", tag);
        holes.add("reference", format!("{name}:{tag}"));
    }
    // Amazon's registry takes a cache only as an image of OCI's form.
    holes.add_text("cache_to", "type=registry,ref=@name@:buildcache,mode=max,image-manifest=true,oci-mediatypes=true");
    plain(
        image,
        &mut holes,
        &[
            ("plain", "--tls-verify=false"),
            ("plain_source", "--src-tls-verify=false"),
            ("plain_oras", "--plain-http"),
            ("plain_manifest", "--insecure"),
            ("plain_from", "--from-plain-http"),
        ],
    );
    holes.add("upstream", upstream(image));
    let (host, port) = host_and_port(image);
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    holes.add("subject_alt_name", format!("{}:{host}", if is_address { "IP" } else { "DNS" }));
    holes.add("host", host);
    holes.add("port", port);
    // The pipelines' scanner; a container needs no file of the machine that it runs on.
    holes.add_text(
        "scanner",
        "aquasec/trivy:0.74.0 image --input /image.tar --severity HIGH,CRITICAL --ignore-unfixed --exit-code 1",
    );
    match &image.digest {
        Some(digest) => holes.add("digest", digest),
        None => holes.add_text("digest", "$(crane digest @image@)"),
    }
    Ok(holes)
}

/// What the texts ask about the GitHub that runs the workflows: the one that is named, else that of the
/// image, else github.com.
pub(super) fn add_github(named: Option<&str>, holes: &mut Holes) {
    let host = named.or(holes.word("github")).unwrap_or("github.com").to_owned();
    let issuer = match host.strip_suffix(".ghe.com") {
        // https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/feature-overview-for-github-enterprise-cloud-with-data-residency
        Some(tenant) => format!("token.actions.{tenant}.ghe.com"),
        None if host == "github.com" => "token.actions.githubusercontent.com".to_owned(),
        // https://docs.github.com/en/enterprise-server@latest/actions/concepts/security/openid-connect
        None => format!("{host}/_services/token"),
    };
    holes.add("issuer", format!("https://{issuer}"));
    holes.add("issuer_host", issuer);
    let other = Some(host.as_str()).filter(|host| *host != "github.com");
    holes.add_flags("gh_host", [("--hostname", other)]);
    // Sigstore's public service knows github.com alone: others sign with a key.
    if let Some(other) = other {
        holes.add("own_github", other);
    }
    holes.add("github_host", host);
}

/// What the texts ask about the place that an image is copied to.
///
/// # Errors
/// A registry alone, where a repository is wanted.
pub(super) fn add_target(target: &Image, source: &Image, holes: &mut Holes) -> Result<(), ErrorMessage> {
    let (name, _) = names(target)?;
    let tag = if target.tag.is_some() { target.tag.as_deref() } else { tag_of(source) };
    holes.add("to_registry", &target.registry);
    holes.add("to_parent", name.rsplit_once('/').map_or("", |(parent, _)| parent));
    // A copy without a tag is named by its digest, and oras gets no tag.
    holes.add("to_copy", tag.map_or_else(|| name.clone(), |tag| format!("{name}:{tag}")));
    holes.add("to_reference", exact(source, &name, tag));
    holes.add("to_name", name);
    plain(target, holes, &[("plain_target", "--dest-tls-verify=false"), ("plain_to", "--to-plain-http")]);
    Ok(())
}

/// A registry on this machine speaks plain HTTP more often than not; docker and crane find out,
/// skopeo, oras and `docker manifest` want to be told.
fn plain(image: &Image, holes: &mut Holes, flags: &[(&str, &str)]) {
    for (hole, flag) in flags {
        holes.add_text(hole, if is_local(image) { format!(" {flag}") } else { String::new() });
    }
}

fn is_local(image: &Image) -> bool {
    let host = image.registry.split(':').next().unwrap_or_default();
    host == "localhost" || host.starts_with("127.") || image.registry.starts_with("[::1]")
}

/// The registry's port: 443 by default.
fn host_and_port(image: &Image) -> (&str, &str) {
    let registry = if image.is_docker_hub() { "registry-1.docker.io" } else { image.registry.as_str() };
    let port = registry.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let (host, port) = port.unwrap_or((registry, "443"));
    (host.trim_matches(['[', ']']), port)
}

/// Where a cache fetches from.
fn upstream(image: &Image) -> String {
    let host = if image.is_docker_hub() { "registry-1.docker.io" } else { &image.registry };
    format!("{}://{host}", if is_local(image) { "http" } else { "https" })
}

fn names(image: &Image) -> Result<(String, &str), ErrorMessage> {
    let repository = image.repository.as_deref().ok_or_else(|| ErrorMessage {
        what: format!("{} is a registry; a guide is for an image", image.registry),
        hint: Some(format!("such as {}/owner/app:1", image.registry)),
    })?;
    Ok((format!("{}/{repository}", image.registry), repository))
}

/// What an image is asked for by; `None`, if that is its digest: a tag beside it says nothing.
fn tag_of(image: &Image) -> Option<&str> {
    image.digest.is_none().then(|| image.tag.as_deref().unwrap_or("latest"))
}

/// By its tag, or else by the source's digest.
fn exact(source: &Image, name: &str, tag: Option<&str>) -> String {
    match (tag, &source.digest) {
        (None, Some(digest)) => format!("{name}@{digest}"),
        (tag, _) => format!("{name}:{}", tag.unwrap_or("latest")),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `1.2.3`, `1.2` and `1`: of the tag, if it is a version, else an example.
fn versions(tag: &str) -> (String, String, String) {
    let of = |tag: &str| {
        let (prefix, bare) = tag.strip_prefix('v').map_or(("", tag), |bare| ("v", bare));
        let parts: Vec<_> = bare.split('.').collect();
        let [major, minor, patch] = parts[..] else { return None };
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_version = number(major) && number(minor) && number(patch);
        is_version.then(|| (tag.to_owned(), format!("{prefix}{major}.{minor}"), format!("{prefix}{major}")))
    };
    of(tag).or_else(|| of("1.2.3")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::shell::Shell;

    fn filled(image: &str, text: &str) -> String {
        about(&Image::parse(image).unwrap()).unwrap().fill(text, Shell::Posix)
    }

    #[test]
    fn the_parts_of_a_name() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(filled("alpine", "@image@ @owner@ @package@"), "docker.io/library/alpine:latest library alpine");
        assert_eq!(filled("r.example:5000/a", "@name@ @owner@ @tag@"), "r.example:5000/a a latest");
        assert_eq!(
            filled("ghcr.io/o/a/b_c.d:v2.10.3", "@version@ @minor@ @major@ @pod@ @package_path@"),
            "v2.10.3 v2.10 v2 b-c-d a%2Fb_c.d"
        );
        assert_eq!(filled("ghcr.io/o/a:main", "@version@ @minor@ @major@"), "1.2.3 1.2 1");
        assert_eq!(filled("ghcr.io/o/a:1", "digest=@digest@"), "digest=$(crane digest ghcr.io/o/a:1)");
        assert_eq!(
            filled(&format!("ghcr.io/o/a@{digest}"), "@image@ @digest@"),
            format!("ghcr.io/o/a@{digest} {digest}")
        );
        assert_eq!(filled("localhost:5000/a:1", "skopeo list-tags@plain@ x"), "skopeo list-tags --tls-verify=false x");
        assert_eq!(filled("ghcr.io/o/a:1", "skopeo list-tags@plain@ x"), "skopeo list-tags x");
        assert_eq!(filled("[::1]:5000/a:1", "inspect@plain_manifest@ x"), "inspect --insecure x");
        assert!(about(&Image::parse("ghcr.io").unwrap()).is_err());
    }

    #[test]
    fn an_image_by_digest_has_no_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for image in [format!("ghcr.io/o/a@{digest}"), format!("ghcr.io/o/a:1@{digest}")] {
            let image = Image::parse(&image).unwrap();
            let mut holes = about(&image).unwrap();
            assert!(holes.is_absent("tag") && holes.is_absent("reference"));
            for (to, copied, named) in [
                ("r.example/a", "r.example/a", format!("r.example/a@{digest}")),
                ("r.example/a:2", "r.example/a:2", "r.example/a:2".to_owned()),
            ] {
                add_target(&Image::parse(to).unwrap(), &image, &mut holes).unwrap();
                assert_eq!(holes.fill("@to_copy@ @to_reference@", Shell::Posix), format!("{copied} {named}"));
            }
        }
    }
}
