//! Observers in simulated clusters: what they make of liars, and of bad networks.

mod honest;
mod liars;
mod pieces;

use alloc::{format, string::String, vec::Vec};
use core::time::Duration;

use super::Observer;
use crate::{
    crypto::Refusal,
    detector::suspicion::{Config, Points, Reason},
    event::{Event, EventKind, Place},
    ids::{Epoch, NodeId, Principal},
    quorum::NodeSet,
    sim::{Action, Cluster, Run, Scenario},
    time::Time,
};

/// How often scores are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A cluster with an observer at each node.
struct Watched {
    cluster: Cluster,
    observers: Vec<Observer>,
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
        let (members, timers) = (scenario.members, scenario.config.clone());
        let new = |id| Observer::new(id, members, &timers, Config::default()).unwrap();
        let observers: Vec<_> = members.nodes().map(new).collect();
        let n = observers.len();
        let mut cluster = Cluster::new(&Run::new(scenario, seed)).unwrap();
        cluster.record();
        let peaks = alloc::vec![alloc::vec![Peak::default(); n]; n];
        let mut watched =
            Self { cluster, observers, peaks, looked: Time(0), crashed: NodeSet::default() };
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
        let mut events = events.iter().peekable();
        while let Some(Event { at, place, kind }) = events.next() {
            if let EventKind::Intervened { action: Action::Crash { node }, .. } = kind {
                self.crashed.insert(*node);
            }
            let Place::Node(node) = *place else { continue };
            let Some(observer) = self.observers.get_mut(usize::from(node.0)) else { continue };
            let EventKind::Delivered { from, what, .. } = kind else {
                observer.saw(*at, kind);
                continue;
            };
            let refused = events.peek().and_then(|next| match &next.kind {
                EventKind::Refused { why, .. } if next.place == *place => Some(why),
                _ => None,
            });
            let Principal::Node(from) = *from else { continue };
            match refused {
                None => observer.heard(*at, from, what),
                // The simulation has it in words.
                Some(words) => {
                    let (found, expected) = (Epoch(1), Epoch(0));
                    let why = if words.starts_with("it is of epoch") {
                        Refusal::Epoch { found, expected }
                    } else {
                        Refusal::Inconsistent("told in words")
                    };
                    observer.refused(*at, from, what.kind, &why);
                }
            }
        }
    }

    fn look(&mut self) {
        let now = self.cluster.now();
        self.looked = now;
        for (observer, peaks) in self.observers.iter_mut().zip(&mut self.peaks) {
            observer.tick(now);
            for standing in observer.suspicion().snapshot(now) {
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
