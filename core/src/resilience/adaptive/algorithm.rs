//! From a window to the next limit.
//!
//! Limits are thousandths here, so that a small step of a large limit and a large step of a small one
//! are both whole numbers.

use super::config::Algorithm;
use crate::resilience::settings::MILLION;

/// One of a limit.
pub(super) const ONE: u64 = 1_000;

/// What there was in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Calls that ended well.
    pub(super) calls: u32,
    /// How long they took together.
    pub(super) sum_us: u64,
    /// Calls that were dropped.
    pub(super) drops: u32,
    /// The most that were under way.
    pub(super) most: u32,
}

impl Seen {
    pub(super) fn mean_us(&self) -> u64 {
        (self.sum_us / u64::from(self.calls.max(1))).max(1)
    }
}

/// What an algorithm remembers from one window to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// How long calls take on the long run, or at their quickest; zero before the first window.
    pub(super) usual_ns: u64,
    /// How many windows it is the mean of.
    known: u32,
    /// Windows since it was last measured without a line, or since the first.
    since: u32,
    /// While that is being measured: the windows that are left, and the limit to go back to.
    probe: Option<(u32, u64)>,
}

/// So long the limit is halved to find out how long calls take when none is in line: the line
/// drains, and a window is measured.
const PROBE_WINDOWS: u32 = 3;

/// Why a limit moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    Drops,
    Times,
}

impl Memory {
    /// The limit after a window, in thousandths, before its bounds.
    pub(super) fn next(
        &mut self,
        algorithm: Algorithm,
        limit: u64,
        drop_percent: u32,
        seen: &Seen,
    ) -> (u64, Moved) {
        if seen.drops > 0 {
            let limit = self.probe.take().map_or(limit, |(_, before)| before);
            return (limit * u64::from(drop_percent) / 100, Moved::Drops);
        }
        // Where less than half was used, times say nothing of whether more would fit.
        let used = u64::from(seen.most) * 2 * ONE >= limit;
        let next = match algorithm {
            Algorithm::Aimd if used => limit + (u64::from(seen.calls) * ONE * ONE / limit).min(ONE),
            Algorithm::Aimd => limit,
            Algorithm::Gradient2 { tolerance_percent, smoothing_ppm, long_windows, queue } => {
                self.measure(limit, seen, long_windows).unwrap_or_else(|| {
                    self.remember_long_run(seen, long_windows, used);
                    let gradient = self.gradient(limit, seen, tolerance_percent);
                    let wanted = gradient + u64::from(queue) * ONE;
                    if used { blend(limit, wanted, smoothing_ppm) } else { limit }
                })
            }
            Algorithm::Vegas { probe_windows } => {
                self.measure(limit, seen, probe_windows).unwrap_or_else(|| {
                    self.remember_quickest(seen);
                    if used { self.vegas(limit, seen) } else { limit }
                })
            }
        };
        (next, Moved::Times)
    }

    /// The limit to go back to, while half of it is used to measure.
    pub(super) fn before(&self) -> Option<u64> {
        self.probe.map(|(_, before)| before)
    }

    /// What is always used to the full never shows how long calls take when none is in line, and
    /// what is in line is taken for usual in the end. So once in a while half of it is left unused,
    /// as BBR does (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016). The limit
    /// for the next window, while that goes on.
    fn measure(&mut self, limit: u64, seen: &Seen, each_windows: u32) -> Option<u64> {
        match self.probe.take() {
            None if self.since >= each_windows => {
                self.probe = Some((PROBE_WINDOWS, limit));
                Some((limit / 2).max(ONE))
            }
            None => {
                self.since += 1;
                None
            }
            Some((1, before)) => {
                (self.since, self.usual_ns) = (0, seen.mean_us().saturating_mul(1_000));
                Some(before)
            }
            Some((left, before)) => {
                self.probe = Some((left - 1, before));
                Some(limit)
            }
        }
    }

    /// An exponential mean, which is a plain one while there are fewer windows than it is long. Where
    /// the limit was used, longer times may be those of the line, and teach nothing. If calls have
    /// become much quicker, it doesn't wait until it has forgotten how slow they were.
    fn remember_long_run(&mut self, seen: &Seen, long_windows: u32, used: bool) {
        let short = seen.mean_us().saturating_mul(1_000);
        if used && self.known > 0 && short > self.usual_ns {
            return;
        }
        self.known = (self.known + 1).min(long_windows);
        let (long, n) = (u128::from(self.usual_ns), u128::from(self.known));
        let mean = ((long * (n - 1) + u128::from(short)) / n) as u64;
        let quicker = mean / 2 > short;
        self.usual_ns = if quicker { mean - mean / 20 } else { mean };
    }

    fn gradient(&self, limit: u64, seen: &Seen, tolerance_percent: u32) -> u64 {
        let short = u128::from(seen.mean_us()) * 1_000;
        let share = u128::from(self.usual_ns) * u128::from(tolerance_percent) * 10 / short;
        limit * (share.clamp(500, 1_000) as u64) / 1_000
    }

    fn remember_quickest(&mut self, seen: &Seen) {
        let short = seen.mean_us().saturating_mul(1_000);
        if self.usual_ns == 0 || short < self.usual_ns {
            self.usual_ns = short;
        }
    }

    /// Few in line: more. Many: fewer. How many are few and many grows with the limit's magnitude.
    fn vegas(&self, limit: u64, seen: &Seen) -> u64 {
        let short = u128::from(seen.mean_us()) * 1_000;
        let longer = short.saturating_sub(u128::from(self.usual_ns));
        let in_line = (u128::from(limit) * longer).div_ceil(short) as u64;
        let step = u64::from((limit / ONE).max(1).ilog10().max(1)) * ONE;
        if in_line <= step {
            limit + 6 * step
        } else if in_line < 3 * step {
            limit + step
        } else if in_line > 6 * step {
            limit.saturating_sub(step)
        } else {
            limit
        }
    }
}

/// So much of the way from one to the other.
fn blend(from: u64, to: u64, ppm: u32) -> u64 {
    let (ppm, million) = (u64::from(ppm), u64::from(MILLION));
    (from * (million - ppm) + to * ppm) / million
}
