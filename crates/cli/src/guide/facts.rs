use protocol::Explained;

use super::holes::Holes;
use crate::image::Image;

/// What every registry's texts ask about an image.
///
/// # Errors
/// A registry alone, where an image is wanted.
pub(super) fn about(image: &Image) -> Result<Holes, Explained> {
    let (name, repository) = names(image)?;
    let tag = image.tag.as_deref().unwrap_or("latest");
    let app = last(repository);
    let (owner, package) = repository.split_once('/').unwrap_or((repository, repository));
    let (version, minor, major) = versions(tag);
    let mut holes = Holes::default();
    for (hole, word) in [
        ("registry", image.registry.clone()),
        ("repository", repository.to_owned()),
        ("name", name.clone()),
        ("tag", tag.to_owned()),
        ("reference", format!("{name}:{tag}")),
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
    // Amazon's registry takes a cache only as an image of OCI's form.
    holes.add_text("cache_to", "type=registry,ref=@name@:buildcache,mode=max,image-manifest=true,oci-mediatypes=true");
    plain(image, &mut holes, &[("plain", "--tls-verify"), ("plain_source", "--src-tls-verify")]);
    match &image.digest {
        Some(digest) => holes.add("digest", digest),
        None => holes.add_text("digest", "$(crane digest @image@)"),
    }
    Ok(holes)
}

/// What the texts ask about the place that an image is copied to.
///
/// # Errors
/// A registry alone, where a repository is wanted.
pub(super) fn add_target(target: &Image, source: &Image, holes: &mut Holes) -> Result<(), Explained> {
    let (name, _) = names(target)?;
    let tag = target.tag.as_deref().or(source.tag.as_deref()).unwrap_or("latest");
    holes.add("to_registry", &target.registry);
    holes.add("to_parent", name.rsplit_once('/').map_or("", |(parent, _)| parent));
    holes.add("to_reference", format!("{name}:{tag}"));
    holes.add("to_name", name);
    plain(target, holes, &[("plain_target", "--dest-tls-verify")]);
    Ok(())
}

/// A registry on this machine speaks plain HTTP more often than not; docker and crane find out,
/// skopeo wants to be told.
fn plain(image: &Image, holes: &mut Holes, flags: &[(&str, &str)]) {
    let host = image.registry.split(':').next().unwrap_or_default();
    let is_local = host == "localhost" || host.starts_with("127.") || image.registry.starts_with("[::1]");
    for (hole, flag) in flags {
        holes.add_text(hole, if is_local { format!(" {flag}=false") } else { String::new() });
    }
}

fn names(image: &Image) -> Result<(String, &str), Explained> {
    let repository = image.repository.as_deref().ok_or_else(|| Explained {
        what: format!("{} is a registry; a guide is for an image", image.registry),
        hint: Some(format!("such as {}/owner/app:1", image.registry)),
    })?;
    Ok((format!("{}/{repository}", image.registry), repository))
}

/// By its digest where one was named: a tag beside it says nothing.
fn exact(image: &Image, name: &str, tag: &str) -> String {
    image.digest.as_ref().map_or_else(|| format!("{name}:{tag}"), |digest| format!("{name}@{digest}"))
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
        assert!(about(&Image::parse("ghcr.io").unwrap()).is_err());
    }
}
