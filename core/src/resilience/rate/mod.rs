//! Rate limits: so many permits a while, and so many at once.
//!
//! The algorithm is GCRA in its form as a leaky bucket (ITU-T I.371, annex A): what was let through
//! is a debt that drains at the configured rate, and a call passes if the debt then is no more than
//! the burst. There are no windows at whose edges twice as much passes, nothing to refill, and one
//! number for each limit.
//!
//! ```text
//!              + weight                       ┌ burst ─ what replicas agree with
//!  admit ─────────────────▶ debt ─────────────┼ 95 % ── important
//!                             │  ≤ its limit? ├ 80 % ── normal
//!                             ▼  drains       └ 50 % ── background
//! ```
//!
//! Goes in: `now`, a weight, a [`Priority`](super::Priority). Comes out: nothing, or a rejection that
//! says when it will fit. The debt is counted in units of which a microsecond drains a whole number,
//! so no rate is rounded.
//!
//! | file | holds |
//! |---|---|
//! | `config` | rate, burst, shares |
//! | `bucket` | the debt |
//! | `machine` | [`Limiter`]: one limit |
//! | `keyed` | [`KeyedLimiter`]: one for each key, in memory that doesn't grow |

mod bucket;
mod config;
mod keyed;
mod machine;
#[cfg(test)]
mod tests;

pub use config::{Config, KeyedConfig, MAX_BURST, MAX_KEYS, MAX_PERMITS};
pub use keyed::{KeyedCounters, KeyedLimiter, KeyedSnapshot};
pub use machine::{Counters, Event, Limiter, Rejected, Snapshot, Why};
