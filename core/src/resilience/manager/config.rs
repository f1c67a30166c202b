//! What one file says of all guards.

use alloc::{collections::BTreeMap, string::String};

use super::errors::BadPolicy;
use crate::{
    config::{BadConfig, must},
    resilience::{
        Priority, adaptive, breaker, bulkhead, degradation, objective, rate, retry,
        settings::{must_be_time, settings},
        timeout,
    },
};

/// The most peers: as many as there are members of a cluster at most, and clients' own.
pub const MAX_PEERS: u16 = 256;
/// The most operations. With the most peers, guards take a few hundred megabytes.
pub const MAX_OPERATIONS: usize = 64;
/// The most names that operations may ever have had, for as long as a manager lives: a key names one of
/// them for good. What isn't configured any more takes nothing but its name.
pub const MAX_NAMES: usize = 4_096;

settings! {
    /// The guards of one operation; each peer has its own. One that is `None` lets all through.
    pub struct Policy {
        /// How much its calls matter, unless a call says otherwise.
        priority: Priority = Priority::Normal, "what clients ask for";
        /// How long a call may take in all, waits and retries included, in milliseconds.
        total_ms: u64 = 60_000, "after that nobody waits for the answer";
        /// So much a while.
        rate: Option<rate::Config> = None, "only who knows the peer knows what it bears";
        /// So many at a time.
        bulkhead: Option<bulkhead::Config> = Some(bulkhead::Config::default()), "a peer that hangs takes nothing else down";
        /// As many at a time as the peer can do.
        adaptive: Option<adaptive::Config> = None, "for who has no other bound";
        /// Try again.
        retry: Option<retry::Config> = Some(retry::Config::default()), "calls of this project are exactly-once";
        /// Whether its calls may be carried out more than once, also beside each other.
        repeatable: bool = false, "only who made the operation knows";
        /// Call again beside what takes longer than usual. Each copy takes of the retries' budget too.
        hedge: Option<retry::HedgeConfig> = None, "only for what may be done twice, where the slowest count";
        /// Stop calling what fails.
        breaker: Option<breaker::Config> = Some(breaker::Config::default()), "what fails isn't worth its load";
        /// Whether a call waits for an open breaker, if its retries have the time for that.
        wait_for_breaker: bool = false, "who is told at once can ask somebody else";
        /// How long an attempt may take.
        timeout: timeout::Config = timeout::Config::default(), "nothing waits for ever";
        /// What is promised, over all peers.
        objective: Option<objective::Config> = None, "only who promises something has it";
    }
}

settings! {
    /// All guards of a host.
    pub struct Config {
        /// How many peers there are, numbered from 0.
        peers: u16 = 4, "the least that bear one liar";
        /// The host's degradation. Its signals 0 to 2 are the hottest error budget, the fullest
        /// operation's bulkheads and the fullest one's adaptive limits, those of all its peers together, so
        /// that one peer that hangs degrades no other; more are the host's own.
        degradation: Option<degradation::Config> = None, "only who has something to leave out degrades";
        /// What can be called, by name.
        operations: BTreeMap<String, Policy> = BTreeMap::new(), "an unknown name is an error";
    }
}

/// Signals that the manager itself gives.
pub(super) const OWN_SIGNALS: u8 = 3;

impl Policy {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must_be_time("total_ms", self.total_ms)?;
        self.rate.as_ref().map_or(Ok(()), rate::Config::validate)?;
        self.bulkhead.as_ref().map_or(Ok(()), bulkhead::Config::validate)?;
        self.adaptive.as_ref().map_or(Ok(()), adaptive::Config::validate)?;
        self.retry.as_ref().map_or(Ok(()), retry::Config::validate)?;
        if let Some(hedge) = &self.hedge {
            hedge.validate()?;
            let declared = "a hedge is for an operation that is declared repeatable";
            must(self.repeatable, "copies", u64::from(hedge.copies), declared)?;
        }
        self.breaker.as_ref().map_or(Ok(()), breaker::Config::validate)?;
        self.timeout.validate()?;
        self.validate_times()?;
        self.objective.as_ref().map_or(Ok(()), objective::Config::validate)
    }

    /// No guard's time may be so short that another's never comes to it.
    fn validate_times(&self) -> Result<(), BadConfig> {
        let timeout = &self.timeout;
        let needs = "an attempt needs the timeout's floor_ms: with less none is ever made";
        must(self.total_ms >= timeout.floor_ms, "total_ms", self.total_ms, needs)?;
        let longest = if timeout.adaptive { timeout.ceiling_ms } else { timeout.initial_ms };
        let longest = longest.min(self.total_ms);
        if let Some(ms) = self.breaker.as_ref().map(|it| it.probe_lease_ms) {
            let lost = "a probe that may take longer is lost before it ends, and the breaker never \
                        closes: not below the timeout's ceiling_ms, or its initial_ms if it isn't \
                        adaptive";
            must(ms >= longest, "probe_lease_ms", ms, lost)?;
        }
        if let Some(ms) = self.adaptive.as_ref().map(|it| it.lease_ms) {
            let lost = "a call that may take longer is a drop before it ends: not below the timeout's \
                        ceiling_ms, or its initial_ms if it isn't adaptive";
            must(ms >= longest, "lease_ms", ms, lost)?;
        }
        Ok(())
    }
}

impl Config {
    /// Refuses what can't work, saying in which operation, which field and why.
    pub fn validate(&self) -> Result<(), BadPolicy> {
        let host = |why| BadPolicy { operation: None, why };
        let (peers, operations) = (u64::from(self.peers), self.operations.len());
        must((1..=MAX_PEERS).contains(&self.peers), "peers", peers, "from 1 to 256")
            .map_err(host)?;
        must(operations <= MAX_OPERATIONS, "operations", operations as u64, "at most 64")
            .map_err(host)?;
        if let Some(degradation) = &self.degradation {
            degradation.validate().map_err(host)?;
            let signals = degradation.signals;
            let own = "the manager itself gives three";
            must(signals >= OWN_SIGNALS, "signals", u64::from(signals), own).map_err(host)?;
        }
        for (name, policy) in &self.operations {
            let of = |why| BadPolicy { operation: Some(name.clone()), why };
            policy.validate().map_err(of)?;
        }
        Ok(())
    }
}
