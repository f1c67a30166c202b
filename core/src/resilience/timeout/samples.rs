//! How long calls took, or at least took. Newer ones count more.

use alloc::{boxed::Box, vec};

use crate::resilience::settings::MILLION;

/// Buckets in each doubling: a bucket's ends differ by an eighth.
const FINE: u32 = 8;
const FINE_BITS: u32 = FINE.ilog2();
/// Longer than this are as long as this: a day and a half in microseconds.
const MAX_BITS: u32 = 37;
const BUCKETS: usize = ((MAX_BITS - FINE_BITS + 1) * FINE) as usize;
/// What a call counts when it is new: it is forgotten after so many halvings.
const WHOLE: u32 = 1 << 10;

/// A share of calls, as a fraction of this.
const UNIT: u128 = 1 << 40;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Samples {
    /// Those that ended, by how long they took.
    ended: Box<[u32]>,
    /// Those that didn't, by how long they were waited for.
    cut: Box<[u32]>,
    all: u64,
}

impl Samples {
    pub(super) fn new() -> Self {
        let none = || vec![0; BUCKETS].into_boxed_slice();
        Self { ended: none(), cut: none(), all: 0 }
    }

    /// One that took so long.
    pub(super) fn took(&mut self, us: u64) {
        add(&mut self.ended[bucket(us)], &mut self.all);
    }

    /// One that took longer, nobody knows how much.
    pub(super) fn took_longer_than(&mut self, us: u64) {
        add(&mut self.cut[bucket(us)], &mut self.all);
    }

    /// How many calls they are worth.
    pub(super) fn calls(&self) -> u64 {
        self.all / u64::from(WHOLE)
    }

    /// All count half as much as before.
    pub(super) fn halve(&mut self) {
        self.all = 0;
        for weight in self.ended.iter_mut().chain(self.cut.iter_mut()) {
            *weight /= 2;
            self.all += u64::from(*weight);
        }
    }

    pub(super) fn clear(&mut self) {
        self.ended.fill(0);
        self.cut.fill(0);
        self.all = 0;
    }

    /// What such a share of calls takes at most, in microseconds; `None` if that is longer than any
    /// was waited for. By the product-limit estimate of Kaplan and Meier: of those that took as long
    /// as a bucket begins, the share that ended in it ends there.
    pub(super) fn quantile(&self, ppm: u32) -> Option<u64> {
        let beyond = UNIT * u128::from(MILLION - ppm) / u128::from(MILLION);
        let (mut survive, mut at_risk) = (UNIT, u128::from(self.all));
        for (at, (ended, cut)) in self.ended.iter().zip(self.cut.iter()).enumerate() {
            let (ended, cut) = (u128::from(*ended), u128::from(*cut));
            if ended > 0 {
                survive = survive * (at_risk - ended) / at_risk;
                if survive <= beyond {
                    return Some(longest(at));
                }
            }
            at_risk -= ended + cut;
        }
        None
    }
}

fn add(weight: &mut u32, all: &mut u64) {
    if let Some(more) = weight.checked_add(WHOLE) {
        *weight = more;
        *all += u64::from(WHOLE);
    }
}

fn bucket(us: u64) -> usize {
    if us < u64::from(FINE) {
        return us as usize;
    }
    let bits = us.ilog2();
    if bits >= MAX_BITS {
        return BUCKETS - 1;
    }
    let fine = (us >> (bits - FINE_BITS)) as u32 & (FINE - 1);
    ((bits - FINE_BITS + 1) * FINE + fine) as usize
}

/// The longest time of a bucket, in microseconds.
fn longest(bucket: usize) -> u64 {
    let (octave, fine) = (bucket as u64 / u64::from(FINE), bucket as u64 % u64::from(FINE));
    if octave == 0 { fine } else { ((u64::from(FINE) + fine + 1) << (octave - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn a_bucket_holds_what_is_up_to_an_eighth_shorter_than_its_longest() {
        let mut dice = Dice::new(1, 0);
        for bits in 0..MAX_BITS {
            for _ in 0..200 {
                let us = (1 << bits) + dice.below(1 << bits);
                let end = longest(bucket(us));
                assert!(us <= end && end - us <= us / 8, "{us} in one up to {end}");
            }
        }
        for at in 0..BUCKETS {
            assert_eq!(bucket(longest(at)), at);
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn without_any_cut_it_is_the_quantile_of_a_sorted_list() {
        for seed in 0..100 {
            let mut dice = Dice::new(seed, 0);
            let (mut samples, mut list) = (Samples::new(), Vec::new());
            for _ in 0..=dice.below(300) {
                let bits = 4 + dice.below(26);
                let us = dice.below(1 << bits);
                samples.took(us);
                list.push(us);
            }
            list.sort_unstable();
            for ppm in [10_000, 250_000, 500_000, 900_000, 990_000, 999_999] {
                let rank = (list.len() as u64 * u64::from(ppm)).div_ceil(1_000_000).max(1);
                let exact = list[rank as usize - 1];
                let said = samples.quantile(ppm).unwrap();
                // Between two of the list either will do: shares are cut off at a trillionth.
                let near = bucket(said).abs_diff(bucket(exact));
                let between = (list.len() as u64 * u64::from(ppm)).is_multiple_of(1_000_000);
                assert!(near == 0 || between, "seed {seed}: {said} for {exact} at {ppm}");
            }
        }
    }

    #[test]
    fn where_all_were_waited_for_equally_long_it_is_the_quantile_of_all_or_unknown() {
        let mut samples = Samples::new();
        (0..90).for_each(|_| samples.took(1_000));
        (0..10).for_each(|_| samples.took_longer_than(5_000));
        assert_eq!(samples.quantile(890_000).map(bucket), Some(bucket(1_000)));
        assert_eq!(samples.quantile(910_000), None);
    }

    #[test]
    fn who_was_given_up_early_counts_as_those_who_were_waited_for() {
        // Half were given up after 1 ms; of those waited for, half took 10 ms and half 20 ms.
        let mut samples = Samples::new();
        (0..100).for_each(|_| samples.took_longer_than(1_000));
        (0..50).for_each(|_| samples.took(10_000));
        (0..50).for_each(|_| samples.took(20_000));
        assert_eq!(samples.quantile(490_000).map(bucket), Some(bucket(10_000)));
        assert_eq!(samples.quantile(510_000).map(bucket), Some(bucket(20_000)));
    }

    #[test]
    fn what_is_halved_often_enough_is_forgotten() {
        let mut samples = Samples::new();
        (0..50).for_each(|_| samples.took(1));
        for _ in 0..17 {
            samples.halve();
        }
        assert_eq!((samples.calls(), samples.quantile(1)), (0, None));
        assert_eq!(samples, Samples::new());
    }

    #[test]
    fn more_than_can_be_counted_is_not_counted_and_breaks_nothing() {
        let mut samples = Samples::new();
        (0..5_000_000).for_each(|_| samples.took(7));
        samples.took_longer_than(u64::MAX);
        assert_eq!(samples.quantile(999_000), Some(7));
        assert!(samples.calls() > 4_000_000);
    }
}
