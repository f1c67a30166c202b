//! Observers in simulated clusters: what they make of liars, and of bad networks.

mod honest;
mod liars;
mod pieces;

use alloc::{format, string::String, vec::Vec};
use core::time::Duration;

use crate::{
    detector::suspicion::{Points, Reason},
    event::{Event, EventKind},
    ids::NodeId,
    quorum::NodeSet,
    sim::{Action, Cluster, Run, Scenario},
    time::Time,
};

/// How often scores are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A cluster, and what its nodes came to think of each other.
struct Watched {
    cluster: Cluster,
    /// The highest score of each suspect at each observer, when it was first at least 50, and why.
    peaks: Vec<Vec<Peak>>,
    looked: Time,
    /// Who crashed at some time.
    crashed: NodeSet,
}

#[derive(Clone, Debug, Default)]
struct Peak {
    score: Points,
    reasons: Vec<Reason>,
    accused_at: Option<Time>,
}

/// A scenario with these tables and acts, each at a time in milliseconds.
fn scenario(n: u16, tables: &str, acts: &[(u32, String)]) -> Scenario {
    let act = |(at_ms, act): &(u32, String)| format!("[[fault]]\nat_ms = {at_ms}\nact = {act}\n");
    let faults = acts.iter().map(act).collect::<Vec<_>>().concat();
    let source = format!(
        "schema = 1\nname = \"watched\"\ntitle = \"Watched\"\npromise = \"Observers look on.\"\n\
         duration_ms = 10000\n[cluster]\nn = {n}\n[workload]\nclients = 3\n{tables}\n{faults}\
         [expect]\nliveness_within_ms = 60000\n"
    );
    Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

impl Watched {
    fn run(scenario: Scenario, seed: u64) -> Self {
        let n = usize::from(scenario.members.n());
        let mut cluster = Cluster::new(&Run::new(scenario, seed)).unwrap();
        cluster.record();
        let peaks = alloc::vec![alloc::vec![Peak::default(); n]; n];
        let mut watched = Self { cluster, peaks, looked: Time(0), crashed: NodeSet::default() };
        while watched.cluster.step() {
            let events = watched.cluster.take_events();
            watched.feed(&events);
            if watched.cluster.now() >= watched.looked + LOOK_EVERY {
                watched.look();
            }
        }
        watched
    }

    fn feed(&mut self, events: &[Event]) {
        for event in events {
            if let EventKind::Intervened { action: Action::Crash { node }, .. } = &event.kind {
                self.crashed.insert(*node);
            }
        }
    }

    fn look(&mut self) {
        let now = self.cluster.now();
        self.looked = now;
        for (host, peaks) in self.cluster.nodes().iter().zip(&mut self.peaks) {
            for standing in host.node().suspicion().snapshot(now) {
                let peak = &mut peaks[usize::from(standing.suspect.0)];
                if standing.score >= Points::new(50) && peak.accused_at.is_none() {
                    peak.accused_at = Some(now);
                }
                if standing.score > peak.score {
                    (peak.score, peak.reasons) = (standing.score, standing.reasons);
                }
            }
        }
    }

    fn peak(&self, observer: NodeId, suspect: NodeId) -> &Peak {
        &self.peaks[usize::from(observer.0)][usize::from(suspect.0)]
    }

    /// Those that never lied and never crashed.
    fn correct(&self) -> Vec<NodeId> {
        let nodes = self.cluster.members().nodes();
        let lied = |id: NodeId| self.cluster.node(id).unwrap().is_byzantine();
        nodes.filter(|id| !lied(*id) && !self.crashed.contains(*id)).collect()
    }

    /// At how many correct observers the suspect's score passed 50.
    fn accusers(&self, suspect: NodeId) -> usize {
        let correct = self.correct();
        let accuse = |it: &&NodeId| self.peak(**it, suspect).accused_at.is_some();
        correct.iter().filter(|it| **it != suspect).filter(accuse).count()
    }

    /// No correct node passes 50 at any correct one.
    fn assert_no_correct_node_is_accused(&self, what: &str) {
        for observer in self.correct() {
            for suspect in self.correct() {
                let peak = self.peak(observer, suspect);
                assert!(
                    peak.accused_at.is_none(),
                    "{what}: {observer} accuses {suspect}, which is correct: {peak:?}"
                );
            }
        }
    }

    /// That there was something to see.
    fn assert_progress(&self, what: &str) {
        let completed = self.cluster.counts().completed;
        assert!(completed >= 20, "{what}: just {completed} requests completed");
    }
}
