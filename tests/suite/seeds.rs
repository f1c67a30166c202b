//! A slice of the swarm: safety always, liveness once it is calm, in a thousand random scenarios;
//! and each kind of adversity really happened in many of them.
//!
//! `CONCLAVE_STORMS` and `CONCLAVE_STORMS_FROM` widen or move the slice; `conclave explore` runs as
//! many as one likes, with a report.

use std::collections::BTreeMap;

use conclave_core::sim::{
    Address, Run,
    swarm::{Feature, Outcome, carry_out, storm},
};
use conclave_tests::{number, over_seeds};

const STORMS: u64 = 1_000;

/// In at least so many of a thousand storms it must have had an effect.
const AT_LEAST: [(Feature, u64); 50] = [
    ("switch of protocol", 90),
    ("other protocol", 90),
    ("loss", 290),
    ("duplication", 300),
    ("reordering", 290),
    ("unsynced writes lost", 30),
    ("crash", 360),
    ("cut-off", 280),
    ("partition", 300),
    ("cut-link", 280),
    ("slow-link", 280),
    ("loss of some kinds", 120),
    ("disk with a bad sector", 20),
    ("disk that tears", 20),
    ("lost disk", 20),
    ("disk that lies", 10),
    ("replica is replaced", 110),
    ("replica joins", 45),
    ("replica leaves", 20),
    ("client far ahead", 25),
    ("client that floods", 25),
    ("client with bad signatures", 25),
    ("selective client", 25),
    ("two-faced client", 25),
    ("delay", 60),
    ("equivocate", 70),
    ("false accusation", 90),
    ("false new view", 30),
    ("false reply", 40),
    ("false state", 30),
    ("flood", 60),
    ("forge", 60),
    ("hide prepared", 60),
    ("reorder", 60),
    ("replay", 60),
    ("selective", 60),
    ("silent", 70),
    ("slow", 30),
    ("stale view", 10),
    ("two-faced", 30),
    ("wrong digest", 60),
    ("wrong place", 50),
    ("new epoch", 150),
    ("checkpoint", 570),
    ("proof of equivocation", 20),
    ("decision of the docket", 100),
    ("read in one round", 290),
    ("read that fell back", 100),
    ("state transfer", 180),
    ("view change", 500),
];

/// Storms that declare something may not be without any effect more often than this.
const IDLE_AT_MOST: u64 = 10;

#[derive(Default)]
struct Slice {
    happened: BTreeMap<Feature, u64>,
    idle: u64,
    failures: Vec<String>,
}

impl Slice {
    fn add(&mut self, outcome: &Outcome) {
        for feature in outcome.effective.iter().chain(&outcome.reached) {
            *self.happened.entry(feature).or_default() += 1;
        }
        self.idle += u64::from(outcome.is_idle());
    }

    fn merge(mut self, other: Self) -> Self {
        for (feature, count) in other.happened {
            *self.happened.entry(feature).or_default() += count;
        }
        self.idle += other.idle;
        self.failures.extend(other.failures);
        self
    }

    fn run(&mut self, seed: u64) {
        let scenario = storm(seed).unwrap_or_else(|error| panic!("storm {seed}: {error}"));
        let run = Run::new(scenario, seed);
        let outcome = carry_out(&run).unwrap_or_else(|error| panic!("storm {seed}: {error}"));
        self.add(&outcome);
        let Some(trouble) = outcome.trouble else { return };
        let unmet: Vec<_> = outcome.verdict.expectations.iter().filter(|it| !it.met).collect();
        self.failures.push(format!(
            "storm {seed}: {trouble}: {unmet:?}\n{:#?}\nlink: {}\n{}",
            outcome.verdict.violations,
            Address::new(&run, 0).encode(),
            run.scenario.source
        ));
    }
}

#[test]
fn every_invariant_holds_in_a_thousand_storms() {
    let first = number("CONCLAVE_STORMS_FROM", 0);
    let count = number("CONCLAVE_STORMS", STORMS);
    let slices = over_seeds(first, count, Slice::run, |slice| slice.failures.len() >= 3);
    let slice = slices.into_iter().fold(Slice::default(), Slice::merge);
    assert!(slice.failures.is_empty(), "{}", slice.failures.join("\n\n"));

    // A storm that did nothing proves nothing.
    let Slice { happened, idle, .. } = slice;
    println!("of {count} storms {idle} were idle; these happened: {happened:?}");
    assert!(idle * STORMS <= IDLE_AT_MOST * count, "{idle} of {count} storms did nothing");
    for (what, at_least) in AT_LEAST {
        let found = happened.get(what).copied().unwrap_or(0);
        assert!(
            found * STORMS >= at_least * count,
            "{what} had an effect in only {found} of {count} storms"
        );
    }
}
