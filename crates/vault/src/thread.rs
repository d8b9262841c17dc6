use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::VaultError;
use crate::keychain::Way;
use crate::store::Store;

type Question = Box<dyn FnOnce(&dyn Store) + Send>;
type Open = Box<dyn FnOnce() -> Box<dyn Store> + Send>;

/// A thread for a keychain whose calls block in foreign code for as long as they like.
///
/// It keeps the connection from call to call. Nothing ever joins it: the process ends when `main`
/// returns, whether or not the thread has had its answer.
pub(crate) struct Thread {
    place: &'static str,
    /// Until the first call.
    open: Option<Open>,
    questions: Option<Sender<Question>>,
}

impl Thread {
    /// `open` is called on the thread, at the first question.
    pub(crate) fn new(place: &'static str, open: impl FnOnce() -> Box<dyn Store> + Send + 'static) -> Self {
        Thread { place, open: Some(Box::new(open)), questions: None }
    }

    fn died(&self, why: impl ToString) -> VaultError {
        VaultError::Broken { place: self.place, why: why.to_string() }
    }
}

impl Way for Thread {
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
            Err(RecvTimeoutError::Timeout) => Err(VaultError::Hung { place: self.place }),
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
