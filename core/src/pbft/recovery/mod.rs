//! Amnesia: a replica whose disk lost something starts again without contradicting what it said.
//!
//! After the estimation protocol of Castro & Liskov, "Practical Byzantine Fault Tolerance and
//! Proactive Recovery" (TOCS 2002), where a recovering replica asks a quorum, with a fresh
//! nonce, how far it can have come, and trusts itself only beyond that. There the memory may be
//! wrong; here it may be gone, so more is at stake: its old view changes too.
//!
//! ```text
//! damaged disk ─▶ keep the stable checkpoint, forget every vote; write down `Forgot(life)`
//!       │
//!       ▼              query(life)             ┌ from now on refuses its view changes of earlier lives
//!  recovering ───────────────────────▶ others ─┤ (durable before the answer leaves)
//!       │      ◀───────────────────────        └ answers: its view, and proof of its highest position
//!       │        a quorum of answers
//!       ├─ position: the highest proven one, plus a window, up to the next checkpoint
//!       ├─ view: the lowest that a quorum of the answers isn't beyond
//!       │
//!       ▼  it holds a stable checkpoint at the position, and is in that view or a later one
//!  recovered: votes again, leads only views above the next one; write down `Recovered`
//! ```
//!
//! Until then it executes what is proven to be decided, and says nothing that counts: no proposal,
//! no vote, no checkpoint, no view change, no answer to another that recovers. It counts as one of
//! the *f* faulty.
//!
//! # Why this is safe
//!
//! Let r be the replica, q the quorum, A the answers (at least q, none from r), L the window. At
//! most f replicas are faulty at a time, r among them while it recovers.
//!
//! 1. **No vote of r is above the position.** r voted only up to h + L for a checkpoint h that was
//!    stable at r. So h was executed by a correct replica, hence committed by q; each correct one of
//!    those had its prepared certificate on disk before its commit left, and keeps it or a stable
//!    checkpoint above it. q and A have at least f+1 in common, so a correct one answers with a
//!    proven position of at least h. Answers to this life's query come after all that r ever said.
//!    What liars add is nothing: a position counts only with its certificate.
//! 2. **Nothing that r forgot can still be decided otherwise.** Once a checkpoint at the position is
//!    stable at r, every position that it ever voted for is decided, by proof; it votes above only.
//! 3. **No old view change of r undoes a new vote of r.** Let w be the view of the estimate: at
//!    least q answers are from views up to w. r votes in views u ≥ w only. Something that r helps
//!    to decide in u could be overlooked in a view v > u only if that view was started with a view
//!    change that r sent before it forgot. A quorum of v has a correct replica in common with those
//!    q answers; it entered v after it answered, and refuses such a new view.
//! 4. **r doesn't start a view twice.** To have started v it must have wanted v, so a quorum wanted
//!    v − 1 or a correct replica did that saw such a quorum; a correct one of those is among the q
//!    answers up to w. So v ≤ w + 1, and r leads only views above.
//!
//! # Why it ends
//!
//! All n − f correct others answer. If t liars answer too, with any view, the q-th lowest of
//! q + t is still no higher than the highest of a correct replica. Positions rise while clients
//! ask; if they don't, the primary fills up with null requests, as there; one that recovers is
//! replaced, and so is one that doesn't fill (the replica's `debt`). A crash while recovering finds
//! `Forgot` without `Recovered` on disk and goes on; answers to the same life are still good, because
//! the replica has said nothing since.
//!
//! A replica that missed the start of a view which a view change of an earlier life helped to
//! start refuses it for good, and waits for the next view; it executes by proof meanwhile.
//!
//! | file | holds |
//! |---|---|
//! | `estimate` | what the answers add up to |
//! | `answer` | the part of the others |

mod answer;
mod estimate;

pub(crate) use answer::Lives;
pub(crate) use estimate::Estimate;

use alloc::sync::Arc;

use serde::Serialize;

use super::{
    messages::{Commit, Message, PrePrepare, RecoveryAnswer, RecoveryQuery},
    rules::Rules,
};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{NodeId, Seq, View},
    protocol::To,
    replica::{Record, Shell},
};

/// What a replica knows of its own memory.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Recovery {
    /// Which life this is: 0 until it first forgot, then what the host gave.
    pub(crate) life: u64,
    /// `Some`: recovering.
    pub(crate) estimate: Option<Estimate>,
    /// It leads only views above this one; `None`: any.
    pub(crate) leads_above: Option<View>,
}

impl<A: Application> Shell<A> {
    /// Whether it lost memory and can't vote yet.
    pub(crate) fn is_recovering(&self) -> bool {
        self.recovery.estimate.is_some()
    }

    /// The position and the view that it must reach to vote again; `None`: it isn't recovering, or
    /// has too few answers.
    pub(crate) fn recovery_bound(&self) -> Option<(Seq, View)> {
        self.recovery.estimate.as_ref()?.bound(self.members)
    }

    /// Whether it may propose in its view and start it.
    pub(crate) fn may_lead(&self) -> bool {
        !self.is_recovering()
            && !self.is_reading
            && self.recovery.leads_above.is_none_or(|view| self.view > view)
    }
}

impl<A: Application> Rules<'_, A> {
    /// Asks again, until it knows and has what it needs.
    pub(crate) fn query_peers(&mut self) {
        if self.is_recovering() {
            let target = self.recovery_bound().map(|(seq, _)| seq);
            let query = RecoveryQuery { life: self.recovery.life, target };
            self.send(To::Others, Message::RecoveryQuery(query));
        }
    }

    pub(crate) fn on_recovery_answer(&mut self, from: NodeId, answer: &RecoveryAnswer) {
        if answer.life != self.recovery.life || answer.epoch != self.epoch() {
            return;
        }
        let (members, window) = (self.members, self.config.window);
        let interval = self.config.checkpoint_interval;
        let Some(estimate) = &mut self.recovery.estimate else { return };
        // Views start again in each epoch.
        estimate.begin(answer.epoch);
        estimate.add(from, answer);
        estimate.settle(members, window, interval);
    }

    /// After every message: votes again, once it is beyond everything that it may have forgotten.
    pub(crate) fn try_recover(&mut self) {
        let Some((position, view)) = self.recovery_bound() else { return };
        if !self.is_active() || self.view < view || self.low < position {
            return;
        }
        let leads_above = view.next();
        self.recovery.estimate = None;
        self.recovery.leads_above = Some(leads_above);
        self.outbox.persist(Record::Recovered(leads_above));
        let (seq, view) = (self.low, self.view);
        self.event(EventKind::Recovered { seq, view });
        self.vote_for_accepted();
    }

    /// The votes that it held back for what it accepted meanwhile, all of it above the position.
    fn vote_for_accepted(&mut self) {
        let view = self.view;
        let accepted: alloc::vec::Vec<_> = self
            .own
            .log
            .iter()
            .filter_map(|(_, slot)| {
                let body = slot.accepted.as_ref()?.body;
                (body.view == view).then_some((body, slot.is_prepared()))
            })
            .collect();
        for (proposal, prepared) in accepted {
            let PrePrepare { seq, digest, .. } = proposal;
            if !self.is_primary() {
                self.prepare(view, seq, digest);
            }
            if prepared {
                self.commit(proposal);
            }
            self.advance(seq);
        }
    }

    /// This replica's commit for what prepared here.
    pub(crate) fn commit(&mut self, proposal: PrePrepare) {
        if self.is_recovering() {
            return;
        }
        let PrePrepare { epoch, view, seq, digest } = proposal;
        let body = Commit { epoch, view, seq, digest, life: self.recovery.life };
        let commit = Arc::new(Signed::new(body, &*self.authenticator));
        let id = self.id;
        if let Some(slot) = self.own.log.entry(body.seq) {
            slot.commits.add(id, commit.clone());
        }
        self.send(To::Others, Message::Commit(commit));
    }
}
