//! From a scenario that fails to the least that fails in the same way.
//!
//! Delta debugging (Zeller & Hildebrandt, TSE 2002) over what a scenario says: a candidate leaves
//! something out; if it still fails, it is what the search goes on with.
//!
//! ```text
//! cut the end ─▶ faults (ddmin) ─▶ fewer nodes, clients, requests ─▶ ways of lying ─▶ fields ─▶ amounts
//!      ▲                                                                                           │
//!      └──────────────────────── until a whole round leaves nothing out ───────────────────────────┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `search` | trying a candidate, and the budget |
//! | `faults` | ddmin over the timed faults, and over the ways of lying in each |
//! | `fields` | smaller numbers, and defaults |
//! | `amounts` | earlier faults, and smaller numbers and shorter lists in them |
//!
//! Deterministic: the same scenario, budget and test give the same result.

mod amounts;
mod faults;
mod fields;
mod search;
#[cfg(test)]
mod tests;

use search::Search;

use super::{run::Run, scenario::Scenario};
use crate::time::Time;

/// A run costs some ten milliseconds: so many take some seconds.
pub const DEFAULT_BUDGET: u32 = 600;

/// What shrinking leaves.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario, with the seed that it fails with as its own.
    pub scenario: Scenario,
    /// How many runs it took to find it.
    pub runs: u32,
    /// Whether nothing more can be left out. False: the budget was used up first.
    pub is_minimal: bool,
}

/// Shrinks a scenario that fails with `seed`, in at most `budget` runs.
///
/// `fails` says when a run fails in the way that is looked for; `None`: it doesn't. A scenario that
/// doesn't fail in the first place comes back as it is.
pub fn shrink(
    scenario: &Scenario,
    seed: u64,
    budget: u32,
    fails: &mut dyn FnMut(&Run) -> Option<Time>,
) -> Shrunk {
    let mut search = Search::new(scenario, seed, budget, fails);
    if !search.begin() {
        return search.result(false);
    }
    loop {
        let before = search.improvements();
        fields::cut_the_end(&mut search);
        faults::leave_out(&mut search);
        fields::fewer(&mut search);
        faults::lie_less(&mut search);
        faults::change_less(&mut search);
        fields::defaults(&mut search);
        amounts::earlier(&mut search);
        amounts::milder(&mut search);
        if search.is_spent() || search.improvements() == before {
            let is_minimal = !search.is_spent();
            return search.result(is_minimal);
        }
    }
}
