//! Guards as the bench and the check of allocations use them: every one with all that it has switched
//! on, and a peer that answers in time.

use std::{hint::black_box, time::Duration};

use conclave_core::{
    resilience::{
        Outcome, Priority,
        adaptive::{self, AdaptiveLimiter},
        breaker::{self, Breaker},
        bulkhead::{self, Admission, Bulkhead},
        degradation::{self, Degradation},
        manager::{Begun, Config, Key, Manager, Policy},
        objective::{self, ErrorBudget},
        rate::{self, KeyedConfig, KeyedLimiter, Limiter},
        retry::{self, Hint, Retry},
        timeout::{self, Deadline, Timeouts},
    },
    time::Time,
};

/// One of each.
#[expect(clippy::large_enum_variant, reason = "a few of them")]
pub enum Guarded {
    /// A rate limit.
    Rate(Limiter),
    /// A rate limit for each key.
    Keyed(KeyedLimiter<u64>),
    /// A bulkhead.
    Bulkhead(Bulkhead),
    /// An adaptive limit.
    Adaptive(AdaptiveLimiter),
    /// Retries.
    Retry(Retry),
    /// A breaker.
    Breaker(Breaker),
    /// Timeouts.
    Timeout(Timeouts),
    /// An error budget.
    Objective(ErrorBudget),
    /// Degradation.
    Degradation(Degradation),
    /// All of them, in their order.
    Manager(Manager, Key),
}

/// A rate that is never in the way.
fn rate() -> rate::Config {
    rate::Config::default().permits(1_000_000_000).burst(10_000_000)
}

fn policy() -> Policy {
    Policy::default()
        .rate(Some(rate()))
        .adaptive(Some(adaptive::Config::default()))
        .objective(Some(objective::Config::default()))
}

/// All guards, each alone, and the whole stack.
pub fn all() -> Vec<Guarded> {
    let degraded = degradation::Config::default;
    let config = Config::default()
        .degradation(Some(degraded()))
        .operations([("read".to_owned(), policy())].into());
    let manager = Manager::new(config).expect("a valid configuration");
    let key = manager.key(0, "read").expect("it is configured");
    vec![
        Guarded::Rate(Limiter::new(rate()).expect("valid")),
        Guarded::Keyed(KeyedLimiter::new(KeyedConfig::default().each(rate())).expect("valid")),
        Guarded::Bulkhead(Bulkhead::new(bulkhead::Config::default()).expect("valid")),
        Guarded::Adaptive(AdaptiveLimiter::new(adaptive::Config::default()).expect("valid")),
        Guarded::Retry(Retry::new(retry::Config::default()).expect("valid")),
        Guarded::Breaker(Breaker::new(breaker::Config::default()).expect("valid")),
        Guarded::Timeout(Timeouts::new(timeout::Config::default()).expect("valid")),
        Guarded::Objective(ErrorBudget::new(objective::Config::default()).expect("valid")),
        Guarded::Degradation(Degradation::new(degraded()).expect("valid")),
        Guarded::Manager(manager, key),
    ]
}

const TOOK: Duration = Duration::from_micros(3);

impl Guarded {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rate(_) => "rate limit",
            Self::Keyed(_) => "rate limit by key",
            Self::Bulkhead(_) => "bulkhead",
            Self::Adaptive(_) => "adaptive limit",
            Self::Retry(_) => "retry",
            Self::Breaker(_) => "breaker",
            Self::Timeout(_) => "timeout",
            Self::Objective(_) => "error budget",
            Self::Degradation(_) => "degradation",
            Self::Manager(..) => "all of them",
        }
    }

    /// So many calls one after the other, each of which takes three microseconds and ends well. How
    /// many passed.
    pub fn run(&mut self, from: Time, calls: u64) -> u64 {
        let times = (0..calls).map(|number| Time(from.0 + number * 4));
        match self {
            Self::Rate(it) => count(times, |now| it.admit(now, 1, Priority::Normal).is_ok()),
            Self::Keyed(it) => {
                count(times, |now| it.admit(now, now.0 / 4 % 1_000, 1, Priority::Normal).is_ok())
            }
            Self::Bulkhead(it) => count(times, |now| {
                let Ok(Admission::Go(permit)) = it.admit(now, Priority::Normal, None) else {
                    return false;
                };
                it.release(now + TOOK, permit);
                true
            }),
            Self::Adaptive(it) => count(times, |now| {
                let Ok(permit) = it.admit(now, Priority::Normal) else { return false };
                it.settle(now + TOOK, permit, Outcome::Success);
                true
            }),
            Self::Retry(it) => count(times, |now| {
                let mut attempts = it.begin(now, None);
                let _ = it.after(now + TOOK, &mut attempts, Outcome::Success, Hint::None);
                true
            }),
            Self::Breaker(it) => count(times, |now| {
                let Ok(permit) = it.admit(now) else { return false };
                it.settle(now + TOOK, permit, Outcome::Success);
                true
            }),
            Self::Timeout(it) => count(times, |now| {
                let Ok(permit) = it.admit(now, Deadline::NONE) else { return false };
                it.settle(now + TOOK, permit, Outcome::Success);
                true
            }),
            Self::Objective(it) => count(times, |now| {
                it.settle(now + TOOK, Outcome::Success, TOOK);
                true
            }),
            Self::Degradation(it) => count(times, |now| it.admit(now, Priority::Normal).is_ok()),
            Self::Manager(it, key) => count(times, |now| {
                let Ok(Begun::Go(mut call)) = it.begin(now, *key, 1, None, None) else {
                    return false;
                };
                let Ok(attempt) = it.attempt(now, &mut call) else { return false };
                let after = now + TOOK;
                let _ = it.settle(after, &mut call, attempt, Outcome::Success, Hint::None);
                it.finish(after, call, Outcome::Success);
                true
            }),
        }
    }
}

#[inline]
fn count(times: impl Iterator<Item = Time>, mut call: impl FnMut(Time) -> bool) -> u64 {
    // Without it, a guard that only compares is compiled to nothing.
    times.map(|now| u64::from(call(black_box(now)))).sum()
}
