#[cfg(unix)]
use std::path::Path;
use std::time::{Duration, Instant};

/// A bound for everything that ends by itself or at a timeout of a few seconds: it ends a test
/// that hangs, and measures nothing. A little more than a helper's default timeout of 20 s.
pub const HANG: Duration = Duration::from_secs(25);
/// How long something may take to become ready on a busy machine.
const READY: Duration = Duration::from_secs(60);
/// How often [`quick`] tries.
const TRIES: usize = 20;

/// Polls until `is_ready`.
///
/// # Panics
/// If it is not ready after a minute.
#[track_caller]
pub fn wait_until(what: &str, mut is_ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_ready() {
        assert!(started.elapsed() < READY, "{what}: not after {} s", READY.as_secs());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this Unix socket accepts connections. Its file is not enough: it exists as
/// soon as the address is bound, before anything listens.
#[cfg(unix)]
pub fn accepts(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

/// Runs something that returns its result and its duration, until it takes less than `limit`.
///
/// Something quick is sometimes slow on a busy machine; something that waits for a response that never comes
/// is always slow.
///
/// # Panics
/// If none of 20 runs took less.
#[track_caller]
pub fn quick<T>(limit: Duration, mut run: impl FnMut() -> (T, Duration)) -> T {
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let (result, took) = run();
        if took < limit {
            return result;
        }
        times.push(took);
    }
    panic!("it never took less than {limit:?}: {times:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quick_run_of_many_is_enough_and_none_is_not() {
        let mut times = [Duration::from_secs(3), Duration::from_millis(1), Duration::from_secs(3)].into_iter();
        assert_eq!(quick(Duration::from_secs(1), || ("result", times.next().unwrap())), "result");
        assert_eq!(times.len(), 1);
        let slow = std::panic::catch_unwind(|| quick(Duration::from_secs(1), || ((), Duration::from_secs(1))));
        assert!(slow.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_that_is_bound_and_not_listened_at_does_not_accept() {
        use std::os::unix::net::{UnixDatagram, UnixListener};
        let folder = std::env::temp_dir().join(format!("testing-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (bound, listened) = (folder.join("bound"), folder.join("listened"));
        let _bound = UnixDatagram::bind(&bound).unwrap();
        let _listened = UnixListener::bind(&listened).unwrap();
        assert!(bound.exists() && !accepts(&bound));
        assert!(accepts(&listened) && !accepts(&folder.join("absent")));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
