//! How unlikely it is that a heartbeat still comes (Hayashibara et al., "The φ Accrual Failure
//! Detector", 2004).
//!
//! Phi is minus the decimal logarithm of the share of heartbeats that come even later, judged by when
//! the last ones came: at 8, one of a hundred million. Two things make it lie, and can't here: an
//! outage that is taken for an interval (the mean is then so long that the next outage isn't seen),
//! and heartbeats so regular that a pause of the scheduler looks impossible.

use alloc::collections::VecDeque;
use core::time::Duration;

use serde::Serialize;

use super::logistic::{ONE, phi_milli};
use crate::{
    config::{BadConfig, must},
    resilience::{
        journal::Journal,
        settings::{must_be_time, settings},
        steady::Steady,
    },
    time::Time,
};

/// The most intervals that are remembered.
pub const MAX_INTERVALS: u32 = 1_000;

settings! {
    /// How phi is set up.
    pub struct PhiConfig {
        /// Suspected from this phi on, in thousandths.
        threshold_milli: u64 = 8_000, "one of a hundred million by chance";
        /// Judged by so many intervals.
        intervals: u32 = 100, "enough to know how they vary, few enough to follow a change";
        /// What the first interval is expected to be, in milliseconds.
        expected_ms: u64 = 1_000, "whoever sends heartbeats knows how often";
        /// Intervals are taken to vary by at least so many milliseconds.
        least_deviation_ms: u64 = 100, "a pause of a scheduler or a collector is nothing unusual";
        /// A pause of so many milliseconds more is always allowed.
        pause_ms: u64 = 0, "where pauses are known to happen";
        /// The mean is never taken to be less than so many milliseconds…
        least_mean_ms: u64 = 50, "a burst of heartbeats promises nothing";
        /// …nor more.
        most_mean_ms: u64 = 10_000, "who gets slower and slower is suspected in the end";
    }
}

impl PhiConfig {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (1_000..=100_000).contains(&self.threshold_milli),
            "threshold_milli",
            self.threshold_milli,
            "from 1000 (one of ten) to 100000",
        )?;
        must(
            (2..=MAX_INTERVALS).contains(&self.intervals),
            "intervals",
            u64::from(self.intervals),
            "from 2 (one doesn't vary) to 1000",
        )?;
        must_be_time("expected_ms", self.expected_ms)?;
        must_be_time("least_deviation_ms", self.least_deviation_ms)?;
        let pause = self.pause_ms == 0;
        if !pause {
            must_be_time("pause_ms", self.pause_ms)?;
        }
        must_be_time("least_mean_ms", self.least_mean_ms)?;
        must_be_time("most_mean_ms", self.most_mean_ms)?;
        let ordered = self.least_mean_ms <= self.most_mean_ms;
        must(ordered, "most_mean_ms", self.most_mean_ms, "it can't be below least_mean_ms")
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhiEvent {
    /// It is suspected.
    Suspected,
    /// A heartbeat came after all.
    Back {
        /// After so long, in microseconds.
        after_us: u64,
    },
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhiSnapshot {
    /// Phi when the clock was last read, in thousandths.
    pub phi_milli: u64,
    /// Whether it is suspected.
    pub suspected: bool,
    /// The mean interval as it is taken, in microseconds.
    pub mean_us: u64,
    /// The deviation as it is taken, in microseconds.
    pub deviation_us: u64,
    /// Heartbeats that came.
    pub heartbeats: u64,
    /// How often it was suspected.
    pub suspicions: u64,
}

/// Watches one peer's heartbeats.
#[derive(Clone, Debug)]
pub struct PhiAccrual {
    config: PhiConfig,
    clock: Steady,
    intervals: VecDeque<u64>,
    sum: u128,
    squares: u128,
    last: Option<Time>,
    suspected: bool,
    heartbeats: u64,
    suspicions: u64,
    events: Journal<PhiEvent>,
}

impl PhiAccrual {
    /// One that has seen no heartbeat: nothing is suspected before the first.
    pub fn new(config: PhiConfig) -> Result<Self, BadConfig> {
        config.validate()?;
        let mut new = Self {
            clock: Steady::default(),
            intervals: VecDeque::with_capacity(config.intervals as usize),
            sum: 0,
            squares: 0,
            last: None,
            suspected: false,
            heartbeats: 0,
            suspicions: 0,
            events: Journal::default(),
            config,
        };
        // Two that differ by half of what is expected: wide enough until more is known.
        let expected = new.config.expected_ms * 1_000;
        new.remember(expected - expected / 4);
        new.remember(expected + expected / 4);
        Ok(new)
    }

    /// A heartbeat came.
    pub fn heartbeat(&mut self, now: Time) {
        self.tick(now);
        let now = self.clock.now();
        self.heartbeats = self.heartbeats.saturating_add(1);
        let after_us = self.last.map(|last| now.since(last).as_micros() as u64);
        self.last = Some(now);
        if self.suspected {
            self.suspected = false;
            self.events.note(PhiEvent::Back { after_us: after_us.unwrap_or(0) });
        } else if let Some(us) = after_us {
            self.remember(us);
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.clock.read(now);
        if !self.suspected && self.phi_at(now) >= self.config.threshold_milli {
            self.suspected = true;
            self.suspicions = self.suspicions.saturating_add(1);
            self.events.note(PhiEvent::Suspected);
        }
    }

    /// Whether it is suspected.
    pub fn is_suspected(&self) -> bool {
        self.suspected
    }

    /// When it will be suspected if nothing comes.
    pub fn next_wake(&self) -> Option<Time> {
        let last = self.last.filter(|_| !self.suspected)?;
        let (mean, deviation) = (self.mean_us(), self.deviation_us());
        // Phi only rises: it is found by halving.
        let (mut below, mut from) = (0, mean.saturating_add(deviation.saturating_mul(64)));
        while below + 1 < from {
            let middle = below + (from - below) / 2;
            let then = last + Duration::from_micros(middle);
            if self.phi_at(then) >= self.config.threshold_milli {
                from = middle;
            } else {
                below = middle;
            }
        }
        Some(self.clock.to_host(last + Duration::from_micros(from)))
    }

    /// Others from now on. What is remembered stays, as far as there is room for it.
    pub fn reconfigure(&mut self, config: PhiConfig) -> Result<(), BadConfig> {
        config.validate()?;
        while self.intervals.len() > config.intervals as usize {
            self.forget_oldest();
        }
        self.intervals.reserve(config.intervals as usize - self.intervals.len());
        self.config = config;
        Ok(())
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> PhiSnapshot {
        PhiSnapshot {
            phi_milli: self.phi_at(self.clock.now()),
            suspected: self.suspected,
            mean_us: self.mean_us(),
            deviation_us: self.deviation_us(),
            heartbeats: self.heartbeats,
            suspicions: self.suspicions,
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<PhiEvent> {
        self.events.take()
    }

    fn phi_at(&self, now: Time) -> u64 {
        let Some(last) = self.last else { return 0 };
        let passed = now.since(last).as_micros() as i128;
        let beyond = passed - i128::from(self.mean_us());
        phi_milli(beyond * ONE / i128::from(self.deviation_us()))
    }

    fn mean_us(&self) -> u64 {
        let mean = (self.sum / self.intervals.len() as u128) as u64;
        let (least, most) = (self.config.least_mean_ms * 1_000, self.config.most_mean_ms * 1_000);
        mean.clamp(least, most) + self.config.pause_ms * 1_000
    }

    fn deviation_us(&self) -> u64 {
        let n = self.intervals.len() as u128;
        let variance = (self.squares * n).saturating_sub(self.sum * self.sum) / (n * n);
        (variance.isqrt() as u64).max(self.config.least_deviation_ms * 1_000)
    }

    /// No interval counts for more than the mean may ever be: it keeps sums small, too.
    fn remember(&mut self, us: u64) {
        if self.intervals.len() == self.config.intervals as usize {
            self.forget_oldest();
        }
        let us = us.min(self.config.most_mean_ms.max(self.config.expected_ms) * 2_000);
        self.sum += u128::from(us);
        self.squares += u128::from(us) * u128::from(us);
        self.intervals.push_back(us);
    }

    fn forget_oldest(&mut self) {
        if let Some(us) = self.intervals.pop_front() {
            self.sum -= u128::from(us);
            self.squares -= u128::from(us) * u128::from(us);
        }
    }
}
