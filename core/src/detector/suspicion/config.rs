//! Windows, thresholds and floors of suspicion.

use serde::{Deserialize, Serialize};

use crate::config::{BadConfig, must};

use super::points::{Points, SUSPICION_CAP};

/// How an observer judges. Weights are in [`Kind`](super::Kind).
///
/// # Default
///
/// Each stands in the table of [`detector`](crate::detector), and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// In so many milliseconds what is known weighs half as much.
    pub half_life_ms: u64,
    /// What is counted and measured is of the last so many milliseconds.
    pub window_ms: u64,
    /// At so many points an observer accuses.
    pub accuse_at: u8,
    /// Down to so many points it stands by that.
    pub withdraw_at: u8,
    /// A peer may be so many milliseconds slower than the others in any case.
    pub late_floor_ms: u64,
    /// What is proposed within so many milliseconds is one measurement of how quickly a peer answers
    /// ([`Signal::Response`](super::Signal)).
    pub pause_ms: u64,
    /// A peer's messages may fail so much more often than the others', in parts per million.
    pub failure_tolerance_ppm: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            half_life_ms: 60_000,
            window_ms: 60_000,
            accuse_at: 50,
            withdraw_at: 25,
            late_floor_ms: 250,
            pause_ms: 1_000,
            failure_tolerance_ppm: 100_000,
        }
    }
}

/// The longest half-life, window and floor: an hour. Keeps the arithmetic of decay in 64 bits.
const MAX_MS: u64 = 3_600_000;
/// The shortest window: it is cut into eight.
const MIN_WINDOW_MS: u64 = 8;

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        let (accuse, withdraw) = (u64::from(self.accuse_at), u64::from(self.withdraw_at));
        must(
            (1..=MAX_MS).contains(&self.half_life_ms),
            "half_life_ms",
            self.half_life_ms,
            "points halve in 1 ms to one hour",
        )?;
        must(
            (MIN_WINDOW_MS..=MAX_MS).contains(&self.window_ms),
            "window_ms",
            self.window_ms,
            "the window is from 8 ms (it is cut into eight) to one hour",
        )?;
        must(
            (1..=u64::from(SUSPICION_CAP.whole())).contains(&accuse),
            "accuse_at",
            accuse,
            "from 1 point to 90, which is all that signals can reach",
        )?;
        must(
            withdraw < accuse,
            "withdraw_at",
            withdraw,
            "it must be below accuse_at, or accusations would flutter",
        )?;
        must(
            (1..=MAX_MS).contains(&self.late_floor_ms),
            "late_floor_ms",
            self.late_floor_ms,
            "from 1 ms (0 would suspect whoever is a little farther away) to one hour",
        )?;
        must(
            self.pause_ms <= MAX_MS,
            "pause_ms",
            self.pause_ms,
            "from 0 (each answer is a measurement) to one hour",
        )?;
        must(
            self.failure_tolerance_ppm <= 500_000,
            "failure_tolerance_ppm",
            u64::from(self.failure_tolerance_ppm),
            "beyond a half, no ratio of failures would be told from chance",
        )
    }

    pub(super) fn half_life_us(&self) -> u64 {
        self.half_life_ms * 1_000
    }

    pub(super) fn window_us(&self) -> u64 {
        self.window_ms * 1_000
    }

    pub(super) fn late_floor_us(&self) -> u32 {
        // At most an hour: it fits.
        (self.late_floor_ms * 1_000) as u32
    }

    pub(super) fn accuse_at(&self) -> Points {
        Points::new(u16::from(self.accuse_at))
    }

    pub(super) fn withdraw_at(&self) -> Points {
        Points::new(u16::from(self.withdraw_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_what_can_not_work_is_named() {
        let good = Config::default();
        assert_eq!(good.validate(), Ok(()));
        let field = |config: Config| config.validate().unwrap_err().field;
        assert_eq!(field(Config { half_life_ms: 0, ..good }), "half_life_ms");
        assert_eq!(field(Config { window_ms: 7, ..good }), "window_ms");
        assert_eq!(field(Config { accuse_at: 91, ..good }), "accuse_at");
        assert_eq!(field(Config { withdraw_at: 50, ..good }), "withdraw_at");
        assert_eq!(field(Config { late_floor_ms: 0, ..good }), "late_floor_ms");
        assert_eq!(field(Config { pause_ms: 3_600_001, ..good }), "pause_ms");
        assert_eq!(
            field(Config { failure_tolerance_ppm: 600_000, ..good }),
            "failure_tolerance_ppm"
        );
    }
}
