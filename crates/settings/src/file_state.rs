use std::path::Path;

/// Identifies a file and its version: different for every other file and after every edit. `None` if there is no
/// readable file.
#[cfg(unix)]
pub(crate) fn state_of(path: &Path) -> Option<Vec<u8>> {
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    /// The kernel's clock for files advances with its timer, which ticks a hundred times a second on
    /// the slowest builds: <https://man7.org/linux/man-pages/man7/time.7.html>.
    const TICK: Duration = Duration::from_millis(20);

    let mut metadata = std::fs::metadata(path).ok()?;
    // Another edit within the same tick would have the same times: wait for the next tick.
    let changed = UNIX_EPOCH
        + Duration::new(metadata.ctime().try_into().unwrap_or(0), metadata.ctime_nsec().try_into().unwrap_or(0));
    if let Some(left) = SystemTime::now().duration_since(changed).ok().and_then(|age| TICK.checked_sub(age)) {
        std::thread::sleep(left);
        metadata = std::fs::metadata(path).ok()?;
    }
    // Size and modification time can be copied (`cp -p`); the change time (ctime) cannot be set.
    let numbers = [
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime().cast_unsigned(),
        metadata.mtime_nsec().cast_unsigned(),
        metadata.ctime().cast_unsigned(),
        metadata.ctime_nsec().cast_unsigned(),
    ];
    Some(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

/// On Windows, the id of a file requires opening it, and a file that replaces another of the same name gets its
/// creation time ("tunneling"). Once it is open, it is hashed.
/// <https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-createfilew>
#[cfg(not(unix))]
pub(crate) fn state_of(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read;

    use hmac_sha256::Hash;

    /// Bytes; none of the files that choose an identity comes near.
    const LARGEST: u64 = 1 << 20;

    let metadata = std::fs::metadata(path).ok()?;
    let mut content = zeroize::Zeroizing::new(Vec::new());
    if metadata.is_file() {
        std::fs::File::open(path).ok()?.take(LARGEST).read_to_end(&mut content).ok()?;
    }
    let mut state = Hash::hash(content.as_slice()).to_vec();
    state.extend_from_slice(&metadata.len().to_le_bytes());
    Some(state)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_absent_file_has_no_state_and_an_edited_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        assert_eq!(state_of(&path), None);
        let mut seen = HashSet::new();
        // Of one size, and more than one of them within a tick of the clock.
        for text in ["a", "b", "c", "d", "e"] {
            std::fs::write(&path, text).unwrap();
            assert!(seen.insert(state_of(&path)), "{text}");
            assert!(!seen.insert(state_of(&path)), "{text} looked at twice");
        }
    }

    #[test]
    fn a_copy_with_the_same_size_and_time_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["config", "other"].map(|name| folder.path().join(name));
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).unwrap();
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
        };
        write(&path, "one");
        let one = state_of(&path);
        // As `cp -p` does: over it, and beside it to take its place.
        write(&path, "two");
        let two = state_of(&path);
        write(&other, "six");
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(HashSet::from([one, two, state_of(&path)]).len(), 3);
    }

    /// As a profile of Nix or a folder of dotfiles is switched: the link changes, both files stay.
    #[cfg(unix)]
    #[test]
    fn a_link_with_another_target_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("config");
        let states = ["one", "two"].map(|name| {
            let target = folder.path().join(name);
            std::fs::write(&target, name).unwrap();
            let file = std::fs::File::options().write(true).open(&target).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&target, &link).unwrap();
            state_of(&link)
        });
        assert_ne!(states[0], states[1]);
    }
}
