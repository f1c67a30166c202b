//! An operation: what it is to be guarded by, and the guards of each peer.
//!
//! Its place among all operations is what keys name. Once it isn't configured any more and nothing of its
//! guards is out, another operation may have that place, of the next era: keys of the one before are
//! unknown then.

use alloc::{string::String, vec::Vec};

use super::{config::Policy, guards::Guards};
use crate::{config::BadConfig, resilience::objective::ErrorBudget, time::Time};

#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    /// The how manyth operation of its place.
    pub(super) era: u32,
    /// `None` once it isn't configured any more.
    pub(super) policy: Option<Policy>,
    pub(super) objective: Option<ErrorBudget>,
    /// One for each peer, and for each that was one and of which something is still out.
    pub(super) guards: Vec<Option<Guards>>,
}

impl Operation {
    /// One that nothing is configured for yet.
    pub(super) fn new(name: &str, era: u32) -> Self {
        Self { name: name.into(), era, policy: None, objective: None, guards: Vec::new() }
    }

    /// Is configured so from now on. What it knows of peers that are still there stays.
    pub(super) fn set(&mut self, now: Time, peers: usize, policy: Policy) -> Result<(), BadConfig> {
        match (&mut self.objective, policy.objective.clone()) {
            (Some(objective), Some(config)) => objective.reconfigure(config)?,
            (objective, config) => *objective = config.map(ErrorBudget::new).transpose()?,
        }
        if self.guards.len() < peers {
            self.guards.resize_with(peers, || None);
        }
        for place in self.guards.iter_mut().take(peers) {
            match place {
                Some(guards) => guards.reconfigure(now, &policy)?,
                None => *place = Some(Guards::new(&policy)?),
            }
        }
        self.policy = Some(policy);
        self.clear(peers);
        Ok(())
    }

    /// Isn't configured any more: nothing is promised, and nothing begins.
    pub(super) fn unset(&mut self) {
        self.policy = None;
        self.objective = None;
        self.clear(0);
    }

    /// Drops the guards that can't be asked any more. Those of which something is out stay: calls under
    /// way give back to them what they hold.
    pub(super) fn clear(&mut self, peers: usize) {
        let asked = self.asked(peers);
        for place in self.guards.iter_mut().skip(asked) {
            if place.as_ref().is_some_and(Guards::is_idle) {
                *place = None;
            }
        }
        let held = self.guards.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
        self.guards.truncate(held.max(asked));
    }

    /// Whether all that it has can be asked.
    pub(super) fn is_clear(&self, peers: usize) -> bool {
        self.guards.len() <= self.asked(peers)
    }

    /// Those that can be asked.
    pub(super) fn configured(&self, peers: usize) -> impl Iterator<Item = &Guards> {
        self.guards.iter().take(self.asked(peers)).flatten()
    }

    /// Whether it and all that it knew are gone.
    pub(super) fn is_gone(&self) -> bool {
        self.policy.is_none() && self.guards.is_empty()
    }

    /// Of so many peers it can be asked.
    fn asked(&self, peers: usize) -> usize {
        if self.policy.is_some() { peers } else { 0 }
    }
}
