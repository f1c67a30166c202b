//! What the guards do together.

use super::{Begun, Config, Manager, at, config, go, manager, ms, policy};
use crate::resilience::{
    Outcome, Priority, adaptive, breaker, bulkhead,
    chaos::{self, Experiment, Fault},
    degradation,
    manager::{BeginError, Instead, Key, Rejected},
    objective, rate,
    retry::{self, Hint, Stop},
    timeout::Scope,
};

/// A call whose attempts all end so; what came of it, and how many were made.
fn run(manager: &mut Manager, now_ms: u64, key: Key, outcome: Outcome) -> (Instead, u32) {
    let mut call = go(manager, at(now_ms), key);
    let (mut now, mut made) = (at(now_ms), 0);
    loop {
        let instead = match manager.attempt(now, &mut call) {
            Ok(attempt) => {
                made += 1;
                manager.settle(now, &mut call, attempt, outcome, Hint::None)
            }
            Err(instead) => instead,
        };
        match instead {
            Instead::Again { at } => now = at,
            _ => {
                manager.finish(now, call, outcome);
                return (instead, made);
            }
        }
    }
}

#[test]
fn the_breaker_sees_every_attempt_and_not_every_call() {
    let (mut manager, key) = manager(&policy());
    let (instead, made) = run(&mut manager, 0, key, Outcome::Failure);
    assert_eq!((instead, made), (Instead::GiveUp(Rejected::Retry(Stop::Attempts)), 3));
    // Three attempts of one call: it is open.
    let mut call = go(&mut manager, at(400), key);
    let Err(Instead::GiveUp(Rejected::Breaker(rejected))) = manager.attempt(at(400), &mut call)
    else {
        panic!("the breaker's own words");
    };
    assert_eq!(rejected, breaker::Rejected { why: breaker::Why::Open, retry_at: Some(at(10_300)) });
    manager.finish(at(400), call, Outcome::Failure);
    let counters = manager.snapshot(key).unwrap().counters;
    assert_eq!((counters.attempts, counters.attempts_rejected, counters.failed), (3, 1, 2));
}

#[test]
fn retries_wait_for_the_breaker_where_they_are_told_to() {
    let breaker = policy().breaker.unwrap().open_ms(500);
    let (mut manager, key) = manager(&policy().breaker(Some(breaker)).wait_for_breaker(true));
    let _ = run(&mut manager, 0, key, Outcome::Failure);
    let mut call = go(&mut manager, at(400), key);
    let again = manager.attempt(at(400), &mut call).unwrap_err();
    assert_eq!(again, Instead::Again { at: at(800) }, "open until then");
    let probe = manager.attempt(at(800), &mut call).unwrap();
    let after = manager.settle(at(800), &mut call, probe, Outcome::Success, Hint::None);
    assert_eq!(after, Instead::Done);
    manager.finish(at(800), call, Outcome::Success);
}

#[test]
fn one_peers_failures_and_one_operations_are_nobody_elses() {
    let (mut manager, key) = manager(&policy());
    let _ = run(&mut manager, 0, key, Outcome::Failure);
    for (peer, operation) in [(1, "read"), (0, "write")] {
        let key = manager.key(peer, operation).unwrap();
        assert_eq!(run(&mut manager, 400, key, Outcome::Success), (Instead::Done, 1));
    }
}

#[test]
fn guards_come_in_their_order_and_each_speaks_for_itself() {
    let rate = rate::Config::default().permits(1).per_ms(60_000).burst(5);
    let policy = policy().rate(Some(rate));
    let config = config(&policy).degradation(Some(degradation::Config::default()));
    let mut manager = Manager::new(config).unwrap();
    let key = manager.key(0, "read").unwrap();
    let ask = |manager: &mut Manager, priority| {
        let begun = manager.begin(at(0), key, 1, Some(priority), None);
        begun.map_err(|error| match error {
            BeginError::Rejected(rejected) => rejected,
            BeginError::Unknown(unknown) => panic!("{unknown}"),
        })
    };
    // Degradation comes first: what it leaves out uses no rate.
    manager.degradation().unwrap().hold(at(0), Some(degradation::Level::Emergency));
    for _ in 0..100 {
        let rejected = ask(&mut manager, Priority::Background).unwrap_err();
        assert!(matches!(rejected, Rejected::Degraded(_)));
    }
    manager.degradation().unwrap().hold(at(0), Some(degradation::Level::Normal));
    // Then the rate, in which background calls have half: room for two, in the bulkhead, too.
    let running = [0, 1].map(|_| ask(&mut manager, Priority::Background).unwrap());
    let rejected = ask(&mut manager, Priority::Background).unwrap_err();
    assert!(matches!(rejected, Rejected::Rate(_)) && rejected.retry_at().is_some());
    // Then the bulkhead.
    let waiting = ask(&mut manager, Priority::Normal).unwrap();
    assert!(matches!(waiting, Begun::Wait(_)));
    let rejected = ask(&mut manager, Priority::Normal).unwrap_err();
    assert!(matches!(rejected, Rejected::Bulkhead(bulkhead::Rejected { .. })), "{rejected:?}");
    let counters = manager.snapshot(key).unwrap().counters;
    assert_eq!(
        (counters.asked, counters.degraded, counters.over_rate, counters.no_room),
        (105, 100, 1, 1)
    );
    drop(running);
}

#[test]
fn who_was_in_line_goes_on_when_it_is_its_turn_or_is_told() {
    let (mut manager, key) = manager(&policy());
    let first = go(&mut manager, at(0), key);
    let second = go(&mut manager, at(0), key);
    let Begun::Wait(waiting) = manager.begin(at(0), key, 1, None, None).unwrap() else {
        panic!("two at a time");
    };
    assert!(manager.poll_turn(at(0), key).is_none());
    manager.finish(at(5), first, Outcome::Success);
    let turn = manager.poll_turn(at(5), key).unwrap();
    assert_eq!(turn.ticket, waiting.ticket());
    let third = manager.resume(at(5), waiting, turn).unwrap();
    // The next waits in vain.
    let Begun::Wait(waiting) = manager.begin(at(5), key, 1, None, None).unwrap() else {
        panic!("two at a time");
    };
    assert_eq!(manager.next_wake(), Some(at(1_005)));
    let turn = manager.poll_turn(at(1_005), key).unwrap();
    let rejected = manager.resume(at(1_005), waiting, turn).unwrap_err();
    assert!(matches!(rejected, Rejected::Bulkhead(it) if it.why == bulkhead::Why::Waited));
    // One that leaves takes nobody's turn.
    let Begun::Wait(waiting) = manager.begin(at(1_005), key, 1, None, None).unwrap() else {
        panic!("two at a time");
    };
    manager.leave(waiting);
    manager.finish(at(1_006), second, Outcome::Success);
    manager.finish(at(1_006), third, Outcome::Success);
    assert!(manager.poll_turn(at(1_006), key).is_none());
    assert_eq!(manager.snapshot(key).unwrap().bulkhead.unwrap().running, 0);
}

#[test]
fn abandoned_work_holds_its_place_until_it_ends() {
    let (mut manager, key) = manager(&policy());
    let mut call = go(&mut manager, at(0), key);
    let attempt = manager.attempt(at(0), &mut call).unwrap();
    assert_eq!(attempt.deadline().set_by, Scope::Attempt);
    let _ = manager.settle(at(5_000), &mut call, attempt, Outcome::Timeout, Hint::Never);
    let abandoned = manager.abandon(at(5_000), call, Outcome::Timeout);
    let other = go(&mut manager, at(5_000), key);
    let third = manager.begin(at(5_000), key, 1, None, None).unwrap();
    assert!(matches!(third, Begun::Wait(_)), "its work still runs");
    manager.end(at(6_000), abandoned);
    assert!(manager.poll_turn(at(5_900), key).is_some());
    manager.finish(at(6_000), other, Outcome::Success);
}

#[test]
fn calls_that_come_to_nothing_do_not_make_work_look_quick() {
    let adaptive = adaptive::Config::default().initial(2).min(2).normal_ppm(500_000);
    let policy = policy().adaptive(Some(adaptive));
    let (mut manager, key) = manager(&policy);
    let usual = |manager: &Manager| manager.snapshot(key).unwrap().bulkhead.unwrap().usual_us;
    // Given work that takes 80 ms,
    let mut call = go(&mut manager, at(0), key);
    let attempt = manager.attempt(at(0), &mut call).unwrap();
    let _ = manager.settle(at(80), &mut call, attempt, Outcome::Failure, Hint::Never);
    manager.finish(at(80), call, Outcome::Failure);
    assert_eq!(usual(&manager), 80_000);
    // when calls find the adaptive limit used,
    let running = go(&mut manager, at(100), key);
    for _ in 0..20 {
        let crowded = manager.begin(at(100), key, 1, None, None).unwrap_err();
        assert!(matches!(crowded, BeginError::Rejected(Rejected::Adaptive(_))), "{crowded:?}");
    }
    // and when nobody takes a turn,
    let second = manager.begin(at(100), key, 1, Some(Priority::Consensus), None).unwrap();
    let Ok(Begun::Wait(third)) = manager.begin(at(100), key, 1, None, None) else { panic!() };
    manager.finish(at(180), running, Outcome::Neutral);
    let turn = manager.poll_turn(at(180), key).unwrap();
    manager.decline(key, turn);
    drop(third);
    let Begun::Go(second) = second else { panic!("there is room for an important one") };
    manager.finish(at(180), second, Outcome::Neutral);
    // and when the breaker is open,
    for now in [200, 300] {
        let mut call = go(&mut manager, at(now), key);
        let Ok(attempt) = manager.attempt(at(now), &mut call) else { panic!("still closed") };
        let _ = manager.settle(at(now + 80), &mut call, attempt, Outcome::Failure, Hint::Never);
        manager.finish(at(now + 80), call, Outcome::Failure);
    }
    for _ in 0..20 {
        let mut call = go(&mut manager, at(400), key);
        let open = manager.attempt(at(400), &mut call).unwrap_err();
        assert!(matches!(open, Instead::GiveUp(Rejected::Breaker(_))), "{open:?}");
        manager.finish(at(400), call, Outcome::Failure);
    }
    // then it takes 80 ms still.
    assert_eq!(usual(&manager), 80_000);
}

#[test]
fn a_calls_deadline_is_its_callers_or_the_operations() {
    let (mut manager, key) = manager(&policy());
    let call = go(&mut manager, at(0), key);
    let until = manager.deadline(&call);
    assert_eq!((until.at, until.set_by), (at(60_000), Scope::Operation));
    manager.finish(at(0), call, Outcome::Neutral);
    let Begun::Go(mut call) = manager.begin(at(0), key, 1, None, Some(at(300))).unwrap() else {
        panic!("there is room");
    };
    let attempt = manager.attempt(at(0), &mut call).unwrap();
    assert_eq!((attempt.deadline().at, attempt.deadline().set_by), (at(300), Scope::Client));
    // No attempt that would end after it is waited for.
    let after = manager.settle(at(250), &mut call, attempt, Outcome::Failure, Hint::None);
    assert_eq!(after, Instead::GiveUp(Rejected::Retry(Stop::Deadline)));
    manager.finish(at(250), call, Outcome::Failure);
}

#[test]
fn an_adaptive_limit_counts_attempts_and_gives_their_places_back() {
    let adaptive =
        adaptive::Config::default().initial(2).normal_ppm(1_000_000).important_ppm(1_000_000);
    let retry = retry::Config::default().jitter(retry::Jitter::None);
    let policy = policy().bulkhead(None).adaptive(Some(adaptive)).retry(Some(retry));
    let (mut manager, key) = manager(&policy);
    let mut first = go(&mut manager, at(0), key);
    let second = go(&mut manager, at(0), key);
    let rejected = manager.begin(at(0), key, 1, None, None).unwrap_err();
    assert!(matches!(rejected, BeginError::Rejected(Rejected::Adaptive(_))));
    // Between attempts nothing is under way.
    let attempt = manager.attempt(at(0), &mut first).unwrap();
    let again = manager.settle(at(10), &mut first, attempt, Outcome::Failure, Hint::None);
    assert_eq!(again, Instead::Again { at: at(110) });
    let third = go(&mut manager, at(20), key);
    for call in [first, second, third] {
        manager.finish(at(30), call, Outcome::Neutral);
    }
    assert_eq!(manager.snapshot(key).unwrap().adaptive.unwrap().under_way, 0);
}

#[test]
fn an_attempt_that_finds_no_room_is_made_again_also_where_nobody_knows_when_there_will_be() {
    let adaptive =
        adaptive::Config::default().initial(2).normal_ppm(500_000).important_ppm(500_000);
    let (mut manager, key) = manager(&policy().bulkhead(None).adaptive(Some(adaptive)));
    let mut call = go(&mut manager, at(0), key);
    let attempt = manager.attempt(at(0), &mut call).unwrap();
    let again = manager.settle(at(10), &mut call, attempt, Outcome::Failure, Hint::None);
    assert_eq!(again, Instead::Again { at: at(110) });
    // Between two attempts somebody else takes the only place. No call ever ended well.
    let other = go(&mut manager, at(20), key);
    let again = manager.attempt(at(110), &mut call).unwrap_err();
    assert_eq!(again, Instead::Again { at: at(310) }, "its backoff is all there is to go by");
    manager.finish(at(310), other, Outcome::Neutral);
    let attempt = manager.attempt(at(310), &mut call).unwrap();
    let _ = manager.settle(at(320), &mut call, attempt, Outcome::Success, Hint::None);
    manager.finish(at(320), call, Outcome::Success);
}

/// Forty calls that take 100 ms, so that it is known what is usual.
fn teach(manager: &mut Manager, key: Key) -> u64 {
    for number in 0..40 {
        let now = number * 100;
        let mut call = go(manager, at(now), key);
        let attempt = manager.attempt(at(now), &mut call).unwrap();
        let _ = manager.settle(at(now + 100), &mut call, attempt, Outcome::Success, Hint::None);
        manager.finish(at(now + 100), call, Outcome::Success);
    }
    assert!(manager.snapshot(key).unwrap().timeout.quantile_us.is_some());
    4_000
}

/// A call whose caller waits for so long, and no longer.
fn cut_short(manager: &mut Manager, now: u64, key: Key, patience: u64) {
    let until = Some(at(now + patience));
    let Ok(Begun::Go(mut call)) = manager.begin(at(now), key, 1, None, until) else { panic!() };
    let Ok(attempt) = manager.attempt(at(now), &mut call) else { panic!("it is open") };
    let _ = manager.settle(at(now + patience), &mut call, attempt, Outcome::Timeout, Hint::None);
    manager.finish(at(now + patience), call, Outcome::Timeout);
}

#[test]
fn callers_in_a_hurry_open_no_breaker_and_lower_no_limit() {
    for known in [false, true] {
        let policy = policy().retry(None).adaptive(Some(adaptive::Config::default()));
        let (mut manager, key) = manager(&policy);
        let mut now = if known { teach(&mut manager, key) } else { 0 };
        // It takes 100 ms, they wait for 50.
        for _ in 0..20 {
            cut_short(&mut manager, now, key, 50);
            now += 50;
        }
        let seen = manager.snapshot(key).unwrap();
        assert_eq!(seen.breaker.unwrap().state, breaker::State::Closed, "{known}");
        assert_eq!(seen.adaptive.unwrap().counters.dropped, 0, "{known}");
        assert_eq!((seen.timeout.counters.cut_short, seen.counters.timed_out), (20, 20));
    }
    // Who waits for longer than it usually takes says what others need to know.
    let (mut manager, key) = manager(&policy().retry(None));
    let mut now = teach(&mut manager, key);
    for _ in 0..3 {
        cut_short(&mut manager, now, key, 150);
        now += 150;
    }
    assert_eq!(manager.snapshot(key).unwrap().breaker.unwrap().state, breaker::State::Open);
}

#[test]
fn callers_that_go_away_from_a_peer_that_hangs_open_its_breaker() {
    let (mut manager, key) = manager(&policy());
    let mut now = teach(&mut manager, key);
    let mut go_away = |manager: &mut Manager, after: u64| {
        let mut call = go(manager, at(now), key);
        let Ok(attempt) = manager.attempt(at(now), &mut call) else { panic!("it is open") };
        now += after;
        manager.give_up(at(now), &call, attempt);
        manager.finish(at(now), call, Outcome::Neutral);
        manager.snapshot(key).unwrap().breaker.unwrap().state
    };
    for _ in 0..20 {
        assert_eq!(go_away(&mut manager, 10), breaker::State::Closed, "they were in a hurry");
    }
    assert_eq!(go_away(&mut manager, 150), breaker::State::Closed);
    assert_eq!(go_away(&mut manager, 150), breaker::State::Closed);
    assert_eq!(go_away(&mut manager, 150), breaker::State::Open, "three that had no answer");
    assert_eq!(manager.snapshot(key).unwrap().counters.neutral, 23);
}

#[test]
fn one_slow_peer_of_four_degrades_nobody_and_four_do() {
    let policy = policy().retry(None).adaptive(Some(adaptive::Config::default().initial(2).min(2)));
    let degradation = degradation::Config::default().worsen_ms(1_000);
    let mut manager = Manager::new(config(&policy).degradation(Some(degradation))).unwrap();
    let level = |manager: &mut Manager, now: u64| {
        for ms in (now..now + 5_000).step_by(1_000) {
            manager.tick(at(ms));
        }
        manager.degradation().unwrap().level()
    };
    let keys = [0, 1, 2, 3].map(|peer| manager.key(peer, "read").unwrap());
    for key in keys {
        assert_eq!(run(&mut manager, 0, key, Outcome::Success).1, 1);
    }
    let hang = |manager: &mut Manager, now: u64, key| {
        [0, 1].map(|_| manager.begin(at(now), key, 1, Some(Priority::Consensus), None).unwrap())
    };
    // Given one of them that takes all and gives nothing back,
    let first = hang(&mut manager, 1_000, keys[3]);
    assert_eq!(level(&mut manager, 1_000), degradation::Level::Normal);
    // and then all.
    let rest = [0, 1, 2].map(|at| hang(&mut manager, 10_000, keys[at]));
    assert_eq!(level(&mut manager, 10_000), degradation::Level::Emergency);
    drop((first, rest));
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_late_and_no_call_quicker_or_longer() {
    let objective = objective::Config::default().latency_ms(Some(1_000));
    let policy = policy().objective(Some(objective));
    let config: Config = config(&policy).degradation(Some(degradation::Config::default()));
    let mut manager = Manager::new(config).unwrap();
    let key = manager.key(0, "read").unwrap();
    // Given a host whose clock goes back by an hour while a call is under way,
    let hour = 3_600_000;
    manager.tick(at(hour));
    let call = go(&mut manager, at(hour), key);
    let mut other = go(&mut manager, at(hour), key);
    manager.tick(at(0));
    // then it wakes as soon as ever,
    assert!(manager.next_wake().unwrap() <= at(1_000), "{:?}", manager.next_wake());
    // the call took as long as it took,
    manager.finish(at(5_000), call, Outcome::Success);
    let counters = manager.objective("read").unwrap().unwrap().counters;
    assert_eq!((counters.calls, counters.slow), (1, 1));
    // and the other may take as long as it may.
    let attempt = manager.attempt(at(59_900), &mut other).unwrap();
    assert_eq!(attempt.deadline().at, at(60_000));
    assert_eq!(attempt.deadline().set_by, Scope::Operation);
    let _ = manager.settle(at(60_000), &mut other, attempt, Outcome::Timeout, Hint::None);
    let expired = manager.attempt(at(60_001), &mut other).unwrap_err();
    assert!(matches!(expired, Instead::GiveUp(Rejected::Expired(_))), "{expired:?}");
    manager.finish(at(60_001), other, Outcome::Timeout);
}

#[test]
fn chaos_is_at_the_call_itself_so_that_every_guard_meets_it() {
    let (mut manager, key) = manager(&policy());
    let config = chaos::Config::default()
        .name("errors".into())
        .hypothesis("the breaker opens".into())
        .fault(Fault::Error)
        .share_ppm(1_000_000)
        .failed_ppm(1_000_000)
        .operations([manager.operation("read").unwrap()].into());
    manager.set_experiment(Some(Experiment::new(config).unwrap()));
    manager.experiment().unwrap().permit(at(0), at(3_600_000)).unwrap();
    for now in (0..10_001).step_by(100) {
        assert_eq!(run(&mut manager, now, key, Outcome::Success), (Instead::Done, 1));
    }
    manager.tick(at(10_100));
    let mut made = 0;
    let mut call = go(&mut manager, at(10_100), key);
    let mut now = at(10_100);
    while let Ok(attempt) = manager.attempt(now, &mut call) {
        // The host carries it out: the call isn't made.
        assert_eq!(attempt.injection().unwrap().fault, Fault::Error);
        made += 1;
        match manager.settle(now, &mut call, attempt, Outcome::Failure, Hint::None) {
            Instead::Again { at } => now = at,
            _ => break,
        }
    }
    manager.finish(now, call, Outcome::Failure);
    assert_eq!(made, 3);
    let snapshot = manager.snapshot(key).unwrap();
    assert_eq!(snapshot.breaker.unwrap().state, breaker::State::Open);
    assert_eq!(snapshot.counters.injected, 3);
}

#[test]
fn a_burning_budget_degrades_and_it_comes_back() {
    let policy = policy().breaker(None).retry(None).objective(Some(objective::Config::default()));
    let config: Config = config(&policy).degradation(Some(degradation::Config::default()));
    let mut manager = Manager::new(config).unwrap();
    let key = manager.key(0, "read").unwrap();
    let second = |manager: &mut Manager, second: u64, failing: bool| {
        let now = second * 1_000;
        for number in 0..20 {
            let failed = failing && number % 2 == 0;
            let outcome = if failed { Outcome::Failure } else { Outcome::Success };
            if let Ok(Begun::Go(mut call)) = manager.begin(at(now), key, 1, None, None) {
                let attempt = manager.attempt(at(now), &mut call).unwrap();
                let _ = manager.settle(at(now), &mut call, attempt, outcome, Hint::None);
                manager.finish(at(now), call, outcome);
            }
        }
        manager.tick(at(now));
        manager.degradation().unwrap().level()
    };
    let mut level = degradation::Level::Normal;
    for now in 0..60 {
        level = second(&mut manager, now, true);
    }
    assert_eq!(level, degradation::Level::Emergency);
    assert!(manager.snapshot(key).unwrap().counters.degraded > 0);
    let standing = manager.objective("read").unwrap().unwrap().availability;
    assert!(standing.pairs[0].unwrap().firing);
    // Nobody fails any more: once the short windows have forgotten, all is normal again.
    for now in 60..60 + 8 * 3_600 {
        level = second(&mut manager, now, false);
    }
    assert_eq!(level, degradation::Level::Normal);
}

#[test]
fn it_wakes_for_the_first_of_all_guards() {
    let (mut manager, key) = manager(&policy());
    assert_eq!(manager.next_wake(), None);
    let _ = run(&mut manager, 0, key, Outcome::Failure);
    assert_eq!(manager.next_wake(), Some(at(300) + ms(10_000)), "the breaker, half-open by then");
    manager.tick(at(10_300));
    let state = manager.snapshot(key).unwrap().breaker.unwrap().state;
    assert_eq!(state, breaker::State::HalfOpen);
}
