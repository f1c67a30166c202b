//! What clients saw, judged from outside: the checker catches bad histories, and simulated runs
//! give good ones. (`cluster` records one of a real cluster.)

use conclave_core::{
    app::{Operation, Outcome},
    sim::{BUILTIN, Recording, Run, builtin, swarm::storm},
};
use conclave_tests::History;

/// How many storms are recorded and judged.
const STORMS: u64 = 40;

fn put(value: &str) -> Operation {
    Operation::Put { key: b"k".to_vec(), value: value.into() }
}

fn get() -> Operation {
    Operation::Get { key: b"k".to_vec() }
}

fn value(value: &str) -> Outcome {
    Outcome::Value(Some(value.into()))
}

/// Asked and answered with nothing in between.
fn at_once(history: &mut History, operation: Operation, told: &Outcome) {
    let call = history.ask(operation);
    history.answer(call, told);
}

#[test]
fn a_stale_read_is_caught() {
    let mut history = History::default();
    at_once(&mut history, put("old"), &Outcome::Done);
    at_once(&mut history, put("new"), &Outcome::Done);
    assert_eq!(history.check(), Ok(()));
    at_once(&mut history, get(), &value("old"));
    let broken = history.check().expect_err("it read what was overwritten before it asked");
    assert_eq!(broken.key, b"k");
    assert_eq!(broken.calls.last().map(String::as_str), Some("[5, 6] get k: old"));
}

#[test]
fn a_lost_update_is_caught() {
    let mut history = History::default();
    let swap = |new: &str| Operation::CompareAndSet {
        key: b"k".to_vec(),
        expected: None,
        new: Some(new.into()),
    };
    let (one, other) = (history.ask(swap("one")), history.ask(swap("other")));
    history.answer(one, &Outcome::Swapped);
    history.answer(other, &Outcome::Swapped);
    assert!(history.check().is_err(), "both swapped the same nothing");
}

#[test]
fn a_read_that_goes_back_in_time_is_caught_while_the_write_is_still_open() {
    let mut history = History::default();
    at_once(&mut history, put("old"), &Outcome::Done);
    history.ask(put("new")); // never answered
    at_once(&mut history, get(), &value("new"));
    assert_eq!(history.check(), Ok(()), "an open write may take effect");
    at_once(&mut history, get(), &value("old"));
    assert!(history.check().is_err(), "it can't be undone");
}

#[test]
fn concurrent_writes_may_come_in_either_order_but_all_see_the_same() {
    let open = |first: &str, second: &str| {
        let mut history = History::default();
        let (one, other) = (history.ask(put("one")), history.ask(put("other")));
        history.answer(other, &Outcome::Done);
        history.answer(one, &Outcome::Done);
        at_once(&mut history, get(), &value(first));
        at_once(&mut history, get(), &value(second));
        history.check()
    };
    assert_eq!(open("one", "one"), Ok(()));
    assert_eq!(open("other", "other"), Ok(()));
    assert!(open("one", "other").is_err());
}

#[test]
fn an_answer_out_of_thin_air_is_caught_in_the_middle_of_a_long_history() {
    let long = |told: &str| {
        let mut history = History::default();
        for round in 0..200 {
            let calls: Vec<_> =
                (0..3).map(|it| history.ask(put(&format!("{round}.{it}")))).collect();
            for call in calls {
                history.answer(call, &Outcome::Done);
            }
        }
        at_once(&mut history, get(), &value(told));
        history.check()
    };
    assert_eq!(long("199.0"), Ok(()));
    assert!(long("198.0").is_err());
}

fn recorded(run: Run) -> History {
    let mut recording = Recording::new(run).expect("it can be carried out");
    recording.extend(u64::MAX);
    History::of_events(recording.events())
}

#[test]
fn histories_of_the_built_in_scenarios_are_linearizable() {
    let mut calls = 0;
    for known in BUILTIN {
        let scenario = builtin(known.name).expect("built in");
        if scenario.expect.violated.is_empty() {
            let seed = scenario.seed;
            let history = recorded(Run::new(scenario, seed));
            history.check().unwrap_or_else(|broken| panic!("{}: {broken}", known.name));
            calls += history.len();
        }
    }
    assert!(calls > 200, "only {calls} calls were judged");
}

#[test]
fn histories_of_storms_are_linearizable() {
    let (mut calls, mut unanswered, mut concurrency) = (0, 0, 0);
    for seed in 0..STORMS {
        let scenario = storm(seed).unwrap_or_else(|error| panic!("storm {seed}: {error}"));
        let history = recorded(Run::new(scenario, seed));
        history.check().unwrap_or_else(|broken| panic!("storm {seed}: {broken}"));
        calls += history.len();
        unanswered += history.unanswered();
        concurrency = concurrency.max(history.concurrency());
    }
    println!(
        "{calls} calls of {STORMS} storms, {unanswered} of them unanswered, up to \
              {concurrency} at a time"
    );
    assert!(calls > 2_000 && concurrency >= 3, "{calls} calls, {concurrency} at a time");
}
