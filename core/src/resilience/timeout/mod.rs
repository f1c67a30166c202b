//! Timeouts: how long an attempt may take, and never longer than whoever waits for it.
//!
//! ```text
//!  client's deadline ──▶ operation's ──▶ attempt's = min( what is left, measured quantile + margin )
//!                                                                             ▲
//!                      settle: took so long · timed out after so long ────────┘
//! ```
//!
//! Goes in: `now`, the deadline of whoever waits, how an attempt ended. Comes out: the attempt's
//! deadline and who set it, or a rejection if nothing could come of it.
//!
//! What goes wrong with adaptive timeouts, and can't here: *it locks itself at the floor*. What timed
//! out isn't recorded, so that only quick calls are, the timeout follows them down, and more time
//! out. An attempt that timed out is a *censored* sample here: it would have taken at least so long.
//! The quantile is the one of Kaplan and Meier (1958), who faced the same question; and as long as it
//! lies beyond all that was waited for, the timeout grows.
//!
//! | file | holds |
//! |---|---|
//! | `deadline` | [`Deadline`]: until when, and who says so |
//! | `config` | quantile, margin, floor, ceiling |
//! | `samples` | how long attempts took, or at least took; newer ones count more |
//! | `machine` | [`Timeouts`] |

mod config;
mod deadline;
mod machine;
mod samples;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use deadline::{Deadline, Expired, Scope};
pub use machine::{Counters, Event, Permit, Snapshot, Timeouts};
