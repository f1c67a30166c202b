//! One trial: a conduct, a size, a network and a seed, as a scenario.

use alloc::{format, string::String, vec::Vec};

use super::{
    super::{
        action::Action,
        disk::DiskModel,
        files::ScenarioError,
        keys::Signatures,
        scenario::{Expectations, Scenario, TimedAction},
        workload::Workload,
    },
    conduct::{Conduct, Liars},
    setting::Setting,
};
use crate::{client::Shows, ids::NodeId, pbft::Config, quorum::Membership};

/// When the lies begin, in virtual milliseconds: by then observers know how their peers are.
pub const LIES_FROM_MS: u32 = 5_000;
/// How long a trial lasts.
const DURATION_MS: u32 = 35_000;
/// How long a request may wait: trials are about belief, and a network that is never calm owes none.
const PATIENCE_MS: u32 = 600_000;

/// One trial.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// What the nodes do.
    pub conduct: &'a Conduct,
    /// How many there are.
    pub members: Membership,
    /// On which network.
    pub setting: &'a Setting,
    /// With which chance events.
    pub seed: u64,
}

impl Trial<'_> {
    /// Who lies in it.
    pub fn liars(&self) -> Vec<NodeId> {
        let f = usize::from(self.members.f());
        match self.conduct.liars {
            Liars::None => Vec::new(),
            Liars::First => self.members.nodes().take(f).collect(),
            Liars::Next => self.members.nodes().skip(1).take(f).collect(),
            Liars::Last => self.members.nodes().rev().take(f).collect(),
        }
    }

    /// As a scenario, which can be written to a file and opened in the lab.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let strategies = (self.conduct.strategies)();
        let lies = self.liars().into_iter().map(|node| TimedAction {
            at_ms: LIES_FROM_MS,
            action: Action::Corrupt { node, strategies: strategies.clone() },
        });
        let besides = (self.conduct.besides)(self.members);
        let besides = besides
            .into_iter()
            .map(|(after_ms, action)| TimedAction { at_ms: LIES_FROM_MS + after_ms, action });
        let (name, n) = (self.conduct.name, self.members.n());
        let scenario = Scenario {
            name: format!("{name}-{n}-{}-{}", self.setting.name, self.seed),
            title: format!("{name}, {n} nodes, {}", self.setting.name),
            promise: format!("A node {}: is it found out?", self.conduct.what),
            seed: self.seed,
            duration_ms: DURATION_MS,
            end_when_answered: false,
            members: self.members,
            spares: 0,
            clock_skew_ms: Vec::new(),
            // A checkpoint every second or so, so that lies about states come to light too.
            config: Config { checkpoint_interval: 32, window: 128, ..Config::default() },
            gate: None,
            dependency: None,
            dialing: None,
            chaos: None,
            signatures: Signatures::Simulated,
            network: self.setting.network,
            disk: DiskModel::default(),
            workload: Workload {
                clients: 4,
                think_ms: 60,
                testimony: Some(Shows::default()),
                ..Workload::default()
            },
            faults: lies.chain(besides).collect(),
            narration: Vec::new(),
            expect: Expectations { liveness_within_ms: PATIENCE_MS, ..Expectations::default() },
            source: String::new(),
        };
        scenario.rewritten()
    }
}
