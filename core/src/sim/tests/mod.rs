//! The simulator as a whole: determinism, going back, branching, links, and files that are wrong.

mod dialing;
mod docket;
mod files;
mod guards;
mod idle;
mod membership;
mod raft;
mod replacing;
mod runs;
mod stories;
mod switching;

use alloc::{format, string::String};

use crate::sim::{Recording, Run, Scenario};

/// An act of a scenario file.
fn fault(at_ms: u32, act: &str) -> String {
    format!("[[fault]]\nat_ms = {at_ms}\nact = {{ {act} }}\n")
}

/// A whole run, in which everything holds and every fault has an effect.
fn recorded(scenario: &Scenario, seed: u64) -> Recording {
    let mut recording = Recording::new(Run::new(scenario.clone(), seed)).unwrap();
    recording.extend(u64::MAX);
    let verdict = recording.verdict();
    assert!(verdict.as_expected(), "seed {seed}: {verdict:#?}");
    for injection in &verdict.injections {
        assert!(injection.effects > 0, "seed {seed}: without effect: {injection:?}");
    }
    recording
}
