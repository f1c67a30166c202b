//! Bounds, window, and what each algorithm has besides.

use serde::{Deserialize, Serialize};

use crate::{
    config::{BadConfig, must},
    resilience::{
        settings::{must_be_share, must_be_time, settings},
        shares,
    },
};

/// The highest limit there can be: more than any host has under way.
pub const MAX_LIMIT: u32 = 1_000_000;

/// How the next limit follows from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Additive increase, multiplicative decrease, as in TCP: one more for as many calls as the
    /// limit is, if it was used and none was dropped. For what says clearly when it has too much.
    Aimd,
    /// By how much longer calls take now than on the long run. For what gets slower gradually.
    Gradient2 {
        /// So much longer is still usual, in percent.
        tolerance_percent: u32,
        /// How much of the difference a window makes, in parts per million.
        smoothing_ppm: u32,
        /// The long run is so many windows; after as many it is measured anew with half the limit.
        long_windows: u32,
        /// So many may always wait in line.
        queue: u32,
    },
    /// By how many wait in line, estimated from the quickest call there was (Brakmo and Peterson,
    /// "TCP Vegas", 1995). For what is always equally quick when nothing is in line.
    Vegas {
        /// After so many windows, what is quickest is measured anew with half the limit.
        probe_windows: u32,
    },
}

impl Algorithm {
    /// [`Self::Gradient2`], as it is usually set.
    pub const GRADIENT2: Self = Self::Gradient2 {
        tolerance_percent: 150,
        smoothing_ppm: 200_000,
        long_windows: 100,
        queue: 4,
    };
    /// [`Self::Vegas`], as it is usually set.
    pub const VEGAS: Self = Self::Vegas { probe_windows: 300 };
}

settings! {
    /// How an adaptive limit is set up.
    pub struct Config {
        /// How the next limit follows from a window.
        algorithm: Algorithm = Algorithm::GRADIENT2, "needs to know nothing of the other side";
        /// The limit to begin with.
        initial: u32 = 20, "low enough to hurt nobody, high enough to learn from";
        /// It never falls below.
        min: u32 = 2, "with none under way nothing could be found out";
        /// It never rises above.
        max: u32 = 1_000, "more than a peer handles at a time";
        /// It moves once in so many milliseconds…
        window_ms: u64 = 100, "a few round trips";
        /// …and of no fewer calls.
        minimum_calls: u32 = 10, "of fewer, one that is slow looks like all";
        /// After drops it falls to such a share, in percent.
        drop_percent: u32 = 90, "ten drops in a row leave a third";
        /// A call that nobody has settled after so many milliseconds is a drop.
        lease_ms: u64 = 60_000, "longer than any timeout of a call should be";
        /// What background calls may use of it, in parts per million.
        background_ppm: u32 = 500_000, "half is kept for those who wait";
        /// What normal calls may use of it.
        normal_ppm: u32 = 900_000, "an operator gets through while clients flood";
        /// What important calls may use of it. Consensus may use all.
        important_ppm: u32 = 950_000, "agreement gets through while operators do";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        let number = |it: u32| u64::from(it);
        must(self.min > 0, "min", 0, "with none under way nothing could be found out")?;
        must(self.max <= MAX_LIMIT, "max", number(self.max), "up to 1000000")?;
        must(self.min <= self.max, "max", number(self.max), "it can't be below min")?;
        let within = (self.min..=self.max).contains(&self.initial);
        must(within, "initial", number(self.initial), "from min to max")?;
        must_be_time("window_ms", self.window_ms)?;
        must(self.minimum_calls > 0, "minimum_calls", 0, "no calls say nothing")?;
        must(
            (10..=99).contains(&self.drop_percent),
            "drop_percent",
            number(self.drop_percent),
            "from 10 to 99 (else drops wouldn't lower it)",
        )?;
        must_be_time("lease_ms", self.lease_ms)?;
        must(
            self.lease_ms >= self.window_ms,
            "lease_ms",
            self.lease_ms,
            "it can't be below window_ms",
        )?;
        shares::must_rise(self.background_ppm, self.normal_ppm, self.important_ppm)?;
        self.algorithm.validate()
    }
}

impl Algorithm {
    fn validate(self) -> Result<(), BadConfig> {
        match self {
            Self::Aimd => Ok(()),
            Self::Gradient2 { tolerance_percent, smoothing_ppm, long_windows, queue } => {
                must(
                    (100..=1_000).contains(&tolerance_percent),
                    "tolerance_percent",
                    u64::from(tolerance_percent),
                    "from 100 (not at all) to 1000 (ten times as long)",
                )?;
                must_be_share("smoothing_ppm", smoothing_ppm)?;
                must(
                    (2..=100_000).contains(&long_windows),
                    "long_windows",
                    u64::from(long_windows),
                    "from 2 (one is no longer run) to 100000",
                )?;
                let room = (1..=MAX_LIMIT).contains(&queue);
                must(room, "queue", u64::from(queue), "with no room in line it could never rise")
            }
            Self::Vegas { probe_windows } => must(
                probe_windows > 1,
                "probe_windows",
                u64::from(probe_windows),
                "from 2: with each window compared to itself nothing ever is in line",
            ),
        }
    }
}
