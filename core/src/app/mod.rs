//! What is replicated: the [`Application`] trait and the key-value store that implements it.

mod kv;

use alloc::vec::Vec;

use thiserror::Error;

pub use kv::{KeyValue, MAX_KEY_BYTES, MAX_VALUE_BYTES, Operation, Outcome};

/// A deterministic state machine.
pub trait Application: Clone {
    /// Executes one operation and returns its result. Same state and operation, same result and
    /// next state, on every machine. Bytes that are no operation get a result that says so.
    fn execute(&mut self, operation: &[u8]) -> Vec<u8>;

    /// What [`Application::execute`] would answer, if it would change nothing. `None`: it would,
    /// so the operation must be ordered.
    fn query(&self, operation: &[u8]) -> Option<Vec<u8>>;

    /// The whole state, in an encoding that depends on nothing but the state.
    fn snapshot(&self) -> Vec<u8>;

    /// The state of a snapshot.
    fn restore(snapshot: &[u8]) -> Result<Self, BadSnapshot>;
}

/// Bytes that are no snapshot of this application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a snapshot of this application's state")]
pub struct BadSnapshot;
