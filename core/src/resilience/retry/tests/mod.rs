mod budgets;
mod configuration;
mod hedges;
mod stories;
mod waits;

use core::time::Duration;

use super::{Attempts, BudgetConfig, Config, Hint, Jitter, Retry, Verdict};
use crate::{resilience::Outcome, time::Time};

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn retry(config: Config) -> Retry {
    Retry::new(config).unwrap()
}

/// Waits 100, 200, 400 ms, exactly; a budget that is never in the way.
fn plain() -> Config {
    Config::default().jitter(Jitter::None).budget(BudgetConfig::default().floor(1_000_000))
}

fn fails(retry: &mut Retry, now: Time, attempts: &mut Attempts) -> Verdict {
    retry.after(now, attempts, Outcome::Failure, Hint::None)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
