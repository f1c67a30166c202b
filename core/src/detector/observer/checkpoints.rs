//! Who vouches for which state, against what a quorum vouches for.

use alloc::{collections::VecDeque, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Digest,
    ids::{NodeId, Seq},
    sorted::SortedMap,
};

/// How many checkpoints are kept, of a quorum and of each peer: there are two between the water
/// marks, and peers may be a little ahead or behind.
const KEPT: usize = 4;

/// Latest checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoints {
    stable: VecDeque<(Seq, u64)>,
    said: SortedMap<NodeId, VecDeque<(Seq, u64)>>,
    /// The last position at which a peer disagreed: repeating it is no further offence.
    disagreed: SortedMap<NodeId, Seq>,
}

impl Checkpoints {
    /// A peer vouches. Whether that contradicts a quorum, for the first time.
    pub(super) fn vote(&mut self, from: NodeId, seq: Seq, digest: Digest) -> bool {
        let digest = digest.prefix();
        if let Some((_, stable)) = self.stable.iter().find(|(at, _)| *at == seq) {
            return *stable != digest && self.disagrees(from, seq);
        }
        let said = self.said.entry(from).or_default();
        if !said.iter().any(|(at, _)| *at == seq) {
            if said.len() == KEPT {
                said.pop_front();
            }
            said.push_back((seq, digest));
        }
        false
    }

    /// A quorum vouches. Returns who had contradicted it.
    pub(super) fn stable(&mut self, seq: Seq, digest: Digest) -> Vec<NodeId> {
        let digest = digest.prefix();
        if self.stable.len() == KEPT {
            self.stable.pop_front();
        }
        self.stable.push_back((seq, digest));
        let mut wrong = Vec::new();
        for (node, said) in self.said.iter_mut() {
            if said.iter().any(|(at, of)| *at == seq && *of != digest) {
                wrong.push(*node);
            }
            said.retain(|(at, _)| *at > seq);
        }
        wrong.retain(|node| self.disagrees(*node, seq));
        wrong
    }

    fn disagrees(&mut self, node: NodeId, seq: Seq) -> bool {
        let last = self.disagreed.entry(node).or_insert(Seq(0));
        let new = *last < seq;
        *last = seq.max(*last);
        new
    }
}
