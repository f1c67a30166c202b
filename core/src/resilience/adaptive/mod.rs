//! Adaptive limits: how many calls may be under way, found out from how long they take.
//!
//! ```text
//!  admit ─▶ under way < limit? ─▶ the call ─▶ settle ─▶ this window: times, drops, most under way
//!                 ▲                                                  │ once it is over
//!                 └───────────── the algorithm: AIMD, Gradient2 or Vegas
//! ```
//!
//! Goes in: `now`, a [`Priority`](super::Priority), how a call ended. Comes out: a permit, or a
//! rejection that says when one that is under way should be done.
//!
//! Three things go wrong with adaptive limits, and can't here:
//!
//! * *Timeouts look like stable latency*, and the limit grows for ever. They are drops, also those of
//!   which nobody ever says that they ended.
//! * *Every sample moves it.* It moves once a window, and a crowd that was dropped together lowers it
//!   once: calls that began before it was lowered say nothing of how it is since.
//! * *One operation's times move another's limit.* A limit is a value: who has two operations has two.
//!
//! | file | holds |
//! |---|---|
//! | `config` | bounds, window, what each algorithm has besides |
//! | `algorithm` | from a window to the next limit |
//! | `machine` | [`AdaptiveLimiter`] |

mod algorithm;
mod config;
mod machine;
#[cfg(test)]
mod tests;

pub use config::{Algorithm, Config, MAX_LIMIT};
pub use machine::{AdaptiveLimiter, Counters, Event, Permit, Rejected, Snapshot, Why};
