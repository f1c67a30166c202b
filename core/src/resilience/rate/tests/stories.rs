//! What a limit does, case by case.

use super::{Config, at, limiter, small};
use crate::{
    resilience::{
        Priority,
        rate::{Event, Limiter, MAX_BURST, MAX_PERMITS, Why},
    },
    time::Time,
};

fn normal(guard: &mut Limiter, now: Time) -> bool {
    guard.admit(now, 1, Priority::Normal).is_ok()
}

#[test]
fn a_burst_passes_at_once_and_then_one_each_interval() {
    let mut guard = limiter(small());
    let passed = (0..100).filter(|_| normal(&mut guard, at(0))).count();
    assert_eq!(passed, 5);
    assert!(!normal(&mut guard, at(99)));
    assert!(normal(&mut guard, at(100)));
    assert!(!normal(&mut guard, at(199)));
    // However long nothing comes, no more than a burst is saved.
    let passed = (0..100).filter(|_| normal(&mut guard, at(1_000_000))).count();
    assert_eq!(passed, 5);
}

#[test]
fn a_rejection_says_when_it_will_fit_to_the_microsecond() {
    let mut guard = limiter(small().permits(7).per_ms(1_000));
    for weight in [1, 2, 5] {
        let mut now = at(0);
        while guard.admit(now, 1, Priority::Normal).is_ok() {}
        let rejected = guard.admit(now, weight, Priority::Normal).unwrap_err();
        assert_eq!(rejected.why, Why::Exhausted);
        now = rejected.retry_at.unwrap();
        assert!(guard.admit(Time(now.0 - 1), weight, Priority::Normal).is_err());
        assert_eq!(guard.admit(now, weight, Priority::Normal), Ok(()));
    }
}

#[test]
fn no_rate_is_rounded_away() {
    // Seven in a second: a seventh of a second is no whole number of anything.
    let mut guard = limiter(small().permits(7).burst(1));
    let passed = (0..70_000_000 / 100).filter(|step| normal(&mut guard, Time(step * 100))).count();
    assert!((487..=490).contains(&passed), "{passed}");
    // A billion a second: a thousand in a microsecond.
    let mut guard = limiter(small().permits(MAX_PERMITS).burst(1_000));
    for micros in 0..100 {
        assert_eq!(guard.admit(Time(micros), 1_000, Priority::Normal), Ok(()), "{micros}");
        assert!(guard.admit(Time(micros), 1, Priority::Normal).is_err());
    }
}

#[test]
fn what_weighs_more_than_the_burst_is_told_that_it_never_passes() {
    let mut guard = limiter(small());
    let rejected = guard.admit(at(0), 6, Priority::Normal).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::TooLarge, None));
    let rejected = guard.admit(at(0), u32::MAX, Priority::Consensus).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::TooLarge, None));
    assert_eq!(guard.snapshot().free, [5; 4], "and nothing is used by asking");
    assert_eq!(guard.admit(at(0), 0, Priority::Background), Ok(()), "nothing always fits");
}

#[test]
fn what_matters_more_passes_while_what_matters_less_floods() {
    let mut guard = limiter(Config::default());
    let mut passed = [0; 4];
    for priority in Priority::ALL {
        while guard.admit(at(0), 1, priority).is_ok() {
            passed[priority as usize] += 1;
        }
    }
    assert_eq!(passed, [50, 30, 15, 5]);
    assert_eq!(guard.admit(at(0), 1, Priority::Consensus).unwrap_err().why, Why::Exhausted);
    guard.admit(at(10), 0, Priority::Normal).unwrap_err();
    let rejected = guard.admit(at(20), 1, Priority::Background).unwrap_err();
    assert_eq!((rejected.why, rejected.retry_at), (Why::Reserved, Some(at(510))));
}

#[test]
fn where_little_passes_at_once_each_priority_still_gets_one() {
    let mut guard = limiter(Config::default().burst(1));
    for (round, priority) in Priority::ALL.into_iter().enumerate() {
        let now = at(round as u64 * 1_000);
        assert_eq!(guard.admit(now, 1, priority), Ok(()));
    }
}

#[test]
fn another_rate_takes_effect_at_once_and_what_is_used_stays_used() {
    let mut guard = limiter(small());
    assert_eq!(guard.admit(at(0), 4, Priority::Normal), Ok(()));
    guard.reconfigure(at(0), small().permits(1).per_ms(10_000).burst(8)).unwrap();
    assert_eq!(guard.snapshot().free, [4; 4], "four of eight are used");
    assert_eq!(guard.admit(at(0), 4, Priority::Normal), Ok(()));
    assert!(!normal(&mut guard, at(9_999)));
    // Smaller: who used much of the old one waits no longer than who used all of the new one.
    guard.reconfigure(at(9_999), small().burst(2)).unwrap();
    assert!(!normal(&mut guard, at(10_098)));
    assert!(normal(&mut guard, at(10_099)));
}

#[test]
fn a_clock_that_jumps_gives_no_more_than_a_burst_and_takes_nothing() {
    let mut guard = limiter(small());
    let burst = |guard: &mut Limiter, now| (0..100).filter(|_| normal(guard, now)).count();
    assert_eq!(burst(&mut guard, at(100_000)), 5);
    // An hour back: nothing is won, and a tenth of a second later one passes as ever.
    assert_eq!(burst(&mut guard, at(10)), 0);
    assert_eq!(burst(&mut guard, at(110)), 1);
    for _ in 0..1_000 {
        assert_eq!(burst(&mut guard, Time::MAX), 5);
        assert_eq!(burst(&mut guard, Time::ZERO), 0);
    }
    assert_eq!(burst(&mut guard, at(100)), 1);
}

#[test]
fn the_largest_of_everything_overflows_nothing() {
    let day = 24 * 3_600_000;
    let mut guard = limiter(small().permits(1).per_ms(day).burst(MAX_BURST));
    assert_eq!(guard.admit(at(0), MAX_BURST, Priority::Consensus), Ok(()));
    let rejected = guard.admit(at(0), MAX_BURST, Priority::Consensus).unwrap_err();
    assert_eq!(rejected.retry_at, Some(at(day * u64::from(MAX_BURST))));
    guard.reconfigure(at(0), small().permits(MAX_PERMITS).per_ms(1).burst(MAX_BURST)).unwrap();
    assert!(!normal(&mut guard, at(0)));
    guard.reconfigure(at(0), small().permits(1).per_ms(day).burst(1)).unwrap();
    assert!(!normal(&mut guard, at(day - 1)));
    assert!(normal(&mut guard, at(day)));
}

#[test]
fn a_flood_is_two_events_and_not_thousands() {
    let mut guard = limiter(small());
    for _ in 0..1_005 {
        normal(&mut guard, at(0));
    }
    normal(&mut guard, at(100));
    assert_eq!(guard.poll_event(), Some(Event::Limits { why: Why::Exhausted }));
    assert_eq!(guard.poll_event(), Some(Event::Passes { rejected: 1_000 }));
    assert_eq!(guard.poll_event(), None);
    let counters = guard.snapshot().counters;
    assert_eq!((counters.admitted, counters.exhausted), (6, 1_000));
}
