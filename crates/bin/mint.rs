//! `credmint-mint`: mints what the helpers beside it miss. It has the clouds' SDKs in it, so that they do not.

mod all;
mod allocator;

use std::process::ExitCode;

fn main() -> ExitCode {
    broker::run_worker(all::All)
}
