//! The audit log: a line for each served request, if the settings enable it.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use protocol::{Failure, ServerUrl};
use serde_json::json;
use settings::Audit;

use crate::login_expiry::jwt_subject;

/// What a line is about.
pub(crate) struct Request<'a> {
    /// `get`, `store` or `erase`.
    pub(crate) action: &'static str,
    /// The registry, with the repository if the client named it.
    pub(crate) server: &'a ServerUrl,
    /// What the credentials come from, by its name in the settings.
    pub(crate) provider: Option<&'a str>,
    /// The fingerprint of the identity.
    pub(crate) identity: Option<&'a str>,
}

/// How a request ended.
pub(crate) enum Outcome<'a> {
    /// It was served, in this way.
    Served { how: &'static str, username: &'a str, secret: &'a str },
    /// A login was stored or erased.
    Done,
    /// The policy of the machine's administrators does not allow it.
    Refused,
    /// It was not served.
    Failed(&'a Failure),
}

/// Writes the line. A request is answered all the same if that fails.
pub(crate) fn write(destination: &Audit, request: &Request<'_>, outcome: &Outcome<'_>, now: SystemTime) {
    let line = line(request, outcome, now);
    let written = match destination {
        Audit::File(path) => to_file(path, &line),
        Audit::Syslog => to_syslog(&line),
    };
    if let Err(error) = written {
        log::warn!("cannot write the audit log: {error}");
    }
}

/// A JSON object, without anything secret: of a token, who its own claims say that it is for.
fn line(request: &Request<'_>, outcome: &Outcome<'_>, now: SystemTime) -> String {
    let (how, username, principal) = match outcome {
        Outcome::Served { how, username, secret } => (*how, Some(*username), jwt_subject(secret)),
        Outcome::Done => ("done", None, None),
        Outcome::Refused => ("refused", None, None),
        Outcome::Failed(Failure::Stop(_)) => ("failed", None, None),
        Outcome::Failed(_) => ("not found", None, None),
    };
    let (user, caller) = process();
    json!({
        "time": rfc3339(now),
        "action": request.action,
        "user": user,
        "caller": caller,
        "registry": request.server.key(),
        "provider": request.provider,
        "username": username,
        "principal": principal,
        "identity": request.identity,
        "outcome": how,
    })
    .to_string()
}

/// Appends a line. What is not there is created for its owner alone; the file of several users is created by an
/// administrator, as one that all of them may append to.
fn to_file(path: &Path, line: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Neither through a link nor waiting for the reader of a pipe.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    // In one piece, so that lines of several processes do not mix.
    options.open(path)?.write_all(format!("{line}\n").as_bytes())
}

/// As `syslog(3)`: a datagram to the system's log, priority `authpriv.info`.
/// <https://www.rfc-editor.org/rfc/rfc3164>
#[cfg(unix)]
fn to_syslog(line: &str) -> io::Result<()> {
    const AUTHPRIV_INFO: u8 = 10 << 3 | 6;
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    // A log that hangs must not hold up a pull.
    socket.set_nonblocking(true)?;
    let sent = |path| {
        let message = format!("<{AUTHPRIV_INFO}>credmint[{}]: {line}", std::process::id());
        socket.send_to(message.as_bytes(), path).map(|_| ())
    };
    // Linux, then macOS.
    sent("/dev/log").or_else(|error| sent("/var/run/syslog").map_err(|_| error))
}

#[cfg(not(unix))]
fn to_syslog(_: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The user of this process by number, and the program that has started it, as far as the system shows them.
#[cfg(unix)]
fn process() -> (Option<u32>, Option<String>) {
    let user = rustix::process::getuid().as_raw();
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero());
    let caller = parent.and_then(|parent| {
        let program = std::fs::read_link(format!("/proc/{parent}/exe")).map(|path| path.display().to_string());
        // Another user's program has only a name.
        let name = || std::fs::read_to_string(format!("/proc/{parent}/comm")).map(|name| name.trim().to_owned());
        program.or_else(|_| name()).ok()
    });
    (Some(user), caller)
}

#[cfg(not(unix))]
fn process() -> (Option<u32>, Option<String>) {
    (None, None)
}

/// `2026-11-27T20:00:00Z`.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (since / 86_400, since % 86_400);
    // Days since the first of March of the year 0, in eras of 400 years:
    // <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_446_001, "2026-11-23T15:00:01Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(at(seconds)), expected);
        }
    }

    #[test]
    fn a_line_has_no_secret_and_names_the_principal() {
        let server = ServerUrl::parse("r.example/team/app").unwrap();
        let request = Request { action: "get", server: &server, provider: Some("quay"), identity: Some("4fe1") };
        // {"sub":"org+robot"}
        let secret = "e30.eyJzdWIiOiJvcmcrcm9ib3QifQ.c4n4ry";
        let served = Outcome::Served { how: "minted", username: "org+robot", secret };
        let text = line(&request, &served, at(0));
        assert!(!text.contains("c4n4ry") && !text.contains('\n'), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["registry"], &value["principal"]), (&json!("r.example/team/app"), &json!("org+robot")));
        assert_eq!((&value["outcome"], &value["time"]), (&json!("minted"), &json!("1970-01-01T00:00:00Z")));
        let failed = Outcome::Failed(&Failure::stop("c4n4ry"));
        assert!(!line(&request, &failed, at(0)).contains("c4n4ry"));
    }
}
