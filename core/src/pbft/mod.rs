//! Practical Byzantine Fault Tolerance (Castro & Liskov, OSDI'99), signature version.
//!
//! ```text
//!  client        primary        backups
//!    │ request      │              │
//!    ├─────────────▶│ pre-prepare  │   view v, position n, digest d
//!    │              ├─────────────▶│
//!    │              │◀── prepare ─▶│   quorum − 1 of them + pre-prepare = prepared
//!    │              │◀── commit ──▶│   quorum of them = committed: execute in order
//!    │◀── reply ────┴──────────────┤   f+1 equal replies = accepted
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `messages` | what is said |
//! | `certificate` | quorums of signatures, and every stateless check |
//! | `config` | sizes and timers |
//! | `sessions` | exactly-once per client |
//! | `slot` | one position between the water marks |
//! | `replica` | the state, and which rule handles what |
//! | `normal` | §4.2: request, pre-prepare, prepare, commit, execute |
//! | `batching` | when the primary proposes, and how much at a time |
//! | `checkpoint` | §4.3: garbage collection, and state transfer |
//! | `view_change` | §4.4: giving up on a view, and starting the next |
//! | `pace` | slow primaries: measured, and replaced |
//! | `reads` | what is answered without being ordered |
//! | `repair` | retransmission: status, and what it makes others send |
//! | `durable` | what must survive a crash, and how a replica starts from it |

mod batching;
mod certificate;
mod checkpoint;
mod config;
mod durable;
mod messages;
mod normal;
mod outbox;
mod pace;
mod reads;
mod repair;
mod replica;
mod sessions;
mod slot;
#[cfg(test)]
mod tests;
mod view_change;

pub use certificate::{CheckpointCertificate, PreparedCertificate};
pub use config::{BadConfig, Config};
pub use durable::{Record, RestoreError};
pub use messages::*;
pub use replica::Replica;
pub use sessions::{Known, Sessions};
pub use slot::{Phase, SlotView};
pub(crate) use view_change::owed;
