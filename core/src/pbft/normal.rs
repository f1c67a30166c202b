//! §4.2, normal case: pre-prepare, prepare, commit, execute in order.

use alloc::sync::Arc;

use super::{
    batch::Batch,
    certificate::PreparedCertificate,
    messages::{Commit, Decided, Message, PrePrepare, Prepare, Request, node_of},
    rules::Rules,
    slot::Slot,
};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{RequestId, Seq, View},
    protocol::To,
    replica::{Known, Record},
    time::Time,
};

impl<A: Application> Rules<'_, A> {
    /// "A backup accepts the pre-prepare message provided: the signatures are correct and d is the
    /// digest for m (checked on the way in); it is in view v; it has not accepted a pre-prepare
    /// message for view v and sequence number n containing a different digest; the sequence
    /// number is between a low water mark h and a high water mark H."
    ///
    /// In a view that was started from a stable checkpoint, h is that checkpoint at least, also for
    /// a backup that lacks its state. What is below is decided; who let itself be proposed it again
    /// could help, after a crash, to undo it, and couldn't be told from a liar.
    pub(crate) fn on_pre_prepare(&mut self, header: Arc<Signed<PrePrepare>>, batch: Arc<Batch>) {
        let PrePrepare { view, seq, digest, .. } = header.body;
        let current = self.is_active() && view == self.view;
        if seq > self.last_position() || (current && seq <= self.own.min_s) {
            return;
        }
        let Some(slot) = self.own.log.entry(seq) else { return };
        if current {
            match slot.accepted.clone() {
                None => self.consider(header, batch),
                Some(accepted) if accepted.body.digest == digest => {}
                Some(accepted) => self.report_conflict(&accepted, &header),
            }
        } else if view >= self.shell.view
            && slot.early.as_ref().is_none_or(|early| early.body.view < view)
        {
            slot.early = Some(header);
            slot.keep_batch(digest, batch);
        }
    }

    /// The first proposal for a position in this view. What the view carries over has no place here
    /// before the state that it begins with is here: it comes again then, and is owed as ever.
    fn consider(&mut self, header: Arc<Signed<PrePrepare>>, batch: Arc<Batch>) {
        let owed = self.own.new_view.clone().filter(|it| it.body.view == self.view);
        let carried_over = owed.as_ref().and_then(|it| it.body.carried_over(header.body.seq));
        match carried_over {
            Some(owed) if owed.body.digest == header.body.digest => self.accept(header, batch),
            Some(owed) => self.report_conflict(owed, &header),
            None if self.accepts_time(&header, &batch) => self.accept(header, batch),
            None => {}
        }
    }

    /// Two proposals of one primary for one view and position: proof that it lies.
    pub(crate) fn report_conflict(
        &mut self,
        first: &Signed<PrePrepare>,
        second: &Signed<PrePrepare>,
    ) {
        let PrePrepare { view, seq, digest, .. } = first.body;
        let same_place = (view, seq) == (second.body.view, second.body.seq);
        if !same_place || digest == second.body.digest || first.by != second.by {
            return;
        }
        let Some(by) = node_of(first.by) else { return };
        let Some(slot) = self.own.log.entry(seq) else { return };
        if core::mem::replace(&mut slot.conflict_reported, true) {
            return;
        }
        let second = second.body.digest;
        self.event(EventKind::Equivocation { by, view, seq, first: digest, second });
    }

    /// Enters a proposal into the log. A backup "enters the prepare phase by multicasting a
    /// prepare message to all other replicas and adds both messages to its log".
    pub(crate) fn accept(&mut self, header: Arc<Signed<PrePrepare>>, batch: Arc<Batch>) {
        let PrePrepare { view, seq, digest, .. } = header.body;
        let own = self.is_primary();
        let Some(slot) = self.own.log.entry(seq) else { return };
        slot.accepted = Some(header.clone());
        slot.keep_batch(digest, batch.clone());
        slot.mark_saved(digest);
        self.own.proposed = self.own.proposed.max(seq);
        let requests = u32::try_from(batch.requests().len()).unwrap_or(u32::MAX);
        self.event(EventKind::PrePrepared { view, seq, digest, requests });
        self.outbox.persist(Record::PrePrepare(header.clone(), batch.clone()));
        if own {
            self.send(To::Others, Message::PrePrepare(header, batch));
        } else {
            let waited_since = batch.requests().iter().filter_map(|it| self.waits_since(it)).min();
            self.time_proposal(seq, waited_since);
            for request in batch.requests() {
                if self.sessions.lookup(request.body.id) == Known::New {
                    self.await_execution(request, true);
                }
            }
            self.prepare(view, seq, digest);
        }
        self.advance(seq);
    }

    /// Since when a request waits here that its primary hasn't proposed in this view.
    pub(crate) fn waits_since(&self, request: &Signed<Request>) -> Option<Time> {
        let RequestId { client, timestamp } = request.body.id;
        let pending = self.pending.get(client)?;
        let known = pending.request.body.id.timestamp == timestamp && !pending.proposed;
        known.then_some(pending.since)
    }

    /// A backup's prepare, once it has the request: after a view change it may have to fetch it
    /// (`repair`), and a certificate for what no correct replica can show would block the log.
    pub(crate) fn prepare(&mut self, view: View, seq: Seq, digest: crate::crypto::Digest) {
        if self.is_recovering() {
            return;
        }
        let has_it = self.own.log.get(seq).is_some_and(|slot| slot.content(digest).is_some());
        if !has_it {
            return;
        }
        let prepare = Arc::new(Signed::new(
            Prepare { epoch: self.epoch(), view, seq, digest },
            &*self.authenticator,
        ));
        let id = self.id;
        if let Some(slot) = self.own.log.entry(seq) {
            slot.prepares.add(id, prepare.clone());
        }
        self.send(To::Others, Message::Prepare(prepare));
    }

    /// This replica's commit for what prepared here.
    pub(crate) fn commit(&mut self, proposal: PrePrepare) {
        if self.is_recovering() {
            return;
        }
        let PrePrepare { epoch, view, seq, digest } = proposal;
        let commit = Commit { epoch, view, seq, digest };
        let commit = Arc::new(Signed::new(commit, &*self.authenticator));
        let id = self.id;
        if let Some(slot) = self.own.log.entry(seq) {
            slot.commits.add(id, commit.clone());
        }
        self.send(To::Others, Message::Commit(commit));
    }

    /// Prepares of views that are over are useless; of views to come they are kept.
    pub(crate) fn on_prepare(&mut self, prepare: Arc<Signed<Prepare>>) {
        let Prepare { view, seq, .. } = prepare.body;
        let Some(by) = node_of(prepare.by).filter(|_| view >= self.view) else { return };
        if self.own.log.entry(seq).is_some_and(|slot| slot.prepares.add(by, prepare)) {
            self.advance(seq);
        }
    }

    pub(crate) fn on_commit(&mut self, commit: Arc<Signed<Commit>>) {
        let Commit { view, seq, .. } = commit.body;
        let Some(by) = node_of(commit.by).filter(|_| view >= self.view) else { return };
        if self.own.log.entry(seq).is_some_and(|slot| slot.commits.add(by, commit)) {
            self.advance(seq);
        }
    }

    /// Moves one position as far as its votes carry it.
    pub(crate) fn advance(&mut self, seq: Seq) {
        if !self.is_active() {
            return;
        }
        self.try_prepared(seq);
        self.try_committed(seq);
    }

    /// "prepared(m, v, n, i) is true iff replica i has inserted in its log: the request m, a
    /// pre-prepare for m in view v with sequence number n, and 2f prepares from different backups
    /// that match the pre-prepare."
    ///
    /// So whoever holds a certificate can show its request for as long as others may be obliged to
    /// propose it: it is written down before the certificate is.
    fn try_prepared(&mut self, seq: Seq) {
        let needed = self.members.quorum() - 1;
        let view = self.view;
        let Some(slot) = self.own.log.entry(seq) else { return };
        let Some(accepted) = slot.accepted.as_ref().filter(|it| it.body.view == view) else {
            return;
        };
        if slot.is_prepared() || slot.content(accepted.body.digest).is_none() {
            return;
        }
        let Some(prepares) = slot.prepares.quorum(&accepted.body, needed) else { return };
        let proposal = accepted.body;
        let PrePrepare { view, seq, digest, .. } = proposal;
        let certificate =
            PreparedCertificate { pre_prepare: accepted.clone(), prepares: prepares.into() };
        slot.prepared = Some(certificate.clone());
        let unsaved = slot.unsaved(digest).filter(|batch| !batch.is_bare()).cloned();
        slot.mark_saved(digest);
        self.event(EventKind::Prepared { view, seq, digest });
        if let Some(batch) = unsaved {
            self.outbox.persist(Record::Batch(batch));
        }
        self.outbox.persist(Record::Prepared(certificate));
        self.commit(proposal);
        self.time_prepared(seq);
    }

    /// "committed-local(m, v, n, i) is true iff prepared(m, v, n, i) is true and i has accepted
    /// 2f+1 commits (possibly including its own) from different replicas that match the
    /// pre-prepare for m."
    fn try_committed(&mut self, seq: Seq) {
        let needed = self.members.quorum();
        let Some(slot) = self.own.log.entry(seq) else { return };
        if slot.decided.is_some() || !slot.is_prepared() {
            return;
        }
        let Some(decided) = committed(slot, needed) else { return };
        let PrePrepare { view, seq, digest, .. } = decided.pre_prepare.body;
        slot.decided = Some(Arc::new(decided));
        self.event(EventKind::Committed { view, seq, digest });
        self.execute();
    }

    /// "Each replica i executes the operation requested by m after committed-local(m, v, n, i) is
    /// true and i's state reflects the sequential execution of all requests with lower sequence
    /// numbers."
    pub(crate) fn execute(&mut self) {
        while !self.is_at_end()
            && let Some(decided) =
                self.own.log.get(self.executed.next()).and_then(|slot| slot.decided.clone())
        {
            let PrePrepare { seq, digest, .. } = decided.pre_prepare.body;
            let bounds = self.batch_bounds();
            let full = self.own.log.get(seq).is_some_and(|slot| slot.is_full(bounds));
            self.note_room(full);
            self.own.proposed = self.own.proposed.max(seq);
            // What was carried over says nothing about the view being changed to.
            if self.is_active() {
                self.own.failed_views = 0;
            }
            self.apply(seq, digest, &decided.batch);
            if self.own.log.low() < self.low {
                self.on_stable();
            }
        }
        if self.is_over() {
            return;
        }
        self.answer_reads();
        if self.is_primary() {
            self.propose();
        }
        self.leave_restrained();
    }

    /// What led to the last stable checkpoint goes.
    pub(crate) fn catch_up(&mut self) {
        let low = self.low;
        self.own.log.advance(low);
        self.own.proposed = self.own.proposed.max(self.executed);
    }

    /// A checkpoint became stable: there is room above it.
    pub(crate) fn on_stable(&mut self) {
        self.catch_up();
        if self.is_primary() && !self.is_over() {
            self.propose();
        }
    }
}

/// The proof that the accepted proposal committed, if its content and a quorum are here.
fn committed(slot: &Slot, needed: usize) -> Option<Decided> {
    let accepted = slot.accepted.as_ref()?;
    let batch = slot.batch(accepted.body.digest)?;
    let commits = slot.commits.quorum(&accepted.body, needed)?;
    Some(Decided { pre_prepare: accepted.clone(), batch: batch.clone(), commits })
}
