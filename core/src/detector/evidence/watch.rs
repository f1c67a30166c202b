//! One observer: fed with every message that its replica hears, it finds what convicts.
//!
//! # Bounds
//!
//! Of an epoch with n members and a window of W positions it keeps
//!
//! | what | at most | because |
//! |---|---|---|
//! | positions | 2W | those between the water marks, and a window below: who was deceived says so late |
//! | statements of a position | 4n kinds and authors × ([`KEPT`] + 1) views | the first that was voted for, and the nearest to the view that others are in |
//! | view changes | n × [`KEPT`] | the same |
//! | new views | [`KEPT`] | the latest |
//! | found | n × kinds × 2 | an author is convicted of a kind once, and once more on no assumption |
//!
//! In a calm epoch that is one vote of each kind: 2W × 2n of them, some hundred bytes each and
//! shared with the replica's own log, as messages are. Nothing of an epoch is kept when it is over.
//!
//! So what is *not* found here: contradictions that are more than a window apart in arrival, or
//! further apart in views than [`KEPT`]; and what an author said at two observers, until they put
//! together what they hold ([`accuse`](super::accuse)).

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{
    Transcript,
    book::{Book, Bounds},
    offence::{Assumption, OffenceKind},
    proof::Evidence,
    verify::verify,
};
use crate::{
    crypto::Authenticator,
    ids::{Epoch, NodeId, Seq, View},
    pbft::{Batch, Message, MessageKind, node_of},
    quorum::Membership,
};

/// How many views an author's statements for one position are kept of: the view in which something
/// was decided, the one that undid it, and one between.
pub(super) const KEPT: usize = 3;

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct Watch {
    members: Membership,
    window: u64,
    low: Seq,
    book: Book,
}

impl Watch {
    /// Watches these members, from the beginning of their epoch on; `window` is the log's.
    pub fn new(members: Membership, window: u64) -> Self {
        let book = Book::new(bounds(members.start(), window));
        Self { members, window, low: members.start(), book }
    }

    /// Whether there is nothing to keep up with.
    pub fn is_at(&self, epoch: Epoch, stable: Seq) -> bool {
        epoch == self.members.epoch() && stable <= self.low
    }

    /// Keeps up with its own replica, which knows the epoch and the last stable checkpoint.
    pub fn follow(&mut self, members: Membership, stable: Seq) {
        if members.epoch() != self.members.epoch() {
            self.members = members;
            self.low = members.start();
            self.book.turn(bounds(self.low, self.window));
        }
        if stable > self.low {
            self.low = stable;
            let Bounds { above, up_to, .. } = bounds(stable, self.window);
            self.book.advance(above.max(members.start()), up_to);
        }
    }

    /// A message that was checked for the members of this epoch.
    pub fn saw(&mut self, message: &Message) {
        if message.epoch().is_some_and(|epoch| epoch != self.members.epoch()) {
            return;
        }
        match message {
            Message::Prepare(prepare) => self.book.prepare(prepare),
            Message::Commit(commit) => self.book.commit(commit),
            Message::PrePrepare(header, _) => self.book.pre_prepare(header),
            Message::Checkpoint(checkpoint) => self.book.checkpoint(checkpoint),
            Message::ViewChange(change) => self.book.view_change(change),
            Message::NewView(new_view) => self.book.new_view(new_view),
            Message::Decided(decided) => {
                self.book.pre_prepare(&decided.pre_prepare);
                for commit in &decided.commits {
                    self.book.commit(commit);
                }
            }
            // The proof of the state that this epoch began with is of the last one, and unchecked.
            Message::Stable(proof) if proof.epoch() == self.members.epoch() => {
                self.book.stable(proof);
            }
            _ => {}
        }
    }

    /// A message that was turned away. If its author signed it all the same, it may be evidence.
    ///
    /// Costs no more than checking the message once more, and nothing once its author is convicted
    /// of such an offence.
    pub fn refused(&mut self, message: &Message, authenticator: &dyn Authenticator) {
        use OffenceKind::{
            FalseState, InvalidNewView, InvalidViewChange, NewViewNotOwed, OutOfRole,
        };
        let (evidence, kinds): (_, &[_]) = match message {
            Message::ViewChange(change) => {
                (Evidence::ViewChange(change.clone()), &[InvalidViewChange])
            }
            Message::NewView(new_view) => {
                let leads = node_of(new_view.by) == Some(self.members.primary(new_view.body.view));
                let kinds: &[_] =
                    if leads { &[InvalidNewView, NewViewNotOwed] } else { &[OutOfRole] };
                (Evidence::NewView(new_view.clone()), kinds)
            }
            Message::PrePrepare(header, _) => {
                (Evidence::PrePrepareOfBackup((**header).clone()), &[OutOfRole])
            }
            Message::Prepare(prepare) => {
                (Evidence::PrepareOfPrimary((**prepare).clone()), &[OutOfRole])
            }
            Message::State(answer) => (Evidence::State(answer.clone()), &[FalseState]),
            _ => return,
        };
        let known = |by: NodeId| kinds.iter().any(|kind| self.book.is_known(by, *kind));
        if node_of(evidence.accused()).is_none_or(known) {
            return;
        }
        if let Ok(offence) = verify(&evidence, self.members, authenticator) {
            self.book.accuse_on(offence.assumption, offence.by, offence.kind, evidence);
        }
    }

    /// Somebody else found this out: there is no need to, unless on less assumptions.
    pub fn know(&mut self, by: NodeId, kind: OffenceKind, assumption: Assumption) {
        self.book.know(by, kind, assumption);
    }

    /// Whether anything was found since the last call to [`Self::take_found`].
    pub fn has_found(&self) -> bool {
        self.book.has_found()
    }

    /// What was found since the last call; mostly nothing.
    pub fn take_found(&mut self) -> Vec<Arc<Evidence>> {
        self.book.take_found()
    }

    /// What an author said of a position in this kind of message, in any view, as it said it. Of its
    /// proposals, those of the batch that is at hand.
    pub fn said(
        &self,
        by: NodeId,
        kind: MessageKind,
        seq: Seq,
        batch: Option<&Arc<Batch>>,
    ) -> Vec<Message> {
        self.book.said(by, kind, seq, batch)
    }

    /// The epoch that it watches.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// Everything that it holds: what it can contribute when more than *f* lied.
    pub fn transcript(&self) -> Transcript {
        Transcript::of(&self.book)
    }
}

fn bounds(stable: Seq, window: u64) -> Bounds {
    Bounds {
        above: Seq(stable.0.saturating_sub(window)),
        up_to: Seq(stable.0.saturating_add(window)),
        view: View(0),
        kept: KEPT,
    }
}
