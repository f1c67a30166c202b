//! The debt: what was let through and has not drained yet.

use core::time::Duration;

use serde::Serialize;

use super::{config::Config, machine::Why};
use crate::{
    resilience::{Priority, priority::PRIORITIES, shares},
    time::Time,
};

/// A configuration in the units of the debt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Terms {
    /// What one permit costs: as many units as the configured time has microseconds.
    permit: u64,
    /// What a microsecond drains: as many units as there are permits in that time.
    drain: u64,
    /// Up to where each priority may go.
    limits: [u64; PRIORITIES],
}

impl Terms {
    pub(super) fn new(config: &Config) -> Self {
        let permit = config.per_ms * 1_000;
        let all = permit * u64::from(config.burst);
        let Config { background_ppm, normal_ppm, important_ppm, .. } = *config;
        let limits = shares::of(all, permit, background_ppm, normal_ppm, important_ppm);
        Self { permit, drain: u64::from(config.permits), limits }
    }

    fn burst(&self) -> u64 {
        self.limits[Priority::Consensus.index()]
    }
}

/// Why not, and how long until it would fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: Why,
    pub(super) wait: Option<Duration>,
}

/// One debt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Bucket {
    debt: u64,
    at: Time,
}

impl Bucket {
    /// Adds to the debt, if it stays within the limit of that priority.
    pub(super) fn take(
        &mut self,
        now: Time,
        terms: &Terms,
        weight: u32,
        priority: Priority,
    ) -> Result<(), Refusal> {
        let debt = self.debt(now, terms);
        let cost = terms.permit.saturating_mul(u64::from(weight));
        let limit = terms.limits[priority.index()];
        let then = debt.saturating_add(cost);
        if then > limit {
            return Err(refuse(terms, then, cost, limit));
        }
        *self = Self { debt: then, at: now };
        Ok(())
    }

    /// What is left of it by now.
    pub(super) fn debt(&self, now: Time, terms: &Terms) -> u64 {
        let passed = now.0.saturating_sub(self.at.0);
        self.debt.saturating_sub(passed.saturating_mul(terms.drain))
    }

    /// When something was last let through.
    pub(super) fn used_at(&self) -> Time {
        self.at
    }

    /// How many permits somebody of that priority would get at once.
    pub(super) fn free(&self, now: Time, terms: &Terms, priority: Priority) -> u32 {
        let room = terms.limits[priority.index()].saturating_sub(self.debt(now, terms));
        (room / terms.permit) as u32
    }

    /// The same debt, counted in permits, under other terms; never more than empties the new burst,
    /// so that a limit that is made smaller shuts nobody out for longer than a burst takes to drain.
    pub(super) fn convert(&mut self, now: Time, old: &Terms, new: &Terms) {
        let debt = u128::from(self.debt(now, old)) * u128::from(new.permit);
        let debt = debt.div_ceil(u128::from(old.permit));
        let debt = u64::try_from(debt).unwrap_or(u64::MAX).min(new.burst());
        *self = Self { debt, at: now };
    }
}

#[cold]
fn refuse(terms: &Terms, then: u64, cost: u64, limit: u64) -> Refusal {
    if cost > limit {
        return Refusal { why: Why::TooLarge, wait: None };
    }
    let why = if then > terms.burst() { Why::Exhausted } else { Why::Reserved };
    let wait = Duration::from_micros((then - limit).div_ceil(terms.drain));
    Refusal { why, wait: Some(wait) }
}
