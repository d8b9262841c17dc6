use protocol::ErrorMessage;

/// An error of a program that has nothing to do with its account: signing in again would not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemError {
    /// A file system without space.
    DiskFull,
    /// A file system that cannot be written.
    ReadOnly,
    /// A file that this user may not read or write, or may not execute.
    Denied,
    /// A certificate that the program does not trust.
    Certificate,
    /// A proxy that cannot be reached, or does not let the program through.
    Proxy,
    /// The service cannot be reached.
    Offline,
    /// The service is down.
    Unavailable,
    /// The service limits the rate of requests.
    Limited,
    /// An interpreter, a module or a library is missing.
    Broken,
}

/// The names that an error message uses for a program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name: `az`.
    pub name: &'static str,
    /// The folder of its files: `~/.azure`.
    pub folder: &'static str,
    /// How to make it trust a CA: `set REQUESTS_CA_BUNDLE to the file with the CA certificate`.
    pub trust: &'static str,
}

use SystemError::{Broken, Certificate, Denied, DiskFull, Limited, Offline, Proxy, ReadOnly, Unavailable};

/// Words of the error output, most of it Python's. File errors come first, because they may cause network
/// exceptions.
const WORDS: [(&[&str], SystemError); 9] = [
    (&["No space left on device", "[Errno 28]", "disk is full", "Disk quota exceeded"], DiskFull),
    (&["Read-only file system", "[Errno 30]", "readonly database"], ReadOnly),
    (
        &["Permission denied", "PermissionError", "[Errno 13]", "unable to open database file", "Access is denied"],
        Denied,
    ),
    (&["CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "x509: certificate"], Certificate),
    (&["ProxyError", "Tunnel connection failed", "Cannot connect to proxy"], Proxy),
    (&["Too Many Requests", "HTTP Error: 429", "too many 429 error", "TooManyRequests"], Limited),
    (
        &[
            "Service Unavailable",
            "HTTP Error: 5",
            " Server Error: ",
            "temporarily_unavailable",
            "Bad Gateway",
            "Gateway Timeout",
            "too many 50",
            "AADSTS90033",
        ],
        Unavailable,
    ),
    (
        &[
            "Name or service not known",
            "name resolution",
            "getaddrinfo failed",
            "nodename nor servname",
            "Failed to resolve",
            "no such host",
            "Network is unreachable",
            "No route to host",
            "NewConnectionError",
            "Max retries exceeded",
            "Connection refused",
            "ConnectTimeout",
            "ConnectionError",
            "Remote end closed connection",
        ],
        Offline,
    ),
    (
        &[
            "ModuleNotFoundError",
            "ImportError",
            "No module named",
            "bad interpreter",
            "cannot execute",
            "python3: not found",
            "python: not found",
            "python3: No such file",
            "error while loading shared libraries",
        ],
        Broken,
    ),
];

impl SystemError {
    /// The error by a program's exit code and by words of its standard error, which must not be shown.
    pub fn of(code: Option<i32>, stderr: &str) -> Option<Self> {
        // Python and Go differ in letter case.
        let stderr = stderr.to_ascii_lowercase();
        let says = |word: &&str| stderr.contains(&word.to_ascii_lowercase());
        let row = WORDS.iter().find(|(words, _)| words.iter().any(says));
        row.map(|(_, error)| *error).or(match code {
            // Of a shell: the command cannot be executed, or was not found.
            Some(126) => Some(Denied),
            Some(127) => Some(Broken),
            _ => None,
        })
    }

    /// The error of an existing program that cannot be started.
    pub fn of_start_error(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Denied,
            _ => Broken,
        }
    }

    /// The message for the user: `az failed: no space left on the disk`.
    pub fn explain(self, Program { name, folder, trust }: Program) -> ErrorMessage {
        let (what, hint) = match self {
            DiskFull => (format!("{name} failed: no space left on the disk"), format!("free space in {folder}")),
            ReadOnly => (
                format!("{name} failed: read-only file system"),
                format!("let {name} write to {folder}, or name another folder for it"),
            ),
            Denied => (
                format!("{name} failed: permission denied for one of its files"),
                format!("check the owner and permissions of {name} and of {folder}"),
            ),
            Certificate => (format!("{name} failed: certificate of the service not trusted"), trust.to_owned()),
            Proxy => (format!("{name} failed: cannot connect through the proxy"), "check HTTPS_PROXY".to_owned()),
            Offline => {
                (format!("{name} failed: cannot reach the service"), "check the network and the proxy".to_owned())
            }
            Unavailable => (
                format!("{name} failed: the service is unavailable"),
                "try again later, or check the status page of the service".to_owned(),
            ),
            Limited => {
                (format!("{name} failed: rate limited by the service"), "wait a few minutes and try again".to_owned())
            }
            Broken => (format!("{name} failed: it is installed but does not run"), format!("reinstall {name}")),
        };
        ErrorMessage { what, hint: Some(hint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_have_nothing_to_do_with_the_account_are_recognised() {
        for (code, stderr, expected) in [
            (1, "ERROR: [Errno 28] No space left on device: '/home/u/.azure/az.json'", Some(DiskFull)),
            (1, "OSError: [Errno 30] Read-only file system: '/home/u/.azure'", Some(ReadOnly)),
            (1, "PermissionError: [Errno 13] Permission denied: '/home/u/.azure/config'", Some(Denied)),
            (1, "ERROR: (ssl.SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", Some(Certificate)),
            (1, "Max retries exceeded (Caused by ProxyError('Cannot connect to proxy.'", Some(Proxy)),
            (1, "Max retries exceeded (Caused by NameResolutionError(\"Failed to resolve 'login", Some(Offline)),
            (1, "ModuleNotFoundError: No module named 'azure'", Some(Broken)),
            (1, "open /home/u/.config/gh/hosts.yml: permission denied", Some(Denied)),
            (1, "write /home/u/.config/gh/config.yml: no space left on device", Some(DiskFull)),
            (127, "", Some(Broken)),
            (126, "", Some(Denied)),
            (1, "ERROR: Please run 'az login' to setup account.", None),
        ] {
            assert_eq!(SystemError::of(Some(code), stderr), expected, "{stderr}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_started_is_denied_or_broken() {
        use std::io::{Error, ErrorKind};
        assert_eq!(SystemError::of_start_error(&Error::from(ErrorKind::PermissionDenied)), Denied);
        // A script whose interpreter is gone.
        assert_eq!(SystemError::of_start_error(&Error::from(ErrorKind::NotFound)), Broken);
    }
}
