//! The manager: all guards of all calls, from one configuration, in one order.
//!
//! ```text
//!            ┌───────────────────────── once a call ─────────────────────────┐   ┌─ each attempt ─┐
//!  begin ──▶ degradation ─▶ rate limit ─▶ bulkhead ─▶ adaptive limit ─▶ retry ( breaker ─▶ timeout
//!                                            │ in line                          ─▶ chaos ─▶ the call
//!                                            ▼                                                    )
//!                                        poll_turn, resume              hedge      finish or abandon
//! ```
//!
//! Guards are of a peer and an operation: one that is slow opens nobody else's breaker, and one
//! operation's times move no other's limit. Error budgets are of an operation, degradation is of the
//! host, and is fed by all of them.
//!
//! The host drives a call through it:
//!
//! 1. [`Manager::begin`] gives a [`Call`], or a place in line, or a [`Rejected`] that says when to
//!    come back.
//! 2. [`Manager::attempt`] gives an [`Attempt`] with its deadline and what chaos does to it, or what
//!    to do instead.
//!    While it lasts, [`Manager::hedge`] may give copies of it, for what is declared repeatable: each
//!    is an attempt to breaker, adaptive limit and timeout, and takes of the retries' budget. The first
//!    that is good is settled, the others are given back with [`Manager::lose`].
//! 3. [`Manager::settle`] takes it back, with how it ended: done, another attempt then, or none.
//! 4. [`Manager::finish`] takes the call back; [`Manager::abandon`] if its caller gave up while its
//!    work still runs.
//!
//! What goes wrong with managers, and can't here: *success whatever happened* (the call's own result
//! never passes through it; what a guard says comes out as that guard's own type); *an unknown name
//! skips the work* (names are resolved once, to a [`Key`], and one that isn't configured is an error);
//! *a new configuration forgets all* (it is checked as a whole, and every guard that it still names keeps
//! what it knows), or *nothing* (those of what it doesn't name are dropped once nothing of them is out).
//!
//! | file | holds |
//! |---|---|
//! | `config` | [`Config`] and [`Policy`], for one file |
//! | `errors` | what can come out instead |
//! | `events` | what happened to guards |
//! | `guards` | the guards of one peer and operation |
//! | `operation` | an operation, and the guards of its peers |
//! | `call` | a call and an attempt under way |
//! | `machine` | [`Manager`] |
//! | `metrics` | counters and snapshots |

mod call;
mod config;
mod errors;
mod events;
mod guards;
mod machine;
mod metrics;
mod operation;
#[cfg(test)]
mod tests;

pub use call::{AbandonedCall, Attempt, Begun, Call, Hedge, Instead, Waiting};
pub use config::{Config, MAX_NAMES, MAX_OPERATIONS, MAX_PEERS, Policy};
pub use errors::{BadPolicy, BeginError, Rejected, Unknown};
pub use events::Event;
pub use machine::{Key, Manager, Turn};
pub use metrics::{Counters, Snapshot};
