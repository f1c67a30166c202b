//! Trying candidates within a budget.

use alloc::string::String;

use super::{
    super::{run::Run, scenario::Scenario},
    Shrunk,
};
use crate::time::Time;

/// A candidate draws other numbers than the original, because what is left out drew some. So it is
/// tried with a few seeds; it fails if it fails with one.
const OTHER_SEEDS: [u64; 2] = [1, 2];

pub(super) struct Search<'a> {
    best: Scenario,
    /// When the best one fails.
    fails_at: Time,
    fails: &'a mut dyn FnMut(&Run) -> Option<Time>,
    runs: u32,
    budget: u32,
    improvements: u32,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        scenario: &Scenario,
        seed: u64,
        budget: u32,
        fails: &'a mut dyn FnMut(&Run) -> Option<Time>,
    ) -> Self {
        let best = Scenario { seed, ..scenario.clone() };
        Self { best, fails_at: Time::ZERO, fails, runs: 0, budget, improvements: 0 }
    }

    /// Makes sure that there is something to shrink.
    pub(super) fn begin(&mut self) -> bool {
        let mut candidate = self.best.clone();
        candidate.narration.clear();
        // What else it expected doesn't matter now. Where that is what fails, it does.
        let mut only = candidate.clone();
        only.expect.min_completed = 0;
        only.name.truncate(MAX_NAME_BEFORE_SUFFIX);
        only.name.push_str(SUFFIX);
        only.title.push_str(", shrunk");
        candidate.name.clone_from(&only.name);
        candidate.title.clone_from(&only.title);
        self.improves(&only) || self.improves(&candidate)
    }

    pub(super) fn best(&self) -> &Scenario {
        &self.best
    }

    pub(super) fn fails_at(&self) -> Time {
        self.fails_at
    }

    pub(super) fn improvements(&self) -> u32 {
        self.improvements
    }

    pub(super) fn is_spent(&self) -> bool {
        self.runs >= self.budget
    }

    /// Goes on with a candidate if it is valid, says something else than the best, and fails.
    pub(super) fn improves(&mut self, candidate: &Scenario) -> bool {
        let own = self.best.seed;
        let Ok(candidate) = candidate.rewritten() else { return false };
        if candidate.source == self.best.source {
            return false;
        }
        for seed in core::iter::once(own).chain(OTHER_SEEDS) {
            if self.is_spent() {
                return false;
            }
            self.runs += 1;
            let run = Run::new(Scenario { seed, ..candidate.clone() }, seed);
            let Some(at) = (self.fails)(&run) else { continue };
            self.best = Scenario { seed, ..candidate };
            self.fails_at = at;
            self.improvements += 1;
            return true;
        }
        false
    }

    /// The number nearest to `goal` with which it still fails, halving the way.
    pub(super) fn towards(&mut self, number: i64, goal: i64, set: &dyn Fn(&mut Scenario, i64)) {
        let mut fails_with = |number| {
            let candidate = changed(&self.best, |scenario| set(scenario, number));
            self.improves(&candidate)
        };
        if number == goal || fails_with(goal) {
            return;
        }
        let (mut fails, mut holds) = (number, goal);
        while fails.abs_diff(holds) > 1 {
            let middle = holds + (fails - holds) / 2;
            if fails_with(middle) {
                fails = middle;
            } else {
                holds = middle;
            }
        }
    }

    /// The best one, in writing.
    pub(super) fn result(self, is_minimal: bool) -> Shrunk {
        let scenario = self.best.rewritten().unwrap_or(self.best);
        Shrunk { scenario, runs: self.runs, is_minimal }
    }
}

/// What is shrunk says so in its name, which has at most 64 characters.
const SUFFIX: &str = "-shrunk";
const MAX_NAME_BEFORE_SUFFIX: usize = 64 - SUFFIX.len();

/// A change of a scenario.
pub(super) fn changed(scenario: &Scenario, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut candidate = scenario.clone();
    candidate.source = String::new();
    change(&mut candidate);
    candidate
}
