//! §7: what the log holds no more. The state itself is the host's: here it has a place and a name.

use super::{
    contract::Effect,
    instance::{Payload, Raft},
    messages::{Answer, Place},
    records::Record,
};
use crate::{
    crypto::Digest,
    ids::{NodeId, Seq},
};

impl<P: Payload> Raft<P> {
    /// The host holds the state at this position: what led there may go. Nothing is dropped that
    /// isn't committed.
    pub(super) fn compact(&mut self, at: Seq, digest: Digest) {
        let Some(place) = self.log.place(at) else { return };
        if at <= self.log.base().seq || at > self.delivered() {
            return;
        }
        self.log.begin_at(place, digest);
        self.outbox.persist(Record::Snapshot { at: place, digest });
        // There is room again.
        self.fill_up();
        self.replicate();
    }

    /// The leader's log begins above this one's end.
    pub(super) fn on_snapshot(&mut self, from: NodeId, at: Place, digest: Digest, round: u64) {
        if !self.follow(from) {
            return;
        }
        if at.seq <= self.commit {
            // What is committed is in every later leader's log.
            return self.answer(from, round, Answer::Matched(self.commit));
        }
        self.answer(from, round, Answer::Heard);
        if self.fetching != Some(at) {
            self.fetching = Some(at);
            self.outbox.free(Effect::FetchState { at, digest, from });
        }
    }

    /// The host holds the state that it was asked to fetch, or a later one that is committed.
    pub(super) fn install(&mut self, at: Place, digest: Digest) {
        self.fetching = None;
        // "Leader Append-Only" (figure 3), and a leader has all that is committed.
        if at.seq <= self.commit || self.is_leader() {
            return;
        }
        let is_in_log = self.log.holds(at);
        self.log.begin_at(at, digest);
        let number = self.outbox.persist(Record::Snapshot { at, digest });
        if !is_in_log {
            self.synced.replaced(number, at.seq);
        }
        let before = self.delivered();
        self.commit = at.seq;
        self.report_seal(before);
        self.serve_reads();
        if let Some(leader) = self.leader {
            // Of round 0: it says nothing about when the leader was heard.
            self.answer(leader, 0, Answer::Matched(at.seq));
        }
    }
}
