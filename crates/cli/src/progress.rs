use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Before which nobody wonders whether anything is going on.
const UNNOTICED: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

/// Shows a person at a terminal that a command is still at it.
#[derive(Default)]
pub(crate) struct Progress(RefCell<Option<Wheel>>);

impl Progress {
    /// From now on something may take its time. Without a terminal nothing ever shows.
    pub(crate) fn start(&self) {
        if std::io::stderr().is_terminal() {
            *self.0.borrow_mut() = Some(Wheel::start());
        }
    }

    /// Somebody is asked, or it is over.
    pub(crate) fn stop(&self) {
        self.0.borrow_mut().take();
    }

    /// Makes room for output, where both share a terminal.
    pub(crate) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.0.borrow().as_ref().and_then(|wheel| wheel.shown.get()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Turns on a thread of its own, once it has been waited for long enough.
struct Wheel {
    shown: Arc<OnceLock<ProgressBar>>,
    turning: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Wheel {
    fn start() -> Self {
        let shown = Arc::new(OnceLock::new());
        let (sender, stopped) = channel();
        let started = Instant::now();
        let late = Arc::clone(&shown);
        let thread = std::thread::spawn(move || {
            if let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(UNNOTICED) {
                late.get_or_init(|| turning(started.elapsed()));
            }
        });
        Wheel { shown, turning: Some((sender, thread)) }
    }
}

impl Drop for Wheel {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.turning.take() {
            drop(sender);
            let _ = thread.join();
        }
        if let Some(bar) = self.shown.get() {
            bar.finish_and_clear();
        }
    }
}

fn turning(elapsed: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed}").expect("it is a proper template");
    let bar = ProgressBar::new_spinner().with_style(style).with_elapsed(elapsed);
    bar.enable_steady_tick(TICK);
    bar
}
