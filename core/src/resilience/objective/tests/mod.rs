mod configuration;
mod stories;
mod windows;

use super::{Config, ErrorBudget, Pair};
use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn budget(config: Config) -> ErrorBudget {
    ErrorBudget::new(config).unwrap()
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
