//! Who fails more often than the others.

use super::at;
use crate::{
    dice::Dice,
    resilience::{
        Outcome,
        health::{OutlierConfig, OutlierEvent, Outliers},
    },
    time::Time,
};

fn outliers() -> Outliers {
    Outliers::new(OutlierConfig::default().peers(7).at_most(2)).unwrap()
}

/// A hundred calls to each, of which so many in a hundred fail.
fn calls(guard: &mut Outliers, now: Time, failed: [u32; 7]) {
    for (peer, failed) in failed.into_iter().enumerate() {
        for call in 0..100 {
            let outcome = if call < failed { Outcome::Timeout } else { Outcome::Success };
            guard.settle(now, peer as u16, outcome);
        }
    }
}

#[test]
fn who_fails_more_than_the_others_is_left_alone_and_comes_back() {
    let mut guard = outliers();
    calls(&mut guard, at(1), [0, 5, 0, 0, 90, 0, 10]);
    guard.tick(at(10_000));
    assert!(guard.is_ejected(4) && !guard.is_ejected(6));
    let (failed_ppm, until) = (900_000, at(40_000));
    let ejected = OutlierEvent::Ejected { peer: 4, failed_ppm, middle_ppm: 0, until };
    assert_eq!(guard.poll_event(), Some(ejected));
    guard.tick(at(30_000));
    assert!(guard.is_ejected(4));
    guard.tick(at(40_000));
    assert!(!guard.is_ejected(4));
    assert_eq!(guard.poll_event(), Some(OutlierEvent::Returned { peer: 4 }));
    // Again, and for longer.
    calls(&mut guard, at(40_001), [0, 0, 0, 0, 90, 0, 0]);
    guard.tick(at(50_000));
    guard.tick(at(100_000));
    assert!(guard.is_ejected(4), "twice as long");
    guard.tick(at(110_000));
    assert!(!guard.is_ejected(4));
}

#[test]
fn where_all_fail_it_is_the_network_and_nobody_is_ejected() {
    let mut guard = outliers();
    for round in 0..10 {
        calls(&mut guard, at(round * 10_000 + 1), [90, 95, 99, 100, 92, 91, 97]);
        guard.tick(at((round + 1) * 10_000));
        assert_eq!(guard.snapshot().ejected, 0);
    }
}

#[test]
fn never_are_more_ejected_than_may_be_faulty_and_the_worst_are() {
    let mut guard = outliers();
    calls(&mut guard, at(1), [0, 80, 0, 90, 0, 99, 0]);
    guard.tick(at(10_000));
    assert!(guard.is_ejected(5) && guard.is_ejected(3) && !guard.is_ejected(1));
    assert_eq!((guard.snapshot().ejected, guard.snapshot().spared), (2, 1));
}

#[test]
fn whatever_happens_no_more_than_that() {
    for seed in 0..100 {
        let mut dice = Dice::new(seed, 0);
        let mut guard = outliers();
        let (mut now, mut most) = (Time::ZERO, 0);
        for _ in 0..300 {
            now = if dice.below(50) == 0 {
                Time(dice.below(u64::MAX))
            } else {
                Time(now.0.saturating_add(dice.below(15_000_000)))
            };
            calls(&mut guard, now, [(); 7].map(|()| dice.below(101) as u32));
            let ejected = (0..7).filter(|peer| guard.is_ejected(*peer)).count();
            assert!(ejected <= 2, "seed {seed}");
            most = most.max(ejected);
        }
        assert!(most > 0, "seed {seed}: nobody ever was");
    }
}

#[test]
fn who_was_hardly_called_is_not_judged() {
    let mut guard = outliers();
    for _ in 0..19 {
        guard.settle(at(1), 0, Outcome::Failure);
    }
    calls(&mut guard, at(1), [0; 7]);
    guard.tick(at(10_000));
    assert_eq!(guard.snapshot().ejected, 0, "19 of 119");
    (0..19).for_each(|_| guard.settle(at(10_001), 0, Outcome::Failure));
    (0..5_000).for_each(|_| guard.settle(at(10_001), 1, Outcome::Neutral));
    guard.settle(at(10_001), 900, Outcome::Failure);
    guard.tick(at(20_000));
    assert_eq!(guard.snapshot().ejected, 0);
}

#[test]
fn other_terms_bring_nobody_back_but_those_who_may_not_be_ejected_any_more() {
    let mut guard = outliers();
    calls(&mut guard, at(1), [0, 90, 0, 0, 90, 0, 0]);
    guard.tick(at(10_000));
    assert!(guard.is_ejected(1) && guard.is_ejected(4));
    let other = OutlierConfig::default().peers(9).at_most(2).interval_ms(20_000);
    guard.reconfigure(other.clone()).unwrap();
    assert!(guard.is_ejected(1) && guard.is_ejected(4));
    assert_eq!(guard.next_wake(), at(30_000), "so long after the last time");
    while guard.poll_event().is_some() {}
    guard.reconfigure(other.clone().at_most(1)).unwrap();
    assert_eq!(guard.snapshot().ejected, 1);
    assert_eq!(guard.poll_event(), Some(OutlierEvent::Returned { peer: 1 }));
    assert!(guard.reconfigure(other.peers(0)).is_err());
    guard.tick(at(60_000));
    assert_eq!(guard.snapshot().ejected, 0, "its time is over as it was to be");
}
