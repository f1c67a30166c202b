//! Reads in one round: a client asks every replica, and each answers from the state it has.
//!
//! ```text
//!  client        replicas
//!    │ read          │
//!    ├──────────────▶│ barrier = the last position that has prepared here
//!    │               │ … execute up to the barrier …
//!    │◀─ read-reply ─┤ from a quorum, all equal: accepted
//! ```
//!
//! The paper's optimisation (OSDI'99 §5.1): a replica executes a read-only request in the state it
//! has, and replies once all requests reflected in that state have committed; the client waits for
//! 2f+1 replies with the same result. Taken alone that is stale: a write is accepted with f+1
//! replies, so a correct replica that lags and f liars, with others that haven't executed it
//! either, may still form a quorum for the old value (Berger, Reiser, Bessani, "Making reads in BFT
//! state machine replication fast, linearizable, and live", SRDS 2021). Their cure is that writes
//! too wait for a quorum; ours leaves writes alone: **a replica answers a read only once it has
//! executed everything that had prepared there when the read arrived.**
//!
//! # Why that is linearizable
//!
//! Say a write was executed by a correct replica, at position *s*, before a read was asked: it is
//! so if its client accepted it (of f+1 that reply one is correct). Then *s* was decided, by
//! commits of a quorum. Each correct one of them had prepared *s*, durably, before its commit left,
//! so before the read was asked. Any quorum that answers the read shares a correct replica *p* with
//! that quorum. When the read arrived at *p*, either *s* was executed there, or it is a position
//! that had prepared, and *p* answers once it is executed. So *p*'s answer reflects *s*, and all
//! answers equal *p*'s: no accepted read misses a write that was answered before.
//!
//! Nor does a later read see less than an earlier one. Let an accepted read's point be the highest
//! position that a correct replica of its quorum had executed. That position was decided, so the
//! argument above holds for it as for a write: a read that is asked afterwards reflects it too.
//! And what is asked after a read was accepted can only stand above its point, which was decided
//! already. So points rise with real time, together with the writes.
//!
//! Neither step needs the view, or that the replica takes part in it: reads are answered during
//! view changes. A crash forgets no prepared position. State that others prove (a transfer)
//! answers a read only if it reaches its barrier, as execution must.
//!
//! Both steps compare quorums of one membership, so an answer names its epoch and a client counts
//! those of the epoch that it knows. If that is over, its last position was decided by a quorum
//! like any other; whoever has executed it is in the next epoch and says so; so no quorum answers
//! for an epoch after writes of the next one were.
//!
//! # Bounds
//!
//! One read of each known client waits, its latest. It is dropped when the client goes on, and if
//! its barrier is never reached (a position that prepared only here, and was not carried over) the
//! client falls back to an ordered request. What isn't read-only is never answered here: the
//! application says so ([`Application::query`]), not the client.

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{
    messages::{Message, Read, ReadReply},
    replica::Replica,
    sessions::Known,
};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{ClientId, Seq},
    protocol::Effect,
};

/// A read that waits for what had prepared when it arrived.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WaitingRead {
    read: Arc<Signed<Read>>,
    barrier: Seq,
}

impl<A: Application> Replica<A> {
    /// A client asks for what an operation would answer.
    pub(super) fn on_read(&mut self, read: Arc<Signed<Read>>) {
        if self.is_recovering() || self.is_following() {
            // It doesn't know what had prepared, so it can't know what to wait for.
            return;
        }
        let id = read.body.id;
        // Whoever was answered this or a later request no longer waits for the read.
        if self.sessions.lookup(id) != Known::New {
            return;
        }
        let known = self.reads.get(&id.client).map(|waiting| waiting.read.body.id.timestamp);
        if known.is_some_and(|known| known >= id.timestamp) {
            return;
        }
        let barrier = self.read_barrier();
        self.reads.insert(id.client, WaitingRead { read, barrier });
        self.answer_reads();
    }

    /// The last position that has prepared here, or else what is executed.
    fn read_barrier(&self) -> Seq {
        let prepared =
            self.log.after(self.executed).rev().find(|(_, slot)| slot.prepared.is_some());
        prepared.map_or(self.executed, |(seq, _)| *seq)
    }

    /// Answers every read whose barrier is reached. Called whenever the state has moved.
    pub(super) fn answer_reads(&mut self) {
        if self.reads.is_empty() {
            return;
        }
        let executed = self.executed;
        let ready: Vec<ClientId> = self
            .reads
            .iter()
            .filter(|(_, waiting)| waiting.barrier <= executed)
            .map(|(client, _)| *client)
            .collect();
        for client in ready {
            let Some(WaitingRead { read, .. }) = self.reads.remove(&client) else { continue };
            let id = read.body.id;
            if self.sessions.lookup(id) != Known::New {
                continue;
            }
            let Some(result) = self.application.query(&read.body.operation, &self.context()) else {
                continue;
            };
            let body = ReadReply { epoch: self.epoch(), view: self.view, id, result };
            let reply = Arc::new(Signed::new(body, &*self.authenticator));
            self.event(EventKind::ReadAnswered { request: id, executed });
            self.outbox.push(Effect::Reply { client, message: Message::ReadReply(reply) });
        }
    }
}
