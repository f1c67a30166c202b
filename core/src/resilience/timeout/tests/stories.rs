//! What a timeout does as calls become slower and quicker.

use alloc::vec::Vec;

use super::{Config, Timeouts, at, ms, timeouts};
use crate::{
    dice::Dice,
    resilience::{
        Outcome,
        timeout::{Deadline, Event, Permit},
    },
    time::Time,
};

/// A call each 10 ms that would take so long; how many of them timed out. What a call may not take
/// it doesn't: then it is settled as timed out.
fn calls(guard: &mut Timeouts, from_ms: u64, for_ms: u64, takes: impl Fn(u64) -> u64) -> u64 {
    let before = guard.snapshot().counters.timed_out;
    let mut under_way = Vec::new();
    for (number, began) in (from_ms..from_ms + for_ms).step_by(10).enumerate() {
        end(guard, &mut under_way, at(began));
        let permit = guard.admit(at(began), Deadline::NONE).unwrap();
        let (until, ends) = (permit.deadline().at, at(began + takes(number as u64)));
        let outcome = if ends <= until { Outcome::Success } else { Outcome::Timeout };
        under_way.push((ends.min(until), outcome, permit));
    }
    // Who comes next doesn't wait for those.
    end(guard, &mut under_way, at(from_ms + for_ms));
    guard.snapshot().counters.timed_out - before
}

fn end(guard: &mut Timeouts, under_way: &mut Vec<(Time, Outcome, Permit)>, until: Time) {
    under_way.sort_by_key(|(ends, ..)| core::cmp::Reverse(*ends));
    while under_way.last().is_some_and(|(ends, ..)| *ends <= until) {
        let Some((ends, outcome, permit)) = under_way.pop() else { break };
        guard.settle(ends, permit, outcome);
    }
}

#[test]
fn it_follows_what_most_take_within_floor_and_ceiling() {
    let mut guard = timeouts(Config::default());
    assert_eq!(calls(&mut guard, 0, 10_000, |number| 40 + number % 20), 0);
    let (timeout, usual) = (guard.timeout(), guard.usual().unwrap());
    assert!(usual >= ms(58) && usual <= ms(67), "{usual:?}");
    assert_eq!(timeout, usual * 2);
    // However quick, a pause of the scheduler is no failure.
    calls(&mut guard, 10_000, 200_000, |_| 1);
    assert_eq!(guard.timeout(), ms(20));
    // However slow, nobody waits for ever.
    calls(&mut guard, 210_000, 200_000, |_| 50_000);
    assert_eq!(guard.timeout(), ms(30_000));
}

#[test]
fn it_is_not_locked_at_the_floor_when_calls_become_slower_than_it() {
    // Given calls so quick that it is at its floor,
    let mut guard = timeouts(Config::default());
    calls(&mut guard, 0, 60_000, |_| 2);
    assert_eq!(guard.timeout(), ms(20));
    // when they take ten times the floor, all of them time out at first,
    let timed_out = calls(&mut guard, 60_000, 1_000, |_| 200);
    assert!(timed_out > 90, "{timed_out}");
    // then it grows until they don't, within seconds,
    calls(&mut guard, 61_000, 9_000, |_| 200);
    let timed_out = calls(&mut guard, 70_000, 10_000, |_| 200);
    assert_eq!(timed_out, 0);
    // and settles at what they take.
    calls(&mut guard, 80_000, 120_000, |_| 200);
    assert!(guard.timeout() >= ms(400) && guard.timeout() <= ms(450), "{:?}", guard.timeout());
}

#[test]
fn after_a_step_down_it_comes_down_too() {
    let mut guard = timeouts(Config::default());
    calls(&mut guard, 0, 60_000, |_| 2_000);
    assert!(guard.timeout() >= ms(4_000));
    calls(&mut guard, 60_000, 120_000, |_| 50);
    assert!(guard.timeout() <= ms(115), "{:?}", guard.timeout());
}

#[test]
fn a_few_stragglers_move_nothing() {
    let mut guard = timeouts(Config::default());
    calls(&mut guard, 0, 60_000, |number| if number % 200 == 0 { 60_000 } else { 50 });
    assert!(guard.timeout() <= ms(115), "{:?}", guard.timeout());
}

#[test]
fn quick_refusals_do_not_bring_it_down() {
    let mut guard = timeouts(Config::default());
    for number in 0..10_000 {
        let permit = guard.admit(at(number * 10), Deadline::NONE).unwrap();
        let outcome = if number % 2 == 0 { Outcome::Failure } else { Outcome::Overload };
        guard.settle(at(number * 10), permit, outcome);
    }
    assert_eq!((guard.timeout(), guard.snapshot().calls), (ms(5_000), 0));
}

#[test]
fn attempts_cut_short_by_their_callers_do_not_bring_it_down() {
    // Callers have patience for 30 ms; calls take 100. Nobody has ever seen one end.
    let mut guard = timeouts(Config::default());
    for number in 0..1_000 {
        let now = at(number * 10);
        let permit = guard.admit(now, Deadline::of_client(now + ms(30))).unwrap();
        guard.settle(now + ms(30), permit, Outcome::Timeout);
    }
    assert!(guard.timeout() >= ms(5_000), "{:?}", guard.timeout());
    // Or they go away of their own.
    let mut guard = timeouts(Config::default());
    for number in 0..1_000 {
        let permit = guard.admit(at(number * 10), Deadline::NONE).unwrap();
        guard.settle(at(number * 10 + 5), permit, Outcome::Neutral);
    }
    assert_eq!(guard.timeout(), ms(5_000));
}

#[test]
fn too_few_calls_say_nothing_and_a_fixed_one_stays() {
    let mut guard = timeouts(Config::default());
    calls(&mut guard, 0, 190, |_| 1);
    assert_eq!(guard.timeout(), ms(5_000));
    let mut guard = timeouts(Config::default().adaptive(false));
    calls(&mut guard, 0, 60_000, |_| 1);
    assert_eq!(guard.timeout(), ms(5_000));
    assert!(guard.usual().is_some(), "it measures nevertheless");
    guard.forget();
    assert_eq!(guard.usual(), None);
}

#[test]
fn events_tell_growing_from_following() {
    let mut guard = timeouts(Config::default());
    calls(&mut guard, 0, 30_000, |_| 2);
    while guard.poll_event().is_some() {}
    calls(&mut guard, 30_000, 4_000, |_| 200);
    let grows = Event::Grows { from_us: 20_000, to_us: 40_000 };
    assert_eq!(guard.poll_event(), Some(grows));
}

#[test]
fn whatever_happens_it_is_within_its_bounds_and_never_panics() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed, 0);
        let mut guard = timeouts(Config::default().minimum_calls(1).refresh_ms(1));
        let mut now = Time(dice.below(1 << 50));
        for _ in 0..500 {
            let Ok(permit) = guard.admit(now, Deadline::NONE) else { continue };
            let bits = dice.below(40);
            now = match dice.below(20) {
                0 => Time(dice.below(u64::MAX)),
                1 => Time::MAX,
                2 => Time::ZERO,
                _ => Time(now.0.saturating_add(dice.below(1 << bits))),
            };
            guard.settle(now, permit, Outcome::ALL[dice.below(5) as usize]);
            let timeout = guard.timeout();
            assert!(timeout >= ms(20) && timeout <= ms(30_000), "seed {seed}: {timeout:?}");
        }
    }
}
