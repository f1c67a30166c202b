//! Thresholds, dwell, what each level sheds and turns off, and how that is checked.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    config::{BadConfig, must},
    resilience::settings::{MILLION, must_be_share, must_be_time, settings},
};

/// The most signals.
pub const MAX_SIGNALS: u8 = 16;
/// The most features.
pub const MAX_FEATURES: usize = 64;

/// How bad it is. Rises.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// All is done.
    #[default]
    Normal,
    /// What nobody waits for isn't.
    Degraded,
    /// A part of what clients ask isn't.
    Severe,
    /// Only what keeps the cluster together is.
    Emergency,
}

impl Level {
    /// All there are, rising.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Degraded, Self::Severe, Self::Emergency];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Degraded => "degraded",
            Self::Severe => "severe",
            Self::Emergency => "emergency",
        }
    }

    pub(super) fn worse(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    pub(super) fn better(self) -> Option<Self> {
        Self::ALL.get((self as usize).wrapping_sub(1)).copied()
    }
}

/// Something that can be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// What it is called.
    pub name: String,
    /// It is off from this level on.
    pub off_from: Level,
}

settings! {
    /// How degradation is set up. Lists of three are for degraded, severe and emergency.
    pub struct Config {
        /// How many signals there are, numbered from 0.
        signals: u8 = 4, "a budget, a limiter, a bulkhead, a queue";
        /// A level is entered when any signal has been so high for a while, in parts per million.
        enter_ppm: [u32; 3] = [700_000, 850_000, 950_000], "before it is too late, and not while there is room";
        /// It is left when all have been below this for a while.
        leave_ppm: [u32; 3] = [500_000, 650_000, 800_000], "lower, else it would be entered again at once";
        /// How long that is before it gets worse, in milliseconds.
        worsen_ms: u64 = 2_000, "a burst isn't an overload";
        /// How long before it gets better.
        improve_ms: u64 = 15_000, "what was shed comes back, and must be borne";
        /// A signal that nobody has given for so many milliseconds says nothing.
        stale_ms: u64 = 30_000, "who has stopped measuring must not hold an emergency for ever";
        /// What share of background calls isn't made, in parts per million.
        shed_background_ppm: [u32; 3] = [1_000_000, 1_000_000, 1_000_000], "nobody waits for them";
        /// What share of normal calls isn't.
        shed_normal_ppm: [u32; 3] = [0, 500_000, 1_000_000], "half of the clients served beat all of them timed out";
        /// What share of important calls isn't.
        shed_important_ppm: [u32; 3] = [0, 0, 500_000], "an operator must get through";
        /// What is left out from some level on.
        features: Vec<Feature> = Vec::new(), "only who has features knows";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        let number = |it: u32| u64::from(it);
        must(
            (1..=MAX_SIGNALS).contains(&self.signals),
            "signals",
            u64::from(self.signals),
            "from 1 (else nothing is ever known) to 16",
        )?;
        for (at, (enter, leave)) in self.enter_ppm.into_iter().zip(self.leave_ppm).enumerate() {
            must_be_share("enter_ppm", enter)?;
            let lower = "it must be below the level's enter_ppm, else it flaps";
            must(leave < enter, "leave_ppm", number(leave), lower)?;
            must(leave > 0, "leave_ppm", 0, "nothing is below nothing: it would never be left")?;
            let before = at.checked_sub(1);
            let rises = |of: [u32; 3], it: u32| before.is_none_or(|before| of[before] < it);
            let worse = "a worse level is entered, and left, at more";
            must(rises(self.enter_ppm, enter), "enter_ppm", number(enter), worse)?;
            must(rises(self.leave_ppm, leave), "leave_ppm", number(leave), worse)?;
        }
        must_be_time("worsen_ms", self.worsen_ms)?;
        must_be_time("improve_ms", self.improve_ms)?;
        let longer = self.improve_ms >= self.worsen_ms;
        must(
            longer,
            "improve_ms",
            self.improve_ms,
            "if it got better sooner than worse it would flap",
        )?;
        must_be_time("stale_ms", self.stale_ms)?;
        self.validate_sheds()?;
        let features = self.features.len();
        must(features <= MAX_FEATURES, "features", features as u64, "at most 64")?;
        let never = self.features.iter().any(|it| it.off_from == Level::Normal);
        must(!never, "features", 0, "one that is off from normal on is never on")
    }

    fn validate_sheds(&self) -> Result<(), BadConfig> {
        let rows = [
            ("shed_background_ppm", self.shed_background_ppm),
            ("shed_normal_ppm", self.shed_normal_ppm),
            ("shed_important_ppm", self.shed_important_ppm),
        ];
        let mut above = [MILLION; 3];
        for (field, row) in rows {
            let most = row.into_iter().max().unwrap_or(0);
            must(most <= MILLION, field, u64::from(most), "all is 1000000 parts per million")?;
            let rises = row.is_sorted();
            must(rises, field, u64::from(row[0]), "a worse level sheds no less")?;
            let less = row.into_iter().zip(above).all(|(it, above)| it <= above);
            must(less, field, u64::from(row[0]), "what matters more is shed no more")?;
            above = row;
        }
        Ok(())
    }
}
