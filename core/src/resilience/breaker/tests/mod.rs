mod configuration;
mod exploration;
mod stories;
mod windows;

use super::{Breaker, Config, Permit, Window};
use crate::{resilience::Outcome, time::Time};

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn breaker(config: Config) -> Breaker {
    Breaker::new(config).unwrap()
}

/// Ten calls, of which half must fail; open for a second, and always so; two probes.
fn small() -> Config {
    Config::default()
        .window(Window::Calls(10))
        .minimum_calls(4)
        .open_ms(1_000)
        .open_growth_percent(100)
        .probes(2)
        .probe_lease_ms(500)
}

/// A call that takes no time.
fn call(breaker: &mut Breaker, now: Time, outcome: Outcome) {
    let permit = breaker.admit(now).unwrap();
    breaker.settle(now, permit, outcome);
}

/// So many failures at once, admitted and settled as far as it lets them through.
fn fail(breaker: &mut Breaker, now: Time, times: u32) {
    let permits: alloc::vec::Vec<Permit> =
        (0..times).filter_map(|_| breaker.admit(now).ok()).collect();
    for permit in permits {
        breaker.settle(now, permit, Outcome::Failure);
    }
}
