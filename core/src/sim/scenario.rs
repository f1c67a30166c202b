//! Scenarios: cluster, network, workload, timed faults, narration, expectations.
//!
//! People write them as files (`files`); links, and the lab, carry them in the core's one encoding.
//! Whatever form one came in, `limits` says whether it can be carried out.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{
    action::Action,
    disk::DiskModel,
    invariant::Invariant,
    keys::Signatures,
    network::Network,
    without::{ChaosConfig, DependencyConfig, DialingConfig, GateConfig, OthersConfig},
    workload::Workload,
};
use crate::{
    analyzer,
    ids::{Epoch, NodeId, View},
    pbft::Config,
    quorum::Membership,
    resilience::degradation::Level,
};

/// A whole scenario.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
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
    /// How nodes let clients' requests in; `None`: all.
    pub gate: Option<GateConfig>,
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
    /// A service that nodes ask before they take requests on.
    pub dependency: Option<DependencyConfig>,
    /// How nodes make connections to each other; none: they always have them.
    pub dialing: Option<DialingConfig>,
    /// A chaos experiment.
    pub chaos: Option<ChaosConfig>,
    /// What happens to the cluster, in order of time.
    pub faults: Vec<TimedAction>,
    /// What to notice, in order of time.
    pub narration: Vec<Narration>,
    /// What must come of it.
    pub expect: Expectations,
    /// The text that it was read from; empty if it didn't come as a file.
    #[serde(skip)]
    pub source: String,
}

/// Equal are those that say the same, whatever text they were read from.
impl PartialEq for Scenario {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            name,
            title,
            promise,
            seed,
            duration_ms,
            end_when_answered,
            members,
            spares,
            config,
            gate,
            signatures,
            clock_skew_ms,
            network,
            disk,
            workload,
            dependency,
            dialing,
            chaos,
            faults,
            narration,
            expect,
            source: _,
        } = self;
        *name == other.name
            && *title == other.title
            && *promise == other.promise
            && *seed == other.seed
            && *duration_ms == other.duration_ms
            && *end_when_answered == other.end_when_answered
            && *members == other.members
            && *spares == other.spares
            && *config == other.config
            && *gate == other.gate
            && *signatures == other.signatures
            && *clock_skew_ms == other.clock_skew_ms
            && *network == other.network
            && *disk == other.disk
            && *workload == other.workload
            && *dependency == other.dependency
            && *dialing == other.dialing
            && *chaos == other.chaos
            && *faults == other.faults
            && *narration == other.narration
            && *expect == other.expect
    }
}

/// An act at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The protocol changes from one epoch to the next at least so often.
    pub min_switches: u32,
    /// No correct replica goes beyond this view.
    pub max_view: Option<View>,
    /// Correct replicas take over the state of others at least so often.
    pub min_transfers: u32,
    /// At least so many requests are answered as reads, without being ordered.
    pub min_reads: u32,
    /// At least so many reads have to be ordered after all.
    pub min_fallen_back: u32,
    /// At least so many proofs that a primary lied are seen by correct replicas.
    pub min_equivocations: u32,
    /// Each of these is proven guilty to every correct member.
    pub convicted: Vec<NodeId>,
    /// Exactly these are in quarantine in the end, by what correct members agree on; left out: it
    /// doesn't matter.
    pub quarantined: Option<Vec<NodeId>>,
    /// Exactly these aren't heard in the end, by the same.
    pub silenced: Vec<NodeId>,
    /// These levels of threat follow each other, and no others; empty: it doesn't matter.
    pub threat: Vec<analyzer::Level>,
    /// No correct node suspects others more often than that, all together.
    pub max_suspicions: Option<u32>,
    /// Correct nodes turn away at least so much of what clients say.
    pub min_turned_away: u32,
    /// Some correct node leaves out so much at least.
    pub min_level: Level,
    /// None ever leaves out more.
    pub max_level: Option<Level>,
    /// In the end nothing is left out any more.
    pub normal_at_end: bool,
    /// In some 50 ms so many requests come at least, at all nodes together.
    pub min_peak_requests: u32,
    /// In none do more.
    pub max_peak_requests: Option<u32>,
    /// Whether the experiment's hypothesis holds; it is over by then.
    pub hypothesis_holds: Option<bool>,
    /// What clients get while a service is slow that they don't need.
    pub others: Option<OthersConfig>,
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
            min_switches: 0,
            max_view: None,
            min_transfers: 0,
            min_reads: 0,
            min_fallen_back: 0,
            min_equivocations: 0,
            convicted: Vec::new(),
            quarantined: None,
            silenced: Vec::new(),
            threat: Vec::new(),
            max_suspicions: None,
            min_turned_away: 0,
            min_level: Level::Normal,
            max_level: None,
            normal_at_end: false,
            min_peak_requests: 0,
            max_peak_requests: None,
            hypothesis_holds: None,
            others: None,
            liveness_within_ms: 5_000,
        }
    }
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

    /// What happens and what is said, in order of time.
    pub(super) fn put_in_order(&mut self) {
        self.faults.sort_by_key(|fault| fault.at_ms);
        self.narration.sort_by_key(|marker| marker.at_ms);
    }

    /// Whether it takes the feature `guards` to carry it out.
    pub fn needs_guards(&self) -> bool {
        let takes_time = self.network.handling_us > 0;
        takes_time
            || self.gate.is_some()
            || self.dependency.is_some()
            || self.dialing.is_some()
            || self.chaos.is_some()
            || self.workload.patience.is_some()
            || self.workload.testimony.is_some()
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
}
