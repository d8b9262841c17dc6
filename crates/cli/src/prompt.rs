//! Prompts at a terminal. Echo is off from before the first prompt to the last input: otherwise a password
//! that is typed ahead would be echoed before echo is turned off.

use protocol::{ErrorMessage, Secret};

use crate::printer::Printer;

/// Prompts on the terminal of standard input.
pub(crate) struct Prompt<'a> {
    printer: &'a Printer,
    #[cfg(unix)]
    _terminal: unix::NoEcho,
}

impl<'a> Prompt<'a> {
    /// Turns echo off; `None` if standard input is not a terminal.
    pub(crate) fn begin(printer: &'a Printer) -> Option<Self> {
        #[cfg(unix)]
        {
            printer.stop_spinner();
            Some(Prompt { printer, _terminal: unix::NoEcho::begin().ok()? })
        }
        #[cfg(not(unix))]
        {
            use std::io::IsTerminal;
            std::io::stdin().is_terminal().then_some(Prompt { printer })
        }
    }

    /// Prompts for something that is shown while it is typed.
    ///
    /// # Errors
    /// The terminal is gone, or Ctrl-C was typed.
    pub(crate) fn ask(&self, question: &str) -> Result<String, ErrorMessage> {
        self.printer.ask(question);
        #[cfg(unix)]
        return unix::line(Some(self.printer)).map(|line| line.to_string());
        #[cfg(not(unix))]
        {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map_err(|_| no_input())?;
            Ok(line)
        }
    }

    /// Prompts for a secret.
    ///
    /// # Errors
    /// Those of [`Prompt::ask`].
    pub(crate) fn password(&self, question: &str) -> Result<Secret, ErrorMessage> {
        #[cfg(unix)]
        {
            self.printer.ask(question);
            let line = unix::line(None)?;
            self.printer.ask("\n");
            Ok(Secret::new(line.to_string()))
        }
        #[cfg(not(unix))]
        rpassword::prompt_password(question).map(Secret::new).map_err(|_| no_input())
    }
}

fn no_input() -> ErrorMessage {
    ErrorMessage { what: "no input".to_owned(), hint: None }
}

#[cfg(unix)]
mod unix {
    use std::io;

    use protocol::ErrorMessage;
    use rustix::stdio::stdin;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
    use zeroize::Zeroizing;

    use crate::printer::Printer;

    /// Bytes, more than any password or token has. The buffer never grows, as that would leave copies in memory.
    const LONGEST: usize = 64 << 10;
    const INTERRUPT: u8 = 0x03;
    const END: u8 = 0x04;
    const ERASE_LINE: u8 = 0x15;

    /// Standard input without echo and line editing, until this is dropped. Ctrl-C is read as a key: a process
    /// that it killed would leave echo off.
    pub(super) struct NoEcho(Termios);

    impl NoEcho {
        pub(super) fn begin() -> io::Result<Self> {
            let before = tcgetattr(stdin())?;
            let mut silent = before.clone();
            silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
            // What was typed before stays to be read.
            tcsetattr(stdin(), OptionalActions::Now, &silent)?;
            Ok(NoEcho(before))
        }
    }

    impl Drop for NoEcho {
        fn drop(&mut self) {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
        }
    }

    /// Reads a line, and echoes it if there is a printer.
    pub(super) fn line(shown: Option<&Printer>) -> Result<Zeroizing<String>, ErrorMessage> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        let show = |text: &str| shown.iter().for_each(|printer| printer.echo(text));
        loop {
            let mut key = [0];
            // One byte at a time: the rest belongs to the next prompt.
            match rustix::io::read(stdin(), &mut key) {
                Ok(1) => {}
                Err(rustix::io::Errno::INTR) => continue,
                _ => return Err(super::no_input()),
            }
            match key[0] {
                b'\n' | b'\r' => break,
                INTERRUPT => {
                    return Err(ErrorMessage { what: "interrupted: nothing was stored".to_owned(), hint: None });
                }
                END if line.is_empty() => return Err(super::no_input()),
                key @ (b'\x08' | b'\x7f' | ERASE_LINE) => {
                    let most = if key == ERASE_LINE { usize::MAX } else { 1 };
                    let letters = (0..most).take_while(|_| erase(&mut line)).count();
                    show(&"\x08 \x08".repeat(letters));
                }
                byte if line.len() < LONGEST => {
                    line.push(byte);
                    if !byte.is_ascii_control() {
                        // A letter of several bytes is shown with its last one.
                        let start = start_of_last(&line);
                        show(std::str::from_utf8(&line[start..]).unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
        show("\n");
        let text = std::str::from_utf8(&line)
            .map_err(|_| ErrorMessage { what: "the input is not valid UTF-8".to_owned(), hint: None })?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Takes the last letter away.
    fn erase(line: &mut Vec<u8>) -> bool {
        let had = !line.is_empty();
        line.truncate(start_of_last(line));
        had
    }

    fn start_of_last(line: &[u8]) -> usize {
        line.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or_default()
    }
}
