//! Reads that are linearizable without being written to the log: the read index (§8; thesis, on
//! read-only queries). No clock is trusted.
//!
//! ```text
//!  read ──▶ leader: at := what is committed, or its term's first entry if that is later
//!           everybody is asked; a majority answers: it led when the read came
//!           what is committed reaches `at` ──▶ ReadReady
//! ```
//!
//! Whatever any client saw before the read came is at or below `at`: it was committed by this
//! leader, or by an earlier one, and then it stands below the leader's first entry. That a majority
//! was still with the leader *after* the read came proves that no later leader had committed more.
//!
//! Followers ask the leader for `at` and answer themselves. At the end of an epoch the majority of
//! the old members proves nothing any more: reads at it or above fail, and go to the next epoch.

use alloc::vec::Vec;

use serde::Serialize;

use super::{
    contract::Effect,
    instance::{Payload, Raft, Standing},
    messages::{Body, ReadId},
};
use crate::{
    ids::{NodeId, Seq},
    protocol::To,
    time::Time,
};

/// The most reads that wait in one place. More fail at once: the host asks again later.
pub(super) const MAX_READS: usize = 1_024;

/// A read that a leader was asked about.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct AskedRead {
    pub(super) id: ReadId,
    pub(super) from: NodeId,
    at: Seq,
    /// A majority must have answered this round.
    round: u64,
}

/// An own read.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct WaitingRead {
    id: ReadId,
    since: Time,
    /// From where on it may be answered, once the leader has said it.
    at: Option<Seq>,
}

impl<P: Payload> Raft<P> {
    pub(super) fn read(&mut self, id: ReadId) {
        match self.leader {
            Some(leader) if leader == self.id => self.on_read(self.id, id),
            Some(leader) if self.reads.len() < MAX_READS => {
                self.reads.push_back(WaitingRead { id, since: self.now, at: None });
                self.send(To::Node(leader), Body::Read { id });
            }
            _ => self.outbox.free(Effect::ReadFailed { id }),
        }
    }

    pub(super) fn on_read(&mut self, from: NodeId, id: ReadId) {
        let is_own = from == self.id;
        let Standing::Leader(leadership) = &mut self.standing else { return };
        if leadership.asked.len() >= MAX_READS || (is_own && self.reads.len() >= MAX_READS) {
            if is_own {
                self.outbox.free(Effect::ReadFailed { id });
            }
            return;
        }
        let at = self.commit.max(leadership.began_at);
        let round = leadership.round.saturating_add(1);
        // One round is out at a time: reads that come meanwhile share the next.
        let begins = leadership.asked.is_empty();
        leadership.asked.push_back(AskedRead { id, from, at, round });
        if begins {
            self.ask_everybody();
        }
    }

    /// Answers the reads whose round a majority has answered.
    pub(super) fn confirm_reads(&mut self) {
        let Standing::Leader(leadership) = &mut self.standing else { return };
        let own = leadership.round;
        let confirmed = leadership.reached(self.members, own, |peer| peer.round);
        let count = leadership.asked.iter().take_while(|read| read.round <= confirmed).count();
        let answered: Vec<_> = leadership.asked.drain(..count).collect();
        // Reads that came while a round was out need the next.
        let begins = count > 0 && leadership.asked.front().is_some_and(|read| read.round > own);
        for AskedRead { id, from, at, .. } in answered {
            if from == self.id {
                self.reads.push_back(WaitingRead { id, since: self.now, at: Some(at) });
            } else {
                self.send(To::Node(from), Body::ReadAt { id, at });
            }
        }
        self.serve_reads();
        if begins {
            self.ask_everybody();
        }
    }

    pub(super) fn on_read_at(&mut self, from: NodeId, id: ReadId, at: Seq) {
        if self.leader != Some(from) {
            return;
        }
        if let Some(read) = self.reads.iter_mut().find(|read| read.id == id && read.at.is_none()) {
            read.at = Some(at);
        }
        self.serve_reads();
    }

    /// Hands out the reads that may be answered, and those that never will be.
    pub(super) fn serve_reads(&mut self) {
        let (delivered, seal) = (self.delivered(), self.seal);
        let outbox = &mut self.outbox;
        self.reads.retain(|WaitingRead { id, at, .. }| {
            let id = *id;
            match *at {
                Some(at) if seal.is_some_and(|seal| at >= seal) => {
                    outbox.free(Effect::ReadFailed { id });
                    false
                }
                Some(at) if at <= delivered => {
                    outbox.free(Effect::ReadReady { id, at });
                    false
                }
                _ => true,
            }
        });
    }

    /// The leader that was asked will not answer.
    pub(super) fn fail_unanswered_reads(&mut self) {
        self.fail_reads(|read| read.at.is_none());
    }

    /// Question or answer was lost, or what is committed comes no nearer.
    pub(super) fn expire_reads(&mut self) {
        let (now, patience) = (self.now, self.election_timeout());
        self.fail_reads(|read| now >= read.since + patience);
    }

    fn fail_reads(&mut self, fails: impl Fn(&WaitingRead) -> bool) {
        let outbox = &mut self.outbox;
        self.reads.retain(|read| {
            let fails = fails(read);
            if fails {
                outbox.free(Effect::ReadFailed { id: read.id });
            }
            !fails
        });
    }

    pub(super) fn reads_deadline(&self) -> Option<Time> {
        self.reads.front().map(|read| read.since + self.election_timeout())
    }
}
