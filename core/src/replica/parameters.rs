//! The parameters that are recommended, where the policy has them taken
//! ([`Follow::Always`](crate::analyzer::Follow)): how patient a replica is, and how large its batches are.
//!
//! Nobody agrees on either, and nothing that is decided depends on them; so a replica whose docket is
//! behind only waits for another time than the rest.

use core::time::Duration;

use super::Shell;
use crate::{
    analyzer::{Follow, Parameters},
    app::Application,
    pbft::{MAX_BATCH_BYTES, MAX_BATCH_REQUESTS, MAX_OPERATION_BYTES},
};

/// Until when a batch grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchBounds {
    /// The most requests.
    pub(crate) requests: usize,
    /// The most bytes of operations: never less than the longest operation.
    pub(crate) bytes: usize,
}

impl<A: Application> Shell<A> {
    /// What is taken of what is recommended.
    pub(crate) fn parameters(&self) -> Parameters {
        let taken = self.config.policy.follow == Follow::Always;
        let recommended = taken.then(|| self.docket.recommendation()).flatten();
        recommended.map_or_else(Parameters::default, |it| it.parameters)
    }

    /// How long a request may wait before a backup gives up on the primary, in microseconds: every
    /// input asks.
    pub(crate) fn request_timeout_us(&self) -> u64 {
        let hundredth_us = self.config.request_timeout_ms.saturating_mul(1_000 / 100);
        hundredth_us.saturating_mul(u64::from(self.parameters().timeout_percent))
    }

    /// How long a view change may take, after so many in a row that failed.
    pub(crate) fn view_change_timeout(&self, failed_in_a_row: u32) -> Duration {
        self.config.view_change_timeout(failed_in_a_row, self.parameters().timeout_percent)
    }

    /// How large a batch is.
    pub(crate) fn batch_bounds(&self) -> BatchBounds {
        let percent = usize::from(self.parameters().batch_percent);
        BatchBounds {
            requests: (self.config.batch_requests * percent / 100).clamp(1, MAX_BATCH_REQUESTS),
            bytes: (self.config.batch_bytes * percent / 100)
                .clamp(MAX_OPERATION_BYTES, MAX_BATCH_BYTES),
        }
    }
}
