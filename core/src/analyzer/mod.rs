//! The threat analyzer: how bad it is, and what to run then.
//!
//! ```text
//!  quarantine ─▶ facts: n, convicted, suspected ─▶ level ─┐
//!                                              └─▶ trend ─┼─▶ policy ─▶ is it sound? ─▶ recommendation
//!  what members measure, agreed ────────────▶ network ────┘                              with its reason
//! ```
//!
//! Goes in: `now`, agreed [`Facts`], and what the [`Network`] is like. Comes out: a [`Recommendation`]
//! when it changes. Where replicas must come to the same, all three come from the log: agreed facts,
//! agreed conditions, agreed time; the [`Policy`] comes from the configuration, which all must have
//! the same of, and is no state. It switches nothing itself; the [`Policy`] says whether members do
//! ([`Follow`]).
//!
//! * **Nothing flaps.** What gets worse counts at once; what gets better, only after it was better,
//!   and clearly so, for the whole dwell time (`ladder`).
//! * **Nothing unsound is recommended**, whatever the policy says. A [`Policy`] that can't be sound
//!   isn't loaded; and before anything is recommended, its fault assumption is held against the
//!   facts once more ([`Protocol::is_sound`]).
//!
//! | file | holds |
//! |---|---|
//! | `level` | Low, Medium, High, Critical, by exact comparison |
//! | `network` | calm, slow, lossy, asynchronous |
//! | `trend` | rising, steady, falling |
//! | `follow` | whether what is recommended is also done |
//! | `ladder` | hysteresis and dwell, the same for all of them |
//! | `protocol` | **the list of protocols**, each with its fault assumption |
//! | `policy` | from level and conditions to a protocol, and how it is checked |
//! | `place` | where in a file an unsound one is wrong |
//! | `recommend` | what is recommended, and why, in one sentence |
//! | `analyze` | [`Analyzer`]: all of it together, history and counters |
//!
//! Bounded: the history and the trend have their limits, all else is of constant size.

mod analyze;
mod follow;
mod ladder;
mod level;
mod network;
#[cfg(feature = "files")]
mod place;
mod policy;
mod protocol;
mod recommend;
#[cfg(test)]
mod tests;
mod trend;

pub use analyze::{Analyzer, Counters, Declared, Entry, MAX_HISTORY};
pub use follow::Follow;
pub use level::{Facts, Level};
pub use network::{Conditions, Network};
pub use policy::{BadPolicy, Bounds, MAX_RULES, Parameters, Policy, Rule};
pub use protocol::{Assumption, Deployment, Protocol, Unsound};
pub use recommend::{Because, Recommendation};
pub use trend::Trend;
