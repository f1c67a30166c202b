//! What a list of scenarios shows of each: so that a page can list all before it has any.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{action::Action, scenario::Scenario};
use crate::{crypto::Digest, ids::NodeId};

/// What of a scenario is shown before it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// In one line: what it shows.
    pub promise: String,
    /// The worst that happens to each replica.
    pub fates: Vec<Fate>,
    /// The seed that it is told with.
    pub seed: u64,
    /// Whether it takes the feature `guards` to carry it out: see [`Scenario::needs_guards`].
    pub needs_guards: bool,
    /// Tells the scenario from others of its name.
    fingerprint: u64,
}

/// The worst that happens to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// Nothing.
    Well,
    /// It crashes.
    Down,
    /// It is cut off.
    Apart,
    /// It lies.
    Liar,
}

impl Poster {
    /// Of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            promise: scenario.promise.clone(),
            fates: scenario.members.nodes().map(|node| fate(scenario, node)).collect(),
            seed: scenario.seed,
            needs_guards: scenario.needs_guards(),
            fingerprint: fingerprint(scenario),
        }
    }

    /// The scenario that it stands for, from the core's encoding; `None`: that is another one, such as
    /// an earlier version's.
    pub fn unpack(&self, packed: &[u8]) -> Option<Scenario> {
        crate::crypto::decode(packed).filter(|it| fingerprint(it) == self.fingerprint)
    }
}

fn fingerprint(scenario: &Scenario) -> u64 {
    Digest::of(scenario).prefix()
}

fn fate(scenario: &Scenario, node: NodeId) -> Fate {
    let mut fate = Fate::Well;
    for fault in &scenario.faults {
        match &fault.action {
            Action::Corrupt { node: liar, .. } if *liar == node => return Fate::Liar,
            Action::Crash { node: down } if *down == node => fate = Fate::Down,
            Action::CutOff { node: apart } if *apart == node => fate = Fate::Apart,
            Action::Partition { groups } if groups.iter().any(|group| group.contains(&node)) => {
                fate = Fate::Apart;
            }
            _ => {}
        }
    }
    fate
}
