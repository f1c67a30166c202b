mod checks;
mod composites;
mod configuration;
mod corroborations;
mod outliers;
mod phis;

use crate::time::Time;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}
