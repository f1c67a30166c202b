mod closed_loop;
mod configuration;
mod reference;
mod stories;

use super::{AdaptiveLimiter, Algorithm, Config};
use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn limiter(config: Config) -> AdaptiveLimiter {
    AdaptiveLimiter::new(config).unwrap()
}

/// All of it for whoever asks.
fn open_to_all(algorithm: Algorithm) -> Config {
    Config::default()
        .algorithm(algorithm)
        .background_ppm(1_000_000)
        .normal_ppm(1_000_000)
        .important_ppm(1_000_000)
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Aimd, Algorithm::GRADIENT2, Algorithm::VEGAS];
