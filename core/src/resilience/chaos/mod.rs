//! Chaos experiments: faults on purpose, few, bounded, and over as soon as it hurts.
//!
//! ```text
//!  armed ─▶ baseline ─▶ injecting ─▶ recovering ─▶ the hypothesis held
//!              │             │            │
//!              │ not steady  │ not steady · an operator · permission over   │ not steady again
//!              │             │ too few calls to tell                        │ too few to tell
//!              ▼             ▼                                              ▼
//!           aborted       aborted: the hypothesis is refuted, or nobody may go on
//! ```
//!
//! Goes in: `now`, which call is about to be made, how calls ended. Comes out: what to do to that
//! call, *at the call itself*: inside of every other guard, so that what is exercised is what would be
//! in a real fault. The host carries it out; a simulator does it to its messages.
//!
//! What goes wrong with chaos, and can't here: *it is injected outside the protected call*, and
//! nothing is exercised; *it can't be repeated* (each decision is drawn from the experiment's seed);
//! *it gets out of hand*: no more peers are touched than may be faulty, no more calls than stated,
//! never without a permission that ends by itself, nothing begins that wasn't steady before, and
//! nothing goes on that can't be told to be.
//!
//! | file | holds |
//! |---|---|
//! | `config` | hypothesis, fault, scope, blast radius, schedule, steady state |
//! | `machine` | [`Experiment`] |
//! | `permission` | [`Permission`]: an operator's word for one experiment at one node, once |

mod config;
mod machine;
mod permission;
#[cfg(test)]
mod tests;

pub use config::{Config, Fault, MAX_CALLS, MAX_SCOPE};
pub use machine::{
    Aborted, Counters, Event, Experiment, Injection, NotPermitted, Phase, Snapshot, Target,
};
pub use permission::{BadPermission, MAX_PERMISSION_MS, Permission};
