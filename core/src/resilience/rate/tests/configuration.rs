//! What can't work is refused with its field.

use super::{Config, Limiter, at, limiter, small};
use crate::resilience::rate::{KeyedConfig, KeyedLimiter, MAX_BURST, MAX_KEYS, MAX_PERMITS};

fn field(config: Config) -> &'static str {
    Limiter::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().permits(0)), "permits");
    assert_eq!(field(good().permits(MAX_PERMITS + 1)), "permits");
    assert_eq!(field(good().per_ms(0)), "per_ms");
    assert_eq!(field(good().per_ms(u64::MAX)), "per_ms");
    assert_eq!(field(good().burst(0)), "burst");
    assert_eq!(field(good().burst(MAX_BURST + 1)), "burst");
    assert_eq!(field(good().background_ppm(0)), "background_ppm");
    assert_eq!(field(good().background_ppm(900_000)), "normal_ppm");
    assert_eq!(field(good().normal_ppm(960_000)), "important_ppm");
    assert_eq!(field(good().important_ppm(1_000_001)), "important_ppm");
    let keyed = |config| KeyedLimiter::<u64>::new(config).unwrap_err().field;
    assert_eq!(keyed(KeyedConfig::default().keys(0)), "keys");
    assert_eq!(keyed(KeyedConfig::default().keys(MAX_KEYS + 1)), "keys");
    assert_eq!(keyed(KeyedConfig::default().each(good().burst(0))), "burst");
}

#[test]
fn one_that_is_refused_leaves_the_old_one_in_place() {
    let mut guard = limiter(small());
    assert!(guard.reconfigure(at(0), small().burst(0)).is_err());
    assert_eq!(guard.config(), &small());
}
