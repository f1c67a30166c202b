//! What can't work is refused with its field.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{Config, ErrorBudget, HOUR, MINUTE, Pair, at, budget};
use crate::resilience::{
    Outcome,
    objective::{Event, Kind, MAX_PERIOD_MS},
};

fn field(config: Config) -> &'static str {
    ErrorBudget::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(good().latency_ms(Some(100)).validate(), Ok(()));
    assert_eq!(field(good().availability_ppm(0)), "availability_ppm");
    assert_eq!(field(good().availability_ppm(1_000_000)), "availability_ppm");
    assert_eq!(field(good().latency_ms(Some(0))), "latency_ms");
    assert_eq!(field(good().latency_ms(Some(1)).quick_ppm(0)), "quick_ppm");
    assert_eq!(field(good().period_ms(MAX_PERIOD_MS + 1)), "period_ms");
    assert_eq!(field(good().period_ms(86_400_000)), "long_ms");
    assert_eq!(field(good().minimum_calls(0)), "minimum_calls");
    assert_eq!(field(good().pairs(Vec::new())), "pairs");
    let pair = |long_ms, short_ms, burn_percent| {
        field(good().pairs(vec![Pair { long_ms, short_ms, burn_percent, page: true }]))
    };
    assert_eq!(pair(1_000, 59, 100), "short_ms");
    assert_eq!(pair(1_000, 1_000, 100), "long_ms");
    assert_eq!(pair(1_000, 100, 99), "burn_percent");
    // At 14.4 times a budget of a tenth, more would have to fail than is called.
    assert_eq!(field(good().availability_ppm(900_000)), "burn_percent");
    assert_eq!(field(good().latency_ms(Some(1)).quick_ppm(900_000)), "burn_percent");
}

#[test]
fn another_latency_keeps_what_is_known_of_availability() {
    let mut guard = budget(Config::default());
    for _ in 0..5_000 {
        guard.settle(super::at(1), crate::resilience::Outcome::Success, core::time::Duration::ZERO);
    }
    guard.tick(super::at(10_000));
    guard.reconfigure(Config::default().latency_ms(Some(9))).unwrap();
    assert_eq!(guard.snapshot().availability.calls, 5_000);
    assert!(guard.reconfigure(Config::default().minimum_calls(0)).is_err());
    guard.reconfigure(Config::default().availability_ppm(990_000)).unwrap();
    assert_eq!(guard.snapshot().availability.calls, 0, "that was about another promise");
    assert_eq!(guard.snapshot().counters.calls, 5_000);
}

#[test]
fn other_pairs_and_another_minimum_keep_what_was_counted() {
    let mut guard = budget(Config::default().latency_ms(Some(9)));
    for second in 0..3_600 {
        let took = Duration::from_millis(second % 100);
        let failed = if second % 10 == 0 { Outcome::Failure } else { Outcome::Success };
        guard.settle(at(second * 1_000), failed, took);
    }
    guard.tick(at(HOUR));
    let all = |guard: &ErrorBudget| {
        let seen = guard.snapshot();
        (seen.availability.calls, seen.availability.bad, seen.latency.map(|it| it.calls))
    };
    let counted = all(&guard);
    assert_eq!(counted, (3_600, 360, Some(3_240)));
    assert!(guard.snapshot().availability.pairs[0].unwrap().firing);
    while guard.poll_event().is_some() {}
    // Whom it wakes, and of how many calls, is another matter than what happened.
    let mut page = Config::default().latency_ms(Some(9)).minimum_calls(50);
    page.pairs[0].page = false;
    guard.reconfigure(page.clone()).unwrap();
    assert_eq!((all(&guard), guard.poll_event()), (counted, None));
    assert!(guard.snapshot().availability.pairs[0].unwrap().firing);
    // A pair that goes while it fires is cleared, and so is all that is promised no longer.
    page.pairs.remove(0);
    guard.reconfigure(page.clone()).unwrap();
    let cleared: Vec<_> = core::iter::from_fn(|| guard.poll_event()).collect();
    for kind in [Kind::Availability, Kind::Latency] {
        assert!(cleared.contains(&Event::Clears { kind, pair: 0 }), "{cleared:?}");
    }
    assert_eq!(all(&guard), counted);
    guard.tick(at(HOUR + 10 * MINUTE));
    let fires: Vec<_> = core::iter::from_fn(|| guard.poll_event()).collect();
    assert!(fires.iter().any(|it| matches!(it, Event::Fires { pair: 0, .. })), "{fires:?}");
    guard.reconfigure(page.availability_ppm(990_000).latency_ms(None)).unwrap();
    let cleared: Vec<_> = core::iter::from_fn(|| guard.poll_event()).collect();
    for kind in [Kind::Availability, Kind::Latency] {
        assert!(cleared.contains(&Event::Clears { kind, pair: 0 }), "{cleared:?}");
        assert!(cleared.contains(&Event::Replenished(kind)), "{cleared:?}");
    }
}
