//! The one task that owns the node's core, and drives it exactly as `conclave_core::protocol` says:
//! an input, then effects until there are none, records reported when they are safe, a tick when
//! the replica wants one. It never waits for a peer, a client, a viewer or a signature.

use std::{mem, sync::Arc, time::Duration};

use conclave_core::{
    app::KeyValue,
    crypto::{Digest, PublicKey},
    detector::suspicion::Standing,
    event::EventKind,
    ids::{Epoch, MessageId, NodeId, Principal},
    node::Node,
    pbft::{Message, Replica},
    protocol::{Effect, Input, Protocol as _, RecordNumber, To},
    time::Time,
};
use tokio::sync::{mpsc, watch};

use super::{
    DocketView, GuardBoard, Observer, StatusBoard, WallClock, message_id,
    storage::{Progress, Storage},
    told::{tell, tell_safe_mode},
    wishes::Wanted,
};
use crate::{
    config::INBOX_SIGNAL,
    transport::{
        Arrived, Clients, Guarding, Inbound, Links, Trust, Undelivered, frame,
        limits::MAX_INBOX_MESSAGES,
    },
};

/// Messages handled between two looks at the clock, so that a flood can't hold up timers.
const MAX_AT_ONCE: usize = 64;
/// Slots are counted for the status this often: counting looks at every one of them.
const SLOTS_INTERVAL: Duration = Duration::from_millis(100);
/// What guards do is shown this often: it looks at every place of every queue.
const GUARDS_INTERVAL: Duration = Duration::from_secs(1);

/// Whether a replica is a member and has the state that its epoch began with.
pub(super) fn takes_part(replica: &Replica<KeyValue>) -> bool {
    let members = replica.members();
    members.contains(replica.id()) && replica.register().members() == members
}

/// Whom it has anything against, by signals alone.
fn suspected(node: &Node<KeyValue>, now: Time) -> Vec<Standing> {
    let mut standing = node.suspicion().snapshot(now);
    standing.retain(|it| it.accused || it.score.whole() > 0);
    standing
}

/// Why the driver, and with it the node, can't go on.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The storage gave up.
    Storage(String),
    /// The cluster gave this node's number to another key.
    OtherKey { agreed: Box<PublicKey> },
    /// A link's task broke.
    Link,
}

/// How far the links have followed the membership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    epoch: Epoch,
    /// How many the executed state says ever joined.
    joined: usize,
    /// Whether the new members can do without the old ones.
    settled: bool,
}

pub(super) struct Driver<S> {
    pub(super) node: Node<KeyValue>,
    pub(super) inbox: mpsc::Receiver<Inbound>,
    pub(super) links: Links,
    pub(super) followed: Followed,
    /// The key that this node signs with.
    pub(super) own_key: PublicKey,
    pub(super) wall: WallClock,
    pub(super) clients: Arc<Clients>,
    /// Whose word counts, for those who check what comes in.
    pub(super) trust: Arc<Trust>,
    pub(super) storage: S,
    pub(super) observer: Arc<Observer>,
    pub(super) board: Arc<StatusBoard>,
    pub(super) guards: Arc<GuardBoard>,
    /// What operators want of the guards.
    pub(super) wishes: mpsc::Receiver<Wanted>,
    pub(super) guarding: Guarding,
    /// When guards were last shown.
    pub(super) guards_at: Time,
    /// The last record that was reported durable.
    pub(super) reported: RecordNumber,
    /// When slots were last counted for the status.
    pub(super) slots_at: Time,
    /// Of which epoch, and how much of the docket, was last shown.
    pub(super) decided: (Epoch, (u64, u64)),
    /// Whether it was safe mode then.
    pub(super) beyond: bool,
    /// What makes it lie, if anything does.
    #[cfg(feature = "lies")]
    pub(super) tongue: Option<conclave_core::sim::Tongue>,
}

impl<S: Storage> Driver<S> {
    /// Until the storage fails, or nobody can send anything any more.
    pub(super) async fn run(mut self) -> Result<(), Stopped> {
        let clock = self.observer.clock();
        let mut progress = self.storage.progress();
        let mut arrived = Vec::with_capacity(MAX_AT_ONCE);
        // A restored replica may have something to say before it hears anything, to members whom
        // only its records know.
        self.follow_members()?;
        self.carry_out().await;
        loop {
            self.settle(&mut progress).await?;
            self.follow_members()?;
            self.publish();
            let deadline = self.node.deadline();
            let ticking = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(clock.instant(at).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = progress.changed() => {
                    if changed.is_err() {
                        return Err(Stopped::Storage("the storage stopped".into()));
                    }
                }
                () = self.links.broken() => return Err(Stopped::Link),
                () = ticking => {}
                Some(wanted) = self.wishes.recv() => self.grant(wanted).await,
                count = self.inbox.recv_many(&mut arrived, MAX_AT_ONCE) => {
                    if count == 0 {
                        return Ok(());
                    }
                }
            }
            self.node.set_clock_offset_us(self.wall.offset_us(clock.now()));
            for inbound in arrived.drain(..) {
                self.take(inbound);
                self.carry_out().await;
            }
            if self.node.deadline().is_some_and(|at| at <= clock.now()) {
                self.node.handle(clock.now(), Input::Tick);
                self.carry_out().await;
            }
        }
    }

    /// Reports what became safe, which lets effects out, which may bring further records.
    async fn settle(&mut self, progress: &mut watch::Receiver<Progress>) -> Result<(), Stopped> {
        loop {
            let Progress { durable, failed } = progress.borrow_and_update().clone();
            if let Some(why) = failed {
                return Err(Stopped::Storage(why));
            }
            if durable == self.reported {
                return Ok(());
            }
            self.reported = durable;
            let now = self.observer.clock().now();
            self.node.handle(now, Input::Durable(durable));
            self.carry_out().await;
        }
    }

    async fn grant(&mut self, wanted: Wanted) {
        let now = self.observer.clock().now();
        match wanted {
            Wanted::Held(level, done) => {
                let held = self.node.hold_level(now, level);
                tracing::warn!(?level, held, "an operator holds the level");
                let _ = done.send(held); // nobody waits any more: fine
            }
            Wanted::Reconfigured(config, done) => {
                // It was checked when it was read.
                let seed = self.node.gate().map_or(0, |gate| gate.config().seed);
                let results = [
                    self.node.guard(Some(config.clients.clone().seed(seed))).err(),
                    self.links.reconfigure(&config.peers.queue).err(),
                ];
                let dialing = self.guarding.dialing.reconfigure(config.manager()).err();
                self.guarding.health.reconfigure(&config.peers, self.node.replica().members());
                self.guarding.restraint.reconfigure(config.peers.restrained.clone());
                let failed = results.into_iter().flatten().map(|why| why.to_string());
                let failed: Vec<_> = failed.chain(dialing.map(|why| why.to_string())).collect();
                let answer = if failed.is_empty() {
                    tracing::info!("guards are configured anew");
                    Ok(())
                } else {
                    let why = failed.join("; ");
                    tracing::error!(why, "a guard can't be set up like that");
                    Err(why)
                };
                let _ = done.send(answer);
            }
            Wanted::Account(done) => {
                let _ = done.send(self.node.account());
            }
            Wanted::Shown(proofs, done) => {
                for proof in proofs {
                    self.node.handle(now, Input::Request(proof));
                    self.carry_out().await;
                }
                let _ = done.send(self.node.proofs().len());
            }
        }
    }

    fn take(&mut self, inbound: Inbound) {
        let now = self.observer.clock().now();
        let Inbound { from, what, .. } = inbound;
        let input = match (what, from) {
            (Arrived::Message { id, message }, from) => {
                let what = message.summary().into();
                self.observer.event(EventKind::Delivered { id, from, what });
                match from {
                    Principal::Node(from) => Input::Message { from, message },
                    Principal::Client(_) => Input::Request(message),
                }
            }
            (Arrived::Refused { message, why }, Principal::Node(from)) => {
                Input::Refused { from, message, why }
            }
            (Arrived::Unreadable, Principal::Node(from)) => Input::Unreadable { from },
            // A client's connection ends with the first of these.
            (Arrived::Refused { .. } | Arrived::Unreadable, Principal::Client(_)) => return,
        };
        self.node.handle(now, input);
    }

    /// Lets in and connects to those that joined, from the moment when their joining is executed:
    /// so they can ask for the state as soon as the epoch begins. Those that left are cut off once
    /// a checkpoint of the new epoch is stable here: then f+1 correct new members have the state,
    /// and nobody needs the old ones for it any more.
    fn follow_members(&mut self) -> Result<(), Stopped> {
        let replica = self.node.replica();
        let (members, register) = (replica.members(), replica.register());
        let settled = takes_part(replica) && replica.low_water_mark() > members.start();
        let followed =
            Followed { epoch: members.epoch(), joined: register.joined().len(), settled };
        if followed == self.followed {
            return Ok(());
        }
        self.followed = followed;
        // The chain is here before the state that a newcomer fetches, the state before the chain
        // while an epoch ends.
        let by_chain = replica.chain().iter().flat_map(|end| &end.next.added);
        for member in by_chain.chain(register.joined()) {
            match member.key {
                Some(agreed) if member.id == replica.id() && agreed != self.own_key => {
                    return Err(Stopped::OtherKey { agreed: Box::new(agreed) });
                }
                _ => self.links.admit(member),
            }
        }
        if settled {
            let next = register.next().map(|next| next.members);
            let left = |node: &NodeId| {
                register.ever_member(*node)
                    && !members.contains(*node)
                    && !next.is_some_and(|next| next.contains(*node))
            };
            for node in self.links.nodes().filter(left).collect::<Vec<_>>() {
                self.links.close(node);
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self) {
        while let Some(effect) = self.node.poll_effect() {
            match effect {
                Effect::Persist(number, record) => {
                    self.observer.persisted();
                    self.storage.append(number, *record).await;
                }
                Effect::Send { to, message } => self.send(to, &message),
                Effect::Reply { client, message } => {
                    #[cfg(feature = "lies")]
                    let message = self.answer_or_lie(client, message);
                    let bytes = message.encode();
                    let digest = Digest::of_bytes(&bytes);
                    let framed = frame(&bytes);
                    self.sending(Principal::Client(client), &message, &digest, |_| {
                        self.clients.reply(client, &framed).map(|()| bytes.len())
                    });
                    if let Message::Busy(busy) = message {
                        self.clients.hold_back(client, busy.retry_after());
                    }
                }
                Effect::Event(kind) => self.happened(kind),
            }
        }
    }

    fn happened(&self, kind: EventKind) {
        tell(&kind);
        if matches!(kind, EventKind::EpochBegun { .. }) {
            let replica = self.node.replica();
            self.trust.follow(replica.members(), replica.authenticator());
            self.guarding.health.follow(replica.members());
            self.guarding.chaos.follow(replica.members());
        }
        self.observer.event(kind);
    }

    fn send(&mut self, to: To, message: &Message) {
        let own = self.node.replica().id();
        let receivers: Vec<NodeId> = match to {
            To::Others => self.node.replica().members().others(own).collect(),
            To::Node(node) => vec![node],
        };
        #[cfg(feature = "lies")]
        if self.lie(&receivers, message) {
            return;
        }
        self.send_to(&receivers, message);
    }

    /// As it is.
    pub(super) fn send_to(&self, receivers: &[NodeId], message: &Message) {
        let bytes = message.encode();
        let digest = Digest::of_bytes(&bytes);
        let framed = frame(&bytes);
        for node in receivers.iter().copied() {
            let Some(peer) = self.links.get(node) else { continue };
            self.sending(Principal::Node(node), message, &digest, |id| {
                peer.send(id, message.kind(), framed.clone()).map(|()| bytes.len())
            });
        }
    }

    /// Sends one copy by `queue`, which gives the number of bytes queued, and says so. The event
    /// comes first: the receiver's must not be older than the sender's.
    fn sending(
        &self,
        to: Principal,
        message: &Message,
        digest: &Digest,
        queue: impl FnOnce(MessageId) -> Result<usize, Undelivered>,
    ) {
        let id = message_id(digest, Principal::Node(self.node.replica().id()), to);
        self.observer.event(EventKind::Sent { id, to, what: message.summary().into() });
        match queue(id) {
            Ok(bytes) => self.observer.sent_bytes(bytes),
            Err(why) => self.observer.event(EventKind::Lost { id, to, why }),
        }
    }

    fn publish(&mut self) {
        let replica = self.node.replica();
        let now = self.observer.clock().now();
        let slots = (now.since(self.slots_at) >= SLOTS_INTERVAL).then(|| replica.slots().count());
        if slots.is_some() {
            self.slots_at = now;
        }
        if slots.is_some() {
            let full = self.inbox.len() as u64 * 1_000_000 / MAX_INBOX_MESSAGES as u64;
            // There is such a signal wherever there is a gate: see `GuardsConfig::validate`.
            let _ = self.node.observe_load(now, INBOX_SIGNAL, full);
        }
        let replica = self.node.replica();
        if now.since(self.guards_at) >= GUARDS_INTERVAL {
            self.guards_at = now;
            self.guards.show(self.node.gate(), self.links.queues());
        }
        if self.board.proofs() != self.node.proofs().len() {
            self.board.show(self.node.export(), self.node.proofs());
        }
        // What is decided is shown at once: an idle node has nothing to do for a second. Who is no
        // longer a member is no longer held, so a new epoch counts as a decision.
        let decided = (replica.epoch(), replica.docket().decided());
        if !replica.docket().is_empty() && (slots.is_some() || decided != self.decided) {
            self.decided = decided;
            let view = DocketView::of(replica.docket(), replica.last_executed());
            let convicted = replica.docket().convicted();
            let restrained = replica.docket().restrained();
            if mem::replace(&mut self.beyond, view.safe_mode) != view.safe_mode {
                tell_safe_mode(view.safe_mode, convicted);
            }
            self.observer.docket(replica.docket(), &view);
            self.guarding.restraint.follow(restrained);
            self.board.show_docket(view);
        }
        let suspected = slots.is_some().then(|| suspected(&self.node, now));
        self.board.update(|status| {
            if let Some(suspected) = suspected {
                status.suspected = suspected;
            }
            if status.epoch != replica.epoch() {
                status.epoch = replica.epoch();
                status.protocol = replica.members().protocol();
                status.members = replica.members().nodes().collect();
                status.nodes = replica.members().n();
            }
            status.following = !takes_part(replica);
            status.view = replica.view();
            status.active = replica.is_active();
            status.recovering = replica.is_recovering();
            status.primary = replica.primary();
            status.executed = replica.last_executed();
            status.low_water_mark = replica.low_water_mark();
            status.high_water_mark = replica.high_water_mark();
            status.slots = slots.unwrap_or(status.slots);
            status.pending = replica.pending();
            status.clients = self.clients.connections();
            status.connected.clear();
            status.connected.extend(self.links.connected());
        });
    }
}
