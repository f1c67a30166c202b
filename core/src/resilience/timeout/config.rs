//! Quantile, margin, floor and ceiling, and how they are checked.

use crate::{
    config::{BadConfig, must},
    resilience::settings::{MILLION, must_be_time, settings},
};

settings! {
    /// How timeouts are set up.
    pub struct Config {
        /// The timeout as long as nothing is known, and always if it isn't adaptive.
        initial_ms: u64 = 5_000, "longer than most who wait";
        /// Whether it follows what is measured.
        adaptive: bool = true, "nobody knows how long calls take everywhere";
        /// It never falls below.
        floor_ms: u64 = 20, "a pause of the scheduler is no failure";
        /// It never rises above.
        ceiling_ms: u64 = 30_000, "after that nobody waits for the answer";
        /// What such a share of calls takes at most, in parts per million…
        quantile_ppm: u32 = 990_000, "one of a hundred may be a straggler";
        /// …is multiplied by so many percent.
        margin_percent: u32 = 200, "stragglers get as long again";
        /// As long as that share takes longer than was ever waited for, the timeout grows by so much
        /// each time, in percent.
        growth_percent: u32 = 200, "doubling: found in a few steps";
        /// It is worked out anew once in so many milliseconds.
        refresh_ms: u64 = 1_000, "a step in latency is followed within seconds";
        /// A call counts half as much after so many milliseconds.
        half_life_ms: u64 = 15_000, "a step down is followed within two minutes";
        /// Of fewer calls nothing is worked out.
        minimum_calls: u32 = 20, "of fewer, one straggler looks like all";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must_be_time("floor_ms", self.floor_ms)?;
        must_be_time("ceiling_ms", self.ceiling_ms)?;
        let ordered = self.floor_ms <= self.ceiling_ms;
        must(ordered, "ceiling_ms", self.ceiling_ms, "it can't be below floor_ms")?;
        let within = (self.floor_ms..=self.ceiling_ms).contains(&self.initial_ms);
        must(within, "initial_ms", self.initial_ms, "from floor_ms to ceiling_ms")?;
        must(
            (1..MILLION).contains(&self.quantile_ppm),
            "quantile_ppm",
            u64::from(self.quantile_ppm),
            "from 1 to 999999 parts per million: nobody knows what all take",
        )?;
        must(
            (100..=1_000).contains(&self.margin_percent),
            "margin_percent",
            u64::from(self.margin_percent),
            "from 100 (none) to 1000 (ten times as long)",
        )?;
        must(
            (101..=1_000).contains(&self.growth_percent),
            "growth_percent",
            u64::from(self.growth_percent),
            "from 101 (else it would never grow) to 1000",
        )?;
        must_be_time("refresh_ms", self.refresh_ms)?;
        must_be_time("half_life_ms", self.half_life_ms)?;
        let often = self.refresh_ms <= self.half_life_ms;
        must(often, "refresh_ms", self.refresh_ms, "what is worked out later is half forgotten")?;
        must(self.minimum_calls > 0, "minimum_calls", 0, "of no calls nothing can be worked out")
    }
}
