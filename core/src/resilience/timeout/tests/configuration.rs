//! What can't work is refused with its field.

use super::{Config, Timeouts, ms, timeouts};

fn field(config: Config) -> &'static str {
    Timeouts::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().floor_ms(0)), "floor_ms");
    assert_eq!(field(good().ceiling_ms(u64::MAX)), "ceiling_ms");
    assert_eq!(field(good().floor_ms(31_000)), "ceiling_ms");
    assert_eq!(field(good().initial_ms(19)), "initial_ms");
    assert_eq!(field(good().initial_ms(30_001)), "initial_ms");
    assert_eq!(field(good().quantile_ppm(0)), "quantile_ppm");
    assert_eq!(field(good().quantile_ppm(1_000_000)), "quantile_ppm");
    assert_eq!(field(good().margin_percent(99)), "margin_percent");
    assert_eq!(field(good().growth_percent(100)), "growth_percent");
    assert_eq!(field(good().refresh_ms(15_001)), "refresh_ms");
    assert_eq!(field(good().half_life_ms(0)), "half_life_ms");
    assert_eq!(field(good().minimum_calls(0)), "minimum_calls");
}

#[test]
fn another_floor_moves_the_timeout_and_one_that_is_refused_nothing() {
    let mut guard = timeouts(Config::default());
    guard.reconfigure(Config::default().initial_ms(9_000).floor_ms(8_000)).unwrap();
    assert_eq!(guard.timeout(), ms(8_000), "it stays as near as it can");
    guard.reconfigure(Config::default().initial_ms(700).adaptive(false)).unwrap();
    assert_eq!(guard.timeout(), ms(700));
    assert!(guard.reconfigure(Config::default().floor_ms(0)).is_err());
    assert_eq!(guard.config().initial_ms, 700);
}
