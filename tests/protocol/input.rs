//! Input in pieces, too much of it, and bad input.

use super::*;

#[test]
fn h27_all_of_the_input_is_read() {
    // `run` fails when the program ends before everything is written.
    let home = home();
    let large = vec![b'x'; 3 * 1024 * 1024];
    home.run(helper(), &["get"], &large).says("the request on standard input is larger than 512 KiB");
    home.run(helper(), &["erase"], &large).says("the request on standard input is larger than 512 KiB");
    home.run(helper(), &["store"], &large).says("the request on standard input is larger than 512 KiB");
}

#[test]
fn an_input_that_comes_in_pieces_is_put_together() {
    let home = home();
    stored(&home, SERVER, "u", "s");
    let mut child = home.command(helper(), &["get"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for piece in SERVER.as_bytes().chunks(7) {
        input.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains("\"Secret\":\"s\""));
}

#[test]
fn bad_input_is_rejected_in_a_line_and_not_repeated() {
    let home = home();
    home.run(helper(), &["get"], b"r.example\xff\xfe").says("the request on standard input is not UTF-8 text");
    for text in ["canary", "[\"canary\"]", "{\"Secret\":\"canary\"", "{\"Secret\":[\"canary\"]}", "null", "", "{}{}"] {
        let line = home.run(helper(), &["store"], text).explains(&["credentials are not"]).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
    for server in ["https://u:canary@x@r.example", "ftp://r.example", "r example"] {
        let line = home.store(server, "u", "canary").explains(&["registry address"]).to_owned();
        assert!(!line.contains("canary"), "{line}");
    }
}
