//! Retransmission. OSDI'99 leaves it open (the version of TOCS 2002 has status messages): here a
//! replica that waits for something says where it stands, and whoever is ahead sends what it lacks:
//! an old message, a proof of decision, or the proof of a state to fetch.
//!
//! Nothing waits without a way out: every wait ends with a status, every status is answered, and
//! even a replica that waits for nothing says where it stands once in four intervals.

use alloc::{sync::Arc, vec::Vec};

use super::{
    allowance::Work,
    batch::Batch,
    messages::{Decided, Message, PrePrepare, Status, ViewChange},
    replica::Replica,
};
use crate::{
    app::Application,
    crypto::{Digest, Signed},
    event::EventKind,
    ids::{NodeId, Seq},
    protocol::To,
};

/// How many positions one answer brings a peer forward.
pub(super) const POSITIONS_PER_ANSWER: usize = 16;
/// How many waiting requests a backup relays to the primary at a time.
const RELAYED_AT_A_TIME: usize = 16;
/// How many status intervals an idle replica stays silent.
const IDLE_INTERVALS: u32 = 4;

impl<A: Application> Replica<A> {
    pub(super) fn status(&self) -> Status {
        Status {
            epoch: self.epoch(),
            view: self.view,
            active: self.is_active(),
            stable: self.log.low(),
            executed: self.executed,
        }
    }

    fn is_waiting(&self) -> bool {
        !self.is_active()
            || self.is_recovering()
            || !self.pending.is_empty()
            || self.register.end().is_some()
            || self.log.any_after(self.executed)
            || self.checkpoints.any_after(self.executed)
            || self.transfer.is_some()
    }

    /// Says where it stands, and says again what the lowest unfinished position may have lost.
    pub(super) fn on_status_timer(&mut self) {
        if self.is_following() {
            self.follow();
            return;
        }
        let interval = self.config.status_interval();
        let waiting = self.is_waiting();
        self.status_at = self.now + if waiting { interval } else { interval * IDLE_INTERVALS };
        self.send(To::Others, Message::Status(self.status()));
        self.query_peers();
        if !waiting || self.is_recovering() {
            return;
        }
        self.fetch_missing();
        if !self.is_active() {
            return;
        }
        for message in self.own_messages(self.executed.next()) {
            self.send(To::Others, message);
        }
        self.repeat_pace();
        if !self.is_primary() {
            let stuck: Vec<_> = self
                .pending
                .values()
                .filter(|pending| !pending.proposed && pending.since + interval <= self.now)
                .take(RELAYED_AT_A_TIME)
                .map(|pending| pending.request.clone())
                .collect();
            for request in stuck {
                self.send(To::Node(self.primary()), Message::Request(request));
            }
        }
    }

    /// What this replica said about a position in its view.
    fn own_messages(&self, seq: Seq) -> Vec<Message> {
        let mut messages = Vec::new();
        let Some(slot) = self.log.get(seq) else { return messages };
        if let Some(accepted) = slot.accepted.as_ref().filter(|_| self.is_primary())
            && let Some(batch) = slot.batch(accepted.body.digest)
        {
            messages.push(Message::PrePrepare(accepted.clone(), batch.clone()));
        }
        let this_view = |view| view == self.view;
        let prepare = slot.prepares.of(self.id).filter(|vote| this_view(vote.body.view));
        let commit = slot.commits.of(self.id).filter(|vote| this_view(vote.body.view));
        messages.extend(prepare.cloned().map(Message::Prepare));
        messages.extend(commit.cloned().map(Message::Commit));
        messages
    }

    pub(super) fn on_status(&mut self, peer: NodeId, theirs: Status) {
        let ours = self.status();
        if self.may_cost(peer, Work::Answer) {
            self.answer(peer, theirs);
        }
        let behind = theirs.epoch > ours.epoch
            || theirs.view > ours.view
            || theirs.executed > ours.executed
            || (theirs.view == ours.view && theirs.active && !ours.active);
        if behind && self.status_at > self.now + self.config.status_interval() {
            self.status_at = self.now;
        }
    }

    fn answer(&mut self, peer: NodeId, theirs: Status) {
        let to = To::Node(peer);
        if theirs.epoch > self.epoch() {
            // It knows how this epoch ended: ask it.
            self.send(to, Message::Status(self.status()));
            return;
        }
        let same_epoch = theirs.epoch == self.epoch();
        if !same_epoch {
            self.show_epoch_ends(peer, theirs.epoch);
        }
        let lacks_view =
            same_epoch && (theirs.view < self.view || (theirs.view == self.view && !theirs.active));
        if lacks_view {
            if let Some(new_view) = self.new_view.clone().filter(|_| self.is_active()) {
                self.send(to, Message::NewView(new_view));
            } else if let Some(change) = self.own_view_change() {
                self.send(to, Message::ViewChange(change));
            }
        }
        let unstable = if same_epoch { theirs.stable } else { Seq(u64::MAX) };
        for vote in self.checkpoints.of(self.id, unstable).cloned().collect::<Vec<_>>() {
            self.send(to, Message::Checkpoint(vote));
        }
        if theirs.executed < self.log.low() {
            let low = self.log.low();
            let stable = self.stable.as_ref().filter(|(certificate, _)| certificate.seq() == low);
            if let Some((certificate, _)) = stable {
                let certificate = Arc::new(certificate.clone());
                self.send(to, Message::Stable(certificate));
            }
            return;
        }
        if !same_epoch {
            return;
        }
        let mut messages: Vec<Message> = Vec::new();
        for (seq, slot) in self.log.after(theirs.executed).take(POSITIONS_PER_ANSWER) {
            if let Some(decided) = &slot.decided {
                messages.push(Message::Decided(decided.clone()));
            } else if theirs.view == self.view && self.is_active() {
                messages.extend(self.own_messages(*seq));
            }
        }
        for message in messages {
            self.send(to, message);
        }
    }

    /// Whether a peer may make this replica work once more, for now.
    pub(super) fn may_cost(&mut self, peer: NodeId, work: Work) -> bool {
        self.allowances.take(peer, work, self.now, self.config.status_interval() / 2)
    }

    fn own_view_change(&self) -> Option<Arc<Signed<ViewChange>>> {
        let own = self.view_changes.get(&self.id)?;
        (own.body.view == self.view && !self.is_active()).then(|| own.clone())
    }

    /// A quorum of commits is a decision whatever this replica is doing at the time: at least f+1
    /// correct replicas prepared it, so every later view carries it over.
    pub(super) fn on_decided(&mut self, decided: Arc<Decided>) {
        let header = decided.pre_prepare.clone();
        let PrePrepare { view, seq, digest, .. } = header.body;
        if seq <= self.executed {
            return;
        }
        let Some(slot) = self.log.entry(seq) else { return };
        if slot.decided.is_some() {
            return;
        }
        slot.decided = Some(decided);
        let accepted = slot.accepted.clone();
        self.event(EventKind::Committed { view, seq, digest });
        if let Some(accepted) = accepted {
            self.report_conflict(&accepted, &header);
        }
        self.execute();
    }

    /// Asks for contents that O named, or would name, and that were never seen here.
    pub(super) fn fetch_missing(&mut self) {
        let missing: Vec<_> = self
            .log
            .after(self.executed)
            .flat_map(|(_, slot)| slot.missing())
            .take(POSITIONS_PER_ANSWER)
            .collect();
        for digest in missing {
            self.send(To::Others, Message::FetchBatch(digest));
        }
    }

    pub(super) fn on_fetch_batch(&mut self, peer: NodeId, digest: Digest) {
        if !self.may_cost(peer, Work::Fetch) {
            return;
        }
        let found = self.log.iter().find_map(|(_, slot)| slot.content(digest)).cloned();
        if let Some(batch) = found {
            self.send(To::Node(peer), Message::Batch(batch));
        }
    }

    pub(super) fn on_batch(&mut self, batch: &Arc<Batch>) {
        let digest = batch.digest();
        let view = self.view;
        let mut filled = Vec::new();
        for (seq, slot) in self.log.iter_mut() {
            if slot.missing().any(|missing| missing == digest) {
                slot.keep_batch(digest, batch.clone());
                let proposed = slot.accepted.as_ref().map(|it| it.body);
                filled.push((*seq, proposed.filter(|it| it.digest == digest && it.view == view)));
            }
        }
        for (seq, proposed) in filled {
            // Nothing was voted for while it was missing.
            if proposed.is_some() && self.is_active() && !self.is_primary() {
                self.prepare(view, seq, digest);
            }
            self.advance(seq);
        }
        self.try_new_view();
    }
}
