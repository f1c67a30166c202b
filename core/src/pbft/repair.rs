//! Retransmission: what a replica says again of its view and its positions, and shows to who lacks
//! them. When, and to whom, the shell says (`replica::repair`).

use alloc::{sync::Arc, vec::Vec};

use super::{
    batch::Batch,
    messages::{Decided, Message, PrePrepare, Status, ViewChange},
    rules::Rules,
};
use crate::{
    app::Application,
    crypto::{Digest, Signed},
    event::EventKind,
    ids::{NodeId, Seq},
    protocol::To,
    replica::{POSITIONS_PER_ANSWER, Work},
};

impl<A: Application> Rules<'_, A> {
    /// Says again what the lowest unfinished position may have lost.
    pub(crate) fn repeat(&mut self) {
        if self.is_recovering() {
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
    }

    /// What this replica said about a position in its view.
    fn own_messages(&self, seq: Seq) -> Vec<Message> {
        let mut messages = Vec::new();
        let Some(slot) = self.own.log.get(seq) else { return messages };
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

    /// How this view was started, or that this replica wants it too.
    pub(crate) fn show_view(&mut self, peer: NodeId, theirs: &Status) {
        let lacks_view = theirs.view < self.view || (theirs.view == self.view && !theirs.active);
        if !lacks_view {
            return;
        }
        let to = To::Node(peer);
        if let Some(new_view) = self.own.new_view.clone().filter(|_| self.is_active()) {
            self.send(to, Message::NewView(new_view));
        } else if let Some(change) = self.own_view_change() {
            self.send(to, Message::ViewChange(change));
        }
    }

    /// What was decided, with the proof, and what this replica said of the rest.
    pub(crate) fn show_positions(&mut self, peer: NodeId, theirs: &Status) {
        let mut messages: Vec<Message> = Vec::new();
        for (seq, slot) in self.own.log.after(theirs.executed).take(POSITIONS_PER_ANSWER) {
            if let Some(decided) = &slot.decided {
                messages.push(Message::Decided(decided.clone()));
            } else if theirs.view == self.view && self.is_active() {
                messages.extend(self.own_messages(*seq));
            }
        }
        for message in messages {
            self.send(To::Node(peer), message);
        }
    }

    fn own_view_change(&self) -> Option<Arc<Signed<ViewChange>>> {
        let own = self.own.view_changes.get(&self.id)?;
        (own.body.view == self.view && !self.is_active()).then(|| own.clone())
    }

    /// A quorum of commits is a decision whatever this replica is doing at the time: at least f+1
    /// correct replicas prepared it, so every later view carries it over.
    pub(crate) fn on_decided(&mut self, decided: &Arc<Decided>) {
        let header = decided.pre_prepare.clone();
        let PrePrepare { view, seq, digest, .. } = header.body;
        if seq <= self.executed {
            return;
        }
        let Some(slot) = self.own.log.entry(seq) else { return };
        if slot.decided.is_some() {
            return;
        }
        slot.decided = Some(decided.clone());
        let accepted = slot.accepted.clone();
        self.event(EventKind::Committed { view, seq, digest });
        if let Some(accepted) = accepted {
            self.report_conflict(&accepted, &header);
        }
        self.time_decided(header.body, &decided.batch);
        self.execute();
    }

    /// Asks for contents that O named, or would name, and that are not here: never seen, or lost in a
    /// crash. Also of positions that are executed: who started from the state at an epoch's end has
    /// executed them, and others, who haven't, need its vote for them.
    pub(crate) fn fetch_missing(&mut self) {
        let missing: Vec<_> = self
            .own
            .log
            .iter()
            .flat_map(|(_, slot)| slot.missing())
            .take(POSITIONS_PER_ANSWER)
            .collect();
        for digest in missing {
            self.send(To::Others, Message::FetchBatch(digest));
        }
    }

    pub(crate) fn on_fetch_batch(&mut self, peer: NodeId, digest: Digest) {
        if !self.may_cost(peer, Work::Fetch) {
            return;
        }
        let found = self.own.log.iter().find_map(|(_, slot)| slot.content(digest)).cloned();
        if let Some(batch) = found {
            self.send(To::Node(peer), Message::Batch(batch));
        }
    }

    pub(crate) fn on_batch(&mut self, batch: &Arc<Batch>) {
        let digest = batch.digest();
        let view = self.view;
        let mut filled = Vec::new();
        for (seq, slot) in self.own.log.iter_mut() {
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
