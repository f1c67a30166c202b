//! Nodes of states in a disk's records: those that a state still needs, in one record for each state.

use alloc::{sync::Arc, vec::Vec};

use super::durable::Record;
use crate::{crypto::Digest, pbft::StateNode, state::Content};

/// Leaves one record of a stable checkpoint: the last, with every node of its state that any of
/// them brought. Nodes that no longer belong to it go.
pub(super) fn gather_stable(records: &mut [Record]) {
    let is_stable = |record: &Record| matches!(record, Record::Stable(..));
    let Some(last) = records.iter().rposition(is_stable) else { return };
    if records.iter().position(is_stable) == Some(last) {
        return;
    }
    let Record::Stable(certificate, _) = &records[last] else { return };
    let certificate = certificate.clone();
    let mut known = Vec::new();
    for (at, record) in records.iter_mut().enumerate() {
        let Record::Stable(of, nodes) = record else { continue };
        // What is earlier goes, so its nodes need not be copied.
        let goes = at == last || of.seq() < certificate.seq();
        let nodes = if goes { core::mem::take(nodes) } else { nodes.clone() };
        known.extend(Arc::unwrap_or_clone(nodes));
    }
    let nodes = Pool::new(known).take_below(certificate.digest());
    records[last] = Record::Stable(certificate, nodes);
}

/// Leaves of what was fetched and isn't complete what belongs to the last two states that were asked
/// for, as the transfer itself does.
pub(super) fn gather_fetched(records: &mut Vec<Record>) {
    let mut targets = Vec::new();
    let mut known = Vec::new();
    for record in records.iter_mut() {
        let Record::Fetched { seq, root, nodes } = record else { continue };
        let target = (*seq, *root);
        if targets.last() != Some(&target) {
            targets.push(target);
        }
        known.extend(Arc::unwrap_or_clone(core::mem::take(nodes)));
    }
    if targets.is_empty() {
        return;
    }
    records.retain(|record| !matches!(record, Record::Fetched { .. }));
    let mut pool = Pool::new(known);
    for (seq, root) in targets.split_off(targets.len().saturating_sub(2)) {
        // What the earlier one has too is in its record, with all that is below.
        records.push(Record::Fetched { seq, root, nodes: pool.take_below(root) });
    }
}

/// Nodes, to be taken out by the state that they belong to.
struct Pool {
    known: Vec<StateNode>,
    /// The index of each, by the beginning of its digest.
    places: Vec<(u64, usize)>,
}

impl Pool {
    /// As many as the state has parts: sorted once, not kept in order, and by what is short.
    fn new(known: Vec<StateNode>) -> Self {
        let places =
            (0..).zip(&known).map(|(at, node): (usize, &StateNode)| (node.digest.prefix(), at));
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        Self { known, places }
    }

    /// The node with this digest, once. Equal digests, equal bytes, of which the first counts.
    fn take(&mut self, digest: Digest) -> Option<StateNode> {
        let prefix = digest.prefix();
        let first = self.places.partition_point(|(other, _)| *other < prefix);
        let alike = self.places[first..].iter().take_while(|(other, _)| *other == prefix);
        let at = alike.map(|(_, at)| *at).find(|at| self.known[*at].digest == digest)?;
        // An encoding has at least one byte: nothing is left of what was taken.
        let bytes = core::mem::take(&mut self.known[at].bytes);
        (!bytes.is_empty()).then_some(StateNode { digest, bytes })
    }

    /// What is here of the state with this digest, without what was taken before.
    fn take_below(&mut self, root: Digest) -> Arc<Vec<StateNode>> {
        let mut nodes = Vec::new();
        let mut reached = Vec::from([root]);
        while let Some(digest) = reached.pop() {
            let Some(node) = self.take(digest) else { continue };
            if let Some(Content::Inner(children)) = Content::decode(&node.bytes) {
                reached.extend(children.iter().map(|(_, child)| *child));
            }
            nodes.push(node);
        }
        nodes.into()
    }
}
