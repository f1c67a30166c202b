//! Points of suspicion, and how they decay: by half in every half-life, whoever looks in between.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Points in thousandths: integers, so that every machine comes to the same.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Points(pub u32);

/// As far as signals alone can bring a score. What is between this and [`Points::MAX`] is for
/// proof, so that no number of signals looks like a conviction.
pub const SUSPICION_CAP: Points = Points::new(90);

impl Points {
    /// None.
    pub const ZERO: Self = Self(0);
    /// A conviction.
    pub const MAX: Self = Self::new(100);

    /// So many whole points.
    pub const fn new(points: u16) -> Self {
        Self(points as u32 * 1_000)
    }

    /// Whole points, rounded down.
    pub const fn whole(self) -> u8 {
        let whole = self.0 / 1_000;
        if whole > 100 { 100 } else { whole as u8 }
    }

    /// Both.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// So many parts per million of it, rounded down.
    #[must_use]
    pub const fn share(self, ppm: u32) -> Self {
        let part = self.0 as u64 * ppm as u64 / 1_000_000;
        Self(if part > u32::MAX as u64 { u32::MAX } else { part as u32 })
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1_000, self.0 % 1_000 / 100)
    }
}

/// Into how many steps a half-life is cut; between two steps the line between them is taken.
const STEPS: u64 = 16;

/// 2³² × 2^(−i/16), rounded. The first and the last are exact, and so is every whole half-life.
const STEP_FACTORS: [u64; STEPS as usize + 1] = [
    4_294_967_296,
    4_112_874_773,
    3_938_502_376,
    3_771_522_796,
    3_611_622_603,
    3_458_501_653,
    3_311_872_529,
    3_171_459_999,
    3_037_000_500,
    2_908_241_642,
    2_784_941_738,
    2_666_869_345,
    2_553_802_834,
    2_445_529_972,
    2_341_847_524,
    2_242_560_872,
    2_147_483_648,
];

/// What is left of points after a time.
pub(super) fn decayed(points: Points, elapsed_us: u64, half_life_us: u64) -> Points {
    let halvings = elapsed_us / half_life_us;
    if halvings >= 32 {
        return Points::ZERO;
    }
    // Steps and parts of a step, of 2¹⁶ each: a half-life of an hour leaves room in 64 bits.
    let position = ((elapsed_us % half_life_us) << 16) * STEPS / half_life_us;
    let (step, part) = ((position >> 16) as usize, position & 0xFFFF);
    let (from, to) = (STEP_FACTORS[step], STEP_FACTORS[step + 1]);
    let factor = from - (((from - to) * part) >> 16);
    Points(((u64::from(points.0) * factor) >> 32) as u32 >> halvings)
}

/// Points that were given at some time, and decay since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decaying {
    points: Points,
    at: Time,
}

impl Decaying {
    pub(super) fn at(&self, now: Time, half_life_us: u64) -> Points {
        decayed(self.points, now.0.saturating_sub(self.at.0), half_life_us)
    }

    /// Adds to what is left, up to a cap.
    pub(super) fn add(&mut self, now: Time, more: Points, cap: Points, half_life_us: u64) {
        let left = self.at(now, half_life_us);
        *self = Self { points: left.and(more).min(cap), at: now.max(self.at) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_LIFE_US: u64 = 60_000_000;

    #[test]
    fn every_half_life_halves_exactly() {
        for halvings in 0..20 {
            let left = decayed(Points::MAX, halvings * HALF_LIFE_US, HALF_LIFE_US);
            assert_eq!(left.0, 100_000 >> halvings);
        }
        assert_eq!(decayed(Points::MAX, u64::MAX, HALF_LIFE_US), Points::ZERO);
    }

    #[test]
    fn between_two_half_lives_it_never_rises_and_stays_near_the_curve() {
        let mut last = Points::MAX;
        for step in 0..=1_000_u64 {
            let left = decayed(Points::MAX, step * HALF_LIFE_US / 1_000, HALF_LIFE_US);
            assert!(left <= last);
            // From one thousandth of a half-life to the next it falls by 1 - 2^(-1/1000) = 693 ppm.
            assert!(last.0 - left.0 <= 75, "a jump at {step}: {last} to {left}");
            last = left;
        }
        assert_eq!(last, Points::new(50));
    }

    #[test]
    fn the_steps_are_powers_of_one_another() {
        for (step, factor) in STEP_FACTORS.iter().enumerate() {
            let opposite = STEP_FACTORS[STEP_FACTORS.len() - 1 - step];
            let product = u128::from(*factor) * u128::from(opposite);
            assert!(product.abs_diff(1 << 63) < 1 << 33, "2^(-i/16) × 2^(-(16-i)/16) is a half");
        }
        for pair in STEP_FACTORS.windows(3) {
            let square = u128::from(pair[1]) * u128::from(pair[1]);
            assert!(square.abs_diff(u128::from(pair[0]) * u128::from(pair[2])) < 1 << 34);
        }
    }

    #[test]
    fn looking_changes_nothing_and_adding_in_two_steps_loses_a_thousandth_at_most() {
        let (mut once, mut twice) = (Decaying::default(), Decaying::default());
        once.add(Time(0), Points::new(40), Points::MAX, HALF_LIFE_US);
        twice.add(Time(0), Points::new(40), Points::MAX, HALF_LIFE_US);
        twice.add(Time(17_000_000), Points::ZERO, Points::MAX, HALF_LIFE_US);
        let late = Time(41_000_000);
        let (once, twice) = (once.at(late, HALF_LIFE_US), twice.at(late, HALF_LIFE_US));
        assert!(once.0.abs_diff(twice.0) < 30, "{once} and {twice}");
    }
}
