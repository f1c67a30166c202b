//! What was decided is applied, in order, and answered.

use alloc::{sync::Arc, vec::Vec};

use super::{
    sessions::{Known, bounded},
    shell::Shell,
};
use crate::{
    app::Application,
    crypto::{Digest, Signed},
    event::EventKind,
    ids::{ClientId, RequestId, Seq},
    pbft::{Batch, Message, Read, ReadReply, Reply},
    protocol::Effect,
};

impl<A: Application> Shell<A> {
    /// Applies what was decided at the position after the last. "After executing the requested
    /// operation, replicas send a reply to the client" (OSDI'99 §4.2). Where a checkpoint is due,
    /// it is taken, and may be stable at once.
    pub(crate) fn apply(&mut self, seq: Seq, digest: Digest, batch: &Batch) {
        let most = batch.requests().len();
        let (mut requests, mut replies) = (Vec::with_capacity(most), Vec::with_capacity(most));
        self.advance_time(batch);
        let context = self.context();
        for request in batch.requests() {
            let id = request.body.id;
            // A request may be ordered twice, across a view change; it executes once.
            if self.sessions.lookup(id) == Known::New {
                let operation = &request.body.operation;
                requests.push(id);
                if let Some(member) = id.client.as_member() {
                    self.hear_member(seq, member, id, operation);
                    self.sessions.record(id, Vec::new(), self.config.max_sessions);
                } else {
                    let result = if id.client == ClientId::ADMINISTRATOR {
                        self.administer(seq, id, operation)
                    } else if self.docket.is_beyond() {
                        bounded(self.application.in_safe_mode(operation, &context))
                    } else {
                        bounded(self.application.execute(operation, &context))
                    };
                    self.sessions.record(id, result.clone(), self.config.max_sessions);
                    replies.push((id, result));
                }
            }
            self.pending.answered(id);
        }
        self.conclude(seq);
        self.executed = seq;
        self.event(EventKind::Executed { seq, digest, requests });
        if !self.is_following() {
            for (id, result) in replies {
                self.reply(id, result);
            }
        }
        if seq.0.is_multiple_of(self.config.checkpoint_interval) {
            self.take_checkpoint();
        }
    }

    pub(crate) fn reply(&mut self, id: RequestId, result: Vec<u8>) {
        let reply = Signed::new(
            Reply { epoch: self.epoch(), view: self.view, id, result },
            &*self.authenticator,
        );
        let message = Message::Reply(reply.into());
        self.outbox.push(Effect::Reply { client: id.client, message });
    }

    /// Answers a read from the state as it is. Whoever was answered this or a later request no
    /// longer waits for it. In safe mode it has to be ordered, and is marked.
    pub(crate) fn answer_read(&mut self, read: &Signed<Read>) {
        let id = read.body.id;
        if self.sessions.lookup(id) != Known::New || self.docket.is_beyond() {
            return;
        }
        let Some(result) = self.application.query(&read.body.operation, &self.context()) else {
            return;
        };
        let body = ReadReply { epoch: self.epoch(), view: self.view, id, result };
        let reply = Arc::new(Signed::new(body, &*self.authenticator));
        self.event(EventKind::ReadAnswered { request: id, executed: self.executed });
        let message = Message::ReadReply(reply);
        self.outbox.push(Effect::Reply { client: id.client, message });
    }
}
