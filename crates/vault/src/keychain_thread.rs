use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::VaultError;
use crate::keychain::KeychainClient;
use crate::store::Store;

type Question = Box<dyn FnOnce(&dyn Store) + Send>;
type Open = Box<dyn FnOnce() -> Box<dyn Store> + Send>;

/// A thread for a keychain whose calls block in foreign code without a timeout.
///
/// It keeps the connection between calls. It is never joined: the process ends when `main` returns, whether or
/// not the call has returned.
pub(crate) struct KeychainThread {
    place: &'static str,
    /// Until the first call.
    open: Option<Open>,
    questions: Option<Sender<Question>>,
}

impl KeychainThread {
    /// `open` runs on the thread, before the first call.
    pub(crate) fn new(place: &'static str, open: impl FnOnce() -> Box<dyn Store> + Send + 'static) -> Self {
        KeychainThread { place, open: Some(Box::new(open)), questions: None }
    }

    fn died(&self, why: impl ToString) -> VaultError {
        VaultError::Failed { place: self.place, why: why.to_string() }
    }
}

impl KeychainClient for KeychainThread {
    fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
        limit: Duration,
    ) -> Result<T, VaultError> {
        if let Some(open) = self.open.take() {
            self.questions = Some(start(open).map_err(|error| self.died(error))?);
        }
        let (answer, answered) = channel();
        let question: Question = Box::new(move |store| _ = answer.send(question(store)));
        let questions = self.questions.as_ref().ok_or_else(|| self.died("its thread did not start"))?;
        questions.send(question).map_err(|_| self.died("its thread ended"))?;
        match answered.recv_timeout(limit) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => Err(self.died("its thread ended")),
            Err(RecvTimeoutError::Timeout) => Err(VaultError::TimedOut { place: self.place }),
        }
    }
}

fn start(open: Open) -> std::io::Result<Sender<Question>> {
    let (thread, questions) = channel::<Question>();
    std::thread::Builder::new().name("keychain".to_owned()).spawn(move || {
        let store = open();
        for question in questions {
            question(&*store);
        }
    })?;
    Ok(thread)
}
