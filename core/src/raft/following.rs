//! §5.3, the follower's side: entries come in.

use super::{
    contract::{Cause, Refusal},
    instance::{Payload, Raft, Standing},
    messages::{Answer, Append, Body, Entry, MAX_APPEND_ENTRIES, Place},
    records::Record,
};
use crate::{
    ids::{NodeId, Seq},
    protocol::To,
};

impl<P: Payload> Raft<P> {
    /// Hears the leader of its term. False: it can't be one.
    pub(super) fn follow(&mut self, leader: NodeId) -> bool {
        if self.leader.is_some_and(|known| known != leader) {
            self.refuse(leader, Refusal::TwoLeaders);
            return false;
        }
        self.heard_leader_at = self.now;
        self.election_at = self.now + self.timeout;
        if self.leader.is_none() {
            self.leader = Some(leader);
            // "If AppendEntries RPC received from new leader: convert to follower" (figure 2).
            self.follow_from_now(Cause::Found(leader));
        }
        true
    }

    /// Figure 2, `AppendEntries`.
    pub(super) fn on_append(&mut self, from: NodeId, append: Append<P>) {
        if !self.is_well_formed(&append) {
            return self.refuse(from, Refusal::Malformed);
        }
        if !self.follow(from) {
            return;
        }
        let Append { prev, entries, commit, round } = append;
        if prev.seq >= self.log.base().seq && !self.log.holds(prev) {
            let hint = self.log.last_not_after(prev.seq, prev.term);
            return self.answer(from, round, Answer::Conflict { rejected: prev.seq, hint });
        }
        match self.take_entries(prev, entries) {
            Ok((agreed, is_full)) => {
                self.commit_upto(commit.min(agreed));
                let answer = if is_full { Answer::Full(agreed) } else { Answer::Matched(agreed) };
                self.answer(from, round, answer);
            }
            Err(why) => self.refuse(from, why),
        }
    }

    /// Terms never fall, none is later than the leader's, and each position has one after it.
    fn is_well_formed(&self, append: &Append<P>) -> bool {
        let Append { prev, entries, .. } = append;
        let mut term = prev.term;
        let rises = |entry: &Entry<P>| core::mem::replace(&mut term, entry.term) <= entry.term;
        entries.len() <= MAX_APPEND_ENTRIES
            && prev.seq.0.checked_add(entries.len() as u64).is_some_and(|last| last < u64::MAX)
            && entries.iter().all(rises)
            && term <= self.term
    }

    /// Keeps what is there already, replaces what contradicts, appends the rest. How far the log
    /// agrees then, and whether there was no room for all.
    fn take_entries(
        &mut self,
        prev: Place,
        mut entries: alloc::vec::Vec<Entry<P>>,
    ) -> Result<(Seq, bool), Refusal> {
        let base = self.log.base().seq;
        let upto = Seq(prev.seq.0 + entries.len() as u64);
        if upto < base {
            // Below the snapshot all is committed, so every leader of a later term has it.
            return Ok((base, false));
        }
        let known = entries
            .iter()
            .zip(prev.seq.0 + 1..)
            .take_while(|(entry, seq)| {
                let there = self.log.place(Seq(*seq));
                *seq < base.0 || there.is_some_and(|there| there.term == entry.term)
            })
            .count();
        let differs = |(entry, seq): (&Entry<P>, u64)| {
            self.log.entry(Seq(seq)).is_some_and(|there| there != entry)
        };
        if entries[..known].iter().zip(prev.seq.0 + 1..).any(differs) {
            return Err(Refusal::TwoContents);
        }
        let agreed = Seq(prev.seq.0 + known as u64);
        if agreed < base {
            return Err(Refusal::Committed);
        }
        entries.drain(..known);
        if entries.is_empty() {
            return Ok((agreed, self.room_above(self.log.last().seq) == 0));
        }
        if agreed < self.log.last().seq {
            if agreed < self.commit {
                return Err(Refusal::Committed);
            }
            self.log.truncate(agreed);
            self.synced.cut(agreed);
            self.outbox.persist(Record::Truncate { after: agreed });
        }
        let room = self.room_above(agreed);
        let is_full = entries.len() > room;
        entries.truncate(room);
        if !entries.is_empty() {
            self.put(entries);
        }
        Ok((self.log.last().seq, is_full))
    }

    /// How many entries there is room for above a position.
    fn room_above(&self, seq: Seq) -> usize {
        let used = seq.0.saturating_sub(self.log.base().seq.0);
        usize::try_from(self.config.capacity().saturating_sub(used)).unwrap_or(usize::MAX)
    }

    /// Leaves once what it says is durable.
    pub(super) fn answer(&mut self, to: NodeId, round: u64, answer: Answer) {
        let commit = self.delivered();
        self.send_gated(To::Node(to), Body::AppendReply { round, commit, answer });
    }

    /// Whether it leads.
    pub(super) fn is_leader(&self) -> bool {
        matches!(self.standing, Standing::Leader(_))
    }
}
