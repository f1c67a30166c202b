//! The one source of randomness: seeded, portable, part of the value that draws from it.

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

/// One million: probabilities are parts of it.
pub(crate) const MILLION: u64 = 1_000_000;

/// A seeded generator whose numbers are the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// One stream of a seed: streams of one seed don't influence each other, so an intervention
    /// that makes the network draw once more doesn't change what clients ask.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Uniform in `0..bound`; 0 for a bound of 0. The bias of the multiply-shift is below
    /// bound / 2⁶⁴.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True in so many of a million cases. Draws nothing when it can't be true.
    pub(crate) fn chance(&mut self, parts_per_million: u32) -> bool {
        parts_per_million > 0 && self.below(MILLION) < u64::from(parts_per_million)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut dice = Dice::new(1, 0);
        let drawn = [dice.below(1_000), dice.below(1_000), dice.below(1_000)];
        let mut again = Dice::new(1, 0);
        assert_eq!(drawn, [again.below(1_000), again.below(1_000), again.below(1_000)]);
        assert_ne!(Dice::new(1, 1).below(MILLION), Dice::new(1, 0).below(MILLION));
    }

    #[test]
    fn chances_come_true_about_as_often_as_they_say() {
        let mut dice = Dice::new(7, 0);
        let hits = (0..100_000).filter(|_| dice.chance(250_000)).count();
        assert!((24_000..26_000).contains(&hits), "{hits}");
        assert!(!dice.chance(0));
        assert!(dice.chance(1_000_000));
    }
}
