//! The shell and the ordering together: one replica.
//!
//! ```text
//!             ┌ checkpoint, stable, state, ends of epochs, status ─▶ shell
//! handle ─────┼ request, read ─────────────▶ shell, then ordering
//!             └ everything else, tick ─────▶ ordering
//!      then: what the shell has come to ───▶ ordering; the end of the epoch ─▶ the next ordering
//! ```

use alloc::{sync::Arc, vec::Vec};

use super::{
    docket::Docket,
    epochs::{EpochEnd, Register},
    ordering::{News, Order, Ordering, each},
    sessions::{Known, Sessions},
    shell::{Shell, Standing},
    transfer::{Fetching, Transfer},
};
use crate::{
    app::Application,
    config::BadConfig,
    crypto::{Authenticator, Digest, Signed},
    ids::{Epoch, NodeId, Seq, View},
    pbft::{Batch, Config, Message, Read, Request, SlotView},
    protocol::{Effect, Input, Protocol, To},
    quorum::{MAX_NODES, Membership},
    state::Tree,
    time::{Time, WallTime, earlier},
};

/// One replica. A value: clone it, hash it, feed it; see [`Protocol`].
#[derive(Clone, Debug)]
pub struct Replica<A> {
    pub(crate) shell: Shell<A>,
    pub(crate) order: Order,
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
        let shell = Shell::new(id, members, config, authenticator, application);
        let order = Order::new(&shell);
        Ok(Self { shell, order })
    }

    fn dispatch(&mut self, from: NodeId, message: Message) {
        let Self { shell, order } = self;
        // It was of this epoch when it was checked; the epoch may have ended since.
        if message.epoch().is_some_and(|epoch| epoch != shell.epoch()) {
            return;
        }
        let voting = !shell.is_following() && shell.members.contains(from);
        if !voting && !message.proves_itself() {
            return;
        }
        match message {
            Message::Request(request) => self.on_request(&request, false),
            Message::Checkpoint(checkpoint) => shell.on_checkpoint(checkpoint),
            Message::Stable(certificate) => shell.on_stable(&certificate),
            Message::FetchState(fetch) => shell.on_fetch_state(from, &fetch),
            Message::State(answer) => shell.on_state(from, &answer.body),
            Message::EpochEnds(ends) => self.on_epoch_ends(&ends),
            Message::Status(status) => self.on_status(from, status),
            Message::RecoveryRequest(request) => self.on_recovery_request(from, request),
            // Replies are for clients, and clients ask for themselves.
            Message::Read(_)
            | Message::Reply(_)
            | Message::ReadReply(_)
            | Message::Busy(_)
            | Message::FetchEpochEnds(_)
            // And this is for the node around it.
            | Message::Evidence(_) => {}
            message => each!(order, it => it.on_message(shell, from, message)),
        }
    }

    /// "If the request has already been processed, the replicas simply re-send the reply" (OSDI'99
    /// §4.1); else it waits to be ordered.
    fn on_request(&mut self, request: &Arc<Signed<Request>>, from_client: bool) {
        let Self { shell, order } = self;
        let id = request.body.id;
        let member = id.client.as_member();
        if member.is_some_and(|member| !shell.may_speak(member, id)) {
            return;
        }
        if shell.is_following() && !shell.members.contains(shell.id) {
            if from_client {
                shell.tell_epoch_ends(id.client, Epoch(0));
            }
            return;
        }
        match shell.sessions.lookup(id) {
            Known::Answered(result) if member.is_none() => {
                let result = result.to_vec();
                shell.reply(id, result);
                return;
            }
            Known::Answered(_) | Known::Stale => return,
            Known::New => {}
        }
        shell.await_execution(request, false);
        each!(order, it => it.on_request(shell, request, from_client));
    }

    /// This member says something to the replicated state: to all at once, so that whoever leads is
    /// timed by all.
    pub(crate) fn say(&mut self, operation: Vec<u8>) {
        let shell = &mut self.shell;
        let id = shell.next_said();
        let request = Arc::new(Signed::new(Request { id, operation }, &*shell.authenticator));
        shell.send(To::Others, Message::Request(request.clone()));
        self.on_request(&request, false);
        self.settle();
    }

    fn on_read(&mut self, read: Arc<Signed<Read>>) {
        let Self { shell, order } = self;
        each!(order, it => it.on_read(shell, read));
    }

    /// Tells the ordering what the shell has come to, and turns to the next epoch if this one is
    /// over, until there is nothing new.
    fn settle(&mut self) {
        loop {
            self.turn();
            let Self { shell, order } = self;
            match shell.news.pop_front() {
                Some(News::Arrived) => self.resume(),
                Some(news) => {
                    if news == News::Installed {
                        self.take_part();
                    }
                    let Self { shell, order } = self;
                    each!(order, it => it.on_news(shell, news));
                }
                None => {
                    each!(order, it => it.after_input(shell));
                    if shell.news.is_empty() && !shell.is_over() {
                        return;
                    }
                }
            }
        }
    }

    /// Into the next epoch, if this one is over.
    pub(super) fn turn(&mut self) {
        if let Some(end) = self.shell.ended.take() {
            self.begin(end);
        }
    }

    /// Another ordering takes over. Clients' requests come along.
    pub(super) fn begin(&mut self, end: Arc<EpochEnd>) {
        self.shell.begin(end);
        self.order = Order::new(&self.shell);
        self.resume();
    }

    /// Takes part if it may; else asks for what it lacks.
    pub(super) fn resume(&mut self) {
        let Self { shell, order } = self;
        if shell.may_take_part() {
            shell.standing = Standing::Active;
            shell.look_up_life();
            shell.send(To::Others, Message::Status(shell.status()));
            each!(order, it => it.start(shell));
        } else {
            shell.follow();
        }
    }

    /// The state has arrived: takes part from here on.
    pub(super) fn take_part(&mut self) {
        if self.shell.is_following() && self.shell.may_take_part() {
            self.resume();
        }
    }

    /// A proven chain: see `chain`. Links that this replica has left behind were not checked and
    /// are not looked at.
    fn on_epoch_ends(&mut self, ends: &[Arc<EpochEnd>]) {
        for end in ends {
            if end.epoch() == self.shell.epoch() {
                // Who executed up to the end lacked nothing but the certificate.
                self.shell.stabilise(&end.certificate);
                self.turn();
            }
            if end.epoch() == self.shell.epoch() {
                self.begin(end.clone());
            }
        }
        let shell = &mut self.shell;
        if shell.is_following()
            && let Some(begun) = shell.chain.last().map(|end| end.certificate.clone())
        {
            shell.on_stable(&begun);
        }
    }

    fn tick(&mut self) {
        let Self { shell, order } = self;
        each!(order, it => it.on_tick(shell));
        self.turn();
        if self.shell.status_at <= self.shell.now {
            self.on_status_timer();
        }
        if self.shell.transfer_timer().is_some_and(|at| at <= self.shell.now) {
            self.shell.on_transfer_timer();
        }
    }
}

impl<A: Application> Replica<A> {
    /// Its number.
    pub fn id(&self) -> NodeId {
        self.shell.id
    }

    /// The cluster.
    pub fn members(&self) -> Membership {
        self.shell.members
    }

    /// The epoch that it is in.
    pub fn epoch(&self) -> Epoch {
        self.shell.members.epoch()
    }

    /// What is agreed about who lies.
    pub fn docket(&self) -> &Docket {
        &self.shell.docket
    }

    /// Who is a member by the executed state, and who will be.
    pub fn register(&self) -> &Register {
        &self.shell.register
    }

    /// The proven ends of all epochs so far, in order.
    pub fn chain(&self) -> &[Arc<EpochEnd>] {
        &self.shell.chain
    }

    /// What it checks with: it learns the keys of those that join.
    pub fn authenticator(&self) -> &Arc<dyn Authenticator> {
        &self.shell.authenticator
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.shell.config
    }

    /// Its view: the one it takes part in, or the one it wants.
    pub fn view(&self) -> View {
        self.shell.view
    }

    /// Whether it takes part in its view (false: changing to it).
    pub fn is_active(&self) -> bool {
        self.shell.is_active()
    }

    /// The primary of its view.
    pub fn primary(&self) -> NodeId {
        self.shell.primary()
    }

    /// Whether that is itself.
    pub fn is_primary(&self) -> bool {
        self.shell.is_primary()
    }

    /// The last position executed; 0: none.
    pub fn last_executed(&self) -> Seq {
        self.shell.executed
    }

    /// *h*: the last stable checkpoint.
    pub fn low_water_mark(&self) -> Seq {
        self.shell.low
    }

    /// *H*: no proposal above it is accepted.
    pub fn high_water_mark(&self) -> Seq {
        Seq(self.shell.low.0.saturating_add(self.shell.config.window))
    }

    /// Tells it how far the host's wall clock (microseconds since 1970) is ahead of the times
    /// that it is handed. 0 unless told otherwise.
    pub fn set_clock_offset_us(&mut self, offset_us: i64) {
        self.shell.clock_offset_us = offset_us;
    }

    /// The agreed time after the last executed position.
    pub fn agreed_time(&self) -> WallTime {
        self.shell.time
    }

    /// The replicated state.
    pub fn application(&self) -> &A {
        &self.shell.application
    }

    /// The state of the last stable checkpoint. `None`: there is none yet.
    pub fn stable_tree(&self) -> Option<&Tree> {
        self.shell.stable.as_ref().map(|(_, tree)| tree)
    }

    /// Who was answered what.
    pub fn sessions(&self) -> &Sessions {
        &self.shell.sessions
    }

    /// How many clients it knows to be waiting.
    pub fn pending(&self) -> usize {
        self.shell.pending.len()
    }

    /// How many reads wait until they may be answered.
    pub fn waiting_reads(&self) -> usize {
        each!(&self.order, it => Ordering::<A>::waiting_reads(it))
    }

    /// Whether it lost memory and can't vote yet.
    pub fn is_recovering(&self) -> bool {
        self.shell.is_recovering()
    }

    /// Which life it is in: 0 until it first lost memory.
    pub fn life(&self) -> u64 {
        self.shell.memory.life
    }

    /// How far it is with the state that it fetches, if it does.
    pub fn fetching(&self) -> Option<Fetching> {
        self.shell.transfer.as_ref().map(Transfer::progress)
    }

    /// Every position between the water marks that has a proposal.
    pub fn slots(&self) -> impl Iterator<Item = SlotView> {
        each!(&self.order, it => it.slots(&self.shell)).into_iter()
    }

    /// What was decided at a position, else what is proposed there; while it is in the log.
    pub fn batch_at(&self, seq: Seq) -> Option<&Arc<Batch>> {
        each!(&self.order, it => Ordering::<A>::batch_at(it, seq))
    }
}

impl<A: Application> Protocol for Replica<A> {
    fn handle(&mut self, now: Time, input: Input) {
        self.shell.now = self.shell.now.max(now);
        match input {
            Input::Message { from, message } => {
                if from != self.shell.id && from.0 < MAX_NODES {
                    self.dispatch(from, message.into_inner());
                }
            }
            Input::Request(message) => match message.into_inner() {
                Message::Request(request) => self.on_request(&request, true),
                Message::Read(read) => self.on_read(read),
                Message::FetchEpochEnds(fetch) => self.shell.on_fetch_epoch_ends(&fetch),
                _ => {}
            },
            Input::Durable(number) => {
                let Self { shell, order } = self;
                shell.outbox.durable_up_to(number);
                each!(order, it => it.on_durable(shell, number));
            }
            Input::Tick => self.tick(),
            // They concern the node around it.
            Input::Refused { .. } | Input::Unreadable { .. } => return,
        }
        self.settle();
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.shell.outbox.poll()
    }

    fn deadline(&self) -> Option<Time> {
        let shell = &self.shell;
        let own = each!(&self.order, it => it.deadline(shell));
        earlier(own, earlier(shell.transfer_timer(), Some(shell.status_at)))
    }

    fn state_hash(&self) -> Digest {
        Digest::of(&(self.shell.parts(), &self.order))
    }
}
