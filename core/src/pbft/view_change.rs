//! §4.4, view changes: giving up on a view, and starting the next from what may have committed.

use alloc::{sync::Arc, vec::Vec};

use super::{
    batch::Batch,
    certificate::CheckpointCertificate,
    messages::{Message, NewView, PrePrepare, ViewChange, node_of},
    rules::{Pbft, Rules},
};
use crate::{
    app::Application,
    crypto::{Digest, Signed},
    event::{EventKind, ViewChangeCause},
    ids::{NodeId, Seq, View},
    protocol::To,
    replica::{Record, Shell, Standing, Work},
    sorted::SortedMap,
    time::{Time, earlier},
};

/// A position and what must be proposed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Obligation {
    pub(crate) seq: Seq,
    pub(crate) digest: Digest,
}

/// What a set of view changes obliges the new primary to.
#[derive(Debug)]
pub(crate) struct Obligations {
    /// Of min-s; `None`: the state that the epoch began with.
    pub(crate) checkpoint: Option<CheckpointCertificate>,
    /// In rising order, without gaps, from min-s + 1 to max-s.
    pub(crate) proposals: Vec<Obligation>,
}

/// "The primary determines the sequence number min-s of the latest stable checkpoint in V and the
/// highest sequence number max-s in a prepare message in V. The primary creates a new pre-prepare
/// message for view v+1 for each sequence number n between min-s and max-s. There are two cases:
/// (1) there is at least one set in the P component of some view-change message in V with sequence
/// number n, or (2) there is no such set. In the first case, … d is the request digest in the
/// pre-prepare message for sequence number n with the highest view number in V. In the second
/// case, it creates a new pre-prepare message … where d^null is the digest of a special null
/// request."
///
/// `start` is where the epoch began, which is stable without a proof of this epoch.
pub(crate) fn obligations(start: Seq, view_changes: &[Signed<ViewChange>]) -> Obligations {
    let latest = view_changes.iter().max_by_key(|change| change.body.stable);
    let checkpoint = latest.and_then(|change| change.body.proof.clone());
    let min_s = checkpoint.as_ref().map_or(start, CheckpointCertificate::seq);
    let mut prepared: SortedMap<Seq, (View, Digest)> = SortedMap::new();
    for certificate in view_changes.iter().flat_map(|change| &change.body.prepared) {
        let PrePrepare { view, seq, digest, .. } = certificate.pre_prepare.body;
        if seq <= min_s {
            continue;
        }
        let best = prepared.entry(seq).or_insert((view, digest));
        if best.0 < view {
            *best = (view, digest);
        }
    }
    let max_s = prepared.last_key_value().map_or(min_s, |(seq, _)| *seq);
    let null = Batch::default().digest();
    let proposals = (min_s.0 + 1..=max_s.0)
        .map(Seq)
        .map(|seq| Obligation { seq, digest: prepared.get(&seq).map_or(null, |(_, it)| *it) })
        .collect();
    Obligations { checkpoint, proposals }
}

/// The same for whoever lies about it: positions and digests, in rising order.
pub(crate) fn owed(
    start: Seq,
    view_changes: &[Signed<ViewChange>],
) -> impl Iterator<Item = (Seq, Digest)> {
    obligations(start, view_changes).proposals.into_iter().map(|it| (it.seq, it.digest))
}

impl Pbft {
    /// When the current primary, or the next one, has had its time. `None`: nobody is waiting.
    pub(crate) fn view_timer<A: Application>(&self, shell: &Shell<A>) -> Option<Time> {
        if shell.is_recovering() {
            return None;
        }
        match shell.standing {
            Standing::Following => None,
            Standing::Active if shell.is_primary() => None,
            Standing::Active => {
                // An epoch that is to end is owed its last positions as a client its answer.
                let since = earlier(shell.pending.oldest(), shell.ending_since)?;
                let patience =
                    shell.request_timeout_us().saturating_mul(1 << self.failed_views.min(6));
                Some(Time(since.0.saturating_add(patience)))
            }
            Standing::Changing { quorum_since } => {
                let failed = self.failed_views.saturating_sub(1);
                Some(quorum_since? + shell.view_change_timeout(failed))
            }
        }
    }
}

impl<A: Application> Rules<'_, A> {
    /// "If the timer of backup i expires in view v, the backup starts a view change to move the
    /// system to view v+1" (§4.4), and again if that view doesn't start in time (§4.5.2).
    pub(crate) fn on_view_timer(&mut self) {
        let why = match self.standing {
            Standing::Following => return,
            Standing::Active => ViewChangeCause::RequestTimeout,
            Standing::Changing { .. } => ViewChangeCause::NewViewTimeout,
        };
        let next = self.next_view();
        self.leave_for(next, why);
    }

    /// "It multicasts a ⟨VIEW-CHANGE, v+1, n, C, P, i⟩ message to all replicas. Here n is the
    /// sequence number of the last stable checkpoint s known to i, C is a set of 2f+1 valid
    /// checkpoint messages proving the correctness of s, and P is a set containing a set `P_m` for
    /// each request m that prepared at i with a sequence number higher than n."
    pub(crate) fn leave_for(&mut self, view: View, why: ViewChangeCause) {
        if self.is_recovering() || self.is_reading {
            return;
        }
        self.view = view;
        self.standing = Standing::Changing { quorum_since: None };
        self.own.failed_views = self.own.failed_views.saturating_add(1);
        self.own.paces.leave_view(self.id, why);
        self.own.log.iter_mut().for_each(|(_, slot)| slot.wanted.clear());
        let prepared = self.own.log.iter().filter_map(|(_, slot)| slot.prepared.clone()).collect();
        let epoch = self.epoch();
        let body = ViewChange {
            epoch,
            view,
            stable: self.low,
            proof: self.stable_in_epoch().cloned(),
            prepared,
        };
        let change = Arc::new(Signed::new(body, &*self.authenticator));
        self.event(EventKind::ViewChangeStarted { view, why });
        self.outbox.persist(Record::ViewChange(change.clone()));
        self.own.view_changes.insert(self.id, change.clone());
        self.send(To::Others, Message::ViewChange(change));
        self.status_at = self.now + self.config.status_interval();
        self.try_new_view();
    }

    /// A primary that lost its memory can't lead, and says so itself.
    pub(crate) fn on_recovery_request(&mut self, peer: NodeId) {
        if self.is_active() && self.primary() == peer {
            self.leave_for(self.next_view(), ViewChangeCause::PrimaryForgot);
        }
    }

    pub(crate) fn on_view_change(&mut self, change: Arc<Signed<ViewChange>>) {
        let view = change.body.view;
        let Some(by) = node_of(change.by) else { return };
        if view < self.view || (view == self.view && self.is_active()) {
            // It will hear of the current view when it says where it stands.
            return;
        }
        let known = self.own.view_changes.get(&by);
        if known.is_some_and(|known| known.body.view >= view)
            || !self.may_cost(by, Work::ViewChange)
        {
            return;
        }
        self.own.view_changes.insert(by, change);
        self.join_others();
        if self.is_active() {
            self.leave_slow_primary();
        }
        self.try_new_view();
    }

    /// "If a replica receives a set of f+1 valid view-change messages from other replicas for
    /// views greater than its current view, it sends a view-change message for the smallest view
    /// in the set, even if its timer has not expired" (§4.5.2).
    fn join_others(&mut self) {
        if self.is_recovering() {
            return;
        }
        while !self.is_over() {
            let later = self
                .own
                .view_changes
                .iter()
                .filter(|(node, change)| **node != self.id && change.body.view > self.view)
                .map(|(_, change)| change.body.view);
            if later.clone().count() < self.members.weak() {
                return;
            }
            // One of them may lie about the smallest; then the others are still ahead, and the
            // next turn joins them.
            let Some(smallest) = later.min() else { return };
            self.leave_for(smallest, ViewChangeCause::JoinedOthers);
        }
    }

    /// "When the primary p of view v+1 receives 2f valid view-change messages for view v+1 from
    /// other replicas, it multicasts a ⟨NEW-VIEW, v+1, V, O⟩ message." Everybody else, with as
    /// many, starts to time it: "it waits for 2f+1 view-change messages for view v+1 and then …
    /// starts its timer" (§4.5.2).
    pub(crate) fn try_new_view(&mut self) {
        let now = self.now;
        let Standing::Changing { quorum_since } = &mut self.shell.standing else { return };
        let view = self.shell.view;
        // Who wants a later view wanted this one before and gave up on it. Its message for this
        // one may be lost for good, so the later one speaks for it: else replicas that gave up
        // at different times would wait for each other for ever.
        let gave_up = self.own.view_changes.values().filter(|change| change.body.view >= view);
        if gave_up.count() < self.shell.members.quorum() {
            return;
        }
        if quorum_since.is_none() {
            *quorum_since = Some(now);
        }
        if self.members.primary(view) != self.id || !self.may_lead() {
            return;
        }
        let Some(view_changes) = self.view_changes_to_start_from(view) else { return };
        let epoch = self.epoch();
        let pre_prepares = obligations(self.members.start(), &view_changes)
            .proposals
            .into_iter()
            .map(|Obligation { seq, digest }| {
                Signed::new(PrePrepare { epoch, view, seq, digest }, &*self.authenticator)
            })
            .collect();
        let body = NewView { epoch, view, view_changes, pre_prepares };
        let new_view = Arc::new(Signed::new(body, &*self.authenticator));
        let entered = self.enter(new_view.clone());
        self.send(To::Others, Message::NewView(new_view));
        if entered {
            self.start_view();
        }
    }

    /// A quorum of view changes for this view that obliges to nothing but what this replica can
    /// show. `None`: not yet; what is missing was asked for.
    ///
    /// A liar may hold the only certificate of a request, and keep the request to itself: a view
    /// that was obliged to it would never execute anything behind it. (Castro & Liskov, TOCS 2002,
    /// have the new primary wait likewise until the request is in its log.) A correct replica has
    /// the request of every certificate that it shows, so its view change is usable once this
    /// replica has fetched those, and a quorum of correct ones is enough.
    fn view_changes_to_start_from(&mut self, view: View) -> Option<Vec<Signed<ViewChange>>> {
        let quorum = self.members.quorum();
        let wanting = self.own.view_changes.values().filter(|change| change.body.view == view);
        let mut usable: Vec<_> = wanting.map(|change| Signed::clone(change)).collect();
        let mut asked = false;
        while usable.len() >= quorum {
            if self.unknown(&usable[..quorum]).is_empty() {
                usable.truncate(quorum);
                return Some(usable);
            }
            let unknown = self.unknown(&usable);
            if unknown.is_empty() {
                return Some(usable);
            }
            for Obligation { seq, digest } in &unknown {
                if let Some(slot) = self.own.log.entry(*seq)
                    && !slot.wanted.contains(digest)
                {
                    slot.wanted.push(*digest);
                    asked = true;
                }
            }
            usable.retain(|change| {
                let shows = |it: &PrePrepare| Obligation { seq: it.seq, digest: it.digest };
                let mut shown = change.body.prepared.iter().map(|it| &it.pre_prepare.body);
                !shown.any(|it| unknown.contains(&shows(it)))
            });
        }
        if asked {
            self.fetch_missing();
        }
        None
    }

    /// What view changes oblige to whose content is not here, between the water marks.
    fn unknown(&self, view_changes: &[Signed<ViewChange>]) -> Vec<Obligation> {
        let null = Batch::default().digest();
        let mut owed = obligations(self.members.start(), view_changes).proposals;
        owed.retain(|it| {
            let known =
                |seq| self.own.log.get(seq).is_some_and(|slot| slot.content(it.digest).is_some());
            it.digest != null && self.own.log.contains(it.seq) && !known(it.seq)
        });
        owed
    }

    /// The message proved itself on the way in: see `certificate`.
    pub(crate) fn on_new_view(&mut self, new_view: Arc<Signed<NewView>>) {
        let view = new_view.body.view;
        if view < self.view || (view == self.view && self.is_active()) {
            return;
        }
        if self.enter(new_view) {
            self.start_view();
        }
    }

    /// Takes up the new view's obligations. Nothing is sent here: what is sent depends on it. False:
    /// the checkpoint that it starts from ended the epoch, and with it the view.
    fn enter(&mut self, new_view: Arc<Signed<NewView>>) -> bool {
        let view = new_view.body.view;
        self.view = view;
        self.standing = Standing::Active;
        self.own.view_changes.retain(|_, change| change.body.view > view);
        self.outbox.persist(Record::NewView(new_view.clone()));
        if !self.place_obligations(&new_view.body) {
            return false;
        }
        let carried_over = u32::try_from(new_view.body.pre_prepares.len()).unwrap_or(u32::MAX);
        self.own.new_view = Some(new_view);
        let primary = self.primary();
        self.event(EventKind::ViewEntered { view, primary, carried_over });
        true
    }

    /// Replaces what was accepted in earlier views by O. Also used when starting from disk. False:
    /// the epoch ended with min-s, and nothing of O belongs to the next.
    pub(crate) fn place_obligations(&mut self, new_view: &NewView) -> bool {
        for (_, slot) in self.own.log.iter_mut() {
            slot.accepted = None;
            slot.timing = None;
            slot.wanted.clear();
        }
        let start = self.members.start();
        let owed = obligations(start, &new_view.view_changes);
        let min_s = owed.checkpoint.as_ref().map_or(start, CheckpointCertificate::seq);
        if let Some(checkpoint) = owed.checkpoint {
            self.stabilise(&checkpoint);
            if self.is_over() {
                return false;
            }
            self.catch_up();
        }
        self.own.min_s = min_s;
        self.own.proposed = self.low.max(min_s).max(self.executed);
        let last = self.last_position();
        let null = Arc::new(Batch::default());
        let null_digest = null.digest();
        for header in &new_view.pre_prepares {
            let PrePrepare { seq, digest, .. } = header.body;
            self.own.proposed = self.own.proposed.max(seq);
            if seq > last {
                continue;
            }
            let Some(slot) = self.own.log.entry(seq) else { continue };
            slot.accepted = Some(header.clone().into());
            let batch = match &slot.decided {
                Some(decided) if decided.pre_prepare.body.digest == digest => {
                    Some(decided.batch.clone())
                }
                _ if digest == null_digest => Some(null.clone()),
                _ => None,
            };
            if let Some(batch) = batch {
                slot.keep_batch(digest, batch);
            }
        }
        true
    }

    /// In normal operation in a new view: votes for O, takes up what came early, proposes.
    pub(crate) fn start_view(&mut self) {
        let view = self.view;
        self.own.paces.start_view(self.now);
        let mut carried: Vec<_> = self
            .own
            .log
            .after(self.executed)
            .filter_map(|(_, slot)| slot.batch(slot.accepted.as_ref()?.body.digest))
            .flat_map(|batch| batch.requests().iter().map(|request| request.body.id))
            .collect();
        carried.sort_unstable();
        self.wait_anew(&carried);

        let proposals: Vec<_> = self
            .own
            .log
            .iter()
            .filter_map(|(_, slot)| slot.accepted.as_ref().map(|header| header.body))
            .collect();
        for PrePrepare { seq, digest, .. } in proposals {
            if let Some(slot) = self.own.log.get(seq) {
                let requests = slot.batch(digest).map_or(0, |batch| batch.requests().len());
                let requests = u32::try_from(requests).unwrap_or(u32::MAX);
                self.event(EventKind::PrePrepared { view, seq, digest, requests });
            }
            if !self.is_primary() {
                self.prepare(view, seq, digest);
            }
            self.advance(seq);
        }
        self.fetch_missing();

        let early: Vec<_> = self
            .own
            .log
            .iter()
            .filter_map(|(_, slot)| {
                let header = slot.early.as_ref().filter(|header| header.body.view == view)?;
                Some((header.clone(), slot.batch(header.body.digest)?.clone()))
            })
            .collect();
        for (header, batch) in early {
            self.on_pre_prepare(header, batch);
        }
        self.status_at = self.now + self.config.status_interval();
        self.propose();
        self.leave_restrained();
    }
}
