//! The timeout, and how it follows what is measured.

use core::time::Duration;

use serde::Serialize;

use super::{
    config::Config,
    deadline::{Deadline, Expired, Scope},
    samples::Samples,
};
use crate::{
    config::BadConfig,
    resilience::{Outcome, journal::Journal, steady::Steady},
    time::Time,
};

/// An attempt under way. Is to be settled with its outcome. A clone is for a clone of all that it is
/// part of.
#[must_use = "an attempt that nobody settles teaches nothing"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permit {
    started: Time,
    deadline: Deadline,
}

impl Permit {
    /// Whether whoever waits for it has less time than it would get.
    pub fn is_cut_short(&self) -> bool {
        self.deadline.set_by != Scope::Attempt
    }

    /// Until when it may take, and who says so. If it isn't done by then, it is to be settled as
    /// [`Outcome::Timeout`].
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The timeout follows what was measured.
    Follows {
        /// What it was, in microseconds.
        from_us: u64,
        /// What it is.
        to_us: u64,
    },
    /// Too many timed out to know how long calls take: it grows until they don't.
    Grows {
        /// What it was, in microseconds.
        from_us: u64,
        /// What it is.
        to_us: u64,
    },
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Attempts that began.
    pub admitted: u64,
    /// Attempts that didn't, because nothing could have come of them.
    pub expired: u64,
    /// Attempts that timed out.
    pub timed_out: u64,
    /// Those of them that could have taken longer, had their caller had the time.
    pub cut_short: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The timeout, in microseconds.
    pub timeout_us: u64,
    /// What the configured share of calls takes at most, if it is known, in microseconds.
    pub quantile_us: Option<u64>,
    /// How many calls that is worked out of; older ones count less.
    pub calls: u64,
    /// For metrics.
    pub counters: Counters,
}

/// Timeouts of one operation.
#[derive(Clone, Debug)]
pub struct Timeouts {
    config: Config,
    clock: Steady,
    timeout_us: u64,
    samples: Samples,
    quantile_us: Option<u64>,
    /// What that was when it was last known.
    usual_us: Option<u64>,
    refresh_at: Time,
    halve_at: Time,
    /// Whether any timed out since it was last worked out.
    any_cut: bool,
    counters: Counters,
    events: Journal<Event>,
}

impl Timeouts {
    /// One that has measured nothing.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            timeout_us: config.initial_ms * 1_000,
            samples: Samples::new(),
            quantile_us: None,
            usual_us: None,
            refresh_at: Time::ZERO,
            halve_at: Time::ZERO + Duration::from_millis(config.half_life_ms),
            any_cut: false,
            clock: Steady::default(),
            counters: Counters::default(),
            events: Journal::default(),
            config,
        })
    }

    /// An attempt is to begin, within the deadline of whoever waits for it. Refused if that leaves
    /// less than the floor and less than calls take.
    pub fn admit(&mut self, now: Time, outer: Deadline) -> Result<Permit, Expired> {
        let started = self.clock.read(now);
        if let Err(expired) = outer.must_leave_us(now, self.needs_us()) {
            self.counters.expired = self.counters.expired.saturating_add(1);
            return Err(expired);
        }
        self.counters.admitted = self.counters.admitted.saturating_add(1);
        Ok(Permit { started, deadline: outer.within_us(now, Scope::Attempt, self.timeout_us) })
    }

    /// Takes an attempt back: how it ended.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt ends once")]
    pub fn settle(&mut self, now: Time, permit: Permit, outcome: Outcome) {
        let now = self.clock.read(now);
        let took_us = now.micros_since(permit.started);
        match outcome {
            Outcome::Success => self.samples.took(took_us),
            Outcome::Timeout => {
                let cut = u64::from(permit.is_cut_short());
                self.counters.timed_out = self.counters.timed_out.saturating_add(1);
                self.counters.cut_short = self.counters.cut_short.saturating_add(cut);
                self.samples.took_longer_than(took_us);
                self.any_cut = true;
            }
            Outcome::Neutral => self.samples.took_longer_than(took_us),
            // Who says no at once says nothing of how long it takes to say yes.
            Outcome::Failure | Outcome::Overload => return,
        }
        if now >= self.refresh_at {
            self.refresh(now);
        }
    }

    /// How long an attempt may take now.
    pub fn timeout(&self) -> Duration {
        Duration::from_micros(self.timeout_us)
    }

    /// Whether an attempt has taken as long as most did when that was last known, or, where it never was,
    /// as it may: if it isn't answered by then, that says something of the other side, whoever ends it.
    pub fn is_overdue(&self, now: Time, permit: &Permit) -> bool {
        let took_us = self.clock.of_host(now).micros_since(permit.started);
        took_us >= self.usual_us.unwrap_or(self.timeout_us)
    }

    /// In what time most are answered, if that is known: for hedges.
    pub fn usual(&self) -> Option<Duration> {
        self.quantile_us.map(Duration::from_micros)
    }

    /// Others from now on. What was measured stays; the timeout stays within the new bounds, or
    /// becomes the initial one where it isn't to be adaptive.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        let wanted = if config.adaptive { self.timeout_us } else { config.initial_ms * 1_000 };
        self.timeout_us = wanted.clamp(config.floor_ms * 1_000, config.ceiling_ms * 1_000);
        self.config = config;
        Ok(())
    }

    /// Forgets what was measured: the other side is another one.
    pub fn forget(&mut self) {
        self.samples.clear();
        (self.quantile_us, self.usual_us, self.any_cut) = (None, None, false);
        self.timeout_us = self.config.initial_ms * 1_000;
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            timeout_us: self.timeout_us,
            quantile_us: self.quantile_us,
            calls: self.samples.calls(),
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    fn needs_us(&self) -> u64 {
        let floor = self.config.floor_ms * 1_000;
        self.quantile_us.map_or(floor, |it| it.min(floor))
    }

    #[cold]
    fn refresh(&mut self, now: Time) {
        self.refresh_at = now + Duration::from_millis(self.config.refresh_ms);
        if self.samples.calls() >= u64::from(self.config.minimum_calls) {
            self.quantile_us = self.samples.quantile(self.config.quantile_ppm);
            self.usual_us = self.quantile_us.or(self.usual_us);
            if self.config.adaptive {
                self.follow();
            }
            self.any_cut = false;
        }
        if now >= self.halve_at {
            self.halve_at = now + Duration::from_millis(self.config.half_life_ms);
            self.samples.halve();
        }
    }

    fn follow(&mut self) {
        let percent = |us: u64, percent: u32| us.saturating_mul(u64::from(percent)) / 100;
        let Config { margin_percent, growth_percent, floor_ms, ceiling_ms, .. } = self.config;
        let from_us = self.timeout_us;
        let wanted = match self.quantile_us {
            Some(us) => percent(us, margin_percent),
            None if self.any_cut => percent(from_us, growth_percent),
            None => from_us,
        };
        let to_us = wanted.clamp(floor_ms * 1_000, ceiling_ms * 1_000);
        if to_us != from_us {
            self.timeout_us = to_us;
            self.events.note(match self.quantile_us {
                Some(_) => Event::Follows { from_us, to_us },
                None => Event::Grows { from_us, to_us },
            });
        }
    }
}
