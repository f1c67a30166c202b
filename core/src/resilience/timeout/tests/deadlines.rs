//! One deadline within another is never later, and says who set it.

use super::{Config, at, ms, timeouts};
use crate::{
    dice::Dice,
    resilience::{
        Outcome,
        timeout::{Deadline, Expired, Scope},
    },
    time::Time,
};

#[test]
fn the_nearest_of_a_hierarchy_holds_and_is_named() {
    let client = Deadline::of_client(at(1_000));
    let operation = client.within(at(100), Scope::Operation, ms(2_000));
    assert_eq!(operation, client, "it may take longer, but nobody waits");
    let operation = client.within(at(100), Scope::Operation, ms(500));
    assert_eq!(operation, Deadline { at: at(600), set_by: Scope::Operation });
    let attempt = operation.keeping(ms(50)).within(at(540), Scope::Attempt, ms(100));
    assert_eq!(attempt, Deadline { at: at(550), set_by: Scope::Operation });
    assert_eq!(attempt.left(at(540)), ms(10));
    let expired = Expired { set_by: Scope::Operation, at: at(550) };
    assert_eq!(attempt.must_leave(at(540), ms(11)), Err(expired));
    assert_eq!(attempt.must_leave(at(550), ms(0)), Err(expired), "then is too late");
    assert_eq!(attempt.must_leave(at(540), ms(10)), Ok(()));
}

#[test]
fn however_they_are_nested_none_is_later_than_any_around_it() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed, 0);
        let mut deadline = Deadline::of_client(Time(dice.below(1 << 40)));
        let (mut earliest, mut now) = (deadline.at, Time::ZERO);
        for _ in 0..20 {
            now = Time(now.0 + dice.below(1 << 30));
            let limit = core::time::Duration::from_micros(dice.below(1 << 36));
            earliest = earliest.min(now + limit);
            deadline = deadline.within(now, Scope::Attempt, limit);
            assert_eq!(deadline.at, earliest, "seed {seed}");
        }
    }
}

#[test]
fn an_attempt_has_what_its_caller_has_left_and_none_begins_for_nothing() {
    let mut guard = timeouts(Config::default());
    let permit = guard.admit(at(0), Deadline::of_client(at(300))).unwrap();
    assert_eq!(permit.deadline(), Deadline::of_client(at(300)));
    guard.settle(at(300), permit, Outcome::Timeout);
    let permit = guard.admit(at(0), Deadline::NONE).unwrap();
    assert_eq!(permit.deadline(), Deadline { at: at(5_000), set_by: Scope::Attempt });
    guard.settle(at(5_000), permit, Outcome::Timeout);
    let expired = guard.admit(at(5_000), Deadline::of_client(at(5_019))).unwrap_err();
    assert_eq!(expired, Expired { set_by: Scope::Client, at: at(5_019) });
    let counters = guard.snapshot().counters;
    assert_eq!((counters.timed_out, counters.cut_short, counters.expired), (2, 1, 1));
}

#[test]
fn no_deadline_is_no_deadline_whatever_is_kept_of_it() {
    assert_eq!(Deadline::NONE.keeping(ms(1)), Deadline::NONE);
    assert_eq!(Deadline::of_client(at(1)).keeping(core::time::Duration::MAX).at, Time::ZERO);
    assert_eq!(Deadline::NONE.must_leave(at(5), ms(86_400_000)), Ok(()));
    let far = Deadline::NONE.within(Time(u64::MAX - 5), Scope::Attempt, ms(1));
    assert_eq!(far, Deadline::NONE, "the end of time is no earlier");
}
