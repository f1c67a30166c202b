//! The last calls, or those of the last while: how many failed, how many were slow. Counting and
//! asking take the same time however large the window is.

use alloc::{vec, vec::Vec};

use serde::Serialize;

use super::config::{Config, Window, is_share};
use crate::time::Time;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Rates {
    /// Calls in the window.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were slow.
    pub slow: u32,
}

impl Rates {
    fn add(&mut self, failed: bool, slow: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(failed));
        self.slow = self.slow.saturating_add(u32::from(slow));
    }

    fn subtract(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }

    /// Whether a threshold is reached.
    pub(super) fn are_too_high(self, config: &Config) -> bool {
        let over = |part, ppm: Option<u32>| ppm.is_some_and(|ppm| is_share(part, self.calls, ppm));
        // No threshold is a share of nothing: where all went well, there is nothing to compare.
        (self.failed | self.slow) != 0
            && self.calls >= config.minimum_calls
            && (over(self.failed, config.failure_rate_ppm) || over(self.slow, config.slow_rate_ppm))
    }
}

/// A window of either kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::resilience) enum Calls {
    Last(Last),
    Recent(Recent),
}

impl Calls {
    pub(in crate::resilience) fn new(window: Window) -> Self {
        match window {
            Window::Calls(calls) => Self::Last(Last::new(calls)),
            Window::Ms(ms) => Self::Recent(Recent::new(ms * 1_000)),
        }
    }

    #[inline]
    pub(in crate::resilience) fn count(&mut self, now: Time, failed: bool, slow: bool) -> Rates {
        match self {
            Self::Last(last) => last.count(failed, slow),
            Self::Recent(recent) => recent.count(now, failed, slow),
        }
    }

    pub(in crate::resilience) fn rates(&self, now: Time) -> Rates {
        match self {
            Self::Last(last) => last.rates,
            Self::Recent(recent) => recent.rates(now),
        }
    }

    pub(in crate::resilience) fn clear(&mut self) {
        match self {
            Self::Last(last) => last.clear(),
            Self::Recent(recent) => *recent = Recent::new(recent.bucket_us * BUCKETS),
        }
    }
}

/// The last so many calls: two bits each, in a ring.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::resilience) struct Last {
    words: Vec<u64>,
    size: u32,
    /// Where the next goes.
    next: u32,
    rates: Rates,
}

impl Last {
    fn new(size: u32) -> Self {
        let words = vec![0; size.div_ceil(CALLS_IN_A_WORD) as usize];
        Self { words, size, next: 0, rates: Rates::default() }
    }

    fn clear(&mut self) {
        self.words.fill(0);
        (self.next, self.rates) = (0, Rates::default());
    }

    #[inline]
    fn count(&mut self, failed: bool, slow: bool) -> Rates {
        let word = &mut self.words[(self.next / CALLS_IN_A_WORD) as usize];
        let shift = 2 * (self.next % CALLS_IN_A_WORD);
        let was = *word >> shift & 0b11;
        let is = u64::from(failed) << 1 | u64::from(slow);
        *word ^= (was ^ is) << shift;
        let Rates { calls, failed, slow } = &mut self.rates;
        if *calls < self.size {
            *calls += 1;
        }
        // What leaves the window was counted when it came, so none of this goes below zero.
        *failed = *failed + (is >> 1) as u32 - (was >> 1) as u32;
        *slow = *slow + (is & 1) as u32 - (was & 1) as u32;
        self.next = if self.next + 1 == self.size { 0 } else { self.next + 1 };
        self.rates
    }
}

/// How many calls have room in a word.
const CALLS_IN_A_WORD: u32 = u64::BITS / 2;

/// Into how many buckets a time is cut.
const BUCKETS: u64 = 10;

/// The calls of the last while, in buckets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::resilience) struct Recent {
    bucket_us: u64,
    /// The number of the newest bucket, and where that ends.
    newest: u64,
    ends: Time,
    buckets: [Rates; BUCKETS as usize],
    all: Rates,
}

impl Recent {
    fn new(window_us: u64) -> Self {
        let bucket_us = window_us / BUCKETS;
        Self {
            bucket_us,
            newest: 0,
            ends: Time(bucket_us),
            buckets: [Rates::default(); BUCKETS as usize],
            all: Rates::default(),
        }
    }

    #[inline]
    fn count(&mut self, now: Time, failed: bool, slow: bool) -> Rates {
        if now >= self.ends {
            self.turn(now);
        }
        self.buckets[(self.newest % BUCKETS) as usize].add(failed, slow);
        self.all.add(failed, slow);
        self.all
    }

    #[cold]
    fn turn(&mut self, now: Time) {
        let newest = now.0 / self.bucket_us;
        for passed in (self.newest + 1..=newest).rev().take(BUCKETS as usize) {
            let bucket = &mut self.buckets[(passed % BUCKETS) as usize];
            self.all.subtract(core::mem::take(bucket));
        }
        self.newest = newest;
        self.ends = Time(newest.saturating_add(1).saturating_mul(self.bucket_us));
    }

    fn rates(&self, now: Time) -> Rates {
        let mut seen = self.clone();
        if now >= seen.ends {
            seen.turn(now);
        }
        seen.all
    }
}
