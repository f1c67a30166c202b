//! A breaker that is finding out whether to close: no more probes at a time than it may, whatever
//! becomes of them; none that is lost keeps it from closing; and what comes too late moves nothing.

use std::time::Duration;

use conclave_core::resilience::{
    breaker::{self, State},
    manager::Policy,
    timeout,
};
use shuttle::future::block_on;

use super::{
    callers::{Way, World, config, reached, saw, seen},
    exhaust, explore,
    runtime::{Flow, pass, spawn, yield_now},
};

const PROBES: u8 = 2;
/// How long it is open at the longest.
const OPEN: Duration = Duration::from_millis(200);

/// Open after one failure, for 100 ms and then 200; a probe is lost after 50 ms.
fn breaker() -> breaker::Config {
    breaker::Config::default()
        .failure_rate_ppm(None)
        .failures_in_a_row(Some(1))
        .open_ms(100)
        .open_max_ms(OPEN.as_millis() as u64)
        .probes(PROBES)
        .probe_lease_ms(50)
}

/// An attempt may last as long as a probe, so a probe is lost where nobody looks after it in time.
fn policy(breaker: breaker::Config) -> Policy {
    let timeout = timeout::Config::default().adaptive(false).initial_ms(breaker.probe_lease_ms);
    Policy::default().bulkhead(None).retry(None).breaker(Some(breaker)).timeout(timeout)
}

fn state(world: &World) -> State {
    world.snapshot().breaker.unwrap().state
}

/// One that has opened, and whose time is over: the next that ask are probes.
async fn due(world: &World, probes: u8) {
    world.call(Way::Bad(0)).await;
    assert_eq!(state(world), State::Open);
    pass(OPEN);
    saw(|seen| seen.closes_after = probes.into());
}

/// Good calls close it, one after the other, as soon as its time is over.
async fn recovers(world: &World) {
    pass(OPEN);
    for _ in 0..PROBES {
        world.call(Way::Good(0)).await;
    }
    assert_eq!(state(world), State::Closed, "{:?}", world.snapshot());
}

/// Callers who ask a breaker at once that is due, while time stands still.
fn half_open(ways: &[Way], gives_up: &[Way]) {
    let world = World::new(policy(breaker()));
    block_on(async {
        due(&world, PROBES).await;
        let callers: Vec<_> = ways.iter().map(|way| world.caller(*way)).collect();
        let gives_up: Vec<_> = gives_up.iter().map(|way| world.caller(*way)).collect();
        for caller in &gives_up {
            caller.abort();
        }
        for caller in callers {
            caller.await.unwrap();
        }
        for caller in gives_up {
            let _ = caller.await; // it may have ended before
        }
        // Before it closed, so many successes ago, there were no more at a time than it may.
        assert!(seen().most_probing <= PROBES.into(), "{:?}", seen());
        recovers(&world).await;
    });
    world.settle();
}

#[test]
fn half_open_lets_no_more_through_at_a_time_than_it_may() {
    explore(|| half_open(&[Way::Good(1), Way::Good(0), Way::Good(2), Way::Good(1)], &[]));
    let reached = reached();
    assert_eq!(reached.seen.most_probing, u64::from(PROBES));
    assert!(reached.counters.attempts_rejected > 500 && reached.late == 0, "{reached:?}");
}

#[test]
fn nor_where_probes_fail_say_nothing_panic_or_are_given_up() {
    explore(|| {
        let ways = [Way::Good(1), Way::Panics(1), Way::Nonsense(0), Way::Bad(2), Way::Good(0)];
        half_open(&ways, &[Way::Good(1), Way::Bad(1)]);
    });
    let reached = reached();
    let seen = reached.seen;
    for times in [seen.panicked, seen.nonsense, seen.bad, seen.gave_up, reached.late] {
        assert!(times > 300, "{reached:?}");
    }
    assert_eq!(seen.most_probing, u64::from(PROBES));
}

/// Two callers and one probe: all orders there are.
#[test]
fn in_all_orders_of_two_callers_one_probe_runs_at_a_time() {
    const MOST: usize = 400_000;
    let orders = exhaust(
        || {
            let world = World::new(policy(breaker().probes(1)));
            block_on(async {
                due(&world, 1).await;
                let (first, second) = (world.caller(Way::Good(0)), world.caller(Way::Good(0)));
                first.await.unwrap();
                second.await.unwrap();
                assert_eq!(seen().most_probing, 1);
            });
            assert_eq!(state(&world), State::Closed);
            world.settle();
        },
        MOST,
    );
    assert!(reached().counters.attempts_rejected > 0);
    assert!((100..MOST).contains(&orders), "{orders}");
}

#[test]
fn a_late_result_of_before_it_opened_moves_nothing() {
    explore(|| {
        let world = World::new(policy(breaker().probe_lease_ms(5_000)));
        block_on(async {
            // One that began while it was closed is under way when another's failure opens it.
            let late = world.caller(Way::FailsAfter(250));
            while seen().attempts == 0 {
                yield_now().await;
            }
            world.call(Way::Bad(0)).await;
            assert_eq!(state(&world), State::Open);
            pass(Duration::from_millis(100));
            // It fails while others probe.
            let probes = [Way::Good(1), Way::Good(0), Way::Good(2)].map(|way| world.caller(way));
            pass(Duration::from_millis(150));
            for probe in probes {
                probe.await.unwrap();
            }
            late.await.unwrap();
            let counters = world.snapshot().breaker.unwrap().counters;
            assert_eq!((counters.opened, counters.late), (1, 1), "{counters:?}");
            assert_eq!((state(&world), counters.closed), (State::Closed, 1));
        });
        world.settle();
    });
}

#[test]
fn probes_that_are_lost_and_come_too_late_do_not_wedge_it() {
    explore(|| {
        let world = World::new(policy(breaker()));
        block_on(async {
            due(&world, PROBES).await;
            let time = Flow::begin();
            let ways = [Way::Lasts(80), Way::FailsAfter(70), Way::Lasts(30), Way::Good(1)];
            let callers = ways.map(|way| world.caller(way));
            let gives_up = world.caller(Way::Lasts(120));
            gives_up.abort();
            for caller in callers {
                caller.await.unwrap();
            }
            let _ = gives_up.await;
            time.stop().await;
            recovers(&world).await;
        });
        world.settle();
    });
    let reached = reached();
    assert!(reached.probes_lost > 200 && reached.late > 200, "{reached:?}");
}

#[test]
fn other_settings_half_way_do_not_wedge_it() {
    explore(|| {
        let world = World::new(policy(breaker().probes(3)));
        block_on(async {
            due(&world, 3).await;
            let guards = world.guards.clone();
            let reconfigures = spawn(async move {
                for probes in [1, 4, PROBES] {
                    guards.reconfigure(config(policy(breaker().probes(probes)))).unwrap();
                    yield_now().await;
                }
            });
            let callers = [0, 1].map(|turns| world.caller(Way::Good(turns)));
            for caller in callers {
                caller.await.unwrap();
            }
            reconfigures.await.unwrap();
            recovers(&world).await;
        });
        world.settle();
    });
}
