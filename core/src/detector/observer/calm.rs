//! Whether the network around an observer is calm enough to blame a primary for its pace.
//!
//! How quickly a primary leads is measured from requests to prepared proposals (see the protocol's
//! `pace`). Where messages are lost, that contains their repetition, and an honest primary looks
//! slow. So a slow lead counts only while votes come at their first saying: of all peers but the f
//! worst, which may be liars, hardly any was late in the latest positions.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    ids::NodeId,
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
};

/// So many positions must be known.
const FEWEST: u32 = 16;
/// So many votes of one peer may be late among the latest 64 positions.
const MAY_BE_LATE: u32 = 1;

/// Whose votes were late in the latest 64 positions: a bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calm {
    late: SortedMap<NodeId, u64>,
    known: u32,
}

impl Calm {
    pub(super) fn note(&mut self, members: Membership, own: NodeId, late: NodeSet) {
        self.known = self.known.saturating_add(1);
        for peer in members.others(own) {
            let bits = self.late.entry(peer).or_insert(0);
            *bits = *bits << 1 | u64::from(late.contains(peer));
        }
    }

    /// How many positions were noted.
    pub(super) fn known(&self) -> u32 {
        self.known
    }

    pub(super) fn is_calm(&self, members: Membership) -> bool {
        let mut counts: Vec<u32> = self.late.values().map(|bits| bits.count_ones()).collect();
        counts.sort_unstable();
        let trusted = counts.len().saturating_sub(usize::from(members.f()));
        self.known >= FEWEST && counts.iter().take(trusted).all(|late| *late <= MAY_BE_LATE)
    }
}
