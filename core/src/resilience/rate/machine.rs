//! One limit.

use serde::Serialize;
use thiserror::Error;

use super::{
    bucket::{Bucket, Terms},
    config::Config,
};
use crate::{
    config::BadConfig,
    resilience::{Priority, journal::Journal, steady::Steady},
    time::Time,
};

/// A call that isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[error("over the rate limit: {why}")]
pub struct Rejected {
    /// Why not.
    pub why: Why,
    /// When it will fit, if nobody else comes before; `None` if it never will.
    pub retry_at: Option<Time>,
}

/// Why a call isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Nothing is left.
    #[error("nothing is left of it")]
    Exhausted,
    /// What is left is kept for calls that matter more.
    #[error("what is left of it is kept for calls that matter more")]
    Reserved,
    /// It weighs more than its priority ever gets at once.
    #[error("the call weighs more than ever passes at once")]
    TooLarge,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first call was rejected since one passed.
    Limits {
        /// Why it was.
        why: Why,
    },
    /// The first passed since one was rejected.
    Passes {
        /// How many were rejected in between.
        rejected: u64,
    },
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls that passed.
    pub admitted: u64,
    /// Calls that found nothing left.
    pub exhausted: u64,
    /// Calls for which what was left wasn't.
    pub reserved: u64,
    /// Calls that could never have passed.
    pub too_large: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Permits that each priority would get at once, rising.
    pub free: [u32; 4],
    /// For metrics.
    pub counters: Counters,
}

/// A rate limit.
#[derive(Clone, Debug)]
pub struct Limiter {
    config: Config,
    terms: Terms,
    clock: Steady,
    bucket: Bucket,
    /// Calls that were rejected since one passed.
    rejected: u64,
    counters: Counters,
    events: Journal<Event>,
}

impl Limiter {
    /// One of which nothing is used.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            terms: Terms::new(&config),
            config,
            clock: Steady::default(),
            bucket: Bucket::default(),
            rejected: 0,
            counters: Counters::default(),
            events: Journal::default(),
        })
    }

    /// Asks for a call of such a weight. What passes is used up, however the call ends.
    pub fn admit(&mut self, now: Time, weight: u32, priority: Priority) -> Result<(), Rejected> {
        let now = self.clock.read(now);
        match self.bucket.take(now, &self.terms, weight, priority) {
            Ok(()) => {
                self.counters.admitted = self.counters.admitted.saturating_add(1);
                if self.rejected > 0 {
                    let rejected = core::mem::take(&mut self.rejected);
                    self.events.note(Event::Passes { rejected });
                }
                Ok(())
            }
            Err(refusal) => Err(self.reject(refusal.why, refusal.wait.map(|it| now + it))),
        }
    }

    /// Another rate, burst or shares, from now on. What is used stays used, counted in permits.
    pub fn reconfigure(&mut self, now: Time, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        let (now, terms) = (self.clock.read(now), Terms::new(&config));
        self.bucket.convert(now, &self.terms, &terms);
        (self.config, self.terms) = (config, terms);
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        let free = |it| self.bucket.free(self.clock.now(), &self.terms, it);
        Snapshot {
            free: Priority::ALL.map(free),
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    #[cold]
    fn reject(&mut self, why: Why, retry_at: Option<Time>) -> Rejected {
        if self.rejected == 0 {
            self.events.note(Event::Limits { why });
        }
        self.rejected = self.rejected.saturating_add(1);
        let count = match why {
            Why::Exhausted => &mut self.counters.exhausted,
            Why::Reserved => &mut self.counters.reserved,
            Why::TooLarge => &mut self.counters.too_large,
        };
        *count = count.saturating_add(1);
        Rejected { why, retry_at: retry_at.map(|at| self.clock.to_host(at)) }
    }
}
