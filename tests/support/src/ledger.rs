use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::behaviour::Behaviour;

/// The calls of a pretend service and the behaviour for each kind: one ledger per cloud.
pub(crate) struct Ledger<C>(Mutex<Pages<C>>);

struct Pages<C> {
    calls: HashMap<C, usize>,
    behaviours: HashMap<C, Behaviour>,
    strange: Vec<String>,
}

impl<C: Copy + Debug + Eq + Hash> Ledger<C> {
    pub(crate) fn new() -> Self {
        Ledger(Mutex::new(Pages { calls: HashMap::new(), behaviours: HashMap::new(), strange: Vec::new() }))
    }

    fn pages(&self) -> MutexGuard<'_, Pages<C>> {
        // A handler that panicked has failed its test; the counts are still consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the behaviour of calls of this kind.
    pub(crate) fn on(&self, call: C, behaviour: Behaviour) {
        self.pages().behaviours.insert(call, behaviour);
    }

    /// Counts a call and returns its behaviour.
    pub(crate) fn begin(&self, call: C) -> Behaviour {
        let mut pages = self.pages();
        *pages.calls.entry(call).or_default() += 1;
        pages.behaviours.get_mut(&call).map_or(Behaviour::Proper, Behaviour::take_turn)
    }

    /// The number of calls of this kind.
    pub(crate) fn calls(&self, call: C) -> usize {
        self.pages().calls.get(&call).copied().unwrap_or(0)
    }

    /// The number of calls of each kind, by its name; without kinds that were never called.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.pages().calls.iter().map(|(call, count)| (format!("{call:?}"), *count)).collect()
    }

    /// The number of requests, including unknown ones.
    pub(crate) fn all_calls(&self) -> usize {
        let pages = self.pages();
        pages.calls.values().sum::<usize>() + pages.strange.len()
    }

    /// Records an unknown request.
    pub(crate) fn strange(&self, request: String) {
        self.pages().strange.push(request);
    }

    /// Unknown requests: method and path.
    pub(crate) fn strange_requests(&self) -> Vec<String> {
        self.pages().strange.clone()
    }
}
