//! What is to be seen of experiments: for operators, and for scrapes.

use std::collections::BTreeMap;

use conclave_core::{
    crypto::Digest,
    ids::NodeId,
    resilience::{
        breaker::Rates,
        chaos::{Config, Counters, Fault, Phase},
    },
    time::Time,
};
use serde::{Deserialize, Serialize};

/// Whose word an experiment runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PermittedBy {
    /// It is a development cluster.
    Development,
    /// The administrator's signature.
    Administrator,
}

/// What there is to know about experiments at a node.
#[derive(Clone, Debug, Serialize)]
pub struct ChaosSeen {
    /// Which node.
    pub node: NodeId,
    /// Its time.
    pub now: Time,
    /// Whether experiments need no permission here.
    pub development: bool,
    /// Who is a member, as far as it knows.
    pub members: Vec<NodeId>,
    /// How many of them may be faulty, and so be touched.
    pub f: u16,
    /// What a permission has to name; `None` if there is no randomness to give one out.
    pub number: Option<Digest>,
    /// The one that is under way, or was last, since the node started.
    pub experiment: Option<ExperimentSeen>,
}

/// An experiment at a node.
#[derive(Clone, Debug, Serialize)]
pub struct ExperimentSeen {
    /// What it is, hypothesis included.
    pub config: Config,
    /// Who permitted it,
    pub permitted_by: PermittedBy,
    /// and until when.
    pub permitted_until: Time,
    /// Whether it is under way.
    pub runs: bool,
    /// Where it stands.
    pub phase: Phase,
    /// The same in words; of an aborted one, why.
    pub says: String,
    /// When that ends, if time ends it.
    pub phase_ends: Option<Time>,
    /// The steady state: requests of the last window, how many failed, how many were slow.
    pub steady: Rates,
    /// Whose links it has touched; the node's own number stands for what its clients ask for.
    pub peers: Vec<NodeId>,
    /// Messages in its scope, touched, and spared.
    pub counters: Counters,
}

/// What all experiments since the node started come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those that were begun.
    pub begun: u64,
    /// Those that weren't: without permission, say.
    pub refused: u64,
    /// Those that ended, by how.
    pub ended: BTreeMap<&'static str, u64>,
    /// Messages that were touched, by what was done to them.
    pub injected: BTreeMap<&'static str, u64>,
}

/// What is done to messages, by name; `None`: it isn't about messages.
pub(super) const fn name(fault: Fault) -> Option<&'static str> {
    Some(match fault {
        Fault::Latency { .. } => "latency",
        Fault::Error => "error",
        Fault::Drop => "drop",
        Fault::Duplicate => "duplicate",
        Fault::Reorder { .. } => "reorder",
        Fault::Partition => "partition",
        Fault::Corruption => "corruption",
        Fault::ClockSkew { .. } | Fault::DiskLoss | Fault::DiskCorruption | Fault::Crash => {
            return None;
        }
    })
}

/// How one ended, as a label; `None`: it hasn't.
pub(super) const fn ending(phase: Phase) -> Option<&'static str> {
    use conclave_core::resilience::chaos::Aborted;
    Some(match phase {
        Phase::Idle | Phase::Baseline | Phase::Injecting | Phase::Recovering => return None,
        Phase::Held => "held",
        Phase::Aborted(why) => match why {
            Aborted::NotSteady => "not-steady",
            Aborted::TooQuiet => "too-quiet",
            Aborted::Refuted => "refuted",
            Aborted::Blind => "blind",
            Aborted::NotRecovered => "not-recovered",
            Aborted::Operator => "operator",
            Aborted::PermissionOver => "permission-over",
            Aborted::Scope => "scope",
        },
    })
}

/// Where one stands.
pub(super) fn words(phase: Phase) -> String {
    match phase {
        Phase::Idle => "nobody has permitted it".into(),
        Phase::Baseline => "looks whether all is steady before anything is done".into(),
        Phase::Injecting => "injects".into(),
        Phase::Recovering => "has stopped injecting, and looks whether all is steady again".into(),
        Phase::Held => "over: the hypothesis held".into(),
        Phase::Aborted(why) => format!("aborted: {why}"),
    }
}
