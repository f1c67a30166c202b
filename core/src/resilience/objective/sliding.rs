//! Calls of the last while, in buckets.

use alloc::{boxed::Box, vec};

use serde::Serialize;

use super::config::BUCKETS;
use crate::time::Time;

/// Calls, and how many of them were bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) bad: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.bad = self.bad.saturating_add(other.bad);
    }

    fn subtract(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.bad = self.bad.saturating_sub(other.bad);
    }
}

/// A window.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sliding {
    bucket_us: u64,
    newest: u64,
    buckets: Box<[Counts]>,
    all: Counts,
}

impl Sliding {
    pub(super) fn new(window_ms: u64) -> Self {
        let buckets = vec![Counts::default(); BUCKETS as usize].into_boxed_slice();
        Self { bucket_us: window_ms * 1_000 / BUCKETS, newest: 0, buckets, all: Counts::default() }
    }

    pub(super) fn is_as_long_as(&self, other: &Self) -> bool {
        self.bucket_us == other.bucket_us
    }

    pub(super) fn all(&self) -> Counts {
        self.all
    }

    /// Adds calls that were made then.
    pub(super) fn add(&mut self, then: Time, counts: Counts) {
        self.turn(then);
        self.buckets[(self.newest % BUCKETS) as usize].add(counts);
        self.all.add(counts);
    }

    /// Forgets what is too old by now.
    pub(super) fn turn(&mut self, now: Time) {
        let newest = now.0 / self.bucket_us;
        if newest <= self.newest {
            return;
        }
        for passed in (self.newest + 1..=newest).rev().take(BUCKETS as usize) {
            let bucket = &mut self.buckets[(passed % BUCKETS) as usize];
            self.all.subtract(core::mem::take(bucket));
        }
        self.newest = newest;
    }
}
