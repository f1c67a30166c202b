//! A tree from nodes that came one by one: from peers, or from a disk.

use alloc::{sync::Arc, vec::Vec};

use thiserror::Error;

use super::{
    layout::{MAX_DEPTH, Path},
    node::{Content, Node},
    tree::Tree,
};
use crate::{app::BadPiece, crypto::Digest};

/// What there is of a node that an assembly asks for.
pub enum Found<'a> {
    /// What its bytes say; what is below is asked for next. The bytes have the digest that was
    /// asked for.
    Content(&'a Content),
    /// It and everything below.
    Whole(Arc<Node>),
}

/// A state that can't be had from what is there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// A node that others name is not there: it was lost, or its bytes changed.
    #[error("the part of the state with digest {digest} is missing")]
    Missing {
        /// Which.
        digest: Digest,
    },
    /// Nodes lie deeper than any state has them.
    #[error("the part of the state with digest {digest} lies too deep")]
    TooDeep {
        /// Which.
        digest: Digest,
    },
    /// A piece means nothing to the application or to the sessions.
    #[error(transparent)]
    Piece(#[from] BadPiece),
    /// What replicas agreed on beside the application can't be read.
    #[error("the agreed part of the state can't be read")]
    Agreed,
}

/// The state with this digest.
pub fn assemble<'a>(
    root: Digest,
    find: &impl Fn(&Path, Digest) -> Option<Found<'a>>,
) -> Result<Tree, Damage> {
    below(root, &Path::default(), find).map(Tree::of)
}

fn below<'a>(
    digest: Digest,
    path: &Path,
    find: &impl Fn(&Path, Digest) -> Option<Found<'a>>,
) -> Result<Arc<Node>, Damage> {
    if path.0.len() > MAX_DEPTH {
        return Err(Damage::TooDeep { digest });
    }
    match find(path, digest) {
        None => Err(Damage::Missing { digest }),
        Some(Found::Whole(node)) => Ok(node),
        Some(Found::Content(Content::Leaf(content))) => {
            Ok(Arc::new(Node::leaf_of(digest, content.clone())))
        }
        Some(Found::Content(Content::Inner(children))) => {
            let child = |(slot, digest): &(u8, Digest)| {
                Ok((*slot, below(*digest, &path.child(*slot), find)?))
            };
            let children: Result<Vec<_>, Damage> = children.iter().map(child).collect();
            Ok(Arc::new(Node::inner_of(digest, children?)))
        }
    }
}
