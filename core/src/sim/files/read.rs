//! Reading a scenario file. What is wrong is said with its line and column.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use super::{
    super::{
        action::Action,
        disk::DiskModel,
        keys::Signatures,
        limits::Part,
        network::Network,
        scenario::{Expectations, Narration, Scenario, TimedAction},
        without::{DependencyConfig, DialingConfig},
        workload::Workload,
    },
    tree,
};
use crate::{
    analyzer::Protocol, node::admission, pbft::Config, quorum::Membership, resilience::chaos,
};

/// The schema that this core reads.
pub const SCHEMA: u32 = 1;
/// The longest scenario file, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64 * 1024;

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
    dependency: Option<Spanned<DependencyConfig>>,
    dialing: Option<Spanned<DialingConfig>>,
    #[serde(default)]
    chaos: Option<Spanned<chaos::Config>>,
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
    protocol: Spanned<Protocol>,
    signatures: Signatures,
    clock_skew_ms: Spanned<Vec<i64>>,
    pbft: Option<Spanned<Config>>,
    gate: Option<Spanned<admission::Config>>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            n: Spanned::new(0..0, 4),
            spares: Spanned::new(0..0, 0),
            protocol: Spanned::new(0..0, Protocol::Pbft),
            signatures: Signatures::default(),
            clock_skew_ms: Spanned::new(0..0, Vec::new()),
            pbft: None,
            gate: None,
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
    /// Reads a scenario file.
    pub fn parse(source: &str) -> Result<Self, ScenarioError> {
        if source.len() > MAX_SOURCE_BYTES {
            let what = format!("the file is over the limit of {MAX_SOURCE_BYTES} bytes");
            return Err(ScenarioError::at(source, 0, what));
        }
        let file: File = tree::read(source)
            .map_err(|error| ScenarioError::at(source, error.at.unwrap_or(0), error.what))?;
        let schema = *file.schema.get_ref();
        if schema != SCHEMA {
            let what = format!("schema {schema} is not known; this version reads schema {SCHEMA}");
            return Err(ScenarioError::at(source, file.schema.span().start, what));
        }
        let n = &file.cluster.n;
        let members = Membership::new(*n.get_ref())
            .map_err(|error| ScenarioError::at(source, n.span().start, error.to_string()))?;
        let protocol = &file.cluster.protocol;
        let members = members
            .under(*protocol.get_ref())
            .map_err(|error| ScenarioError::at(source, protocol.span().start, error.to_string()))?;
        let places = Places::of(&file);
        let mut scenario = file.into_scenario(members, source);
        scenario.validate().map_err(|wrong| {
            ScenarioError::at(source, places.start(source, wrong.part), wrong.what)
        })?;
        // Only now: until here, an index is a place in the file.
        scenario.put_in_order();
        Ok(scenario)
    }
}

impl File {
    fn into_scenario(self, members: Membership, source: &str) -> Scenario {
        let timed = |entry: Spanned<Timed>| {
            let Timed { at_ms, act: action } = entry.into_inner();
            TimedAction { at_ms, action }
        };
        Scenario {
            name: self.name.into_inner(),
            title: self.title,
            promise: self.promise,
            seed: self.seed,
            duration_ms: self.duration_ms.into_inner(),
            end_when_answered: self.end_when_answered,
            members,
            spares: self.cluster.spares.into_inner(),
            config: match self.cluster.pbft {
                Some(config) => config.into_inner(),
                None => Config::for_members(members),
            },
            gate: self.cluster.gate.map(Spanned::into_inner),
            signatures: self.cluster.signatures,
            clock_skew_ms: self.cluster.clock_skew_ms.into_inner(),
            network: self.network.map(Spanned::into_inner).unwrap_or_default(),
            disk: self.disk,
            workload: self.workload.map(Spanned::into_inner).unwrap_or_default(),
            dependency: self.dependency.map(Spanned::into_inner),
            dialing: self.dialing.map(Spanned::into_inner),
            chaos: self.chaos.map(Spanned::into_inner),
            faults: self.fault.into_iter().map(timed).collect(),
            narration: self.narration.into_iter().map(Spanned::into_inner).collect(),
            expect: self.expect,
            source: source.into(),
        }
    }
}

/// Where in a file each part stands.
struct Places {
    parts: [(Part, Range<usize>); 13],
    faults: Vec<Range<usize>>,
    narration: Vec<Range<usize>>,
}

impl Places {
    fn of(file: &File) -> Self {
        /// What isn't written has its defaults, which are within every limit.
        fn of<T>(part: Option<&Spanned<T>>) -> Range<usize> {
            part.map_or(0..0, Spanned::span)
        }
        let cluster = &file.cluster;
        Self {
            parts: [
                (Part::Name, file.name.span()),
                (Part::Duration, file.duration_ms.span()),
                (Part::Members, cluster.n.span()),
                (Part::Protocol, cluster.protocol.span()),
                (Part::Spares, cluster.spares.span()),
                (Part::Config, of(cluster.pbft.as_ref())),
                (Part::Gate, of(cluster.gate.as_ref())),
                (Part::Dependency, of(file.dependency.as_ref())),
                (Part::Dialing, of(file.dialing.as_ref())),
                (Part::Chaos, of(file.chaos.as_ref())),
                (Part::ClockSkew, cluster.clock_skew_ms.span()),
                (Part::Network, of(file.network.as_ref())),
                (Part::Workload, of(file.workload.as_ref())),
            ],
            faults: file.fault.iter().map(Spanned::span).collect(),
            narration: file.narration.iter().map(Spanned::span).collect(),
        }
    }

    /// The byte at which a part begins.
    fn start(&self, source: &str, part: Part) -> usize {
        let place = match part {
            Part::Policy(wrong) => return wrong.stands_at(source, "cluster.pbft.policy"),
            Part::Fault(index) => self.faults.get(index),
            Part::Narration(index) => self.narration.get(index),
            part => self.parts.iter().find(|(known, _)| *known == part).map(|(_, place)| place),
        };
        place.map_or(0, |place| place.start)
    }
}
