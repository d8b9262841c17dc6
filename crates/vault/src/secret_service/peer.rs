use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The user whose process made the socket at the other end.
///
/// `rustix` asks this too, and takes the process's number for one that is never zero, which it is
/// between containers.
/// <https://man7.org/linux/man-pages/man7/unix.7.html>
pub(super) fn user_behind(socket: impl AsFd) -> io::Result<u32> {
    let mut peer = libc::ucred { pid: 0, uid: libc::uid_t::MAX, gid: libc::gid_t::MAX };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `size` bytes to `peer`; both outlive the call.
    #[allow(unsafe_code)]
    let done = unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut peer).cast(), &mut size) //
    };
    if done == 0 { Ok(peer.uid) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn it_is_us_behind_a_socket_of_ours() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(user_behind(&one).unwrap(), rustix::process::geteuid().as_raw());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(user_behind(file).is_err());
    }
}
