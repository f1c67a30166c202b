//! A replica: what is the same whoever orders, and behind one trait who orders.
//!
//! ```text
//!           input                                      effects, deadline
//!  host ───────────▶ Replica ──────────────────────────────────────────▶ host
//!                      │  turns one epoch into the next
//!          ┌───────────┴────────────┐
//!          ▼   news: stable, …      ▼
//!        Shell ──────────────▶ Ordering: PBFT, Raft, … one for each epoch
//!          ▲                        │
//!          └── apply, send, persist ┘
//! ```
//!
//! The *shell* holds what all epochs share: the application, sessions, the register of members and
//! the chain of epochs, checkpoints with signed votes, the tree of the state and its transfer, who
//! waits for an answer, what is owed to the disk. An *ordering* decides what stands at each
//! position of one epoch. It is given the shell with everything that it is told, applies what it
//! has decided, in order, and hears of what the shell has come to meanwhile.
//!
//! | file | holds |
//! |---|---|
//! | `machine` | the two together: inputs, effects, the turn from one epoch to the next |
//! | `shell` | what all epochs share |
//! | `ordering` | the trait, and the table of protocols |
//! | `pending` | clients that wait, and what of theirs is ordered next |
//! | `parameters` | what is taken of the parameters that are recommended |
//! | `execution` | what was decided is applied and answered |
//! | `clock` | the time that a batch carries |
//! | `sessions` | exactly-once per client |
//! | `checkpoint` | votes for states; what is stable |
//! | `replicated` | what checkpoints cover, as pieces of a tree |
//! | `transfer` | fetching the state of a checkpoint, piece by piece |
//! | `epochs` | changes of membership and protocol: the end of one epoch, the beginning of the next |
//! | `renewal` | starting again after the disk lost something |
//! | `repair` | status, and what it makes others send |
//! | `docket` | what all agree on about who lies, and what it means |
//! | `allowance` | what a peer may cost |
//! | `outbox` | effects in order, held back until their records are durable |
//! | `durable` | what must survive a crash, and how a replica starts from it |
//! | `gathering` | which nodes of states a disk keeps |

mod allowance;
mod checkpoint;
mod clock;
mod docket;
mod durable;
mod epochs;
mod execution;
mod gathering;
mod machine;
mod ordering;
mod outbox;
mod parameters;
mod pending;
mod renewal;
mod repair;
mod replicated;
mod sessions;
mod shell;
mod transfer;

pub(crate) use allowance::Work;
pub(crate) use clock::needs_time;
pub(crate) use docket::Affairs;
pub use docket::{Docket, MAX_PAST, Override, Said};
pub use durable::{Record, RestoreError};
pub use epochs::{
    Change, ChangeOutcome, ChangeRefused, EpochEnd, MAX_CONTACT_BYTES, MAX_LINKS, NewMember,
    Register, Roster,
};
pub(crate) use epochs::{Terms, check_chain};
pub use machine::Replica;
pub(crate) use ordering::{News, Order, Ordering};
pub(crate) use parameters::BatchBounds;
pub(crate) use repair::POSITIONS_PER_ANSWER;
pub use sessions::{Known, MAX_RESULT_BYTES, Sessions};
pub(crate) use shell::{Shell, Standing};
pub use transfer::Fetching;
#[cfg(test)]
pub(crate) use transfer::{REQUEST_COSTS_BYTES, SERVED_BYTES_AN_INTERVAL};
