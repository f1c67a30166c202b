mod configuration;
mod keys;
mod model;
mod stories;

use super::{Config, Limiter};
use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn limiter(config: Config) -> Limiter {
    Limiter::new(config).unwrap()
}

/// Ten a second, five at once, for whoever asks.
fn small() -> Config {
    Config::default()
        .permits(10)
        .burst(5)
        .background_ppm(1_000_000)
        .normal_ppm(1_000_000)
        .important_ppm(1_000_000)
}
