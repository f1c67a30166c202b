//! A second copy of what takes longer than usual: the slowest of many calls are slow for reasons
//! that the next call doesn't meet (Dean & Barroso, "The Tail at Scale", 2013).
//!
//! Only for what may be done twice. Copies come from a budget, so that when everything is slow they
//! don't double the load that makes it slow.

use core::time::Duration;

use serde::Serialize;

use super::budget::{Budget, BudgetConfig};
use crate::{
    config::{BadConfig, must},
    resilience::{
        settings::{must_be_time, settings},
        steady::Steady,
    },
    time::Time,
};

/// The most copies of one call, the first not counted.
pub const MAX_COPIES: u8 = 8;

settings! {
    /// How hedges are set up.
    pub struct HedgeConfig {
        /// A copy follows the one before after so many milliseconds, where nothing better is known.
        after_ms: u64 = 1_000, "the caller should say what is usual: the 95th percentile";
        /// But never sooner than so many milliseconds, whatever is usual.
        after_at_least_ms: u64 = 1, "what is quicker needs no hedge";
        /// So many copies at most, the first not counted.
        copies: u8 = 1, "two that are slow are slow for the same reason";
        /// What all calls share.
        budget: BudgetConfig = BudgetConfig::default().share_ppm(50_000), "what is in the slowest twentieth";
    }
}

impl HedgeConfig {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must_be_time("after_ms", self.after_ms)?;
        must_be_time("after_at_least_ms", self.after_at_least_ms)?;
        must(
            self.after_at_least_ms <= self.after_ms,
            "after_at_least_ms",
            self.after_at_least_ms,
            "it can't be above after_ms",
        )?;
        must(
            (1..=MAX_COPIES).contains(&self.copies),
            "copies",
            u64::from(self.copies),
            "from 1 (else there is no hedge) to 8",
        )?;
        self.budget.validate()
    }
}

/// One call and its copies.
#[derive(Debug)]
pub struct Race {
    /// Those that were sent, the first not counted.
    copies: u8,
    /// Those of them, the first included, that have failed.
    failed: u8,
    wait: Duration,
    next: Time,
    deadline: Time,
}

impl Race {
    /// How many copies were sent, the first not counted: the number of the latest.
    pub fn copies(&self) -> u8 {
        self.copies
    }
}

/// What to do in a race that nobody has won.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send a copy now.
    Send,
    /// Ask again then.
    Wait {
        /// When.
        until: Time,
    },
    /// No more copies: all are sent, the deadline leaves no time, or the budget has no room. Those
    /// under way may still win.
    Enough,
    /// All have failed.
    Lost,
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HedgeCounters {
    /// Races that began.
    pub calls: u64,
    /// Copies that were sent.
    pub copies: u64,
    /// Copies that the budget had no room for.
    pub out_of_budget: u64,
    /// Copies that another guard didn't allow.
    pub refused: u64,
    /// Races that a copy won.
    pub won_by_copy: u64,
}

/// Hedges of all calls of a kind.
#[derive(Clone, Debug)]
pub struct Hedger {
    config: HedgeConfig,
    clock: Steady,
    budget: Budget,
    counters: HedgeCounters,
}

impl Hedger {
    /// With nothing counted.
    pub fn new(config: HedgeConfig) -> Result<Self, BadConfig> {
        config.validate()?;
        let budget = Budget::new(&config.budget);
        let counters = HedgeCounters::default();
        Ok(Self { config, clock: Steady::default(), budget, counters })
    }

    /// A call begins. `usual`: in what time most such calls are answered, if that is known.
    pub fn begin(&mut self, now: Time, usual: Option<Duration>, deadline: Option<Time>) -> Race {
        let now = self.clock.read(now);
        self.budget.call(now);
        self.counters.calls = self.counters.calls.saturating_add(1);
        let least = Duration::from_millis(self.config.after_at_least_ms);
        let wait = usual.map_or(Duration::from_millis(self.config.after_ms), |it| it.max(least));
        let deadline = deadline.map_or(Time::MAX, |at| self.clock.of_host(at));
        Race { copies: 0, failed: 0, wait, next: now + wait, deadline }
    }

    /// What to do now. To be asked when the race begins, at the times that it names, and after each
    /// copy that fails.
    pub fn next(&mut self, now: Time, race: &mut Race) -> Next {
        let now = self.clock.read(now);
        let all_failed = race.failed > race.copies;
        let no_more = if all_failed { Next::Lost } else { Next::Enough };
        if race.copies >= self.config.copies || now >= race.deadline {
            return no_more;
        }
        if now < race.next && !all_failed {
            return Next::Wait { until: self.clock.to_host(race.next) };
        }
        if self.budget.retry(now, now).is_err() {
            self.counters.out_of_budget = self.counters.out_of_budget.saturating_add(1);
            race.copies = self.config.copies.max(race.copies);
            race.failed = if all_failed { race.copies + 1 } else { race.failed };
            return no_more;
        }
        race.copies += 1;
        race.next = now + race.wait;
        self.counters.copies = self.counters.copies.saturating_add(1);
        Next::Send
    }

    /// One of the copies, or the first, has failed.
    pub fn failed(&mut self, now: Time, race: &mut Race) {
        self.clock.read(now);
        race.failed = race.failed.saturating_add(1);
    }

    /// The copy that was to be sent isn't: another guard doesn't allow it. It costs nothing, and
    /// there will be no other.
    pub fn refused(&mut self, now: Time, race: &mut Race) {
        let now = self.clock.read(now);
        self.budget.take_back(now);
        race.copies = self.config.copies.max(race.copies);
        self.counters.copies = self.counters.copies.saturating_sub(1);
        self.counters.refused = self.counters.refused.saturating_add(1);
    }

    /// One has won: `copy` is its number, the first being 0. The others are to be cancelled.
    #[expect(clippy::needless_pass_by_value, reason = "a race is won once")]
    pub fn won(&mut self, race: Race, copy: u8) {
        debug_assert!(copy <= race.copies, "a copy that was never sent");
        let won = &mut self.counters.won_by_copy;
        *won = won.saturating_add(u64::from(copy > 0));
    }

    /// Others from now on. The budget's counts stay.
    pub fn reconfigure(&mut self, config: HedgeConfig) -> Result<(), BadConfig> {
        config.validate()?;
        self.budget.reconfigure(&config.budget);
        self.config = config;
        Ok(())
    }

    /// For metrics.
    pub fn counters(&self) -> HedgeCounters {
        self.counters
    }
}
