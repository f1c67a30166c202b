//! §5.2 and §5.4.1: who leads; and what keeps elections rare: pre-vote, and leaders that are
//! protected by those who hear them (thesis, on disruptive servers).
//!
//! ```text
//!              nobody heard             a majority would          a majority did
//!   Follower ───────────────▶ PreCandidate ──────────▶ Candidate ──────────────▶ Leader
//!      ▲                          │      term + 1, own vote        │               │
//!      └────── a leader is heard, or a later term ─────────────────┴───────────────┘
//! ```
//!
//! A member that was cut off only asks, term after term the same, and finds nobody who would: when
//! it is back it deposes nobody.

use core::time::Duration;

use super::{
    contract::{Cause, Refusal},
    instance::{Payload, Raft, Standing},
    messages::{Body, MAX_TERM, Place},
};
use crate::{
    crypto::Digest,
    ids::{NodeId, Term},
    protocol::{RecordNumber, To},
    quorum::NodeSet,
};

impl<P: Payload> Raft<P> {
    /// "Election timeouts are chosen randomly from a fixed interval" (§5.2), here from one to two
    /// timeouts: by a hash of who draws, in which term, for which time.
    pub(super) fn draw_timeout(&mut self) {
        self.draws = self.draws.wrapping_add(1);
        let base = self.election_timeout();
        let drawn =
            Digest::of(&(self.config.jitter, self.members.epoch(), self.id, self.term, self.draws));
        let micros = drawn.prefix() % (base.as_micros() as u64).max(1);
        self.timeout = base + Duration::from_micros(micros);
        self.election_at = self.now + self.timeout;
    }

    /// Whether it heard its leader within the least election timeout. A leader hears itself: it
    /// steps down when no majority hears it.
    pub(super) fn hears_a_leader(&self) -> bool {
        match self.leader {
            None => false,
            Some(leader) if leader == self.id => true,
            Some(_) => self.now.since(self.heard_leader_at) < self.election_timeout(),
        }
    }

    /// Asks whether it could win, before it makes anybody enter a new term.
    pub(super) fn ask_for_pre_votes(&mut self) {
        self.leader = None;
        self.fail_unanswered_reads();
        self.draw_timeout();
        if self.term >= MAX_TERM {
            return;
        }
        let mut granted = NodeSet::default();
        granted.insert(self.id);
        self.standing = Standing::PreCandidate { granted };
        self.became(Cause::Timeout);
        let ask = Body::PreVote { for_term: self.term.next(), last: self.log.last() };
        self.send(To::Others, ask);
    }

    /// Asked to stand before its patience has run out.
    pub(super) fn stand(&mut self) {
        if matches!(self.standing, Standing::Follower) && !self.hears_a_leader()
            || matches!(self.standing, Standing::PreCandidate { .. })
        {
            self.ask_for_pre_votes();
        }
    }

    pub(super) fn on_pre_vote(&mut self, from: NodeId, for_term: Term, last: Place) {
        if for_term > MAX_TERM {
            return self.refuse(from, Refusal::Term);
        }
        let granted = for_term > self.term && last >= self.log.last() && !self.hears_a_leader();
        self.send_gated(To::Node(from), Body::PreVoteReply { for_term, granted });
    }

    pub(super) fn on_pre_vote_reply(&mut self, from: NodeId, for_term: Term, granted: bool) {
        let Standing::PreCandidate { granted: who } = &mut self.standing else { return };
        if !granted || for_term != self.term.next() {
            return;
        }
        who.insert(from);
        if usize::from(who.len()) >= self.members.majority() {
            self.campaign(false);
        }
    }

    /// Figure 2, candidates: the next term, a vote for itself, and everybody is asked.
    pub(super) fn campaign(&mut self, transfer: bool) {
        if self.term >= MAX_TERM {
            return;
        }
        self.fail_unanswered_reads();
        self.begin_term(self.term.next());
        self.vote = Some(self.id);
        self.leader = None;
        let own_vote = self.persist_term();
        self.standing = Standing::Candidate { granted: NodeSet::default(), own_vote };
        self.draw_timeout();
        self.became(if transfer { Cause::HandedOver } else { Cause::PreVoted });
        self.send_gated(To::Others, Body::Vote { last: self.log.last(), transfer });
    }

    /// Figure 2, `RequestVote`: one vote a term, and only for a log that isn't behind (§5.4.1).
    pub(super) fn on_vote(&mut self, from: NodeId, last: Place) {
        let is_free = self.vote.is_none_or(|vote| vote == from);
        let granted = is_free && last >= self.log.last();
        if granted {
            if self.vote.is_none() {
                self.vote = Some(from);
                self.persist_term();
            }
            self.election_at = self.now + self.timeout;
        }
        self.send_gated(To::Node(from), Body::VoteReply { granted });
    }

    pub(super) fn on_vote_reply(&mut self, from: NodeId, granted: bool) {
        if let Standing::Candidate { granted: who, .. } = &mut self.standing
            && granted
        {
            who.insert(from);
            self.win();
        }
    }

    /// The own vote counts like any other: once it can't be forgotten.
    pub(super) fn count_own_vote(&mut self, durable: RecordNumber) {
        if let Standing::Candidate { granted, own_vote } = &mut self.standing
            && *own_vote <= durable
        {
            granted.insert(self.id);
            self.win();
        }
    }

    fn win(&mut self) {
        if let Standing::Candidate { granted, .. } = &self.standing
            && granted.contains(self.id)
            && usize::from(granted.len()) >= self.members.majority()
        {
            self.lead();
        }
    }
}
