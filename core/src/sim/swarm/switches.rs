//! Switches of the protocol of a storm, among members that only crash.
//!
//! Where the protocol may be one that takes honesty for granted, nobody lies: the faulty nodes of
//! such a storm are down, or lose their disks. Clients lie as ever.

use alloc::{vec, vec::Vec};

use super::{
    super::{action::Action, scenario::TimedAction},
    choice::Choice,
};
use crate::{analyzer::Protocol, ids::NodeId};

/// What the administrator may ask for.
const PROTOCOLS: [Protocol; 3] = [Protocol::Pbft, Protocol::Raft, Protocol::TrustOrderedPbft];

/// The most switches of one storm: each ends an epoch at most.
const MOST_SWITCHES: u32 = 4;

/// What the run begins with, and what is asked for when.
pub(super) struct Switches {
    pub(super) first: Protocol,
    pub(super) faults: Vec<TimedAction>,
}

/// `None`: a storm without switches, as five of six are.
pub(super) fn draw(seed: u64, calm_at_ms: u32) -> Option<Switches> {
    let mut draw = Choice::new(seed, 26);
    if !draw.one_in(6) {
        return None;
    }
    let mut last = draw.one_of(&PROTOCOLS);
    let first = last;
    let mut faults = Vec::new();
    // Some come so soon after each other that the first is still under way.
    let mut at_ms = draw.between(0..calm_at_ms / 2);
    for _ in 0..draw.between(1..MOST_SWITCHES + 1) {
        // Mostly another than the last: to ask for what is there changes nothing.
        let protocol = draw.one_of(&PROTOCOLS);
        let protocol = if protocol == last { draw.one_of(&PROTOCOLS) } else { protocol };
        last = protocol;
        // The primary of view 0 is suspected, rightly or not. It may have been replaced, and then
        // the switch is refused.
        let ordered = protocol == Protocol::TrustOrderedPbft;
        let last = if ordered && draw.coin() { vec![NodeId(0)] } else { Vec::new() };
        faults.push(TimedAction { at_ms, action: Action::Switch { protocol, last } });
        let pause = if draw.coin() { draw.between(0..50) } else { draw.between(0..calm_at_ms / 2) };
        at_ms = (at_ms + pause).min(calm_at_ms - 1);
    }
    Some(Switches { first, faults })
}
