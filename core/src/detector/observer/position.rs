//! The votes for one position, and what is made of them once it was executed.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Digest,
    detector::suspicion::Signal,
    ids::{NodeId, View},
    quorum::{Membership, NodeSet},
    time::Time,
};

/// What a vote is for: its view, and the first bytes of its digest. Whoever finds two digests with
/// the same makes its own false vote look right, and gains nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ballot {
    pub(super) view: View,
    digest: u64,
}

impl Ballot {
    pub(super) fn new(view: View, digest: Digest) -> Self {
        Self { view, digest: digest.prefix() }
    }
}

/// One peer's votes: its latest of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Votes {
    prepare: Option<Ballot>,
    commit: Option<Ballot>,
}

/// One position in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// What was accepted here last, and when.
    proposal: Option<(Ballot, Time)>,
    decided: Option<Ballot>,
    pub(super) executed_at: Option<Time>,
    pub(super) judged: bool,
    /// By number, as far as anybody voted.
    votes: Vec<Votes>,
    /// Whose answer to the proposal was timed.
    timed: NodeSet,
    /// Whose prepare (the primary's: commit) came so soon that it wasn't said twice.
    prompt: NodeSet,
    /// Whose answer came so late that whoever waited for it has said so more than once.
    overdue: NodeSet,
}

/// How the votes for a position came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turnout {
    /// Whose first vote came late, or not at all.
    pub(super) late: NodeSet,
    /// Whose answer came, and very late.
    pub(super) overdue: NodeSet,
    /// Whose commit never came.
    pub(super) missing: NodeSet,
}

/// What is to be said of a position that was decided by votes that came here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) signals: Vec<(NodeId, Signal)>,
    pub(super) turnout: Turnout,
    /// In which view it was decided.
    pub(super) view: View,
}

impl Position {
    /// A proposal was accepted here. Returns who had voted for it already: they answered at once.
    pub(super) fn propose(&mut self, now: Time, ballot: Ballot) -> Vec<NodeId> {
        if self.proposal.is_some_and(|(known, _)| known.view >= ballot.view) {
            return Vec::new();
        }
        self.proposal = Some((ballot, now));
        (self.timed, self.overdue) = (NodeSet::default(), NodeSet::default());
        let voted = |votes: &Votes| {
            [votes.prepare, votes.commit].iter().flatten().any(|it| it.view == ballot.view)
        };
        let votes = (0..).map(NodeId).zip(&self.votes);
        let early: Vec<NodeId> = votes.filter(|(_, it)| voted(it)).map(|(node, _)| node).collect();
        for node in &early {
            self.timed.insert(*node);
        }
        early
    }

    /// A vote that counts for promptness came, within the time for that.
    pub(super) fn note_prompt(&mut self, now: Time, from: NodeId, within: Duration) {
        if self.proposal.is_none_or(|(_, since)| now <= since + within) {
            self.prompt.insert(from);
        }
    }

    /// A vote came. If it is the first answer to the proposal: how long that took.
    pub(super) fn vote(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        is_commit: bool,
        overdue_after: Duration,
    ) -> Option<Duration> {
        let at = usize::from(from.0);
        if at >= self.votes.len() {
            self.votes.resize(at + 1, Votes::default());
        }
        let votes = &mut self.votes[at];
        let place = if is_commit { &mut votes.commit } else { &mut votes.prepare };
        if place.is_none_or(|known| known.view < ballot.view) {
            *place = Some(ballot);
        }
        let (proposal, since) = self.proposal?;
        let answers = proposal.view == ballot.view && self.timed.insert(from);
        let took = now.since(since);
        if answers && took > overdue_after {
            self.overdue.insert(from);
        }
        answers.then_some(took)
    }

    /// Whether a vote contradicts what was accepted here in its view.
    pub(super) fn contradicts(&self, vote: Ballot) -> bool {
        self.proposal.is_some_and(|(it, _)| it.view == vote.view && it != vote)
    }

    /// Whether more than `f` peers' votes do: then a correct one of them was told something else.
    pub(super) fn is_outvoted(&self, f: u16) -> bool {
        let against = |votes: &&Votes| {
            [votes.prepare, votes.commit].iter().flatten().any(|vote| self.contradicts(*vote))
        };
        self.votes.iter().filter(against).count() > usize::from(f)
    }

    /// Whether it may make room: judged, or never proposed here and passed by.
    pub(super) fn is_spent(&self, passed: bool) -> bool {
        self.judged || (passed && self.executed_at.is_none())
    }

    /// Returns who has voted for something else in that view.
    pub(super) fn decide(&mut self, ballot: Ballot) -> Vec<NodeId> {
        self.decided = Some(ballot);
        let differs = |votes: &Votes| {
            [votes.prepare, votes.commit].iter().flatten().any(|vote| self.differs(*vote))
        };
        let votes = (0..).map(NodeId).zip(&self.votes);
        votes.filter(|(_, it)| differs(it)).map(|(node, _)| node).collect()
    }

    /// Whether a vote is for something else than what its view decided.
    pub(super) fn differs(&self, vote: Ballot) -> bool {
        self.decided.is_some_and(|decided| decided.view == vote.view && decided != vote)
    }

    /// What is to be said of each peer; nothing, unless votes of a quorum came here.
    pub(super) fn judge(&mut self, members: Membership, own: NodeId) -> Option<Judgement> {
        self.judged = true;
        let decided = self.decided?;
        let votes_of = |node: NodeId| self.votes.get(usize::from(node.0)).copied();
        let agreed = self.votes.iter().filter(|votes| votes.commit == Some(decided)).count();
        if agreed + 1 < members.quorum() {
            return None;
        }
        let turnout = Turnout { overdue: self.overdue, ..Turnout::default() };
        let mut judgement = Judgement { view: decided.view, turnout, ..Judgement::default() };
        let Judgement { signals, turnout, .. } = &mut judgement;
        for peer in members.others(own) {
            if !self.prompt.contains(peer) {
                turnout.late.insert(peer);
            }
            let Votes { prepare, commit } = votes_of(peer).unwrap_or_default();
            if commit.is_none() {
                turnout.missing.insert(peer);
            }
            let of_view = |vote: Ballot| vote.view == decided.view;
            if commit.is_some_and(|it| of_view(it) && it != decided) {
                signals.push((peer, Signal::InconsistentVote));
                continue;
            }
            // It may have been told something else, and then it can't commit either.
            if prepare.is_some_and(|it| of_view(it) && it != decided) {
                continue;
            }
            let outcome = |vote: Option<Ballot>| {
                if vote.is_some() { Signal::Success } else { Signal::Failure }
            };
            signals.push((peer, outcome(commit)));
            if peer != members.primary(decided.view) {
                signals.push((peer, outcome(prepare)));
            }
        }
        Some(judgement)
    }
}
