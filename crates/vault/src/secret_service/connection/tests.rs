use std::os::unix::net::UnixListener;
use std::thread;

use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

/// The error of a client whose bus replies with these texts, one after each message.
fn error_of_bus(answers: &'static [&'static [u8]]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a bus");
    let listener = UnixListener::bind(&path).unwrap();
    let bus = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        for answer in answers {
            let mut asked = [0; 4096];
            if client.read(&mut asked).is_ok_and(|length| length > 0) {
                // The client may have closed the connection.
                _ = client.write_all(answer);
            }
        }
    });
    let address = format!("unix:path={}", path.display().to_string().replace(' ', "%20"));
    let connection = Connection::open(&address, Instant::now() + testing::HANG).unwrap();
    let error = connection.check_hello().map_or_else(text, |()| "connected".to_owned());
    drop(connection);
    bus.join().unwrap();
    error
}

#[test]
fn a_bus_that_rejects_the_user_or_is_malformed_is_an_error() {
    let rows: [(&[&[u8]], &str); 8] = [
        (&[b"REJECTED EXTERNAL\r\n"], "the bus belongs to another user"),
        (&[b"OK"], "the bus closed the connection"),
        (&[], "the bus closed the connection"),
        (&[&[b'x'; 20_000]], "malformed message from the bus"),
        (&[b"OK 00\r\n", b""], "the bus closed the connection"),
        (&[b"OK 00\r\n", &[b'x'; 32]], "malformed message from the bus"),
        // A body of 64 MiB.
        (&[b"OK 00\r\n", b"l\x02\x01\x01\0\0\0\x04\x01\0\0\0\0\0\0\0"], "malformed message from the bus"),
        (&[b"OK 00\r\n", b"l\x02\x01\x01\0\0\0\0\x01\0\0\0\0\0\0\0"], "Message is corrupted"),
    ];
    for (answers, expected) in rows {
        let error = error_of_bus(answers);
        assert!(error.starts_with(expected), "{answers:?}: {error}");
    }
}

#[test]
fn no_wait_exceeds_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let address = format!("unix:path={}", path.display());
    let listener = UnixListener::bind(&path).unwrap();
    let is_over = |began: Instant| (Duration::from_millis(300)..testing::HANG).contains(&began.elapsed());

    // It accepts the connection and sends nothing.
    let began = Instant::now();
    let connection = Connection::open(&address, soon()).unwrap();
    assert_eq!(connection.check_hello().unwrap_err().name(), Some(TIMEOUT));
    assert!(is_over(began), "{:?}", began.elapsed());

    // It accepts no further connection.
    rustix::net::listen(&listener, 0).unwrap();
    let began = Instant::now();
    assert_eq!(Connection::open(&address, soon()).err().unwrap().name(), Some(TIMEOUT));
    assert!(is_over(began), "{:?}", began.elapsed());
}
