mod configuration;
mod hedges;
mod random;
mod stories;

use core::time::Duration;

use super::{Begun, Call, Config, Key, Manager, Policy};
use crate::{
    resilience::{breaker, bulkhead, retry},
    time::Time,
};

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Opens after three failures in a row; two at a time and one in line; waits 100, 200 ms.
fn policy() -> Policy {
    let breaker = breaker::Config::default().failure_rate_ppm(None).failures_in_a_row(Some(3));
    Policy::default()
        .bulkhead(Some(bulkhead::Config::default().concurrent(2).line(1)))
        .breaker(Some(breaker))
        .retry(Some(retry::Config::default().jitter(retry::Jitter::None)))
}

/// Four peers, of which `read` and `write` can be asked.
fn config(policy: &Policy) -> Config {
    let named = ["read", "write"].map(|name| (name.into(), policy.clone()));
    Config::default().operations(named.into())
}

fn manager(policy: &Policy) -> (Manager, Key) {
    let manager = Manager::new(config(policy)).unwrap();
    let key = manager.key(0, "read").unwrap();
    (manager, key)
}

fn go(manager: &mut Manager, now: Time, key: Key) -> Call {
    match manager.begin(now, key, 1, None, None) {
        Ok(Begun::Go(call)) => call,
        other => panic!("{other:?}"),
    }
}
