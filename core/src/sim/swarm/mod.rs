//! Random scenarios from a seed: *swarm testing* (Groce, Zhang, Eide, Chen, Regehr, ISSTA 2012).
//!
//! A run that has a little of everything finds less than many runs that each have a random few
//! things, and those in plenty: what a fault would find, another often hides. So every storm leaves
//! out about half of what there is.
//!
//! ```text
//! seed ─▶ storm ─▶ Scenario (a file) ─▶ carry_out ─▶ Outcome: verdict, trouble, what happened
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `choice` | drawing: ranges, weights, subsets |
//! | `cluster` | cluster size, configuration, network, disks, workload, rates of clients |
//! | `faults`, `lies` | crashes, damaged disks, cuts, liars among nodes and clients; how they lie |
//! | `switches` | from one protocol to another |
//! | `docket` | terms of quarantine, slander in the log, overrides, who replaces the convicted |
//! | `changes` | replicas that join, leave, are replaced |
//! | `bound` | how long a request may take in calm |
//! | `feature` | what a scenario declares, and what of it had an effect |
//! | `outcome` | carrying out a storm and judging it |
//!
//! Every part draws from a stream of its own, so that a new kind of fault changes nothing but
//! itself. A seed means the same storm as long as [`GENERATOR`] and the core stay the same.

mod bound;
mod changes;
mod choice;
mod cluster;
mod docket;
mod faults;
mod feature;
mod lies;
mod outcome;
mod switches;
#[cfg(test)]
mod tests;

pub use bound::liveness_bound_ms;
pub use feature::{Feature, Features, declared, effective, reached};
pub use outcome::{Outcome, Trouble, carry_out, has_trouble};

use alloc::{format, string::ToString, vec::Vec};

use super::{
    action::Action,
    files::ScenarioError,
    limits::MAX_DURATION_MS,
    scenario::{Expectations, Scenario, TimedAction},
};
use crate::analyzer::Deployment;

/// The version of this generator: a change of what a seed means is a new one.
pub const GENERATOR: u32 = 11;

/// The storm of a seed below 2⁶³ (a file holds no larger one).
///
/// Faults and a rough network for up to three seconds; then calm, in which every request must be
/// answered within the bound of [`liveness_bound_ms`].
pub fn storm(seed: u64) -> Result<Scenario, ScenarioError> {
    let cluster::Setup { mut members, mut config, network, disk, workload } = cluster::draw(seed)
        .map_err(|why| {
        ScenarioError { line: 0, column: 0, what: why.to_string() }
    })?;
    let calm_at_ms = network.calm_at_ms;
    let switches = switches::draw(seed, calm_at_ms);
    let lies = switches.is_none();
    let (mut faults, mut spares) = faults::draw(seed, members, workload.clients, calm_at_ms, lies);
    if let Some(switches) = switches {
        config.deployment = Deployment::CrashOnly;
        members = members.under(switches.first).unwrap_or(members);
        faults.extend(switches.faults);
    }
    config.quarantine = docket::config(seed);
    let lie = |it: &TimedAction| matches!(it.action, Action::Corrupt { .. });
    if faults.iter().any(lie) {
        let standby = docket::standby(seed);
        config.policy.replace_convicted = standby > 0;
        spares += standby;
        docket::follow(seed, &mut config.policy);
    }
    docket::slander(seed, members, &mut faults);
    faults.extend(docket::overrides(seed, members, calm_at_ms));
    faults.sort_by_key(|fault| fault.at_ms);
    let mut scenario = Scenario {
        name: format!("storm-{seed}"),
        title: format!("Storm {seed}"),
        promise: "Random faults, then calm: nothing is decided twice, and everything is answered."
            .into(),
        seed,
        // The bound of liveness ends it sooner, and mostly that everything is answered.
        duration_ms: MAX_DURATION_MS,
        end_when_answered: true,
        members,
        spares,
        clock_skew_ms: cluster::clocks(seed, members),
        config,
        gate: cluster::gate(seed),
        dependency: None,
        dialing: cluster::dialing(seed),
        chaos: None,
        signatures: super::Signatures::Simulated,
        network,
        disk,
        workload,
        faults,
        narration: Vec::new(),
        expect: Expectations::default(),
        source: alloc::string::String::new(),
    };
    scenario.expect.min_completed = scenario.asked_honestly();
    scenario.expect.liveness_within_ms = liveness_bound_ms(&scenario, calm_at_ms);
    scenario.rewritten()
}
