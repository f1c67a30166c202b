//! Replicas in lock step: in each round everything that was sent in the one before arrives, unless
//! somebody stops or changes it.
//!
//! Twins and `ByzzFuzz` both think in such rounds. An *instance* is one running replica; two
//! instances with one identity, and so one key, are twins.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use conclave_core::{
    app::{KeyValue, Operation},
    crypto::{Authenticator, Digest, Signed, Simulated, verify},
    event::EventKind,
    ids::{ClientId, NodeId, Principal, RequestId, Seq, Timestamp},
    pbft::{Config, Message, Replica, Request},
    protocol::{Effect, Input, Protocol as _, To},
    quorum::Membership,
    time::Time,
};

/// The key of every simulated cluster here.
pub const CLUSTER_KEY: u64 = 7;
/// How long a round takes. Timers of a few rounds make views change within a run.
pub const ROUND: Duration = Duration::from_millis(10);
/// An instance that wants so many effects carried out at once will never come to rest.
const MAX_EFFECTS: usize = 100_000;

/// What this principal signs with.
#[must_use]
pub fn keys(of: Principal) -> Simulated {
    Simulated::new(of, CLUSTER_KEY)
}

/// A client's request to write its own name under one key.
#[must_use]
pub fn request(client: u64, timestamp: u64) -> Arc<Signed<Request>> {
    let value = format!("{client}.{timestamp}").into_bytes();
    signed(client, timestamp, &Operation::Put { key: b"k".to_vec(), value })
}

/// A client's request to write its own name under another key, for so long: its batch needs a time,
/// and so do those after it until then.
#[must_use]
pub fn request_for(client: u64, timestamp: u64, ttl: Duration) -> Arc<Signed<Request>> {
    let value = format!("{client}.{timestamp}").into_bytes();
    let ttl_ms = ttl.as_millis() as u64;
    signed(client, timestamp, &Operation::PutFor { key: b"for a time".to_vec(), value, ttl_ms })
}

fn signed(client: u64, timestamp: u64, operation: &Operation) -> Arc<Signed<Request>> {
    let id = RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) };
    let operation = operation.encode();
    Arc::new(Signed::new(Request { id, operation }, &keys(Principal::Client(id.client))))
}

/// Timers of a few rounds, and a log short enough that checkpoints matter.
#[must_use]
pub fn brisk() -> Config {
    Config {
        checkpoint_interval: 4,
        window: 8,
        request_timeout_ms: 60,
        view_change_timeout_ms: 60,
        status_interval_ms: 30,
        ..Config::default()
    }
}

/// One message from one instance to one other.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The index of the instance that sent it.
    pub from: usize,
    /// The index of the instance for which it is.
    pub to: usize,
    /// What it says.
    pub message: Message,
}

/// One running replica, and what it executed.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Whose key it has.
    pub id: NodeId,
    replica: Replica<KeyValue>,
    executed: BTreeMap<Seq, Digest>,
}

/// All of them, and what is on its way.
#[derive(Clone, Debug)]
pub struct LockStep {
    members: Membership,
    instances: Vec<Instance>,
    now: Time,
    on_the_way: Vec<Sent>,
    refused: usize,
}

impl LockStep {
    /// Instances with these identities, one each or more.
    ///
    /// # Panics
    ///
    /// If `n` is no cluster size or the configuration can't work.
    #[must_use]
    pub fn new(n: u16, identities: &[u16], config: &Config) -> Self {
        let members = Membership::new(n).expect("a cluster size");
        let instance = |id: &u16| {
            let id = NodeId(*id);
            let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
            let replica = Replica::new(id, members, config.clone(), keys, KeyValue::default());
            let replica = replica.expect("the configuration works");
            Instance { id, replica, executed: BTreeMap::new() }
        };
        Self {
            members,
            instances: identities.iter().map(instance).collect(),
            now: Time::from_millis(1),
            on_the_way: Vec::new(),
            refused: 0,
        }
    }

    /// The cluster.
    #[must_use]
    pub fn members(&self) -> Membership {
        self.members
    }

    /// Every instance.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// How many messages were turned away by what checks them.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// A client sends its request to one instance.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn ask(&mut self, to: usize, request: &Arc<Signed<Request>>) {
        let keys = keys(Principal::Node(self.instances[to].id));
        let message = verify(Message::Request(request.clone()), self.members, &keys);
        self.input(to, Input::Request(message.expect("the request is properly signed")));
    }

    /// This arrives in the next round, if it passes: what somebody held back.
    pub fn put_on_the_way(&mut self, sent: Sent) {
        self.on_the_way.push(sent);
    }

    /// One round: what passes arrives, then whoever's time has come is woken. `pass` may change
    /// what a message says; what it refuses is lost.
    pub fn round(&mut self, mut pass: impl FnMut(&mut Sent) -> bool) {
        for mut sent in std::mem::take(&mut self.on_the_way) {
            if !pass(&mut sent) {
                continue;
            }
            let Sent { from, to, message } = sent;
            let from = self.instances[from].id;
            let keys = keys(Principal::Node(self.instances[to].id));
            match verify(message, self.members, &keys) {
                Ok(message) => self.input(to, Input::Message { from, message }),
                Err(_) => self.refused += 1,
            }
        }
        self.now = self.now + ROUND;
        for index in 0..self.instances.len() {
            if self.instances[index].replica.deadline().is_some_and(|at| at <= self.now) {
                self.input(index, Input::Tick);
            }
        }
    }

    fn input(&mut self, index: usize, input: Input) {
        let Instance { id, replica, .. } = &mut self.instances[index];
        let id = *id;
        replica.handle(self.now, input);
        for count in 0.. {
            assert!(count < MAX_EFFECTS, "an instance never comes to rest");
            let Some(effect) = self.instances[index].replica.poll_effect() else { break };
            match effect {
                Effect::Persist(number, _) => {
                    self.instances[index].replica.handle(self.now, Input::Durable(number));
                }
                Effect::Send { to, message } => self.send(index, id, to, &message),
                Effect::Event(EventKind::Executed { seq, digest, .. }) => {
                    self.instances[index].executed.insert(seq, digest);
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, from: usize, own: NodeId, to: To, message: &Message) {
        for (index, instance) in self.instances.iter().enumerate() {
            let wanted = match to {
                To::Others => instance.id != own,
                To::Node(node) => instance.id == node,
            };
            if wanted {
                self.on_the_way.push(Sent { from, to: index, message: message.clone() });
            }
        }
    }

    /// Two of these instances that executed different batches at one position, if there are any.
    #[must_use]
    pub fn disagreement(&self, among: impl Fn(NodeId) -> bool) -> Option<(NodeId, NodeId, Seq)> {
        let mut first: BTreeMap<Seq, (NodeId, Digest)> = BTreeMap::new();
        for instance in self.instances.iter().filter(|instance| among(instance.id)) {
            for (seq, digest) in &instance.executed {
                let (by, known) = first.entry(*seq).or_insert((instance.id, *digest));
                if known != digest {
                    return Some((*by, instance.id, *seq));
                }
            }
        }
        None
    }
}

impl Instance {
    /// The replica.
    #[must_use]
    pub fn replica(&self) -> &Replica<KeyValue> {
        &self.replica
    }

    /// What it executed, by position.
    #[must_use]
    pub fn executed(&self) -> &BTreeMap<Seq, Digest> {
        &self.executed
    }
}
