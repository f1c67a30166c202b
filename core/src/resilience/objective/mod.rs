//! Service level objectives: what share of calls may fail or be slow, how quickly that is being used
//! up, and when it will be.
//!
//! ```text
//!  settle ─▶ this granule ─▶ sliding windows: 5 m · 30 m · 1 h · 2 h · 6 h · 1 d · 3 d · the period
//!                                │ both of a pair burn at its rate, and enough was called
//!                                ▼
//!                             alert: 1 h and 5 m at 14.4 · 6 h and 30 m at 6 · 1 d and 2 h at 3 · …
//! ```
//!
//! Goes in: `now`, how calls ended and how long they took. Comes out: alerts, what is left of the
//! budget, how hot it is for whoever degrades, when it will be used up. The pairs are those of the
//! "Site Reliability Workbook" (Beyer et al., 2018, chapter 5): the long window tells that it
//! matters, the short one that it still goes on.
//!
//! Two things go wrong with error budgets, and can't here: *windows tumble*, so that at their edges
//! all is forgotten; and *one of one failures exhausts them*. Of too few calls nothing follows.
//!
//! | file | holds |
//! |---|---|
//! | `config` | objectives, period, pairs |
//! | `sliding` | calls of the last while |
//! | `burn` | one objective: its windows and what they say |
//! | `machine` | [`ErrorBudget`]: availability and latency |

mod burn;
mod config;
mod machine;
mod sliding;
#[cfg(test)]
mod tests;

pub use config::{Config, MAX_PAIRS, MAX_PERIOD_MS, Pair};
pub use machine::{Counters, ErrorBudget, Event, Kind, PairState, Snapshot, Standing};
