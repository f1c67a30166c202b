//! Health: whether a peer is up, how sure that is, and how many have to say so.
//!
//! ```text
//!  checks ──▶ rise and fall ──┐                         f + 1 distinct observers
//!  heartbeats ──▶ phi ────────┼──▶ this node's belief ──────────────────────────▶ down
//!  calls ──▶ outliers ────────┘            │
//!                                          └──▶ composite: what this host's own parts make of it
//! ```
//!
//! Goes in: `now`, how checks and calls ended, when heartbeats came, what others say. Comes out:
//! states, events, when to check next.
//!
//! Three things go wrong with health, and can't here:
//!
//! * *One failure flips the state.* So many in a row do, and one in between begins the row anew.
//! * *A check that hangs hangs the monitor.* It has failed when its time is over, the next begins,
//!   and what it says later says nothing.
//! * *One observer decides.* A peer counts as down once so many distinct ones say so that one of
//!   them is correct; and never are more ejected than may be faulty.
//!
//! | file | holds |
//! |---|---|
//! | `check` | [`Check`]: rise and fall |
//! | `phi` | [`PhiAccrual`]: how unlikely it is that a heartbeat still comes |
//! | `logistic` | the one curve that needs, in whole numbers |
//! | `composite` | [`Composite`]: parts, and which of them need which |
//! | `corroboration` | [`Corroboration`]: who says that who is down |
//! | `outliers` | [`Outliers`]: who fails more often than the others |

mod check;
mod composite;
mod corroboration;
mod logistic;
mod outliers;
mod phi;
#[cfg(test)]
mod tests;

pub use check::{Check, CheckConfig, CheckCounters, CheckEvent, CheckSnapshot, Probe, State};
pub use composite::{Composite, MAX_PARTS, Overall, Part};
pub use corroboration::{
    Corroboration, CorroborationConfig, CorroborationEvent, MAX_MEMBERS, NoSuchMember,
};
pub use outliers::{OutlierConfig, OutlierEvent, OutlierSnapshot, Outliers};
pub use phi::{MAX_INTERVALS, PhiAccrual, PhiConfig, PhiEvent, PhiSnapshot};
