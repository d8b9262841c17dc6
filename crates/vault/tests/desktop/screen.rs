//! A virtual screen on which a test presses keys.

use std::time::Instant;

use super::*;

pub(crate) struct Screen {
    display: String,
    server: Child,
}

impl Screen {
    /// `None` and a skipped test if the programs are not installed.
    pub(crate) fn start() -> Option<Self> {
        if let Some(missing) = ["Xvfb", "xdotool"].iter().find(|program| find(program).is_none()) {
            skip("a confirmation", &format!("{missing} is not installed"));
            return None;
        }
        let mut server = Command::new("Xvfb");
        let server = server.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1024x768x24"]);
        let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut number).unwrap();
        Some(Screen { display: format!(":{}", number.trim()), server })
    }

    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// The result of `act`, while keys are pressed in the window that it opens.
    pub(crate) fn confirming<T>(&self, window: &str, key: &str, act: impl FnOnce() -> T) -> T {
        std::thread::scope(|threads| {
            threads.spawn(|| self.press(window, key));
            act()
        })
    }

    /// Repeats the keys until the window has closed: it may ignore the first ones.
    fn press(&self, window: &str, key: &str) {
        let began = Instant::now();
        let mut seen = false;
        while began.elapsed() < testing::HANG {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", window]);
            let Some(id) = found.split_whitespace().last().map(str::to_owned) else {
                if seen {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            seen = true;
            let keys = key.split(' ').collect::<Vec<_>>();
            self.xdotool(&[&["windowfocus", "--sync", &id, "key"], &keys[..]].concat());
        }
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let mut xdotool = Command::new("xdotool");
        text(&xdotool.args(arguments).env("DISPLAY", &self.display).stderr(Stdio::null()).output().unwrap())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}
