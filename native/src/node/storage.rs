//! Where a replica's records go so that it can be restored after a crash.
//!
//! The protocol says what must be remembered ([`Effect::Persist`](conclave_core::protocol::Effect))
//! and holds back what depends on it until storage says that it is safe. Storage never makes the
//! driver wait for a disk: it takes records, and tells its progress when there is some.
//!
//! A node with [`Memory`] forgets everything when its process ends. If it comes back, it may vote
//! against what it said before: such a node counts as one of the *f* faulty ones, not as a correct
//! node that was away. With a journal it keeps its word.

use std::path::PathBuf;

use conclave_core::{pbft::Record, protocol::RecordNumber};
use thiserror::Error;
use tokio::sync::watch;

pub use super::journal::{Journal, JournalIdentity};

/// How far a storage is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Every record up to this number is safe.
    pub durable: RecordNumber,
    /// It failed and nothing further will be safe. A disk that failed to sync once can't be
    /// trusted to have kept what it had, so there is no trying again.
    pub failed: Option<String>,
}

/// What an empty data directory means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// The node never ran: it begins with nothing.
    First,
    /// Its records are lost: it has forgotten what it said, and recovers before it votes.
    Lost,
    /// It has records, so there is some mistake.
    Unexpected,
}

/// Takes records in order, makes them safe, says so.
pub trait Storage: Send + 'static {
    /// Takes one record. Waits only if very many are under way.
    fn append(&mut self, number: RecordNumber, record: Record) -> impl Future<Output = ()> + Send;

    /// Its progress, as it goes on.
    fn progress(&self) -> watch::Receiver<Progress>;

    /// Whether records outlive the process.
    fn is_durable(&self) -> bool;
}

/// Why there is no storage to start from.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A file can't be read or written.
    #[error("{path}: {why}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// Another process uses it.
    #[error("{path} is in use by another running node", path = .0.display())]
    InUse(PathBuf),
    /// There is nothing, where there should be something.
    #[error(
        "{path} is empty, but this node has started before: it may have voted, and without its \
         records it could contradict itself; start it with --recover (it says nothing that counts \
         until it has caught up with the others), or put a node with a new number and key in its \
         place (`conclave member replace`); say --first-start only if it never ran",
        path = .0.display()
    )]
    Empty(PathBuf),
    /// It isn't ours.
    #[error("{path} belongs to another node or cluster: {why}", path = path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
        /// What differs.
        why: String,
    },
}

/// Storage that ends with the process: records are safe at once, against nothing.
///
/// They are not even kept: whoever could read them again is gone when they would be needed.
pub struct Memory(watch::Sender<Progress>);

impl Default for Memory {
    fn default() -> Self {
        Self(watch::Sender::new(Progress::default()))
    }
}

impl Storage for Memory {
    async fn append(&mut self, number: RecordNumber, _record: Record) {
        self.0.send_modify(|progress| progress.durable = number);
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }

    fn is_durable(&self) -> bool {
        false
    }
}
