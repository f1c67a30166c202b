//! The gate in front of a replica: which of its clients' requests a node takes on.
//!
//! ```text
//!  a client's own request ─▶ degradation ─▶ its rate ─▶ room among those that wait ─▶ replica
//!                              │              │              │
//!                              └──────────────┴──────────────┴─▶ Busy: why, and when to come back
//!  executed, answered ─▶ error budget ─┐
//!  how many wait ──────────────────────┴─▶ degradation's signals
//! ```
//!
//! Goes in: what clients say themselves, and what the replica reports. Comes out: whether it is let in,
//! else a [`Busy`]. A node without a configuration has no gate, and lets all through.
//!
//! # What is never turned away
//!
//! What replicas say to each other, and so also a client's request that another replica relays or
//! proposes. That is more than a courtesy: a backup that let a request in times the primary by it, so
//! a primary that turned the relayed copy away would be replaced for being careful. Whatever one
//! correct replica lets in, is ordered.
//!
//! A request that is answered already, or waits here already, costs its client's rate and nothing
//! else: to turn it away would leave the answer unsaid and the work done.
//!
//! # Whom a client believes
//!
//! `Busy` isn't signed, as it speaks of its sender alone, and a liar may say it whenever it likes. So
//! a client waits only as long as f+1 replicas say at least ([`crate::client`]): one of them is
//! correct. A liar that turns everybody away is one that doesn't answer.
//!
//! # Signals
//!
//! | number | how high | |
//! |---|---|---|
//! | 0 | how near the error budget is to firing | [`crate::resilience::objective`] |
//! | 1 | how many wait, of as many as may | |
//! | from 2 on | the host's | [`crate::node::Node::observe_load`] |
//!
//! What is turned away counts neither as good nor as bad: a gate that took its own refusals for
//! failures would never open again.
//!
//! # Bounds
//!
//! | what | at most | because |
//! |---|---|---|
//! | rates | as many clients as are configured, told apart | one that has no place shares another's |
//! | requests whose time is measured | [`MAX_MEASURED`] | one a client; others go unmeasured |
//! | a wait that is named | [`MAX_RETRY_AFTER_MS`] | who is told more would ask a person |
//!
//! | file | holds |
//! |---|---|
//! | `config` | what is configured, and how it is checked |
//! | `busy` | [`Busy`]: what a client is told |
//! | `gate` | [`Gate`] |

mod busy;
#[cfg(feature = "guards")]
mod config;
#[cfg(feature = "guards")]
mod gate;
#[cfg(test)]
mod tests;

pub use busy::{Busy, MAX_RETRY_AFTER_MS, Why};
#[cfg(feature = "guards")]
pub use config::{Config, FEATURES, OWN_SIGNALS, Waiting};
#[cfg(feature = "guards")]
pub(super) use gate::Asked;
#[cfg(feature = "guards")]
pub use gate::{Counters, Gate, MAX_MEASURED, Snapshot};
