//! Four or more replicas and a network in which everything arrives at once, unless a test cuts it.

use alloc::{
    boxed::Box,
    collections::VecDeque,
    format,
    sync::Arc,
    vec::{self, Vec},
};
use core::time::Duration;

use crate::{
    app::{KeyValue, Operation, Outcome},
    crypto::{Authenticator, Signed, Simulated, verify},
    event::EventKind,
    ids::{ClientId, NodeId, Principal, RequestId, Seq, Timestamp},
    pbft::{Config, Message, Pbft, Read, ReadReply, Record, Replica, Reply, Request},
    protocol::{Effect, Input, Protocol, To},
    quorum::Membership,
    replica::Order,
    time::Time,
};

type Mangler = Box<dyn FnMut(NodeId, NodeId, Message) -> Message>;
type Filter = Box<dyn FnMut(NodeId, NodeId, &Message) -> bool>;

pub(super) struct Net {
    pub(super) members: Membership,
    pub(super) replicas: Vec<Replica<KeyValue>>,
    pub(super) disks: Vec<Vec<Record>>,
    pub(super) now: Time,
    pub(super) events: Vec<(NodeId, EventKind)>,
    pub(super) replies: Vec<Arc<Signed<Reply>>>,
    /// Answers to reads.
    pub(super) answers: Vec<Arc<Signed<ReadReply>>>,
    pub(super) told: Vec<(ClientId, Message)>,
    queue: VecDeque<(NodeId, NodeId, Message)>,
    lets_through: Filter,
    /// What liars make of messages on their way.
    mangles: Option<Mangler>,
    /// How many messages were refused, which only happens to mangled ones.
    pub(super) refused: usize,
}

/// What everyone's key is made from; that of a simulated run is its seed.
pub(super) const KEY: u64 = 7;

pub(super) fn keys(by: Principal) -> Simulated {
    Simulated::new(by, KEY)
}

pub(super) fn node(id: u16) -> Simulated {
    keys(Principal::Node(NodeId(id)))
}

pub(super) fn request(client: u64, timestamp: u64, key: &str) -> Signed<Request> {
    let id = RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) };
    let operation =
        Operation::Put { key: key.into(), value: format!("{timestamp}").into() }.encode();
    Signed::new(Request { id, operation }, &keys(Principal::Client(id.client)))
}

pub(super) fn read(client: u64, timestamp: u64, key: &str) -> Signed<Read> {
    let id = RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) };
    let operation = Operation::Get { key: key.into() }.encode();
    Signed::new(Read { id, operation }, &keys(Principal::Client(id.client)))
}

impl Net {
    pub(super) fn new(n: u16) -> Self {
        Self::with(n, &Config::default())
    }

    pub(super) fn with(n: u16, config: &Config) -> Self {
        Self::holding(n, 0, config, &KeyValue::default())
    }

    /// Beside the members, some nodes that are none yet.
    pub(super) fn with_spares(n: u16, spares: u16, config: &Config) -> Self {
        Self::holding(n, spares, config, &KeyValue::default())
    }

    /// Replicas whose history begins with this state.
    pub(super) fn holding(n: u16, spares: u16, config: &Config, genesis: &KeyValue) -> Self {
        let members = Membership::new(n).unwrap();
        let all = || (0..n + spares).map(NodeId);
        let replica = |id: NodeId| {
            let keys: Arc<dyn Authenticator> = Arc::new(node(id.0));
            Replica::new(id, members, config.clone(), keys, genesis.clone()).unwrap()
        };
        Self {
            members,
            replicas: all().map(replica).collect(),
            disks: all().map(|_| Vec::new()).collect(),
            now: Time::from_millis(1),
            events: Vec::new(),
            replies: Vec::new(),
            answers: Vec::new(),
            told: Vec::new(),
            queue: VecDeque::new(),
            lets_through: Box::new(|_, _, _| true),
            mangles: None,
            refused: 0,
        }
    }

    /// What a replica knows of its epoch as PBFT orders it.
    pub(super) fn pbft(&self, id: u16) -> &Pbft {
        match &self.replica(id).order {
            Order::Pbft(pbft) | Order::TrustOrderedPbft(pbft) => pbft,
            Order::Raft(_) => panic!("the epoch is under Raft"),
        }
    }

    /// From now on only what passes is delivered.
    pub(super) fn only(&mut self, passes: impl FnMut(NodeId, NodeId, &Message) -> bool + 'static) {
        self.lets_through = Box::new(passes);
    }

    pub(super) fn everything(&mut self) {
        self.only(|_, _, _| true);
    }

    /// From now on messages arrive as this makes them.
    pub(super) fn mangle(
        &mut self,
        mangles: impl FnMut(NodeId, NodeId, Message) -> Message + 'static,
    ) {
        self.mangles = Some(Box::new(mangles));
    }

    pub(super) fn replica(&self, id: u16) -> &Replica<KeyValue> {
        &self.replicas[id as usize]
    }

    /// Hands a message to a replica through the front door, and lets the network settle.
    pub(super) fn deliver(&mut self, from: u16, to: u16, message: Message) {
        self.queue.push_back((NodeId(from), NodeId(to), message));
        self.settle();
    }

    /// A client sends its request to these replicas.
    pub(super) fn ask(&mut self, request: &Signed<Request>, to: impl IntoIterator<Item = u16>) {
        for id in to {
            let message = Message::Request(Arc::new(request.clone()));
            let message = verify(message, self.members, &node(id)).unwrap();
            self.input(NodeId(id), Input::Request(message));
        }
        self.settle();
    }

    /// A client asks these replicas what their states say.
    pub(super) fn ask_read(&mut self, read: &Signed<Read>, of: impl IntoIterator<Item = u16>) {
        for id in of {
            let message = Message::Read(Arc::new(read.clone()));
            let message = verify(message, self.members, &node(id)).unwrap();
            self.input(NodeId(id), Input::Request(message));
        }
        self.settle();
    }

    /// What each replica answered to a read, in order.
    pub(super) fn answers_to(&self, wanted: RequestId) -> Vec<(Principal, Outcome)> {
        let answers = self.answers.iter().filter(|answer| answer.body.id == wanted);
        let mut said: Vec<_> = answers
            .map(|answer| (answer.by, Outcome::decode(&answer.body.result).unwrap()))
            .collect();
        said.sort_by_key(|(by, _)| *by);
        said
    }

    fn input(&mut self, id: NodeId, input: Input) {
        let index = id.0 as usize;
        self.replicas[index].handle(self.now, input);
        while let Some(effect) = self.replicas[index].poll_effect() {
            match effect {
                Effect::Persist(number, record) => {
                    self.disks[index].push(*record);
                    self.replicas[index].handle(self.now, Input::Durable(number));
                }
                Effect::Send { to: To::Node(to), message } => {
                    self.queue.push_back((id, to, message));
                }
                Effect::Send { to: To::Others, message } => {
                    let others = self.replicas[index].members().others(id);
                    self.queue.extend(others.map(|to| (id, to, message.clone())));
                }
                Effect::Reply { message: Message::Reply(reply), .. } => self.replies.push(reply),
                Effect::Reply { message: Message::ReadReply(reply), .. } => {
                    self.answers.push(reply);
                }
                Effect::Reply { client, message } => self.told.push((client, message)),
                Effect::Event(event) => self.events.push((id, event)),
            }
        }
    }

    fn settle(&mut self) {
        let mut budget = 100_000;
        while let Some((from, to, message)) = self.queue.pop_front() {
            budget -= 1;
            assert!(budget > 0, "the network never comes to rest");
            if !(self.lets_through)(from, to, &message) {
                continue;
            }
            let message = match &mut self.mangles {
                Some(mangles) => mangles(from, to, message),
                None => message,
            };
            let receiver = &self.replicas[to.0 as usize];
            let verified = verify(message, receiver.members(), &**receiver.authenticator());
            let Ok(message) = verified else {
                // Between two epochs, what one side says means nothing to the other.
                let turned = self.replicas.iter().any(|it| it.epoch() > self.members.epoch());
                assert!(turned || self.mangles.is_some(), "refused: {verified:?}");
                self.refused += 1;
                continue;
            };
            self.input(to, Input::Message { from, message });
        }
    }

    /// Lets time pass, waking every replica when it wants.
    pub(super) fn pass(&mut self, time: Duration) {
        self.pass_for(time, |_| true);
    }

    /// The same, but only some replicas run.
    pub(super) fn pass_for(&mut self, time: Duration, runs: impl Fn(u16) -> bool) {
        let end = self.now + time;
        loop {
            let next = self
                .replicas
                .iter()
                .filter(|replica| runs(replica.id().0))
                .filter_map(|replica| Some((replica.deadline()?, replica.id())))
                .min();
            match next {
                Some((at, id)) if at <= end => {
                    self.now = self.now.max(at);
                    self.input(id, Input::Tick);
                    self.settle();
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// A crash: memory is gone, the disk is read.
    pub(super) fn restart(&mut self, id: u16) {
        self.restart_holding(id, &KeyValue::default());
    }

    /// The same, with what its history began with.
    pub(super) fn restart_holding(&mut self, id: u16, genesis: &KeyValue) {
        let index = id as usize;
        let records = self.disks[index].clone();
        let config = self.replicas[index].config().clone();
        self.replicas[index] = Replica::restore(
            NodeId(id),
            self.members,
            config,
            Arc::new(node(id)),
            genesis.clone(),
            Record::compact(records),
        )
        .unwrap();
    }

    /// A crash after which only these records can be read, and the replica knows it.
    pub(super) fn restart_damaged(&mut self, id: u16, left: Vec<Record>, life: u64) {
        let index = id as usize;
        let config = self.replicas[index].config().clone();
        self.disks[index] = left.clone();
        self.replicas[index] = Replica::restore_damaged(
            NodeId(id),
            self.members,
            config,
            Arc::new(node(id)),
            KeyValue::default(),
            left,
            life,
        )
        .unwrap();
        self.input(NodeId(id), Input::Tick);
        self.settle();
    }

    pub(super) fn events_of(&self, id: u16) -> impl Iterator<Item = &EventKind> {
        self.events.iter().filter(move |(at, _)| at.0 == id).map(|(_, event)| event)
    }

    /// How often a request was executed at a replica.
    pub(super) fn executions(&self, id: u16, wanted: RequestId) -> usize {
        self.events_of(id)
            .filter_map(|event| match event {
                EventKind::Executed { requests, .. } => Some(requests),
                _ => None,
            })
            .flatten()
            .filter(|request| **request == wanted)
            .count()
    }

    /// Which replicas executed a request, so far as its client can tell.
    pub(super) fn repliers(&self, wanted: RequestId) -> Vec<Principal> {
        let replies = self.replies.iter().filter(|reply| reply.body.id == wanted);
        let mut by: Vec<_> = replies
            .map(|reply| {
                assert_eq!(Outcome::decode(&reply.body.result), Some(Outcome::Done));
                reply.by
            })
            .collect();
        by.sort_unstable();
        by.dedup();
        by
    }

    /// Every replica's last executed position.
    pub(super) fn executed(&self) -> Vec<Seq> {
        self.replicas.iter().map(Replica::last_executed).collect()
    }

    /// All replicas hold the same state.
    pub(super) fn assert_same_state(&self) {
        for pair in self.replicas.windows(2) {
            assert_eq!(pair[0].application(), pair[1].application());
            assert_eq!(pair[0].last_executed(), pair[1].last_executed());
        }
    }
}

/// What positions a batch of events executed, in order.
pub(super) fn positions<'a>(events: impl Iterator<Item = &'a EventKind>) -> vec::IntoIter<Seq> {
    let executed = events.filter_map(|event| match event {
        EventKind::Executed { seq, .. } => Some(*seq),
        _ => None,
    });
    executed.collect::<Vec<_>>().into_iter()
}
