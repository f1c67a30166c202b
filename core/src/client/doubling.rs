//! When a client asks again, where there is one way only: after 1, 2, 4 and 8 times the first wait, and
//! so on for ever. For builds without the feature `guards`; what it does is what
//! `Patience::doubling` of `again` does, to the moment, as a test holds.

#![cfg_attr(
    feature = "guards",
    allow(unreachable_pub, reason = "it is the client's own where there is nothing else")
)]

use core::time::Duration;

use super::MAX_BACKOFF;
use crate::{config::BadConfig, time::Time};

/// How long a client waits for an answer before it asks again.
#[derive(Clone, Copy, Debug)]
pub struct Patience(Duration);

impl Patience {
    /// Asks again after this long, then after 2, 4 and 8 times as long, and so on for ever.
    pub fn doubling(first: Duration) -> Self {
        Self(first)
    }
}

/// One attempt, and those before it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// What is waited for the next, as a multiple of the first.
    times: u32,
    next: Time,
    lost: bool,
}

impl Attempt {
    /// When there is something to do.
    pub(super) fn next_at(&self) -> Time {
        self.next
    }
}

/// Timeouts of one client.
#[derive(Clone, Debug)]
pub(super) struct Again(Duration);

impl Again {
    #[expect(clippy::unnecessary_wraps, reason = "a policy can be one that can't work")]
    pub(super) fn new(patience: Patience) -> Result<Self, BadConfig> {
        Ok(Self(patience.0))
    }

    /// Something is asked for the first time.
    pub(super) fn begin(&mut self, now: Time) -> Attempt {
        Attempt { times: 1, next: now + self.0, lost: false }
    }

    /// The same is asked of others: the attempt has its time again.
    pub(super) fn restart(&mut self, now: Time, attempt: &mut Attempt) {
        (attempt.next, attempt.lost) = (now + self.0, false);
    }

    /// Its time has come. Whether to ask again now.
    pub(super) fn tick(&mut self, now: Time, attempt: &mut Attempt) -> bool {
        if !attempt.lost {
            // What is left of it when the attempt itself has had its time.
            (attempt.next, attempt.lost) = (now + self.0 * (attempt.times - 1), true);
            attempt.times = (attempt.times * 2).min(MAX_BACKOFF);
        }
        let again = attempt.next <= now;
        if again {
            self.restart(now, attempt);
        }
        again
    }
}
