//! What is tried again, when, and what isn't.

use super::{Config, Hint, Verdict, at, fails, ms, plain, retry};
use crate::{
    resilience::{
        Outcome,
        retry::{Event, Jitter, Stop},
    },
    time::Time,
};

#[test]
fn attempts_follow_each_other_until_they_are_used_up() {
    let mut guard = retry(plain());
    let mut attempts = guard.begin(at(0), None);
    assert_eq!(fails(&mut guard, at(5), &mut attempts), Verdict::Again { at: at(105), attempt: 2 });
    assert_eq!(
        fails(&mut guard, at(110), &mut attempts),
        Verdict::Again { at: at(310), attempt: 3 }
    );
    assert_eq!(fails(&mut guard, at(315), &mut attempts), Verdict::GiveUp(Stop::Attempts));
    assert_eq!(guard.poll_event(), Some(Event::Retries { attempt: 2, at: at(105) }));
    guard.poll_event();
    let last = guard.poll_event();
    assert_eq!(last, Some(Event::GaveUp { attempts: 3, why: Stop::Attempts }));
}

#[test]
fn success_needs_no_other_attempt_and_is_told_from_rescue() {
    let mut guard = retry(plain());
    let mut first = guard.begin(at(0), None);
    let mut second = guard.begin(at(0), None);
    assert_eq!(guard.after(at(1), &mut first, Outcome::Success, Hint::None), Verdict::Done);
    let _ = fails(&mut guard, at(1), &mut second);
    assert_eq!(guard.after(at(200), &mut second, Outcome::Success, Hint::None), Verdict::Done);
    let counters = guard.snapshot().counters;
    assert_eq!((counters.first_time, counters.rescued, counters.retries), (1, 1, 1));
}

#[test]
fn only_what_is_listed_is_tried_again() {
    // Each kind by itself, listed and not.
    type Setter = fn(Config, bool) -> Config;
    let kinds: [(Outcome, Setter); 3] = [
        (Outcome::Failure, Config::retry_failures),
        (Outcome::Timeout, Config::retry_timeouts),
        (Outcome::Overload, Config::retry_overloads),
    ];
    for (outcome, set) in kinds {
        for listed in [true, false] {
            let mut guard = retry(set(plain(), listed));
            let mut attempts = guard.begin(at(0), None);
            let verdict = guard.after(at(0), &mut attempts, outcome, Hint::None);
            let again = verdict != Verdict::GiveUp(Stop::NotRetryable);
            assert_eq!(again, listed, "{outcome:?}");
        }
    }
    let mut guard = retry(plain());
    let mut attempts = guard.begin(at(0), None);
    let verdict = guard.after(at(0), &mut attempts, Outcome::Neutral, Hint::None);
    assert_eq!(verdict, Verdict::GiveUp(Stop::NotRetryable), "the caller gave up");
}

#[test]
fn nobody_sleeps_for_an_attempt_that_the_deadline_forbids() {
    let mut guard = retry(plain().attempt_needs_ms(50));
    let mut attempts = guard.begin(at(0), Some(at(155)));
    assert_eq!(fails(&mut guard, at(5), &mut attempts), Verdict::Again { at: at(105), attempt: 2 });
    let mut attempts = guard.begin(at(0), Some(at(154)));
    let verdict = fails(&mut guard, at(5), &mut attempts);
    assert_eq!(verdict, Verdict::GiveUp(Stop::Deadline), "it would have 49 ms left, and needs 50");
    let mut attempts = guard.begin(at(0), None);
    assert!(matches!(fails(&mut guard, at(29_900), &mut attempts), Verdict::Again { .. }));
    let verdict = fails(&mut guard, at(30_000), &mut attempts);
    assert_eq!(verdict, Verdict::GiveUp(Stop::Elapsed));
}

#[test]
fn the_other_side_says_when_to_come_back_or_not_to() {
    let mut guard = retry(plain());
    let mut attempts = guard.begin(at(0), None);
    let told = |guard: &mut super::Retry, attempts: &mut super::Attempts, hint| {
        guard.after(at(0), attempts, Outcome::Overload, hint)
    };
    let verdict = told(&mut guard, &mut attempts, Hint::After(ms(5_000)));
    assert_eq!(verdict, Verdict::Again { at: at(5_000), attempt: 2 }, "later than it would itself");
    let verdict = told(&mut guard, &mut attempts, Hint::After(ms(1)));
    assert_eq!(
        verdict,
        Verdict::Again { at: at(200), attempt: 3 },
        "no sooner than it would itself"
    );
    let mut attempts = guard.begin(at(0), None);
    let verdict = told(&mut guard, &mut attempts, Hint::After(ms(30_001)));
    assert_eq!(verdict, Verdict::GiveUp(Stop::Told));
    let verdict = told(&mut guard, &mut attempts, Hint::Never);
    assert_eq!(verdict, Verdict::GiveUp(Stop::Told));
    let verdict = told(&mut guard, &mut attempts, Hint::After(core::time::Duration::MAX));
    assert_eq!(verdict, Verdict::GiveUp(Stop::Told));
}

#[test]
fn a_clock_that_goes_back_moves_no_deadline() {
    let mut guard = retry(plain());
    let mut attempts = guard.begin(at(100_000), Some(at(100_150)));
    // An hour back, nothing has passed: the wait is as long as ever, and the deadline as near.
    let verdict = fails(&mut guard, at(1_000), &mut attempts);
    assert_eq!(verdict, Verdict::Again { at: at(1_100), attempt: 2 });
    let verdict = fails(&mut guard, at(1_100), &mut attempts);
    assert_eq!(verdict, Verdict::GiveUp(Stop::Deadline));
    let mut attempts = guard.begin(Time::MAX, Some(Time::MAX));
    assert!(matches!(fails(&mut guard, Time::MAX, &mut attempts), Verdict::Again { .. }));
}

#[test]
fn others_from_now_on_keep_what_is_counted() {
    let mut guard = retry(plain());
    let mut attempts = guard.begin(at(0), None);
    let _ = fails(&mut guard, at(0), &mut attempts);
    guard.reconfigure(plain().attempts(2).jitter(Jitter::Full)).unwrap();
    assert_eq!(fails(&mut guard, at(0), &mut attempts), Verdict::GiveUp(Stop::Attempts));
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.budget_calls, snapshot.budget_retries), (1, 1));
    assert!(guard.reconfigure(plain().attempts(0)).is_err());
    assert_eq!(guard.config().attempts, 2);
}
