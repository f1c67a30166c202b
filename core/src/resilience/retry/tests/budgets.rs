//! The budget: what an outage costs the other side, and that nothing wedges it.

use alloc::vec::Vec;

use super::{BudgetConfig, Config, Verdict, at, fails, retry};
use crate::{
    dice::Dice,
    resilience::retry::{Stop, budget::Budget},
    time::Time,
};

#[test]
fn in_an_outage_retries_are_a_share_of_the_calls() {
    let mut guard = retry(Config::default().attempts(10).elapsed_ms(None));
    let (mut calls, mut retries) = (0, 0);
    for round in 0..10_000 {
        let now = at(round * 10);
        let mut attempts = guard.begin(now, None);
        calls += 1;
        while let Verdict::Again { .. } = fails(&mut guard, now, &mut attempts) {
            retries += 1;
        }
    }
    assert!(retries > calls / 6 && retries <= calls / 5 + 10 * 3, "{retries} for {calls} calls");
    assert!(guard.snapshot().counters.out_of_budget > 9_000);
}

#[test]
fn whoever_calls_rarely_may_retry_and_is_told_when_to_come_back() {
    let mut guard = retry(Config::default().attempts(100).elapsed_ms(None));
    let mut attempts = guard.begin(at(0), None);
    for _ in 0..10 {
        assert!(matches!(fails(&mut guard, at(0), &mut attempts), Verdict::Again { .. }));
    }
    let Verdict::GiveUp(Stop::Budget { retry_at }) = fails(&mut guard, at(0), &mut attempts) else {
        panic!("ten, and a fifth of one");
    };
    assert!(retry_at > at(0) && retry_at <= at(60_000));
}

#[test]
fn retries_that_sleep_count_until_long_after_they_were_made() {
    let config = BudgetConfig::default().window_ms(16_000).floor(1).share_ppm(0);
    let mut budget = Budget::new(&config);
    // It sleeps for ten seconds, and its caller vanishes: nobody tells the budget.
    assert_eq!(budget.retry(at(500), at(10_500)), Ok(()));
    for second in 1..26 {
        assert!(budget.retry(at(second * 1_000), at(second * 1_000)).is_err(), "{second}");
    }
    assert_eq!(budget.retry(at(26_000), at(26_000)), Ok(()));
}

#[test]
fn it_is_what_a_list_of_all_calls_and_retries_says() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed, 0);
        let bucket_ms = 1 + dice.below(1_000);
        let (share_ppm, floor) = (dice.below(1_000_000) as u32, dice.below(5) as u32);
        let config =
            BudgetConfig::default().window_ms(bucket_ms * 16).share_ppm(share_ppm).floor(floor);
        let mut budget = Budget::new(&config);
        let (mut calls, mut retries): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
        let mut now_ms = dice.below(1 << 40);
        for _ in 0..2_000 {
            now_ms += dice.below(bucket_ms / 2 + 1);
            if dice.below(200) == 0 {
                now_ms += dice.below(bucket_ms * 60);
            }
            let bucket = now_ms / bucket_ms;
            calls.retain(|it| it + 16 > bucket);
            retries.retain(|it| it + 16 > bucket);
            if dice.below(3) > 0 {
                budget.call(at(now_ms));
                calls.push(bucket);
                continue;
            }
            let then = now_ms + dice.below(bucket_ms * 16);
            let room = (retries.len() as u64 + 1) * 1_000_000
                <= calls.len() as u64 * u64::from(share_ppm) + u64::from(floor) * 1_000_000;
            assert_eq!(budget.retry(at(now_ms), at(then)).is_ok(), room, "seed {seed}");
            if room {
                retries.push(then / bucket_ms);
            }
            assert_eq!(budget.counted(), (calls.len() as u64, retries.len() as u64), "seed {seed}");
        }
    }
}

#[test]
fn the_end_of_time_is_a_time() {
    let mut budget = Budget::new(&BudgetConfig::default().window_ms(16).floor(2));
    budget.call(Time::ZERO);
    let far = Time(u64::MAX / 2);
    assert_eq!(budget.retry(far, Time::MAX), Ok(()));
    assert_eq!(budget.retry(far, Time::ZERO), Ok(()));
    assert!(budget.retry(far, far).is_err());
}

#[test]
fn another_window_keeps_what_was_counted() {
    let config = BudgetConfig::default().share_ppm(0).floor(3);
    let mut budget = Budget::new(&config);
    let now = at(1_000_000);
    (0..10).for_each(|_| budget.call(now));
    // One was made long ago, one sleeps.
    assert_eq!(budget.retry(at(1_000_000), at(1_000_000)), Ok(()));
    assert_eq!(budget.retry(at(1_010_000), at(1_040_000)), Ok(()));
    for window_ms in [16, 120_000, 16_000] {
        budget.reconfigure(&config.clone().window_ms(window_ms));
        assert_eq!(budget.counted(), (10, 2), "{window_ms}");
    }
    assert_eq!(budget.retry(at(1_010_000), at(1_010_000)), Ok(()));
    assert!(budget.retry(at(1_010_000), at(1_010_000)).is_err(), "all three are used");
    // And they leave the new window, late by no more than a bucket of the old ones.
    assert_eq!(budget.retry(at(1_040_000), at(1_040_000)), Ok(()));
}
