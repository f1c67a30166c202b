//! A cluster in which no client asks for anything: what it owes to somebody who recovers.

use alloc::borrow::ToOwned;

use super::{fault, recorded};
use crate::{event::EventKind, ids::View, sim::Scenario};

/// Seven of whom one lost its disk, and something else is wrong.
fn scenario(wrong: &str) -> Scenario {
    let file = "schema = 1\nname = \"idle\"\ntitle = \"Idle\"\npromise = \"Whoever forgot comes \
                back though nobody asks.\"\nduration_ms = 30000\n[cluster]\nn = 7\n[workload]\n\
                clients = 1\nrequests = 3\nthink_ms = 0\n[network]\nlatency_us = 5000\n\
                jitter_us = 1000\n"
        .to_owned()
        + &fault(1_000, "damage-disk = { node = 3, what = \"lost\" }")
        + &fault(1_001, "crash = { node = 3 }")
        + &fault(1_100, wrong)
        + &fault(1_200, "restart = { node = 3 }");
    Scenario::parse(&file).unwrap()
}

/// When it voted again, in milliseconds, and in which view.
fn recovers(wrong: &str, seed: u64) -> (u64, View) {
    let recording = recorded(&scenario(wrong), seed);
    let recovered = recording.events().iter().find_map(|event| match event.kind {
        EventKind::Recovered { view, .. } => Some((event.at.as_micros() / 1_000, view)),
        _ => None,
    });
    recovered.unwrap_or_else(|| panic!("seed {seed}: never"))
}

#[test]
fn a_primary_that_does_not_fill_the_log_for_who_recovers_is_replaced() {
    for seed in 1..=5 {
        let silent =
            "corrupt = { node = 0, strategies = [{ silent = { kinds = [\"pre-prepare\"] } }] }";
        let (at_ms, view) = recovers(silent, seed);
        assert!(at_ms < 10_000 && view > View(0), "seed {seed}: {at_ms} ms, {view}");
    }
}

/// Or whoever says to all others that it recovers would have it replaced.
#[test]
fn a_primary_that_was_never_told_of_it_fills_when_it_is_asked_and_stays() {
    for seed in 1..=5 {
        let (at_ms, view) = recovers("cut-link = { from = 3, to = 0 }", seed);
        assert!(at_ms < 20_000 && view == View(0), "seed {seed}: {at_ms} ms, {view}");
    }
}
