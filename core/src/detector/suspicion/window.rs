//! Successes and failures of the last while: a ring of buckets, so that a ratio is exact however
//! many messages there are, and old ones leave.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Into how many buckets the window is cut: what is counted leaves with its bucket, an eighth of
/// the window at a time.
const BUCKETS: u64 = 8;

/// One million: ratios are parts of it.
pub(super) const MILLION: u32 = 1_000_000;

/// With fewer messages the ratio is taken of so many: one failure of one is no ratio, and what is
/// of ten varies too much by chance.
const FEWEST: u32 = 32;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Expected messages that came.
    pub successes: u32,
    /// Expected messages that failed.
    pub failures: u32,
}

impl Totals {
    /// The share of failures, in parts per million; of thirty-two messages, if there are fewer.
    pub fn failure_ppm(self) -> u32 {
        self.share_of(FEWEST)
    }

    /// The same, however few there are: for what peers fail by, where in doubt more excuses more.
    pub(super) fn raw_failure_ppm(self) -> u32 {
        self.share_of(1)
    }

    fn share_of(self, fewest: u32) -> u32 {
        let all = u64::from(self.successes) + u64::from(self.failures);
        (u64::from(self.failures) * u64::from(MILLION) / all.max(u64::from(fewest))) as u32
    }
}

/// The counts of a sliding window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// The number of the newest bucket, counted from the beginning of time.
    newest: u64,
    buckets: [Totals; BUCKETS as usize],
}

impl Window {
    pub(super) fn count(&mut self, now: Time, failed: bool, window_us: u64) {
        let bucket = (now.0 / (window_us / BUCKETS)).max(self.newest);
        for passed in (self.newest + 1..=bucket).rev().take(BUCKETS as usize) {
            self.buckets[(passed % BUCKETS) as usize] = Totals::default();
        }
        self.newest = bucket;
        let here = &mut self.buckets[(bucket % BUCKETS) as usize];
        let count = if failed { &mut here.failures } else { &mut here.successes };
        *count = count.saturating_add(1);
    }

    pub(super) fn totals(&self, now: Time, window_us: u64) -> Totals {
        let bucket = (now.0 / (window_us / BUCKETS)).max(self.newest);
        let oldest = (bucket + 1).saturating_sub(BUCKETS);
        let mut all = Totals::default();
        for counted in oldest..=self.newest {
            let here = self.buckets[(counted % BUCKETS) as usize];
            all.successes = all.successes.saturating_add(here.successes);
            all.failures = all.failures.saturating_add(here.failures);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW_US: u64 = 8_000;

    #[test]
    fn what_is_counted_leaves_with_its_bucket_and_not_before() {
        let mut window = Window::default();
        for at in 0..8 {
            window.count(Time(at * 1_000), at % 2 == 0, WINDOW_US);
        }
        let at = |now| window.totals(Time(now), WINDOW_US);
        assert_eq!(at(7_999), Totals { successes: 4, failures: 4 });
        assert_eq!(at(8_000), Totals { successes: 4, failures: 3 });
        assert_eq!(at(14_999), Totals { successes: 1, failures: 0 });
        assert_eq!(at(15_000), Totals::default());
        assert_eq!(at(u64::MAX), Totals::default());
    }

    #[test]
    fn a_long_pause_empties_it_and_a_clock_that_stands_does_not() {
        let mut window = Window::default();
        window.count(Time(100), true, WINDOW_US);
        window.count(Time(100), false, WINDOW_US);
        assert_eq!(window.totals(Time(0), WINDOW_US), Totals { successes: 1, failures: 1 });
        window.count(Time(1 << 60), true, WINDOW_US);
        let all = window.totals(Time(1 << 60), WINDOW_US);
        assert_eq!(all, Totals { successes: 0, failures: 1 });
    }

    #[test]
    fn a_ratio_counts_successes_and_asks_for_enough_messages() {
        let ratio = |successes, failures| Totals { successes, failures }.failure_ppm();
        assert_eq!(ratio(0, 0), 0);
        assert_eq!(ratio(0, 1), 31_250, "of thirty-two, as long as there are fewer");
        assert_eq!(ratio(0, 32), 1_000_000);
        assert_eq!(ratio(16, 16), 500_000);
        assert_eq!(ratio(u32::MAX, u32::MAX), 500_000);
    }
}
