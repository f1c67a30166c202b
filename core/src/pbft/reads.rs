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

use super::{messages::Read, rules::Rules};
use crate::{
    app::Application,
    crypto::Signed,
    ids::{ClientId, Seq},
    replica::Known,
};

/// A read that waits for what had prepared when it arrived.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WaitingRead {
    read: Arc<Signed<Read>>,
    barrier: Seq,
}

impl<A: Application> Rules<'_, A> {
    /// A client asks for what an operation would answer.
    pub(crate) fn on_read(&mut self, read: Arc<Signed<Read>>) {
        if self.is_recovering() || self.is_following() {
            // It doesn't know what had prepared, so it can't know what to wait for.
            return;
        }
        let id = read.body.id;
        // Whoever was answered this or a later request no longer waits for the read.
        if self.sessions.lookup(id) != Known::New {
            return;
        }
        let known = self.own.reads.get(&id.client).map(|waiting| waiting.read.body.id.timestamp);
        if known.is_some_and(|known| known >= id.timestamp) {
            return;
        }
        let barrier = self.read_barrier();
        self.own.reads.insert(id.client, WaitingRead { read, barrier });
        self.answer_reads();
    }

    /// The last position that has prepared here, or else what is executed.
    fn read_barrier(&self) -> Seq {
        let prepared =
            self.own.log.after(self.executed).rev().find(|(_, slot)| slot.prepared.is_some());
        prepared.map_or(self.executed, |(seq, _)| *seq)
    }

    /// Answers every read whose barrier is reached. Called whenever the state has moved.
    pub(crate) fn answer_reads(&mut self) {
        if self.own.reads.is_empty() {
            return;
        }
        let executed = self.executed;
        let ready: Vec<ClientId> = self
            .own
            .reads
            .iter()
            .filter(|(_, waiting)| waiting.barrier <= executed)
            .map(|(client, _)| *client)
            .collect();
        for client in ready {
            let Some(WaitingRead { read, .. }) = self.own.reads.remove(&client) else { continue };
            self.answer_read(&read);
        }
    }
}
