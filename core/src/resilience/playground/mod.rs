//! A small world to try guards in: callers, the real [`Manager`](super::manager::Manager), and
//! services that fail in the ways services do. In virtual time, from one seed.
//!
//! ```text
//!  callers ─▶ host's threads ─▶ manager (all guards) ─▶ services: workers, a queue, their weather
//!                │                  │                       │
//!                └──────────────────┴───────────────────────┴─▶ buckets of time, events, totals
//! ```
//!
//! Goes in: a [`Setting`]. Comes out: what was [`Played`], bucket by bucket. Nothing of a guard is
//! modelled here: the manager that real hosts use decides, and what it shows in its snapshots is what
//! is recorded. The same setting gives the same numbers on every machine; two settings with the same
//! callers and the same seed have the same calls asked for at the same moments, so that what differs
//! between them is what their guards did.
//!
//! What is left of the world is simple on purpose, and said where it is: callers that don't wait for
//! each other ([`Callers`]), services that do so much at a time in the order of arrival and never
//! know that nobody waits any more ([`Service`]), and a network that takes no time.
//!
//! | file | holds |
//! |---|---|
//! | `setting` | [`Setting`]: callers, services and their weather, guards; how they are checked |
//! | `agenda` | what happens when |
//! | `arrivals` | when callers call |
//! | `service` | workers and a queue, and what weather does to them |
//! | `calls` | the calls under way |
//! | `heartbeats` | what services send by themselves, and the phi of it |
//! | `health` | which services the host believes to be up |
//! | `series` | [`Bucket`]: what is counted and seen |
//! | `story` | [`Happened`]: what changed, and when |
//! | `world` | all of them, from one moment to the next |

mod agenda;
mod arrivals;
mod calls;
mod health;
mod heartbeats;
mod series;
mod service;
mod setting;
mod story;
#[cfg(test)]
mod tests;
mod world;

pub use health::Watch;
pub use heartbeats::Heartbeats;
pub use series::{Bucket, Group, Played, Refused, Totals};
pub use setting::{
    BadSetting, Burst, Callers, MAX_CALLERS, MAX_DURATION_MS, MAX_GROUPS, MAX_SERVICES, Service,
    Setting, Spell, Surge, Weather,
};
pub use story::{Happened, MAX_HAPPENED, What};
pub use world::play;
