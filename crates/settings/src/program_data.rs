use std::path::PathBuf;

/// The folder of Windows for the data of all users. The system reads it where only administrators write; the variable
/// `ProgramData` is the user's to change, and with it the policy of the machine could be left behind.
/// <https://learn.microsoft.com/windows/win32/shell/knownfolderid>
#[cfg(windows)]
pub(crate) fn program_data() -> Option<PathBuf> {
    let windows = windows_registry::LOCAL_MACHINE.open(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion").ok()?;
    let root = windows.get_string("SystemRoot").ok()?;
    let named = windows.open("ProfileList").and_then(|list| list.get_string("ProgramData")).ok();
    folder(named.as_deref(), &root)
}

/// The folder with its drive in place of the variable, which is not looked up for the same reason.
#[cfg_attr(not(windows), allow(dead_code, reason = "tested on every system"))]
fn folder(named: Option<&str>, root: &str) -> Option<PathBuf> {
    const DRIVE: &str = "%SystemDrive%";
    let named = named.unwrap_or(r"%SystemDrive%\ProgramData");
    let folder = match named.get(..DRIVE.len()).filter(|start| start.eq_ignore_ascii_case(DRIVE)) {
        Some(start) => format!("{}{}", root.get(..2)?, &named[start.len()..]),
        None => named.to_owned(),
    };
    (!folder.contains('%')).then(|| PathBuf::from(folder))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_drive_is_that_of_windows() {
        for (named, expected) in [
            (Some(r"%SystemDrive%\ProgramData"), Some(r"D:\ProgramData")),
            (Some(r"%systemdrive%\Data"), Some(r"D:\Data")),
            (Some(r"E:\Data"), Some(r"E:\Data")),
            (None, Some(r"D:\ProgramData")),
            (Some(r"%ALLUSERSPROFILE%"), None),
        ] {
            assert_eq!(folder(named, r"D:\Windows"), expected.map(PathBuf::from), "{named:?}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn a_variable_does_not_move_the_settings_of_the_machine() {
        let moved = crate::Environment::of([("ProgramData", r"C:\elsewhere")]);
        let file = crate::Places::of_process(&moved).machine_settings.unwrap();
        assert_eq!(file, program_data().unwrap().join("credmint").join("config.toml"));
        assert!(!file.starts_with(r"C:\elsewhere"), "{}", file.display());
    }
}
