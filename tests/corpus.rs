//! What fuzzing has found, and what it starts from: read on every compiler, with every build.

use std::path::Path;

#[path = "fuzz/readers.rs"]
mod readers;

#[test]
fn everything_that_fuzzing_kept_is_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut folders: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // Their readers are not built.
    if cfg!(not(feature = "exchange")) {
        folders.retain(|folder| folder != "claims" && folder != "exchange");
    }
    for &(name, read) in readers::READERS {
        let inputs = crate::home::files(&corpus.join(name));
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            if let Err(panic) = std::panic::catch_unwind(|| read(&bytes)) {
                panic!("{}: {:?}", input.display(), panic.downcast_ref::<String>());
            }
        }
        folders.retain(|folder| folder != name);
    }
    assert!(folders.is_empty(), "nothing reads {folders:?}");
}
