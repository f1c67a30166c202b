//! One false story for everyone it is told to, properly signed: another digest, another place,
//! another result, another state.

use alloc::sync::Arc;
use core::cell::Cell;

use super::{Passing, other};
use crate::{
    app::Outcome,
    crypto::{Authenticator, Signed},
    event::Tampering,
    ids::{Seq, View},
    pbft::{
        Batch, Checkpoint, Commit, Decided, Message, PrePrepare, Prepare, ReadReply, Reply,
        StateNodes, ViewChange,
    },
};

impl Passing {
    /// A proposal then contradicts its own content, and is refused; votes count for nothing.
    pub(super) fn wrong_digest(&mut self, keys: &dyn Authenticator) -> Option<Tampering> {
        self.message = match &self.message {
            Message::PrePrepare(it, batch) => {
                let body = PrePrepare { digest: other(it.body.digest), ..it.body };
                Message::PrePrepare(Signed::new(body, keys).into(), batch.clone())
            }
            Message::Prepare(it) => {
                let body = Prepare { digest: other(it.body.digest), ..it.body };
                Message::Prepare(Signed::new(body, keys).into())
            }
            Message::Commit(it) => {
                let body = Commit { digest: other(it.body.digest), ..it.body };
                Message::Commit(Signed::new(body, keys).into())
            }
            Message::Checkpoint(it) => {
                let body = Checkpoint { digest: other(it.body.digest), ..it.body };
                Message::Checkpoint(Signed::new(body, keys).into())
            }
            _ => return None,
        };
        Some(Tampering::Falsified)
    }

    pub(super) fn wrong_place(
        &mut self,
        keys: &dyn Authenticator,
        view_by: i32,
        seq_by: i32,
    ) -> Option<Tampering> {
        let moved = Cell::new(false);
        let to = |from: u64, by: i32| {
            let to = from.saturating_add_signed(by.into());
            moved.set(moved.get() || to != from);
            to
        };
        let view = |it: View| View(to(it.0, view_by));
        let seq = |it: Seq| Seq(to(it.0, seq_by));
        let message = match &self.message {
            Message::PrePrepare(it, batch) => {
                let (view, seq) = (view(it.body.view), seq(it.body.seq));
                let body = PrePrepare { view, seq, ..it.body };
                Message::PrePrepare(Signed::new(body, keys).into(), batch.clone())
            }
            Message::Prepare(it) => {
                let (view, seq) = (view(it.body.view), seq(it.body.seq));
                Message::Prepare(Signed::new(Prepare { view, seq, ..it.body }, keys).into())
            }
            Message::Commit(it) => {
                let (view, seq) = (view(it.body.view), seq(it.body.seq));
                Message::Commit(Signed::new(Commit { view, seq, ..it.body }, keys).into())
            }
            Message::Checkpoint(it) => {
                let seq = seq(it.body.seq);
                Message::Checkpoint(Signed::new(Checkpoint { seq, ..it.body }, keys).into())
            }
            Message::ViewChange(it) => {
                let body = ViewChange { view: view(it.body.view), ..it.body.clone() };
                Message::ViewChange(Arc::new(Signed::new(body, keys)))
            }
            _ => return None,
        };
        self.message = message;
        // A view or a position can't go below 0: then there is nothing to move.
        moved.get().then_some(Tampering::Falsified)
    }

    pub(super) fn false_reply(&mut self, keys: &dyn Authenticator) -> Option<Tampering> {
        let result = Outcome::Value(Some(b"a lie".to_vec())).encode();
        self.message = match &self.message {
            Message::Reply(reply) => {
                let body = Reply { result, ..reply.body.clone() };
                Message::Reply(Signed::new(body, keys).into())
            }
            Message::ReadReply(reply) => {
                let body = ReadReply { result, ..reply.body.clone() };
                Message::ReadReply(Signed::new(body, keys).into())
            }
            _ => return None,
        };
        Some(Tampering::Falsified)
    }

    /// Other contents for a true proof or an asked-for digest.
    pub(super) fn false_state(&mut self, keys: &dyn Authenticator) -> Option<Tampering> {
        let spoilt = |batch: &Batch| {
            let (_, kept) = batch.requests().split_last()?;
            Some(Arc::new(Batch::of(kept.to_vec(), batch.time())))
        };
        self.message = match &self.message {
            Message::State(it) => {
                let mut answer = StateNodes::clone(&it.body);
                let last = answer.nodes.last_mut()?;
                last.bytes.push(0);
                Message::State(Arc::new(Signed::new(answer, keys)))
            }
            Message::Decided(it) => {
                let batch = spoilt(&it.batch)?;
                Message::Decided(Arc::new(Decided { batch, ..(**it).clone() }))
            }
            Message::Batch(batch) => Message::Batch(spoilt(batch)?),
            _ => return None,
        };
        Some(Tampering::Falsified)
    }
}
