//! What each member stands for.

use serde::{Deserialize, Serialize};

use super::{config::Config, statement::Order};
use crate::{crypto::Digest, time::WallTime};

/// A term in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since then.
    pub since: WallTime,
    /// Until then at least,
    pub until: WallTime,
    /// unless what it stands for may be the work of somebody who was proven to lie since: then until
    /// nobody accuses.
    pub excused: bool,
}

/// One member's record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// In quarantine because of accusations.
    pub hold: Option<Hold>,
    /// The digest of the proof against it: the first, or the first that assumes nothing.
    pub convicted: Option<Digest>,
    /// Whether all proof against it holds only if at most f lie.
    pub assumes_f: bool,
    /// What the administrator decided.
    pub order: Option<Order>,
    /// It is accused by enough, and there is no place.
    pub waits: bool,
    /// How many offences count against it
    pub(super) offences: u32,
    /// at that time.
    pub(super) counted: WallTime,
}

impl Record {
    /// Whether it is in quarantine, for whatever reason.
    pub fn is_restrained(&self) -> bool {
        match self.order {
            Some(Order::Hold) => true,
            Some(Order::Free) => false,
            None => self.convicted.is_some() || self.hold.is_some(),
        }
    }

    /// Whether it is proven to have lied, however many do.
    pub fn is_surely_convicted(&self) -> bool {
        self.convicted.is_some() && !self.assumes_f
    }

    /// Whether accusations alone keep it there.
    pub(super) fn by_accusation(&self) -> bool {
        self.hold.is_some() && self.convicted.is_none() && self.order.is_none()
    }

    /// Another offence; how many count now. They are forgotten one at a time.
    pub(super) fn offend(&mut self, now: WallTime, config: &Config) -> u32 {
        let forgotten = now.0.saturating_sub(self.counted.0) / config.offence_ms;
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        self.offences = self.offences.saturating_sub(forgotten).saturating_add(1);
        self.counted = now;
        self.offences
    }

    /// Somebody was proven to lie: a term that began within the first one's length before may be that
    /// one's work.
    pub(super) fn excuse(&mut self, now: WallTime, config: &Config) {
        if let Some(hold) = &mut self.hold {
            hold.excused |= now <= hold.since.after_ms(config.term_ms);
        }
    }

    /// It is free, and what it was held for doesn't count.
    pub(super) fn acquit(&mut self) {
        self.hold = None;
        self.offences = self.offences.saturating_sub(1);
    }

    /// How many offences were counted last.
    pub fn offences(&self) -> u32 {
        self.offences
    }
}
