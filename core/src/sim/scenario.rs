//! Scenario files: cluster, network, workload, timed faults, narration, expectations.
//!
//! TOML with a schema version. Every limit and every relation is checked when a file is read, and
//! what is wrong is said with its line and column.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use toml::Spanned;

use super::{
    action::Action, adversary::MAX_STRATEGIES, disk::DiskModel, invariant::Invariant,
    keys::Signatures, network::Network, tree, workload::Workload,
};
use crate::{
    ids::{Epoch, NodeId, View},
    pbft::Config,
    quorum::Membership,
};

/// The schema that this core reads.
pub const SCHEMA: u32 = 1;
/// The longest scenario file, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64 * 1024;
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

/// A whole scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name: lower-case words with hyphens.
    pub name: String,
    /// Its title.
    pub title: String,
    /// In one line: what it shows.
    pub promise: String,
    /// The seed that it runs with unless told otherwise.
    pub seed: u64,
    /// How long it runs, in virtual milliseconds.
    pub duration_ms: u32,
    /// Whether it ends before that, once the last fault is over, the network is calm, and every
    /// client has made its requests and has its answers.
    pub end_when_answered: bool,
    /// The replicas at the beginning.
    pub members: Membership,
    /// How many more nodes there are that may join; they have the next numbers.
    pub spares: u16,
    /// How the replicas are set up.
    pub config: Config,
    /// What everyone signs with.
    pub signatures: Signatures,
    /// How far each node's wall clock is ahead, in milliseconds, from node 0 on; who isn't named
    /// has the right time.
    pub clock_skew_ms: Vec<i64>,
    /// How links behave.
    pub network: Network,
    /// How disks behave.
    pub disk: DiskModel,
    /// What clients ask.
    pub workload: Workload,
    /// What happens to the cluster, in order of time.
    pub faults: Vec<TimedAction>,
    /// What to notice, in order of time.
    pub narration: Vec<Narration>,
    /// What must come of it.
    pub expect: Expectations,
    /// The text that it was read from.
    pub source: String,
}

/// An act at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedAction {
    /// When, in virtual milliseconds.
    pub at_ms: u32,
    /// What.
    pub action: Action,
}

/// A marker that pauses the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narration {
    /// When, in virtual milliseconds.
    pub at_ms: u32,
    /// One sentence: what to notice.
    pub say: String,
    /// "Now you try": what to do oneself.
    #[serde(default)]
    pub try_it: Option<String>,
}

/// What must come of a scenario.
///
/// # Default
///
/// Every invariant holds; liveness within 5 s of calm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// The invariants that must be *violated*; all others must hold.
    pub violated: Vec<Invariant>,
    /// At least so many requests complete.
    pub min_completed: u64,
    /// Some correct replica enters at least this view.
    pub min_view: View,
    /// Some correct replica begins at least this epoch.
    pub min_epoch: Epoch,
    /// No correct replica goes beyond this view.
    pub max_view: Option<View>,
    /// Correct replicas take over the state of others at least so often.
    pub min_transfers: u32,
    /// At least so many proofs that a primary lied are seen by correct replicas.
    pub min_equivocations: u32,
    /// The bound of liveness: how long after calm a request may take, in milliseconds.
    pub liveness_within_ms: u32,
}

impl Default for Expectations {
    fn default() -> Self {
        Self {
            violated: Vec::new(),
            min_completed: 0,
            min_view: View(0),
            min_epoch: Epoch(0),
            max_view: None,
            min_transfers: 0,
            min_equivocations: 0,
            liveness_within_ms: 5_000,
        }
    }
}

/// A scenario that can't be read, with the place of the error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ScenarioError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl ScenarioError {
    fn at(source: &str, at: usize, what: impl Into<String>) -> Self {
        let mut end = at.min(source.len());
        while !source.is_char_boundary(end) {
            end -= 1;
        }
        let before = &source[..end];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self { line, column, what: what.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    name: Spanned<String>,
    title: String,
    promise: String,
    #[serde(default)]
    seed: u64,
    duration_ms: Spanned<u32>,
    #[serde(default)]
    end_when_answered: bool,
    #[serde(default)]
    cluster: Cluster,
    #[serde(default)]
    network: Option<Spanned<Network>>,
    #[serde(default)]
    disk: DiskModel,
    #[serde(default)]
    workload: Option<Spanned<Workload>>,
    #[serde(default)]
    fault: Vec<Spanned<Timed>>,
    #[serde(default)]
    narration: Vec<Spanned<Narration>>,
    #[serde(default)]
    expect: Expectations,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cluster {
    n: Spanned<u16>,
    spares: Spanned<u16>,
    signatures: Signatures,
    clock_skew_ms: Spanned<Vec<i64>>,
    pbft: Option<Spanned<Config>>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            n: Spanned::new(0..0, 4),
            spares: Spanned::new(0..0, 0),
            signatures: Signatures::default(),
            clock_skew_ms: Spanned::new(0..0, Vec::new()),
            pbft: None,
        }
    }
}

/// A fault entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timed {
    at_ms: u32,
    act: Action,
}

impl Scenario {
    /// How many nodes there are, spares included.
    pub fn all_nodes(&self) -> u16 {
        self.members.n() + self.spares
    }

    /// All of them, spares included.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + Clone + use<> {
        (0..self.all_nodes()).map(NodeId)
    }

    /// How many requests clients make that are never Byzantine; 0: none, or without end.
    pub fn asked_honestly(&self) -> u64 {
        let corrupt = |client: u64| {
            self.faults.iter().any(|fault| {
                matches!(fault.action, Action::CorruptClient { client: it, .. } if it.0 == client)
            })
        };
        let honest = (0..u64::from(self.workload.clients)).filter(|client| !corrupt(*client));
        honest.count() as u64 * u64::from(self.workload.requests)
    }

    /// Reads a scenario file.
    pub fn parse(source: &str) -> Result<Self, ScenarioError> {
        if source.len() > MAX_SOURCE_BYTES {
            let what = format!("the file is over the limit of {MAX_SOURCE_BYTES} bytes");
            return Err(ScenarioError::at(source, 0, what));
        }
        let file: File = tree::read(source)
            .map_err(|error| ScenarioError::at(source, error.at.unwrap_or(0), error.what))?;
        Reader { source }.read(file)
    }
}

struct Reader<'a> {
    source: &'a str,
}

impl Reader<'_> {
    fn must(&self, holds: bool, at: Range<usize>, what: &str) -> Result<(), ScenarioError> {
        if holds { Ok(()) } else { Err(ScenarioError::at(self.source, at.start, what)) }
    }

    fn read(&self, file: File) -> Result<Scenario, ScenarioError> {
        let schema = *file.schema.get_ref();
        self.must(
            schema == SCHEMA,
            file.schema.span(),
            &format!("schema {schema} is not known; this version reads schema {SCHEMA}"),
        )?;
        let name = file.name.get_ref();
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        self.must(
            (1..=64).contains(&name.len()) && name.chars().all(word),
            file.name.span(),
            "a name is 1 to 64 lower-case letters, digits and hyphens",
        )?;
        let duration_ms = *file.duration_ms.get_ref();
        self.must(
            (1..=MAX_DURATION_MS).contains(&duration_ms),
            file.duration_ms.span(),
            "a run lasts from 1 ms to one hour (3600000 ms)",
        )?;
        let n = *file.cluster.n.get_ref();
        let members = Membership::new(n)
            .map_err(|error| error.to_string())
            .and_then(|members| {
                if n <= MAX_SIMULATED_NODES {
                    Ok(members)
                } else {
                    Err(format!("at most {MAX_SIMULATED_NODES} nodes can be simulated"))
                }
            })
            .map_err(|what| ScenarioError::at(self.source, file.cluster.n.span().start, what))?;
        let spares = *file.cluster.spares.get_ref();
        self.must(
            spares <= MAX_SIMULATED_NODES - n,
            file.cluster.spares.span(),
            &format!("at most {MAX_SIMULATED_NODES} nodes can be simulated, spares included"),
        )?;
        let config = match file.cluster.pbft {
            None => Config::default(),
            Some(config) => {
                let span = config.span();
                let config = config.into_inner();
                config.validate().map_err(|error| {
                    ScenarioError::at(self.source, span.start, error.to_string())
                })?;
                config
            }
        };
        let skew = file.cluster.clock_skew_ms;
        self.must(
            skew.get_ref().len() <= usize::from(n)
                && skew.get_ref().iter().all(|ms| ms.unsigned_abs() <= MAX_CLOCK_SKEW_MS),
            skew.span(),
            "clock_skew_ms has at most one number a node, each at most a year (31536000000 ms)",
        )?;
        let clock_skew_ms = skew.into_inner();
        let network = self.network(file.network)?;
        let workload = self.workload(file.workload)?;
        let faults = self.faults(file.fault, n + spares, duration_ms, &workload)?;
        let narration = self.narration(file.narration, duration_ms)?;
        Ok(Scenario {
            name: file.name.into_inner(),
            title: file.title,
            promise: file.promise,
            seed: file.seed,
            duration_ms,
            end_when_answered: file.end_when_answered,
            members,
            spares,
            config,
            signatures: file.cluster.signatures,
            clock_skew_ms,
            network,
            disk: file.disk,
            workload,
            faults,
            narration,
            expect: file.expect,
            source: self.source.into(),
        })
    }

    fn network(&self, network: Option<Spanned<Network>>) -> Result<Network, ScenarioError> {
        let Some(network) = network else { return Ok(Network::default()) };
        let it = network.get_ref();
        let chances = [it.loss_ppm, it.duplicate_ppm, it.reorder_ppm];
        self.must(
            chances.iter().all(|chance| *chance <= 1_000_000),
            network.span(),
            "a chance is in parts per million: at most 1000000",
        )?;
        self.must(
            it.latency_us >= 1 && it.latency_us <= 60_000_000 && it.jitter_us <= 60_000_000,
            network.span(),
            "latency is from 1 µs to one minute, jitter up to one minute",
        )?;
        Ok(network.into_inner())
    }

    fn workload(&self, workload: Option<Spanned<Workload>>) -> Result<Workload, ScenarioError> {
        let Some(workload) = workload else { return Ok(Workload::default()) };
        let it = workload.get_ref();
        self.must(
            it.clients <= MAX_CLIENTS,
            workload.span(),
            &format!("at most {MAX_CLIENTS} clients can be simulated"),
        )?;
        self.must(
            it.read_ppm <= 1_000_000,
            workload.span(),
            "a share is in parts per million: at most 1000000",
        )?;
        self.must(it.keys >= 1, workload.span(), "clients need at least one key to ask for")?;
        self.must(
            it.retransmit_ms >= 1,
            workload.span(),
            "retransmission takes at least 1 ms: 0 would never end",
        )?;
        Ok(workload.into_inner())
    }

    fn faults(
        &self,
        entries: Vec<Spanned<Timed>>,
        nodes: u16,
        duration_ms: u32,
        workload: &Workload,
    ) -> Result<Vec<TimedAction>, ScenarioError> {
        let mut faults = Vec::with_capacity(entries.len().min(MAX_ENTRIES));
        for entry in entries {
            let span = entry.span();
            self.must(faults.len() < MAX_ENTRIES, span.clone(), "there are over 1000 faults")?;
            let Timed { at_ms, act: action } = entry.into_inner();
            self.must(
                at_ms < duration_ms,
                span.clone(),
                "this is at or after the end of the run (duration_ms)",
            )?;
            validate_action(&action, nodes, workload)
                .map_err(|what| ScenarioError::at(self.source, span.start, what))?;
            faults.push(TimedAction { at_ms, action });
        }
        faults.sort_by_key(|fault| fault.at_ms);
        Ok(faults)
    }

    fn narration(
        &self,
        entries: Vec<Spanned<Narration>>,
        duration_ms: u32,
    ) -> Result<Vec<Narration>, ScenarioError> {
        let mut narration = Vec::with_capacity(entries.len().min(MAX_ENTRIES));
        for entry in entries {
            let span = entry.span();
            self.must(narration.len() < MAX_ENTRIES, span.clone(), "there are over 1000 markers")?;
            self.must(
                entry.get_ref().at_ms < duration_ms,
                span,
                "this is at or after the end of the run (duration_ms)",
            )?;
            narration.push(entry.into_inner());
        }
        narration.sort_by_key(|marker| marker.at_ms);
        Ok(narration)
    }
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
