//! Objectives, period and pairs, and how they are checked.

use alloc::{vec, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    config::{BadConfig, must},
    resilience::settings::{MILLION, must_be_time, settings},
};

/// The longest period: a quarter.
pub const MAX_PERIOD_MS: u64 = 92 * 24 * 3_600_000;
/// The most pairs of windows.
pub const MAX_PAIRS: usize = 4;
/// Into how many buckets each window is cut.
pub(super) const BUCKETS: u64 = 60;

/// Two windows, and how quickly both must burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The one that tells that it matters, in milliseconds.
    pub long_ms: u64,
    /// The one that tells that it still goes on.
    pub short_ms: u64,
    /// So many hundredths of the rate at which the budget lasts for just its period.
    pub burn_percent: u32,
    /// Whether somebody is to be woken, or it can wait for a working day.
    pub page: bool,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The usual ones.
const PAIRS: [Pair; MAX_PAIRS] = [
    Pair { long_ms: HOUR, short_ms: 5 * MINUTE, burn_percent: 1_440, page: true },
    Pair { long_ms: 6 * HOUR, short_ms: 30 * MINUTE, burn_percent: 600, page: true },
    Pair { long_ms: DAY, short_ms: 2 * HOUR, burn_percent: 300, page: false },
    Pair { long_ms: 3 * DAY, short_ms: 6 * HOUR, burn_percent: 100, page: false },
];

settings! {
    /// What is promised, and how it is watched.
    pub struct Config {
        /// Such a share of calls succeeds, in parts per million.
        availability_ppm: u32 = 999_000, "one of a thousand may fail";
        /// Calls that succeed are quick if they take at most so many milliseconds, where that is
        /// promised.
        latency_ms: Option<u64> = None, "only who knows the callers knows what is quick";
        /// Such a share of them is quick, in parts per million.
        quick_ppm: u32 = 990_000, "one of a hundred may be slow";
        /// Over so many milliseconds.
        period_ms: u64 = 30 * DAY, "what people remember";
        /// Of fewer calls in a long window nothing follows.
        minimum_calls: u32 = 100, "one of one is no rate";
        /// Which windows are watched.
        pairs: Vec<Pair> = vec![PAIRS[0], PAIRS[1], PAIRS[2], PAIRS[3]], "2 % of the budget in an hour, 5 % in six, 10 % in three days";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must_be_objective("availability_ppm", self.availability_ppm)?;
        if let Some(ms) = self.latency_ms {
            must_be_time("latency_ms", ms)?;
            must_be_objective("quick_ppm", self.quick_ppm)?;
        }
        must(
            (BUCKETS..=MAX_PERIOD_MS).contains(&self.period_ms),
            "period_ms",
            self.period_ms,
            "from 60 ms (it is cut into sixty) to 92 days",
        )?;
        must(self.minimum_calls > 0, "minimum_calls", 0, "no rate can be taken of no calls")?;
        let pairs = self.pairs.len();
        must((1..=MAX_PAIRS).contains(&pairs), "pairs", pairs as u64, "from 1 to 4 pairs")?;
        self.pairs.iter().try_for_each(|pair| self.validate_pair(*pair))
    }

    fn validate_pair(&self, pair: Pair) -> Result<(), BadConfig> {
        let Pair { long_ms, short_ms, burn_percent, .. } = pair;
        must(short_ms >= BUCKETS, "short_ms", short_ms, "from 60 ms: it is cut into sixty")?;
        must(
            short_ms < long_ms,
            "long_ms",
            long_ms,
            "the long window is longer than the short one",
        )?;
        must(long_ms <= self.period_ms, "long_ms", long_ms, "no window is longer than period_ms")?;
        let burn = u64::from(burn_percent);
        must(
            burn >= 100,
            "burn_percent",
            burn,
            "from 100: at less, the budget lasts for its period",
        )?;
        let most = u64::from(MILLION) * 100;
        let of = |ppm: u32| burn * u64::from(MILLION - ppm) <= most;
        let reachable =
            of(self.availability_ppm) && (self.latency_ms.is_none() || of(self.quick_ppm));
        must(
            reachable,
            "burn_percent",
            burn,
            "it would never be reached, not even if all calls failed",
        )
    }
}

fn must_be_objective(field: &'static str, ppm: u32) -> Result<(), BadConfig> {
    must(
        (1..MILLION).contains(&ppm),
        field,
        u64::from(ppm),
        "from 1 to 999999 parts per million: with 1000000 there is no budget",
    )
}
