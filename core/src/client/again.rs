//! When a client asks again.

use core::time::Duration;

use super::MAX_BACKOFF;
use crate::{
    config::BadConfig,
    resilience::{
        Outcome,
        retry::{self, Attempts, Backoff, BudgetConfig, Hint, Jitter, Retry, Stop, Verdict},
        settings::settings,
        timeout::{self, Deadline, Timeouts},
    },
    time::Time,
};

/// What is waited for longer is waited for as if for ever: sixteen times as much is within a day.
const LONGEST_MS: u64 = 3_600_000;

settings! {
    /// How long a client waits for an answer, and how it asks again.
    pub struct Patience {
        /// How long an attempt may take: adaptive, it follows how long answers take.
        timeout: timeout::Config = timeout::Config::default().initial_ms(500).floor_ms(100), "half of what a backup gives a primary (1 s), so that backups learn of a request before its client's patience ends";
        /// What is waited before the next, and when none is made. Waits come on top of the timeout.
        retry: retry::Config = Patience::doubling(Duration::from_millis(500)).retry, "for ever, and less and less often";
    }
}

impl Patience {
    /// Asks again after this long, then after 2, 4 and 8 times as long, and so on for ever.
    pub fn doubling(first: Duration) -> Self {
        let first_ms = u64::try_from(first.as_millis()).unwrap_or(LONGEST_MS).clamp(1, LONGEST_MS);
        let most_ms = first_ms * u64::from(MAX_BACKOFF - 1);
        let timeout = timeout::Config::default()
            .adaptive(false)
            .initial_ms(first_ms)
            .floor_ms(first_ms)
            .ceiling_ms(first_ms);
        // What is left of 1, 2, 4 and 8 times as long when the attempt itself has had its time.
        let waits = [0, 1, 3, 7].map(|times| first_ms * times);
        let retry = retry::Config::default()
            .attempts(retry::UNLIMITED)
            .backoff(Backoff::Custom(waits.into()))
            .jitter(Jitter::None)
            .base_ms(first_ms)
            .cap_ms(most_ms)
            .elapsed_ms(None)
            .retry_after_max_ms(60_000)
            .budget(BudgetConfig::default().window_ms(most_ms.max(60_000)).floor(u32::MAX));
        Self { timeout, retry }
    }

    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        self.timeout.validate()?;
        self.retry.validate()
    }
}

/// One attempt, and those before it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    attempts: Attempts,
    /// Of the first attempt: what is answered later may have been answered to any of them (Karn).
    timed: Option<timeout::Permit>,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// It is given up then.
    Lost(Time),
    /// It was, and there is another then.
    Again(Time),
}

impl Attempt {
    /// The how manyth is under way, or comes next, and whether it does.
    pub(super) fn number(&self) -> (u32, bool) {
        (self.attempts.made(), matches!(self.next, Next::Again(_)))
    }

    /// When there is something to do.
    pub(super) fn next_at(&self) -> Time {
        match self.next {
            Next::Lost(at) | Next::Again(at) => at,
        }
    }
}

/// Timeouts and retries of one client.
#[derive(Clone, Debug)]
pub(super) struct Again {
    /// `None`: it is always the same.
    timeouts: Option<Timeouts>,
    fixed: Duration,
    retry: Retry,
}

impl Again {
    pub(super) fn new(patience: Patience) -> Result<Self, BadConfig> {
        patience.validate()?;
        let Patience { timeout, retry } = patience;
        Ok(Self {
            fixed: Duration::from_millis(timeout.initial_ms),
            timeouts: timeout.adaptive.then(|| Timeouts::new(timeout)).transpose()?,
            retry: Retry::new(retry)?,
        })
    }

    /// Something is asked for the first time.
    pub(super) fn begin(&mut self, now: Time) -> Attempt {
        let timed = self.timeouts.as_mut().and_then(|it| it.admit(now, Deadline::NONE).ok());
        let attempts = self.retry.begin(now, None);
        Attempt { attempts, timed, next: Next::Lost(now + self.timeout()) }
    }

    /// The same is asked of others: the attempt has its time again.
    pub(super) fn restart(&mut self, now: Time, attempt: &mut Attempt) {
        attempt.next = Next::Lost(now + self.timeout());
    }

    /// Its time has come. Whether to ask again now.
    pub(super) fn tick(&mut self, now: Time, attempt: &mut Attempt) -> Result<bool, Stop> {
        if let Next::Lost(_) = attempt.next {
            self.lost(now, attempt, Outcome::Timeout, Hint::None)?;
        }
        let again = attempt.next_at() <= now;
        if again {
            self.restart(now, attempt);
        }
        Ok(again)
    }

    /// Enough say that there is no room for it: when to ask again, if that is decided only now.
    pub(super) fn put_off(
        &mut self,
        now: Time,
        attempt: &mut Attempt,
        wait: Duration,
    ) -> Result<Option<Time>, Stop> {
        match attempt.next {
            Next::Again(_) => Ok(None),
            Next::Lost(_) => {
                self.lost(now, attempt, Outcome::Overload, Hint::After(wait))?;
                Ok(Some(attempt.next_at()))
            }
        }
    }

    fn lost(
        &mut self,
        now: Time,
        attempt: &mut Attempt,
        outcome: Outcome,
        hint: Hint,
    ) -> Result<(), Stop> {
        self.settle(now, &mut attempt.timed, outcome);
        match self.retry.after(now, &mut attempt.attempts, outcome, hint) {
            Verdict::Again { at, .. } => {
                attempt.next = Next::Again(at);
                Ok(())
            }
            Verdict::GiveUp(why) => Err(why),
            Verdict::Done => Ok(()),
        }
    }

    /// There is an answer.
    pub(super) fn answered(&mut self, now: Time, mut attempt: Attempt) {
        self.settle(now, &mut attempt.timed, Outcome::Success);
        let _ = self.retry.after(now, &mut attempt.attempts, Outcome::Success, Hint::None);
    }

    /// It is asked in another way.
    pub(super) fn dropped(&mut self, now: Time, mut attempt: Attempt) {
        self.settle(now, &mut attempt.timed, Outcome::Neutral);
    }

    pub(super) fn snapshot(&self) -> retry::Snapshot {
        self.retry.snapshot()
    }

    fn settle(&mut self, now: Time, timed: &mut Option<timeout::Permit>, outcome: Outcome) {
        if let Some((timeouts, permit)) = self.timeouts.as_mut().zip(timed.take()) {
            timeouts.settle(now, permit, outcome);
        }
    }

    /// How long the next attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeouts.as_ref().map_or(self.fixed, Timeouts::timeout)
    }
}
