//! A node, its canonical bytes, and what others' bytes say.

use alloc::{sync::Arc, vec::Vec};

use super::layout::FANOUT;
use crate::crypto::Digest;

/// The longest leaf, in bytes of content. A longer piece is a subtree of such leaves, so that no
/// node is large, whatever clients write.
pub const MAX_LEAF_BYTES: usize = 32 * 1024;
/// The longest encoding of a node.
pub const MAX_NODE_BYTES: usize = 1 + MAX_LEAF_BYTES;

/// Says of an encoding that a leaf's content follows.
const LEAF: u8 = 0;
/// Says of an encoding that children follow, each a slot and a digest.
const INNER: u8 = 1;
/// The length of one child in an encoding.
const CHILD_BYTES: usize = 33;

const _: () = assert!(256 * CHILD_BYTES < MAX_NODE_BYTES, "an inner node is no longer");

/// How much there is in a subtree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Nodes, inner ones included.
    pub nodes: u64,
    /// Bytes of their encodings.
    pub bytes: u64,
}

#[derive(Clone, Debug)]
enum Kind {
    Leaf(Arc<[u8]>),
    /// In rising order of slots.
    Inner(Vec<(u8, Arc<Node>)>),
}

/// A node with everything below it. Never changes; shared by every tree that has it.
#[derive(Clone, Debug)]
pub struct Node {
    digest: Digest,
    totals: Totals,
    kind: Kind,
}

impl Node {
    pub(super) fn leaf(content: &[u8]) -> Self {
        let mut encoded = Vec::with_capacity(1 + content.len());
        encoded.push(LEAF);
        encoded.extend_from_slice(content);
        Self::leaf_of(Digest::of_bytes(&encoded), content.into())
    }

    pub(super) fn leaf_of(digest: Digest, content: Arc<[u8]>) -> Self {
        let totals = Totals { nodes: 1, bytes: 1 + content.len() as u64 };
        Self { digest, totals, kind: Kind::Leaf(content) }
    }

    pub(super) fn inner(children: Vec<(u8, Arc<Self>)>) -> Self {
        let digest = Digest::of_bytes(&encode_children(&children));
        Self::inner_of(digest, children)
    }

    pub(super) fn inner_of(digest: Digest, children: Vec<(u8, Arc<Self>)>) -> Self {
        let own = Totals { nodes: 1, bytes: (1 + CHILD_BYTES * children.len()) as u64 };
        let totals = children.iter().fold(own, |sum, (_, child)| Totals {
            nodes: sum.nodes + child.totals.nodes,
            bytes: sum.bytes + child.totals.bytes,
        });
        Self { digest, totals, kind: Kind::Inner(children) }
    }

    /// A piece: a leaf, or a subtree of leaves if it is longer.
    pub(super) fn piece(content: &[u8]) -> Self {
        if content.len() <= MAX_LEAF_BYTES {
            return Self::leaf(content);
        }
        let mut level: Vec<_> =
            content.chunks(MAX_LEAF_BYTES).map(|chunk| Arc::new(Self::leaf(chunk))).collect();
        while level.len() > FANOUT as usize {
            let group = |nodes: &[Arc<Self>]| Arc::new(Self::inner(numbered(nodes)));
            level = level.chunks(FANOUT as usize).map(group).collect();
        }
        Self::inner(numbered(&level))
    }

    /// Its name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How much there is of it, with everything below.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Its canonical bytes: a leaf's content, or its children's slots and digests.
    pub fn encode(&self) -> Vec<u8> {
        match &self.kind {
            Kind::Leaf(content) => {
                let mut encoded = Vec::with_capacity(1 + content.len());
                encoded.push(LEAF);
                encoded.extend_from_slice(content);
                encoded
            }
            Kind::Inner(children) => encode_children(children),
        }
    }

    pub(super) fn children(&self) -> &[(u8, Arc<Self>)] {
        match &self.kind {
            Kind::Leaf(_) => &[],
            Kind::Inner(children) => children,
        }
    }

    pub(super) fn child(&self, slot: u8) -> Option<&Arc<Self>> {
        let children = self.children();
        let at = children.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&children[at].1)
    }

    /// What the leaves below hold, in order.
    pub(super) fn gather(&self, into: &mut Vec<u8>) {
        match &self.kind {
            Kind::Leaf(content) => into.extend_from_slice(content),
            Kind::Inner(children) => children.iter().for_each(|(_, child)| child.gather(into)),
        }
    }
}

fn numbered(nodes: &[Arc<Node>]) -> Vec<(u8, Arc<Node>)> {
    (0..).zip(nodes.iter().cloned()).collect()
}

fn encode_children(children: &[(u8, Arc<Node>)]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(1 + CHILD_BYTES * children.len());
    encoded.push(INNER);
    for (slot, child) in children {
        encoded.push(*slot);
        encoded.extend_from_slice(&child.digest.0);
    }
    encoded
}

/// What the bytes of one node say, without what is below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes of a piece.
    Leaf(Arc<[u8]>),
    /// Its children by slot, rising.
    Inner(Vec<(u8, Digest)>),
}

impl Content {
    /// Reads canonical bytes; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match *kind {
            LEAF if rest.len() <= MAX_LEAF_BYTES => Some(Self::Leaf(rest.into())),
            INNER => {
                let (children, []) = rest.as_chunks::<CHILD_BYTES>() else { return None };
                let child = |[slot, digest @ ..]: &[u8; CHILD_BYTES]| (*slot, Digest(*digest));
                let children: Vec<_> = children.iter().map(child).collect();
                let rising = children.windows(2).all(|pair| pair[0].0 < pair[1].0);
                rising.then_some(Self::Inner(children))
            }
            _ => None,
        }
    }
}
