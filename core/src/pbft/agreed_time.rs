//! Agreed time: the one thing that a primary says of which it can't be proven wrong.
//!
//! An application that asks for the time must see the same one on every replica, so the primary
//! proposes it as part of the batch (as OSDI'99 §4.6 has it for non-determinism: the primary
//! chooses a value, the backups decide whether it is acceptable). Backups refuse a time that is too
//! far from their own clocks; the requests then wait, and their timer replaces the primary. A
//! primary within the tolerance can shift time by no more than that, and never backwards.
//!
//! Judged is only a new proposal in normal operation. What a new view carries over may have
//! committed, however late it is now, and is not judged again, even where it comes again because
//! there was no place for it when the view began.
//!
//! An operation that needs a time can't be proposed without one. That something in the state
//! follows time is the primary's word alone: backups may have executed more or less than it had. A
//! primary that leaves such times out makes time stand still until the next operation that needs
//! one; nothing expires early.

use alloc::sync::Arc;

use super::{batch::Batch, messages::PrePrepare, rules::Rules};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    replica::{Known, needs_time},
};

impl<A: Application> Rules<'_, A> {
    /// A backup's part. The requests of what it refuses wait here from now on, so that the
    /// primary's time runs.
    pub(crate) fn accepts_time(&mut self, header: &Signed<PrePrepare>, batch: &Arc<Batch>) -> bool {
        let off_by_ms = match batch.time() {
            None if needs_time::<A>(batch.requests()) => None,
            None => return true,
            Some(time) => {
                let own = self.wall_clock().0;
                if time.0.abs_diff(own) <= self.config.clock_tolerance_ms {
                    return true;
                }
                Some(i64::try_from(i128::from(time.0) - i128::from(own)).unwrap_or(i64::MAX))
            }
        };
        for request in batch.requests() {
            if self.sessions.lookup(request.body.id) == Known::New {
                self.await_execution(request, false);
            }
        }
        let PrePrepare { view, seq, .. } = header.body;
        let slot = self.own.log.entry(seq);
        if slot.is_some_and(|slot| !core::mem::replace(&mut slot.time_refused, true)) {
            self.event(EventKind::TimeRefused { view, seq, off_by_ms });
        }
        false
    }
}
