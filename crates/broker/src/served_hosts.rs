use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use vault::private;

const NAME: &str = "answered-hosts";
/// A host is listed for this long after it was last served.
const LISTED_FOR: Duration = Duration::from_secs(90 * 24 * 3600);
/// A host that is served all the time is recorded this often.
const RECORD_AGAIN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Bytes; a larger file is rewritten with one line for each host.
const COMPACT_AT: u64 = 32 << 10;

/// The registries that `get` has served, so that `list` names them after their token has expired.
///
/// Some clients call `list` first and `get` only for what it names. The file `answered-hosts` in the user's
/// data folder has a line `+ SECONDS SERVER USERNAME` for each registry that was newly served and a line
/// `- SERVER` for each erased one; the last line of a server counts. It contains no secrets. Without a folder, or if it
/// cannot be written, nothing is recorded.
pub(crate) struct ServedHosts {
    file: Option<PathBuf>,
}

struct Served {
    username: String,
    at: SystemTime,
}

impl ServedHosts {
    /// Records in this folder.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        ServedHosts { file: folder.map(|folder| folder.join(NAME)) }
    }

    /// Every server that was served in the last 90 days, with its user name.
    pub(crate) fn all(&self, now: SystemTime) -> Vec<(String, String)> {
        let recent = |served: &Served| now.duration_since(served.at).is_ok_and(|age| age < LISTED_FOR);
        let all = self.read().unwrap_or_default().into_iter();
        all.filter(|(_, served)| recent(served)).map(|(server, served)| (server, served.username)).collect()
    }

    /// Records that a server was served.
    pub(crate) fn add(&self, server: &str, username: &str, now: SystemTime) {
        let known = self.read();
        let is_new = |served: &Served| {
            served.username != username || now.duration_since(served.at).map_or(true, |age| age > RECORD_AGAIN_AFTER)
        };
        if known.as_ref().and_then(|known| known.get(server)).is_none_or(is_new) {
            let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            self.append(&format!("+ {seconds} {server} {username}\n"), now);
        }
    }

    /// Removes a server.
    pub(crate) fn remove(&self, server: &str, now: SystemTime) {
        if self.read().is_some_and(|known| known.contains_key(server)) {
            self.append(&format!("- {server}\n"), now);
        }
    }

    fn read(&self) -> Option<BTreeMap<String, Served>> {
        let (file, _) = private::open(self.file.as_ref()?).ok()?;
        let mut text = Vec::new();
        file.take(4 * COMPACT_AT).read_to_end(&mut text).ok()?;
        let mut known = BTreeMap::new();
        for line in String::from_utf8_lossy(&text).lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["+", seconds, server, ref username @ ..] if !username.is_empty() => {
                    let since = seconds.parse().ok().map(Duration::from_secs);
                    if let Some(at) = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)) {
                        known.insert(server.to_owned(), Served { username: username.join(" "), at });
                    }
                }
                ["-", server] => _ = known.remove(server),
                // An incomplete line of a process that was killed.
                _ => {}
            }
        }
        Some(known)
    }

    /// One `write` per line, so that lines of concurrent processes stay whole.
    fn append(&self, line: &str, now: SystemTime) {
        let Some(path) = &self.file else { return };
        if line.trim_end_matches('\n').contains(char::is_control) {
            return;
        }
        let written = path
            .parent()
            .map_or_else(|| Err(std::io::ErrorKind::NotFound.into()), private::make_folder)
            .and_then(|folder| folder.open_to_append(NAME))
            .and_then(|mut file| file.write_all(line.as_bytes()).and_then(|()| file.metadata()));
        match written {
            Ok(metadata) if metadata.len() > COMPACT_AT => self.compact(now),
            Ok(_) => {}
            Err(error) => log::debug!("cannot record the host in {}: {error}", path.display()),
        }
    }

    /// A line that another process appends meanwhile is lost until its host is served again.
    fn compact(&self, now: SystemTime) {
        let (Some(path), Some(known)) = (&self.file, self.read()) else { return };
        let mut text = String::new();
        for (server, Served { username, at }) in known {
            if now.duration_since(at).is_ok_and(|age| age < LISTED_FOR) {
                let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
                text.push_str(&format!("+ {seconds} {server} {username}\n"));
            }
        }
        let replace = |folder: private::Folder| {
            let name = format!("{NAME}.{}", std::process::id());
            let new = folder.path().join(&name);
            let written = folder.open_lock(&name).and_then(|mut file| file.write_all(text.as_bytes()));
            if written.and_then(|()| std::fs::rename(&new, folder.path().join(NAME))).is_err() {
                let _ = std::fs::remove_file(new);
            }
        };
        _ = path.parent().and_then(|folder| private::open_folder(folder).ok()).map(replace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(days * 24 * 3600)
    }

    fn hosts() -> (tempfile::TempDir, ServedHosts) {
        let folder = tempfile::tempdir().unwrap();
        let hosts = ServedHosts::new(Some(folder.path().join("made")));
        (folder, hosts)
    }

    fn names(hosts: &ServedHosts, now: SystemTime) -> Vec<String> {
        hosts.all(now).into_iter().map(|(server, username)| format!("{server} {username}")).collect()
    }

    fn size(hosts: &ServedHosts) -> u64 {
        std::fs::metadata(hosts.file.as_ref().unwrap()).map_or(0, |metadata| metadata.len())
    }

    #[test]
    fn a_host_is_listed_for_90_days_and_recorded_once_a_day() {
        let (_folder, hosts) = hosts();
        assert!(names(&hosts, at(1000)).is_empty());
        hosts.add("b.example", "AWS", at(1000));
        hosts.add("a.example", "a user", at(1000));
        let once = size(&hosts);
        hosts.add("b.example", "AWS", at(1000) + Duration::from_secs(3600));
        assert_eq!(size(&hosts), once, "it is recorded already");
        assert_eq!(names(&hosts, at(1089)), ["a.example a user", "b.example AWS"]);
        hosts.add("b.example", "other", at(1000));
        hosts.add("b.example", "other", at(1050));
        assert_eq!(names(&hosts, at(1091)), ["b.example other"]);
        hosts.remove("b.example", at(1050));
        hosts.remove("c.example", at(1050));
        assert_eq!(names(&hosts, at(1050)), ["a.example a user"]);
    }

    #[test]
    fn malformed_lines_are_ignored() {
        let (_folder, hosts) = hosts();
        hosts.add("a.example", "u", at(1000));
        let mut file =
            private::open_folder(hosts.file.as_ref().unwrap().parent().unwrap()).unwrap().open_to_append(NAME).unwrap();
        file.write_all(b"+ x b.example u\n+ 99999999999999999999 c.example u\n+ 1\n\xff\n- \n+ 86400000 d.ex").unwrap();
        assert_eq!(names(&hosts, at(1000)), ["a.example u"]);
        hosts.add("e.example", "u\nv", at(1000));
        assert_eq!(names(&hosts, at(1000)), ["a.example u"], "a record is one line");
    }

    #[test]
    fn a_large_file_is_compacted() {
        let (_folder, hosts) = hosts();
        for day in 0..1500 {
            hosts.add("a.example", "u", at(2 * day));
            hosts.add(&format!("{}.example", day % 100), "u", at(2 * day));
        }
        assert!(size(&hosts) < COMPACT_AT + 100, "{}", size(&hosts));
        assert_eq!(hosts.all(at(3000)).len(), 45, "those of 90 days");
    }

    #[test]
    fn without_a_folder_nothing_is_recorded() {
        for folder in [None, Some(PathBuf::from("/proc/nowhere"))] {
            let hosts = ServedHosts::new(folder);
            hosts.add("a.example", "u", at(1000));
            hosts.remove("a.example", at(1000));
            assert!(hosts.all(at(1000)).is_empty());
        }
    }
}
