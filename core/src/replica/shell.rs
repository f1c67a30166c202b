//! What all epochs of one replica share.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use serde::Serialize;

use super::{
    allowance::Allowances,
    checkpoint::CheckpointVotes,
    docket::Docket,
    epochs::{EpochEnd, Register},
    ordering::News,
    outbox::Outbox,
    pending::Waiting,
    renewal::Memory,
    sessions::Sessions,
    transfer::{Kept, Served, Transfer},
};
use crate::{
    app::{Application, Context},
    crypto::Authenticator,
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Seq, Timestamp, View},
    pbft::{CheckpointCertificate, Config, Message},
    protocol::{Effect, To},
    quorum::Membership,
    sorted::SortedMap,
    state::Tree,
    time::{Time, WallTime},
};

/// Whether the replica takes part in its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Standing {
    /// In normal operation.
    Active,
    /// It votes for nothing: it is no member of the epoch, or lacks the state that it began with.
    Following,
    /// It wants the view but has no new-view message for it. "It stops accepting messages (other
    /// than checkpoint, view-change, and new-view messages)" (§4.4).
    Changing {
        /// Since when a quorum wants it too: from then on the new primary is being timed.
        quorum_since: Option<Time>,
    },
}

/// What is the same whoever orders.
#[derive(Clone, Debug)]
pub(crate) struct Shell<A> {
    pub(crate) id: NodeId,
    pub(crate) members: Membership,
    pub(crate) config: Config,
    pub(crate) authenticator: Arc<dyn Authenticator>,

    pub(crate) now: Time,
    /// Who leads: the primary of this view. The ordering says which it is.
    pub(crate) view: View,
    pub(crate) standing: Standing,
    /// The last stable checkpoint: *h*.
    pub(crate) low: Seq,
    /// Since when it is there.
    pub(crate) low_since: Time,
    /// The last position executed.
    pub(crate) executed: Seq,
    pub(crate) application: A,
    /// The agreed time: that of the last executed batch that carried one.
    pub(crate) time: WallTime,
    /// How far the host's wall clock is ahead of `now`, in microseconds.
    pub(crate) clock_offset_us: i64,
    pub(crate) sessions: Sessions,
    /// What is agreed about who lies.
    pub(crate) docket: Docket,
    /// The membership as the executed state has it. Behind `members` while that state is missing.
    pub(crate) register: Register,
    /// The ends of all epochs so far, in order.
    pub(crate) chain: Vec<Arc<EpochEnd>>,
    /// The membership before this one: who surely has the state that the epoch began with.
    pub(crate) previous: Option<Membership>,
    /// Since when who leads has owed the epoch its last positions.
    pub(crate) ending_since: Option<Time>,

    /// One request a client.
    pub(crate) pending: Waiting,
    /// The clients of `pending` in order of arrival, so that who leads is fair. May name requests
    /// that are done; those are skipped.
    pub(crate) queue: VecDeque<(ClientId, Timestamp)>,

    pub(crate) checkpoints: CheckpointVotes,
    /// The last stable checkpoint. `None`: the initial state.
    pub(crate) stable: Option<(CheckpointCertificate, Tree)>,
    /// The state of the one before, for peers who are still fetching it.
    pub(crate) stable_before: Option<Tree>,
    /// The replicated state as of the last checkpoint.
    pub(crate) tree: Tree,
    /// What it fetches of a later state.
    pub(crate) transfer: Option<Transfer>,
    /// What it had fetched of one before it crashed.
    pub(crate) kept: Kept,
    /// What each peer was given of the state.
    pub(crate) served: SortedMap<NodeId, Served>,

    /// It is starting from its disk: nothing new is said until all is read, for what was read last may
    /// say what was said before.
    pub(crate) is_reading: bool,
    /// What it knows of its own memory.
    pub(crate) memory: Memory,

    /// When the replica next says where it stands.
    pub(crate) status_at: Time,
    /// What each peer has cost lately.
    pub(crate) allowances: Allowances,
    pub(crate) outbox: Outbox,

    /// What it says of whom it knows to be proven guilty: its node's, see [`Status::proven`](crate::pbft::Status::proven).
    pub(crate) proven: u32,

    /// What the ordering has not heard yet.
    pub(crate) news: VecDeque<News>,
    /// The proven end of the epoch: the replica turns to the next as soon as the ordering returns.
    pub(crate) ended: Option<Arc<EpochEnd>>,
}

impl<A: Application> Shell<A> {
    pub(crate) fn new(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        application: A,
    ) -> Self {
        let mut shell = Self {
            id,
            members,
            config,
            authenticator,
            now: Time::ZERO,
            view: View(0),
            standing: if members.contains(id) { Standing::Active } else { Standing::Following },
            low: members.start(),
            low_since: Time::ZERO,
            executed: Seq(0),
            application,
            time: WallTime::default(),
            clock_offset_us: 0,
            sessions: Sessions::default(),
            docket: Docket::default(),
            register: Register::new(members),
            chain: Vec::new(),
            previous: None,
            ending_since: None,
            pending: Waiting::default(),
            queue: VecDeque::new(),
            checkpoints: CheckpointVotes::default(),
            stable: None,
            stable_before: None,
            tree: Tree::default(),
            transfer: None,
            kept: Kept::default(),
            served: SortedMap::new(),
            is_reading: false,
            memory: Memory::default(),
            status_at: Time::ZERO,
            allowances: Allowances::default(),
            outbox: Outbox::default(),
            proven: 0,
            news: VecDeque::new(),
            ended: None,
        };
        shell.plant_tree();
        shell
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.members.epoch()
    }

    /// Whether it takes part in its view (false: changing to it, or following).
    pub(crate) fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    /// Who leads.
    pub(crate) fn primary(&self) -> NodeId {
        self.members.primary(self.view)
    }

    /// Whether that is itself.
    pub(crate) fn is_primary(&self) -> bool {
        self.primary() == self.id
    }

    /// Whether the epoch is over and the next has not begun yet: nothing is to be said in it.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// What the host's wall clock shows.
    pub(crate) fn wall_clock(&self) -> WallTime {
        WallTime(self.now.0.saturating_add_signed(self.clock_offset_us) / 1_000)
    }

    /// What an operation executed now would know beside the state.
    pub(crate) fn context(&self) -> Context {
        Context { time: self.time }
    }

    pub(crate) fn event(&mut self, event: EventKind) {
        self.outbox.event(event);
    }

    pub(crate) fn send(&mut self, to: To, message: Message) {
        self.outbox.push(Effect::Send { to, message });
    }

    /// For the hash of the replica's state: all that decides what it does next.
    pub(crate) fn parts(&self) -> impl Serialize {
        let place = (self.id, self.members, self.view, self.standing, self.low, self.executed);
        let waiting = (&self.pending, &self.queue, self.status_at, &self.allowances, self.proven);
        let proofs = (&self.checkpoints, &self.stable);
        let state = (self.clock_offset_us, self.state_parts());
        let transfer = (&self.stable_before, &self.transfer, &self.kept, &self.served);
        let epochs = (&self.register, &self.chain, self.previous, self.ending_since);
        (place, waiting, proofs, self.memory, state, transfer, epochs)
    }
}
