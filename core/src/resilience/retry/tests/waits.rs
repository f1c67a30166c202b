//! Waits: how they grow, how they are spread, and that nothing goes beyond the cap.

use alloc::{vec, vec::Vec};

use super::{Config, Hint, Jitter, Verdict, at, fails, plain, retry};
use crate::{
    dice::Dice,
    resilience::{
        Outcome,
        retry::{Backoff, BudgetConfig, MAX_ATTEMPTS},
    },
};

/// The first so many waits, in ms.
fn waits(config: &Config, count: u32) -> Vec<u64> {
    (1..=count).map(|number| config.backoff.wait_us(config, number) / 1_000).collect()
}

#[test]
fn waits_grow_as_they_are_told_and_stop_at_the_cap() {
    let config = |backoff| Config::default().backoff(backoff).cap_ms(1_000);
    assert_eq!(waits(&config(Backoff::Constant), 4), [100, 100, 100, 100]);
    assert_eq!(waits(&config(Backoff::Linear), 4), [100, 200, 300, 400]);
    assert_eq!(waits(&config(Backoff::Exponential), 6), [100, 200, 400, 800, 1_000, 1_000]);
    let faster = config(Backoff::Exponential).growth_percent(300);
    assert_eq!(waits(&faster, 4), [100, 300, 900, 1_000]);
    assert_eq!(waits(&config(Backoff::Fibonacci), 7), [100, 100, 200, 300, 500, 800, 1_000]);
    assert_eq!(waits(&config(Backoff::Custom(vec![7, 70, 3])), 5), [7, 70, 3, 3, 3]);
}

#[test]
fn no_wait_is_beyond_the_cap_whatever_grows_and_however_it_is_spread() {
    for seed in 0..300 {
        let mut dice = Dice::new(seed, 0);
        let cap_ms = 1 + dice.below(24 * 3_600_000);
        let backoff = match dice.below(5) {
            0 => Backoff::Constant,
            1 => Backoff::Linear,
            2 => Backoff::Fibonacci,
            3 => Backoff::Custom(vec![dice.below(cap_ms + 1), cap_ms]),
            _ => Backoff::Exponential,
        };
        let jitter = [Jitter::None, Jitter::Equal, Jitter::Full, Jitter::Decorrelated];
        let config = plain()
            .attempts(MAX_ATTEMPTS)
            .backoff(backoff)
            .jitter(jitter[dice.below(4) as usize])
            .base_ms(1 + dice.below(cap_ms))
            .cap_ms(cap_ms)
            .growth_percent(100 + dice.below(901) as u32)
            .elapsed_ms(None)
            .retry_after_max_ms(1)
            .budget(BudgetConfig::default().window_ms(24 * 3_600_000).floor(1_000))
            .seed(seed);
        let mut guard = retry(config.clone());
        let mut attempts = guard.begin(at(0), None);
        let mut now = at(0);
        for _ in 1..MAX_ATTEMPTS {
            let Verdict::Again { at: then, .. } = fails(&mut guard, now, &mut attempts) else {
                panic!("seed {seed}: it gave up: {config:?}");
            };
            let wait = then.since(now).as_millis() as u64;
            assert!(wait <= cap_ms, "seed {seed}: waits {wait} ms: {config:?}");
            if config.jitter == Jitter::Decorrelated {
                assert!(wait >= config.base_ms, "seed {seed}");
            }
            now = then;
        }
    }
}

#[test]
fn jitter_spreads_over_all_that_it_may() {
    for (jitter, least, most) in [
        (Jitter::Equal, 400_000, 800_000),
        (Jitter::Full, 0, 800_000),
        (Jitter::None, 800_000, 800_000),
    ] {
        let (config, mut dice) = (plain(), Dice::new(1, 0));
        let drawn: Vec<u64> =
            (0..10_000).map(|_| jitter.spread(&config, &mut dice, 800_000, 0)).collect();
        let (low, high) = (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap());
        assert!(low >= least && low <= least + 1_000, "{jitter:?}: {low}");
        assert!(high <= most && high + 1_000 >= most, "{jitter:?}: {high}");
        let mean = drawn.iter().sum::<u64>() / 10_000;
        assert!(mean.abs_diff(u64::midpoint(least, most)) < 10_000, "{jitter:?}: {mean}");
    }
    // Nothing to wait, nothing to spread.
    let mut dice = Dice::new(1, 0);
    assert_eq!(Jitter::Equal.spread(&plain(), &mut dice, 0, 0), 0);
    assert_eq!(Jitter::Full.spread(&plain(), &mut dice, 0, 0), 0);
    assert_eq!(Jitter::Equal.spread(&plain(), &mut dice, 1, 0), 1);
}

#[test]
fn another_seed_waits_otherwise_and_the_same_seed_the_same() {
    let drawn = |seed| -> Vec<Verdict> {
        let mut guard = retry(Config::default().attempts(9).seed(seed));
        let mut attempts = guard.begin(at(0), None);
        (0..8).map(|_| guard.after(at(0), &mut attempts, Outcome::Timeout, Hint::None)).collect()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}
