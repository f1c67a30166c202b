//! Statements that others should see.
//!
//! Who votes for one batch before half of the others and for another before the rest is seen through
//! by nobody: each has but one of its votes. But the vote that doesn't fit what was decided sticks
//! out where it came. So it is shown to all, signed as it is, and whoever holds the other one has
//! the proof. An honest victim of a lying primary loses nothing by it.
//!
//! A primary that proposes one batch to some and another to the rest is seen through by whoever holds
//! both proposals. Mostly the decision brings the other one; but whom the rest leave behind at once gets
//! states in place of decisions, which hold none. So once more than f peers voted for something else in
//! the view, what was accepted here is shown, whole, as it came.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{NodeId, Seq},
    pbft::MessageKind,
    sorted::SortedMap,
    time::Time,
};

/// The most that wait to be shown: one of each of a few authors. What comes then is left out; who
/// lies all the time will be in doubt again.
pub const MAX_DOUBTS: usize = 8;

/// What somebody said that doesn't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Who.
    pub by: NodeId,
    /// In what kind of message.
    pub kind: MessageKind,
    /// Of which position.
    pub seq: Seq,
}

/// What waits to be shown, and of whom something was shown when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubts {
    waiting: Vec<Doubt>,
    shown: SortedMap<NodeId, Time>,
}

impl Doubts {
    /// In doubt. Of one author something is shown once in an `interval`: showing costs everybody a
    /// message, and must not be what a liar can make others do at will.
    pub(super) fn raise(&mut self, now: Time, doubt: Doubt, interval: Duration) {
        let is_due = self.shown.get(&doubt.by).is_none_or(|last| *last + interval <= now);
        if is_due && self.waiting.len() < MAX_DOUBTS {
            self.shown.insert(doubt.by, now);
            self.waiting.push(doubt);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Doubt> {
        core::mem::take(&mut self.waiting)
    }

    /// Another epoch.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
