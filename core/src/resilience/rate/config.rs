//! Rate, burst and shares, and how they are checked.

use crate::{
    config::{BadConfig, must},
    resilience::{
        settings::{must_be_time, settings},
        shares,
    },
};

/// The most permits in a configured time.
pub const MAX_PERMITS: u32 = 1_000_000_000;
/// The most permits at once. With the longest time this keeps the debt below 2⁶⁰ units.
pub const MAX_BURST: u32 = 10_000_000;
/// The most keys that are told apart: bounds memory to a few tens of megabytes.
pub const MAX_KEYS: u32 = 1_000_000;

settings! {
    /// How a rate limit is set up.
    pub struct Config {
        /// So many permits…
        permits: u32 = 100, "what one client does at its busiest";
        /// …in so many milliseconds.
        per_ms: u64 = 1_000, "rates are usually of a second";
        /// So many at once, if nothing passed for long enough.
        burst: u32 = 100, "a second's worth";
        /// What background calls may use of the burst, in parts per million.
        background_ppm: u32 = 500_000, "half is kept for those who wait";
        /// What normal calls may use of it.
        normal_ppm: u32 = 800_000, "an operator gets through while clients flood";
        /// What important calls may use of it. Consensus may use all.
        important_ppm: u32 = 950_000, "agreement gets through while operators do";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (1..=MAX_PERMITS).contains(&self.permits),
            "permits",
            u64::from(self.permits),
            "from 1 (else nothing ever passes) to 1000000000",
        )?;
        must_be_time("per_ms", self.per_ms)?;
        must(
            (1..=MAX_BURST).contains(&self.burst),
            "burst",
            u64::from(self.burst),
            "from 1 (else nothing ever passes) to 10000000",
        )?;
        shares::must_rise(self.background_ppm, self.normal_ppm, self.important_ppm)
    }
}

settings! {
    /// How one limit for each key is set up.
    pub struct KeyedConfig {
        /// What each key gets.
        each: Config = Config::default(), "see there";
        /// So many keys are told apart at least. A power of two of them has a place.
        keys: u32 = 4_096, "more clients than are busy at once";
        /// What the places of keys are drawn from.
        seed: u64 = 0, "hosts draw one, so that nobody can choose keys that share a place";
    }
}

impl KeyedConfig {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        self.each.validate()?;
        must(
            (1..=MAX_KEYS).contains(&self.keys),
            "keys",
            u64::from(self.keys),
            "from 1 to 1000000 keys",
        )
    }
}
