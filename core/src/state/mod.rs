//! The replicated state as a tree of pieces, each node named by the digest of its bytes.
//!
//! ```text
//!                     root                      its digest is what checkpoints are signed over
//!       ┌───────────┬──┴───────┬────────────┐
//!  application   sessions    agreed     membership
//!    16 × 16 × 16   16 × 16     │            │
//!       pieces       pieces  one piece   one piece
//! ```
//!
//! Castro & Liskov keep the state in a hierarchy of partitions with a digest for each (TOCS 2002,
//! on checkpoints), so that a checkpoint hashes only what changed since the last one, and a
//! replica that is behind fetches only what differs. Ours is sparse, its nodes
//! are shared between all trees that hold them, and their digests are collision-resistant, so that
//! nodes from anybody prove themselves and a copy for a checkpoint costs nothing.
//!
//! | file | holds |
//! |---|---|
//! | `layout` | which piece of what lies where |
//! | `node` | a node, its canonical bytes, and what others' bytes say |
//! | `tree` | a whole state: changing it, looking into it, comparing two |
//! | `assembly` | a tree from nodes that came one by one |
//!
//! This room knows nothing of the protocol. It may use `crypto` and nothing else.

mod assembly;
mod layout;
mod node;
#[cfg(test)]
mod tests;
mod tree;

pub use assembly::{Damage, Found, assemble};
pub use layout::{MAX_DEPTH, Path, PieceId, Section};
pub use node::{Content, MAX_LEAF_BYTES, MAX_NODE_BYTES, Node, Totals};
pub use tree::{Tree, Update};
