//! What all calls share is never given out twice: retries of a budget, permits of a rate.

use std::time::Duration;

use conclave_core::resilience::{
    manager::Policy,
    rate,
    retry::{self, BudgetConfig, Jitter},
};
use shuttle::future::block_on;

use super::{
    callers::{Way, World, config, reached, seen},
    explore,
    runtime::{Flow, pass, spawn, yield_now},
};

const CALLS: usize = 4;
const RETRIES: u32 = 2;
const BURST: u32 = 2;

fn retrying(retries: u32) -> Policy {
    let budget = BudgetConfig::default().share_ppm(0).floor(retries);
    let retry =
        retry::Config::default().attempts(4).base_ms(10).jitter(Jitter::None).budget(budget);
    Policy::default().bulkhead(None).breaker(None).retry(Some(retry))
}

fn limited(burst: u32) -> Policy {
    let all = 1_000_000;
    let rate = rate::Config::default().permits(burst).burst(burst);
    let rate = rate.background_ppm(all).normal_ppm(all).important_ppm(all);
    Policy::default().bulkhead(None).breaker(None).retry(None).rate(Some(rate))
}

#[test]
fn no_more_is_retried_than_the_budget_holds() {
    explore(|| {
        let world = World::new(retrying(RETRIES));
        block_on(async {
            let time = Flow::begin();
            let callers: Vec<_> = (0..CALLS).map(|_| world.caller(Way::Bad(1))).collect();
            let gives_up = world.caller(Way::Bad(0));
            gives_up.abort();
            let guards = world.guards.clone();
            let reconfigures = spawn(async move {
                guards.reconfigure(config(retrying(RETRIES))).unwrap();
            });
            for caller in callers {
                caller.await.unwrap();
            }
            let _ = gives_up.await;
            reconfigures.await.unwrap();
            time.stop().await;
        });
        let calls = world.snapshot().counters.begun;
        assert!(seen().attempts <= calls + u64::from(RETRIES), "{:?}", seen());
        // Who gave up may have had one of them, and not have made it.
        assert!(seen().attempts + 2 >= calls + u64::from(RETRIES), "{:?}", seen());
        world.settle();
    });
    assert!(reached().seen.gave_up > 200);
}

#[test]
fn no_more_begins_than_the_rate_allows() {
    explore(|| {
        let world = World::new(limited(BURST));
        block_on(async {
            for _ in 0..2 {
                let before = seen().attempts;
                let callers: Vec<_> = (0..CALLS).map(|_| world.caller(Way::Good(0))).collect();
                let guards = world.guards.clone();
                let reconfigures = spawn(async move {
                    yield_now().await;
                    guards.reconfigure(config(limited(BURST))).unwrap();
                });
                for caller in callers {
                    caller.await.unwrap();
                }
                reconfigures.await.unwrap();
                assert_eq!(seen().attempts - before, u64::from(BURST));
                // As long as it takes for all of the burst to be there again.
                pass(Duration::from_secs(1));
            }
        });
        world.settle();
    });
    assert!(reached().counters.over_rate > 1_000);
}
