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

use alloc::sync::Arc;

use super::{
    batch::Batch,
    messages::PrePrepare,
    rules::{Pbft, Rules},
};
use crate::{app::Application, crypto::Signed, ids::Seq, replica::Shell, time::Time};

impl<A: Application> Rules<'_, A> {
    /// The primary's part: assigns the next positions to what waits.
    pub(crate) fn propose(&mut self) {
        // The last positions of an epoch are filled up, with null requests if nothing waits.
        let ending = self.register.end().is_some();
        while self.own.has_room(self.shell) && (self.own.is_batch_due(self.shell) || ending) {
            let requests = self.next_batch();
            let time = self.proposed_time(&requests);
            let batch = Arc::new(Batch::of(requests, time));
            let seq = self.own.proposed.next();
            let body =
                PrePrepare { epoch: self.epoch(), view: self.view, seq, digest: batch.digest() };
            let header = Signed::new(body, &*self.authenticator);
            self.accept(header.into(), batch);
        }
    }
}

impl Pbft {
    /// When a batch leaves that is neither full nor alone. `None`: nothing waits, or has room.
    pub(crate) fn batch_timer<A: Application>(&self, shell: &Shell<A>) -> Option<Time> {
        if shell.queue.is_empty() || !self.has_room(shell) {
            return None;
        }
        Some(shell.oldest_since()? + shell.config.batch_delay())
    }

    fn is_batch_due<A: Application>(&self, shell: &Shell<A>) -> bool {
        shell.batch_is_due(|| self.in_flight(shell.executed, shell.batch_bounds().requests))
    }

    fn has_room<A: Application>(&self, shell: &Shell<A>) -> bool {
        shell.is_active()
            && shell.is_primary()
            && shell.may_lead()
            && self.proposed < shell.last_position()
            && self.log.contains(self.proposed.next())
            && self.proposed.0.saturating_sub(shell.executed.0) < shell.config.pipeline
    }

    /// How many requests are proposed and not executed; counted up to `limit`.
    fn in_flight(&self, executed: Seq, limit: usize) -> usize {
        let mut requests = 0;
        for (_, slot) in self.log.after(executed) {
            let batch = slot.accepted.as_ref().and_then(|it| slot.batch(it.body.digest));
            requests += batch.map_or(0, |batch| batch.requests().len());
            if requests >= limit {
                return limit;
            }
        }
        requests
    }
}
