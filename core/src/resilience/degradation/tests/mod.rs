mod configuration;
mod exploration;
mod stories;

use super::{Config, Degradation};
use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn degradation(config: Config) -> Degradation {
    Degradation::new(config).unwrap()
}
