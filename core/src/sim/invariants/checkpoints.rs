//! Checkpoints: correct replicas that executed the same history are in the same state.

use alloc::format;

use super::{super::Invariant, Broken};
use crate::{
    crypto::Digest,
    ids::{NodeId, Seq},
    sorted::SortedMap,
};

/// The digest of the state at each checkpoint, as the first correct replica took it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Checkpoints(SortedMap<Seq, (NodeId, Digest)>);

impl Checkpoints {
    pub(in super::super) fn taken(
        &mut self,
        node: NodeId,
        seq: Seq,
        digest: Digest,
    ) -> Result<(), Broken> {
        let (first, agreed) = *self.0.entry(seq).or_insert((node, digest));
        if agreed == digest {
            return Ok(());
        }
        let detail = format!(
            "after {seq} node {node} is in state {}, and node {first} in state {}",
            digest.short(),
            agreed.short()
        );
        Err((Invariant::Checkpoints, detail))
    }
}
