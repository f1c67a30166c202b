//! What the instance wants done, with the shell's means.

use alloc::sync::Arc;

use super::{
    super::{Effect, Event, Raft, Role},
    RaftOrdering,
};
use crate::{
    app::Application,
    event::EventKind,
    ids::Seq,
    pbft::{Batch, Message},
    protocol::{self, To},
    replica::{self, Shell},
};

impl RaftOrdering {
    /// Everything that the instance wants done now. Once the epoch is over, nothing more.
    pub(super) fn carry_out<A: Application>(&mut self, shell: &mut Shell<A>) {
        while !shell.is_over()
            && let Some(effect) = self.raft.as_mut().and_then(Raft::poll_effect)
        {
            self.do_it(shell, effect);
        }
    }

    fn do_it<A: Application>(&mut self, shell: &mut Shell<A>, effect: Effect<Arc<Batch>>) {
        match effect {
            Effect::Persist(number, record) => {
                let record = replica::Record::Raft(shell.epoch(), record);
                let shells = shell.outbox.persist(record);
                self.owed.push_back((shells, number));
            }
            // What had to wait for the disk has waited.
            Effect::Send { to, message } => {
                let message = Message::Raft(Arc::new(message));
                shell.outbox.push_at_once(protocol::Effect::Send { to, message });
            }
            Effect::Commit { at, payload } => {
                let batch = payload.unwrap_or_else(|| self.null.clone());
                apply(shell, at.seq, &batch);
            }
            // They wait again.
            Effect::NotProposed { .. } => shell.wait_anew(&self.carried(shell)),
            Effect::ReadReady { id, .. } => {
                if let Some(read) = self.reads.remove(&id) {
                    shell.answer_read(&read);
                }
            }
            // Its client asks again.
            Effect::ReadFailed { id } => _ = self.reads.remove(&id),
            Effect::FetchState { at, digest, from } => {
                self.offered = Some((at, digest));
                // Who says where it stands is shown the proof of what it lacks.
                shell.send(To::Node(from), Message::Status(shell.status()));
            }
            Effect::Event(event) => note(shell, event),
        }
    }
}

fn note<A: Application>(shell: &mut Shell<A>, event: Event) {
    match event {
        Event::Became { role: Role::PreCandidate, .. } => shell.event(EventKind::LeaderSilent),
        Event::Refused { from, why } if why.is_inexplicable() => {
            shell.event(EventKind::Inexplicable { from, why });
        }
        _ => {}
    }
}

/// Applies what is committed after the last position. What the state holds already, and what stands
/// above the end of the epoch, means nothing.
fn apply<A: Application>(shell: &mut Shell<A>, seq: Seq, batch: &Batch) {
    if seq != shell.executed.next() || shell.is_at_end() {
        return;
    }
    let (view, digest) = (shell.view, batch.digest());
    shell.event(EventKind::Committed { view, seq, digest });
    shell.apply(seq, digest, batch);
}
