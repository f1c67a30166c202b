//! The circuit breaker: stops calling what fails, and tries carefully whether it still does.
//!
//! ```text
//!            too many fail or are slow                 the open time is over
//!   ┌────────┐ ────────────────────▶ ┌────────┐ ──────────────────────────▶ ┌───────────┐
//!   │ closed │                       │  open  │                             │ half-open │
//!   └────────┘                       └────────┘ ◀────────────────────────── └───────────┘
//!        ▲                                      a probe fails or is lost          │
//!        └────────────────────────────────────────────────────────────────────────┘
//!                                 enough probes succeed
//! ```
//!
//! Three things go wrong in breakers, and can't here:
//!
//! * *Half-open lets everything through.* A probe holds a lease, and there are never more leases
//!   than successes are still missing.
//! * *A probe that is lost wedges it.* A lease ends by itself, and counts as a failure then.
//! * *Late results move it.* Each state has a generation, a permit is of one, and what was admitted
//!   in an earlier one is only counted.
//!
//! | file | holds |
//! |---|---|
//! | `config` | thresholds and times, and how they are checked |
//! | `window` | the last calls, or those of the last while |
//! | `probes` | leases while half-open |
//! | `machine` | [`Breaker`]: the states and what leads from one to another |

mod config;
mod machine;
mod probes;
#[cfg(test)]
mod tests;
mod window;

pub use config::{Config, MAX_PROBES, MAX_WINDOW_CALLS, Mode, Window};
pub use machine::{Breaker, Counters, Event, Permit, Rejected, Snapshot, State, Why};
pub(super) use window::Calls;
pub use window::Rates;
