mod configuration;
mod deadlines;
mod stories;

use core::time::Duration;

use super::{Config, Timeouts};
use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn timeouts(config: Config) -> Timeouts {
    Timeouts::new(config).unwrap()
}
