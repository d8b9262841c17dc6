use std::path::Path;
use std::process::Command;

/// Writes a shell script that can be executed.
///
/// Another process writes it: while this process holds the file open for writing, a fork in the thread
/// of another test may hold it, too, and executing it fails with "text file busy".
///
/// # Panics
/// If it cannot be written.
#[track_caller]
pub fn script(path: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$0\" && chmod 755 \"$0\""]).arg(path).arg(script);
    assert!(shell.status().is_ok_and(|status| status.success()), "{} cannot be written", path.display());
}

/// Copies a program, to a file or into a folder; in another process, for the same reason as [`script`].
///
/// # Panics
/// If it cannot be copied.
#[track_caller]
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", from.display());
}

/// The command lines of the running processes with this variable: everything that a program with
/// its own environment has started, whatever their parents are now.
#[cfg(target_os = "linux")]
pub fn descendants_of(variable: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()));
    processes
        .filter_map(|process| {
            // A zombie has no environment.
            let given = std::fs::read(process.path().join("environ")).ok()?;
            given.split(|&byte| byte == 0).any(|given| given == variable.as_bytes()).then_some(())?;
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            Some(String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}

/// Unknown on other systems.
#[cfg(not(target_os = "linux"))]
pub fn descendants_of(_variable: &str) -> Vec<String> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_script_runs_and_its_children_are_found_until_they_end() {
        let folder = std::env::temp_dir().join(format!("testing-program-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let program = folder.join("program");
        script(&program, "sleep 300 & read line; kill $!");
        let mark = format!("TESTING_MARK={}", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let mut child = Command::new(&program).env(name, value).stdin(std::process::Stdio::piped()).spawn().unwrap();
        crate::wait_until("the script's child", || descendants_of(&mark).iter().any(|line| line.contains("sleep")));
        drop(child.stdin.take());
        child.wait().unwrap();
        crate::wait_until("their end", || descendants_of(&mark).is_empty());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
