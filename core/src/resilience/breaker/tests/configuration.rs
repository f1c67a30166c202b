//! What can't work is refused with its field, and the limits work.

use core::time::Duration;

use super::{Breaker, Config, Window, breaker, small};
use crate::resilience::breaker::MAX_WINDOW_CALLS;

fn field(config: Config) -> &'static str {
    Breaker::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().window(Window::Calls(0))), "window");
    assert_eq!(field(good().window(Window::Calls(MAX_WINDOW_CALLS + 1))), "window");
    assert_eq!(field(good().window(Window::Ms(9))), "window");
    assert_eq!(field(good().window(Window::Ms(u64::MAX))), "window");
    assert_eq!(field(good().minimum_calls(101)), "minimum_calls");
    assert_eq!(field(good().minimum_calls(0)), "minimum_calls");
    assert_eq!(field(good().failure_rate_ppm(Some(0))), "failure_rate_ppm");
    assert_eq!(field(good().failure_rate_ppm(None)), "failure_rate_ppm");
    assert_eq!(field(good().slow_rate_ppm(Some(1_000_001))), "slow_rate_ppm");
    assert_eq!(field(good().slow_call_ms(0)), "slow_call_ms");
    assert_eq!(field(good().failures_in_a_row(Some(0))), "failures_in_a_row");
    assert_eq!(field(good().open_ms(0)), "open_ms");
    assert_eq!(field(good().open_ms(120_001)), "open_max_ms");
    assert_eq!(field(good().open_max_ms(u64::MAX)), "open_max_ms");
    assert_eq!(field(good().open_growth_percent(99)), "open_growth_percent");
    assert_eq!(field(good().probes(0)), "probes");
    assert_eq!(field(good().probes(17)), "probes");
    assert_eq!(field(good().probes_may_fail(16)), "probes_may_fail");
    assert_eq!(field(good().probe_lease_ms(0)), "probe_lease_ms");
}

#[test]
fn one_that_is_refused_leaves_the_old_one_in_place() {
    let mut guard = breaker(small());
    assert!(guard.reconfigure(small().probes(0)).is_err());
    assert_eq!(guard.config(), &small());
}

#[test]
fn open_times_grow_to_their_limit_and_never_overflow() {
    let config = Config::default().open_ms(1_000).open_growth_percent(200).open_max_ms(5_000);
    let times: alloc::vec::Vec<u64> =
        (1..=5).map(|count| config.open_time(count).as_millis() as u64).collect();
    assert_eq!(times, [1_000, 2_000, 4_000, 5_000, 5_000]);
    let day = 24 * 3_600_000;
    let config = Config::default().open_ms(day).open_growth_percent(1_000).open_max_ms(day);
    assert_eq!(config.open_time(u32::MAX), Duration::from_millis(day));
    let config = Config::default().open_ms(1).open_growth_percent(101).open_max_ms(day);
    assert_eq!(config.open_time(u32::MAX), Duration::from_millis(1), "a hundredth of 1 ms is none");
}
