//! What an experiment does, case by case.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{Config, Experiment, Fault, LONG, Target, at, call, config, experiment};
use crate::{
    resilience::{
        Outcome,
        chaos::{Aborted, Event, Injection, NotPermitted, Phase},
    },
    time::Time,
};

const QUICK: Duration = Duration::from_millis(5);

/// A call to a peer each 10 ms, in turns; touched calls end so. Which were touched.
fn calls(
    guard: &mut Experiment,
    from_ms: u64,
    for_ms: u64,
    touched_end: Outcome,
) -> Vec<(u16, Injection)> {
    let mut touched = Vec::new();
    for (number, now_ms) in (from_ms..from_ms + for_ms).step_by(10).enumerate() {
        let peer = (number % 4) as u16;
        let injection = guard.inject(at(now_ms), call(peer));
        let outcome = if injection.is_some() { touched_end } else { Outcome::Success };
        guard.settle(at(now_ms), outcome, QUICK);
        touched.extend(injection.map(|it| (peer, it)));
    }
    touched
}

#[test]
fn nothing_is_touched_without_permission_nor_after_it() {
    let mut guard = experiment(config(Fault::Error));
    assert!(calls(&mut guard, 0, 60_000, Outcome::Success).is_empty());
    assert_eq!(guard.phase(), Phase::Idle);
    assert_eq!(guard.permit(at(60_000), at(70_000)), Err(NotPermitted), "it would end before");
    guard.permit(at(60_000), at(80_000)).unwrap();
    let touched = calls(&mut guard, 60_000, 60_000, Outcome::Success);
    assert!(!touched.is_empty());
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::PermissionOver));
    assert!(calls(&mut guard, 120_000, 60_000, Outcome::Success).is_empty());
}

#[test]
fn it_looks_first_injects_then_looks_again_and_holds() {
    let mut guard = experiment(config(Fault::Error));
    guard.permit(at(0), LONG).unwrap();
    assert!(calls(&mut guard, 0, 10_000, Outcome::Success).is_empty());
    assert_eq!((guard.phase(), guard.next_wake()), (Phase::Baseline, Some(at(10_000))));
    // Retries rescue every touched call.
    let touched = calls(&mut guard, 10_000, 60_000, Outcome::Success);
    assert!((100..=200).contains(&touched.len()), "{} of 1500 to one peer", touched.len());
    assert!(calls(&mut guard, 70_000, 60_010, Outcome::Success).is_empty());
    assert_eq!(guard.phase(), Phase::Held);
    let events: Vec<_> = core::iter::from_fn(|| guard.poll_event()).collect();
    let peer = touched[0].0;
    assert_eq!(
        events,
        [
            Event::Entered(Phase::Baseline),
            Event::Entered(Phase::Injecting),
            Event::Touches { peer },
            Event::Entered(Phase::Recovering),
            Event::Entered(Phase::Held),
        ]
    );
}

#[test]
fn it_aborts_by_itself_as_soon_as_it_hurts() {
    let mut guard = experiment(config(Fault::Error).max_peers(4).share_ppm(500_000));
    guard.permit(at(0), LONG).unwrap();
    let touched = calls(&mut guard, 0, 60_000, Outcome::Failure);
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::Refuted));
    let judged = guard.snapshot().rates;
    assert!(
        judged.failed * 20 >= judged.calls && judged.calls >= 20,
        "it says by what: {judged:?}"
    );
    assert!(touched.len() <= 15, "{}: one of twenty calls is too many", touched.len());
    // It can be repeated, and touches the same calls.
    guard.permit(at(60_000), LONG).unwrap();
    assert_eq!(calls(&mut guard, 60_000, 60_000, Outcome::Failure), touched);
}

#[test]
fn nothing_begins_that_was_not_steady_or_that_nobody_uses() {
    let mut guard = experiment(config(Fault::Error));
    guard.permit(at(0), LONG).unwrap();
    for number in 0..100 {
        let outcome = if number % 10 == 0 { Outcome::Timeout } else { Outcome::Success };
        guard.settle(at(number), outcome, QUICK);
    }
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::NotSteady));
    guard.permit(at(1_000), LONG).unwrap();
    (0..100).for_each(|number| guard.settle(at(1_000 + number), Outcome::Success, Duration::MAX));
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::NotSteady), "slow isn't steady either");
    guard.permit(at(2_000), LONG).unwrap();
    guard.tick(at(12_000));
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::TooQuiet));
    assert_eq!(guard.snapshot().counters.injected, 0);
}

#[test]
fn what_does_not_recover_is_a_finding() {
    let mut guard = experiment(config(Fault::Crash));
    guard.permit(at(0), LONG).unwrap();
    calls(&mut guard, 0, 70_000, Outcome::Success);
    guard.tick(at(70_000));
    assert_eq!(guard.phase(), Phase::Recovering);
    for now in (70_000..130_000).step_by(10) {
        guard.settle(at(now), Outcome::Failure, QUICK);
    }
    guard.tick(at(130_000));
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::NotRecovered));
}

#[test]
fn who_can_not_see_any_more_whether_it_hurts_does_not_go_on() {
    // Nobody calls any more: nothing fails, and nothing is known.
    let mut guard = experiment(config(Fault::Drop));
    guard.permit(at(0), LONG).unwrap();
    calls(&mut guard, 0, 15_000, Outcome::Success);
    let mut now = at(15_000);
    while guard.phase() == Phase::Injecting && now < at(60_000) {
        now = guard.next_wake().unwrap().max(now);
        guard.tick(now);
    }
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::Blind));
    assert!(now > at(20_000) && now <= at(26_000), "one window and a slice of it later: {now}");
    // Nor is silence recovery.
    guard.permit(at(60_000), LONG).unwrap();
    calls(&mut guard, 60_000, 70_000, Outcome::Success);
    guard.tick(at(130_000));
    assert_eq!(guard.phase(), Phase::Recovering);
    guard.tick(at(190_000));
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::Blind));
}

#[test]
fn no_more_peers_and_calls_are_touched_than_stated() {
    for max_peers in 1..=3 {
        let config = config(Fault::Drop).share_ppm(1_000_000).max_peers(max_peers).max_calls(50);
        let mut guard = experiment(config);
        guard.permit(at(0), LONG).unwrap();
        let touched = calls(&mut guard, 0, 70_000, Outcome::Success);
        let mut peers: Vec<_> = touched.iter().map(|it| it.0).collect();
        peers.sort_unstable();
        peers.dedup();
        assert_eq!((touched.len(), peers.len()), (50, usize::from(max_peers)));
        let snapshot = guard.snapshot();
        assert_eq!((snapshot.counters.injected, snapshot.peers), (50, max_peers));
        assert!(snapshot.counters.spared > 0);
    }
}

#[test]
fn only_what_is_in_its_scope_is_touched() {
    let config = config(Fault::Error).peers(vec![2, 3]).operations(vec![7]).share_ppm(1_000_000);
    let mut guard = experiment(config.max_peers(4));
    guard.permit(at(0), LONG).unwrap();
    calls(&mut guard, 0, 10_010, Outcome::Success);
    let mut touched = Vec::new();
    for peer in 0..5 {
        for operation in 0..10 {
            let target = Target { peer, operation };
            touched.extend(guard.inject(at(10_100), target).map(|_| (peer, operation)));
        }
    }
    assert_eq!(touched, [(2, 7), (3, 7)]);
}

#[test]
fn a_partition_touches_every_call_and_delays_are_within_what_is_stated() {
    let mut guard = experiment(config(Fault::Partition).peers(vec![1]));
    guard.permit(at(0), LONG).unwrap();
    let touched = calls(&mut guard, 0, 11_000, Outcome::Success);
    assert_eq!(touched.len(), 25, "every one to peer 1 in a second");
    let latency = Fault::Latency { ms: 50, jitter_ms: 20 };
    let mut guard = experiment(config(latency).share_ppm(1_000_000));
    guard.permit(at(0), LONG).unwrap();
    let touched = calls(&mut guard, 0, 40_000, Outcome::Success);
    let delays = touched.iter().map(|it| it.1.delay);
    let (least, most) = (delays.clone().min().unwrap(), delays.max().unwrap());
    assert!(least >= Duration::from_millis(50) && most <= Duration::from_millis(70));
    assert!(most > least + Duration::from_millis(15), "{least:?} to {most:?}");
}

#[test]
fn an_operator_stops_it_at_once_whatever_it_does() {
    for until in [5_000, 20_000, 80_000] {
        let mut guard = experiment(config(Fault::Error));
        guard.permit(at(0), LONG).unwrap();
        calls(&mut guard, 0, until, Outcome::Success);
        guard.abort(at(until), Aborted::Operator);
        assert_eq!(guard.phase(), Phase::Aborted(Aborted::Operator));
        assert_eq!(guard.next_wake(), None);
        assert!(calls(&mut guard, until, 100_000, Outcome::Success).is_empty());
    }
    let mut guard = experiment(config(Fault::Error));
    guard.abort(at(0), Aborted::Operator);
    assert_eq!(guard.phase(), Phase::Idle, "what hasn't begun isn't aborted");
}

#[test]
fn clocks_that_jump_end_it_rather_than_prolong_it() {
    let mut guard = experiment(Config { inject_ms: 86_400_000, ..config(Fault::Error) });
    guard.permit(at(0), at(86_400_000)).unwrap();
    calls(&mut guard, 0, 11_000, Outcome::Success);
    assert_eq!(guard.phase(), Phase::Injecting);
    assert_eq!(guard.inject(Time::MAX, call(0)), None);
    assert_eq!(guard.phase(), Phase::Aborted(Aborted::PermissionOver));
}

#[test]
fn a_seed_touches_the_same_calls_again_and_another_seed_others() {
    let touched = |seed| {
        let config = config(Fault::Error).seed(seed).max_peers(4).max_calls(1_000_000);
        let mut guard = experiment(config);
        guard.permit(at(0), LONG).unwrap();
        let mut touched = Vec::new();
        for number in 0..6_000_u64 {
            let now = at(number * 10);
            if guard.inject(now, call((number % 4) as u16)).is_some() {
                touched.push(number);
            }
            guard.settle(now, Outcome::Success, QUICK);
            guard.tick(now);
        }
        assert_eq!(guard.snapshot().counters.injected, touched.len() as u64);
        touched
    };
    let mut all = alloc::collections::BTreeSet::new();
    for seed in 0..20 {
        let once = touched(seed);
        // A tenth of five thousand.
        assert!((400..600).contains(&once.len()), "seed {seed}: {}", once.len());
        assert_eq!(once, touched(seed));
        assert!(all.insert(once), "seed {seed} is another's");
    }
}
