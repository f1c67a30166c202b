//! Whether a scenario can be carried out: every limit and every relation, for whatever form it
//! came in. What is wrong names its part, so that the reader of a file can say where that stands.

use alloc::{
    format,
    string::{String, ToString},
};

use super::{
    action::Action, adversary::MAX_STRATEGIES, network::Network, scenario::Scenario,
    workload::Workload,
};
#[cfg(feature = "guards")]
use crate::resilience::chaos::Fault;
use crate::{
    analyzer::{BadPolicy, Facts},
    ids::NodeId,
    pbft::Config,
    quorum::Membership,
};

/// The largest simulated cluster.
pub const MAX_SIMULATED_NODES: u16 = 100;
/// The longest run, in virtual milliseconds: one hour.
pub const MAX_DURATION_MS: u32 = 3_600_000;
/// How wrong a clock can be: a year.
const MAX_CLOCK_SKEW_MS: u64 = 365 * 24 * 3_600_000;
/// The most clients.
pub const MAX_CLIENTS: u16 = 1_000;
/// The most timed faults, and the most markers.
pub const MAX_ENTRIES: usize = 1_000;

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    Duration,
    Members,
    Protocol,
    Spares,
    Config,
    Policy(BadPolicy),
    Gate,
    #[cfg(feature = "guards")]
    Dependency,
    #[cfg(feature = "guards")]
    Dialing,
    #[cfg(feature = "guards")]
    Chaos,
    ClockSkew,
    Network,
    Workload,
    /// The fault with this index.
    Fault(usize),
    /// The marker with this index.
    Narration(usize),
}

/// What is wrong, and what would be right.
#[derive(Debug)]
pub(super) struct Beyond {
    #[cfg_attr(not(feature = "files"), allow(dead_code, reason = "only a file has places"))]
    pub(super) part: Part,
    pub(super) what: String,
}

/// An error about this part unless it holds.
fn must(holds: bool, part: Part, what: &str) -> Result<(), Beyond> {
    if holds { Ok(()) } else { Err(Beyond { part, what: what.into() }) }
}

impl Scenario {
    /// Checks every limit and every relation.
    pub(super) fn validate(&self) -> Result<(), Beyond> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        must(
            (1..=64).contains(&self.name.len()) && self.name.chars().all(word),
            Part::Name,
            "a name is 1 to 64 lower-case letters, digits and hyphens",
        )?;
        must(
            (1..=MAX_DURATION_MS).contains(&self.duration_ms),
            Part::Duration,
            "a run lasts from 1 ms to one hour (3600000 ms)",
        )?;
        self.validate_cluster()?;
        validate_network(&self.network)?;
        validate_workload(&self.workload)?;
        self.validate_entries()
    }

    fn validate_cluster(&self) -> Result<(), Beyond> {
        let n = self.members.n();
        must(
            n <= MAX_SIMULATED_NODES && is_first(self.members),
            Part::Members,
            &format!("at most {MAX_SIMULATED_NODES} nodes can be simulated"),
        )?;
        let protocol = self.members.protocol();
        let facts = Facts { members: self.members, convicted: 0, suspected: 0 };
        protocol.is_sound(facts, self.config.deployment).map_err(|why| Beyond {
            part: Part::Protocol,
            what: format!("{} would be unsound: {why} (cluster.pbft.deployment)", protocol.name()),
        })?;
        must(
            self.spares <= MAX_SIMULATED_NODES - n,
            Part::Spares,
            &format!("at most {MAX_SIMULATED_NODES} nodes can be simulated, spares included"),
        )?;
        let Config { policy, deployment, .. } = &self.config;
        policy
            .validate(*deployment)
            .map_err(|wrong| Beyond { part: Part::Policy(wrong), what: wrong.to_string() })?;
        self.config
            .validate()
            .map_err(|error| Beyond { part: Part::Config, what: error.to_string() })?;
        self.config
            .must_fit(self.members)
            .map_err(|error| Beyond { part: Part::Config, what: error.to_string() })?;
        #[cfg(not(feature = "guards"))]
        must(
            !self.needs_guards(),
            Part::Gate,
            "this build has no guards: `conclave simulate` has",
        )?;
        #[cfg(feature = "guards")]
        if let Some(gate) = &self.gate {
            gate.validate()
                .map_err(|error| Beyond { part: Part::Gate, what: error.to_string() })?;
        }
        #[cfg(feature = "guards")]
        if let Some(dependency) = &self.dependency {
            dependency
                .validate(self.workload.clients)
                .map_err(|error| Beyond { part: Part::Dependency, what: error.to_string() })?;
        }
        #[cfg(feature = "guards")]
        if let Some(dialing) = &self.dialing {
            dialing
                .validate()
                .map_err(|error| Beyond { part: Part::Dialing, what: error.to_string() })?;
        }
        #[cfg(feature = "guards")]
        self.validate_chaos()?;
        must(
            self.clock_skew_ms.len() <= usize::from(n)
                && self.clock_skew_ms.iter().all(|ms| ms.unsigned_abs() <= MAX_CLOCK_SKEW_MS),
            Part::ClockSkew,
            "clock_skew_ms has at most one number a node, each at most a year (31536000000 ms)",
        )
    }

    /// An experiment touches no more nodes than may be faulty, in ways that stand for messages.
    #[cfg(feature = "guards")]
    fn validate_chaos(&self) -> Result<(), Beyond> {
        let Some(chaos) = &self.chaos else { return Ok(()) };
        chaos.validate().map_err(|error| Beyond { part: Part::Chaos, what: error.to_string() })?;
        let f = self.members.f();
        must(
            chaos.max_peers <= f,
            Part::Chaos,
            &format!("max_peers is f = {f} at most: more may break what it is to find out about"),
        )?;
        must(
            !matches!(
                chaos.fault,
                Fault::ClockSkew { .. } | Fault::DiskLoss | Fault::DiskCorruption | Fault::Crash
            ),
            Part::Chaos,
            "an experiment is about messages; nodes, disks and clocks have their faults by time",
        )
    }

    fn validate_entries(&self) -> Result<(), Beyond> {
        const LATE: &str = "this is at or after the end of the run (duration_ms)";
        for (index, fault) in self.faults.iter().enumerate() {
            let part = Part::Fault(index);
            must(index < MAX_ENTRIES, part, "there are over 1000 faults")?;
            must(fault.at_ms < self.duration_ms, part, LATE)?;
            validate_action(&fault.action, self.all_nodes(), &self.workload)
                .map_err(|what| Beyond { part, what })?;
        }
        for (index, marker) in self.narration.iter().enumerate() {
            let part = Part::Narration(index);
            must(index < MAX_ENTRIES, part, "there are over 1000 markers")?;
            must(marker.at_ms < self.duration_ms, part, LATE)?;
        }
        Ok(())
    }
}

/// Whether these are the members of a first epoch.
fn is_first(members: Membership) -> bool {
    let first = Membership::new(members.n());
    first.is_ok_and(|first| first.under(members.protocol()) == Ok(members))
}

fn validate_network(it: &Network) -> Result<(), Beyond> {
    let chances = [it.loss_ppm, it.duplicate_ppm, it.reorder_ppm];
    must(
        chances.iter().all(|chance| *chance <= 1_000_000),
        Part::Network,
        "a chance is in parts per million: at most 1000000",
    )?;
    must(
        it.latency_us >= 1 && it.latency_us <= 60_000_000 && it.jitter_us <= 60_000_000,
        Part::Network,
        "latency is from 1 µs to one minute, jitter up to one minute",
    )?;
    must(it.handling_us <= 1_000_000, Part::Network, "handling takes a second at most")
}

/// An hour: as long as a run lasts.
#[cfg(feature = "guards")]
const MAX_AGAIN_MS: u64 = 3_600_000;

fn validate_workload(it: &Workload) -> Result<(), Beyond> {
    must(
        it.clients <= MAX_CLIENTS,
        Part::Workload,
        &format!("at most {MAX_CLIENTS} clients can be simulated"),
    )?;
    must(
        it.read_ppm <= 1_000_000,
        Part::Workload,
        "a share is in parts per million: at most 1000000",
    )?;
    must(it.keys >= 1, Part::Workload, "clients need at least one key to ask for")?;
    must(
        it.retransmit_ms >= 1,
        Part::Workload,
        "retransmission takes at least 1 ms: 0 would never end",
    )?;
    #[cfg(feature = "guards")]
    if let Some(patience) = &it.patience {
        patience
            .validate()
            .map_err(|error| Beyond { part: Part::Workload, what: error.to_string() })?;
    }
    #[cfg(feature = "guards")]
    must(
        it.testimony.as_ref().is_none_or(|testimony| testimony.again_ms <= MAX_AGAIN_MS),
        Part::Workload,
        &format!("false replies are shown again after {MAX_AGAIN_MS} ms at most"),
    )?;
    Ok(())
}

/// Whether everything that an action names exists. Also asked of actions that come in links.
pub(crate) fn validate_action(
    action: &Action,
    nodes: u16,
    workload: &Workload,
) -> Result<(), String> {
    let exists = |node: NodeId| {
        if node.0 < nodes {
            Ok(())
        } else {
            Err(format!("there is no node {node}: nodes are numbered 0 to {}", nodes - 1))
        }
    };
    match action {
        Action::Switch { last, .. } => last.iter().copied().try_for_each(exists),
        Action::Reconfigure { add, remove } => {
            add.iter().chain(remove).copied().try_for_each(exists)
        }
        Action::Lose { ppm, .. } if *ppm > 1_000_000 => {
            Err("a chance is in parts per million: at most 1000000".into())
        }
        Action::Partition { groups } => groups.iter().flatten().copied().try_for_each(exists),
        Action::CutLink { from, to }
        | Action::RestoreLink { from, to }
        | Action::SlowLink { from, to, .. } => exists(*from).and(exists(*to)),
        Action::Corrupt { node, strategies } => {
            exists(*node)?;
            if strategies.is_empty() {
                return Err("a Byzantine node needs at least one strategy".into());
            }
            if strategies.len() > MAX_STRATEGIES {
                return Err(format!("a node has at most {MAX_STRATEGIES} strategies"));
            }
            for strategy in strategies {
                strategy.validate()?;
                strategy.nodes().iter().copied().try_for_each(exists)?;
            }
            Ok(())
        }
        Action::Submit { client, .. } | Action::CorruptClient { client, .. }
            if client.0 >= u64::from(workload.clients) =>
        {
            Err(format!("there is no client {client}: there are {}", workload.clients))
        }
        other => other.node().map_or(Ok(()), exists),
    }
}
