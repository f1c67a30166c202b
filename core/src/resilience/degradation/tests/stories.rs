//! What degradation does, case by case.

use alloc::{vec, vec::Vec};

use super::{Config, Degradation, at, degradation};
use crate::{
    dice::Dice,
    resilience::{
        Priority,
        degradation::{Event, Feature, Level, NoSuchFeature, NoSuchSignal, Rejected},
    },
    time::Time,
};

/// As bad as it can be.
fn emergency() -> (Degradation, Time) {
    let mut guard = degradation(Config::default());
    for second in 0..=6 {
        guard.observe(at(second * 1_000), 0, 2_000_000).unwrap();
    }
    assert_eq!(guard.level(), Level::Emergency);
    (guard, at(6_000))
}

fn made(guard: &mut Degradation, now: Time) -> [usize; 4] {
    Priority::ALL.map(|it| (0..1_000).filter(|_| guard.admit(now, it).is_ok()).count())
}

#[test]
fn each_level_sheds_what_it_says_and_never_what_replicas_agree_with() {
    let mut guard = degradation(Config::default());
    let expected = [
        [1_000, 1_000, 1_000, 1_000],
        [0, 1_000, 1_000, 1_000],
        [0, 500, 1_000, 1_000],
        [0, 0, 500, 1_000],
    ];
    for (level, expected) in Level::ALL.into_iter().zip(expected) {
        guard.hold(at(0), Some(level));
        assert_eq!(made(&mut guard, at(0)), expected, "{level:?}");
    }
    let shed = guard.snapshot().counters.shed;
    assert_eq!(shed, [3_000, 1_500, 500, 0]);
}

#[test]
fn degraded_is_another_path_and_not_a_word() {
    let feature = |name: &str, off_from| Feature { name: name.into(), off_from };
    let features = vec![
        feature("events", Level::Degraded),
        feature("reads", Level::Severe),
        feature("transfer", Level::Emergency),
    ];
    let mut guard = degradation(Config::default().features(features));
    for (level, on) in Level::ALL.into_iter().zip([3, 2, 1, 0]) {
        guard.hold(at(0), Some(level));
        let is_on = |name: &&str| guard.is_on(name).unwrap();
        assert_eq!(["events", "reads", "transfer"].iter().filter(|it| is_on(it)).count(), on);
    }
    assert_eq!(guard.is_on("writes"), Err(NoSuchFeature), "an unknown name is an error");
}

#[test]
fn a_burst_is_no_overload() {
    let mut guard = degradation(Config::default());
    for second in 0..100 {
        guard.observe(at(second * 2_500), 0, 1_000_000).unwrap();
        guard.observe(at(second * 2_500 + 1_900), 0, 100_000).unwrap();
    }
    assert_eq!((guard.level(), guard.poll_event()), (Level::Normal, None));
}

#[test]
fn it_gets_worse_one_level_at_a_time_each_after_its_dwell() {
    let mut guard = degradation(Config::default());
    guard.observe(at(0), 1, 1_000_000).unwrap();
    for (ms, level) in [
        (1_999, Level::Normal),
        (2_000, Level::Degraded),
        (3_999, Level::Degraded),
        (4_000, Level::Severe),
        (6_000, Level::Emergency),
        (20_000, Level::Emergency),
    ] {
        guard.tick(at(ms));
        assert_eq!(guard.level(), level, "after {ms} ms");
    }
    let moved = |from, to| Some(Event::Moved { from, to, highest_ppm: 1_000_000 });
    assert_eq!(guard.poll_event(), moved(Level::Normal, Level::Degraded));
    assert_eq!(guard.poll_event(), moved(Level::Degraded, Level::Severe));
}

#[test]
fn between_leave_and_enter_it_stays_where_it_is() {
    let (mut guard, now) = emergency();
    // Below what enters an emergency, above what leaves it.
    for second in 0..1_000 {
        guard.observe(now + core::time::Duration::from_secs(second), 0, 850_000).unwrap();
        assert_eq!(guard.level(), Level::Emergency);
    }
}

#[test]
fn it_does_not_flap_where_what_is_shed_brings_the_load_down() {
    // Load is at 90 %; what is shed takes a third of it away, and it comes back with what isn't.
    let mut guard = degradation(Config::default());
    for second in 0..3_600 {
        let load = if guard.level() == Level::Normal { 900_000 } else { 600_000 };
        guard.observe(at(second * 1_000), 0, load).unwrap();
    }
    assert_eq!(guard.level(), Level::Degraded);
    assert_eq!(guard.snapshot().counters.worsened, 1);
}

#[test]
fn the_worst_signal_counts_and_one_that_nobody_gives_any_more_does_not() {
    let mut guard = degradation(Config::default());
    guard.observe(at(0), 2, 900_000).unwrap();
    for second in 1..=40 {
        guard.observe(at(second * 1_000), 0, 10_000).unwrap();
    }
    // Signal 2 was last given 40 seconds ago: it has said nothing for ten.
    assert_eq!(guard.level(), Level::Severe);
    assert_eq!(guard.snapshot().improves_at, Some(at(45_000)));
    guard.tick(at(45_000));
    assert_eq!(guard.level(), Level::Degraded);
    let refused = NoSuchSignal { signal: 4, signals: 4 };
    assert_eq!(guard.observe(at(45_000), 4, 0), Err(refused));
}

#[test]
fn a_rejection_says_when_it_may_be_better() {
    let (mut guard, now) = emergency();
    let rejected = guard.admit(now, Priority::Normal).unwrap_err();
    assert_eq!(rejected, Rejected { level: Level::Emergency, retry_at: Some(at(21_000)) });
    guard.observe(at(7_000), 0, 0).unwrap();
    let rejected = guard.admit(at(9_000), Priority::Normal).unwrap_err();
    assert_eq!(rejected.retry_at, Some(at(22_000)));
    guard.tick(at(22_000));
    assert_eq!(guard.level(), Level::Severe);
    // Held by an operator, nobody knows.
    guard.hold(at(22_000), Some(Level::Emergency));
    assert_eq!(guard.admit(at(22_000), Priority::Normal).unwrap_err().retry_at, None);
    assert_eq!(guard.next_wake(), None);
    guard.hold(at(22_000), None);
    assert_eq!(guard.next_wake(), Some(at(37_000)));
}

#[test]
fn clocks_that_jump_neither_skip_a_level_nor_hold_one() {
    let (mut guard, _) = emergency();
    guard.observe(Time::ZERO, 0, 0).unwrap();
    let mut levels = Vec::from([guard.level()]);
    for now in [Time::MAX, Time::ZERO, Time::MAX, at(5), Time::MAX] {
        guard.tick(now);
        levels.push(guard.level());
    }
    assert_eq!(levels.last(), Some(&Level::Normal));
    let steps = levels.windows(2).all(|pair| (pair[0] as usize).abs_diff(pair[1] as usize) <= 1);
    assert!(steps, "{levels:?}");
}

#[test]
fn exactly_the_share_is_shed_and_evenly() {
    let config = Config::default().shed_normal_ppm([333_333, 500_000, 1_000_000]);
    let mut guard = degradation(config);
    guard.hold(at(0), Some(Level::Degraded));
    let mut dice = Dice::new(1, 0);
    let (mut shed, mut in_a_row) = (0_u64, 0);
    for made in 1..=100_000_u64 {
        let _ = guard.admit(at(0), Priority::ALL[dice.below(4) as usize]);
        if guard.admit(at(0), Priority::Normal).is_err() {
            shed += 1;
            in_a_row += 1;
        } else {
            in_a_row = 0;
        }
        assert!(in_a_row <= 2, "after {made}");
    }
    assert!((32_000..35_000).contains(&shed), "{shed}");
}
