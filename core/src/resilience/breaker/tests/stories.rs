//! What a breaker does, case by case.

use alloc::vec::Vec;
use core::time::Duration;

use super::{at, breaker, call, fail, small};
use crate::{
    resilience::{
        Outcome,
        breaker::{Config, Event, Mode, Rates, Rejected, State, Why, Window},
    },
    time::Time,
};

#[test]
fn it_opens_at_the_rate_and_not_before_enough_calls() {
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 3);
    assert_eq!(guard.state(), State::Closed, "three of three are too few to tell");
    let mut guard = breaker(small());
    for _ in 0..4 {
        call(&mut guard, at(1), Outcome::Success);
    }
    fail(&mut guard, at(1), 3);
    assert_eq!(guard.snapshot().rates, Rates { calls: 7, failed: 3, slow: 0 });
    call(&mut guard, at(2), Outcome::Timeout);
    assert_eq!(guard.state(), State::Open, "four of eight");
    let rejected = guard.admit(at(2)).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::Open, Some(at(1_002))));
    assert!(guard.admit(at(1_001)).is_err());
    let rates = Rates { calls: 8, failed: 4, slow: 0 };
    let opened = Event::Opened { rates, in_a_row: 1, until: at(1_002) };
    assert_eq!(guard.poll_event(), Some(opened));
}

#[test]
fn half_open_lets_no_more_through_than_the_probes_it_needs() {
    // Given a breaker that opened a second ago,
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 4);
    // when a hundred calls come at once,
    let admitted: Vec<_> = (0..100).filter_map(|_| guard.admit(at(1_000)).ok()).collect();
    // then two go through, and the others are told when a lease ends.
    assert_eq!((guard.state(), admitted.len()), (State::HalfOpen, 2));
    let rejected = guard.admit(at(1_000)).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::Probing, Some(at(1_500))));
    // And one success isn't two.
    let mut probes = admitted.into_iter();
    guard.settle(at(1_010), probes.next().unwrap(), Outcome::Success);
    assert_eq!(guard.state(), State::HalfOpen);
    assert!(guard.admit(at(1_010)).is_err(), "one succeeded, one is under way: enough");
    guard.settle(at(1_020), probes.next().unwrap(), Outcome::Success);
    assert_eq!(guard.state(), State::Closed);
}

#[test]
fn a_probe_that_fails_opens_it_again_and_for_longer() {
    let mut guard = breaker(small().open_growth_percent(300).open_max_ms(5_000));
    fail(&mut guard, at(0), 4);
    let mut now = at(0);
    for open_ms in [1_000, 3_000, 5_000, 5_000] {
        let rejected = guard.admit(now).unwrap_err();
        assert_eq!(rejected.retry_at, Some(now + Duration::from_millis(open_ms)));
        now = rejected.retry_at.unwrap();
        call(&mut guard, now, Outcome::Failure);
    }
    // Once it closed, it begins anew.
    now = guard.next_wake().unwrap();
    call(&mut guard, now, Outcome::Success);
    call(&mut guard, now, Outcome::Success);
    fail(&mut guard, now, 4);
    assert_eq!(guard.next_wake(), Some(now + Duration::from_secs(1)));
}

#[test]
fn probes_may_fail_where_that_is_allowed() {
    let mut guard = breaker(small().probes_may_fail(1));
    fail(&mut guard, at(0), 4);
    call(&mut guard, at(1_000), Outcome::Failure);
    assert_eq!(guard.state(), State::HalfOpen);
    call(&mut guard, at(1_000), Outcome::Success);
    call(&mut guard, at(1_000), Outcome::Success);
    assert_eq!(guard.state(), State::Closed);
}

#[test]
fn a_probe_that_is_lost_does_not_wedge_it() {
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 4);
    // Two probes whose callers vanish.
    drop(guard.admit(at(1_000)));
    drop(guard.admit(at(1_200)));
    assert_eq!(guard.next_wake(), Some(at(1_500)));
    guard.tick(at(1_500));
    assert_eq!(guard.state(), State::Open, "no answer is an answer");
    assert_eq!(guard.snapshot().counters.probes_lost, 1);
    // And a second later it tries again.
    call(&mut guard, at(2_500), Outcome::Success);
    call(&mut guard, at(2_500), Outcome::Success);
    assert_eq!(guard.state(), State::Closed);
}

#[test]
fn a_probe_that_says_nothing_gives_its_lease_back() {
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 4);
    for _ in 0..100 {
        call(&mut guard, at(1_000), Outcome::Neutral);
        assert_eq!(guard.state(), State::HalfOpen);
    }
    call(&mut guard, at(1_000), Outcome::Success);
    call(&mut guard, at(1_000), Outcome::Success);
    assert_eq!(guard.state(), State::Closed);
}

#[test]
fn where_fewer_probes_are_enough_those_that_succeeded_are() {
    // Given a breaker that wants two, one of which succeeded,
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 4);
    call(&mut guard, at(1_000), Outcome::Success);
    // when more are wanted, it goes on,
    guard.reconfigure(small().probes(3)).unwrap();
    call(&mut guard, at(1_000), Outcome::Success);
    assert_eq!(guard.state(), State::HalfOpen);
    // and when one is enough, it closes: no other probe would be let through to close it.
    guard.reconfigure(small().probes(1)).unwrap();
    assert_eq!((guard.state(), guard.snapshot().counters.closed), (State::Closed, 1));
    call(&mut guard, at(1_000), Outcome::Success);
}

#[test]
fn late_results_change_nothing() {
    // Given calls that were let through while it was closed,
    let mut guard = breaker(small());
    let late: Vec<_> = (0..20).map(|_| guard.admit(at(0)).unwrap()).collect();
    let mut late = late.into_iter();
    fail(&mut guard, at(0), 4);
    // when they end while it is open, half-open, or closed again,
    guard.settle(at(500), late.next().unwrap(), Outcome::Success);
    assert_eq!(guard.state(), State::Open);
    guard.tick(at(1_000));
    for outcome in [Outcome::Success, Outcome::Success, Outcome::Failure] {
        guard.settle(at(1_000), late.next().unwrap(), outcome);
        assert_eq!(guard.state(), State::HalfOpen, "they are no probes");
    }
    call(&mut guard, at(1_000), Outcome::Success);
    call(&mut guard, at(1_000), Outcome::Success);
    for permit in late {
        guard.settle(at(1_001), permit, Outcome::Failure);
    }
    // then it stands where it stood, and has counted them.
    assert_eq!((guard.state(), guard.snapshot().rates), (State::Closed, Rates::default()));
    assert_eq!(guard.snapshot().counters.late, 20);
}

#[test]
fn a_result_after_its_lease_is_late() {
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 4);
    let probe = guard.admit(at(1_000)).unwrap();
    assert!(probe.is_probe());
    guard.settle(at(1_500), probe, Outcome::Success);
    assert_eq!((guard.state(), guard.snapshot().counters.late), (State::Open, 1));
}

#[test]
fn slow_calls_open_it_though_they_succeed() {
    let mut guard = breaker(small().slow_call_ms(100).slow_rate_ppm(Some(750_000)));
    let slow = |guard: &mut super::Breaker, from: u64, took: u64| {
        let permit = guard.admit(at(from)).unwrap();
        guard.settle(at(from + took), permit, Outcome::Success);
    };
    slow(&mut guard, 0, 99);
    slow(&mut guard, 100, 100);
    slow(&mut guard, 200, 200);
    assert_eq!(guard.state(), State::Closed);
    slow(&mut guard, 400, 100);
    assert_eq!(guard.state(), State::Open, "three of four");
    // A probe that is as slow as before has not shown that anything is better.
    slow(&mut guard, 1_500, 100);
    assert_eq!(guard.state(), State::Open);
}

#[test]
fn in_a_row_is_for_what_is_called_rarely() {
    let config = small().failure_rate_ppm(None).failures_in_a_row(Some(3));
    let mut guard = breaker(config);
    for round in 0..10 {
        fail(&mut guard, at(round * 60_000), 2);
        call(&mut guard, at(round * 60_000), Outcome::Success);
    }
    assert_eq!(guard.state(), State::Closed);
    fail(&mut guard, at(900_000), 3);
    assert_eq!(guard.state(), State::Open);
}

#[test]
fn what_says_nothing_is_not_counted() {
    let mut guard = breaker(small().failures_in_a_row(Some(3)));
    fail(&mut guard, at(0), 2);
    for _ in 0..100 {
        call(&mut guard, at(0), Outcome::Neutral);
    }
    assert_eq!(guard.snapshot().rates, Rates { calls: 2, failed: 2, slow: 0 });
    fail(&mut guard, at(0), 1);
    assert_eq!(guard.state(), State::Open, "neither did it end the row");
}

#[test]
fn an_operator_can_open_disable_or_only_watch_it() {
    let mut guard = breaker(small());
    guard.set_mode(at(0), Mode::ForcedOpen);
    let rejected = guard.admit(at(1_000_000)).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::Forced, None));
    guard.set_mode(at(0), Mode::Disabled);
    fail(&mut guard, at(0), 100);
    assert_eq!(guard.snapshot().rates, Rates::default());
    guard.set_mode(at(0), Mode::MetricsOnly);
    fail(&mut guard, at(0), 10);
    assert_eq!((guard.state(), guard.snapshot().counters.would_open), (State::Closed, 1));
    // What the disabled one let through counts for nothing later.
    guard.set_mode(at(0), Mode::Disabled);
    let permit = guard.admit(at(0)).unwrap();
    guard.set_mode(at(0), Mode::Normal);
    guard.settle(at(0), permit, Outcome::Failure);
    assert_eq!(guard.snapshot().rates, Rates::default());
    assert_eq!(
        guard.snapshot().counters.late,
        6,
        "of those that were counted once it would be open"
    );
    fail(&mut guard, at(0), 4);
    assert_eq!(guard.state(), State::Open);
    let events: Vec<_> = core::iter::from_fn(|| guard.poll_event()).collect();
    assert!(matches!(events[3], Event::WouldOpen { .. }), "{events:?}");
}

#[test]
fn without_a_schedule_it_is_half_open_once_somebody_asks() {
    let mut guard = breaker(small().scheduled(false));
    fail(&mut guard, at(0), 4);
    assert_eq!(guard.next_wake(), None);
    guard.tick(at(5_000));
    assert_eq!(guard.state(), State::Open);
    assert!(guard.admit(at(5_000)).unwrap().is_probe());
}

#[test]
fn other_thresholds_keep_the_state() {
    let mut guard = breaker(small());
    fail(&mut guard, at(0), 3);
    guard.reconfigure(small().minimum_calls(3).open_ms(9_000)).unwrap();
    assert_eq!(guard.snapshot().rates.failed, 3);
    fail(&mut guard, at(0), 1);
    assert_eq!(guard.next_wake(), Some(at(9_000)));
    guard.reconfigure(small().window(Window::Ms(1_000))).unwrap();
    assert_eq!((guard.state(), guard.next_wake()), (State::Open, Some(at(9_000))));
}

#[test]
fn clocks_that_jump_neither_wedge_it_nor_open_it_early() {
    let mut guard = breaker(small());
    fail(&mut guard, at(100_000), 4);
    // An hour back: the second is a second nevertheless.
    let rejected = guard.admit(at(10)).unwrap_err();
    assert_eq!(rejected.retry_at, Some(at(1_010)));
    assert!(guard.admit(at(1_009)).is_err());
    let probe = guard.admit(at(1_010)).unwrap();
    // The end of time, and back: the lease is over, and it opens and recovers as ever.
    guard.tick(Time::MAX);
    guard.settle(at(0), probe, Outcome::Success);
    assert_eq!(guard.state(), State::Open);
    let wake = guard.next_wake().unwrap();
    assert!(wake <= at(1_000), "{wake}");
    call(&mut guard, wake, Outcome::Success);
    call(&mut guard, wake, Outcome::Success);
    assert_eq!(guard.state(), State::Closed);
}

#[test]
fn a_million_failures_under_way_open_it_once() {
    let mut guard = breaker(Config::default().window(Window::Calls(8_192)));
    let permits: Vec<_> = (0..100_000).map(|_| guard.admit(at(0)).unwrap()).collect();
    for permit in permits {
        guard.settle(at(1), permit, Outcome::Failure);
    }
    let counters = guard.snapshot().counters;
    assert_eq!((counters.opened, counters.late), (1, 100_000 - 20));
}

#[test]
fn who_meets_probes_is_told_how_long_they_take_and_not_when_they_would_be_lost() {
    let mut guard = breaker(small().probes(1).probe_lease_ms(30_000));
    fail(&mut guard, at(0), 4);
    let probe = guard.admit(at(1_000)).unwrap();
    let rejected = guard.admit(at(1_000)).unwrap_err();
    // As long as nobody knows, it is as long as it would be open.
    assert_eq!(rejected, Rejected { why: Why::Probing, retry_at: Some(at(2_000)) });
    guard.settle(at(1_050), probe, Outcome::Failure);
    let probe = guard.admit(at(2_050)).unwrap();
    assert_eq!(guard.admit(at(2_060)).unwrap_err().retry_at, Some(at(2_110)), "50 ms, as the last");
    // Never later than when it is lost.
    assert_eq!(guard.admit(at(32_040)).unwrap_err().retry_at, Some(at(32_050)));
    drop(probe);
}
