//! Liveness: once things are calm, every request of a correct client completes within a bound.
//!
//! Calm is: the network's GST has passed, no link is cut or slowed, at most f replicas are down or
//! Byzantine. Nothing is promised otherwise (Fischer, Lynch, Paterson 1985; OSDI'99 §3).

use alloc::format;
use core::time::Duration;

use super::{super::Invariant, Broken};
use crate::{ids::RequestId, time::Time};

/// Since when progress is owed.
#[derive(Clone, Debug)]
pub(in super::super) struct Liveness {
    bound: Duration,
    /// `None`: not calm.
    calm_since: Option<Time>,
}

impl Liveness {
    pub(in super::super) fn new(bound_ms: u32, calm_at_ms: u32) -> Self {
        Self {
            bound: Duration::from_millis(u64::from(bound_ms)),
            calm_since: Some(Time::from_millis(u64::from(calm_at_ms))),
        }
    }

    /// Somebody acted on the cluster: the bound runs anew from the last act, or stops.
    pub(in super::super) fn disturbed(&mut self, now: Time, gst: Time, calm: bool) {
        self.calm_since = calm.then(|| now.max(gst));
    }

    /// For how long progress has been owed to a client that asked then.
    pub(in super::super) fn waited(&self, now: Time, asked: Time) -> Duration {
        self.calm_since.map_or(Duration::ZERO, |calm_since| now.since(asked.max(calm_since)))
    }

    /// A client has been waiting since `asked`.
    pub(in super::super) fn waiting(
        &self,
        now: Time,
        id: RequestId,
        asked: Time,
    ) -> Result<(), Broken> {
        let waited = self.waited(now, asked);
        if waited <= self.bound {
            return Ok(());
        }
        let detail = format!(
            "request {} of client {} has had no answer for {} ms of calm",
            id.timestamp,
            id.client,
            waited.as_millis()
        );
        Err((Invariant::Liveness, detail))
    }
}
