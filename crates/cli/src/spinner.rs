use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// When the spinner appears.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// When it also shows what is waited for.
const MESSAGE_AFTER: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(120);

/// A spinner with the elapsed time, on standard error if that is a terminal.
#[derive(Default)]
pub(crate) struct Spinner(RefCell<Option<Running>>);

impl Spinner {
    /// Starts it; it appears after a second. Without a terminal nothing is shown.
    pub(crate) fn start(&self, what: &'static str) {
        if std::io::stderr().is_terminal() {
            *self.0.borrow_mut() = Running::start(what).ok();
        }
    }

    /// Stops and clears it, before a prompt or at the end.
    pub(crate) fn stop(&self) {
        self.0.borrow_mut().take();
    }

    /// Hides it while output is written, as both may share a terminal.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.0.borrow().as_ref().and_then(|running| running.shown.get()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// The thread that draws it.
struct Running {
    shown: Arc<OnceLock<ProgressBar>>,
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Running {
    fn start(what: &'static str) -> std::io::Result<Self> {
        let shown = Arc::new(OnceLock::new());
        let (sender, stopped) = channel();
        let started = Instant::now();
        let late = Arc::clone(&shown);
        let thread = std::thread::Builder::new().spawn(move || {
            if let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(SHOW_AFTER) {
                let bar = late.get_or_init(|| bar(started.elapsed()));
                if let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(MESSAGE_AFTER) {
                    bar.set_message(what);
                }
            }
        })?;
        Ok(Running { shown, thread: Some((sender, thread)) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            let _ = thread.join();
        }
        if let Some(bar) = self.shown.get() {
            bar.finish_and_clear();
        }
    }
}

fn bar(elapsed: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}").expect("a valid template");
    let bar = ProgressBar::new_spinner().with_style(style).with_elapsed(elapsed);
    bar.enable_steady_tick(TICK);
    bar
}
