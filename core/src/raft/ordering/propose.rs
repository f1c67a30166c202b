//! The leader's part: when a batch leaves, and how much at a time: by the rules of PBFT's
//! [`batching`](crate::pbft).

use alloc::{sync::Arc, vec::Vec};

use super::{
    super::{Input, Role},
    RaftOrdering,
};
use crate::{
    app::Application,
    ids::{RequestId, Seq},
    pbft::Batch,
    replica::Shell,
    time::Time,
};

impl RaftOrdering {
    /// Puts what waits at the end of the log, as far as there is room.
    pub(super) fn propose<A: Application>(&mut self, shell: &mut Shell<A>) {
        while self.has_room(shell) && shell.batch_is_due(|| self.in_flight(shell)) {
            let requests = shell.next_batch();
            let time = shell.proposed_time(&requests);
            let batch = Arc::new(Batch::of(requests, time));
            self.tell(shell, Input::Propose(batch));
        }
    }

    /// When a batch leaves that is neither full nor alone.
    pub(super) fn batch_timer<A: Application>(&self, shell: &Shell<A>) -> Option<Time> {
        if shell.queue.is_empty() || !self.has_room(shell) {
            return None;
        }
        Some(shell.oldest_since()? + shell.config.batch_delay())
    }

    fn has_room<A: Application>(&self, shell: &Shell<A>) -> bool {
        self.live(shell).is_some_and(|raft| {
            let last = raft.last().seq;
            raft.role() == Role::Leader
                && !raft.is_handing_over()
                && shell.register.end().is_none()
                && last.0.saturating_sub(raft.snapshot().0.seq.0) < shell.config.window
                && last.0.saturating_sub(shell.executed.0) < shell.config.pipeline
        })
    }

    /// How many requests are proposed and not executed, up to a full batch.
    fn in_flight<A: Application>(&self, shell: &Shell<A>) -> usize {
        let most = shell.batch_bounds().requests;
        let mut requests = 0;
        for batch in self.above(shell.executed) {
            requests += batch.requests().len();
            if requests >= most {
                return most;
            }
        }
        requests
    }

    fn above(&self, seq: Seq) -> impl Iterator<Item = &Arc<Batch>> {
        let raft = self.raft.as_ref();
        let entries = (seq.0 + 1..).map_while(move |seq| raft?.entry(Seq(seq)));
        entries.filter_map(|entry| entry.payload.as_ref())
    }

    /// The requests that are in the log and not executed, in order of their numbers.
    pub(super) fn carried<A: Application>(&self, shell: &Shell<A>) -> Vec<RequestId> {
        let requests = self.above(shell.executed).flat_map(|batch| batch.requests());
        let mut carried: Vec<_> = requests.map(|request| request.body.id).collect();
        carried.sort_unstable();
        carried
    }
}
