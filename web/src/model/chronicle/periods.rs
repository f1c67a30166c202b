//! What all agree on for a while: how bad it is, and what runs. Every replica says so when it comes to
//! it in the log; the first to do so counts, for they all come to the same.

use conclave_core::{
    analyzer::{Level, Protocol},
    event::EventKind,
    ids::Epoch,
};

use super::{Chronicle, keep};

/// What begins at some moment, and lasts until the next of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Regime {
    /// How bad it is, what should be run if anybody says so, and why: one sentence.
    Threat(Level, Option<Protocol>, String),
    /// A stretch of the log, what orders it and with how many members.
    Epoch(Epoch, Protocol, usize),
}

/// The beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// When.
    pub(crate) us: u64,
    /// In which step.
    pub(crate) step: u64,
    /// The how-manieth of its kind.
    number: u64,
    /// What.
    pub(crate) regime: Regime,
}

impl Period {
    /// Whether it is about the threat.
    pub(crate) const fn is_threat(&self) -> bool {
        matches!(self.regime, Regime::Threat(..))
    }
}

impl Chronicle {
    /// All beginnings, in order.
    pub(crate) fn periods(&self) -> impl DoubleEndedIterator<Item = &Period> {
        self.periods.iter()
    }

    /// Takes in what a replica came to.
    pub(super) fn came_to(&mut self, us: u64, step: u64, kind: &EventKind) {
        let (number, regime) = match kind {
            EventKind::Threat { number, level, protocol, why } => {
                (*number, Regime::Threat(*level, Some(*protocol), why.clone()))
            }
            EventKind::EpochBegun { epoch, protocol, members, .. } => {
                (epoch.0, Regime::Epoch(*epoch, *protocol, members.len()))
            }
            _ => return,
        };
        let period = Period { us, step, number, regime };
        let alike = |known: &&Period| known.is_threat() == period.is_threat();
        let last = self.periods.iter().rev().find(alike);
        if last.is_none_or(|last| last.number < number) {
            keep(&mut self.periods, period, self.limit);
        }
    }
}
