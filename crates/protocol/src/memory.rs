/// Keeps this process's memory, which holds secrets, out of any core file: a crash is no reason to
/// write them to the disk. To be called before the first secret is read. Children inherit it.
pub fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Lowering a limit is always allowed.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
