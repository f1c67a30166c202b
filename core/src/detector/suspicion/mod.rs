//! Suspicion: what one observer makes of its peers, from signals that could each have an innocent
//! cause. A score from 0 to 100, of which signals alone reach at most [`SUSPICION_CAP`]: the rest is
//! for proof.
//!
//! Goes in: `now`, and a [`Signal`] about a peer. Comes out: scores, reasons for people, and
//! [`Decision`]s to accuse or to withdraw. Touches nothing else; knows no clock. A score means
//! something to its observer only: what others act on takes f+1 observers.
//!
//! Three things are judged against the group of peers and never on their own, because a bad network
//! looks like bad peers:
//!
//! * how quickly a peer answers: its median against the median of all peers' medians (`response`),
//! * how often an expected message fails: its ratio against the median of all peers' (`window`),
//! * silence: only the caller knows who was expected and whether others were heard.
//!
//! Medians, because of 3f or more peers up to f may lie: they can't move a median beyond what some
//! correct peer shows. So neither a slow network nor a slow observer suspects anybody, and no f
//! liars can make a correct peer look slow by being quick.
//!
//! | file | holds |
//! |---|---|
//! | `signal` | the signals, and what each weighs |
//! | `config` | windows, thresholds, floors, and how they are checked |
//! | `points` | points, and how they decay |
//! | `window` | successes and failures of the last minute |
//! | `response` | how quickly peers answer, robustly |
//! | `ledger` | all that is held about one peer |
//! | `observer` | [`Suspicion`]: all ledgers of an observer, and its decisions |
//!
//! Bounded: a ledger of constant size for each peer.

mod config;
mod ledger;
mod observer;
mod points;
mod response;
mod signal;
#[cfg(test)]
mod tests;
mod window;

pub use config::Config;
pub use observer::{Decision, Standing, Suspicion, Verdict};
pub use points::{Points, SUSPICION_CAP};
pub use signal::{Channel, Kind, Reason, Signal};
pub use window::Totals;
