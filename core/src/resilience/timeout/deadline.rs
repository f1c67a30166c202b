//! Until when, and who says so.

use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::time::Time;

/// Who sets a deadline. Each is within the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Whoever asked first.
    #[error("client")]
    Client,
    /// What is done for it here, retries and waits included.
    #[error("operation")]
    Operation,
    /// One attempt at that.
    #[error("attempt")]
    Attempt,
}

/// Until when something may take. One within another is never later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Deadline {
    /// Until then.
    pub at: Time,
    /// Who says so.
    pub set_by: Scope,
}

/// It is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[error("the {set_by}'s deadline leaves no time for it")]
pub struct Expired {
    /// Who set the deadline that is over, or too near.
    pub set_by: Scope,
    /// When it is, or was, over.
    pub at: Time,
}

impl Deadline {
    /// Nobody waits.
    pub const NONE: Self = Self { at: Time::MAX, set_by: Scope::Client };

    /// Until then, for whoever asked first.
    pub const fn of_client(at: Time) -> Self {
        Self { at, set_by: Scope::Client }
    }

    /// One within this, so long from now at most.
    #[must_use]
    pub fn within(self, now: Time, scope: Scope, limit: Duration) -> Self {
        self.within_us(now, scope, (Time::ZERO + limit).0)
    }

    /// The same in microseconds.
    pub(crate) fn within_us(self, now: Time, scope: Scope, limit_us: u64) -> Self {
        let at = now.after_micros(limit_us);
        if at < self.at { Self { at, set_by: scope } } else { self }
    }

    /// One that leaves so much of this to whoever has to do something with the answer.
    #[must_use]
    pub fn keeping(self, rest: Duration) -> Self {
        if self.at == Time::MAX {
            return self;
        }
        let rest = u64::try_from(rest.as_micros()).unwrap_or(u64::MAX);
        Self { at: Time(self.at.0.saturating_sub(rest)), ..self }
    }

    /// What is left of it: to be sent along, as clocks differ and durations don't.
    pub fn left(self, now: Time) -> Duration {
        self.at.since(now)
    }

    /// Refuses what couldn't have so long.
    pub fn must_leave(self, now: Time, least: Duration) -> Result<(), Expired> {
        self.must_leave_us(now, (Time::ZERO + least).0)
    }

    /// The same in microseconds.
    pub(crate) fn must_leave_us(self, now: Time, least_us: u64) -> Result<(), Expired> {
        if self.at > now && self.at.micros_since(now) >= least_us {
            Ok(())
        } else {
            Err(Expired { set_by: self.set_by, at: self.at })
        }
    }
}
