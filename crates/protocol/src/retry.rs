use std::io;
use std::time::Duration;

/// On Windows, a virus scanner or an editor keeps a file open for a moment.
const MAX_ATTEMPTS: u32 = 12;

/// Retries an action for up to two seconds while Windows denies it because another program has the file open:
/// <https://github.com/microsoft/vscode-docker/issues/2515>. Elsewhere, an open file can be replaced.
///
/// # Errors
/// That of the last attempt.
pub fn retry_sharing_violation<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut pause = Duration::from_millis(1);
    for _ in 1..MAX_ATTEMPTS {
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
    fn c11_a_sharing_violation_is_retried_and_not_for_ever() {
        let attempt = |failures: u32, code: i32| {
            let mut attempts = 0;
            let done = retry_sharing_violation(|| {
                attempts += 1;
                if attempts > failures { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
            });
            (done.is_ok(), attempts)
        };
        assert_eq!(attempt(3, 32), (true, 4));
        assert_eq!(attempt(3, 2), (false, 1), "another error is final");
        assert_eq!(attempt(u32::MAX, 32), (false, MAX_ATTEMPTS));
    }
}
