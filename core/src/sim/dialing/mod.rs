//! Connections between nodes, which real nodes have: what a node says to another goes over one that it
//! made itself, and is lost while it has none. One that breaks is made again under guards.
//!
//! ```text
//!              the peer is down, or nothing got through for too long
//!  connected ──────────────────────────────────────────────────────▶ waits ◀──── retry: when again
//!      ▲                                                              │ breaker: may it be tried?  ▲
//!      └────────────── the peer answered ──────── dials ◀─────────────┘                            │
//!                                                   └── refused, or no answer within the timeout ──┘
//! ```
//!
//! The guards are the core's own [`Breaker`](crate::resilience::breaker::Breaker) and
//! [`Retry`](crate::resilience::retry::Retry), in the manager's order: retry ( breaker → timeout → call ).
//!
//! # What it may touch
//!
//! Whether a message of one node to another leaves. Clients' connections are always there. Single messages
//! that a network loses break nothing: real connections send them again.
//!
//! | file | holds |
//! |---|---|
//! | `config` | how connections are kept and made |
//! | `tie` | one node's way to one other, and its guards |
//! | `drive` | what a cluster does with all of them |

mod config;
mod drive;
mod tie;

pub use config::Dialing;
pub(super) use drive::ties;
pub use tie::{Stage, Tie};
