//! Who is primary of view *v*: those that are trusted, in order of their numbers, then those that
//! are not: whom the docket restrains and, where trust orders the replicas, whom the administrator
//! named.
//!
//! The order is part of the membership: agreed in the log, fixed for an epoch, proven by its chain.
//! Whoever checks a message needs nothing else to know who leads its view, today or years later. Were
//! it read from the docket at the last stable checkpoint, replicas would differ for as long as their
//! checkpoints do: one would take for the primary's what another convicts a backup for. Who comes to
//! be restrained in the middle of an epoch is skipped in another way: see `restrained` of PBFT.
//!
//! Everyone is primary once in n views, so the turn comes to a correct replica whatever is said of
//! whom, and being last costs no vote.

use super::NodeSet;
use crate::ids::NodeId;

/// The replica with this rank.
pub(super) const fn nth(nodes: NodeSet, last: NodeSet, rank: u32) -> NodeId {
    let trusted = nodes.without(last);
    let count = trusted.len() as u32;
    if rank < count { trusted.nth(rank) } else { last.nth(rank - count) }
}
