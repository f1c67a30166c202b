//! Places and turns: never more than may run at once, every place given back, and whoever is in line is
//! told. Where time stands still, who isn't told waits for ever, which the scheduler finds.

use std::time::Duration;

use conclave_core::resilience::{
    bulkhead,
    manager::{Manager, Policy},
    timeout,
};

use super::{
    callers::{Way, World, config, reached, seen},
    exhaust, explore,
    runtime::{Flow, pass, spawn, yield_now},
};
use shuttle::{future::block_on, thread};

const RUN: u32 = 2;
const LINE: u32 = 2;
/// All orders of a scene are fewer.
const MOST: usize = 400_000;

fn policy(run: u32, line: u32) -> Policy {
    let timeout = timeout::Config::default().adaptive(false).initial_ms(200);
    Policy::default()
        .bulkhead(Some(bulkhead::Config::default().concurrent(run).line(line).line_ms(300)))
        .retry(None)
        .breaker(None)
        .timeout(timeout)
}

/// Two run, two wait, and more come than that; they end in every way, and two give up at some moment.
async fn crowd(world: &World) {
    let ways = [Way::Good(1), Way::Bad(0), Way::Panics(1), Way::Nonsense(0), Way::Good(2)];
    let callers = ways.map(|way| world.caller(way));
    let gives_up = [Way::Good(1), Way::Bad(2)].map(|way| world.caller(way));
    for caller in &gives_up {
        caller.abort();
    }
    for caller in callers {
        caller.await.unwrap();
    }
    for caller in gives_up {
        let _ = caller.await; // it may have ended before
    }
}

#[test]
fn every_place_comes_back_and_who_is_in_line_is_told() {
    explore(|| {
        let world = World::new(policy(RUN, LINE));
        block_on(crowd(&world));
        assert!(seen().most_inside <= RUN.into());
        world.settle();
    });
    let reached = reached();
    assert_eq!(reached.seen.most_inside, u64::from(RUN));
    let seen = reached.seen;
    for times in [seen.good, seen.bad, seen.panicked, seen.nonsense, seen.gave_up, reached.waited] {
        assert!(times > 1_000, "{reached:?}");
    }
    assert!(reached.counters.no_room > 100 && reached.counters.left > 100, "{reached:?}");
}

#[test]
fn nor_is_anything_lost_where_deadlines_pass_half_way() {
    explore(|| {
        let world = World::new(policy(1, LINE));
        block_on(async {
            let time = Flow::begin();
            let slow = [100, 250, 150].map(|ms| world.caller(Way::Lasts(ms)));
            crowd(&world).await;
            for caller in slow {
                caller.await.unwrap();
            }
            time.stop().await;
        });
        assert!(seen().most_inside <= 1);
        world.settle();
    });
    let reached = reached();
    assert!(reached.seen.timed_out > 500 && reached.waited > 500, "{reached:?}");
}

/// Work ends before its caller is told, and after that, and after its caller has given up.
async fn workers(world: &World, slowest: Way) {
    let ways = [(Way::Good(2), 0), (Way::Bad(0), 3), (slowest, 4)];
    let callers = ways.map(|(way, turns)| world.worker(way, turns));
    let gives_up = world.worker(Way::Good(3), 2);
    gives_up.abort();
    for caller in callers {
        caller.await.unwrap();
    }
    let _ = gives_up.await; // it may have ended before
    while world.snapshot().bulkhead.unwrap().running > 0 {
        yield_now().await;
    }
}

#[test]
fn work_that_goes_on_keeps_its_place_whatever_its_caller_does() {
    explore(|| {
        let world = World::new(policy(1, LINE));
        block_on(workers(&world, Way::Good(0)));
        assert!(seen().most_inside <= 1, "{:?}", seen());
        world.settle();
    });
    let reached = reached();
    assert!(reached.waited > 1_000 && reached.counters.abandoned > 1_000, "{reached:?}");
    assert!(reached.seen.gave_up > 1_000, "{reached:?}");
}

#[test]
fn so_does_work_whose_deadline_is_over() {
    explore(|| {
        let world = World::new(policy(1, LINE));
        block_on(async {
            let time = Flow::begin();
            workers(&world, Way::Lasts(250)).await;
            time.stop().await;
        });
        assert!(seen().most_inside <= 1, "{:?}", seen());
        world.settle();
    });
    let reached = reached();
    assert!(reached.seen.timed_out > 1_000 && reached.counters.abandoned > 1_000, "{reached:?}");
}

/// Two callers and one place: all orders there are.
#[test]
fn in_all_orders_of_two_threads_one_waits_for_the_other() {
    let orders = exhaust(
        || {
            let world = World::new(policy(1, 1));
            let other = world.clone();
            let other = thread::spawn(move || block_on(other.call(Way::Good(0))));
            block_on(world.call(Way::Good(0)));
            other.join().unwrap();
            assert!((seen().good, seen().most_inside) == (2, 1));
            world.settle();
        },
        MOST,
    );
    assert!(reached().waited > 0);
    assert!((100..MOST).contains(&orders), "{orders}");
}

/// The same, where the second gives up at any moment: before it asks, in line, with its turn come and
/// not taken, and half-way.
#[test]
fn in_all_orders_of_giving_up_the_place_comes_back() {
    let orders = exhaust(
        || {
            let world = World::new(policy(1, 1));
            block_on(async {
                let gives_up = world.caller(Way::Good(0));
                let stays = world.caller(Way::Good(0));
                gives_up.abort();
                stays.await.unwrap();
                let _ = gives_up.await; // it may have ended before
            });
            assert!(seen().good > 0 && seen().most_inside == 1);
            world.settle();
        },
        MOST,
    );
    let reached = reached();
    assert!(reached.waited > 0 && reached.counters.left > 0, "{reached:?}");
    assert!((100..MOST).contains(&orders), "{orders}");
}

#[test]
fn other_settings_half_way_keep_every_place_and_every_turn() {
    explore(|| {
        let world = World::new(policy(RUN, LINE));
        let guards = world.guards.clone();
        block_on(async {
            let reconfigures = spawn(async move {
                let without = policy(1, 1).bulkhead(None);
                for policy in [policy(1, LINE), without, policy(3, 0), policy(RUN, LINE)] {
                    yield_now().await;
                    guards.reconfigure(config(policy)).unwrap();
                }
            });
            crowd(&world).await;
            reconfigures.await.unwrap();
        });
        world.settle();
    });
    assert!(reached().waited > 500);
}

#[test]
fn who_is_in_line_goes_on_at_once_where_more_may_run() {
    explore(|| {
        let world = World::new(policy(1, LINE));
        block_on(async {
            let holds = world.caller(Way::Lasts(100));
            while seen().attempts == 0 {
                yield_now().await;
            }
            let waits = [1, 0].map(|turns| world.caller(Way::Good(turns)));
            world.guards.reconfigure(config(policy(3, LINE))).unwrap();
            // They don't wait for who holds the first place.
            for waits in waits {
                waits.await.unwrap();
            }
            pass(Duration::from_millis(100));
            holds.await.unwrap();
        });
        assert_eq!(seen().good, 3);
        world.settle();
    });
    assert!(reached().waited > 200);
}

#[test]
fn who_was_in_line_for_too_long_is_told_when_nothing_else_happens() {
    explore(|| {
        let patient = timeout::Config::default().adaptive(false).initial_ms(1_000);
        let world = World::new(policy(1, LINE).timeout(patient));
        block_on(async {
            let holds = world.caller(Way::Lasts(500));
            while seen().attempts == 0 {
                yield_now().await;
            }
            let waits = [1, 0].map(|turns| world.caller(Way::Good(turns)));
            while world.snapshot().bulkhead.unwrap().waiting < 2 {
                yield_now().await;
            }
            pass(Duration::from_millis(300));
            for waits in waits {
                waits.await.unwrap();
            }
            assert_eq!((seen().good, seen().rejected), (0, 2));
            pass(Duration::from_millis(200));
            holds.await.unwrap();
        });
        world.settle();
    });
}

#[test]
fn peers_that_are_taken_away_and_come_back_leave_nobody_in_line() {
    explore(|| {
        let world = World::new(policy(1, LINE));
        let peers = |peers| config(policy(1, LINE)).peers(peers);
        world.guards.reconfigure(peers(2)).unwrap();
        let second = World { key: world.guards.key(1, "read").unwrap(), ..world.clone() };
        block_on(async {
            let callers = [1, 0, 2].map(|turns| second.caller(Way::Good(turns)));
            let guards = second.guards.clone();
            let reconfigures = spawn(async move {
                for count in [1, 2] {
                    yield_now().await;
                    guards.reconfigure(peers(count)).unwrap();
                    yield_now().await;
                    guards.manager(Manager::tick);
                }
            });
            for caller in callers {
                let _ = caller.await;
            }
            reconfigures.await.unwrap();
            second.call(Way::Good(0)).await;
        });
        assert!(seen().most_inside <= 1, "{:?}", seen());
        second.settle_since_it_is_back();
    });
    let reached = reached();
    assert!(reached.seen.unknown > 200 && reached.waited > 200, "{reached:?}");
    assert!(reached.began_anew > 200, "{reached:?}");
}
