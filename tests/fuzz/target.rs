//! One program for every reader: the variable `CREDMINT_READER` names the one that it is for. A program
//! for each would take eight times as long to build as this one.
#![no_main]

mod readers;

use std::sync::LazyLock;

static READ: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("CREDMINT_READER").expect("CREDMINT_READER names a reader");
    let (_, read) = readers::READERS.iter().copied().find(|(name, _)| *name == wanted).expect("a name of readers.rs");
    read
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| READ(bytes));
