//! What can't work is refused as a whole, with where and what; what can keeps what is known.

use alloc::{string::ToString as _, vec::Vec};

use super::{Begun, Config, Key, Manager, Policy, at, config, go, manager, policy};
use crate::resilience::{
    Outcome, adaptive, breaker, bulkhead, degradation,
    manager::{BeginError, Event, Instead, MAX_NAMES, MAX_OPERATIONS, Rejected, Unknown},
    objective, rate,
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
fn guards_of_which_one_never_lets_another_work_are_refused_together() {
    let field = |policy: Policy| policy.validate().unwrap_err().field;
    // An attempt needs the floor, and none ever has so long.
    let timeout = timeout::Config::default;
    assert_eq!(field(policy().total_ms(19)), "total_ms");
    assert_eq!(policy().total_ms(20).validate(), Ok(()));
    // A probe is lost, and a call given up, before its timeout can tell how it ended.
    let breaker = |ms| Some(breaker::Config::default().probe_lease_ms(ms));
    assert_eq!(field(policy().breaker(breaker(29_999))), "probe_lease_ms");
    assert_eq!(policy().breaker(breaker(30_000)).validate(), Ok(()));
    let adaptive = |ms| Some(adaptive::Config::default().lease_ms(ms));
    assert_eq!(field(policy().adaptive(adaptive(29_999))), "lease_ms");
    assert_eq!(policy().adaptive(adaptive(30_000)).validate(), Ok(()));
    // What doesn't follow what is measured is never longer than at first, and no attempt than all of it.
    let fixed = timeout().adaptive(false).initial_ms(1_000);
    let policy = policy().breaker(breaker(1_000)).adaptive(adaptive(1_000));
    assert_eq!(policy.clone().timeout(fixed.clone()).validate(), Ok(()));
    assert_eq!(field(policy.clone().timeout(fixed.initial_ms(1_001))), "probe_lease_ms");
    assert_eq!(policy.clone().total_ms(1_000).validate(), Ok(()));
    assert_eq!(field(policy.total_ms(1_001)), "probe_lease_ms");
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
fn an_operator_opens_a_breaker_or_turns_it_off_by_configuration() {
    let (mut manager, key) = manager(&policy());
    let with = |mode| policy().breaker(Some(policy().breaker.unwrap().mode(mode))).retry(None);
    let ask = |manager: &mut Manager, mode, outcome| {
        manager.reconfigure(at(0), config(&with(mode))).unwrap();
        let mut call = go(manager, at(0), key);
        let attempt = manager.attempt(at(0), &mut call);
        let made = attempt.map(|it| manager.settle(at(0), &mut call, it, outcome, Hint::Never));
        manager.finish(at(0), call, outcome);
        made.is_ok()
    };
    assert!(
        !ask(&mut manager, breaker::Mode::ForcedOpen, Outcome::Success),
        "nothing is let through"
    );
    for _ in 0..10 {
        assert!(ask(&mut manager, breaker::Mode::Disabled, Outcome::Failure), "all is");
        assert!(manager.snapshot(key).unwrap().breaker.unwrap().mode == breaker::Mode::Disabled);
    }
    for _ in 0..3 {
        assert!(ask(&mut manager, breaker::Mode::Normal, Outcome::Failure));
    }
    assert!(!ask(&mut manager, breaker::Mode::Normal, Outcome::Success), "it does its work");
    // What it came to is to be heard of.
    let events: Vec<_> = core::iter::from_fn(|| manager.poll_event()).collect();
    let breaker = events.iter().filter_map(|(of, event)| match event {
        Event::Breaker(event) => Some((*of, *event)),
        _ => None,
    });
    let breaker: Vec<_> = breaker.collect();
    assert_eq!(breaker[0], (key, breaker::Event::ModeSet(breaker::Mode::ForcedOpen)));
    let opened = |it: &(Key, breaker::Event)| {
        it.0 == key && matches!(it.1, breaker::Event::Opened { in_a_row: 1, .. })
    };
    assert!(breaker.iter().any(opened), "{breaker:?}");
    let write = manager.key(0, "write").unwrap();
    assert!(breaker.iter().any(|it| it.0 == write), "each says whose it is");
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

/// Makes as many calls fail as open a breaker.
fn open_breaker(manager: &mut Manager, key: Key) {
    for _ in 0..3 {
        let mut call = go(manager, at(0), key);
        let attempt = manager.attempt(at(0), &mut call).unwrap();
        let _ = manager.settle(at(0), &mut call, attempt, Outcome::Failure, Hint::Never);
        manager.finish(at(0), call, Outcome::Failure);
    }
    assert_eq!(manager.snapshot(key).unwrap().breaker.unwrap().state, breaker::State::Open);
}

#[test]
fn what_a_new_configuration_does_not_name_is_dropped_and_begins_anew_if_it_comes_back() {
    let promised = policy().objective(Some(objective::Config::default()));
    let all = config(&promised);
    let (mut manager, read) = manager(&promised);
    let [stays, goes] = [0, 3].map(|peer| manager.key(peer, "write").unwrap());
    for key in [read, stays, goes] {
        open_breaker(&mut manager, key);
    }
    // Given an operation and a peer that aren't named any more,
    let fewer = Config::default().peers(2).operations([("write".into(), promised)].into());
    manager.reconfigure(at(1), fewer).unwrap();
    assert_eq!(manager.kept(), 2, "one operation is gone, and two peers of the other");
    assert_eq!(manager.snapshot(read), Err(Unknown::Operation));
    // then nothing is kept of them, once they come back, and all of what stayed.
    manager.reconfigure(at(2), all).unwrap();
    assert_eq!(manager.kept(), 8);
    for (key, asked, state) in [
        (read, 0, breaker::State::Closed),
        (goes, 0, breaker::State::Closed),
        (stays, 3, breaker::State::Open),
    ] {
        let snapshot = manager.snapshot(key).unwrap();
        assert_eq!((snapshot.counters.asked, snapshot.breaker.unwrap().state), (asked, state));
    }
}

#[test]
fn nobody_is_woken_for_what_is_gone_and_it_degrades_nothing() {
    let promised = policy().objective(Some(objective::Config::default()));
    let (mut manager, read) = manager(&promised);
    open_breaker(&mut manager, read);
    let other = manager.key(1, "read").unwrap();
    let running = [0, 1].map(|_| go(&mut manager, at(0), other));
    let none = Config::default().degradation(Some(degradation::Config::default()));
    manager.reconfigure(at(1), none.clone()).unwrap();
    manager.tick(at(1));
    let signal = manager.degradation().unwrap().snapshot().highest_ppm;
    assert_eq!(signal, 0, "a full bulkhead that nobody can come to any more");
    manager.reconfigure(at(2), none.degradation(None)).unwrap();
    for call in running {
        manager.finish(at(3), call, Outcome::Neutral);
    }
    // Time is let pass once more, as of what is gone, and then no more.
    let then = manager.next_wake().expect("something was out when last it was looked");
    manager.tick(then);
    assert_eq!((manager.kept(), manager.next_wake()), (0, None));
}

#[test]
fn guards_that_are_gone_go_with_the_last_thing_that_is_out_however_it_ends() {
    let nothing = Config::default();
    let looked = |manager: &mut Manager| {
        manager.tick(at(12));
        manager.kept()
    };
    let gone = |manager: &mut Manager| manager.reconfigure(at(1), nothing.clone()).unwrap();
    // A call that ends.
    let (mut manager, key) = manager(&policy());
    let call = go(&mut manager, at(0), key);
    gone(&mut manager);
    assert_eq!(looked(&mut manager), 1, "only what something is out of");
    manager.finish(at(2), call, Outcome::Success);
    assert_eq!(looked(&mut manager), 0);
    // One whose caller gives up, and whose work goes on.
    manager.reconfigure(at(2), config(&policy())).unwrap();
    let call = go(&mut manager, at(2), key);
    gone(&mut manager);
    let abandoned = manager.abandon(at(3), call, Outcome::Timeout);
    assert_eq!(looked(&mut manager), 1, "its place is taken until its work ends");
    manager.end(at(4), abandoned);
    assert_eq!(looked(&mut manager), 0);
    // Four in line: one leaves, one has waited for too long, one has its turn and runs, one has it and
    // is gone.
    let long = bulkhead::Config::default().concurrent(1).line(4).line_ms(1_000);
    manager.reconfigure(at(5), config(&policy().bulkhead(Some(long)))).unwrap();
    let first = go(&mut manager, at(5), key);
    let deadlines = [None, Some(at(10)), None, None];
    let [leaves, late, runs, vanishes] =
        deadlines.map(|deadline| match manager.begin(at(5), key, 1, None, deadline) {
            Ok(Begun::Wait(waiting)) => waiting,
            other => panic!("{other:?}"),
        });
    gone(&mut manager);
    manager.leave(leaves);
    let turn = manager.poll_turn(at(10), key).unwrap();
    assert!(manager.resume(at(10), late, turn).is_err());
    manager.finish(at(11), first, Outcome::Success);
    let turn = manager.poll_turn(at(11), key).unwrap();
    let mut call = manager.resume(at(11), runs, turn).unwrap();
    let attempt = manager.attempt(at(11), &mut call).unwrap();
    assert_eq!(
        manager.settle(at(12), &mut call, attempt, Outcome::Success, Hint::None),
        Instead::Done,
        "who was in line is served as ever"
    );
    manager.finish(at(12), call, Outcome::Success);
    let turn = manager.poll_turn(at(12), key).unwrap();
    assert_eq!((turn.ticket, looked(&mut manager)), (vanishes.ticket(), 1));
    manager.decline(key, turn);
    assert_eq!(looked(&mut manager), 0);
}

#[test]
fn names_that_come_and_go_leave_nothing_but_their_names_and_those_are_bounded() {
    let (mut manager, old) = manager(&policy());
    let named = |names: core::ops::Range<usize>| {
        Config::default().operations(names.map(|name| (name.to_string(), policy())).collect())
    };
    // The two that it began with are names too.
    for from in (2..MAX_NAMES).step_by(MAX_OPERATIONS) {
        let names = from..MAX_NAMES.min(from + MAX_OPERATIONS);
        let count = names.len();
        manager.reconfigure(at(0), named(names)).unwrap();
        assert_eq!(manager.kept(), 4 * count, "from {from}");
    }
    // A key names one operation for good: as long as it isn't there, none.
    assert_eq!(manager.snapshot(old), Err(Unknown::Operation));
    assert_eq!(manager.begin(at(0), old, 1, None, None).unwrap_err(), Unknown::Operation.into());
    assert!(manager.poll_turn(at(0), old).is_none());
    let last = (MAX_NAMES - 1).to_string();
    let refused = manager.reconfigure(at(0), named(MAX_NAMES..MAX_NAMES + 1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "operations = 4097 can't work: so many different names since the start: at most 4096, start \
         again for more"
    );
    assert!(manager.key(0, &last).is_ok(), "none of it was taken");
    manager.reconfigure(at(0), config(&policy())).unwrap();
    let _ = go(&mut manager, at(0), old);
    assert_eq!(manager.snapshot(old).unwrap().counters.begun, 1, "and then it is the same one");
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
