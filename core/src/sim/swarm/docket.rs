//! What storms say to the docket: terms that are over within a run, what is done of what is recommended, liars who accuse in the log or
//! bring false proofs, and an administrator who overrules.

use alloc::vec::Vec;

use super::{
    super::{action::Action, adversary::Strategy, scenario::TimedAction},
    choice::Choice,
};
use crate::{
    analyzer::{Follow, Policy},
    detector::quarantine::{Config, Order},
    ids::NodeId,
    quorum::Membership,
};

/// The most overrides of one storm.
const MOST_OVERRIDES: u32 = 4;

/// Terms and windows, mostly so short that they end in the run.
pub(super) fn config(seed: u64) -> Config {
    let mut draw = Choice::new(seed, 27);
    if draw.one_in(4) {
        return Config::default();
    }
    let mut ms = |range| u64::from(draw.between(range));
    let (corroborate_within_ms, term_ms) = (ms(50..2_000), ms(100..4_000));
    Config {
        term_ms,
        max_term_ms: term_ms * 4,
        corroborate_within_ms,
        accusation_lasts_ms: corroborate_within_ms + ms(100..5_000),
        unfounded_ms: corroborate_within_ms + ms(100..5_000),
        offence_ms: ms(500..20_000),
    }
}

/// How many stand by to replace who is proven to lie; 0: nobody is replaced.
///
/// Those are correct. Others that wait to join may be taken as well, and lie: who is replaced was
/// faulty, so in its place one that is faulty is one of those that `changes` has counted.
pub(super) fn standby(seed: u64) -> u16 {
    let mut draw = Choice::new(seed, 30);
    if draw.one_in(4) { draw.between(1..4) as u16 } else { 0 }
}

/// In a third of those with liars what is recommended is done, mostly with so short a dwell time that it
/// is undone in the run.
pub(super) fn follow(seed: u64, policy: &mut Policy) {
    let mut draw = Choice::new(seed, 31);
    if draw.one_in(3) {
        policy.follow = Follow::Always;
        if !draw.one_in(4) {
            policy.dwell_ms = u64::from(draw.between(300..8_000));
            policy.trend_window_ms = policy.dwell_ms * 2;
        }
    }
}

/// Some of those who lie accuse the innocent besides, in the log.
pub(super) fn slander(seed: u64, members: Membership, faults: &mut [TimedAction]) {
    let mut draw = Choice::new(seed, 28);
    if !draw.one_in(3) {
        return;
    }
    let all: Vec<_> = members.nodes().collect();
    for fault in faults {
        if let Action::Corrupt { strategies, .. } = &mut fault.action
            && !draw.one_in(3)
        {
            strategies.push(Strategy::Slander {
                against: if draw.coin() { draw.some_of(&all, 1) } else { Vec::new() },
                every_ms: draw.between(20..1_000),
                proof: draw.one_in(3),
            });
        }
    }
}

/// The administrator holds, frees, and leaves to the rules again.
pub(super) fn overrides(seed: u64, members: Membership, calm_at_ms: u32) -> Vec<TimedAction> {
    let mut draw = Choice::new(seed, 29);
    if !draw.one_in(6) {
        return Vec::new();
    }
    let act = |_| {
        let node = NodeId(draw.between(0..u32::from(members.n())) as u16);
        let order = draw.one_of(&[Some(Order::Hold), Some(Order::Free), None]);
        let at_ms = draw.between(0..calm_at_ms);
        TimedAction { at_ms, action: Action::Overrule { node, order } }
    };
    (0..MOST_OVERRIDES).map(act).collect()
}
