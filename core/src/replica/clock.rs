//! The time that a batch carries: proposed by whoever leads, and made to advance. Whether others
//! believe it is for the ordering to say (see `agreed_time` of PBFT).

use alloc::sync::Arc;

use super::shell::Shell;
use crate::{
    app::Application,
    crypto::Signed,
    pbft::{Batch, Request},
    time::WallTime,
};

impl<A: Application> Shell<A> {
    /// The clock of whoever leads, if the application asks.
    pub(crate) fn proposed_time(&self, requests: &[Arc<Signed<Request>>]) -> Option<WallTime> {
        (self.application.follows_time() || needs_time::<A>(requests)).then(|| self.wall_clock())
    }

    /// Executing a batch: time never goes backwards.
    pub(super) fn advance_time(&mut self, batch: &Batch) {
        self.time = self.time.max(batch.time().unwrap_or_default());
    }
}

/// Whether one of these can't be executed without the time.
pub(crate) fn needs_time<A: Application>(requests: &[Arc<Signed<Request>>]) -> bool {
    requests.iter().any(|request| A::needs_time(&request.body.operation))
}
