//! Quorum arithmetic. Every threshold in the project is computed here and nowhere else.
//!
//! Castro & Liskov (OSDI'99, §3) take n = 3f+1 and quorums of 2f+1. For the other n ≥ 3f+1 a
//! quorum of 2f+1 is too small (n = 20, f = 6: two sets of 13 share 6 members, all of whom may
//! lie), so the general form ⌈(n+f+1)/2⌉ is used: it *is* 2f+1 where n = 3f+1, any two such sets
//! share at least f+1 members, and n−f correct replicas can always form one.
//!
//! Where the epoch's protocol takes for granted that members only crash, none of the sharers lies, so
//! one is enough: quorums are majorities, f is the largest with n ≥ 2f+1, and one member's word is
//! the truth.

mod nodes;
mod rotation;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::nodes::{NodeSet, Nodes};
use crate::{
    analyzer::{Assumption, Protocol},
    ids::{Epoch, NodeId, Seq, View},
};

/// The most replicas that a cluster may have, and the number of replica numbers that it may use
/// up in its whole life. Bounds every per-replica table.
pub const MAX_NODES: u16 = 256;
/// The fewest: so that one may lie.
pub const MIN_NODES: u16 = 4;

/// The replicas of one epoch and what orders it, and every threshold that follows.
///
/// The log is cut into epochs, each with one membership. An epoch holds the positions above its
/// start, up to the start of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Form")]
pub struct Membership {
    epoch: Epoch,
    start: Seq,
    nodes: NodeSet,
    protocol: Protocol,
    /// Those that come last as primaries. Empty where members are trusted not to lie.
    last: NodeSet,
    /// Of `nodes`; kept because it is asked for with every message.
    #[serde(skip)]
    n: u16,
    /// Whether `nodes` are those numbered `0..n`, as until somebody joined or left: then a rank is
    /// a number. Kept because the primary is asked for with every message.
    #[serde(skip)]
    first: bool,
}

/// A cluster size that no Byzantine quorum system fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a cluster of {0} can't be had: n must be from 4 (so that one may lie) to {MAX_NODES}")]
pub struct BadClusterSize(pub u16);

/// A protocol that no epoch can have: it puts nothing in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} orders no writes, so no epoch can have it", .0.name())]
pub struct OrdersNothing(pub Protocol);

/// What was written is no membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadMembership {
    /// See [`BadClusterSize`].
    #[error(transparent)]
    Size(#[from] BadClusterSize),
    /// See [`OrdersNothing`].
    #[error(transparent)]
    Protocol(#[from] OrdersNothing),
    /// See [`Membership::trusting_last`].
    #[error(
        "who comes last as primary must be a member, and the protocol one of primaries in turn"
    )]
    Last,
}

impl Membership {
    /// The first epoch of a cluster of `n` replicas, numbered from 0, under PBFT.
    pub const fn new(n: u16) -> Result<Self, BadClusterSize> {
        if n > MAX_NODES {
            return Err(BadClusterSize(n));
        }
        Self::of(Epoch(0), Seq(0), NodeSet::first(n))
    }

    /// The epoch after `start`, with these replicas, under PBFT.
    pub const fn of(epoch: Epoch, start: Seq, nodes: NodeSet) -> Result<Self, BadClusterSize> {
        let n = nodes.len();
        if n < MIN_NODES {
            return Err(BadClusterSize(n));
        }
        let (protocol, last) = (Protocol::Pbft, NodeSet::first(0));
        Ok(Self { epoch, start, nodes, protocol, last, n, first: nodes.is_first(n) })
    }

    /// The epoch after this one: from the position `start` on, with these replicas, and under the
    /// same protocol.
    pub fn successor(self, start: Seq, nodes: NodeSet) -> Result<Self, BadClusterSize> {
        let next = Self::of(self.epoch.next(), start, nodes)?;
        Ok(Self { protocol: self.protocol, ..next }.trusting_last(self.last))
    }

    /// The same epoch under this protocol, with nobody last.
    pub fn under(self, protocol: Protocol) -> Result<Self, OrdersNothing> {
        if protocol.orders_writes() {
            Ok(Self { protocol, last: NodeSet::default(), ..self })
        } else {
            Err(OrdersNothing(protocol))
        }
    }

    /// These come last as primaries: who is no member doesn't count, and it means nothing where the
    /// leader is elected.
    #[must_use]
    pub fn trusting_last(self, last: NodeSet) -> Self {
        let elected = self.is_crash_only();
        let last = if elected { NodeSet::default() } else { last.common(self.nodes) };
        Self { last, ..self }
    }

    /// Who comes last as primary.
    pub const fn last(self) -> NodeSet {
        self.last
    }

    /// What orders the epoch.
    pub const fn protocol(self) -> Protocol {
        self.protocol
    }

    /// Whether its protocol takes for granted that members crash and none lies.
    pub const fn is_crash_only(self) -> bool {
        matches!(self.protocol.assumption(), Assumption::CrashOnly)
    }

    /// Which epoch.
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// The last position before the epoch: it begins from the checkpoint there.
    pub const fn start(self) -> Seq {
        self.start
    }

    /// The replicas.
    pub const fn set(self) -> NodeSet {
        self.nodes
    }

    /// The number of replicas.
    pub const fn n(self) -> u16 {
        self.n
    }

    /// How many may be Byzantine: the largest f with n ≥ 3f+1. Where members only crash, how many may
    /// be down: the largest with n ≥ 2f+1.
    pub const fn f(self) -> u16 {
        if self.is_crash_only() { (self.n - 1) / 2 } else { self.byzantine_f() }
    }

    /// How many may lie where anybody does, whatever orders the epoch: the largest k with n ≥ 3k+1. Who
    /// is convicted, suspected or held is counted by this one: that a minority may crash says nothing
    /// about liars, and an earlier epoch's proofs are brought under a protocol that stands none.
    pub const fn byzantine_f(self) -> u16 {
        (self.n - 1) / 3
    }

    /// Any two sets of this size share a correct replica.
    pub const fn quorum(self) -> usize {
        if self.is_crash_only() {
            return self.majority();
        }
        usize::midpoint(self.n as usize, self.f() as usize) + 1
    }

    /// Any set of this size holds a replica that doesn't lie.
    pub const fn weak(self) -> usize {
        if self.is_crash_only() { 1 } else { self.f() as usize + 1 }
    }

    /// So many equal answers to a read that was not ordered are the truth. Who can't lie answers
    /// only once its state is late enough; of others it takes a quorum.
    pub const fn reads(self) -> usize {
        if self.is_crash_only() { 1 } else { self.quorum() }
    }

    /// Any two sets of this size share a member: enough where members crash and none lies.
    pub const fn majority(self) -> usize {
        self.n as usize / 2 + 1
    }

    /// "The primary of a view is replica p such that p = v mod |R|" (OSDI'99 §4): of the replicas
    /// in order, the one with *p* others before it. The order is that of their numbers or, if some
    /// come last, the one of `rotation`.
    pub const fn primary(self, view: View) -> NodeId {
        let n = self.n as u64;
        let rank = if view.0 < n { view.0 } else { view.0 % n };
        if !self.last.is_empty() {
            return rotation::nth(self.nodes, self.last, rank as u32);
        }
        if self.first { NodeId(rank as u16) } else { self.nodes.nth(rank as u32) }
    }

    /// All replicas, in order.
    pub fn nodes(self) -> Nodes {
        self.nodes.iter()
    }

    /// All replicas but one.
    pub fn others(self, than: NodeId) -> impl Iterator<Item = NodeId> + Clone {
        self.nodes().filter(move |node| *node != than)
    }

    /// Whether there is such a replica.
    pub const fn contains(self, node: NodeId) -> bool {
        self.nodes.contains(node)
    }
}

/// What of a [`Membership`] is written.
#[derive(Deserialize)]
struct Form {
    epoch: Epoch,
    start: Seq,
    nodes: NodeSet,
    protocol: Protocol,
    last: NodeSet,
}

impl TryFrom<Form> for Membership {
    type Error = BadMembership;
    fn try_from(form: Form) -> Result<Self, BadMembership> {
        let members = Self::of(form.epoch, form.start, form.nodes)?.under(form.protocol)?;
        let members = members.trusting_last(form.last);
        if members.last == form.last { Ok(members) } else { Err(BadMembership::Last) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

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

    #[test]
    fn where_members_only_crash_quorums_are_majorities_and_one_word_is_enough() {
        for n in MIN_NODES..=MAX_NODES {
            let members = Membership::new(n).unwrap().under(Protocol::Raft).unwrap();
            assert_eq!((members.quorum(), members.weak()), (members.majority(), 1));
            assert_eq!(members.reads(), 1);
            assert!(members.quorum() <= usize::from(n - members.f()), "n = {n}");
            let back = members.under(Protocol::Pbft).unwrap();
            assert_eq!(members.byzantine_f(), back.f(), "as many may lie as under any other");
            assert_eq!(back, Membership::new(n).unwrap());
            assert_eq!(back.reads(), back.quorum());
        }
    }

    #[test]
    fn an_epoch_keeps_its_protocol_until_another_is_chosen_and_safe_mode_is_none() {
        let members = Membership::new(4).unwrap().under(Protocol::Raft).unwrap();
        let next = members.successor(Seq(100), set([0, 1, 2, 3, 4])).unwrap();
        assert_eq!((next.protocol(), next.quorum()), (Protocol::Raft, 3));
        let nothing = OrdersNothing(Protocol::SafeMode);
        assert_eq!(next.under(Protocol::SafeMode), Err(nothing));
        let written = |protocol, last| (Epoch(1), Seq(9), set([0, 1, 2, 4]), protocol, set(last));
        let reads = |protocol, last| {
            let bytes = crate::crypto::encode(&written(protocol, last));
            postcard::from_bytes::<Membership>(&bytes).is_ok()
        };
        assert!(!reads(Protocol::SafeMode, vec![]) && reads(Protocol::Raft, vec![]));
        let ordered = Protocol::TrustOrderedPbft;
        assert!(reads(ordered, vec![4]) && !reads(ordered, vec![3]));
        assert!(!reads(Protocol::Raft, vec![4]));
    }

    #[test]
    fn two_majorities_share_a_member_and_the_rest_of_a_minority_form_one() {
        for n in 4..=MAX_NODES {
            let majority = Membership::new(n).unwrap().majority();
            let n = usize::from(n);
            assert!(2 * majority > n, "n = {n}: two leaders of one term");
            assert!(majority <= n - (n - 1) / 2, "n = {n}: a minority that crashed blocks");
        }
    }

    fn set(nodes: impl IntoIterator<Item = u16>) -> NodeSet {
        let mut set = NodeSet::default();
        for node in nodes {
            assert!(set.insert(NodeId(node)));
        }
        set
    }

    #[test]
    fn the_primary_of_a_view_is_the_member_of_that_rank() {
        let numbers = [1, 2, 62, 63, 64, 190, 254];
        let members = Membership::new(4).unwrap().successor(Seq(100), set(numbers)).unwrap();
        for view in 0..30 {
            assert_eq!(members.primary(View(view)).0, numbers[(view % 7) as usize]);
        }
        for n in MIN_NODES..=MAX_NODES {
            let members = Membership::new(n).unwrap();
            for view in [0, 1, u64::from(n) - 1, u64::from(n), u64::MAX] {
                assert_eq!(u64::from(members.primary(View(view)).0), view % u64::from(n));
            }
        }
    }

    #[test]
    fn who_is_not_trusted_is_primary_last_and_everyone_once_a_turn() {
        let plain = Membership::new(7).unwrap();
        let ordered = plain.under(Protocol::TrustOrderedPbft).unwrap();
        let primaries = |members: Membership| -> Vec<u16> {
            (0..7).map(|view| members.primary(View(view)).0).collect()
        };
        assert_eq!(primaries(ordered), primaries(plain));
        let members = ordered.trusting_last(set([0, 3, 200]));
        assert_eq!(primaries(members), [1, 2, 4, 5, 6, 0, 3]);
        assert_eq!(members.primary(View(7 + 5)), NodeId(0));
        // Others come, and one of them goes; it is not forgotten who is suspected.
        let next = members.successor(Seq(9), set([1, 2, 3, 4, 8])).unwrap();
        assert_eq!((next.primary(View(0)), next.primary(View(4))), (NodeId(1), NodeId(3)));
        assert_eq!(primaries(plain.trusting_last(set([0]))), [1, 2, 3, 4, 5, 6, 0]);
        let raft = plain.under(Protocol::Raft).unwrap();
        assert_eq!(raft.trusting_last(set([0])), raft, "a leader is elected there");
        let bytes = crate::crypto::encode(&members);
        assert_eq!(postcard::from_bytes(&bytes), Ok(members));
    }

    #[test]
    fn a_membership_is_read_as_it_was_written_and_checked() {
        let members = Membership::new(7).unwrap().successor(Seq(9), set([0, 2, 4, 6])).unwrap();
        assert_eq!((members.epoch(), members.start(), members.n()), (Epoch(1), Seq(9), 4));
        let bytes = crate::crypto::encode(&members);
        assert_eq!(postcard::from_bytes(&bytes), Ok(members));
        let three =
            crate::crypto::encode(&(Epoch(1), Seq(9), set([0, 2, 4]), Protocol::Pbft, set([])));
        assert!(postcard::from_bytes::<Membership>(&three).is_err(), "three are too few");
    }
}
