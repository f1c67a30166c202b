//! The same around a `tower` service that answers at once: ours as one layer, and those of
//! `tower-resilience`, alone and in the same order one around the other. All are shared, read the
//! clock, and box their futures. One call after the other on one thread; a call takes what is left
//! when the service itself takes nothing.

use std::{
    convert::Infallible,
    future::{Ready, poll_fn, ready},
    task::{Context, Poll},
    time::Duration,
};

use conclave::resilience::{Ask, GuardLayer, Guards, Judged};
use conclave_core::resilience::{
    adaptive, degradation,
    manager::{Config, Policy},
    objective, rate,
};
use tower_layer::Layer;
use tower_resilience::{
    bulkhead::BulkheadLayer, circuitbreaker::CircuitBreakerLayer, ratelimiter::RateLimiterLayer,
    retry::RetryLayer, timelimiter::TimeLimiterLayer,
};
use tower_service::Service;

use super::{CALLS, time};

/// A rate that is never in the way.
const MOST: u32 = 1_000_000_000;

/// Answers at once.
#[derive(Clone)]
struct Answer;

/// What never happens, so that ours may judge it.
#[derive(Clone, Debug)]
struct Never(Infallible);

impl Judged for Never {}

impl Service<u64> for Answer {
    type Response = u64;
    type Error = Never;
    type Future = Ready<Result<u64, Never>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Never>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

pub(super) fn all() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    run(&runtime, "no guard", Answer);
    run(&runtime, "ours, all of them", ours().layer(Answer));
    let rate = RateLimiterLayer::builder()
        .limit_for_period(MOST as usize)
        .refresh_period(Duration::from_secs(1))
        .build()
        .expect("a valid configuration");
    let bulkhead =
        BulkheadLayer::builder().max_concurrent_calls(64).build().expect("a valid configuration");
    let breaker = CircuitBreakerLayer::builder().build().expect("a valid configuration");
    let timeout = TimeLimiterLayer::builder().timeout_duration(Duration::from_secs(1)).build();
    run(&runtime, "theirs, rate limit", rate.layer(Answer));
    run(&runtime, "theirs, bulkhead", bulkhead.layer(Answer));
    run(&runtime, "theirs, retry", RetryLayer::builder().max_attempts(3).build().layer(Answer));
    run(&runtime, "theirs, breaker", breaker.layer(Answer));
    run(&runtime, "theirs, timeout", timeout.layer(Answer));
    let retry = RetryLayer::builder().max_attempts(3).build();
    let stack = rate.layer(bulkhead.layer(retry.layer(breaker.layer(timeout.layer(Answer)))));
    run(&runtime, "theirs, these five", stack);
}

/// All that there is, each with its defaults.
fn ours() -> GuardLayer {
    let policy = Policy::default()
        .rate(Some(rate::Config::default().permits(MOST).burst(10_000_000)))
        .adaptive(Some(adaptive::Config::default()))
        .objective(Some(objective::Config::default()));
    let config = Config::default()
        .degradation(Some(degradation::Config::default()))
        .operations([("read".to_owned(), policy)].into());
    let guards = Guards::new(config).expect("a valid configuration");
    let key = guards.key(0, "read").expect("it is configured");
    GuardLayer::new(guards, key, Ask::default())
}

fn run<S>(runtime: &tokio::runtime::Runtime, name: &str, mut service: S)
where
    S: Service<u64, Response = u64>,
{
    time(name, || {
        runtime.block_on(async {
            let mut passed = 0;
            for number in 0..CALLS {
                let ready = poll_fn(|context| service.poll_ready(context)).await.is_ok();
                passed += u64::from(ready && service.call(number).await.is_ok());
            }
            passed
        })
    });
}
