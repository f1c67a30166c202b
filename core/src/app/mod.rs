//! What is replicated: the [`Application`] trait and the key-value store that implements it.

mod kv;

use alloc::vec::Vec;

use thiserror::Error;

use crate::{sorted::SortedSet, time::WallTime};

pub use kv::{KeyValue, MAX_KEY_BYTES, MAX_VALUE_BYTES, Operation, Outcome};

/// What an operation may know beside the state: nothing that replicas haven't agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The agreed time: never goes backwards, and stands still between batches that carry one.
    pub time: WallTime,
}

/// A deterministic state machine whose state is kept in pieces.
///
/// Pieces are what checkpoints hash and state transfer fetches: only those that changed are hashed
/// again, and only those that differ travel. What belongs to which piece must follow from the
/// state alone.
pub trait Application: Clone {
    /// How many pieces there are, numbered from 0; most may be empty. At most
    /// [`MAX_PIECES`].
    const PIECES: u32;

    /// Executes one operation and returns its result. Same state, operation and context: same
    /// result and next state, on every machine. Bytes that are no operation get a result that says
    /// so.
    fn execute(&mut self, operation: &[u8], context: &Context) -> Vec<u8>;

    /// What [`Application::execute`] would answer, if it would change nothing. `None`: it would,
    /// so the operation must be ordered.
    fn query(&self, operation: &[u8], context: &Context) -> Option<Vec<u8>>;

    /// What is answered in safe mode, when more members are proven to lie than may: nothing changes, and
    /// what is read is marked as unsafe.
    fn in_safe_mode(&self, _operation: &[u8], _context: &Context) -> Vec<u8> {
        Vec::new()
    }

    /// Whether an operation means nothing without a time: a batch that holds it must carry one.
    fn needs_time(_operation: &[u8]) -> bool {
        false
    }

    /// Whether there is anything in the state that passing time changes: while there is, every
    /// batch carries a time.
    fn follows_time(&self) -> bool {
        false
    }

    /// The canonical bytes of a piece: they depend on nothing but the state. `None`: empty.
    fn piece(&self, index: u32) -> Option<Vec<u8>>;

    /// The pieces that aren't empty, rising.
    fn pieces(&self) -> Vec<u32>;

    /// Replaces a piece; `None` empties it. On an error nothing changed.
    fn install(&mut self, index: u32, bytes: Option<&[u8]>) -> Result<(), BadPiece>;

    /// The pieces that may have changed since [`Application::forget_changes`].
    fn changed(&self) -> &SortedSet<u32>;

    /// Starts over with noting which pieces change.
    fn forget_changes(&mut self);
}

/// The most pieces of an application.
pub const MAX_PIECES: u32 = 4_096;

/// Bytes that are no piece of this application's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("piece {index} is none of this application's state")]
pub struct BadPiece {
    /// Which.
    pub index: u32,
}
