//! Raft as an ordering: one instance for one epoch, and the shell as its host.
//!
//! ```text
//!  shell ─ request, read, message, durable, tick ─▶ instance ─ records, messages ─▶ shell's outbox
//!        ─ stable, installed: the log is cut ─────▶          ─ committed ─▶ shell: apply, checkpoint
//!        ─ the register knows the end ─▶ seal                ─ who leads ─▶ shell: view
//! ```
//!
//! * **Views.** A view's number holds term and leader: in view *v* of n members, ⌊v/n⌋ is the term
//!   and the member of rank v mod n leads. So views rise with terms, and whoever knows a view knows
//!   whom to ask, as under PBFT.
//! * **States.** Snapshots are the shell's stable checkpoints, proven by a majority's signatures and
//!   fetched by the shell. The log begins at the last of them.
//! * **The end.** As soon as the register knows it the log is sealed there. A majority signs the
//!   checkpoint at the end, so a majority has executed it: nothing of the epoch can be decided
//!   otherwise any more, and whoever is left behind is shown the proof.
//! * **The beginning.** Nobody leads at first. The member of the lowest rank stands at once, and again
//!   when others say that they have arrived; should it be down, the others' patience runs out.
//! * **Quarantine.** A restrained member doesn't stand first, and if it leads it hands over.
//! * **Memory.** Who lost its disk, and has not been told apart from its earlier self in this epoch,
//!   takes no part: it may have voted or acknowledged, and Raft can't do without what it forgot
//!   ([`Record`]). It follows from checkpoint to checkpoint until an epoch under
//!   another protocol recovers it, or another number takes its place. It counts as down.
//!
//! | file | holds |
//! |---|---|
//! | `host` | what the instance wants done |
//! | `propose` | when a batch leaves, and how much at a time |
//! | `state` | where the log begins; who leads |

mod host;
mod propose;
mod state;

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use serde::Serialize;

use super::{CantStart, Config, Input, LogGap, Place, Raft, ReadId, Record};
use crate::{
    app::Application,
    crypto::{Digest, Signed},
    ids::{NodeId, Seq},
    pbft::{Batch, Message, Phase, Read, Request, SlotView, Status},
    protocol::{RecordNumber, To},
    replica::{self, Known, News, Ordering, Shell},
    sorted::SortedMap,
    time::Time,
};

/// What an epoch under Raft knows beside the shell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RaftOrdering {
    /// `None`: it takes no part.
    raft: Option<Raft<Arc<Batch>>>,
    /// What was read from the disk, until all is.
    records: Vec<Record<Arc<Batch>>>,
    /// Records that are on their way to the disk: the shell's number, and the instance's.
    owed: VecDeque<(RecordNumber, RecordNumber)>,
    /// The state that the leader's log begins with, and that isn't here.
    offered: Option<(Place, Digest)>,
    /// Reads that the instance was asked about. Bounded: it takes no more than it has room for.
    reads: SortedMap<ReadId, Arc<Signed<Read>>>,
    /// What stands where nothing was proposed.
    null: Arc<Batch>,
}

/// An instance's configuration, as the shell's has it.
fn config(config: &crate::pbft::Config) -> Config {
    // Ten heartbeats an election timeout, as by default, and never less than the least that works.
    let election_timeout_ms = config.request_timeout_ms.max(3);
    let heartbeat_ms = (election_timeout_ms / 10).max(1);
    Config { election_timeout_ms, heartbeat_ms, window: config.window, ..Config::default() }
}

/// The instance of a member that takes part.
fn member<A: Application>(
    shell: &Shell<A>,
    records: Vec<Record<Arc<Batch>>>,
) -> Result<Option<Raft<Arc<Batch>>>, LogGap> {
    let state = shell.stable.as_ref().map_or_else(|| shell.tree.digest(), |(it, _)| it.digest());
    match Raft::restore(shell.id, shell.members, config(&shell.config), state, records) {
        Ok(raft) => Ok(Some(raft)),
        Err(CantStart::Gap(gap)) => Err(gap),
        Err(CantStart::NotAMember(_) | CantStart::Config(_)) => Ok(None),
    }
}

impl RaftOrdering {
    /// Whether it takes part, as far as the shell lets it.
    fn is_live<A: Application>(&self, shell: &Shell<A>) -> bool {
        self.raft.is_some() && !shell.is_recovering() && !shell.is_following() && !shell.is_over()
    }

    /// The instance, if it takes part.
    fn live<A: Application>(&self, shell: &Shell<A>) -> Option<&Raft<Arc<Batch>>> {
        self.raft.as_ref().filter(|_| self.is_live(shell))
    }

    /// Tells the instance something, and does what it wants done.
    fn tell<A: Application>(&mut self, shell: &mut Shell<A>, input: Input<Arc<Batch>>) {
        if !self.is_live(shell) {
            return;
        }
        if let Some(raft) = &mut self.raft {
            raft.handle(shell.now, input);
        }
        self.carry_out(shell);
    }
}

impl<A: Application> Ordering<A> for RaftOrdering {
    fn new(shell: &Shell<A>) -> Self {
        let takes_part = !shell.is_following();
        Self {
            // Without records there is no gap.
            raft: member(shell, Vec::new()).ok().flatten().filter(|_| takes_part),
            records: Vec::new(),
            owed: VecDeque::new(),
            offered: None,
            reads: SortedMap::new(),
            null: Arc::new(Batch::default()),
        }
    }

    fn start(&mut self, shell: &mut Shell<A>) {
        // Mostly none: it was not here before. With a gap in them it takes no part.
        self.raft = member(shell, core::mem::take(&mut self.records)).ok().flatten();
        shell.wait_anew(&[]);
        self.note_leader(shell);
    }

    fn on_message(&mut self, shell: &mut Shell<A>, from: NodeId, message: Message) {
        if let Message::Raft(said) = message {
            let message = Arc::unwrap_or_clone(said);
            self.tell(shell, Input::Message { from, message });
        }
    }

    fn on_request(
        &mut self,
        shell: &mut Shell<A>,
        request: &Arc<Signed<Request>>,
        from_client: bool,
    ) {
        if !self.is_live(shell) || !shell.is_active() {
            return;
        }
        if shell.is_primary() {
            self.propose(shell);
        } else if from_client {
            shell.send(To::Node(shell.primary()), Message::Request(request.clone()));
        }
    }

    fn on_read(&mut self, shell: &mut Shell<A>, read: Arc<Signed<Read>>) {
        if !self.is_live(shell) || shell.sessions.lookup(read.body.id) != Known::New {
            return;
        }
        // The same after a restart: what an answer to an earlier question of it says still holds.
        let id = Digest::of(&read.body.id).prefix();
        self.reads.insert(id, read);
        self.tell(shell, Input::Read(id));
    }

    fn on_news(&mut self, shell: &mut Shell<A>, news: News) {
        match news {
            News::Stable | News::Installed => self.cut_log(shell),
            News::Arrived => {}
        }
    }

    fn on_durable(&mut self, shell: &mut Shell<A>, number: RecordNumber) {
        let durable = self.owed.partition_point(|(shells, _)| *shells <= number);
        let last = self.owed.drain(..durable).next_back();
        if let Some((_, last)) = last {
            self.tell(shell, Input::Durable(last));
        }
    }

    fn on_tick(&mut self, shell: &mut Shell<A>) {
        if self.live(shell).is_some_and(|raft| raft.deadline() <= shell.now) {
            self.tell(shell, Input::Tick);
            self.stand_first(shell);
        }
        self.propose(shell);
    }

    fn after_input(&mut self, shell: &mut Shell<A>) {
        if let Some(end) = shell.register.end() {
            self.tell(shell, Input::Seal(end));
        }
        self.cut_log(shell);
        self.hand_over_if_restrained(shell);
        self.propose(shell);
        self.note_leader(shell);
    }

    fn deadline(&self, shell: &Shell<A>) -> Option<Time> {
        let own = self.live(shell)?.deadline();
        Some(self.batch_timer(shell).map_or(own, |at| own.min(at)))
    }

    fn is_waiting(&self, shell: &Shell<A>) -> bool {
        self.live(shell)
            .is_some_and(|raft| raft.leader().is_none() || raft.last().seq > shell.executed)
    }

    /// Whoever leads repeats what is lost with every heartbeat.
    fn repeat(&mut self, _: &mut Shell<A>) {}

    /// Who leads says so with every heartbeat. If nobody ever did, one more has arrived who can vote.
    fn show_view(&mut self, shell: &mut Shell<A>, _: NodeId, _: &Status) {
        self.stand_first(shell);
    }

    /// Whoever leads does that.
    fn show_positions(&mut self, _: &mut Shell<A>, _: NodeId, _: &Status) {}

    /// The log begins where it did; what of it the state holds is not applied again.
    fn begin_after(&mut self, _: &mut Shell<A>) {}

    fn replay(&mut self, _: &mut Shell<A>, record: replica::Record) {
        if let replica::Record::Raft(_, record) = record {
            self.records.push(record);
        }
    }

    fn restored(&mut self, shell: &mut Shell<A>) -> Result<(), LogGap> {
        self.owed.clear();
        self.raft = None;
        // Else it starts with them once the state is here.
        if !shell.is_following() {
            self.raft = member(shell, core::mem::take(&mut self.records))?;
        }
        self.note_leader(shell);
        Ok(())
    }

    fn slots(&self, shell: &Shell<A>) -> Vec<SlotView> {
        let Some(raft) = &self.raft else { return Vec::new() };
        let base = raft.snapshot().0.seq;
        let entries = (base.0 + 1..).map(Seq).zip(raft.entries());
        let above = entries.filter(|(seq, _)| *seq > shell.low && *seq <= shell.last_position());
        above
            .map(|(seq, entry)| {
                let batch = entry.payload.as_ref().unwrap_or(&self.null);
                let phase = if seq <= shell.executed {
                    Phase::Executed
                } else if seq <= raft.committed() {
                    Phase::Committed
                } else {
                    Phase::PrePrepared
                };
                SlotView {
                    seq,
                    view: crate::ids::View(entry.term.0),
                    digest: batch.digest(),
                    phase,
                    prepares: Vec::new(),
                    commits: raft.holders(seq),
                    requests: batch.requests().len(),
                }
            })
            .collect()
    }

    fn batch_at(&self, seq: Seq) -> Option<&Arc<Batch>> {
        let entry = self.raft.as_ref()?.entry(seq)?;
        Some(entry.payload.as_ref().unwrap_or(&self.null))
    }

    fn waiting_reads(&self) -> usize {
        self.reads.len()
    }
}
