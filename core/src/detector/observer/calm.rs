//! What the network around an observer is like, and whether it is calm enough to blame a primary for
//! its pace.
//!
//! How quickly a primary leads is measured from requests to prepared proposals (see the protocol's
//! `pace`). Where messages are lost, that contains their repetition, and an honest primary looks
//! slow. So a slow lead counts only while votes come at their first saying: of all peers but the f
//! worst, which may be liars, hardly any was late in the latest positions.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::position::Turnout;
use crate::{analyzer::Conditions, ids::NodeId, quorum::Membership, sorted::SortedMap};

/// So many positions must be known.
const FEWEST: u32 = 16;
/// So many votes of one peer may be late among the latest 64 positions.
const MAY_BE_LATE: u32 = 1;

/// How one peer's votes came in the latest 64 positions: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Came {
    late: u64,
    overdue: u64,
    missing: u64,
}

/// How votes came in the latest 64 positions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calm {
    came: SortedMap<NodeId, Came>,
    known: u32,
}

impl Calm {
    pub(super) fn note(&mut self, members: Membership, own: NodeId, turnout: Turnout) {
        self.known = self.known.saturating_add(1);
        for peer in members.others(own) {
            let came = self.came.entry(peer).or_default();
            let Turnout { late, overdue, missing } = turnout;
            for (bits, set) in
                [(&mut came.late, late), (&mut came.overdue, overdue), (&mut came.missing, missing)]
            {
                *bits = *bits << 1 | u64::from(set.contains(peer));
            }
        }
    }

    /// How many positions were noted.
    pub(super) fn known(&self) -> u32 {
        self.known
    }

    pub(super) fn is_calm(&self, members: Membership) -> bool {
        let late = self.of_most(members, |came| came.late);
        self.known >= FEWEST && late.iter().all(|late| *late <= MAY_BE_LATE)
    }

    /// What the network is like; `None`: too little is known.
    pub(super) fn conditions(&self, members: Membership, latency_us: u32) -> Option<Conditions> {
        if self.known < FEWEST {
            return None;
        }
        let ppm = |bits: fn(&Came) -> u64| {
            let counts = self.of_most(members, bits);
            let votes = counts.len().max(1) as u32 * self.known.min(u64::BITS);
            (u64::from(counts.iter().sum::<u32>()) * 1_000_000 / u64::from(votes)) as u32
        };
        let (loss_ppm, late_ppm) = (ppm(|came| came.missing), ppm(|came| came.overdue));
        Some(Conditions { latency_us, loss_ppm, late_ppm })
    }

    /// How often something was so: of all peers but the f of whom it was most often.
    fn of_most(&self, members: Membership, bits: fn(&Came) -> u64) -> Vec<u32> {
        let mut counts: Vec<u32> = self.came.values().map(|it| bits(it).count_ones()).collect();
        counts.sort_unstable();
        counts.truncate(counts.len().saturating_sub(usize::from(members.f())));
        counts
    }
}
