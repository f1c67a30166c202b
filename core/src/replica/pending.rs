//! Clients that wait, and what of theirs is ordered next.
//!
//! Fairness: requests leave in the order in which they came, and each client has one at most among
//! those that wait, so one at most in a batch.

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{sessions::Known, shell::Shell};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{ClientId, RequestId, Timestamp},
    pbft::Request,
    time::Time,
};

/// Entries of requests that are done may pile up in the queue to twice what waits, and this.
const QUEUE_SLACK: usize = 64;

/// A request that a client waits for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pending {
    pub(crate) request: Arc<Signed<Request>>,
    /// Since when who leads has kept it waiting.
    pub(crate) since: Time,
    /// Whether a batch of this view holds it.
    pub(crate) proposed: bool,
}

impl<A: Application> Shell<A> {
    /// Remembers that a client waits, from which moment on the primary is being timed.
    pub(crate) fn await_execution(&mut self, request: &Arc<Signed<Request>>, proposed: bool) {
        let RequestId { client, timestamp } = request.body.id;
        if let Some(pending) = self.pending.get_mut(&client) {
            let known = pending.request.body.id.timestamp;
            if known == timestamp {
                pending.proposed |= proposed;
            }
            if known >= timestamp {
                return;
            }
        }
        let pending = Pending { request: request.clone(), since: self.now, proposed };
        self.pending.insert(client, pending);
        self.queue.push_back((client, timestamp));
        if self.queue.len() > 2 * self.pending.len() + QUEUE_SLACK {
            let pending = &self.pending;
            self.queue.retain(|(client, timestamp)| {
                pending
                    .get(client)
                    .is_some_and(|it| it.request.body.id.timestamp == *timestamp && !it.proposed)
            });
        }
        self.event(EventKind::RequestAccepted { request: request.body.id });
    }

    /// What an entry of the queue stands for, unless it is done or proposed.
    fn waiting(&self, (client, timestamp): (ClientId, Timestamp)) -> Option<&Pending> {
        self.pending
            .get(&client)
            .filter(|it| it.request.body.id.timestamp == timestamp && !it.proposed)
    }

    /// Since when the oldest of those that wait has waited.
    pub(crate) fn oldest_since(&self) -> Option<Time> {
        self.queue.iter().find_map(|entry| self.waiting(*entry)).map(|oldest| oldest.since)
    }

    /// Whether a batch leaves now, so many requests being in flight: see `batching` of PBFT.
    pub(crate) fn batch_is_due(&self, in_flight: impl FnOnce() -> usize) -> bool {
        let waiting = || self.queue.iter().filter_map(|entry| self.waiting(*entry));
        let Some(oldest) = waiting().next() else { return false };
        if oldest.since + self.config.batch_delay() <= self.now {
            return true;
        }
        let enough = in_flight();
        let (mut requests, mut bytes) = (0, 0);
        waiting().any(|pending| {
            requests += 1;
            bytes += pending.request.body.operation.len();
            requests >= enough || bytes >= self.config.batch_bytes
        })
    }

    /// The oldest of those that wait, up to the bounds. Never empty while any waits: a batch has
    /// room for the longest operation.
    pub(crate) fn next_batch(&mut self) -> Vec<Arc<Signed<Request>>> {
        let mut requests = Vec::new();
        let mut bytes = 0;
        while requests.len() < self.config.batch_requests {
            let Some(entry) = self.queue.front().copied() else { break };
            let Some(pending) = self.waiting(entry) else {
                self.queue.pop_front();
                continue;
            };
            bytes += pending.request.body.operation.len();
            if bytes > self.config.batch_bytes {
                break;
            }
            requests.push(pending.request.clone());
            self.queue.pop_front();
            if let Some(pending) = self.pending.get_mut(&entry.0) {
                pending.proposed = true;
            }
        }
        requests
    }

    /// Another leads: whoever waits, waits for that one from now on. What is carried over, in order
    /// of its numbers, is under way.
    pub(crate) fn wait_anew(&mut self, carried: &[RequestId]) {
        self.ending_since = self.register.end().map(|_| self.now);
        let mut waiting: Vec<_> = self.pending.values_mut().collect();
        waiting.sort_by_key(|pending| (pending.since, pending.request.body.id));
        self.queue.clear();
        for pending in waiting {
            let id = pending.request.body.id;
            pending.since = self.now;
            pending.proposed = carried.binary_search(&id).is_ok();
            self.queue.push_back((id.client, id.timestamp));
        }
    }

    /// Clients whose requests the state has an answer to wait no longer.
    pub(crate) fn forget_answered(&mut self) {
        let sessions = &self.sessions;
        self.pending.retain(|_, pending| sessions.lookup(pending.request.body.id) == Known::New);
    }
}
