//! One limit for each key: nobody pays for another, and nobody can make it forget.

use alloc::collections::BTreeMap;

use super::{at, limiter, small};
use crate::{
    dice::Dice,
    resilience::{
        Priority,
        rate::{KeyedConfig, KeyedLimiter},
    },
};

fn keyed(keys: u32) -> KeyedLimiter<u64> {
    KeyedLimiter::new(KeyedConfig::default().each(small()).keys(keys)).unwrap()
}

#[test]
fn each_key_has_its_own() {
    let mut guard = keyed(1_024);
    for key in 0..100 {
        let passed = (0..10).filter(|_| guard.admit(at(0), key, 1, Priority::Normal).is_ok());
        assert_eq!(passed.count(), 5, "key {key}");
    }
    assert_eq!(guard.snapshot().busy, 100);
    assert_eq!(guard.free(at(0), 0, Priority::Normal), (0, 5));
    assert_eq!(guard.free(at(0), 100, Priority::Normal), (5, 5), "who never asked has all");
    assert_eq!(guard.free(at(1_000), 0, Priority::Normal), (5, 5), "it comes back with time");
    guard.admit(at(1_000), 0, 0, Priority::Normal).unwrap();
    assert_eq!(guard.snapshot().busy, 0, "what drained takes no place");
}

#[test]
fn as_long_as_there_is_room_it_is_what_a_limit_for_each_says() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed, 0);
        let (mut guard, mut model) = (keyed(4_096), BTreeMap::new());
        let mut now_ms = 0;
        for _ in 0..3_000 {
            now_ms += dice.below(20);
            let key = dice.below(60);
            let one = model.entry(key).or_insert_with(|| limiter(small()));
            let expected = one.admit(at(now_ms), 1, Priority::Normal);
            let said = guard.admit(at(now_ms), key, 1, Priority::Normal);
            assert_eq!(said, expected, "seed {seed}, key {key}");
        }
        assert_eq!(guard.snapshot().counters.crowded, 0);
    }
}

#[test]
fn whoever_uses_a_million_keys_gets_no_more_than_there_is_room_for() {
    let mut guard = keyed(64);
    let passed = (0..1_000_000).filter(|&key| guard.admit(at(0), key, 1, Priority::Normal).is_ok());
    // Every slot's burst, once.
    assert_eq!(passed.count(), 64 * 5);
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.busy, snapshot.room), (64, 64));
    assert!(snapshot.counters.crowded > 900_000);
    // And when they have gone, a newcomer has all of its own.
    let passed = (0..10).filter(|_| guard.admit(at(500), 7, 1, Priority::Normal).is_ok());
    assert_eq!(passed.count(), 5);
}

#[test]
fn a_busy_key_is_not_forgotten_because_others_come() {
    let mut guard = keyed(8);
    while guard.admit(at(0), 0, 1, Priority::Normal).is_ok() {}
    for key in 1..1_000 {
        let _ = guard.admit(at(0), key, 1, Priority::Normal);
        assert!(guard.admit(at(0), 0, 1, Priority::Normal).is_err(), "after key {key}");
    }
}

#[test]
fn keys_that_come_in_turns_keep_their_places_also_when_they_owe_nothing() {
    let mut guard = keyed(4_096);
    for round in 0..50 {
        for key in 0..200 {
            assert_eq!(guard.admit(at(round * 10_000), key, 1, Priority::Normal), Ok(()));
        }
    }
    assert_eq!(guard.snapshot().counters.newcomers, 200);
}

#[test]
fn with_more_room_or_another_seed_what_is_used_stays_used() {
    let mut guard = keyed(8);
    assert_eq!(guard.admit(at(0), 3, 4, Priority::Normal), Ok(()));
    let config = KeyedConfig::default().each(small()).keys(1_000).seed(9);
    guard.reconfigure(at(0), config).unwrap();
    assert_eq!(guard.snapshot().busy, 1);
    assert_eq!(guard.admit(at(0), 3, 1, Priority::Normal), Ok(()));
    assert!(guard.admit(at(0), 3, 1, Priority::Normal).is_err());
    // Room for fewer: the more used of two in one place stands.
    for key in 0..100 {
        let _ = guard.admit(at(0), key, 5, Priority::Normal);
    }
    guard.reconfigure(at(0), KeyedConfig::default().each(small()).keys(8)).unwrap();
    for key in 0..100 {
        assert!(guard.admit(at(0), key, 1, Priority::Normal).is_err(), "key {key}");
    }
}

#[test]
fn a_clock_that_is_set_back_hides_nothing_of_what_is_free() {
    let mut guard = keyed(8);
    while guard.admit(at(3_600_000), 7, 1, Priority::Normal).is_ok() {}
    // An hour back: somebody asks, and a second later all has drained.
    let _ = guard.admit(at(0), 8, 1, Priority::Normal);
    assert_eq!(guard.free(at(0), 7, Priority::Normal), (0, 5));
    assert_eq!(guard.free(at(1_000), 7, Priority::Normal), (5, 5));
}
