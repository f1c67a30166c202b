//! What is promised, what happens, what follows.

use core::time::Duration;

use super::{Config, ErrorBudget, HOUR, MINUTE, at, budget};
use crate::{
    resilience::{
        Outcome,
        objective::{Event, Kind},
    },
    time::Time,
};

/// Calls each second, of which so many in a thousand fail.
fn calls(guard: &mut ErrorBudget, from_ms: u64, for_ms: u64, per_second: u64, bad_permille: u64) {
    let mut failed = 0;
    for (number, second) in (from_ms..from_ms + for_ms).step_by(1_000).enumerate() {
        for call in 0..per_second {
            let made = number as u64 * per_second + call + 1;
            let bad = failed * 1_000 < made * bad_permille;
            failed += u64::from(bad);
            let outcome = if bad { Outcome::Failure } else { Outcome::Success };
            guard.settle(at(second), outcome, Duration::ZERO);
        }
    }
    guard.tick(at(from_ms + for_ms));
}

fn events(guard: &mut ErrorBudget) -> alloc::vec::Vec<Event> {
    core::iter::from_fn(|| guard.poll_event()).collect()
}

#[test]
fn one_of_one_failures_exhausts_nothing() {
    let mut guard = budget(Config::default());
    guard.settle(at(0), Outcome::Failure, Duration::ZERO);
    guard.tick(at(HOUR));
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.availability.left_ppm, snapshot.heat_ppm), (None, 0));
    // Nor does one of a hundred, of which not even one may fail.
    for _ in 0..99 {
        guard.settle(at(HOUR), Outcome::Success, Duration::ZERO);
    }
    guard.tick(at(2 * HOUR));
    assert_eq!(guard.snapshot().availability.left_ppm, None);
    assert_eq!(events(&mut guard), []);
}

#[test]
fn a_steep_failure_wakes_somebody_within_minutes_and_clears_when_it_is_over() {
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, 8 * HOUR, 10, 0);
    // A tenth fails: a hundred times what lasts.
    let began = 8 * HOUR;
    let mut fired = None;
    for minute in 0..20 {
        calls(&mut guard, began + minute * MINUTE, MINUTE, 10, 100);
        if fired.is_none() && guard.snapshot().availability.pairs[0].unwrap().firing {
            fired = Some(minute + 1);
        }
    }
    // The hour is at 14.4 after 14.4 % of it.
    assert_eq!(fired, Some(9));
    let all = events(&mut guard);
    let wakes = |it: &&Event| matches!(it, Event::Fires { page: true, .. });
    let first = all.iter().find(wakes);
    assert!(matches!(first, Some(Event::Fires { pair: 0, .. })), "{all:?}");
    // It is over: the short window tells so long before the long one forgets.
    calls(&mut guard, began + 20 * MINUTE, 6 * MINUTE, 10, 0);
    let pair = guard.snapshot().availability.pairs[0].unwrap();
    assert!(!pair.firing && pair.long_burn_percent > 1_440 && pair.short_burn_percent == 0);
    let clears = Event::Clears { kind: Kind::Availability, pair: 0 };
    assert!(events(&mut guard).contains(&clears));
}

#[test]
fn a_slow_burn_fires_only_the_slow_pairs() {
    // Twice what lasts: only the pair at 1 minds.
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, 24 * HOUR, 2, 2);
    let pairs = guard.snapshot().availability.pairs.map(Option::unwrap);
    assert_eq!(pairs.map(|pair| pair.firing), [false, false, false, true]);
    let burns = pairs.map(|pair| pair.long_burn_percent);
    assert!(burns.iter().all(|burn| (195..=205).contains(burn)), "{burns:?}");
}

#[test]
fn what_is_within_the_promise_burns_nothing_and_lasts() {
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, 24 * HOUR, 5, 0);
    let standing = guard.snapshot().availability;
    assert_eq!((standing.left_ppm, standing.lasts_us), (Some(1_000_000), None));
    assert_eq!(events(&mut guard), []);
}

#[test]
fn it_is_told_when_the_budget_will_be_used_up_and_when_it_is() {
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, 24 * HOUR, 5, 0);
    // Ten times what lasts for 30 days would last for 3; a part is gone already.
    calls(&mut guard, 24 * HOUR, 6 * HOUR, 5, 10);
    let standing = guard.snapshot().availability;
    let left = standing.left_ppm.unwrap();
    // A hundred thousandths of a fifth of all calls, of which a thousandth may fail.
    assert!(left == 0 || left < 1_000_000);
    assert!(events(&mut guard).contains(&Event::Exhausted(Kind::Availability)));
    // A tenth of that.
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, 60 * HOUR, 5, 0);
    calls(&mut guard, 60 * HOUR, 6 * HOUR, 5, 5);
    let standing = guard.snapshot().availability;
    let left = standing.left_ppm.unwrap();
    assert!((540_000..550_000).contains(&left), "{left}: 6 of 66 hours at five times");
    let days = Duration::from_micros(standing.lasts_us.unwrap()).as_secs_f64() / 86_400.0;
    assert!((3.2..3.35).contains(&days), "{days}: 54 % of 30 days, at five times");
}

#[test]
fn slow_successes_use_up_latencys_budget_and_not_availabilitys() {
    let config = Config::default().latency_ms(Some(100)).minimum_calls(10);
    let mut guard = budget(config);
    for second in 0..1_000 {
        let took = if second % 5 == 0 { 101 } else { 100 };
        guard.settle(at(second * 1_000), Outcome::Success, Duration::from_millis(took));
        guard.settle(at(second * 1_000), Outcome::Neutral, Duration::from_millis(took));
    }
    guard.tick(at(1_000_000));
    let snapshot = guard.snapshot();
    assert_eq!(snapshot.availability.bad, 0);
    let latency = snapshot.latency.unwrap();
    assert_eq!((latency.calls, latency.bad, latency.left_ppm), (1_000, 200, Some(0)));
    assert!(latency.pairs[0].unwrap().firing && snapshot.heat_ppm >= 1_000_000);
    // A failure isn't slow: it is counted once.
    guard.settle(at(1_000_001), Outcome::Timeout, Duration::from_secs(9));
    guard.tick(at(1_100_000));
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.availability.bad, snapshot.latency.unwrap().calls), (1, 1_000));
}

#[test]
fn heat_rises_before_anything_fires() {
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, 6 * HOUR, 10, 3);
    let heat = guard.heat_ppm();
    // Three times what lasts: at 3, a pair of a day fires.
    assert!(heat >= 990_000, "{heat}");
    let mut guard = budget(Config::default());
    calls(&mut guard, 0, HOUR, 100, 0);
    assert_eq!(guard.heat_ppm(), 0);
}

#[test]
fn the_budget_comes_back_as_failures_leave_the_period() {
    let config = Config::default().period_ms(3 * 24 * HOUR);
    let mut guard = budget(config);
    calls(&mut guard, 0, HOUR, 5, 500);
    assert_eq!(guard.snapshot().availability.left_ppm, Some(0));
    calls(&mut guard, HOUR, 73 * HOUR, 1, 0);
    assert_eq!(guard.snapshot().availability.left_ppm, Some(1_000_000));
    assert_eq!(events(&mut guard).last(), Some(&Event::Replenished(Kind::Availability)));
}

#[test]
fn clocks_that_jump_and_counts_without_end_break_nothing() {
    let mut guard = budget(Config::default().latency_ms(Some(1)));
    for now in [at(5), Time::MAX, Time::ZERO, at(77), Time::MAX, at(1)] {
        for _ in 0..1_000 {
            guard.settle(now, Outcome::Failure, Duration::MAX);
            guard.settle(now, Outcome::Success, Duration::MAX);
        }
        assert!(guard.next_wake() > now || now == Time::MAX);
    }
    guard.tick(at(10_001));
    assert!(guard.snapshot().availability.calls >= 2_000);
}
