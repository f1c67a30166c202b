//! What is to be said of a run: which properties held, which faults really happened, whether it
//! came out as its scenario expects.

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;

#[cfg(feature = "guards")]
use super::dependency::Others;
use super::{invariant::Invariant, scenario::Scenario, trace::TraceHash};
use crate::{
    analyzer,
    ids::{Epoch, NodeId, View},
    resilience::{
        chaos::{Aborted, Phase},
        degradation::Level,
    },
    sorted::SortedMap,
    time::Time,
};

/// The first moment at which a property didn't hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which property.
    pub invariant: Invariant,
    /// After so many steps.
    pub step: u64,
    /// When.
    pub at: Time,
    /// Who, where, what against what.
    pub detail: String,
}

/// A fault that the scenario declares, or a person's intervention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Injection {
    /// When it was due.
    pub at: Time,
    /// In words.
    pub what: String,
    /// How often it had an effect: messages that it stopped, changed or delayed; for a crash or a
    /// restart, 1. 0: it did nothing, so nothing was tested by it.
    pub effects: u64,
}

/// Something that the scenario expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// In words.
    pub what: String,
    /// Whether it came true.
    pub met: bool,
}

/// What is counted while a cluster runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages handed to a network.
    pub sent: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that never will.
    pub lost: u64,
    /// Those of them that the network lost, not a cut or a crash.
    pub lost_by_network: u64,
    /// Messages that the network held up, so that others could overtake them.
    pub held_up: u64,
    /// Second copies that the network or a person made.
    pub duplicated: u64,
    /// Messages turned away on arrival.
    pub refused: u64,
    /// Requests that clients made.
    pub submitted: u64,
    /// Requests with an accepted answer.
    pub completed: u64,
    /// Those of them that were answered as reads, without being ordered.
    pub read: u64,
    /// Reads that had to be ordered after all.
    pub fallen_back: u64,
    /// How often f+1 replicas told a client to come back later.
    pub put_off: u64,
    /// Requests that clients gave up.
    pub given_up: u64,
    /// What correct nodes turned away of what clients said.
    pub turned_away: u64,
    /// The most that a correct node ever left out.
    pub level: Level,
    /// How often one left out more, and less.
    pub levels: [u64; 2],
    /// What clients said and arrived anywhere, in the busiest 50 ms.
    pub peak_requests: u64,
    /// Messages that a chaos experiment touched.
    pub injected: u64,
    /// Where that experiment stands.
    pub experiment: Option<Phase>,
    /// What a node said to another while it had no connection to it.
    pub unconnected: u64,
    /// What clients were answered while a service was slow that they don't need.
    #[cfg(feature = "guards")]
    pub others_answered: u64,
    /// Batches executed, over all correct replicas.
    pub executed: u64,
    /// The longest that an answered request waited in calm, in microseconds: what the bound of
    /// liveness is to be compared with.
    pub waited_us: u64,
    /// Checkpoints taken, over all correct replicas.
    pub checkpoints: u64,
    /// States taken over from others, over all correct replicas.
    pub transfers: u64,
    /// What each way of lying did to so many messages, by its name.
    pub lies: SortedMap<&'static str, u64>,
    /// Records that crashes found unsynced, and lost.
    pub unsynced_lost: u64,
    /// Proofs of equivocation that correct replicas reported.
    pub equivocations: u64,
    /// Proofs of any offence that correct nodes came to know.
    pub convictions: u64,
    /// How often a correct node came to suspect another.
    pub suspicions: u64,
    /// How many entries the docket has.
    pub decided: u64,
    /// How often what should be run changed, or the reason for it.
    pub threats: u64,
    /// The levels of threat, as they followed each other. Bounded as what changes them.
    pub threat: Vec<analyzer::Level>,
    /// The latest epoch that a correct replica began.
    pub epoch: Epoch,
    /// How often the protocol changed from one epoch to the next.
    pub switches: u32,
    /// The highest view that a correct replica entered.
    pub view: View,
}

/// The whole verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The first violation of each property that was violated.
    pub violations: Vec<Violation>,
    /// Distinct members of the latest epoch that were ever down or Byzantine.
    pub faults_used: u16,
    /// How many may be.
    pub f: u16,
    /// Who is proven guilty to every correct member that is up.
    pub convicted: Vec<NodeId>,
    /// What was done to the cluster, and whether it had an effect.
    pub injections: Vec<Injection>,
    /// What was counted.
    pub counts: Counts,
    /// What the scenario expects. Meaningful once the run is over.
    pub expectations: Vec<Expected>,
    /// How many steps it took.
    pub steps: u64,
    /// When it ended.
    pub ended_at: Time,
    /// The fingerprint of everything that happened.
    pub trace_hash: TraceHash,
}

impl Verdict {
    /// The first violation of a property, if there is one.
    pub fn violation(&self, of: Invariant) -> Option<&Violation> {
        self.violations.iter().find(|violation| violation.invariant == of)
    }

    /// Whether everything came out as the scenario expects.
    pub fn as_expected(&self) -> bool {
        self.expectations.iter().all(|expected| expected.met)
    }
}

/// What the dockets of correct members say in the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Docketed {
    pub(crate) quarantined: Vec<NodeId>,
    pub(crate) silenced: Vec<NodeId>,
}

fn list(nodes: &[NodeId]) -> String {
    let nodes: Vec<_> = nodes.iter().map(|node| format!("node {node}")).collect();
    nodes.join(", ")
}

/// Compares what happened with what a scenario expects.
pub(crate) fn expectations(
    scenario: &Scenario,
    violations: &[Violation],
    counts: &Counts,
    convicted: &[NodeId],
    docket: &Docketed,
) -> Vec<Expected> {
    let expect = &scenario.expect;
    let violated = |invariant| violations.iter().any(|violation| violation.invariant == invariant);
    let mut expectations: Vec<_> = Invariant::ALL
        .into_iter()
        .map(|invariant| {
            let name = invariant.name();
            if expect.violated.contains(&invariant) {
                Expected { what: format!("{name} is violated"), met: violated(invariant) }
            } else {
                Expected { what: format!("{name} holds"), met: !violated(invariant) }
            }
        })
        .collect();
    let mut also = |wanted: bool, what: String, met: bool| {
        if wanted {
            expectations.push(Expected { what, met });
        }
    };
    also(
        expect.min_completed > 0,
        format!("at least {} requests complete", expect.min_completed),
        counts.completed >= expect.min_completed,
    );
    also(
        expect.min_view > View(0),
        format!("view {} is reached", expect.min_view),
        counts.view >= expect.min_view,
    );
    also(
        expect.min_switches > 0,
        format!("the protocol is switched at least {} times", expect.min_switches),
        counts.switches >= expect.min_switches,
    );
    also(
        expect.min_epoch > Epoch(0),
        format!("epoch {} is reached", expect.min_epoch),
        counts.epoch >= expect.min_epoch,
    );
    if let Some(max) = expect.max_view {
        also(true, format!("no view after {max} is needed"), counts.view <= max);
    }
    also(
        expect.min_transfers > 0,
        format!("at least {} states are taken over from others", expect.min_transfers),
        counts.transfers >= u64::from(expect.min_transfers),
    );
    also(
        expect.min_reads > 0,
        format!("at least {} reads are answered without being ordered", expect.min_reads),
        counts.read >= u64::from(expect.min_reads),
    );
    also(
        expect.min_fallen_back > 0,
        format!("at least {} reads are ordered after all", expect.min_fallen_back),
        counts.fallen_back >= u64::from(expect.min_fallen_back),
    );
    also(
        expect.min_equivocations > 0,
        format!("at least {} proofs of equivocation are seen", expect.min_equivocations),
        counts.equivocations >= u64::from(expect.min_equivocations),
    );
    also(
        expect.min_turned_away > 0,
        format!("at least {} requests are turned away", expect.min_turned_away),
        counts.turned_away >= u64::from(expect.min_turned_away),
    );
    also(
        expect.min_level > Level::Normal,
        format!("it comes to {}", expect.min_level.name()),
        counts.level >= expect.min_level,
    );
    if let Some(max) = expect.max_level {
        also(true, format!("it is never worse than {}", max.name()), counts.level <= max);
    }
    let [worse, better] = counts.levels;
    also(expect.normal_at_end, "all is normal in the end".into(), worse == better);
    also(
        expect.min_peak_requests > 0,
        format!("at least {} requests come in some 50 ms", expect.min_peak_requests),
        counts.peak_requests >= u64::from(expect.min_peak_requests),
    );
    if let Some(max) = expect.max_peak_requests {
        let what = format!("at most {max} requests come in any 50 ms");
        also(true, what, counts.peak_requests <= u64::from(max));
    }
    if let Some(held) = expect.hypothesis_holds {
        let (words, met) = match (held, counts.experiment) {
            (true, ended) => ("holds", ended == Some(Phase::Held)),
            (false, ended) => ("is refuted", ended == Some(Phase::Aborted(Aborted::Refuted))),
        };
        also(true, format!("the experiment's hypothesis {words}"), met);
    }
    #[cfg(feature = "guards")]
    if let Some(others) = &expect.others {
        let (answered, Others { min, max }) = (counts.others_answered, others);
        let (most, in_words) =
            max.map_or((u64::MAX, String::new()), |max| (max, format!(" to {max}")));
        let what = format!("while the service is slow, other clients get {min}{in_words} answers");
        also(true, what, (*min..=most).contains(&answered));
    }
    if let Some(max) = expect.max_suspicions {
        let what = match max {
            0 => "nobody is suspected".into(),
            _ => format!("at most {max} suspicions arise"),
        };
        also(true, what, counts.suspicions <= u64::from(max));
    }
    if let Some(nodes) = &expect.quarantined {
        let what = match &nodes[..] {
            [] => "nobody is in quarantine".into(),
            _ => format!("in quarantine are, by agreement, {}", list(nodes)),
        };
        also(true, what, docket.quarantined == *nodes);
    }
    also(
        !expect.silenced.is_empty(),
        format!("not heard are, by agreement, {}", list(&expect.silenced)),
        docket.silenced == expect.silenced,
    );
    let levels: Vec<_> = expect.threat.iter().map(|level| level.name()).collect();
    also(
        !levels.is_empty(),
        format!("the threat is, in turn, {}", levels.join(", ")),
        counts.threat == expect.threat,
    );
    for node in &expect.convicted {
        let what = format!("node {node} is proven guilty to every correct node");
        also(true, what, convicted.contains(node));
    }
    expectations
}
