//! The time that a batch carries: proposed by whoever leads, and made to advance. Whether others
//! believe it is for the ordering to say (see `agreed_time` of PBFT).

use alloc::sync::Arc;

use super::{docket::Override, shell::Shell};
use crate::{
    app::Application,
    crypto::Signed,
    ids::ClientId,
    pbft::{Batch, Request},
    time::WallTime,
};

impl<A: Application> Shell<A> {
    /// The clock of whoever leads, if the application or the docket asks.
    pub(crate) fn proposed_time(&self, requests: &[Arc<Signed<Request>>]) -> Option<WallTime> {
        let follows = self.application.follows_time() || self.docket.wake().is_some();
        (follows || needs_time::<A>(requests)).then(|| self.wall_clock())
    }

    /// Executing a batch: time never goes backwards.
    pub(super) fn advance_time(&mut self, batch: &Batch) {
        self.time = self.time.max(batch.time().unwrap_or_default());
    }
}

/// Whether one of these can't be executed without the time.
pub(crate) fn needs_time<A: Application>(requests: &[Arc<Signed<Request>>]) -> bool {
    requests.iter().any(|request| {
        let (client, operation) = (request.body.id.client, &request.body.operation);
        match client {
            ClientId::ADMINISTRATOR => Override::decode(operation).is_some(),
            _ => client >= ClientId::FIRST_RESERVED || A::needs_time(operation),
        }
    })
}
