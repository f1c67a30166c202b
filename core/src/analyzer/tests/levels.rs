//! Each boundary, exactly.

use super::facts;
use crate::{analyzer::Level, quorum::MAX_NODES};

#[test]
fn one_three_five_and_eight_of_twenty_are_the_four_levels() {
    let level = |known| Level::of(facts(20, 0, known));
    assert_eq!([1, 3, 5, 8].map(level), Level::ALL);
}

#[test]
fn a_tenth_is_low_and_more_is_medium() {
    assert_eq!(Level::of(facts(20, 0, 2)), Level::Low);
    assert_eq!(Level::of(facts(10, 1, 0)), Level::Low);
    assert_eq!(Level::of(facts(19, 0, 2)), Level::Medium, "2 of 19 is 0.105");
    assert_eq!(Level::of(facts(9, 1, 0)), Level::Medium, "1 of 9 is 0.11");
}

#[test]
fn a_fifth_is_medium_and_more_is_high() {
    assert_eq!(Level::of(facts(20, 2, 2)), Level::Medium);
    assert_eq!(Level::of(facts(5, 1, 0)), Level::Medium);
    assert_eq!(Level::of(facts(19, 2, 2)), Level::High, "4 of 19 is 0.21");
    assert_eq!(Level::of(facts(4, 0, 1)), Level::High, "1 of 4 is 0.25");
}

#[test]
fn thirty_three_of_a_hundred_are_high_and_a_third_is_critical() {
    assert_eq!(Level::of(facts(100, 0, 33)), Level::High);
    assert_eq!(Level::of(facts(6, 0, 2)), Level::Critical, "2 of 6 is more than 0.33");
    assert_eq!(Level::of(facts(99, 33, 0)), Level::Critical);
}

#[test]
fn above_f_is_always_critical_and_critical_is_above_f_below_103_members() {
    for n in 4..=MAX_NODES {
        for known in 0..=n {
            let facts = facts(n, known, 0);
            let critical = Level::of(facts) == Level::Critical;
            assert!(critical || !facts.is_above_f(), "{known} of {n}");
            if n < 103 {
                assert_eq!(critical, facts.is_above_f(), "{known} of {n}");
            }
        }
    }
    let facts = facts(103, 34, 0);
    assert_eq!((Level::of(facts), facts.is_above_f()), (Level::Critical, false));
}

#[test]
fn the_level_is_that_of_the_ratio_whatever_the_size() {
    for n in 4..=MAX_NODES {
        for known in 0..=n {
            let (known_of_all, all) = (u64::from(known) * 10_000, u64::from(n));
            let expected = match known_of_all {
                it if it <= 1_000 * all => Level::Low,
                it if it <= 2_000 * all => Level::Medium,
                it if it <= 3_300 * all => Level::High,
                _ => Level::Critical,
            };
            assert_eq!(Level::of(facts(n, known / 2, known - known / 2)), expected);
        }
    }
}
