use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::behaviour::Behaviour;

/// What a pretend service was asked, and how it is to answer: one for each cloud, by its kinds of calls.
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
        // A handler that panicked has failed its test; the counts are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on calls of this kind are answered so.
    pub(crate) fn on(&self, call: C, behaviour: Behaviour) {
        self.pages().behaviours.insert(call, behaviour);
    }

    /// Counts a call and tells how it is to be answered.
    pub(crate) fn begin(&self, call: C) -> Behaviour {
        let mut pages = self.pages();
        *pages.calls.entry(call).or_default() += 1;
        pages.behaviours.get_mut(&call).map_or(Behaviour::Proper, Behaviour::take_turn)
    }

    /// How often a call of this kind came.
    pub(crate) fn calls(&self, call: C) -> usize {
        self.pages().calls.get(&call).copied().unwrap_or(0)
    }

    /// How often a call of each kind came, by the kind's name; one that never came is not there.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.pages().calls.iter().map(|(call, count)| (format!("{call:?}"), *count)).collect()
    }

    /// How many requests came, those included that are no call at all.
    pub(crate) fn all_calls(&self) -> usize {
        let pages = self.pages();
        pages.calls.values().sum::<usize>() + pages.strange.len()
    }

    /// Notes a request that is of no known kind.
    pub(crate) fn strange(&self, request: String) {
        self.pages().strange.push(request);
    }

    /// The requests that were of no known kind: method and path.
    pub(crate) fn strange_requests(&self) -> Vec<String> {
        self.pages().strange.clone()
    }
}
