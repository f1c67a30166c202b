//! What a scenario declares, and what of it really happened.
//!
//! "Byzantine tests often injected nothing": a fault that is declared and does nothing tests
//! nothing. So what counts is what had an effect: a message that was lost, a vote that was forged.

use alloc::collections::BTreeSet;

use super::super::{
    action::Action,
    adversary::{Mischief, Strategy},
    disk::Damage,
    scenario::{Scenario, TimedAction},
    verdict::{Counts, Verdict},
};
use crate::ids::{Epoch, View};

/// One kind of adversity by its name: that of an act, of a strategy, or of a network's habit.
pub type Feature = &'static str;

/// Some of them.
pub type Features = BTreeSet<Feature>;

/// A habit of the network or the disks: its name, whether a scenario has it, and how often it did
/// something.
type Habit = (Feature, fn(&Scenario) -> bool, fn(&Counts) -> u64);

const HABITS: [Habit; 6] = [
    ("loss", |it| it.network.loss_ppm > 0, |counts| counts.lost_by_network),
    ("duplication", |it| it.network.duplicate_ppm > 0, |counts| counts.duplicated),
    ("rates of clients", |it| it.gate.is_some(), |counts| counts.turned_away),
    ("connections", |it| it.dialing.is_some(), |counts| counts.unconnected),
    ("reordering", |it| it.network.reorder_ppm > 0, |counts| counts.held_up),
    // What is lost is what a crash finds unsynced; without a crash a slow disk is only slow.
    (
        "unsynced writes lost",
        |it| it.disk.sync_us > 0 && it.faults.iter().any(|it| act(&it.action) == Some("crash")),
        |counts| counts.unsynced_lost,
    ),
];

/// The adversity in an act; `None`: it undoes one, or is none.
fn act(action: &Action) -> Option<Feature> {
    match action {
        Action::Crash { .. } => Some("crash"),
        Action::DamageDisk { what, .. } => Some(match what {
            Damage::Sector => "disk with a bad sector",
            Damage::Torn => "disk that tears",
            Damage::Lost => "lost disk",
            Damage::Lies => "disk that lies",
        }),
        Action::CorruptClient { how, .. } => Some(match how {
            Mischief::TwoFaced => "two-faced client",
            Mischief::Selective => "selective client",
            Mischief::BadSignature => "client with bad signatures",
            Mischief::FarAhead => "client far ahead",
            Mischief::Flood => "client that floods",
        }),
        Action::Reconfigure { add, remove } => match (add.is_empty(), remove.is_empty()) {
            (false, true) => Some("replica joins"),
            (true, false) => Some("replica leaves"),
            _ => Some("replica is replaced"),
        },
        Action::Switch { .. } => Some("switch of protocol"),
        Action::Overrule { .. } => Some("override"),
        Action::CutOff { .. } => Some("cut-off"),
        Action::Partition { .. } => Some("partition"),
        Action::CutLink { .. } => Some("cut-link"),
        Action::SlowLink { by_ms: 1.., .. } => Some("slow-link"),
        Action::Lose { ppm: 1.., .. } => Some("loss of some kinds"),
        _ => None,
    }
}

/// The ways of lying in a timed act.
fn lies(fault: &TimedAction) -> impl Iterator<Item = Feature> {
    let strategies = match &fault.action {
        Action::Corrupt { strategies, .. } => &strategies[..],
        _ => &[],
    };
    strategies.iter().map(Strategy::name)
}

/// What a scenario says that it does to the cluster.
pub fn declared(scenario: &Scenario) -> Features {
    let habits = HABITS.iter().filter(|(_, has, _)| has(scenario)).map(|(name, ..)| *name);
    let acts = scenario.faults.iter().filter_map(|fault| act(&fault.action));
    habits.chain(acts).chain(scenario.faults.iter().flat_map(lies)).collect()
}

/// What of it had an effect, by the verdict on a run without interventions.
pub fn effective(scenario: &Scenario, verdict: &Verdict) -> Features {
    let habits = HABITS
        .iter()
        .filter(|(_, has, times)| has(scenario) && times(&verdict.counts) > 0)
        .map(|(name, ..)| *name);
    // Injections are numbered as they happen, which is the order of the faults.
    let acts = scenario
        .faults
        .iter()
        .zip(&verdict.injections)
        .filter(|(_, injection)| injection.effects > 0)
        .filter_map(|(fault, _)| act(&fault.action));
    habits.chain(acts).chain(verdict.counts.lies.keys().copied()).collect()
}

/// What the protocol had to do about it.
pub fn reached(counts: &Counts) -> Features {
    let all: [(Feature, bool); 9] = [
        ("view change", counts.view > View(0)),
        ("new epoch", counts.epoch > Epoch(0)),
        ("other protocol", counts.switches > 0),
        ("checkpoint", counts.checkpoints > 0),
        ("state transfer", counts.transfers > 0),
        ("proof of equivocation", counts.equivocations > 0),
        ("decision of the docket", counts.decided > 0),
        ("read in one round", counts.read > 0),
        ("read that fell back", counts.fallen_back > 0),
    ];
    all.into_iter().filter(|(_, happened)| *happened).map(|(name, _)| name).collect()
}
