//! When the primary proposes, and how much at a time.
//!
//! Castro's thesis (MIT, 2001), on batching, bounds the protocol instances that run in parallel: while the
//! window is full requests gather, and when it moves they leave together. With a window of eight
//! that leaves eight clients with batches of one, and with a window of one a request that comes
//! just too late waits for a whole instance. So here the window is one for a small batch and
//! [`Config::pipeline`](super::Config) for a large one:
//!
//! | a batch leaves | because |
//! |---|---|
//! | at once, when nothing is in flight | a lone request must not wait for company that may not come |
//! | at once, when it is full (`batch_requests`, `batch_bytes`) | waiting can't make it larger |
//! | when it holds as many requests as are in flight | see below |
//! | when its oldest request has waited `batch_delay_us` | on long links the first rule comes too late |
//!
//! The third rule is what adapts. While *k* requests are at the primary, in flight or gathering,
//! two batches of *k*/2 take turns, one on its way and one gathering, at no cost in latency. It is the rule of Nagle (RFC 896: send if nothing is unacknowledged, or if
//! full) with something between the two. There is nothing to tune and nothing to forget: the size
//! follows the load at once, up and down.
//!
//! Every rule holds only while there is room: between the water marks, and in the pipeline.
//!
//! Fairness: requests leave in the order in which they came, and each client has one at most among
//! those that wait, so one at most in a batch. Backups refuse a batch that holds two of a client.

use alloc::{sync::Arc, vec::Vec};

use super::{
    batch::Batch,
    messages::{PrePrepare, Request},
    replica::{Pending, Replica},
};
use crate::{
    app::Application,
    crypto::Signed,
    ids::{ClientId, Timestamp},
    time::Time,
};

impl<A: Application> Replica<A> {
    /// The primary's part: assigns the next positions to what waits.
    pub(super) fn propose(&mut self) {
        // The last positions of an epoch are filled up, with null requests if nothing waits.
        let ending = self.register.end().is_some();
        while self.has_room() && (self.batch_is_due() || ending || self.must_fill()) {
            let requests = self.next_batch();
            let time = self.proposed_time(&requests);
            let batch = Arc::new(Batch::of(requests, time));
            let seq = self.proposed.next();
            let body =
                PrePrepare { epoch: self.epoch(), view: self.view, seq, digest: batch.digest() };
            let header = Signed::new(body, &*self.authenticator);
            self.accept(header.into(), batch);
        }
    }

    /// When a batch leaves that is neither full nor alone. `None`: nothing waits, or has room.
    pub(super) fn batch_timer(&self) -> Option<Time> {
        if self.queue.is_empty() || !self.has_room() {
            return None;
        }
        let oldest = self.queue.iter().find_map(|entry| self.waiting(*entry))?;
        Some(oldest.since + self.config.batch_delay())
    }

    fn has_room(&self) -> bool {
        self.is_active()
            && self.is_primary()
            && self.may_lead()
            && self.proposed < self.last_position()
            && self.log.contains(self.proposed.next())
            && self.proposed.0.saturating_sub(self.executed.0) < self.config.pipeline
    }

    /// What an entry of the queue stands for, unless it is done or proposed.
    fn waiting(&self, (client, timestamp): (ClientId, Timestamp)) -> Option<&Pending> {
        self.pending
            .get(&client)
            .filter(|it| it.request.body.id.timestamp == timestamp && !it.proposed)
    }

    fn batch_is_due(&self) -> bool {
        let waiting = || self.queue.iter().filter_map(|entry| self.waiting(*entry));
        let Some(oldest) = waiting().next() else { return false };
        if oldest.since + self.config.batch_delay() <= self.now {
            return true;
        }
        let enough = self.in_flight(self.config.batch_requests);
        let (mut requests, mut bytes) = (0, 0);
        waiting().any(|pending| {
            requests += 1;
            bytes += pending.request.body.operation.len();
            requests >= enough || bytes >= self.config.batch_bytes
        })
    }

    /// How many requests are proposed and not executed; counted up to `limit`.
    fn in_flight(&self, limit: usize) -> usize {
        let mut requests = 0;
        for (_, slot) in self.log.after(self.executed) {
            let batch = slot.accepted.as_ref().and_then(|it| slot.batch(it.body.digest));
            requests += batch.map_or(0, |batch| batch.requests().len());
            if requests >= limit {
                return limit;
            }
        }
        requests
    }

    /// The oldest of those that wait, up to the bounds. Never empty while any waits: a batch has
    /// room for the longest operation.
    fn next_batch(&mut self) -> Vec<Arc<Signed<Request>>> {
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
}
