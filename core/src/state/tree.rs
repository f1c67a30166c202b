//! A whole state: changing it, looking into it, comparing two.

use alloc::{sync::Arc, vec::Vec};

use serde::{Serialize, Serializer};

use super::{
    layout::{Path, PieceId},
    node::{Node, Totals},
};
use crate::{crypto::Digest, sorted::SortedMap};

/// A state. A value: it never changes, and a copy costs nothing.
#[derive(Clone, Debug)]
pub struct Tree(Arc<Node>);

/// A state's name says all.
impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.digest().serialize(serializer)
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Tree {}

impl Default for Tree {
    fn default() -> Self {
        Self(Arc::new(Node::inner(Vec::new())))
    }
}

/// The next state, and what it cost.
#[derive(Clone, Debug)]
pub struct Update {
    /// It.
    pub tree: Tree,
    /// How many nodes were hashed.
    pub hashed: u64,
}

/// Pieces that changed, by where they lie, in that order. `None`: a piece is empty now.
type Changes<'a> = &'a [(Path, Option<Vec<u8>>)];

impl Tree {
    pub(super) fn of(root: Arc<Node>) -> Self {
        Self(root)
    }

    /// What a checkpoint of it is signed over.
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// How large it is.
    pub fn totals(&self) -> Totals {
        self.0.totals()
    }

    /// The state with some pieces changed (`None`: empty now). Everything else is shared: the cost
    /// is that of the changed pieces and of the nodes above them.
    pub fn update(&self, changes: SortedMap<PieceId, Option<Vec<u8>>>) -> Update {
        let changes: Vec<_> =
            changes.into_iter().map(|(piece, content)| (piece.path(), content)).collect();
        let mut hashed = 0;
        let root = changed(Some(&self.0), 0, &changes, &mut hashed);
        let tree = root.map_or_else(Self::default, Self);
        Update { tree, hashed }
    }

    /// The bytes of a piece.
    pub fn piece(&self, piece: PieceId) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        self.node(&piece.path())?.gather(&mut content);
        Some(content)
    }

    /// The node at a place.
    pub fn node(&self, path: &Path) -> Option<&Arc<Node>> {
        path.0.iter().try_fold(&self.0, |node, slot| node.child(*slot))
    }

    /// The node at a place, if it has this digest.
    pub fn find(&self, path: &Path, digest: Digest) -> Option<&Arc<Node>> {
        self.node(path).filter(|node| node.digest() == digest)
    }

    /// Digests and encodings of all nodes that another state doesn't have at the same place.
    pub fn nodes_new_to(&self, other: Option<&Self>) -> Vec<(Digest, Vec<u8>)> {
        let mut nodes = Vec::new();
        gather_new(&self.0, other.map(|tree| &tree.0), &mut nodes);
        nodes
    }

    /// The pieces in which two states differ, rising.
    pub fn differences(&self, other: &Self) -> Vec<PieceId> {
        let mut pieces = Vec::new();
        differing(Some(&self.0), Some(&other.0), &mut Path::default(), &mut pieces);
        pieces
    }
}

/// The node after changes below it; `None`: nothing is left.
fn changed(
    node: Option<&Arc<Node>>,
    depth: usize,
    changes: Changes<'_>,
    hashed: &mut u64,
) -> Option<Arc<Node>> {
    if let [(path, content)] = changes
        && path.0.len() == depth
    {
        let piece = Node::piece(content.as_ref()?);
        *hashed += piece.totals().nodes;
        let same = node.filter(|node| node.digest() == piece.digest());
        return Some(same.cloned().unwrap_or_else(|| Arc::new(piece)));
    }
    let mut children = node.map_or_else(Vec::new, |node| node.children().to_vec());
    let mut differs = node.is_none();
    for below in changes.chunk_by(|a, b| a.0.0.get(depth) == b.0.0.get(depth)) {
        let Some(slot) = below.first().and_then(|(path, _)| path.0.get(depth)).copied() else {
            continue;
        };
        let place = children.binary_search_by_key(&slot, |(slot, _)| *slot);
        let old = place.ok().map(|at| children[at].1.clone());
        let new = changed(old.as_ref(), depth + 1, below, hashed);
        differs |= old.as_ref().map(|node| node.digest()) != new.as_ref().map(|it| it.digest());
        match (place, new) {
            (Ok(at), Some(new)) => children[at].1 = new,
            (Ok(at), None) => drop(children.remove(at)),
            (Err(at), Some(new)) => children.insert(at, (slot, new)),
            (Err(_), None) => {}
        }
    }
    match node {
        Some(node) if !differs => Some(node.clone()),
        _ if children.is_empty() => None,
        _ => {
            *hashed += 1;
            Some(Arc::new(Node::inner(children)))
        }
    }
}

fn gather_new(node: &Arc<Node>, other: Option<&Arc<Node>>, into: &mut Vec<(Digest, Vec<u8>)>) {
    if other.is_some_and(|other| other.digest() == node.digest()) {
        return;
    }
    into.push((node.digest(), node.encode()));
    for (slot, child) in node.children() {
        gather_new(child, other.and_then(|other| other.child(*slot)), into);
    }
}

fn differing(
    left: Option<&Arc<Node>>,
    right: Option<&Arc<Node>>,
    path: &mut Path,
    into: &mut Vec<PieceId>,
) {
    if left.map(|node| node.digest()) == right.map(|node| node.digest()) {
        return;
    }
    if let Some(piece) = PieceId::at(&path.0) {
        into.push(piece);
        return;
    }
    let children = |node: Option<&Arc<Node>>| -> Vec<u8> {
        node.into_iter().flat_map(|node| node.children()).map(|(slot, _)| *slot).collect()
    };
    let mut slots = children(left);
    slots.extend(children(right));
    slots.sort_unstable();
    slots.dedup();
    for slot in slots {
        path.0.push(slot);
        let child = |node: Option<&Arc<Node>>| node.and_then(|node| node.child(slot)).cloned();
        differing(child(left).as_ref(), child(right).as_ref(), path, into);
        path.0.pop();
    }
}
