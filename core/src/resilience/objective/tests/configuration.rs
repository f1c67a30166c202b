//! What can't work is refused with its field.

use alloc::{vec, vec::Vec};

use super::{Config, ErrorBudget, Pair, budget};
use crate::resilience::objective::MAX_PERIOD_MS;

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
