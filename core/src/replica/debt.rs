//! What the log is owed although no client asks for anything: positions for somebody who recovers.
//!
//! Whoever lost memory waits until the log has passed everything that it may have said (PBFT's
//! `recovery`). While clients ask, it does; while nobody asks, the primary fills it with null requests.
//! One that doesn't has to be timed like one that doesn't order a client's request, but not by a
//! timer that each starts for itself: a liar could say that it recovers to all but the primary, and
//! have a correct one replaced. In Castro & Liskov, TOCS 2002, whoever recovers makes a request that is
//! ordered like a client's. Here it says nothing that counts, so a peer makes it
//! ([`Said::Fill`](super::Said::Fill)), once it has seen that the log stands still. All have it and
//! time it; and once it is executed all have the same debt, the positions up to the next checkpoint,
//! and time that too: a pipeline of positions at a time, as long as a request may take.
//!
//! It is no part of the replicated state: who gets the state in another way, or restarts, knows
//! nothing of a debt. If it isn't paid for want of those who know, a peer asks again.
//!
//! A member that asks without need makes the others fill up to the next checkpoint, once in
//! [`AGAIN_MS`].

use serde::Serialize;

use super::shell::Shell;
use crate::{
    app::Application,
    ids::Seq,
    time::{Time, WallTime, earlier},
};

/// So much agreed time is between two debts. A cluster that fills up for somebody needs a few in a row.
const AGAIN_MS: u64 = 1_000;

/// A debt of whoever leads, to all.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Debt {
    /// The log is to get there.
    up_to: Seq,
    /// Since when the next of its positions are owed.
    since: Time,
    /// Before this, another request to fill means nothing.
    again_at: WallTime,
}

impl Debt {
    /// Up to where the log is to be filled, and since when that is owed. `None`: nothing is.
    pub(crate) fn open(&self, executed: Seq) -> Option<(Seq, Time)> {
        (executed < self.up_to).then_some((self.up_to, self.since))
    }

    /// Another leads, who is given as much time as the one before.
    pub(crate) fn wait_anew(&mut self, now: Time) {
        self.since = now;
    }
}

impl<A: Application> Shell<A> {
    /// Somebody asked for it, at a position.
    pub(super) fn incur(&mut self, at: Seq) {
        if self.time < self.debt.again_at || self.debt.open(self.executed).is_some() {
            return;
        }
        let interval = self.config.checkpoint_interval;
        let up_to = Seq((at.0 / interval).saturating_add(1).saturating_mul(interval));
        self.debt = Debt { up_to, since: self.now, again_at: self.time.after_ms(AGAIN_MS) };
    }

    /// A position was executed: the next few have as much time as these had.
    pub(super) fn pay(&mut self) {
        if let Some((up_to, _)) = self.debt.open(self.executed)
            && (up_to.0 - self.executed.0).is_multiple_of(self.config.pipeline)
        {
            self.debt.since = self.now;
        }
    }

    /// Since when whoever leads has owed the log what no client asks for.
    pub(crate) fn owed_since(&self) -> Option<Time> {
        let debt = self.debt.open(self.executed).map(|(_, since)| since);
        earlier(self.ending_since, debt)
    }

    /// Whether somebody recovers who needs more of the log than there is, nothing moves it, and
    /// nobody has asked for it yet.
    pub(crate) fn wants_fill(&self) -> bool {
        self.pending.is_empty()
            && !self.is_primary()
            && self.owed_since().is_none()
            && self.lives.target().is_some_and(|target| self.executed < target)
    }
}
