//! From an outcome to the next attempt.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{budget::Budget, config::Config};
use crate::{
    config::BadConfig,
    dice::Dice,
    resilience::{Outcome, journal::Journal, steady::Steady},
    time::Time,
};

/// The attempts at one call so far. Belongs to the caller; costs nothing if it is dropped.
#[derive(Clone, Debug)]
pub struct Attempts {
    made: u32,
    began: Time,
    deadline: Time,
    last_wait_us: u64,
}

impl Attempts {
    /// Attempts so far, the one under way included.
    pub fn made(&self) -> u32 {
        self.made
    }
}

/// What the other side, or the caller, says of another attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Hint {
    /// Nothing.
    #[default]
    None,
    /// Not before so long.
    After(Duration),
    /// Not at all: another attempt would end the same.
    Never,
}

/// What to do after an attempt.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is done.
    Done,
    /// Another attempt, then.
    Again {
        /// When to make it.
        at: Time,
        /// The how manyth it will be, the first being 1.
        attempt: u32,
    },
    /// None: the call's own error stands.
    GiveUp(Stop),
}

/// Why there is no other attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// Attempts are used up.
    #[error("all attempts failed")]
    Attempts,
    /// It would begin later than is worth it.
    #[error("it took too long already")]
    Elapsed,
    /// It couldn't be answered before the deadline.
    #[error("the deadline leaves no time for another attempt")]
    Deadline,
    /// Too many are retried already.
    #[error("too many calls are being retried already")]
    Budget {
        /// When there may be room again.
        retry_at: Time,
    },
    /// What ended so isn't tried again.
    #[error("this is not to be tried again")]
    NotRetryable,
    /// The other side says not to, or not for longer than it is worth.
    #[error("the other side asked not to be tried again so soon")]
    Told,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// An attempt failed and there will be another.
    Retries {
        /// The how manyth that will be.
        attempt: u32,
        /// When.
        at: Time,
    },
    /// An attempt failed and there will be no other.
    GaveUp {
        /// Attempts that were made.
        attempts: u32,
        /// Why no more.
        why: Stop,
    },
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls that began.
    pub calls: u64,
    /// Retries that were decided.
    pub retries: u64,
    /// Calls that ended well at once.
    pub first_time: u64,
    /// Calls that ended well after a retry.
    pub rescued: u64,
    /// Calls whose attempts were used up.
    pub out_of_attempts: u64,
    /// Calls that had no time left.
    pub out_of_time: u64,
    /// Calls that the budget had no room for.
    pub out_of_budget: u64,
    /// Calls that were not to be tried again.
    pub not_retryable: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Calls that the budget's share is taken of.
    pub budget_calls: u64,
    /// Retries and copies that count against it, those that sleep included.
    pub budget_retries: u64,
    /// For metrics.
    pub counters: Counters,
}

/// Retries of all calls of a kind.
#[derive(Clone, Debug)]
pub struct Retry {
    config: Config,
    clock: Steady,
    dice: Dice,
    budget: Budget,
    counters: Counters,
    events: Journal<Event>,
}

/// The stream of a seed that jitter is drawn from.
const JITTER: u64 = 0x0072_6574_7279;

impl Retry {
    /// With nothing counted.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            clock: Steady::default(),
            dice: Dice::new(config.seed, JITTER),
            budget: Budget::new(&config.budget),
            counters: Counters::default(),
            events: Journal::default(),
            config,
        })
    }

    /// A call begins with its first attempt. `deadline`: when its caller stops waiting.
    pub fn begin(&mut self, now: Time, deadline: Option<Time>) -> Attempts {
        let now = self.clock.read(now);
        self.budget.call(now);
        self.counters.calls = self.counters.calls.saturating_add(1);
        let deadline = deadline.map_or(Time::MAX, |at| self.clock.of_host(at));
        Attempts { made: 1, began: now, deadline, last_wait_us: 0 }
    }

    /// An attempt has ended so: what now?
    pub fn after(
        &mut self,
        now: Time,
        attempts: &mut Attempts,
        outcome: Outcome,
        hint: Hint,
    ) -> Verdict {
        let now = self.clock.read(now);
        if outcome == Outcome::Success {
            let first = attempts.made == 1;
            let counters = &mut self.counters;
            let count = if first { &mut counters.first_time } else { &mut counters.rescued };
            *count = count.saturating_add(1);
            return Verdict::Done;
        }
        self.after_failure(now, attempts, outcome, hint)
    }

    /// Whether a copy may be sent beside an attempt: it takes as much of the budget as a retry.
    pub fn copy(&mut self, now: Time) -> bool {
        let now = self.clock.read(now);
        self.budget.retry(now, now).is_ok()
    }

    /// That copy isn't sent, and costs nothing.
    pub fn take_back_copy(&mut self, now: Time) {
        let now = self.clock.read(now);
        self.budget.take_back(now);
    }

    /// Others from now on. The budget's counts stay.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        self.budget.reconfigure(&config.budget);
        if config.seed != self.config.seed {
            self.dice = Dice::new(config.seed, JITTER);
        }
        self.config = config;
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        let (budget_calls, budget_retries) = self.budget.counted();
        Snapshot { budget_calls, budget_retries, counters: self.counters }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    #[cold]
    fn after_failure(
        &mut self,
        now: Time,
        attempts: &mut Attempts,
        outcome: Outcome,
        hint: Hint,
    ) -> Verdict {
        match self.decide(now, attempts, outcome, hint) {
            Ok(then) => {
                let at = self.clock.to_host(then);
                attempts.made = attempts.made.saturating_add(1);
                self.counters.retries = self.counters.retries.saturating_add(1);
                self.events.note(Event::Retries { attempt: attempts.made, at });
                Verdict::Again { at, attempt: attempts.made }
            }
            Err(why) => {
                let counters = &mut self.counters;
                let count = match why {
                    Stop::Attempts => &mut counters.out_of_attempts,
                    Stop::Elapsed | Stop::Deadline => &mut counters.out_of_time,
                    Stop::Budget { .. } => &mut counters.out_of_budget,
                    Stop::NotRetryable | Stop::Told => &mut counters.not_retryable,
                };
                *count = count.saturating_add(1);
                self.events.note(Event::GaveUp { attempts: attempts.made, why });
                Verdict::GiveUp(why)
            }
        }
    }

    /// When the next attempt is, if there is one. The budget comes last: what isn't tried again for
    /// another reason costs nothing.
    fn decide(
        &mut self,
        now: Time,
        attempts: &mut Attempts,
        outcome: Outcome,
        hint: Hint,
    ) -> Result<Time, Stop> {
        let config = &self.config;
        if !config.retries(outcome) {
            return Err(Stop::NotRetryable);
        }
        let told = match hint {
            Hint::None => Duration::ZERO,
            Hint::After(wait) => wait,
            Hint::Never => return Err(Stop::Told),
        };
        if told > Duration::from_millis(config.retry_after_max_ms) {
            return Err(Stop::Told);
        }
        if attempts.made >= config.attempts {
            return Err(Stop::Attempts);
        }
        let wait = config.backoff.wait_us(config, attempts.made);
        let wait = config.jitter.spread(config, &mut self.dice, wait, attempts.last_wait_us);
        let then = now + Duration::from_micros(wait).max(told);
        if let Some(ms) = config.elapsed_ms
            && then > attempts.began + Duration::from_millis(ms)
        {
            return Err(Stop::Elapsed);
        }
        if then + Duration::from_millis(config.attempt_needs_ms) > attempts.deadline {
            return Err(Stop::Deadline);
        }
        self.budget
            .retry(now, then)
            .map_err(|at| Stop::Budget { retry_at: self.clock.to_host(at) })?;
        attempts.last_wait_us = wait;
        Ok(then)
    }
}
