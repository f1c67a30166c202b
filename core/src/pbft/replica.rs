//! The state of one replica, and which rule handles what.
//!
//! ```text
//!             ┌ request, pre-prepare, prepare, commit ─▶ normal      (§4.2)
//! handle ─────┼ checkpoint ────────────────────────────▶ checkpoint  (§4.3)
//!             ├ stable, fetch-state, state, tick ──────▶ transfer
//!             ├ view-change, new-view, tick ───────────▶ view_change (§4.4)
//!             ├ pace ──────────────────────────────────▶ pace
//!             ├ read ──────────────────────────────────▶ reads
//!             ├ epoch ends ────────────────────────────▶ epochs
//!             ├ status, fetch, batch, decided, tick ───▶ repair
//!             └ recovery query and answer ─────────────▶ recovery    (TOCS 2002)
//! ```

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};

use serde::Serialize;

use super::{
    allowance::Allowances,
    batch::Batch,
    certificate::CheckpointCertificate,
    checkpoint::CheckpointVotes,
    config::Config,
    epochs::{EpochEnd, Register},
    messages::{Message, NewView, Request, ViewChange},
    outbox::Outbox,
    pace::Paces,
    reads::WaitingRead,
    recovery::{Lives, Recovery},
    sessions::Sessions,
    slot::{Log, SlotView},
    transfer::{Fetching, Served, Transfer},
};
use crate::{
    app::{Application, Context},
    config::BadConfig,
    crypto::{Authenticator, Digest, Signed},
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Seq, Timestamp, View},
    protocol::{Effect, Input, Protocol, To},
    quorum::{MAX_NODES, Membership},
    sorted::SortedMap,
    state::Tree,
    time::{Time, WallTime},
};

/// Whether the replica takes part in its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Standing {
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

/// A request that a client waits for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pending {
    pub(super) request: Arc<Signed<Request>>,
    /// Since when this view's primary has kept it waiting.
    pub(super) since: Time,
    /// Whether a batch of this view holds it.
    pub(super) proposed: bool,
}

/// One PBFT replica. A value: clone it, hash it, feed it; see [`Protocol`].
#[derive(Clone, Debug)]
pub struct Replica<A> {
    pub(super) id: NodeId,
    pub(super) members: Membership,
    pub(super) config: Config,
    pub(super) authenticator: Arc<dyn Authenticator>,

    pub(super) now: Time,
    pub(super) view: View,
    pub(super) standing: Standing,
    pub(super) log: Log,
    /// The last position that a batch was proposed for in this view (as primary), or accepted.
    pub(super) proposed: Seq,
    /// The last position executed.
    pub(super) executed: Seq,
    pub(super) application: A,
    /// The agreed time: that of the last executed batch that carried one.
    pub(super) time: WallTime,
    /// How far the host's wall clock is ahead of `now`, in microseconds.
    clock_offset_us: i64,
    pub(super) sessions: Sessions,
    /// The membership as the executed state has it. Behind `members` while that state is missing.
    pub(super) register: Register,
    /// The ends of all epochs so far, in order.
    pub(super) chain: Vec<Arc<EpochEnd>>,
    /// The membership before this one: who surely has the state that the epoch began with.
    pub(super) previous: Option<Membership>,
    /// Since when this view's primary has owed the epoch its last positions.
    pub(super) ending_since: Option<Time>,

    /// One request a client: bounded by the number of clients whose keys are known.
    pub(super) pending: BTreeMap<ClientId, Pending>,
    /// The clients of `pending` in order of arrival, so that the primary is fair. May name
    /// requests that are done; those are skipped.
    pub(super) queue: VecDeque<(ClientId, Timestamp)>,

    /// One read a client, its latest: what had prepared when it came isn't all executed yet.
    pub(super) reads: SortedMap<ClientId, WaitingRead>,

    pub(super) checkpoints: CheckpointVotes,
    /// The last stable checkpoint. `None`: the initial state.
    pub(super) stable: Option<(CheckpointCertificate, Tree)>,
    /// The state of the one before, for peers who are still fetching it.
    pub(super) stable_before: Option<Tree>,
    /// The replicated state as of the last checkpoint.
    pub(super) tree: Tree,
    /// What it fetches of a later state.
    pub(super) transfer: Option<Transfer>,
    /// What each peer was given of the state.
    pub(super) served: SortedMap<NodeId, Served>,

    /// Each replica's view change for the latest view that it asked for.
    pub(super) view_changes: SortedMap<NodeId, Arc<Signed<ViewChange>>>,
    /// The message that started the current view. `None` in view 0.
    pub(super) new_view: Option<Arc<Signed<NewView>>>,
    /// The stable checkpoint that the current view was started from: see `on_pre_prepare`.
    pub(super) min_s: Seq,
    /// Views in a row that were left before anything was executed in them.
    pub(super) failed_views: u32,

    /// How quick this view's primary is.
    pub(super) paces: Paces,
    /// What it knows of its own memory,
    pub(super) recovery: Recovery,
    /// and of others that lost theirs.
    pub(super) lives: Lives,

    /// When the replica next says where it stands.
    pub(super) status_at: Time,
    /// What each peer has cost lately.
    pub(super) allowances: Allowances,
    pub(super) outbox: Outbox,
}

impl<A: Application> Replica<A> {
    /// A new replica at the start of history: view 0, nothing executed.
    pub fn new(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        application: A,
    ) -> Result<Self, BadConfig> {
        config.validate()?;
        let mut replica = Self {
            id,
            members,
            authenticator,
            now: Time::ZERO,
            view: View(0),
            standing: if members.contains(id) { Standing::Active } else { Standing::Following },
            log: Log::new(config.window),
            config,
            proposed: Seq(0),
            executed: Seq(0),
            application,
            time: WallTime::default(),
            clock_offset_us: 0,
            sessions: Sessions::default(),
            register: Register::new(members),
            chain: Vec::new(),
            previous: None,
            ending_since: None,
            pending: BTreeMap::new(),
            queue: VecDeque::new(),
            reads: SortedMap::new(),
            checkpoints: CheckpointVotes::default(),
            stable: None,
            stable_before: None,
            tree: Tree::default(),
            transfer: None,
            served: SortedMap::new(),
            view_changes: SortedMap::new(),
            new_view: None,
            min_s: members.start(),
            failed_views: 0,
            paces: Paces::default(),
            recovery: Recovery::default(),
            lives: Lives::default(),
            status_at: Time::ZERO,
            allowances: Allowances::default(),
            outbox: Outbox::default(),
        };
        replica.plant_tree();
        Ok(replica)
    }

    /// Its number.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The cluster.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// The epoch that it is in.
    pub fn epoch(&self) -> Epoch {
        self.members.epoch()
    }

    /// Who is a member by the executed state, and who will be.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// The proven ends of all epochs so far, in order.
    pub fn chain(&self) -> &[Arc<EpochEnd>] {
        &self.chain
    }

    /// What it checks with: it learns the keys of those that join.
    pub fn authenticator(&self) -> &Arc<dyn Authenticator> {
        &self.authenticator
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its view: the one it takes part in, or the one it wants.
    pub fn view(&self) -> View {
        self.view
    }

    /// Whether it takes part in its view (false: changing to it).
    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    /// The primary of its view.
    pub fn primary(&self) -> NodeId {
        self.members.primary(self.view)
    }

    /// Whether that is itself.
    pub fn is_primary(&self) -> bool {
        self.primary() == self.id
    }

    /// The last position executed; 0: none.
    pub fn last_executed(&self) -> Seq {
        self.executed
    }

    /// *h*: the last stable checkpoint.
    pub fn low_water_mark(&self) -> Seq {
        self.log.low()
    }

    /// *H*: no proposal above it is accepted.
    pub fn high_water_mark(&self) -> Seq {
        self.log.high()
    }

    /// Tells it how far the host's wall clock (microseconds since 1970) is ahead of the times
    /// that it is handed. 0 unless told otherwise.
    pub fn set_clock_offset_us(&mut self, offset_us: i64) {
        self.clock_offset_us = offset_us;
    }

    /// What the host's wall clock shows.
    pub(super) fn wall_clock(&self) -> WallTime {
        WallTime(self.now.0.saturating_add_signed(self.clock_offset_us) / 1_000)
    }

    /// The agreed time after the last executed position.
    pub fn agreed_time(&self) -> WallTime {
        self.time
    }

    /// What an operation executed now would know beside the state.
    pub(super) fn context(&self) -> Context {
        Context { time: self.time }
    }

    /// The replicated state.
    pub fn application(&self) -> &A {
        &self.application
    }

    /// The state of the last stable checkpoint. `None`: there is none yet.
    pub fn stable_tree(&self) -> Option<&Tree> {
        self.stable.as_ref().map(|(_, tree)| tree)
    }

    /// Who was answered what.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// How many clients it knows to be waiting.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many reads wait until what had prepared when they came is executed.
    pub fn waiting_reads(&self) -> usize {
        self.reads.len()
    }

    /// How far it is with the state that it fetches, if it does.
    pub fn fetching(&self) -> Option<Fetching> {
        self.transfer.as_ref().map(Transfer::progress)
    }

    /// Every position between the water marks that has a proposal.
    pub fn slots(&self) -> impl Iterator<Item = SlotView> {
        self.log.iter().filter_map(|(seq, slot)| slot.view(*seq, self.executed))
    }

    /// What was decided at a position, else what is proposed there; while it is in the log.
    pub fn batch_at(&self, seq: Seq) -> Option<&Arc<Batch>> {
        let slot = self.log.get(seq)?;
        if let Some(decided) = &slot.decided {
            return Some(&decided.batch);
        }
        slot.batch(slot.accepted.as_ref()?.body.digest)
    }

    pub(super) fn event(&mut self, event: EventKind) {
        self.outbox.event(event);
    }

    pub(super) fn send(&mut self, to: To, message: Message) {
        self.outbox.push(Effect::Send { to, message });
    }

    fn dispatch(&mut self, from: NodeId, message: Message) {
        // It was of this epoch when it was checked; the epoch may have ended since.
        if message.epoch().is_some_and(|epoch| epoch != self.epoch()) {
            return;
        }
        let voting = !self.is_following() && self.members.contains(from);
        if !voting && !message.proves_itself() {
            return;
        }
        match message {
            Message::Request(request) => self.on_request(request, false),
            Message::PrePrepare(header, batch) => self.on_pre_prepare(header, batch),
            Message::Prepare(prepare) => self.on_prepare(prepare),
            Message::Commit(commit) => self.on_commit(commit),
            Message::Checkpoint(checkpoint) => self.on_checkpoint(checkpoint),
            Message::ViewChange(change) => self.on_view_change(change),
            Message::NewView(new_view) => self.on_new_view(new_view),
            Message::Status(status) => self.on_status(from, status),
            Message::FetchBatch(digest) => self.on_fetch_batch(from, digest),
            Message::Batch(batch) => self.on_batch(&batch),
            Message::Decided(decided) => self.on_decided(decided),
            Message::Pace(report) => self.on_pace(from, report),
            Message::Stable(certificate) => self.on_stable(&certificate),
            Message::FetchState(fetch) => self.on_fetch_state(from, &fetch),
            Message::State(answer) => self.on_state(from, &answer.body),
            Message::RecoveryQuery(query) => self.on_recovery_query(from, query),
            Message::RecoveryAnswer(answer) => self.on_recovery_answer(from, &answer),
            Message::EpochEnds(ends) => self.on_epoch_ends(&ends),
            // Replies are for clients, and clients ask for themselves.
            Message::Read(_)
            | Message::Reply(_)
            | Message::ReadReply(_)
            | Message::FetchEpochEnds(_) => {}
        }
        self.try_recover();
    }

    fn transfer_timer(&self) -> Option<Time> {
        self.transfer.as_ref()?.deadline(self.now)
    }

    fn tick(&mut self) {
        if self.view_timer().is_some_and(|at| at <= self.now) {
            self.on_view_timer();
        }
        if self.batch_timer().is_some_and(|at| at <= self.now) {
            self.propose();
        }
        if self.status_at <= self.now {
            self.on_status_timer();
        }
        if self.transfer_timer().is_some_and(|at| at <= self.now) {
            self.on_transfer_timer();
        }
    }
}

impl<A: Application> Protocol for Replica<A> {
    fn handle(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Message { from, message } => {
                if from != self.id && from.0 < MAX_NODES {
                    self.dispatch(from, message.into_inner());
                }
            }
            Input::Request(message) => match message.into_inner() {
                Message::Request(request) => self.on_request(request, true),
                Message::Read(read) => self.on_read(read),
                Message::FetchEpochEnds(fetch) => self.on_fetch_epoch_ends(&fetch),
                _ => {}
            },
            Input::Durable(number) => self.outbox.durable_up_to(number),
            Input::Tick => self.tick(),
        }
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.outbox.poll()
    }

    fn deadline(&self) -> Option<Time> {
        let timers =
            [self.view_timer(), self.batch_timer(), self.transfer_timer(), Some(self.status_at)];
        timers.into_iter().flatten().min()
    }

    fn state_hash(&self) -> Digest {
        let protocol = (self.id, self.members, self.view, self.standing, &self.log);
        let progress = (self.proposed, self.executed, self.failed_views, &self.paces);
        let waiting = (&self.pending, &self.queue, &self.reads, self.status_at, &self.allowances);
        let proofs = (&self.checkpoints, &self.stable, &self.view_changes, &self.new_view);
        let memory = (&self.recovery, &self.lives);
        let state = (self.clock_offset_us, self.state_parts());
        let transfer = (&self.stable_before, &self.transfer, &self.served);
        let epochs = (&self.register, &self.chain, self.previous, self.ending_since);
        Digest::of(&(protocol, progress, waiting, proofs, memory, state, transfer, epochs))
    }
}
