//! How retries are set up.

use super::{
    backoff::{Backoff, Jitter, MAX_STEPS},
    budget::BudgetConfig,
};
use crate::{
    config::{BadConfig, must},
    resilience::{
        Outcome,
        settings::{must_be_time, settings},
    },
};

/// The most attempts at one call…
pub const MAX_ATTEMPTS: u32 = 100;
/// …unless it is never given up: for who can do nothing else with it.
pub const UNLIMITED: u32 = u32::MAX;

settings! {
    /// How retries are set up.
    pub struct Config {
        /// Attempts in all, the first included.
        attempts: u32 = 3, "what fails three times in a row fails for a reason";
        /// How waits grow.
        backoff: Backoff = Backoff::Exponential, "an overload needs more time the longer it lasts";
        /// The first wait, in milliseconds.
        base_ms: u64 = 100, "a few round trips";
        /// No wait is longer than so many milliseconds, jitter included.
        cap_ms: u64 = 10_000, "longer than most who wait";
        /// By what a wait grows each time, in percent, where it grows by a factor.
        growth_percent: u32 = 200, "doubling";
        /// How waits are spread.
        jitter: Jitter = Jitter::Full, "the least load where many failed together";
        /// From the first attempt on, the last begins within so many milliseconds, if anything.
        elapsed_ms: Option<u64> = Some(30_000), "after that nobody waits for the answer";
        /// An attempt that couldn't have so many milliseconds before the deadline isn't made.
        attempt_needs_ms: u64 = 1, "nothing answers in less";
        /// Whether failures are tried again.
        retry_failures: bool = true, "most pass";
        /// Whether timeouts are. The first attempt may still have its effect, or may have had it.
        retry_timeouts: bool = true, "calls of this project are exactly-once";
        /// Whether it is tried again where there was no room for it.
        retry_overloads: bool = true, "after a while there is";
        /// Where the other side says when to come back, one comes back no sooner; if that is in more
        /// than so many milliseconds, not at all.
        retry_after_max_ms: u64 = 30_000, "the same as elapsed_ms";
        /// What all calls share.
        budget: BudgetConfig = BudgetConfig::default(), "a fifth of the calls, and ten a minute";
        /// What jitter is drawn from.
        seed: u64 = 0, "hosts give each process another, else they all draw the same";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (1..=MAX_ATTEMPTS).contains(&self.attempts) || self.attempts == UNLIMITED,
            "attempts",
            u64::from(self.attempts),
            "from 1 (the first is one) to 100, or 4294967295 for never giving up",
        )?;
        must_be_time("base_ms", self.base_ms)?;
        must_be_time("cap_ms", self.cap_ms)?;
        must(
            self.cap_ms >= self.base_ms,
            "cap_ms",
            self.cap_ms,
            "no wait is longer than the cap: the first, base_ms, can't be",
        )?;
        must(
            (100..=1_000).contains(&self.growth_percent),
            "growth_percent",
            u64::from(self.growth_percent),
            "from 100 (always the same) to 1000 (ten times as long each time)",
        )?;
        if let Backoff::Custom(steps) = &self.backoff {
            must(
                (1..=MAX_STEPS).contains(&steps.len()),
                "backoff",
                steps.len() as u64,
                "a schedule has from 1 to 16 steps",
            )?;
            let above = steps.iter().find(|step| **step > self.cap_ms);
            must(above.is_none(), "backoff", above.copied().unwrap_or(0), "it is above cap_ms")?;
        }
        if let Some(ms) = self.elapsed_ms {
            must_be_time("elapsed_ms", ms)?;
        }
        must_be_time("attempt_needs_ms", self.attempt_needs_ms)?;
        self.validate_budget()
    }

    fn validate_budget(&self) -> Result<(), BadConfig> {
        self.budget.validate()?;
        let counted =
            "the budget's window_ms must not be shorter, else a retry that sleeps is forgotten";
        must(self.cap_ms <= self.budget.window_ms, "cap_ms", self.cap_ms, counted)?;
        must_be_time("retry_after_max_ms", self.retry_after_max_ms)?;
        let max = self.retry_after_max_ms;
        must(max <= self.budget.window_ms, "retry_after_max_ms", max, counted)
    }

    /// Whether what ended so is tried again.
    pub(super) fn retries(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Failure => self.retry_failures,
            Outcome::Timeout => self.retry_timeouts,
            Outcome::Overload => self.retry_overloads,
            Outcome::Success | Outcome::Neutral => false,
        }
    }
}
