//! What can't work is refused as a whole, with where and what; what can keeps what is known.

use alloc::string::ToString as _;

use super::{Begun, Config, Manager, Policy, at, config, go, manager, policy};
use crate::resilience::{
    Outcome, adaptive, breaker, degradation,
    manager::{BeginError, Instead, Rejected, Unknown},
    rate,
    retry::{self, Hint},
    timeout,
};

#[test]
fn what_can_not_work_is_named_with_its_operation() {
    assert_eq!(Policy::default().validate(), Ok(()));
    assert_eq!(Config::default().validate(), Ok(()));
    let bad = policy().timeout(timeout::Config::default().floor_ms(0));
    let error = Manager::new(config(&bad)).unwrap_err();
    assert_eq!(error.operation.as_deref(), Some("read"));
    assert!(error.to_string().starts_with("operation “read”: floor_ms = 0"), "{error}");
    let field = |config: Config| config.validate().unwrap_err().why.field;
    assert_eq!(field(Config::default().peers(0)), "peers");
    assert_eq!(field(Config::default().peers(257)), "peers");
    let too_few = degradation::Config::default().signals(2);
    assert_eq!(field(Config::default().degradation(Some(too_few))), "signals");
    let of = |policy: Policy| field(config(&policy));
    assert_eq!(of(policy().total_ms(0)), "total_ms");
    assert_eq!(of(policy().rate(Some(rate::Config::default().burst(0)))), "burst");
    assert_eq!(of(policy().adaptive(Some(adaptive::Config::default().min(0)))), "min");
    // A hedge is for what is declared repeatable.
    let hedged = policy().hedge(Some(retry::HedgeConfig::default()));
    assert_eq!(of(hedged.clone()), "copies");
    assert_eq!(config(&hedged.clone().repeatable(true)).validate(), Ok(()));
    let none = retry::HedgeConfig::default().copies(0);
    assert_eq!(of(hedged.repeatable(true).hedge(Some(none))), "copies");
    let named = (0..65).map(|number: u32| (number.to_string(), policy())).collect();
    assert_eq!(field(Config::default().operations(named)), "operations");
}

#[test]
fn an_unknown_name_is_an_error_and_skips_nothing() {
    let (mut manager, key) = manager(&policy());
    assert_eq!(manager.key(0, "raed"), Err(Unknown::Operation));
    assert_eq!(manager.key(4, "read"), Err(Unknown::Peer));
    assert_eq!(manager.objective("raed"), Err(Unknown::Operation));
    assert_eq!(manager.operations().collect::<alloc::vec::Vec<_>>(), ["read", "write"]);
    // One that was known, and isn't any more.
    let only_write = [("write".into(), policy())].into();
    manager.reconfigure(at(0), Config::default().operations(only_write)).unwrap();
    let error = manager.begin(at(0), key, 1, None, None).unwrap_err();
    assert_eq!(error, BeginError::Unknown(Unknown::Operation));
    // Or a peer that has gone.
    let write = manager.key(3, "write").unwrap();
    let only_write = [("write".into(), policy())].into();
    manager.reconfigure(at(0), Config::default().peers(2).operations(only_write)).unwrap();
    let error = manager.begin(at(0), write, 1, None, None).unwrap_err();
    assert_eq!(error, BeginError::Unknown(Unknown::Peer));
}

#[test]
fn other_settings_forget_nothing_and_calls_under_way_go_on() {
    let (mut manager, key) = manager(&policy());
    for _ in 0..3 {
        let mut call = go(&mut manager, at(0), key);
        let attempt = manager.attempt(at(0), &mut call).unwrap();
        let _ = manager.settle(at(0), &mut call, attempt, Outcome::Failure, Hint::Never);
        manager.finish(at(0), call, Outcome::Failure);
    }
    let mut waits = go(&mut manager, at(0), key);
    let breaker = breaker::Config::default().open_ms(5_000);
    let other = policy().breaker(Some(breaker)).bulkhead(None);
    manager.reconfigure(at(0), config(&other)).unwrap();
    // It is open still, and who was under way is answered by the guards it began with.
    let snapshot = manager.snapshot(key).unwrap();
    assert_eq!(snapshot.breaker.unwrap().state, breaker::State::Open);
    assert_eq!(snapshot.bulkhead, None, "it isn't used any more");
    assert!(manager.attempt(at(0), &mut waits).is_err());
    manager.finish(at(0), waits, Outcome::Failure);
    // Used again, it knows who has come back.
    manager.reconfigure(at(0), config(&policy())).unwrap();
    assert_eq!(manager.snapshot(key).unwrap().bulkhead.unwrap().running, 0);
    assert_eq!(manager.snapshot(key).unwrap().counters.asked, 4);
}

#[test]
fn a_peer_that_goes_and_comes_back_gets_back_what_was_held_of_it() {
    let all = config(&policy());
    let (mut manager, _) = manager(&policy());
    let key = manager.key(3, "read").unwrap();
    // Given a peer of which two calls run and one is in line, when it isn't configured any more,
    let first = go(&mut manager, at(0), key);
    let second = go(&mut manager, at(0), key);
    let Ok(Begun::Wait(third)) = manager.begin(at(0), key, 1, None, None) else { panic!() };
    manager.reconfigure(at(1), all.clone().peers(2)).unwrap();
    // then nothing of it is begun or seen, and who is in line still gets its turn.
    assert_eq!(manager.begin(at(1), key, 1, None, None).unwrap_err(), Unknown::Peer.into());
    assert_eq!(manager.snapshot(key), Err(Unknown::Peer));
    manager.finish(at(1), first, Outcome::Success);
    let turn = manager.poll_turn(at(1), key).unwrap();
    let third = manager.resume(at(1), third, turn).unwrap();
    // And once it is there again, what comes back is nobody else's.
    manager.reconfigure(at(2), all).unwrap();
    manager.finish(at(2), second, Outcome::Success);
    let fourth = go(&mut manager, at(2), key);
    assert_eq!(manager.snapshot(key).unwrap().bulkhead.unwrap().running, 2);
    for call in [third, fourth] {
        manager.finish(at(3), call, Outcome::Neutral);
    }
    let counters = manager.snapshot(key).unwrap().counters;
    assert_eq!((counters.asked, counters.succeeded, counters.neutral), (4, 2, 2));
}

#[test]
fn if_any_of_it_can_not_work_none_of_it_is_taken() {
    let (mut manager, key) = manager(&policy());
    let mut config = config(&policy().rate(Some(rate::Config::default().burst(1))));
    config.operations.insert("zzz".into(), policy().total_ms(0));
    assert!(manager.reconfigure(at(0), config).is_err());
    assert_eq!(manager.snapshot(key).unwrap().rate, None);
    assert_eq!(manager.key(0, "zzz"), Err(Unknown::Operation));
}

#[test]
fn without_any_guard_calls_go_through_and_end_as_they_end() {
    let none = Policy::default().bulkhead(None).retry(None).breaker(None);
    let (mut manager, key) = manager(&none);
    for outcome in [Outcome::Success, Outcome::Failure] {
        let mut call = go(&mut manager, at(0), key);
        let attempt = manager.attempt(at(0), &mut call).unwrap();
        let after = manager.settle(at(0), &mut call, attempt, outcome, Hint::None);
        let done = after == Instead::Done;
        assert_eq!(done, outcome == Outcome::Success);
        assert!(done || matches!(after, Instead::GiveUp(Rejected::Retry(_))));
        manager.finish(at(0), call, outcome);
    }
    let begun = manager.begin(at(0), key, 1, None, Some(at(0))).unwrap();
    let Begun::Go(mut call) = begun else { panic!("nothing to wait for") };
    let expired = manager.attempt(at(0), &mut call).unwrap_err();
    assert!(matches!(expired, Instead::GiveUp(Rejected::Expired(_))), "{expired:?}");
    manager.finish(at(0), call, Outcome::Neutral);
}
