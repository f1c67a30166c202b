//! Copies beside an attempt that takes long.

use super::{Call, Key, Manager, Policy, at, config, go, manager, policy};
use crate::resilience::{
    Outcome, breaker,
    manager::{Attempt, Hedge, Instead},
    retry::{self, BudgetConfig, HedgeConfig, Hint},
};

/// Two copies, 50 ms apart; retries and copies are three together.
fn hedged() -> Policy {
    let budget = BudgetConfig::default().share_ppm(0).floor(3);
    let retry = retry::Config::default().jitter(retry::Jitter::None).budget(budget);
    let hedge = HedgeConfig::default().after_ms(50).copies(2);
    policy().retry(Some(retry)).repeatable(true).hedge(Some(hedge))
}

fn send(manager: &mut Manager, now_ms: u64, call: &mut Call) -> Attempt {
    match manager.hedge(at(now_ms), call) {
        Hedge::Send(copy) => copy,
        other => panic!("{other:?}"),
    }
}

fn begin(manager: &mut Manager, now_ms: u64, key: Key) -> (Call, Attempt) {
    let mut call = go(manager, at(now_ms), key);
    let attempt = manager.attempt(at(now_ms), &mut call).unwrap();
    let wait = manager.hedge(at(now_ms), &mut call);
    assert!(matches!(wait, Hedge::Wait { until } if until == at(now_ms + 50)), "{wait:?}");
    (call, attempt)
}

#[test]
fn a_copy_is_an_attempt_to_every_guard_and_takes_of_the_retries_budget() {
    let (mut manager, key) = manager(&hedged());
    let (mut call, first) = begin(&mut manager, 0, key);
    let second = send(&mut manager, 50, &mut call);
    let third = send(&mut manager, 100, &mut call);
    assert!(matches!(manager.hedge(at(150), &mut call), Hedge::Enough), "as many as configured");
    let seen = manager.snapshot(key).unwrap();
    assert_eq!(seen.breaker.unwrap().counters.admitted, 3);
    assert_eq!(seen.retry.unwrap().budget_retries, 2);
    // One fails while others go on, one wins, and one is dropped.
    manager.lose(at(160), &call, first, Outcome::Failure);
    assert_eq!(
        manager.settle(at(170), &mut call, second, Outcome::Success, Hint::None),
        Instead::Done
    );
    manager.lose(at(170), &call, third, Outcome::Neutral);
    manager.finish(at(170), call, Outcome::Success);
    let seen = manager.snapshot(key).unwrap();
    assert_eq!(seen.breaker.unwrap().rates, breaker::Rates { calls: 2, failed: 1, slow: 0 });
    let hedge = seen.hedge.unwrap();
    assert_eq!((hedge.calls, hedge.copies, hedge.won_by_copy), (1, 2, 1));
    assert_eq!((seen.counters.attempts, seen.counters.succeeded), (3, 1));
    // One is left to all calls together, whatever the hedge's own budget holds.
    let (mut call, first) = begin(&mut manager, 200, key);
    let copy = send(&mut manager, 250, &mut call);
    assert!(matches!(manager.hedge(at(300), &mut call), Hedge::Enough));
    assert!(matches!(manager.hedge(at(400), &mut call), Hedge::Enough), "and stays so");
    let hedge = manager.snapshot(key).unwrap().hedge.unwrap();
    assert_eq!((hedge.copies, hedge.refused), (3, 1));
    manager.lose(at(310), &call, copy, Outcome::Neutral);
    let _ = manager.settle(at(310), &mut call, first, Outcome::Success, Hint::None);
    manager.finish(at(310), call, Outcome::Success);
    assert_eq!(manager.snapshot(key).unwrap().hedge.unwrap().won_by_copy, 1);
}

#[test]
fn an_open_breaker_lets_no_copy_through() {
    let (mut manager, key) = manager(&hedged());
    let (mut call, first) = begin(&mut manager, 0, key);
    for _ in 0..3 {
        let mut other = go(&mut manager, at(10), key);
        let attempt = manager.attempt(at(10), &mut other).unwrap();
        let _ = manager.settle(at(10), &mut other, attempt, Outcome::Failure, Hint::Never);
        manager.finish(at(10), other, Outcome::Failure);
    }
    assert!(matches!(manager.hedge(at(50), &mut call), Hedge::Enough));
    let seen = manager.snapshot(key).unwrap();
    assert_eq!((seen.counters.attempts, seen.counters.attempts_rejected), (4, 1));
    assert_eq!((seen.hedge.unwrap().copies, seen.hedge.unwrap().refused), (0, 1));
    assert_eq!(seen.retry.unwrap().budget_retries, 0, "what isn't sent isn't paid for");
    let _ = manager.settle(at(60), &mut call, first, Outcome::Success, Hint::None);
    manager.finish(at(60), call, Outcome::Success);
}

#[test]
fn without_a_hedge_or_with_one_taken_away_there_are_no_copies() {
    let (mut manager, key) = manager(&hedged());
    assert!(manager.hedges(key));
    let (mut call, first) = begin(&mut manager, 0, key);
    manager.reconfigure(at(10), config(&policy())).unwrap();
    assert!(!manager.hedges(key));
    assert!(matches!(manager.hedge(at(50), &mut call), Hedge::Enough));
    assert_eq!(manager.snapshot(key).unwrap().hedge, None);
    let _ = manager.settle(at(60), &mut call, first, Outcome::Success, Hint::None);
    manager.finish(at(60), call, Outcome::Success);
    // Wanted again, it knows what it knew.
    manager.reconfigure(at(70), config(&hedged())).unwrap();
    assert_eq!(manager.snapshot(key).unwrap().hedge.unwrap().calls, 1);
}
