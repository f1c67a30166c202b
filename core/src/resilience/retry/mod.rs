//! Retries: whether to try again, and when. And hedges: when to send a second copy without waiting
//! for the first to fail.
//!
//! ```text
//!  attempt fails ─▶ may it be retried? ─▶ attempts, time and deadline left? ─▶ budget? ─▶ at this time
//! ```
//!
//! Goes in: `now`, how an attempt ended, what the other side said of retries. Comes out: the time of
//! the next attempt, or why there is none. What the call's own error was stays with the caller.
//!
//! Three things go wrong with retries, and can't here:
//!
//! * *They come too late.* One that would begin after the deadline, or so shortly before it that
//!   nothing could come of it, isn't made, and nobody sleeps for it.
//! * *They come together.* Jitter spreads them, and never beyond the cap.
//! * *They make an outage worse.* All calls share one budget: retries are a share of calls, plus a few,
//!   and those that still sleep count.
//!
//! | file | holds |
//! |---|---|
//! | `config` | [`Config`], and how it is checked |
//! | `backoff` | from the number of an attempt to a time to wait; jitter |
//! | `budget` | how many retries all calls together may make |
//! | `machine` | [`Retry`]: from an outcome to the next attempt |
//! | `hedge` | [`Hedger`]: a second copy of what takes longer than usual |

mod backoff;
mod budget;
mod config;
mod hedge;
mod machine;
#[cfg(test)]
mod tests;

pub use backoff::{Backoff, Jitter, MAX_STEPS};
pub use budget::BudgetConfig;
pub use config::{Config, MAX_ATTEMPTS, UNLIMITED};
pub use hedge::{HedgeConfig, HedgeCounters, Hedger, MAX_COPIES, Next, Race};
pub use machine::{Attempts, Counters, Event, Hint, Retry, Snapshot, Stop, Verdict};
