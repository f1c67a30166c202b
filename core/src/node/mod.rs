//! A node: a replica, and eyes beside it that find out who lies.
//!
//! ```text
//!                   ┌─▶ Watch ───▶ evidence ─▶ Proofs ─▶ spread, persisted, Convicted
//!  message, refused ┼─▶ Observer ─▶ scores ────────────▶ Suspected, Unsuspected
//!      request ─▶ Gate ─▶ Replica ──▶ effects ─┐
//!                   └ Busy   ▲ ▲             ├─▶ host
//!            records, events ┘◀┼─────────────┘
//!                              └── its own requests: accuse, withdraw, prove
//! ```
//!
//! Goes in and comes out: what [`Protocol`](crate::protocol::Protocol) says. So the simulator, the
//! lab and real nodes host exactly the same thing. The eyes change nothing of what the replica
//! decides: a message is seen here first, and then handled as it would be without.
//!
//! | file | holds |
//! |---|---|
//! | `machine` | [`Node`]: inputs, effects, when it looks at what it suspects |
//! | [`admission`] | [`Gate`]: which clients' requests it takes on |
//! | `door` | a client's request at the gate, and who is told what |
//! | `proofs` | [`Proofs`]: the evidence that is known here |
//! | `learning` | how a proof is found, told, shown again, and judged |
//! | `speaking` | what it says to the docket, in the log |
//! | `standby` | who stands by, and whom it proposes in a liar's place |
//! | `account` | [`Account`]: what it holds of what was said, and what several prove together |
//! | `export` | [`Export`]: proofs in a file, judged by whoever has the first members' keys |
//! | `start` | a new node, and one that starts from its disk |
//!
//! # Spreading
//!
//! Who finds a proof tells all, once. Who is told keeps it and tells nobody: statuses do the rest.
//! Each carries a fingerprint of whom its sender knows to be guilty, and where two differ, each shows
//! the other a few of its proofs, as it repairs everything else that networks lose.
//!
//! A proof convicts whoever it accuses, whoever brings it. One that proves nothing is a signal
//! against who brought it, for it should have checked.
//!
//! A client tells of replies, which no node but their author sees, and the administrator of anything:
//! a node that is shown it has found it, and tells all.
//!
//! # When it looks
//!
//! A node wants no ticks beside its replica's: that one is woken once in four status intervals at
//! the latest, and hears of its peers as often. Scores are looked at once in a status interval.
//!
//! # Bounds
//!
//! | what | at most | because |
//! |---|---|---|
//! | proofs | one of each kind of offence for each number | a second proves nothing more |
//! | bytes of them | [`MAX_FURTHER_BYTES`], and one proof for each number beyond | who is guilty of one thing is guilty |
//! | shown to a peer | [`SHOWN_AT_A_TIME`] for a status | as other answers |
//! | judged of other epochs | a few of each peer in an interval | it is done where messages are ordered |

mod account;
pub mod admission;
#[cfg(feature = "guards")]
mod door;
mod export;
mod learning;
mod machine;
mod proofs;
mod speaking;
mod standby;
mod start;
#[cfg(test)]
mod tests;

pub use account::{Account, BadAccount, MAX_ACCOUNT_BYTES};
#[cfg(feature = "guards")]
pub use admission::Gate;
pub use admission::{Busy, Why};
pub use export::{BadExport, Export, Judged, MAX_EXPORT_BYTES};
pub use machine::Node;
pub use proofs::{MAX_FURTHER_BYTES, Proof, Proofs, SHOWN_AT_A_TIME};
