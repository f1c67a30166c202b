//! Whom the gate lets in, and what it makes of how it goes.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{Asked, Busy, Config, Gate, MAX_MEASURED, MAX_RETRY_AFTER_MS, Waiting, Why};
use crate::{
    crypto::Digest,
    event::EventKind,
    ids::{ClientId, RequestId, Seq, Timestamp},
    resilience::{
        degradation::{self, Feature, Level},
        objective::{self, Pair},
        rate,
    },
    time::Time,
};

fn new(client: u64, timestamp: u64, waiting: usize) -> Asked {
    Asked {
        client: ClientId(client),
        request: Some(Timestamp(timestamp)),
        is_read: false,
        is_known: false,
        waiting: Some(waiting),
    }
}

fn executed(ids: &[(u64, u64)]) -> EventKind {
    let request = |(client, timestamp): &(u64, u64)| RequestId {
        client: ClientId(*client),
        timestamp: Timestamp(*timestamp),
    };
    let requests = ids.iter().map(request).collect();
    EventKind::Executed { seq: Seq(1), digest: Digest::default(), requests }
}

/// Nine of ten within 100 ms, looked at in windows of 600 and 120 ms.
fn promise() -> objective::Config {
    let pairs = vec![Pair { long_ms: 600, short_ms: 120, burn_percent: 200, page: true }];
    objective::Config::default()
        .latency_ms(Some(100))
        .quick_ppm(900_000)
        .availability_ppm(900_000)
        .period_ms(60_000)
        .minimum_calls(5)
        .pairs(pairs)
}

fn degrading() -> degradation::Config {
    degradation::Config::default().signals(2).worsen_ms(100).improve_ms(300)
}

fn events(gate: &mut Gate) -> Vec<EventKind> {
    core::iter::from_fn(|| gate.poll_event()).collect()
}

#[test]
fn what_can_not_work_is_refused_with_its_field() {
    let field = |config: Config| Gate::new(config).unwrap_err().field;
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().rate(Some(rate::Config::default().burst(0)))), "burst");
    assert_eq!(field(good().rate(Some(rate::Config::default())).clients(0)), "keys");
    assert_eq!(field(good().waiting(Some(Waiting::default().most(0)))), "most");
    assert_eq!(field(good().waiting(Some(Waiting::default().normal_ppm(0)))), "background_ppm");
    assert_eq!(field(good().patience_ms(0)), "patience_ms");
    assert_eq!(field(good().degradation(Some(degrading().signals(1)))), "signals");
    assert_eq!(field(good().degradation(Some(degrading()))), "degradation", "it sees nothing");
    let strange = Feature { name: "tea".into(), off_from: Level::Severe };
    let seeing = good().waiting(Some(Waiting::default()));
    assert_eq!(field(seeing.degradation(Some(degrading().features(vec![strange])))), "features");
}

#[test]
fn who_floods_is_turned_away_with_a_time_and_nobody_else_is() {
    let rate = rate::Config::default().permits(10).burst(5);
    let mut gate = Gate::new(Config::default().rate(Some(rate))).unwrap();
    let now = Time::from_millis(1);
    let flood = (0..50).map(|number| gate.admit(now, new(1, number, 0)));
    let turned_away: Vec<_> = flood.filter_map(Result::err).collect();
    assert_eq!(turned_away.len(), 46, "a burst of five, of which an operator's share is kept");
    let (why, wait) = turned_away[45];
    assert_eq!(why, Why::Rate);
    assert_eq!(gate.permits(now, ClientId(1)), Some((0, 4)));
    assert_eq!(gate.permits(now, ClientId(2)), Some((4, 4)));
    assert!((1..=100).contains(&wait), "{wait} ms");
    assert_eq!(gate.admit(now, new(2, 1, 0)), Ok(()));
    // Who comes back when it was told is let in.
    let then = now + Duration::from_millis(u64::from(wait));
    assert_eq!(gate.admit(then, new(1, 99, 0)), Ok(()));
    assert_eq!(gate.snapshot().counters.refused, [0, 46, 0]);
}

#[test]
fn where_too_many_wait_clients_come_back_later_and_the_administrator_gets_through() {
    let waiting = Waiting::default().most(10);
    let mut gate = Gate::new(Config::default().waiting(Some(waiting))).unwrap();
    let now = Time::from_millis(1);
    assert_eq!(gate.admit(now, new(1, 1, 8)), Ok(()));
    assert_eq!(gate.admit(now, new(2, 1, 9)).unwrap_err().0, Why::Full);
    let administrator = Asked { client: ClientId::ADMINISTRATOR, ..new(0, 1, 9) };
    assert_eq!(gate.admit(now, administrator), Ok(()));
    // Who waits already takes no more room, and what is known costs nothing but the rate.
    assert_eq!(gate.admit(now, Asked { waiting: None, ..new(1, 2, 0) }), Ok(()));
    // The wait that is named is how long requests take.
    gate.saw(Time::from_millis(41), &executed(&[(1, 2)]));
    assert_eq!(gate.admit(now, new(2, 1, 9)), Err((Why::Full, 40)));
}

#[test]
fn a_queue_that_fills_up_sheds_clients_step_by_step_and_lets_them_in_again() {
    let config = Config::default()
        .waiting(Some(Waiting::default().most(100)))
        .degradation(Some(degrading()));
    let mut gate = Gate::new(config).unwrap();
    let mut admitted = Vec::new();
    for ms in (0..3_000).step_by(50) {
        let now = Time::from_millis(ms);
        gate.tick(now, if ms < 1_500 { 97 } else { 10 });
        let asked = (0..10).filter(|number| gate.admit(now, new(*number, ms, 10)).is_ok()).count();
        admitted.push(asked);
    }
    assert_eq!((admitted[0], admitted[29], admitted[59]), (10, 0, 10));
    let half = admitted.iter().filter(|it| **it == 5).count();
    assert!(half >= 2, "one step at a time: {admitted:?}");
    let levels: Vec<_> = events(&mut gate)
        .into_iter()
        .filter_map(|it| match it {
            EventKind::LevelChanged { to, .. } => Some(to),
            _ => None,
        })
        .collect();
    let [normal, degraded, severe, emergency] = Level::ALL;
    assert_eq!(levels, [degraded, severe, emergency, severe, degraded, normal]);
}

#[test]
fn slow_answers_burn_the_budget_until_clients_are_shed_and_refusals_burn_nothing() {
    let config =
        Config::default().objective(Some(promise())).degradation(Some(degrading().signals(3)));
    let mut gate = Gate::new(config).unwrap();
    let mut number = 0;
    let mut run = |gate: &mut Gate, from_ms: u64, took_ms: u64| {
        let mut let_in = 0;
        for ms in (from_ms..from_ms + 1_000).step_by(10) {
            let now = Time::from_millis(ms);
            number += 1;
            let_in += usize::from(gate.admit(now, new(number, 1, 0)).is_ok());
            let then = Time::from_millis(ms + took_ms);
            gate.saw(then, &executed(&[(number, 1)]));
            gate.tick(now, 0);
        }
        let_in
    };
    assert_eq!(run(&mut gate, 0, 20), 100);
    assert_eq!(gate.level(), Level::Normal);
    let let_in = run(&mut gate, 1_000, 150);
    assert!(let_in < 80, "{let_in} of 100 although answers are slow");
    assert!(gate.level() >= Level::Severe);
    let burnt = events(&mut gate);
    let fired = |over| {
        let one =
            |it: &&EventKind| matches!(it, EventKind::BudgetBurns { over: it, .. } if *it == over);
        burnt.iter().filter(one).count()
    };
    assert!(fired(false) > 0, "{burnt:?}");
    // Nobody is served in an emergency, so nothing burns, and it is over.
    run(&mut gate, 2_000, 20);
    run(&mut gate, 3_000, 20);
    assert_eq!((gate.level(), run(&mut gate, 4_000, 20)), (Level::Normal, 100));
}

#[test]
fn what_is_never_executed_is_overdue_once_and_what_was_executed_elsewhere_is_not() {
    let config = Config::default().objective(Some(promise())).patience_ms(500);
    let mut gate = Gate::new(config).unwrap();
    gate.admit(Time::ZERO, new(1, 1, 0)).unwrap();
    gate.admit(Time::ZERO, new(2, 1, 0)).unwrap();
    gate.saw(Time::from_millis(10), &executed(&[(2, 1)]));
    for ms in [499, 500, 2_000] {
        gate.tick(Time::from_millis(ms), 1);
    }
    let seen = gate.snapshot();
    assert_eq!((seen.counters.overdue, seen.measured), (1, 0));
    assert_eq!(seen.objective.unwrap().counters.failed, 1);
    gate.admit(Time::from_millis(2_000), new(1, 2, 0)).unwrap();
    let (seq, digest) = (Seq(9), Digest::default());
    let moved = EventKind::StateTransferred { seq, digest, fetched_bytes: 0, total_bytes: 0 };
    gate.saw(Time::from_millis(2_100), &moved);
    gate.tick(Time::from_millis(9_000), 0);
    assert_eq!(gate.snapshot().counters.overdue, 1);
}

#[test]
fn an_answer_to_an_earlier_request_does_not_end_the_later_one() {
    let mut gate = Gate::new(Config::default()).unwrap();
    gate.admit(Time(0), new(1, 5, 0)).unwrap();
    gate.saw(Time(9), &executed(&[(1, 4)]));
    assert_eq!(gate.snapshot().measured, 1);
    gate.saw(Time(9), &executed(&[(1, 5)]));
    assert_eq!((gate.snapshot().measured, gate.snapshot().usual_us), (0, 9));
}

#[test]
fn a_feature_that_is_left_out_is_refused_and_others_are_not() {
    let reads = Feature { name: "reads".into(), off_from: Level::Degraded };
    let config = Config::default()
        .waiting(Some(Waiting::default()))
        .degradation(Some(degrading().features(vec![reads])));
    let mut gate = Gate::new(config).unwrap();
    let read = |number| Asked { is_read: true, ..new(number, 1, 0) };
    assert_eq!(gate.admit(Time(0), read(1)), Ok(()));
    assert!(gate.hold(Time(0), Some(Level::Degraded)));
    assert_eq!(gate.admit(Time(0), read(1)), Err((Why::Degraded, 300)));
    assert_eq!(gate.admit(Time(0), new(1, 2, 0)), Ok(()));
    assert!((gate.is_on("events"), gate.is_on("reads")) == (true, false));
}

#[test]
fn another_configuration_keeps_what_is_known() {
    let rate = |permits| Some(rate::Config::default().permits(permits).burst(5));
    let mut gate = Gate::new(Config::default().rate(rate(10))).unwrap();
    let now = Time::from_millis(1);
    while gate.admit(now, new(1, 1, 0)).is_ok() {}
    let bad = Config::default().patience_ms(0);
    assert!(gate.reconfigure(now, bad).is_err());
    assert_eq!(gate.config().rate, rate(10), "what can't work changes nothing");
    let degrading = Some(degrading().signals(3));
    gate.reconfigure(now, Config::default().rate(rate(20)).degradation(degrading)).unwrap();
    assert_eq!(gate.admit(now, new(1, 2, 0)).unwrap_err().0, Why::Rate, "its debt is still there");
    gate.reconfigure(now, Config::default()).unwrap();
    assert_eq!(gate.admit(now, new(1, 2, 0)), Ok(()));
    assert_eq!(gate.snapshot().counters.refused, [0, 2, 0], "counters only rise");
}

#[test]
fn memory_is_bounded_and_no_wait_is_longer_than_a_minute() {
    let mut gate = Gate::new(Config::default()).unwrap();
    for client in 0..2 * MAX_MEASURED as u64 {
        gate.admit(Time(client), new(client, 1, 0)).unwrap();
    }
    assert_eq!(gate.snapshot().measured, MAX_MEASURED as u32);
    let id = RequestId { client: ClientId(1), timestamp: Timestamp(1) };
    let liar = Busy { id, why: Why::Full, retry_after_ms: u32::MAX };
    assert_eq!(liar.retry_after(), Duration::from_millis(u64::from(MAX_RETRY_AFTER_MS)));
}

#[test]
fn a_read_that_nobody_answers_costs_nothing_that_is_promised() {
    // Given reads that the replica drops, as it does with a write that says it is one,
    let config = Config::default().objective(Some(promise())).patience_ms(500);
    let mut gate = Gate::new(config).unwrap();
    let read = |client, timestamp| Asked { is_read: true, ..new(client, timestamp, 0) };
    for client in 0..100 {
        gate.admit(Time::ZERO, read(client, 1)).unwrap();
    }
    // then none of them has failed,
    gate.tick(Time::from_millis(500), 0);
    let seen = gate.snapshot();
    assert_eq!((seen.counters.overdue, seen.measured), (0, 0));
    assert_eq!(seen.objective.unwrap().counters.calls, 0);
    // what is answered counts,
    let request = RequestId { client: ClientId(1), timestamp: Timestamp(2) };
    gate.admit(Time::from_millis(500), read(1, 2)).unwrap();
    gate.saw(Time::from_millis(510), &EventKind::ReadAnswered { request, executed: Seq(1) });
    assert_eq!(gate.snapshot().objective.unwrap().counters.calls, 1);
    // and so does what is ordered instead, from then on.
    gate.admit(Time::from_millis(600), read(1, 3)).unwrap();
    gate.admit(Time::from_millis(900), new(1, 3, 0)).unwrap();
    gate.tick(Time::from_millis(1_399), 1);
    assert_eq!(gate.snapshot().counters.overdue, 0);
    gate.tick(Time::from_millis(1_400), 1);
    assert_eq!(gate.snapshot().counters.overdue, 1);
}

#[test]
fn clients_that_give_up_and_ask_anew_hide_no_standstill() {
    let config = Config::default().objective(Some(promise())).patience_ms(500);
    let mut gate = Gate::new(config).unwrap();
    // Given a client that waits for a little less than what is promised, and then asks anew,
    for ms in (0..2_000).step_by(450) {
        gate.tick(Time::from_millis(ms), 1);
        gate.admit(Time::from_millis(ms), new(1, ms, 0)).unwrap();
    }
    assert_eq!(gate.snapshot().counters.overdue, 2, "it has waited twice as long as is promised");
    // and one in a hurry, of whose requests now and then one is executed,
    for number in 200..400 {
        let now = Time::from_millis(number * 10);
        gate.admit(now, new(2, number, 0)).unwrap();
        if number % 20 == 0 {
            gate.saw(now, &executed(&[(2, number), (1, 5_000)]));
        }
        gate.tick(now, 1);
    }
    assert_eq!(gate.snapshot().counters.overdue, 2, "it was served in between");
}
