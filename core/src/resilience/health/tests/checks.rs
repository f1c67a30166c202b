//! Rise and fall.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use super::at;
use crate::{
    resilience::{
        Outcome,
        health::{Check, CheckConfig, CheckEvent, Probe, State},
    },
    time::Time,
};

fn check() -> Check {
    Check::new(CheckConfig::default()).unwrap()
}

fn run(check: &mut Check, outcomes: &[Outcome]) {
    for outcome in outcomes {
        let now = check.next_wake();
        let probe = check.poll(now).unwrap();
        check.settle(now, probe, *outcome);
    }
}

const OK: Outcome = Outcome::Success;
const BAD: Outcome = Outcome::Failure;

#[test]
fn one_failure_does_not_flip_the_state_and_neither_do_failures_between_successes() {
    let mut guard = check();
    run(&mut guard, &[OK]);
    assert_eq!(guard.state(), State::Unknown, "one may be luck");
    run(&mut guard, &[OK]);
    assert_eq!(guard.state(), State::Up);
    for _ in 0..100 {
        run(&mut guard, &[BAD, BAD, OK]);
        assert_eq!(guard.state(), State::Up);
    }
    run(&mut guard, &[BAD, Outcome::Neutral, BAD, BAD]);
    assert_eq!(guard.state(), State::Down, "what says nothing neither counts nor ends the row");
    for _ in 0..100 {
        run(&mut guard, &[OK, BAD]);
        assert_eq!(guard.state(), State::Down);
    }
    run(&mut guard, &[OK, OK]);
    assert_eq!(guard.state(), State::Up);
    let events: Vec<_> = core::iter::from_fn(|| guard.poll_event()).collect();
    assert_eq!(events, [CheckEvent::Up, CheckEvent::Down, CheckEvent::Up]);
}

#[test]
fn another_interval_is_taken_from_the_last_check_on() {
    let slow = CheckConfig::default().interval_ms(3_600_000);
    let mut guard = Check::new(slow.clone()).unwrap();
    guard.reconfigure(CheckConfig::default()).unwrap();
    assert_eq!(guard.next_wake(), at(0), "the first is due at once");
    guard.reconfigure(slow.clone()).unwrap();
    let probe = guard.poll(at(1_000)).unwrap();
    guard.settle(at(1_000), probe, OK);
    assert_eq!(guard.next_wake(), at(3_601_000));
    guard.reconfigure(CheckConfig::default()).unwrap();
    assert_eq!(guard.next_wake(), at(3_000), "not in an hour");
    guard.reconfigure(slow).unwrap();
    assert_eq!(guard.next_wake(), at(3_601_000));
}

#[test]
fn a_check_that_hangs_hangs_nothing() {
    let mut guard = check();
    let mut hanging = Vec::new();
    let mut now = at(0);
    for round in 0..10 {
        hanging.push(guard.poll(now).expect("the next begins though the last hangs"));
        assert_eq!(guard.poll(now), None, "one at a time");
        now = guard.next_wake();
        assert_eq!(now, at(round * 2_000 + 1_000));
        assert_eq!(guard.poll(now), None, "it has failed, and the next isn't due");
        now = guard.next_wake();
    }
    assert_eq!(guard.state(), State::Down);
    // They end after all, and well: too late to say anything.
    for probe in hanging {
        guard.settle(now, probe, OK);
    }
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.state, snapshot.against), (State::Down, 0));
    assert_eq!((snapshot.counters.hung, snapshot.counters.late), (10, 10));
}

#[test]
fn a_result_of_an_earlier_check_is_not_the_current_ones() {
    let mut guard = check();
    let old = guard.poll(at(0)).unwrap();
    assert_eq!(guard.poll(at(1_000)), None);
    let new = guard.poll(at(2_000)).unwrap();
    guard.settle(at(2_001), old, BAD);
    assert_eq!(guard.snapshot().counters.late, 1);
    guard.settle(at(2_002), new, OK);
    assert_eq!((guard.snapshot().counters.succeeded, guard.snapshot().counters.failed), (1, 1));
}

#[test]
fn clocks_that_jump_neither_stop_checks_nor_make_them_all_at_once() {
    let mut guard = check();
    run(&mut guard, &[OK, OK]);
    let probe = guard.poll(at(900_000)).unwrap();
    guard.settle(at(5), probe, OK);
    assert_eq!(guard.next_wake(), at(2_005));
    assert_eq!(guard.poll(at(6)), None);
    let probe = guard.poll(Time::MAX).unwrap();
    assert_eq!(guard.poll(Time::MAX), None);
    guard.settle(Time::MAX, probe, OK);
    assert_eq!(guard.state(), State::Up);
}

/// Every order of results, hangs and ticks, against counting by hand.
#[test]
fn every_state_follows_from_the_last_results_alone() {
    let config = CheckConfig::default().rise(2).fall(3);
    let mut queue = VecDeque::from([(Check::new(config).unwrap(), Vec::<bool>::new())]);
    let mut known = BTreeSet::new();
    while let Some((guard, history)) = queue.pop_front() {
        for outcome in [OK, BAD, Outcome::Timeout, Outcome::Neutral] {
            let (mut next, mut history) = (guard.clone(), history.clone());
            let now = next.next_wake();
            let probe: Probe = next.poll(now).unwrap();
            if outcome == Outcome::Timeout {
                let ends = next.next_wake();
                assert_eq!(next.poll(ends), None);
            } else {
                next.settle(now, probe, outcome);
            }
            if outcome != Outcome::Neutral {
                history.push(outcome == OK);
            }
            assert_eq!(next.state(), by_hand(&history), "{history:?}");
            let tail = history[history.len().saturating_sub(3)..].to_vec();
            if known.insert((next.state(), tail)) {
                queue.push_back((next, history));
            }
        }
    }
    assert!(known.len() > 15, "{}", known.len());
}

fn by_hand(history: &[bool]) -> State {
    let mut state = State::Unknown;
    for end in 1..=history.len() {
        let row = |value, length| {
            end >= length && history[end - length..end].iter().all(|it| *it == value)
        };
        if row(true, 2) {
            state = State::Up;
        } else if row(false, 3) {
            state = State::Down;
        }
    }
    state
}
