//! A cluster in which no client asks for anything, and somebody who recovers.

use alloc::borrow::ToOwned;

use super::{fault, recorded};
use crate::{event::EventKind, sim::Scenario};

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

/// When it voted again, in milliseconds, and how many views had been given up until then.
fn recovers(wrong: &str, seed: u64) -> (u64, usize) {
    let recording = recorded(&scenario(wrong), seed);
    let is_back = |kind: &EventKind| matches!(kind, EventKind::Recovered { .. });
    let back = recording.events().iter().position(|event| is_back(&event.kind));
    let back = back.unwrap_or_else(|| panic!("seed {seed}: never"));
    let before = recording.events()[..back].iter();
    let left = |kind: &EventKind| matches!(kind, EventKind::ViewChangeStarted { .. });
    let left = before.filter(|event| left(&event.kind)).count();
    (recording.events()[back].at.as_micros() / 1_000, left)
}

#[test]
fn a_primary_that_does_not_order_what_is_said_of_who_recovers_is_replaced() {
    for seed in 1..=5 {
        let silent =
            "corrupt = { node = 0, strategies = [{ silent = { kinds = [\"pre-prepare\"] } }] }";
        let (at_ms, left) = recovers(silent, seed);
        assert!(at_ms < 10_000 && left > 0, "seed {seed}: {at_ms} ms, {left}");
    }
}

/// Or whoever says to all others that it recovers would have it replaced.
#[test]
fn a_primary_that_was_never_told_of_it_orders_what_others_say_and_stays() {
    for seed in 1..=5 {
        let (at_ms, left) = recovers("cut-link = { from = 3, to = 0 }", seed);
        assert!(at_ms < 10_000 && left == 0, "seed {seed}: {at_ms} ms, {left}");
    }
}
