//! A user at a terminal, by util-linux's `script`: prompts are shown only there.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use testing::wait_until;

use crate::home::{Home, program};

/// How long a question may take to appear.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// Runs one of the programs there.
    pub(crate) fn run(home: &Home, name: &str, arguments: &[&str]) -> Self {
        let command = format!("'{}' {}", program(name).display(), arguments.join(" "));
        let mut command = home.other("script", &["--quiet", "--return", "--command", &command, "/dev/null"]);
        let mut child = command.env("TERM", "xterm").env("SHELL", "/bin/sh").stdin(Stdio::piped()).spawn().unwrap();
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let _ = sender.send(buffer[..count].to_vec());
            }
        });
        Terminal { child, keyboard, screen, shown: String::new() }
    }

    /// Waits until this is shown.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let started = Instant::now();
        while !self.shown.contains(text) {
            match self.screen.recv_timeout(PATIENCE.saturating_sub(started.elapsed())) {
                Ok(more) => self.shown.push_str(&String::from_utf8_lossy(&more)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} is not shown: {}", self.shown)
                }
            }
        }
        self
    }

    /// Types a line that must not be echoed: once echo is off, which happens only
    /// after the question has been.
    #[track_caller]
    pub(crate) fn types_unseen(&mut self, line: &str) -> &mut Self {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        wait_until("a terminal that does not echo", || {
            let program = std::fs::read_to_string(&children).unwrap_or_default();
            let terminal = format!("/proc/{}/fd/0", program.split_whitespace().next().unwrap_or("none"));
            let settings = Command::new("stty").args(["-a", "-F", &terminal]).stderr(Stdio::null()).output();
            String::from_utf8_lossy(&settings.unwrap().stdout).split_whitespace().any(|word| word == "-echo")
        });
        self.types(line)
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) -> &mut Self {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
        self
    }

    /// How the program ended, and all that was shown.
    pub(crate) fn ends(mut self) -> (i32, String) {
        for more in &self.screen {
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
        (self.child.wait().unwrap().code().unwrap(), self.shown)
    }
}
