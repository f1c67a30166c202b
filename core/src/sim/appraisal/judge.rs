//! Carrying out a trial: what nodes came to believe, against what is so.

use alloc::vec::Vec;

use super::{
    super::{
        action::Action,
        cluster::Cluster,
        recording::MAX_STEPS,
        run::{Run, RunError},
    },
    trial::Trial,
};
use crate::{
    event::{Event, EventKind, Place, Tampering},
    ids::{MessageId, NodeId, Principal, Seq},
    sorted::{SortedMap, SortedSet},
    time::Time,
};

/// A moment of a trial, by three clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Virtual time.
    pub at: Time,
    /// Rounds: the last position that a correct node has executed.
    pub round: u64,
    /// Messages that were delivered so far.
    pub messages: u64,
}

/// What a node really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does as it should, and nothing keeps it from that.
    Correct,
    /// It is honest, and was down or cut off: others can't tell that from silence.
    Absent,
    /// It is Byzantine.
    Liar,
}

/// What is so of a node, and what correct nodes believe of it.
#[derive(Clone, Debug)]
pub struct Believed {
    /// Which.
    pub node: NodeId,
    /// What it is.
    pub truth: Truth,
    /// When it first did what it shouldn't: a liar told, changed or withheld something.
    pub began: Option<Moment>,
    /// When f+1 correct nodes held proof against it.
    pub proven: Option<Moment>,
    /// When f+1 correct nodes held it guilty, by proof or by suspicion.
    pub held: Option<Moment>,
    /// How many correct nodes ever held proof, whether that was enough or not.
    pub convicted_by: u16,
    told: SortedSet<Principal>,
    proof_at: SortedSet<NodeId>,
    suspected_at: SortedSet<NodeId>,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Appraisal {
    /// Of each node.
    pub nodes: Vec<Believed>,
    /// How long it lasted.
    pub ended_at: Time,
    /// How many requests were answered.
    pub completed: u64,
}

impl Trial<'_> {
    /// Carries it out.
    pub fn appraise(&self) -> Result<Appraisal, RunError> {
        let scenario = self
            .scenario()
            .map_err(|why| RunError::Config(alloc::string::ToString::to_string(&why)))?;
        let mut judge = Judge::new(self);
        let mut cluster = Cluster::new(&Run::new(scenario, self.seed))?;
        cluster.record();
        while cluster.steps() < MAX_STEPS && cluster.step() {
            let messages = cluster.counts().delivered;
            for event in cluster.take_events() {
                judge.take(&event, messages);
            }
        }
        let (ended_at, completed) = (cluster.now(), cluster.counts().completed);
        Ok(Appraisal { nodes: judge.nodes, ended_at, completed })
    }
}

struct Judge {
    nodes: Vec<Believed>,
    /// f+1.
    enough: usize,
    executed: Seq,
    /// The last lie that was told: when, by whom, to whom.
    lie: Option<(Time, NodeId, Principal)>,
    /// Lies on their way, and who told them.
    on_the_way: SortedMap<MessageId, NodeId>,
}

impl Judge {
    fn new(trial: &Trial<'_>) -> Self {
        let liars = trial.liars();
        let nodes = trial.members.nodes().map(|node| Believed {
            node,
            truth: if liars.contains(&node) { Truth::Liar } else { Truth::Correct },
            began: None,
            proven: None,
            held: None,
            convicted_by: 0,
            told: SortedSet::new(),
            proof_at: SortedSet::new(),
            suspected_at: SortedSet::new(),
        });
        let enough = usize::from(trial.members.f()) + 1;
        let (nodes, on_the_way) = (nodes.collect(), SortedMap::new());
        Self { nodes, enough, executed: Seq(0), lie: None, on_the_way }
    }

    fn of(&mut self, node: NodeId) -> Option<&mut Believed> {
        self.nodes.get_mut(usize::from(node.0))
    }

    fn is_liar(&self, node: NodeId) -> bool {
        self.nodes.get(usize::from(node.0)).is_some_and(|it| it.truth == Truth::Liar)
    }

    fn take(&mut self, event: &Event, messages: u64) {
        let now = Moment { at: event.at, round: self.executed.0, messages };
        match &event.kind {
            EventKind::Intervened { action, .. } => self.intervened(action),
            EventKind::Delivered { id, .. } => self.arrived(*id, event.place),
            EventKind::Lost { id, .. } => {
                self.on_the_way.remove(id);
            }
            kind => {
                let Place::Node(at) = event.place else { return };
                if self.is_liar(at) {
                    self.lies(at, kind, now);
                } else {
                    self.believes(at, kind, now);
                }
            }
        }
    }

    /// A liar tells a lie, or sends what may be one.
    fn lies(&mut self, at: NodeId, kind: &EventKind, now: Moment) {
        match kind {
            EventKind::Tampered { to, how, .. } => {
                if let Some(liar) = self.of(at) {
                    liar.began.get_or_insert(now);
                }
                let is_told = !matches!(how, Tampering::Withheld | Tampering::Delayed { .. });
                self.lie = is_told.then_some((now.at, at, *to));
            }
            EventKind::Sent { id, to, .. } if self.lie == Some((now.at, at, *to)) => {
                self.on_the_way.insert(*id, at);
            }
            _ => {}
        }
    }

    fn arrived(&mut self, id: MessageId, at: Place) {
        let Some(liar) = self.on_the_way.remove(&id) else { return };
        let to = match at {
            Place::Node(node) if !self.is_liar(node) => Principal::Node(node),
            Place::Client(client) => Principal::Client(client),
            _ => return,
        };
        if let Some(liar) = self.of(liar) {
            liar.told.insert(to);
        }
    }

    /// Who was down isn't blamed, nor praised.
    fn intervened(&mut self, action: &Action) {
        if let Action::Crash { node } | Action::CutOff { node } = action
            && let Some(it) = self.of(*node)
            && it.truth == Truth::Correct
        {
            it.truth = Truth::Absent;
        }
    }

    fn believes(&mut self, at: NodeId, kind: &EventKind, now: Moment) {
        let enough = self.enough;
        match kind {
            EventKind::Executed { seq, .. } => self.executed = self.executed.max(*seq),
            EventKind::Convicted { offender, .. } => {
                let Some(it) = self.of(*offender) else { return };
                it.proof_at.insert(at);
                it.convicted_by = it.proof_at.len() as u16;
                it.note(enough, now);
            }
            EventKind::Suspected { peer, .. } => {
                let Some(it) = self.of(*peer) else { return };
                it.suspected_at.insert(at);
                it.note(enough, now);
            }
            EventKind::Unsuspected { peer, .. } => {
                if let Some(it) = self.of(*peer) {
                    it.suspected_at.remove(&at);
                }
            }
            _ => {}
        }
    }
}

impl Believed {
    /// Whether its lies reached two correct nodes, or a client, who shows all nodes what contradicts
    /// the others: from then on there is something to prove.
    pub fn was_heard(&self) -> bool {
        self.told.len() >= 2 || self.told.iter().any(|to| matches!(to, Principal::Client(_)))
    }

    fn note(&mut self, enough: usize, now: Moment) {
        if self.proof_at.len() >= enough {
            self.proven.get_or_insert(now);
        }
        let only_suspected = self.suspected_at.iter().filter(|it| !self.proof_at.contains(it));
        if self.proof_at.len() + only_suspected.count() >= enough {
            self.held.get_or_insert(now);
        }
    }
}
