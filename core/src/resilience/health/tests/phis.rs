//! Phi.

use super::at;
use crate::{
    dice::Dice,
    resilience::health::{PhiAccrual, PhiConfig, PhiEvent},
    time::Time,
};

fn phi(config: PhiConfig) -> PhiAccrual {
    PhiAccrual::new(config).unwrap()
}

/// Heartbeats each second, until then.
fn beat(guard: &mut PhiAccrual, from_s: u64, to_s: u64) {
    (from_s..=to_s).for_each(|second| guard.heartbeat(at(second * 1_000)));
}

#[test]
fn it_is_suspected_at_the_moment_it_said_and_no_sooner() {
    let mut guard = phi(PhiConfig::default());
    beat(&mut guard, 0, 200);
    let wake = guard.next_wake().unwrap();
    // A second, and 5.6 deviations of the least there are.
    assert!(wake > at(201_500) && wake < at(201_650), "{wake}");
    guard.tick(Time(wake.0 - 1));
    assert!(!guard.is_suspected());
    guard.tick(wake);
    assert!(guard.is_suspected() && guard.snapshot().phi_milli >= 8_000);
    assert_eq!(guard.next_wake(), None);
    guard.heartbeat(at(203_000));
    assert!(!guard.is_suspected());
    assert_eq!(guard.poll_event(), Some(PhiEvent::Suspected));
    assert_eq!(guard.poll_event(), Some(PhiEvent::Back { after_us: 3_000_000 }));
}

#[test]
fn who_varies_more_is_given_more_time() {
    let (mut regular, mut irregular) = (phi(PhiConfig::default()), phi(PhiConfig::default()));
    let mut dice = Dice::new(1, 0);
    let mut now = at(0);
    for second in 0..200 {
        regular.heartbeat(at(second * 1_000));
        now = Time(now.0 + 500_000 + dice.below(1_000_000));
        irregular.heartbeat(now);
    }
    let patience = |guard: &PhiAccrual, last: Time| guard.next_wake().unwrap().since(last);
    let (regular, irregular) = (patience(&regular, at(199_000)), patience(&irregular, now));
    assert!(irregular > regular * 3 / 2, "{irregular:?} and {regular:?}");
}

#[test]
fn an_outage_is_no_interval_so_the_next_one_is_seen_as_soon() {
    let mut guard = phi(PhiConfig::default().intervals(10));
    beat(&mut guard, 0, 100);
    let mean = guard.snapshot().mean_us;
    for outage in 1..20 {
        let back = 100_000 + outage * 10_000;
        guard.tick(at(back - 1));
        assert!(guard.is_suspected(), "outage {outage}");
        guard.heartbeat(at(back));
        guard.heartbeat(at(back + 1_000));
    }
    assert_eq!(guard.snapshot().mean_us, mean);
    assert_eq!(guard.snapshot().suspicions, 19);
}

#[test]
fn regular_to_the_microsecond_still_leaves_a_pause() {
    let mut guard = phi(PhiConfig::default());
    beat(&mut guard, 0, 1_000);
    assert_eq!(guard.snapshot().deviation_us, 100_000);
    guard.tick(at(1_001_300));
    assert!(!guard.is_suspected());
    let mut patient = phi(PhiConfig::default().pause_ms(5_000));
    beat(&mut patient, 0, 1_000);
    patient.tick(at(1_006_400));
    assert!(!patient.is_suspected());
}

#[test]
fn the_mean_is_clamped_at_both_ends() {
    // A burst promises nothing.
    let mut guard = phi(PhiConfig::default());
    for beat in 0..1_000 {
        guard.heartbeat(Time(beat));
    }
    assert_eq!(guard.snapshot().mean_us, 50_000);
    // Slower and slower, never by enough to be suspected: in the end it is.
    let mut guard = phi(PhiConfig::default().least_deviation_ms(5_000));
    let (mut now, mut wait) = (0, 1_000);
    for _ in 0..2_000 {
        guard.heartbeat(at(now));
        now += wait;
        wait += 100;
    }
    assert!(guard.snapshot().suspicions > 0 && guard.snapshot().mean_us <= 10_000_000);
}

#[test]
fn before_the_first_heartbeat_nothing_is_suspected_and_after_it_the_expected_holds() {
    let mut guard = phi(PhiConfig::default());
    guard.tick(at(1_000_000));
    assert_eq!((guard.is_suspected(), guard.next_wake()), (false, None));
    guard.heartbeat(at(1_000_000));
    guard.tick(at(1_001_900));
    assert!(!guard.is_suspected());
    guard.tick(at(1_003_000));
    assert!(guard.is_suspected());
}

#[test]
fn clocks_that_jump_and_the_largest_of_everything_break_nothing() {
    let day = 24 * 3_600_000;
    let config = PhiConfig::default()
        .expected_ms(day)
        .most_mean_ms(day)
        .pause_ms(day)
        .least_deviation_ms(day)
        .intervals(1_000);
    let mut guard = phi(config);
    for _ in 0..2_000 {
        for now in [Time::MAX, Time::ZERO, at(5), at(day)] {
            guard.heartbeat(now);
            assert!(guard.next_wake().is_some_and(|wake| wake >= now));
        }
    }
    guard.reconfigure(PhiConfig::default().intervals(2)).unwrap();
    beat(&mut guard, 100_000, 100_010);
    assert_eq!(guard.snapshot().mean_us, 1_000_000);
    assert!(guard.reconfigure(PhiConfig::default().intervals(0)).is_err());
}
