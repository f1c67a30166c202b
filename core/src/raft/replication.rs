//! §5.3, the leader's side: entries out, answers in, and what is committed (§5.4.2).

use super::{
    contract::{Event, Refusal},
    instance::{Payload, Raft, Standing},
    messages::{Answer, Append, Body, Place},
    progress::Mode,
};
use crate::{
    ids::{NodeId, Seq},
    protocol::To,
};

impl<P: Payload> Raft<P> {
    /// Sends to everybody what there is for them.
    pub(super) fn replicate(&mut self) {
        for peer in self.members.others(self.id) {
            self.send_entries(peer);
        }
    }

    /// As much as may be on its way to this member.
    fn send_entries(&mut self, peer: NodeId) {
        while let Some(append) = self.next_entries(peer) {
            self.send(To::Node(peer), Body::Append(append));
        }
    }

    /// The next message with entries for a member, if it may get one now.
    fn next_entries(&mut self, peer: NodeId) -> Option<Append<P>> {
        let Standing::Leader(leadership) = &mut self.standing else { return None };
        let round = leadership.round;
        let progress = leadership.peers.get_mut(&peer)?;
        if progress.next > self.log.last().seq || progress.mode == Mode::Snapshot {
            return None;
        }
        let Some(prev) = self.log.place(Seq(progress.next.0.saturating_sub(1))) else {
            progress.mode = Mode::Snapshot;
            progress.in_flight.clear();
            self.event(Event::NeedsSnapshot { peer });
            self.offer_snapshot(peer, round);
            return None;
        };
        let is_pipelined = progress.mode == Mode::Pipeline;
        match &mut progress.mode {
            Mode::Probe { sent } if !*sent => *sent = true,
            Mode::Pipeline if progress.in_flight.len() < self.config.in_flight => {}
            _ => return None,
        }
        let (most, bytes) = (self.config.append_entries, self.config.append_bytes);
        let entries = self.log.slice(progress.next, most, bytes);
        if is_pipelined {
            let last = Seq(prev.seq.0 + entries.len() as u64);
            progress.next = last.next();
            progress.in_flight.push_back(last);
        }
        progress.told = self.commit;
        Some(Append { prev, entries, commit: self.commit, round })
    }

    /// A heartbeat: everybody is asked whether the log agrees so far, and repairs what was lost.
    pub(super) fn ask_everybody(&mut self) {
        let Standing::Leader(leadership) = &mut self.standing else { return };
        leadership.heartbeat_at = self.now + self.config.heartbeat();
        leadership.round = leadership.round.saturating_add(1);
        for peer in self.members.others(self.id) {
            self.send_heartbeat(peer);
        }
    }

    fn send_heartbeat(&mut self, peer: NodeId) {
        let Standing::Leader(leadership) = &mut self.standing else { return };
        let round = leadership.round;
        let Some(progress) = leadership.peers.get_mut(&peer) else { return };
        let prev = self.log.place(Seq(progress.next.0.saturating_sub(1)));
        let Some(prev) = prev.filter(|_| progress.mode != Mode::Snapshot) else {
            return self.offer_snapshot(peer, round);
        };
        progress.told = self.commit;
        let append = Append { prev, entries: alloc::vec![], commit: self.commit, round };
        self.send(To::Node(peer), Body::Append(append));
    }

    fn offer_snapshot(&mut self, peer: NodeId, round: u64) {
        let (at, digest) = (self.log.base(), self.log.digest());
        self.send(To::Node(peer), Body::Snapshot { at, digest, round });
    }

    pub(super) fn on_append_reply(
        &mut self,
        from: NodeId,
        round: u64,
        commit: Seq,
        answer: Answer,
    ) {
        let last = self.log.last().seq;
        let Standing::Leader(leadership) = &mut self.standing else { return };
        let Some(progress) = leadership.peers.get_mut(&from) else { return };
        let beyond = match answer {
            Answer::Matched(seq) | Answer::Full(seq) => seq > last,
            Answer::Conflict { .. } | Answer::Heard => false,
        };
        if beyond || round > leadership.round {
            return self.refuse(from, Refusal::Malformed);
        }
        progress.heard_at = self.now;
        progress.round = progress.round.max(round);
        progress.knows = progress.knows.max(commit);
        match answer {
            Answer::Matched(upto) => progress.matched(upto, self.log.base().seq),
            Answer::Full(upto) => progress.is_full(upto),
            Answer::Conflict { rejected, hint } if progress.is_news(rejected) => {
                // The last place that both may have: terms after it are skipped whole (§5.3).
                let Place { seq, .. } = self.log.last_not_after(hint.seq, hint.term);
                let seq = seq.min(Seq(rejected.0.saturating_sub(1)));
                progress.back_to(seq.next());
            }
            Answer::Conflict { .. } | Answer::Heard => {}
        }
        self.count_commits();
        self.send_entries(from);
        self.tell_to_stand(from);
        self.confirm_reads();
        self.count_who_knows_the_end();
    }

    /// Figure 2, leaders: the commit index moves to an N above it that a majority stores, if the
    /// entry at N is of the current term. The leader is one of them as far as its own disk goes.
    pub(super) fn count_commits(&mut self) {
        let Standing::Leader(leadership) = &self.standing else { return };
        let own = self.synced.upto();
        let reached = leadership.reached(self.members, own, |peer| peer.matched);
        let is_own_term = self.log.place(reached).is_some_and(|place| place.term == self.term);
        if reached > self.commit && is_own_term {
            self.commit_upto(reached);
            self.spread_commit();
        }
    }

    /// Tells those who have nothing else to hear.
    fn spread_commit(&mut self) {
        self.replicate();
        for peer in self.members.others(self.id) {
            let Standing::Leader(leadership) = &self.standing else { return };
            let waits = leadership.peers.get(&peer).is_some_and(|progress| {
                progress.mode == Mode::Pipeline && progress.told < self.commit
            });
            if waits {
                self.send_heartbeat(peer);
            }
        }
    }
}
