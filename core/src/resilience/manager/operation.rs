//! An operation: what it is to be guarded by, and the guards of each peer.
//!
//! Its place among all operations is what keys name, and is never another's. So its name stays when it
//! isn't configured any more; all that it knew goes, once nothing of it is out.

use alloc::{string::String, vec::Vec};

use super::{config::Policy, guards::Guards};
use crate::{
    config::BadConfig,
    resilience::{objective::ErrorBudget, settings::MILLION},
    time::Time,
};

#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    /// `None` once it isn't configured any more.
    pub(super) policy: Option<Policy>,
    pub(super) objective: Option<ErrorBudget>,
    /// One for each peer, and for each that was one and before which, or of which, something is out.
    pub(super) guards: Vec<Guards>,
}

impl Operation {
    /// One that nothing is configured for yet.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), policy: None, objective: None, guards: Vec::new() }
    }

    /// Is configured so from now on. What it knows of peers that are still there stays.
    pub(super) fn set(&mut self, now: Time, peers: usize, policy: Policy) -> Result<(), BadConfig> {
        match (&mut self.objective, policy.objective.clone()) {
            (Some(objective), Some(config)) => objective.reconfigure(config)?,
            (objective, config) => *objective = config.map(ErrorBudget::new).transpose()?,
        }
        for guards in &mut self.guards {
            guards.reconfigure(now, &policy)?;
        }
        while self.guards.len() < peers {
            self.guards.push(Guards::new(&policy)?);
        }
        self.policy = Some(policy);
        Ok(())
    }

    /// Isn't configured any more: nothing is promised, and nothing begins.
    pub(super) fn unset(&mut self) {
        self.policy = None;
        self.objective = None;
    }

    /// Drops the guards that can't be asked any more, from the last one to one of which something is
    /// out: calls under way give back to them what they hold. False: some stay.
    pub(super) fn drop_departed(&mut self, peers: usize) -> bool {
        let asked = self.asked(peers);
        while self.guards.len() > asked && self.guards.last().is_some_and(Guards::is_idle) {
            self.guards.pop();
        }
        self.guards.len() <= asked
    }

    /// How much of what there is at all its peers that were ever asked is used, in parts per million.
    /// Together: one that hangs takes its own share of it and sheds no call to the others.
    pub(super) fn used_ppm(&self, peers: usize, of: fn(&Guards) -> Option<(u32, u32)>) -> u64 {
        let asked = self.guards.iter().take(self.asked(peers)).filter(|it| it.counters.asked > 0);
        let add = |(used, all), it: (u32, u32)| (used + u64::from(it.0), all + u64::from(it.1));
        let (used, all) = asked.filter_map(of).fold((0_u64, 0_u64), add);
        (used * u64::from(MILLION)).checked_div(all).unwrap_or(0)
    }

    /// Of so many peers it can be asked.
    fn asked(&self, peers: usize) -> usize {
        if self.policy.is_some() { peers } else { 0 }
    }
}
