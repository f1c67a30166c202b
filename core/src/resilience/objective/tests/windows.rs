//! Windows against a list of all calls.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{Config, Pair, at, budget};
use crate::{dice::Dice, resilience::Outcome};

#[test]
fn windows_slide_and_hold_what_a_list_says() {
    for seed in 0..40 {
        let mut dice = Dice::new(seed, 0);
        let short_ms = 60 * (1 + dice.below(20));
        let long_ms = short_ms * (2 + dice.below(20));
        let pair = Pair { long_ms, short_ms, burn_percent: 200, page: true };
        let period_ms = long_ms * 3;
        let config = Config::default()
            .availability_ppm(800_000)
            .pairs(vec![pair])
            .period_ms(period_ms)
            .minimum_calls(5);
        let mut guard = budget(config);
        let (granule_us, mut now_us, mut list) = (short_ms * 1_000 / 60, 0, Vec::new());
        for _ in 0..2_000 {
            now_us += dice.below(granule_us * 3);
            if dice.below(100) == 0 {
                now_us += dice.below(long_ms * 2_000);
            }
            let now = crate::time::Time(now_us);
            let bad = dice.below(3) == 0;
            guard.settle(
                now,
                if bad { Outcome::Failure } else { Outcome::Success },
                Duration::ZERO,
            );
            // What is seen is as of the last granule that is over, and the call isn't in it.
            let standing = guard.snapshot().availability;
            let granule_of = |made: u64| made / granule_us * granule_us;
            // Windows were turned by the first call of this granule.
            let first = list.iter().rev().map(|it: &(u64, bool)| it.0);
            let first = first.take_while(|made| *made >= granule_of(now_us)).last();
            let turned = first.unwrap_or(now_us);
            let counted = |window_ms: u64| {
                let bucket_us = window_ms * 1_000 / 60;
                let over = list.iter().rev().filter(|it| granule_of(it.0) < granule_of(now_us));
                let kept =
                    over.take_while(|it| granule_of(it.0) / bucket_us + 60 > turned / bucket_us);
                kept.fold((0, 0), |(calls, bad), it| (calls + 1, bad + u64::from(it.1)))
            };
            let (calls, bad_calls) = counted(period_ms);
            assert_eq!((standing.calls, standing.bad), (calls, bad_calls), "seed {seed}");
            let (calls, bad_calls) = counted(long_ms);
            let burn = (bad_calls * 100_000_000).checked_div(calls * 200_000).unwrap_or(0);
            assert_eq!(standing.pairs[0].unwrap().long_burn_percent, burn, "seed {seed}");
            list.push((now_us, bad));
        }
        guard.tick(at((now_us / 1_000) + period_ms * 2));
        assert_eq!(guard.snapshot().availability.calls, 0, "all have left");
    }
}
