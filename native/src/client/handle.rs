//! The task around the core's client, and the handle by which others ask it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use conclave_core::{
    app::{Operation, Outcome},
    client::{Client, ClientEffect, Patience, Shows, SubmitError, Way},
    config::BadConfig,
    crypto::{Authenticator, Ed25519, Verified},
    detector::quarantine::Refused,
    ids::{NodeId, RequestId, Timestamp, View},
    pbft::{Change, ChangeOutcome, EpochEnd, Message, NewMember},
    protocol::To,
    quorum::{Membership, NodeSet},
    replica::Override,
    resilience::retry::Stop,
};
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep_until, timeout},
};

use super::link::{Link, MAX_QUEUED};
use crate::{
    config::{Address, ClusterConfig, Identity},
    node::Clock,
    transport::{Tls, TlsError, Trust, frame},
};

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long an attempt may take, and how it asks again; `None`: as the configuration says.
    pub patience: Option<Patience>,
    /// How long the first request waits for connections to more nodes than it strictly needs.
    pub settle: Duration,
}

impl Default for ClientOptions {
    /// Settles within 300 ms.
    fn default() -> Self {
        Self { patience: None, settle: Duration::from_millis(300) }
    }
}

/// What f+1 nodes said alike, or a quorum of them to a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The result.
    pub outcome: Outcome,
    /// The view in which it was given.
    pub view: View,
    /// Which request it answers.
    pub request: RequestId,
    /// Whether it was ordered: a read that fell back was.
    pub way: Way,
    /// From asking to believing.
    pub latency: Duration,
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// Not in time. The request may have been executed, or may still be.
    #[error(
        "no answer that f+1 = {needed} of {nodes} nodes agree on came within {} s ({connected} of \
         them are connected); the operation may or may not take effect",
        .after.as_secs_f32()
    )]
    TimedOut {
        /// How long it waited.
        after: Duration,
        /// Matching replies needed.
        needed: usize,
        /// Nodes there are.
        nodes: u16,
        /// Nodes that are connected now.
        connected: usize,
    },
    /// The request can't be made.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// It can't wait, or ask again, like that.
    #[error("patience: {0}")]
    Patience(#[from] BadConfig),
    /// It was asked as often, or for as long, as is configured.
    #[error("given up: {0}; the operation may or may not take effect")]
    GaveUp(Stop),
    /// f+1 nodes agree on something that is no outcome: another version of the application.
    #[error("the nodes' answer is not one that this version understands")]
    Incomprehensible,
    /// The client's task is gone.
    #[error("the client was stopped")]
    Stopped,
}

struct Ask {
    operation: Vec<u8>,
    way: Way,
    answer: oneshot::Sender<Result<Completed, AskError>>,
}

struct Completed {
    request: RequestId,
    result: Vec<u8>,
    view: View,
    way: Way,
    latency: Duration,
}

/// A client with its connections. They close when it is dropped.
pub struct ClientHandle {
    asks: mpsc::Sender<Ask>,
    trust: Arc<Trust>,
    connected: watch::Receiver<NodeSet>,
    joined: watch::Receiver<Vec<NewMember>>,
    lied: watch::Receiver<NodeSet>,
    tasks: JoinSet<()>,
}

impl ClientHandle {
    /// Starts to connect to every node of the cluster.
    ///
    /// Requests are numbered by the clock: whoever uses one key from two places at once must take
    /// turns (the command line does, by a lock on the key's file).
    pub fn start(
        config: &ClusterConfig,
        identity: &Identity,
        options: &ClientOptions,
    ) -> Result<Self, AskError> {
        let members = config.members();
        let mut patience = options.patience.clone().unwrap_or_else(|| config.guards.asking.clone());
        // Else all would draw the same waits.
        patience.retry.seed ^= getrandom::u64().unwrap_or(0);
        let tls = Tls::new(identity, config.directory(), config.pbft.agreed())?;
        let key = identity.seed.signing_key();
        let authenticator: Arc<dyn Authenticator> =
            Arc::new(Ed25519::new(identity.principal, key, config.first_directory()));
        let trust = Arc::new(Trust::new(members, authenticator.clone()));
        let (up, connected) = watch::channel(NodeSet::default());
        let (reply_sender, replies) = mpsc::channel(usize::from(members.n()) * 2);
        let mut links = Links {
            tls,
            trust: trust.clone(),
            replies: reply_sender,
            connected: up,
            open: BTreeMap::new(),
            tasks: JoinSet::new(),
        };
        for node in &config.nodes {
            links.open(node.id, &node.address);
        }
        let clock = Clock::start();
        let first = Timestamp(clock.now().as_micros());
        let mut client = Client::new(members, authenticator, patience, first)?;
        client.show_lies(Shows::default());
        let (asks, receiver) = mpsc::channel(1);
        let (learnt, joined) = watch::channel(Vec::new());
        let (liars, lied) = watch::channel(NodeSet::default());
        let asking = Asking {
            client,
            clock,
            links,
            replies,
            trust: trust.clone(),
            learnt,
            liars,
            waiting: None,
        };
        let settled = settled(connected.clone(), members, options.settle);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            settled.await;
            asking.run(receiver).await;
        });
        Ok(Self { asks, trust, connected, joined, lied, tasks })
    }

    /// Those whose replies f+1 others contradicted. All nodes were shown that.
    pub fn lied(&self) -> NodeSet {
        *self.lied.borrow()
    }

    /// Ends it when all that it has to say is said, or after a second. A client that is dropped ends at
    /// once: what it asked for is answered then, but what it shows of liars may be lost.
    pub async fn close(mut self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        drop(self.asks);
        let _ = timeout(PATIENCE, self.tasks.join_next()).await;
    }

    /// Asks for an operation, and waits at most `patience` for f+1 matching replies.
    pub async fn ask(&self, operation: &Operation, patience: Duration) -> Result<Answer, AskError> {
        self.carry_out(operation, Way::Ordered, patience).await
    }

    /// Asks for a change of membership, which only the administrator's client may. The new epoch
    /// begins at the position that the outcome names.
    pub async fn change(
        &self,
        change: &Change,
        patience: Duration,
    ) -> Result<ChangeOutcome, AskError> {
        let completed = self.complete(change.encode(), Way::Ordered, patience).await?;
        ChangeOutcome::decode(&completed.result).ok_or(AskError::Incomprehensible)
    }

    /// Asks, as the administrator, to overrule what is agreed about a node.
    pub async fn order(
        &self,
        order: Override,
        patience: Duration,
    ) -> Result<Result<(), Refused>, AskError> {
        let completed = self.complete(order.encode(), Way::Ordered, patience).await?;
        Override::decode_outcome(&completed.result).ok_or(AskError::Incomprehensible)
    }

    /// The newest membership that was proven to this client.
    pub fn members(&self) -> Membership {
        self.trust.members()
    }

    /// Everybody whose joining was proven to this client, in order.
    pub fn joined(&self) -> Vec<NewMember> {
        self.joined.borrow().clone()
    }

    /// Asks for an operation that changes nothing: every node answers from its state, in one
    /// round, and a quorum must answer alike. Else it is ordered, as [`ClientHandle::ask`] does.
    /// Either way it sees everything that was answered to anyone before.
    pub async fn read(
        &self,
        operation: &Operation,
        patience: Duration,
    ) -> Result<Answer, AskError> {
        self.carry_out(operation, Way::Read, patience).await
    }

    async fn carry_out(
        &self,
        operation: &Operation,
        way: Way,
        patience: Duration,
    ) -> Result<Answer, AskError> {
        let completed = self.complete(operation.encode(), way, patience).await?;
        let Completed { request, result, view, way, latency } = completed;
        let outcome = Outcome::decode(&result).ok_or(AskError::Incomprehensible)?;
        Ok(Answer { outcome, view, request, way, latency })
    }

    async fn complete(
        &self,
        operation: Vec<u8>,
        way: Way,
        patience: Duration,
    ) -> Result<Completed, AskError> {
        let asking = async {
            let (answer, answered) = oneshot::channel();
            let ask = Ask { operation, way, answer };
            self.asks.send(ask).await.map_err(|_| AskError::Stopped)?;
            answered.await.map_err(|_| AskError::Stopped)?
        };
        timeout(patience, asking).await.map_err(|_| AskError::TimedOut {
            after: patience,
            needed: self.members().weak(),
            nodes: self.members().n(),
            connected: self.connected(),
        })?
    }

    /// How many members are connected now.
    pub fn connected(&self) -> usize {
        among(*self.connected.borrow(), self.members())
    }
}

/// Returns when all nodes are connected; or a quorum for as long as `settle`; or after some time
/// in any case, for then retransmission is all that can help.
async fn settled(mut connected: watch::Receiver<NodeSet>, members: Membership, settle: Duration) {
    const LONGEST: Duration = Duration::from_secs(2);
    let all = usize::from(members.n());
    let _ = timeout(LONGEST, async {
        let _ = connected.wait_for(|up| among(*up, members) >= members.quorum()).await;
        let _ = timeout(settle, connected.wait_for(|up| among(*up, members) >= all)).await;
    })
    .await;
}

fn among(connected: NodeSet, members: Membership) -> usize {
    members.nodes().filter(|node| connected.contains(*node)).count()
}

/// The connections to all nodes that may be members.
struct Links {
    tls: Tls,
    trust: Arc<Trust>,
    replies: mpsc::Sender<(NodeId, Verified<Message>)>,
    connected: watch::Sender<NodeSet>,
    open: BTreeMap<NodeId, mpsc::Sender<Bytes>>,
    tasks: JoinSet<()>,
}

impl Links {
    fn open(&mut self, node: NodeId, address: &Address) {
        let Entry::Vacant(free) = self.open.entry(node) else { return };
        let (requests, receiver) = mpsc::channel(MAX_QUEUED);
        free.insert(requests);
        let link = Link {
            tls: self.tls.clone(),
            node,
            address: address.clone(),
            trust: self.trust.clone(),
            requests: receiver,
            replies: self.replies.clone(),
            connected: self.connected.clone(),
        };
        self.tasks.spawn(link.run());
    }

    /// Who joined brings key and address; the file may have a better address.
    fn admit(&mut self, member: &NewMember) {
        if let Some(key) = member.key {
            self.tls.admit(member.id, key);
        }
        match member.contact.parse() {
            Ok(address) => self.open(member.id, &address),
            Err(why) => tracing::debug!(node = %member.id, %why, "its address can't be used"),
        }
    }

    /// Returns when every connection has been told all, and is closed.
    async fn end(mut self) {
        self.open.clear();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Who left is asked nothing more; its connection ends when it has been told all.
    fn close(&mut self, node: NodeId) {
        self.open.remove(&node);
        self.tls.dismiss(node);
    }
}

struct Asking {
    client: Client,
    clock: Clock,
    links: Links,
    replies: mpsc::Receiver<(NodeId, Verified<Message>)>,
    trust: Arc<Trust>,
    learnt: watch::Sender<Vec<NewMember>>,
    liars: watch::Sender<NodeSet>,
    waiting: Option<oneshot::Sender<Result<Completed, AskError>>>,
}

impl Asking {
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        self.client.ask_who_is_member();
        self.carry_out();
        loop {
            let deadline = self.client.deadline().map(|at| self.clock.instant(at));
            let ticking = async {
                match deadline {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let idle = self.client.outstanding().is_none();
            tokio::select! {
                ask = asks.recv(), if idle => match ask {
                    Some(ask) => self.submit(ask),
                    None => return self.links.end().await,
                },
                Some((from, reply)) = self.replies.recv() => self.take(from, &reply),
                () = ticking => self.client.tick(self.clock.now()),
            }
            self.carry_out();
        }
    }

    fn take(&mut self, from: NodeId, reply: &Verified<Message>) {
        let (now, before) = (self.clock.now(), self.client.members());
        match &**reply {
            // It isn't signed: whom the link authenticated says it.
            Message::Busy(busy) => self.client.handle_busy(now, from, busy),
            _ => self.client.handle_reply(now, reply),
        }
        if let Message::EpochEnds(ends) = &**reply {
            self.follow(before, ends);
        }
    }

    /// The client took the chain from `before` on, and now believes in other members. What it
    /// doesn't take was not checked.
    fn follow(&mut self, before: Membership, ends: &[Arc<EpochEnd>]) {
        let now = self.client.members();
        let taken = |end: &&Arc<EpochEnd>| (before.epoch()..now.epoch()).contains(&end.epoch());
        for end in ends.iter().filter(taken) {
            end.next.added.iter().for_each(|member| self.links.admit(member));
            self.learnt.send_modify(|joined| joined.extend(end.next.added.iter().cloned()));
        }
        for gone in before.nodes().filter(|node| !now.contains(*node)) {
            self.links.close(gone);
        }
    }

    /// Who has given up while another's request was under way isn't asked for any more: an operation
    /// that its caller was told nothing came of begins no later than that.
    fn submit(&mut self, ask: Ask) {
        if ask.answer.is_closed() {
            return;
        }
        let now = self.clock.now();
        let submitted = match ask.way {
            Way::Ordered => self.client.submit(now, ask.operation),
            Way::Read => self.client.submit_read(now, ask.operation),
        };
        match submitted {
            Ok(_) => self.waiting = Some(ask.answer),
            Err(why) => {
                let _ = ask.answer.send(Err(why.into())); // nobody waits any more: fine
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.client.poll_effect() {
            match effect {
                ClientEffect::Send { to, message } => self.send(to, &message),
                ClientEffect::Retransmitted(request) => {
                    tracing::debug!(?request, "no answer yet; asking every node");
                    self.client.ask_who_is_member();
                }
                ClientEffect::EpochLearnt => {
                    let members = self.client.members();
                    tracing::debug!(epoch = %members.epoch(), "the membership has changed");
                    self.trust.follow(members, self.client.authenticator());
                }
                ClientEffect::PutOff(request, wait) => {
                    tracing::debug!(?request, ?wait, "f+1 nodes have no room for it now");
                }
                ClientEffect::Contradicted(liar) => {
                    tracing::warn!(node = %liar, "f+1 nodes contradict its reply; all are shown that");
                    self.liars.send_if_modified(|liars| liars.insert(liar));
                }
                ClientEffect::GaveUp(_, why) => {
                    if let Some(waiting) = self.waiting.take() {
                        let _ = waiting.send(Err(AskError::GaveUp(why)));
                    }
                }
                ClientEffect::FellBack(request) => {
                    tracing::debug!(?request, "the nodes' answers differ; having it ordered");
                }
                ClientEffect::Completed { request, result, view, way, latency } => {
                    if let Some(waiting) = self.waiting.take() {
                        let completed = Completed { request, result, view, way, latency };
                        let _ = waiting.send(Ok(completed));
                    }
                }
            }
        }
    }

    fn send(&self, to: To, message: &Message) {
        let framed = frame(&message.encode());
        // A full queue holds this very request already.
        match to {
            // Those that stand by too: by now they may be members.
            To::Others => self.links.open.values().for_each(|link| {
                let _ = link.try_send(framed.clone());
            }),
            To::Node(node) => {
                if let Some(link) = self.links.open.get(&node) {
                    let _ = link.try_send(framed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NewCluster, Ports, Sizes};

    /// A client of a cluster that it isn't connected to.
    fn asking() -> Asking {
        let sizes = Sizes { nodes: 4, standby: 0, clients: 1 };
        let cluster = NewCluster::generate(sizes, &Ports::default(), false).unwrap();
        let (config, identity) = (cluster.config, cluster.identities.last().unwrap());
        let key = identity.seed.signing_key();
        let authenticator: Arc<dyn Authenticator> =
            Arc::new(Ed25519::new(identity.principal, key, config.first_directory()));
        let trust = Arc::new(Trust::new(config.members(), authenticator.clone()));
        let (replies, receiver) = mpsc::channel(1);
        let links = Links {
            tls: Tls::new(identity, config.directory(), config.pbft.agreed()).unwrap(),
            trust: trust.clone(),
            replies,
            connected: watch::channel(NodeSet::default()).0,
            open: BTreeMap::new(),
            tasks: JoinSet::new(),
        };
        let patience = config.guards.asking.clone();
        Asking {
            client: Client::new(config.members(), authenticator, patience, Timestamp(1)).unwrap(),
            clock: Clock::start(),
            links,
            replies: receiver,
            trust,
            learnt: watch::channel(Vec::new()).0,
            liars: watch::channel(NodeSet::default()).0,
            waiting: None,
        }
    }

    #[test]
    fn what_its_caller_has_given_up_in_line_is_not_asked_for() {
        let mut asking = asking();
        let ask = || {
            let (answer, answered) = oneshot::channel();
            (Ask { operation: b"write".to_vec(), way: Way::Ordered, answer }, answered)
        };
        let (given_up, answered) = ask();
        drop(answered);
        asking.submit(given_up);
        assert_eq!(asking.client.outstanding(), None);
        let (wanted, _answered) = ask();
        asking.submit(wanted);
        assert!(asking.client.outstanding().is_some());
    }
}
