//! What two statements of one author can't both be. Why a correct replica never signs both stands
//! in the table of this room's map.

use super::offence::{Assumption, Place};
use crate::{
    crypto::{Digest, Signable},
    ids::View,
    pbft::{Checkpoint, Commit, NewView, PrePrepare, Prepare, ViewChange},
};

/// A statement of which a correct replica makes one for a place.
pub(super) trait Statement: Signable + PartialEq {
    /// The place.
    fn place(&self) -> Place;

    /// The view and the life in which it is said, as far as it has them.
    fn round(&self) -> (View, u64) {
        (View(0), 0)
    }

    /// Whether this and another statement for the place can't both be said.
    fn contradicts(&self, other: &Self) -> bool {
        self != other
    }
}

/// A statement that names a batch.
pub(super) trait Names: Statement + Clone {
    /// The batch.
    fn named(&self) -> Digest;
}

macro_rules! named {
    ($($body:ty),*) => {
        $(
            impl Statement for $body {
                fn place(&self) -> Place {
                    let (epoch, view, seq) = (self.epoch, self.view, self.seq);
                    Place { epoch: Some(epoch), view: Some(view), seq: Some(seq) }
                }

                fn round(&self) -> (View, u64) {
                    (self.view, 0)
                }

                fn contradicts(&self, other: &Self) -> bool {
                    self.digest != other.digest
                }
            }

            impl Names for $body {
                fn named(&self) -> Digest {
                    self.digest
                }
            }
        )*
    };
}

named!(PrePrepare, Prepare, Commit);

impl Statement for Checkpoint {
    fn place(&self) -> Place {
        Place { epoch: Some(self.epoch), view: None, seq: Some(self.seq) }
    }
}

impl Statement for ViewChange {
    fn place(&self) -> Place {
        Place { epoch: Some(self.epoch), view: Some(self.view), seq: None }
    }

    fn round(&self) -> (View, u64) {
        (self.view, self.life)
    }

    /// Who forgot what it asked for may ask for it again in its next life.
    fn contradicts(&self, other: &Self) -> bool {
        self.life == other.life && self != other
    }
}

impl Statement for NewView {
    fn place(&self) -> Place {
        Place { epoch: Some(self.epoch), view: Some(self.view), seq: None }
    }
}

/// What a hidden commit needs to convict: across lives it rests on what others told the one that forgot.
pub(super) fn hiding_assumes(change: &ViewChange, commit: &Commit) -> Assumption {
    if commit.life == change.life { Assumption::Absolute } else { Assumption::AtMostF }
}

/// Whether a view change hides a commit of its author: it is for a later view, reaches back before
/// the position, and shows no certificate that the position had prepared as it was committed, or
/// later.
///
/// A later life than the commit's owes it too (it begins above all that was said before), an
/// earlier one doesn't: what was committed after it can't be in it.
pub(super) fn hides(change: &ViewChange, commit: &Commit) -> bool {
    let shows = || {
        change.prepared.iter().map(|certificate| certificate.pre_prepare.body).any(|shown| {
            shown.seq == commit.seq
                && (shown.view > commit.view
                    || shown.view == commit.view && shown.digest == commit.digest)
        })
    };
    change.epoch == commit.epoch
        && change.view > commit.view
        && change.life >= commit.life
        && change.stable < commit.seq
        && !shows()
}
