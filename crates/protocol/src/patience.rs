use std::io;
use std::time::Duration;

/// A virus scanner or an editor holds a file open on Windows for a moment.
const TRIES: u32 = 12;

/// Tries again what Windows refuses while another program has the file open, for two seconds in all:
/// <https://github.com/microsoft/vscode-docker/issues/2515>. Elsewhere, a file that is open can be replaced.
///
/// # Errors
/// Those of the last try.
pub fn patiently<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut pause = Duration::from_millis(1);
    for _ in 1..TRIES {
        match action() {
            Err(error) if is_sharing_violation(&error) => std::thread::sleep(pause),
            done => return done,
        }
        pause = (pause * 2).min(Duration::from_millis(500));
    }
    action()
}

/// `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`.
#[cfg(any(windows, test))]
fn is_sharing_violation(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(5 | 32 | 33))
}

#[cfg(not(any(windows, test)))]
fn is_sharing_violation(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c11_a_sharing_violation_is_waited_for_and_not_for_ever() {
        let attempt = |failures: u32, code: i32| {
            let mut tries = 0;
            let done = patiently(|| {
                tries += 1;
                if tries > failures { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
            });
            (done.is_ok(), tries)
        };
        assert_eq!(attempt(3, 32), (true, 4));
        assert_eq!(attempt(3, 2), (false, 1), "another error is final");
        assert_eq!(attempt(u32::MAX, 32), (false, TRIES));
    }
}
