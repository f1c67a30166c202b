//! A thousand storms: safety always, liveness once it is calm.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use conclave_core::sim::{Address, Run, Verdict};
use conclave_tests::{Storm, storm};

const STORMS: u64 = 1_000;

/// How many storms really had each kind of fault.
#[derive(Default)]
struct Happened {
    loss: AtomicU64,
    doubling: AtomicU64,
    crash: AtomicU64,
    split: AtomicU64,
    lie: AtomicU64,
    view_change: AtomicU64,
}

impl Happened {
    fn note(&self, storm: &Storm, verdict: &Verdict) {
        let took_effect = |what: &[&str]| {
            verdict.injections.iter().any(|injection| {
                injection.effects > 0 && what.iter().any(|word| injection.what.contains(word))
            })
        };
        for (counter, happened) in [
            (&self.loss, storm.rough && verdict.counts.lost > 0),
            (&self.doubling, storm.rough && verdict.counts.duplicated > 0),
            (&self.crash, storm.crashes > 0 && took_effect(&["crashes"])),
            (&self.split, storm.splits > 0 && took_effect(&["cut off", "splits"])),
            (&self.lie, storm.liar && took_effect(&["Byzantine"])),
            (&self.view_change, verdict.counts.view.0 > 0),
        ] {
            counter.fetch_add(u64::from(happened), Ordering::Relaxed);
        }
    }
}

/// What went wrong in a storm, if anything did.
fn failure(seed: u64, happened: &Happened) -> Option<String> {
    let storm = storm(seed);
    let run = Run::new(storm.scenario.clone(), seed);
    let verdict = match run.verdict() {
        Ok(verdict) => verdict,
        Err(error) => return Some(format!("storm {seed}: {error}")),
    };
    happened.note(&storm, &verdict);
    if verdict.as_expected() {
        return None;
    }
    let unmet: Vec<_> = verdict.expectations.iter().filter(|it| !it.met).collect();
    Some(format!(
        "storm {seed}: {unmet:?}\n{:#?}\nlink: {}\n{}",
        verdict.violations,
        Address::new(&run, 0).encode(),
        storm.scenario.source
    ))
}

#[test]
fn every_invariant_holds_in_a_thousand_storms() {
    let first: u64 = std::env::var("CONCLAVE_STORMS_FROM").map_or(0, |it| it.parse().unwrap());
    let count: u64 = std::env::var("CONCLAVE_STORMS").map_or(STORMS, |it| it.parse().unwrap());
    let happened = Happened::default();
    let next = AtomicU64::new(first);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + count || failures.len() >= 3 {
                    return failures;
                }
                failures.extend(failure(seed, &happened));
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));

    // A storm that did nothing proves nothing.
    for (what, counter, at_least) in [
        ("loss", &happened.loss, 600),
        ("doubling", &happened.doubling, 600),
        ("a crash", &happened.crash, 450),
        ("a split", &happened.split, 450),
        ("a lie", &happened.lie, 350),
        ("a view change", &happened.view_change, 500),
    ] {
        let found = counter.load(Ordering::Relaxed);
        println!("{what} happened in {found} of {count} storms");
        assert!(
            found * STORMS >= at_least * count,
            "{what} happened in only {found} of {count} storms"
        );
    }
}
