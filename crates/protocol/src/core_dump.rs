/// Disables core dumps, so that a crash does not write secrets to the disk. To be called before the first
/// secret is read.
///
/// Child processes inherit the limit. A core pattern that is a pipe ignores it, so on Linux the process is
/// also marked as not dumpable, after which only root can inspect it.
/// <https://man7.org/linux/man-pages/man5/core.5.html>
pub fn disable_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Lowering a limit is always allowed.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
