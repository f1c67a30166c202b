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
//! | `capacity` | how large a window so many members bear |
//! | `sessions` | exactly-once per client |
//! | `slot` | one position between the water marks |
//! | `replica` | the state, and which rule handles what |
//! | `normal` | §4.2: request, pre-prepare, prepare, commit, execute |
//! | `agreed_time` | the time that a batch carries: proposed, judged, made to advance |
//! | `allowance` | what a peer may cost |
//! | `batch` | what is ordered together, and its digest |
//! | `batching` | when the primary proposes, and how much at a time |
//! | `checkpoint` | §4.3: garbage collection |
//! | `replicated` | what checkpoints cover, as pieces of a tree |
//! | `transfer` | fetching the state of a checkpoint, piece by piece |
//! | `view_change` | §4.4: giving up on a view, and starting the next |
//! | `pace` | slow primaries: measured, and replaced |
//! | `restrained` | primaries in quarantine: left, and passed over |
//! | `reads` | what is answered without being ordered |
//! | `epochs` | changes of membership: the end of one epoch, the beginning of the next |
//! | `repair` | retransmission: status, and what it makes others send |
//! | `renewal` | starting again after the disk lost something |
//! | `durable` | what must survive a crash, and how a replica starts from it |

//!
//! # How much a replica keeps
//!
//! All but the ends of epochs is bounded under any input, of n replicas with a window of W positions
//! and C clients whose keys are known. What is signed and small (a vote, a header) is of constant
//! size; a batch is at most `MAX_BATCH_BYTES` of operations, an operation at most
//! `MAX_OPERATION_BYTES`.
//!
//! | what | at most | because |
//! |---|---|---|
//! | positions | W | nothing outside the water marks is entered (§4.2) |
//! | contents of a position | 4 batches, and 1 decided | only what its proposal, an early one, its certificate or its decision names; one each |
//! | contents to start a view from | n of a position | only what view changes for a view that this replica is to start name |
//! | votes of a position | 2n, and certificates of n | the first of each replica's latest view, of each kind |
//! | checkpoint votes | 3n | the latest of each replica |
//! | own states, and what it said of them | 1 stable, and W / interval | one for each checkpoint between the water marks |
//! | view changes | n, and n in a new view | the latest of each replica; each with W certificates |
//! | pending requests | C | a client's latest |
//! | their order | 2C + 64 | done ones are swept when they outnumber the rest |
//! | waiting reads | C | a client's latest |
//! | own tree of states | the bytes of the state, and what changed since the last stable checkpoints | trees share what they have in common |
//! | a transfer | 2 × the bytes of a state | the one that is fetched, and what was fetched of the one before |
//! | sessions | `max_sessions` results of `MAX_RESULT_BYTES` | those with the oldest timestamps give way |
//! | what peers cost and were given, their lives, how quick the primary is | n entries each | one for each replica, and 16 samples |
//! | who says of whom that it lost its memory | 2f of each member | f may lie, f may have lost it |
//! | what waits for the disk | `MAX_HELD` sends, the records of W positions, and 64 with parts of a state | more are lost, as a network may lose them |
//! | the ends of epochs | one for each epoch so far: a certificate and a roster | **grows**: whoever was away needs all since; but only the administrator, the agreed policy or a member's new life ends an epoch, the last less and less often (`renewal`), and at most one end is in a checkpoint interval |

mod agreed_time;
mod batch;
mod batching;
mod capacity;
mod certificate;
mod config;
mod messages;
mod normal;
mod pace;
mod reads;
mod repair;
mod replay;
mod restrained;
mod rules;
mod slot;
#[cfg(test)]
mod tests;
mod view_change;

pub use batch::Batch;
pub(crate) use capacity::must_fit;
pub use capacity::{WindowTooLarge, largest_window};
pub use certificate::{CheckpointCertificate, PreparedCertificate};
pub(crate) use certificate::{is_what_it_says, view_changes_hold};
pub use config::Config;
pub(crate) use messages::node_of;
pub use messages::*;
pub(crate) use rules::Pbft;
pub use slot::{Phase, SlotView};
pub(crate) use view_change::owed;

pub use crate::replica::{
    Change, ChangeOutcome, ChangeRefused, EpochEnd, Fetching, Known, MAX_CONTACT_BYTES, MAX_LINKS,
    MAX_RESULT_BYTES, NewMember, Record, Register, Replica, RestoreError, Roster, Sessions,
};
