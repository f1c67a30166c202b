//! What a disk kept of a transfer that a crash cut short.

use alloc::vec::Vec;

use serde::{Serialize, Serializer};

use crate::{crypto::Digest, pbft::StateNode, sorted::SortedMap, state::Content};

/// Nodes that were fetched in an earlier life. Each has the digest that it is known by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// The state that was fetched last.
    root: Digest,
    nodes: SortedMap<Digest, Content>,
}

/// For the hash of a replica's state: a node's digest says what it holds.
impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes: Vec<_> = self.nodes.keys().collect();
        (self.root, nodes).serialize(serializer)
    }
}

impl Kept {
    /// From disk, in the order of writing: disks change bytes, so each node is checked.
    pub(crate) fn read(&mut self, root: Digest, nodes: &[StateNode]) {
        self.root = root;
        let intact = nodes.iter().filter(|node| Digest::of_bytes(&node.bytes) == node.digest);
        self.nodes
            .extend(intact.filter_map(|node| Some((node.digest, Content::decode(&node.bytes)?))));
    }

    /// What may be of use for this state: if it is another than the last one, what that one has.
    pub(super) fn for_state(self, root: Digest) -> SortedMap<Digest, Content> {
        if root == self.root { self.nodes } else { of_state(self.root, self.nodes) }
    }
}

/// What is here of the state with this digest.
pub(super) fn of_state(
    root: Digest,
    mut nodes: SortedMap<Digest, Content>,
) -> SortedMap<Digest, Content> {
    let mut kept = SortedMap::new();
    let mut reached = Vec::from([root]);
    while let Some(digest) = reached.pop() {
        if let Some(content) = nodes.remove(&digest) {
            if let Content::Inner(children) = &content {
                reached.extend(children.iter().map(|(_, child)| *child));
            }
            kept.insert(digest, content);
        }
    }
    kept
}
