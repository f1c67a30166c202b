//! Copies beside what takes long: never more than there may be, each seen by every guard, and whatever
//! wins, nothing of the others is left.

use conclave_core::resilience::{
    adaptive, breaker,
    manager::Policy,
    retry::{self, BudgetConfig, HedgeConfig, Jitter},
    timeout,
};
use shuttle::future::block_on;

use super::{
    callers::{Way, World, reached, seen},
    explore,
    runtime::Flow,
};

/// Retries and copies of all calls together.
const BUDGET: u32 = 3;

/// Two copies, 50 ms apart; two attempts of 200 ms at most; open after four failures in a row.
fn policy() -> Policy {
    let budget = BudgetConfig::default().share_ppm(0).floor(BUDGET);
    let retry =
        retry::Config::default().attempts(2).base_ms(10).jitter(Jitter::None).budget(budget);
    let hedge = HedgeConfig::default()
        .after_ms(50)
        .copies(2)
        .budget(BudgetConfig::default().share_ppm(0).floor(100));
    let breaker = breaker::Config::default()
        .failure_rate_ppm(None)
        .failures_in_a_row(Some(4))
        .open_ms(100)
        .open_max_ms(100);
    // Wide enough for all: whatever isn't given back to it shows.
    let adaptive = adaptive::Config::default().min(64).initial(64).max(64).lease_ms(86_400_000);
    let timeout = timeout::Config::default().adaptive(false).initial_ms(200);
    Policy::default()
        .repeatable(true)
        .hedge(Some(hedge))
        .adaptive(Some(adaptive))
        .retry(Some(retry))
        .breaker(Some(breaker))
        .timeout(timeout)
}

#[test]
fn whatever_wins_nothing_of_the_others_is_left_and_all_is_counted() {
    explore(|| {
        let world = World::new(policy());
        block_on(async {
            let time = Flow::begin();
            let ways = [Way::Lasts(120), Way::FailsAfter(90), Way::Lasts(400), Way::Panics(3)];
            let callers = ways.map(|way| world.caller(way));
            let gives_up = world.caller(Way::Lasts(120));
            gives_up.abort();
            for caller in callers {
                caller.await.unwrap();
            }
            let _ = gives_up.await; // it may have ended before
            time.stop().await;
        });
        let snapshot = world.snapshot();
        let (begun, attempts) = (snapshot.counters.begun, seen().attempts);
        assert!(attempts <= begun + u64::from(BUDGET), "{:?}", seen());
        assert!(snapshot.hedge.unwrap().copies <= BUDGET.into(), "{snapshot:?}");
        world.settle();
    });
    let reached = reached();
    assert!(reached.copies > 1_000 && reached.seen.timed_out > 500, "{reached:?}");
    assert!(reached.seen.gave_up > 200 && reached.seen.panicked > 1_000, "{reached:?}");
}

#[test]
fn one_call_has_no_more_copies_than_configured() {
    explore(|| {
        let world = World::new(policy().breaker(None));
        block_on(async {
            let time = Flow::begin();
            world.call(Way::Lasts(180)).await;
            time.stop().await;
        });
        // Fewer where it was over before anybody looked at the clock.
        assert!(seen().good == 1 && seen().attempts <= 3, "{:?}", seen());
        world.settle();
    });
    assert_eq!(reached().seen.most_inside, 3);
}
