//! Graceful degradation: when there is too much to do, do less of what matters less.
//!
//! ```text
//!            ≥ enter for a dwell        ≥ enter               ≥ enter
//!  ┌────────┐ ─────────▶ ┌──────────┐ ─────────▶ ┌────────┐ ─────────▶ ┌───────────┐
//!  │ normal │            │ degraded │            │ severe │            │ emergency │
//!  └────────┘ ◀───────── └──────────┘ ◀───────── └────────┘ ◀───────── └───────────┘
//!            < leave for a longer one   < leave               < leave
//! ```
//!
//! Goes in: signals (how hot an error budget is, how full a limiter or a queue), each as a share of
//! what there may be. Comes out: the level, which features are on, and whether a call of some
//! priority is made.
//!
//! What goes wrong with degradation, and can't here: *it flaps* (leaving takes less than entering
//! does, for longer, and one step at a time); *"degraded" runs the normal path* (what each level
//! sheds is in its configuration, and what it turns off is asked by name); *it sheds what would end
//! the overload* (what replicas say to agree is never shed, and there is no field to make it so).
//!
//! | file | holds |
//! |---|---|
//! | `config` | thresholds, dwell, what each level sheds and turns off |
//! | `machine` | [`Degradation`] |

mod config;
mod machine;
#[cfg(test)]
mod tests;

pub use config::{Config, Feature, Level, MAX_FEATURES, MAX_SIGNALS};
pub use machine::{Counters, Degradation, Event, NoSuchFeature, NoSuchSignal, Rejected, Snapshot};
