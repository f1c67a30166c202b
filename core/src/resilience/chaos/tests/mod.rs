mod configuration;
mod permission;
mod stories;

use super::{Config, Experiment, Fault, Target};
use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn config(fault: Fault) -> Config {
    Config::default().name("one".into()).hypothesis("clients notice nothing".into()).fault(fault)
}

fn experiment(config: Config) -> Experiment {
    Experiment::new(config).unwrap()
}

/// Until when it is permitted, where that doesn't matter.
const LONG: Time = Time::from_millis(3_600_000);

fn call(peer: u16) -> Target {
    Target { peer, operation: 0 }
}
