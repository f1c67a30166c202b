//! Raft (Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC
//! 2014, extended version; Ongaro, "Consensus: Bridging Theory and Practice", 2014, here "the
//! thesis"): for deployments that declare that members crash and none lies.
//!
//! ```text
//!  host           leader          followers
//!    │ propose      │                 │
//!    ├─────────────▶│ append          │   term t, entries after a place that must agree
//!    │              ├────────────────▶│   on disk
//!    │              │◀──── matched ───┤   a majority, the leader's own disk included = committed
//!    │◀── commit ───┤── append ──────▶│   and the followers learn how far
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `contract` | what it is told, what it wants done |
//! | `messages` | what is said |
//! | `config` | sizes and timers |
//! | `instance` | the state, and which rule handles what |
//! | `election` | §5.2, §5.4.1: pre-vote, votes, timeouts |
//! | `patience` | how long it waits before it doubts |
//! | `leadership` | a term begun, kept while a majority is there, handed over, given up |
//! | `replication` | §5.3, §5.4.2: the leader's side |
//! | `progress` | what a leader knows of one follower |
//! | `following` | §5.3: the follower's side |
//! | `reads` | read index |
//! | `snapshot` | §7: what the log holds no more |
//! | `seal` | the end of the epoch |
//! | `log` | the entries above the snapshot |
//! | `synced` | how much of them is on disk |
//! | `records` | what must survive a crash |
//! | `outbox` | effects in order, held back until their records are durable |
//! | `ordering` | an instance behind the trait of orderings, with the shell as its host |
//!
//! # Epochs instead of membership changes
//!
//! One instance orders the positions of one epoch for one [`Membership`](crate::quorum::Membership)
//! and knows nothing of others. A change of members, or of the protocol, is a command like any
//! other; the epoch ends at an agreed position ([`Input::Seal`]) that the old members commit by
//! their own majority, and the next epoch begins from the state there, with its own majority and
//! terms from 0. No position is ever decided by two memberships, which is what joint consensus and
//! single-server changes are for; so there is neither.
//!
//! # Crashes, and nothing else
//!
//! What a member says is believed. What no crash can explain is still refused with a reason
//! ([`Refusal`]): two leaders of one term, two contents at one place, a leader that would undo what
//! is committed. It is no defence, but it is a sign that this protocol is the wrong one here.
//!
//! # How much a member keeps
//!
//! Bounded under any input, of n members with a window of W entries and messages of B bytes.
//!
//! | what | at most | because |
//! |---|---|---|
//! | entries | 2W | proposals stop at W; the rest is for empty entries of new leaders |
//! | an entry | `MAX_PAYLOAD_BYTES` as proposed | what comes from others the host bounds when it decodes |
//! | notes of what is on disk | 2W | positions of the log, rising |
//! | followers | n − 1, each with `in_flight` notes | the leader's memory of them |
//! | on its way to a follower | `in_flight` messages of `append_entries` and B bytes | no more before it answers |
//! | reads | `MAX_READS` own and as many asked | more fail at once |
//! | what waits for the disk | 4,096 answers, and the records that the host hasn't taken | more are lost, as a network may lose them |
//!
//! If 2W entries stand above the snapshot, W of them from terms that began and committed nothing,
//! nobody can commit any more; each of them took an election, and the first that leads to a commit
//! lets the log be cut.

mod config;
mod contract;
mod election;
mod following;
mod instance;
mod leadership;
mod log;
mod messages;
mod ordering;
mod outbox;
mod patience;
mod progress;
mod reads;
mod records;
mod replication;
mod seal;
mod snapshot;
mod synced;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use contract::{Cause, Effect, Event, Input, NotProposed, Refusal, Role};
pub use instance::{CantStart, Payload, Raft};
pub(crate) use messages::MAX_APPEND_ENTRIES;
pub use messages::{Answer, Append, Body, Entry, MAX_PAYLOAD_BYTES, Message, Place, ReadId};
pub(crate) use ordering::RaftOrdering;
pub use records::{LogGap, Record};
