//! Who is primary of view *v* where trust orders the replicas: those that are trusted, in order of
//! their numbers, then those that are not. Everyone is primary once in n views, so that the turn comes
//! to a correct replica whatever is said of whom, and being suspected costs no vote.
//!
//! The order is part of the membership: agreed in the log, fixed for an epoch, proven by its chain.

use super::NodeSet;
use crate::ids::NodeId;

/// The replica with this rank.
pub(super) const fn nth(nodes: NodeSet, last: NodeSet, rank: u32) -> NodeId {
    let trusted = nodes.without(last);
    let count = trusted.len() as u32;
    if rank < count { trusted.nth(rank) } else { last.nth(rank - count) }
}
