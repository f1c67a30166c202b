//! §4.2, normal case: request, pre-prepare, prepare, commit, execute in order, reply.

use alloc::{sync::Arc, vec::Vec};

use super::{
    batch::Batch,
    certificate::PreparedCertificate,
    durable::Record,
    messages::{Commit, Decided, Message, PrePrepare, Prepare, Reply, Request, node_of},
    replica::{Pending, Replica},
    sessions::{Known, bounded},
    slot::Slot,
};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{ClientId, Epoch, RequestId, Seq, View},
    protocol::{Effect, To},
    time::Time,
};

/// Entries of requests that are done may pile up in the queue to twice what waits, and this.
const QUEUE_SLACK: usize = 64;

impl<A: Application> Replica<A> {
    /// "If the request has already been processed, the replicas simply re-send the reply"; else
    /// the primary orders it, and a backup that got it from the client itself relays it (§4.1).
    pub(super) fn on_request(&mut self, request: Arc<Signed<Request>>, from_client: bool) {
        let id = request.body.id;
        if self.is_following() && !self.members.contains(self.id) {
            if from_client {
                self.tell_epoch_ends(id.client, Epoch(0));
            }
            return;
        }
        match self.sessions.lookup(id) {
            Known::Answered(result) => {
                let result = result.to_vec();
                self.reply(id, result);
                return;
            }
            Known::Stale => return,
            Known::New => {}
        }
        self.await_execution(&request, false);
        if !self.is_active() {
            return;
        }
        if self.is_primary() {
            self.propose();
        } else if from_client {
            self.send(To::Node(self.primary()), Message::Request(request));
        }
    }

    /// Remembers that a client waits, from which moment on the primary is being timed.
    pub(super) fn await_execution(&mut self, request: &Arc<Signed<Request>>, proposed: bool) {
        let RequestId { client, timestamp } = request.body.id;
        if let Some(pending) = self.pending.get_mut(&client) {
            let known = pending.request.body.id.timestamp;
            if known == timestamp {
                pending.proposed |= proposed;
            }
            if known >= timestamp {
                return;
            }
        }
        let pending = Pending { request: request.clone(), since: self.now, proposed };
        self.pending.insert(client, pending);
        self.queue.push_back((client, timestamp));
        if self.queue.len() > 2 * self.pending.len() + QUEUE_SLACK {
            let pending = &self.pending;
            self.queue.retain(|(client, timestamp)| {
                pending
                    .get(client)
                    .is_some_and(|it| it.request.body.id.timestamp == *timestamp && !it.proposed)
            });
        }
        self.event(EventKind::RequestAccepted { request: request.body.id });
    }

    /// "A backup accepts the pre-prepare message provided: the signatures are correct and d is the
    /// digest for m (checked on the way in); it is in view v; it has not accepted a pre-prepare
    /// message for view v and sequence number n containing a different digest; the sequence
    /// number is between a low water mark h and a high water mark H."
    ///
    /// In a view that was started from a stable checkpoint, h is that checkpoint at least, also for
    /// a backup that lacks its state. What is below is decided; who let itself be proposed it again
    /// could help, after a crash, to undo it, and couldn't be told from a liar.
    pub(super) fn on_pre_prepare(&mut self, header: Arc<Signed<PrePrepare>>, batch: Arc<Batch>) {
        let PrePrepare { view, seq, digest, .. } = header.body;
        let current = self.is_active() && view == self.view;
        if seq > self.last_position() || (current && seq <= self.min_s) {
            return;
        }
        let Some(slot) = self.log.entry(seq) else { return };
        if current {
            match slot.accepted.clone() {
                None if self.accepts_time(&header, &batch) => self.accept(header, batch),
                None => {}
                Some(accepted) if accepted.body.digest == digest => {}
                Some(accepted) => self.report_conflict(&accepted, &header),
            }
        } else if view >= self.view
            && slot.early.as_ref().is_none_or(|early| early.body.view < view)
        {
            slot.early = Some(header);
            slot.keep_batch(digest, batch);
        }
    }

    /// Two proposals of one primary for one view and position: proof that it lies.
    pub(super) fn report_conflict(
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
        let Some(slot) = self.log.entry(seq) else { return };
        if core::mem::replace(&mut slot.conflict_reported, true) {
            return;
        }
        let second = second.body.digest;
        self.event(EventKind::Equivocation { by, view, seq, first: digest, second });
    }

    /// Enters a proposal into the log. A backup "enters the prepare phase by multicasting a
    /// prepare message to all other replicas and adds both messages to its log".
    pub(super) fn accept(&mut self, header: Arc<Signed<PrePrepare>>, batch: Arc<Batch>) {
        let PrePrepare { view, seq, digest, .. } = header.body;
        let own = self.is_primary();
        let Some(slot) = self.log.entry(seq) else { return };
        slot.accepted = Some(header.clone());
        slot.keep_batch(digest, batch.clone());
        slot.mark_saved(digest);
        self.proposed = self.proposed.max(seq);
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
    fn waits_since(&self, request: &Signed<Request>) -> Option<Time> {
        let RequestId { client, timestamp } = request.body.id;
        let pending = self.pending.get(&client)?;
        let known = pending.request.body.id.timestamp == timestamp && !pending.proposed;
        known.then_some(pending.since)
    }

    /// A backup's prepare, once it has the request: after a view change it may have to fetch it
    /// (`repair`), and a certificate for what no correct replica can show would block the log.
    pub(super) fn prepare(&mut self, view: View, seq: Seq, digest: crate::crypto::Digest) {
        if self.is_recovering() {
            return;
        }
        let has_it = self.log.get(seq).is_some_and(|slot| slot.content(digest).is_some());
        if !has_it {
            return;
        }
        let prepare = Arc::new(Signed::new(
            Prepare { epoch: self.epoch(), view, seq, digest },
            &*self.authenticator,
        ));
        let id = self.id;
        if let Some(slot) = self.log.entry(seq) {
            slot.prepares.add(id, prepare.clone());
        }
        self.send(To::Others, Message::Prepare(prepare));
    }

    /// Prepares of views that are over are useless; of views to come they are kept.
    pub(super) fn on_prepare(&mut self, prepare: Arc<Signed<Prepare>>) {
        let Prepare { view, seq, .. } = prepare.body;
        let Some(by) = node_of(prepare.by).filter(|_| view >= self.view) else { return };
        if self.log.entry(seq).is_some_and(|slot| slot.prepares.add(by, prepare)) {
            self.advance(seq);
        }
    }

    pub(super) fn on_commit(&mut self, commit: Arc<Signed<Commit>>) {
        let Commit { view, seq, .. } = commit.body;
        let Some(by) = node_of(commit.by).filter(|_| view >= self.view) else { return };
        if self.log.entry(seq).is_some_and(|slot| slot.commits.add(by, commit)) {
            self.advance(seq);
        }
    }

    /// Moves one position as far as its votes carry it.
    pub(super) fn advance(&mut self, seq: Seq) {
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
        let Some(slot) = self.log.entry(seq) else { return };
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
        let unsaved = slot.unsaved(digest).filter(|batch| !batch.is_null()).cloned();
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
        let Some(slot) = self.log.entry(seq) else { return };
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
    /// numbers. … After executing the requested operation, replicas send a reply to the client."
    pub(super) fn execute(&mut self) {
        while !self.is_at_end()
            && let Some(decided) =
                self.log.get(self.executed.next()).and_then(|slot| slot.decided.clone())
        {
            let PrePrepare { seq, digest, .. } = decided.pre_prepare.body;
            let most = decided.batch.requests().len();
            let (mut requests, mut replies) = (Vec::with_capacity(most), Vec::with_capacity(most));
            self.advance_time(&decided.batch);
            let context = self.context();
            for request in decided.batch.requests() {
                let id = request.body.id;
                // A request may be ordered twice, across a view change; it executes once.
                if self.sessions.lookup(id) == Known::New {
                    let operation = &request.body.operation;
                    let result = if id.client == ClientId::ADMINISTRATOR {
                        self.change_membership(seq, operation)
                    } else {
                        bounded(self.application.execute(operation, &context))
                    };
                    self.sessions.record(id, result.clone(), self.config.max_sessions);
                    requests.push(id);
                    replies.push((id, result));
                }
                if self
                    .pending
                    .get(&id.client)
                    .is_some_and(|pending| pending.request.body.id.timestamp <= id.timestamp)
                {
                    self.pending.remove(&id.client);
                }
            }
            let full = self.log.get(seq).is_some_and(|slot| slot.is_full(&self.config));
            self.note_room(full);
            self.executed = seq;
            self.proposed = self.proposed.max(seq);
            // What was carried over says nothing about the view being changed to.
            if self.is_active() {
                self.failed_views = 0;
            }
            self.event(EventKind::Executed { seq, digest, requests });
            if !self.is_following() {
                for (id, result) in replies {
                    self.reply(id, result);
                }
            }
            if seq.0.is_multiple_of(self.config.checkpoint_interval) {
                self.take_checkpoint();
            }
        }
        self.answer_reads();
        if self.is_primary() {
            self.propose();
        }
    }

    fn reply(&mut self, id: RequestId, result: Vec<u8>) {
        let reply = Signed::new(
            Reply { epoch: self.epoch(), view: self.view, id, result },
            &*self.authenticator,
        );
        let message = Message::Reply(reply.into());
        self.outbox.push(Effect::Reply { client: id.client, message });
    }
}

/// The proof that the accepted proposal committed, if its content and a quorum are here.
fn committed(slot: &Slot, needed: usize) -> Option<Decided> {
    let accepted = slot.accepted.as_ref()?;
    let batch = slot.batch(accepted.body.digest)?;
    let commits = slot.commits.quorum(&accepted.body, needed)?;
    Some(Decided { pre_prepare: accepted.clone(), batch: batch.clone(), commits })
}
