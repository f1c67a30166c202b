//! Quorum arithmetic. Every threshold in the project is computed here and nowhere else.
//!
//! Castro & Liskov (OSDI'99, §3) take n = 3f+1 and quorums of 2f+1. For the other n ≥ 3f+1 a
//! quorum of 2f+1 is too small (n = 20, f = 6: two sets of 13 share 6 members, all of whom may
//! lie), so the general form ⌈(n+f+1)/2⌉ is used: it *is* 2f+1 where n = 3f+1, any two such sets
//! share at least f+1 members, and n−f correct replicas can always form one.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{NodeId, View};

/// The most replicas that a cluster may have. Bounds every per-replica table.
pub const MAX_NODES: u16 = 256;

/// How many replicas there are, and every threshold that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Membership {
    n: u16,
}

/// A cluster size that no Byzantine quorum system fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a cluster of {0} can't be had: n must be from 4 (so that one may lie) to {MAX_NODES}")]
pub struct BadClusterSize(pub u16);

impl Membership {
    /// A cluster of `n` replicas, numbered from 0.
    pub const fn new(n: u16) -> Result<Self, BadClusterSize> {
        if n < 4 || n > MAX_NODES { Err(BadClusterSize(n)) } else { Ok(Self { n }) }
    }

    /// The number of replicas.
    pub const fn n(self) -> u16 {
        self.n
    }

    /// How many may be Byzantine: the largest f with n ≥ 3f+1.
    pub const fn f(self) -> u16 {
        (self.n - 1) / 3
    }

    /// Any two sets of this size share a correct replica.
    pub const fn quorum(self) -> usize {
        usize::midpoint(self.n as usize, self.f() as usize) + 1
    }

    /// Any set of this size holds a correct replica.
    pub const fn weak(self) -> usize {
        self.f() as usize + 1
    }

    /// "The primary of a view is replica p such that p = v mod |R|" (OSDI'99 §4).
    pub const fn primary(self, view: View) -> NodeId {
        NodeId((view.0 % self.n as u64) as u16)
    }

    /// All replicas, in order.
    pub fn nodes(self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + Clone {
        (0..self.n).map(NodeId)
    }

    /// All replicas but one.
    pub fn others(self, than: NodeId) -> impl Iterator<Item = NodeId> + Clone {
        self.nodes().filter(move |node| *node != than)
    }

    /// Whether there is such a replica.
    pub const fn contains(self, node: NodeId) -> bool {
        node.0 < self.n
    }
}

impl TryFrom<u16> for Membership {
    type Error = BadClusterSize;
    fn try_from(n: u16) -> Result<Self, BadClusterSize> {
        Self::new(n)
    }
}

impl From<Membership> for u16 {
    fn from(membership: Membership) -> Self {
        membership.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_below_four_and_above_the_bound_are_refused() {
        for n in [0, 1, 3, MAX_NODES + 1, u16::MAX] {
            assert_eq!(Membership::new(n), Err(BadClusterSize(n)));
        }
    }

    #[test]
    fn the_quorum_is_two_f_plus_one_where_n_is_three_f_plus_one() {
        for f in 1..=85_u16 {
            let members = Membership::new(3 * f + 1).unwrap();
            assert_eq!((members.f(), members.quorum()), (f, 2 * f as usize + 1));
        }
    }

    #[test]
    fn two_quorums_share_a_correct_replica_and_correct_replicas_form_one() {
        for n in 4..=MAX_NODES {
            let members = Membership::new(n).unwrap();
            let (n, f, quorum) = (n as usize, members.f() as usize, members.quorum());
            assert!(2 * quorum - n > f, "n = {n}: the overlap may be all liars");
            assert!(quorum <= n - f, "n = {n}: f silent replicas block every quorum");
        }
    }
}
