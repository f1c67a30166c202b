//! What an adaptive limit does, case by case.

use alloc::vec::Vec;

use super::{ALGORITHMS, AdaptiveLimiter, Algorithm, Config, at, limiter, open_to_all};
use crate::{
    dice::Dice,
    resilience::{
        Outcome, Priority,
        adaptive::{Event, Permit, Why},
    },
    time::Time,
};

fn fill(guard: &mut AdaptiveLimiter, now: Time) -> Vec<Permit> {
    core::iter::from_fn(|| guard.admit(now, Priority::Normal).ok()).collect()
}

fn settle(guard: &mut AdaptiveLimiter, now: Time, permits: Vec<Permit>, outcome: Outcome) {
    for permit in permits {
        guard.settle(now, permit, outcome);
    }
}

#[test]
fn no_more_are_under_way_than_the_limit_says() {
    let mut guard = limiter(open_to_all(Algorithm::Aimd));
    let permits = fill(&mut guard, at(0));
    assert_eq!(permits.len(), 20);
    let rejected = guard.admit(at(0), Priority::Consensus).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::Full, None), "nothing is known yet");
    settle(&mut guard, at(100), permits, Outcome::Success);
    let permits = fill(&mut guard, at(100));
    let rejected = guard.admit(at(100), Priority::Normal).unwrap_err();
    let each = Time(100_000 + 100_000_u64.div_ceil(permits.len() as u64));
    assert_eq!(rejected.retry_at, Some(each), "one of them ends each so often");
}

#[test]
fn every_sample_of_a_crowd_that_is_dropped_lowers_it_once() {
    for algorithm in ALGORITHMS {
        let mut guard = limiter(open_to_all(algorithm).initial(100));
        let mut crowd = fill(&mut guard, at(0));
        // They time out one after the other, for a second.
        for step in 0..10 {
            let some = crowd.split_off(crowd.len() - 10);
            settle(&mut guard, at(1_000 + step * 100), some, Outcome::Timeout);
        }
        assert_eq!(guard.limit(), 90, "{algorithm:?}");
        assert_eq!(guard.snapshot().counters.fell, 1);
        let event = guard.poll_event();
        assert!(matches!(event, Some(Event::Dropped { from: 100, to: 90, .. })), "{event:?}");
        // What began after that counts again.
        let crowd = fill(&mut guard, at(2_000));
        settle(&mut guard, at(3_000), crowd, Outcome::Overload);
        assert_eq!(guard.limit(), 81, "{algorithm:?}");
    }
}

#[test]
fn timeouts_never_look_like_stable_latency() {
    // Every call times out after the same time: a limit that took that for latency would grow.
    for algorithm in ALGORITHMS {
        let mut guard = limiter(open_to_all(algorithm));
        for round in 0..100 {
            let crowd = fill(&mut guard, at(round * 1_000));
            settle(&mut guard, at(round * 1_000 + 900), crowd, Outcome::Timeout);
        }
        assert_eq!(guard.limit(), guard.config().min, "{algorithm:?}");
    }
}

#[test]
fn calls_that_nobody_settles_are_drops_and_take_up_no_room_for_ever() {
    let mut guard = limiter(open_to_all(Algorithm::Aimd).lease_ms(1_000));
    drop(fill(&mut guard, at(0)));
    assert!(guard.admit(at(900), Priority::Normal).is_err());
    let wake = guard.next_wake().unwrap();
    assert!(wake <= at(1_000), "{wake}");
    for ms in (0..=1_100).step_by(10) {
        guard.tick(at(ms));
    }
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.under_way, snapshot.counters.lost, snapshot.limit), (0, 20, 18));
    assert_eq!(guard.next_wake(), None);
}

#[test]
fn what_comes_back_after_it_was_given_up_is_late() {
    let mut guard = limiter(open_to_all(Algorithm::Aimd).lease_ms(1_000));
    let permit = guard.admit(at(0), Priority::Normal).unwrap();
    guard.settle(at(5_000), permit, Outcome::Success);
    let counters = guard.snapshot().counters;
    assert_eq!((counters.late, counters.lost, guard.snapshot().under_way), (1, 1, 0));
}

#[test]
fn a_limit_that_nobody_uses_does_not_grow() {
    for algorithm in ALGORITHMS {
        let mut guard = limiter(open_to_all(algorithm).minimum_calls(1));
        for round in 0..1_000 {
            let permit = guard.admit(at(round * 200), Priority::Normal).unwrap();
            guard.settle(at(round * 200 + 150), permit, Outcome::Success);
        }
        assert_eq!(guard.limit(), 20, "{algorithm:?}");
    }
}

#[test]
fn quick_failures_say_nothing_of_how_long_calls_take() {
    for algorithm in ALGORITHMS {
        let mut guard = limiter(open_to_all(algorithm));
        for round in 0..100 {
            let crowd = fill(&mut guard, at(round * 200));
            settle(&mut guard, at(round * 200), crowd, Outcome::Failure);
            let crowd = fill(&mut guard, at(round * 200));
            settle(&mut guard, at(round * 200), crowd, Outcome::Neutral);
        }
        assert_eq!((guard.limit(), guard.snapshot().usual_us), (20, 0), "{algorithm:?}");
    }
}

#[test]
fn what_matters_more_passes_while_what_matters_less_floods() {
    let mut guard = limiter(Config::default().initial(100));
    let mut passed = [0; 4];
    for priority in Priority::ALL {
        while let Ok(_permit) = guard.admit(at(0), priority) {
            passed[priority as usize] += 1;
        }
    }
    assert_eq!(passed, [50, 40, 5, 5]);
    assert_eq!(guard.admit(at(0), Priority::Consensus).unwrap_err().why, Why::Full);
    let mut guard = limiter(Config::default());
    while guard.admit(at(0), Priority::Background).is_ok() {}
    assert_eq!(guard.admit(at(0), Priority::Background).unwrap_err().why, Why::Reserved);
    assert_eq!(guard.snapshot().under_way, 10);
}

#[test]
fn one_operations_times_move_nobody_elses_limit() {
    let config = open_to_all(Algorithm::GRADIENT2);
    let (mut quick, mut slow) = (limiter(config.clone()), limiter(config));
    for round in 0..50 {
        let crowd = fill(&mut slow, at(round * 1_000));
        settle(&mut slow, at(round * 1_000 + 900), crowd, Outcome::Timeout);
        let crowd = fill(&mut quick, at(round * 1_000));
        settle(&mut quick, at(round * 1_000 + 1), crowd, Outcome::Success);
    }
    assert!(slow.limit() <= 3 && quick.limit() > 20, "{} and {}", slow.limit(), quick.limit());
}

#[test]
fn whatever_happens_limit_and_calls_under_way_are_what_a_list_says() {
    for seed in 0..60 {
        let mut dice = Dice::new(seed, 0);
        let algorithm = ALGORITHMS[seed as usize % 3];
        let config = open_to_all(algorithm).min(3).max(40).minimum_calls(2).lease_ms(86_400_000);
        let (mut guard, mut list) = (limiter(config), Vec::new());
        let mut now = Time(dice.below(1 << 50));
        for _ in 0..3_000 {
            now = Time(now.0.saturating_add(dice.below(30_000)));
            if dice.below(2) == 0 {
                let full = list.len() as u32 >= guard.limit();
                match guard.admit(now, Priority::Normal) {
                    Ok(permit) => list.push(permit),
                    Err(rejected) => assert!(full && rejected.retry_at.is_none_or(|at| at > now)),
                }
            } else if !list.is_empty() {
                let permit = list.swap_remove(dice.below(list.len() as u64) as usize);
                let outcome = Outcome::ALL[dice.below(5) as usize];
                guard.settle(now, permit, outcome);
            }
            assert_eq!(guard.snapshot().under_way, list.len() as u32, "seed {seed}");
            assert!((3..=40).contains(&guard.limit()), "seed {seed}");
        }
    }
}

#[test]
fn a_clock_that_jumps_wedges_nothing() {
    let mut guard = limiter(open_to_all(Algorithm::VEGAS));
    for now in [at(100_000), at(10), Time::MAX, Time::ZERO, Time::MAX, at(500)] {
        let crowd = fill(&mut guard, now);
        assert!(!crowd.is_empty(), "{now}");
        settle(&mut guard, now, crowd, Outcome::Success);
    }
    let held = fill(&mut guard, at(500));
    guard.tick(Time::MAX);
    assert_eq!(guard.snapshot().under_way, 0, "after a year nobody waits for them");
    settle(&mut guard, at(600), held, Outcome::Success);
    assert!(guard.admit(at(600), Priority::Normal).is_ok());
}

#[test]
fn another_algorithm_while_one_measures_goes_on_from_the_limit_before() {
    let gradient = Algorithm::Gradient2 {
        tolerance_percent: 150,
        smoothing_ppm: 1,
        long_windows: 2,
        queue: 1,
    };
    for algorithm in [Algorithm::Vegas { probe_windows: 2 }, gradient] {
        // Given a limit that is halved for as long as it takes to measure,
        let mut guard = limiter(open_to_all(algorithm).initial(100).minimum_calls(1));
        let mut now = 0;
        let mut before = guard.limit();
        while guard.limit() > before / 2 + 1 {
            before = guard.limit();
            let permits = fill(&mut guard, at(now));
            now += 100;
            settle(&mut guard, at(now), permits, Outcome::Success);
        }
        // when another algorithm is configured, then it begins where that one was.
        guard.reconfigure(open_to_all(Algorithm::Aimd).initial(100)).unwrap();
        assert_eq!(guard.limit(), before, "{algorithm:?}");
    }
}
