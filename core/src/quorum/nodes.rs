//! Sets of replicas: one bit for every number that a replica may have.

use serde::{Deserialize, Serialize};

use super::MAX_NODES;
use crate::ids::NodeId;

const WORDS: usize = (MAX_NODES / 64) as usize;

/// A set of replicas, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeSet([u64; WORDS]);

impl NodeSet {
    /// The replicas `0..n`.
    pub(super) const fn first(n: u16) -> Self {
        let mut words = [0; WORDS];
        let mut node = 0;
        while node < n {
            words[node as usize / 64] |= 1 << (node % 64);
            node += 1;
        }
        Self(words)
    }

    /// Whether they are the replicas `0..n`.
    pub(super) const fn is_first(self, n: u16) -> bool {
        let first = Self::first(n);
        let mut word = 0;
        while word < WORDS {
            if self.0[word] != first.0[word] {
                return false;
            }
            word += 1;
        }
        true
    }

    /// Whether the replica is in it.
    pub const fn contains(self, node: NodeId) -> bool {
        node.0 < MAX_NODES && self.0[node.0 as usize / 64] >> (node.0 % 64) & 1 == 1
    }

    /// Adds a replica. False: its number is over the limit, or it was in it already.
    pub fn insert(&mut self, node: NodeId) -> bool {
        if node.0 >= MAX_NODES || self.contains(node) {
            return false;
        }
        self.0[node.0 as usize / 64] |= 1 << (node.0 % 64);
        true
    }

    /// Takes a replica out. False: it was not in it.
    pub fn remove(&mut self, node: NodeId) -> bool {
        let was_there = self.contains(node);
        if was_there {
            self.0[node.0 as usize / 64] &= !(1 << (node.0 % 64));
        }
        was_there
    }

    /// Those that are in both.
    pub(crate) fn common(self, other: Self) -> Self {
        Self(core::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// Those that are in either.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        Self(core::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// Those that are not in the other.
    pub(crate) const fn without(mut self, other: Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] &= !other.0[word];
            word += 1;
        }
        self
    }

    /// How many there are.
    pub const fn len(self) -> u16 {
        let mut count = 0;
        let mut word = 0;
        while word < WORDS {
            count += self.0[word].count_ones();
            word += 1;
        }
        count as u16
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        let mut word = 0;
        while word < WORDS {
            if self.0[word] != 0 {
                return false;
            }
            word += 1;
        }
        true
    }

    /// In order of their numbers.
    pub fn iter(self) -> Nodes {
        Nodes(self)
    }

    /// The replica that has so many others before it.
    pub(super) const fn nth(self, mut rank: u32) -> NodeId {
        let mut word = 0;
        while word < WORDS {
            let here = self.0[word].count_ones();
            if rank < here {
                return NodeId((word * 64) as u16 + nth_bit(self.0[word], rank));
            }
            rank -= here;
            word += 1;
        }
        NodeId(u16::MAX)
    }
}

/// The place of the set bit that has `rank` set bits below it, by halving.
const fn nth_bit(mut word: u64, mut rank: u32) -> u16 {
    let (mut at, mut width) = (0, 32);
    while width > 0 {
        let low = word & ((1 << width) - 1);
        let ones = low.count_ones();
        if rank < ones {
            word = low;
        } else {
            rank -= ones;
            word >>= width;
            at += width;
        }
        width /= 2;
    }
    at
}

/// The replicas of a [`NodeSet`], in order.
#[derive(Clone, Debug)]
pub struct Nodes(NodeSet);

impl Iterator for Nodes {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        let (at, word) = (0..WORDS as u16).zip(&mut self.0.0).find(|(_, word)| **word != 0)?;
        let bit = word.trailing_zeros() as u16;
        *word &= *word - 1;
        Some(NodeId(at * 64 + bit))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = usize::from(self.0.len());
        (len, Some(len))
    }
}

impl ExactSizeIterator for Nodes {}

impl DoubleEndedIterator for Nodes {
    fn next_back(&mut self) -> Option<NodeId> {
        let (at, word) =
            (0..WORDS as u16).zip(&mut self.0.0).rev().find(|(_, word)| **word != 0)?;
        let bit = 63 - word.leading_zeros() as u16;
        *word &= !(1 << bit);
        Some(NodeId(at * 64 + bit))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn set(nodes: impl IntoIterator<Item = u16>) -> NodeSet {
        let mut set = NodeSet::default();
        for node in nodes {
            assert!(set.insert(NodeId(node)));
        }
        set
    }

    #[test]
    fn a_set_gives_its_replicas_in_order_from_both_ends() {
        let numbers = [0, 5, 63, 64, 127, 200, 255];
        let all = set(numbers);
        assert_eq!(all.iter().map(|node| node.0).collect::<Vec<_>>(), numbers);
        let back: Vec<_> = all.iter().rev().map(|node| node.0).collect();
        assert_eq!(back, [255, 200, 127, 64, 63, 5, 0]);
        assert_eq!((all.len(), all.iter().len()), (7, 7));
        let mut smaller = all;
        assert!(smaller.remove(NodeId(64)) && !smaller.remove(NodeId(64)));
        assert!(!smaller.insert(NodeId(5)), "it is there already");
        assert!(!smaller.insert(NodeId(MAX_NODES)), "no such number");
        assert!(!smaller.contains(NodeId(u16::MAX)));
    }
}
