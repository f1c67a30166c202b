//! Nodes whose inputs are chosen by bytes: what arrives where and when, what a liar says, what a disk
//! has lost, what the administrator wants.
//!
//! The first byte chooses a [`Setting`]. In each no more than *f* are faulty at a time, so that every
//! difference between correct nodes is a finding.

use std::{
    collections::BTreeMap,
    iter::Sum,
    ops::Add,
    sync::{Arc, OnceLock},
    time::Duration,
};

use conclave_core::{
    analyzer::{Deployment, Protocol},
    app::{KeyValue, Operation},
    crypto::{Authenticator, Digest, Refusal, Signed, Verified, verify},
    detector::quarantine::Order,
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    node::Node,
    pbft::{
        Batch, Change, Config, Message, NewMember, Pace, Read, Record, RecoveryRequest, Request,
        Roster, Status, ViewChange,
    },
    protocol::{Effect, Input, Protocol as _, To},
    quorum::Membership,
    replica::Override,
    time::Time,
};

use crate::{
    byzzfuzz::mutations_of,
    forge::Forge,
    rounds::{brisk, keys, request, request_for},
};

/// The most steps that one input is taken for: enough for several views, checkpoints and epochs.
const MAX_STEPS: usize = 600;
/// The most messages that one input delivers: it bounds the time that an input takes.
const MAX_DELIVERED: usize = 6_000;
/// Who lies, where somebody does; all others are honest nodes.
const LIAR: NodeId = NodeId(0);
/// Clients that ask.
const CLIENTS: u64 = 4;
/// The most messages that lie about to be delivered: a stand-in for a bounded queue.
const MAX_ON_THE_WAY: usize = 2_000;
/// How long a value is kept that is kept for a time: a few rounds.
const KEPT: Duration = Duration::from_millis(200);

/// Bytes choose what happens next.
///
/// # Panics
///
/// If it finds something: a panic of a node, two honest ones that disagree on history, state or
/// members, an honest one proven guilty, or a log larger than its window.
#[must_use]
pub fn replica(bytes: &[u8]) -> Reached {
    let mut bytes = Bytes(bytes);
    let mut driven = Driven::new(Setting::of(bytes.next().unwrap_or(0)));
    for _ in 0..MAX_STEPS {
        let Some(choice) = bytes.next() else { break };
        driven.step(choice, &mut bytes);
        if driven.delivered >= MAX_DELIVERED {
            break;
        }
    }
    driven.check();
    driven.reached
}

/// Scripts that get far in each setting; what is found from there is found by changing them.
#[must_use]
pub fn replica_seeds() -> Vec<Vec<u8>> {
    const ARRIVE: [u8; 4] = [12, 63, 12, 63];
    const TIME: [u8; 2] = [4, 31];
    const READ: [u8; 3] = [14, 1, 15];
    const FORGET: [u8; 3] = [15, 1, 0];
    const CUT: [u8; 2] = [16, 2];
    let deliver = [1, 0].repeat(200);
    let round = [&ARRIVE[..], &TIME, &ARRIVE].concat();
    let pass = || round.repeat(15);
    let work = |count: u8| -> Vec<u8> {
        (0..count).flat_map(|at| [&[0, at, at / 4][..], &round].concat()).collect()
    };
    let mut seeds = Vec::new();
    for setting in 0..3 {
        let mut busy = vec![setting, 0, 0, 1];
        busy.extend(&deliver);
        seeds.push(busy);
        seeds.push([vec![setting], [0, 1, 1, 0, 2, 60].repeat(60)].concat());
        let mut add = |parts: &[&[u8]]| seeds.push([&[setting], &parts.concat()[..]].concat());
        add(&[&CUT, &work(12), &CUT, &pass(), &READ, &pass()]);
        add(&[&work(6), &FORGET, &work(8), &pass()]);
        for kind in 0..5 {
            let change = [&work(2)[..], &[13, kind, 1, 1], &work(3), &pass(), &work(6)].concat();
            add(&[&change, &READ, &work(2)]);
            add(&[&change, &FORGET, &pass(), &work(4), &pass()]);
        }
    }
    seeds
}

/// Which states the nodes of a run were in, each counted as often as it was entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// A node began to recover from the loss of its memory,
    pub recovering: u64,
    /// was told something by others meanwhile,
    pub told_while_recovering: u64,
    /// and voted again.
    pub recovered: u64,
    /// A node began another epoch than the first,
    pub epochs: u64,
    /// one with other members,
    pub memberships: u64,
    /// one under trust-ordered PBFT,
    pub trust_ordered: u64,
    /// or one under Raft.
    pub raft: u64,
    /// A node left.
    pub retired: u64,
    /// A node that was recovering began another epoch.
    pub epochs_while_recovering: u64,
    /// A node began to fetch a state,
    pub fetching: u64,
    /// and installed one.
    pub fetched: u64,
    /// A read was answered without being ordered,
    pub reads: u64,
    /// one of them in another epoch than the first.
    pub reads_in_later_epochs: u64,
}

impl Reached {
    /// Each state by its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 13] {
        [
            ("recovering", self.recovering),
            ("told while recovering", self.told_while_recovering),
            ("recovered", self.recovered),
            ("later epochs", self.epochs),
            ("other members", self.memberships),
            ("trust-ordered", self.trust_ordered),
            ("Raft", self.raft),
            ("retired", self.retired),
            ("later epochs while recovering", self.epochs_while_recovering),
            ("fetching", self.fetching),
            ("fetched", self.fetched),
            ("reads", self.reads),
            ("reads in later epochs", self.reads_in_later_epochs),
        ]
    }
}

impl Add for Reached {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            recovering: self.recovering + other.recovering,
            told_while_recovering: self.told_while_recovering + other.told_while_recovering,
            recovered: self.recovered + other.recovered,
            epochs: self.epochs + other.epochs,
            memberships: self.memberships + other.memberships,
            trust_ordered: self.trust_ordered + other.trust_ordered,
            raft: self.raft + other.raft,
            retired: self.retired + other.retired,
            epochs_while_recovering: self.epochs_while_recovering + other.epochs_while_recovering,
            fetching: self.fetching + other.fetching,
            fetched: self.fetched + other.fetched,
            reads: self.reads + other.reads,
            reads_in_later_epochs: self.reads_in_later_epochs + other.reads_in_later_epochs,
        }
    }
}

impl Sum for Reached {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Who is faulty. One node stands by in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// Of four members one lies.
    Liar,
    /// Of seven members one lies, and one at a time loses its memory.
    LiarAndLoss,
    /// Four members that are declared to crash only, and do: any protocol may order. One at a time
    /// loses its memory.
    CrashOnly,
}

impl Setting {
    fn of(byte: u8) -> Self {
        [Self::Liar, Self::LiarAndLoss, Self::CrashOnly][usize::from(byte % 3)]
    }

    fn members(self) -> Membership {
        let n = if self == Self::LiarAndLoss { 7 } else { 4 };
        Membership::new(n).expect("a cluster size")
    }

    fn config(self) -> Config {
        match self {
            Self::Liar | Self::LiarAndLoss => brisk(),
            Self::CrashOnly => Config { deployment: Deployment::CrashOnly, ..brisk() },
        }
    }

    /// Made once for each: it runs a whole honest cluster.
    fn forge(self) -> Option<Forge> {
        static OF_FOUR: OnceLock<Forge> = OnceLock::new();
        static OF_SEVEN: OnceLock<Forge> = OnceLock::new();
        match self {
            Self::Liar => Some(OF_FOUR.get_or_init(|| Forge::new(4, LIAR)).clone()),
            Self::LiarAndLoss => Some(OF_SEVEN.get_or_init(|| Forge::new(7, LIAR)).clone()),
            Self::CrashOnly => None,
        }
    }
}

/// Bytes as a source of choices.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> u64 {
        u64::from(self.next().unwrap_or(0))
    }

    fn take(&mut self, most: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// One of so many things.
    fn below(&mut self, count: usize) -> usize {
        self.number() as usize % count.max(1)
    }
}

struct Driven {
    setting: Setting,
    genesis: Membership,
    /// The members, and one that stands by. The liar has none.
    nodes: Vec<Option<Node<KeyValue>>>,
    disks: Vec<Vec<Record>>,
    on_the_way: Vec<(NodeId, NodeId, Message)>,
    executed: Vec<BTreeMap<Seq, Digest>>,
    /// Who hears nobody and is heard by nobody.
    cut_off: Option<NodeId>,
    forge: Option<Forge>,
    /// How often a node lost its memory.
    lives: u64,
    now: Time,
    delivered: usize,
    reached: Reached,
}

impl Driven {
    fn new(setting: Setting) -> Self {
        let genesis = setting.members();
        let count = genesis.n() + 1;
        let forge = setting.forge();
        let node = |id: NodeId| {
            let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
            let node = Node::new(id, genesis, setting.config(), keys, KeyValue::default());
            let lies = forge.is_some() && id == LIAR;
            (!lies).then(|| node.expect("the configuration works"))
        };
        Self {
            setting,
            genesis,
            nodes: (0..count).map(NodeId).map(node).collect(),
            disks: vec![Vec::new(); count.into()],
            on_the_way: Vec::new(),
            executed: vec![BTreeMap::new(); count.into()],
            cut_off: None,
            forge,
            lives: 0,
            now: Time::from_millis(1),
            delivered: 0,
            reached: Reached::default(),
        }
    }

    /// Every node there is but the liar.
    fn honest(&self) -> impl Iterator<Item = &Node<KeyValue>> {
        self.nodes.iter().flatten()
    }

    fn ids(&self) -> Vec<NodeId> {
        self.honest().map(|node| node.replica().id()).collect()
    }

    fn some_node(&self, bytes: &mut Bytes<'_>) -> NodeId {
        let ids = self.ids();
        ids[bytes.below(ids.len())]
    }

    fn step(&mut self, choice: u8, bytes: &mut Bytes<'_>) {
        match choice % 17 {
            0 => {
                let (which, timestamp) = (bytes.number(), 1 + bytes.number() % 16);
                let client = 1 + which % CLIENTS;
                let request = match which {
                    0..192 => request(client, timestamp),
                    _ => request_for(client, timestamp, KEPT),
                };
                self.ask(&Message::Request(request));
            }
            1..=3 => {
                // Mostly in order; a high byte picks from anywhere.
                let at = bytes.number() as usize;
                self.arrive(if at < 128 { 0 } else { at % self.on_the_way.len().max(1) });
            }
            4 => {
                self.now = self.now + Duration::from_millis(bytes.number());
                for id in self.ids() {
                    self.input(id, Input::Tick);
                }
            }
            5 => {
                let at = bytes.below(self.on_the_way.len());
                if at < self.on_the_way.len() {
                    self.on_the_way.remove(at);
                }
            }
            6 | 7 => {
                if let Some(message) = self.lie(bytes) {
                    for to in self.ids() {
                        self.deliver(LIAR, to, message.clone());
                    }
                }
            }
            8 => {
                let to = self.some_node(bytes);
                let length = 8 * bytes.number() as usize;
                let said = Message::decode(bytes.take(length));
                match said {
                    _ if self.forge.is_none() => {}
                    Ok(message) => self.deliver(LIAR, to, message),
                    Err(_) => self.input(to, Input::Unreadable { from: LIAR }),
                }
            }
            9 => {
                // An honest message, changed and signed by the liar.
                let at = bytes.below(self.on_the_way.len());
                let which = bytes.number() as usize;
                let Some((_, to, message)) = self.on_the_way.get(at).cloned() else { return };
                let changed = mutations_of(&message, &keys(Principal::Node(LIAR)));
                if self.forge.is_some()
                    && let Some(message) = changed.get(which % changed.len().max(1))
                {
                    self.deliver(LIAR, to, message.clone());
                }
            }
            10 => {
                let at = bytes.below(self.on_the_way.len());
                if let Some((from, to, message)) = self.on_the_way.get(at).cloned() {
                    self.deliver(from, to, message);
                }
            }
            11 => {
                let node = self.some_node(bytes);
                self.restart(node);
            }
            12 => (0..bytes.number() % 64).for_each(|_| self.arrive(0)),
            13 => {
                let request = self.administration(bytes);
                self.ask(&Message::Request(request));
            }
            14 => {
                let (client, timestamp) = (1 + bytes.number() % CLIENTS, 1 + bytes.number() % 16);
                self.ask(&Message::Read(read(client, timestamp)));
            }
            15 => {
                let node = self.some_node(bytes);
                self.forget(node, bytes);
            }
            _ => {
                let node = self.some_node(bytes);
                self.cut_off = if self.cut_off == Some(node) { None } else { Some(node) };
            }
        }
    }

    /// What is on the way at this place arrives.
    fn arrive(&mut self, at: usize) {
        if at < self.on_the_way.len() {
            let (from, to, message) = self.on_the_way.remove(at);
            self.deliver(from, to, message);
        }
    }

    /// Something that a client says, to all.
    fn ask(&mut self, message: &Message) {
        for to in self.ids() {
            if let Ok(message) = self.verified(to, message.clone()) {
                self.input(to, Input::Request(message));
            }
        }
    }

    /// What the administrator wants. Nothing makes f smaller than the number of those that are faulty
    /// here: of seven members none leaves without a successor.
    fn administration(&self, bytes: &mut Bytes<'_>) -> Arc<Signed<Request>> {
        let (kind, which, timestamp) = (bytes.number(), bytes.number(), 1 + bytes.number() % 16);
        let spare = NodeId(self.genesis.n());
        let node = NodeId(which as u16 % (spare.0 + 1));
        let joins = || vec![NewMember { id: spare, key: None, contact: "there".into() }];
        let operation = match kind % 6 {
            0 => Change { add: joins(), ..Change::default() }.encode(),
            1 => Change { add: joins(), remove: vec![node], ..Change::default() }.encode(),
            2 => Change::switch_to(Protocol::TrustOrderedPbft).encode(),
            3 => {
                let protocol = Protocol::ALL[which as usize % Protocol::ALL.len()];
                let last = Vec::from_iter((which >= 128).then_some(node));
                Change { last, ..Change::switch_to(protocol) }.encode()
            }
            4 if self.setting == Setting::LiarAndLoss => Change::switch_to(Protocol::Raft).encode(),
            4 if self.setting == Setting::CrashOnly && which < 128 => {
                Change::switch_to(Protocol::Raft).encode()
            }
            4 => Change { remove: vec![node], ..Change::default() }.encode(),
            _ => {
                let order = [None, Some(Order::Hold), Some(Order::Free)][which as usize / 16 % 3];
                Override { node, order }.encode()
            }
        };
        let id = RequestId { client: ClientId::ADMINISTRATOR, timestamp: Timestamp(timestamp) };
        let administrator = keys(Principal::ADMINISTRATOR);
        Arc::new(Signed::new(Request { id, operation }, &administrator))
    }

    /// Something that the liar says, of its own.
    fn lie(&self, bytes: &mut Bytes<'_>) -> Option<Message> {
        let (kind, view, seq) =
            (bytes.number(), View(bytes.number() % 9), Seq(bytes.number() % 20));
        let which = bytes.number();
        let mut requests = Vec::new();
        if which % 2 == 1 {
            let request = request(1 + bytes.number() % CLIENTS, 1 + bytes.number() % 16);
            requests.push(request.clone());
        }
        let batch = Arc::new(Batch::of(requests, None));
        let digest = batch.digest();
        // Mostly what is said in the epoch that has come farthest.
        let farthest = self.honest().map(|node| node.replica().epoch()).max();
        let epoch = if which < 224 { farthest.unwrap_or(Epoch(0)) } else { Epoch(which % 4) };
        let forge = self.forge.as_ref()?.in_epoch(epoch);
        Some(match kind % 12 {
            0 => forge.pre_prepare(view, seq, &batch),
            1 => Message::Prepare(forge.prepare(view, seq, digest)),
            2 => forge.commit(view, seq, digest),
            3 => forge.view_change(view, Vec::new()),
            4 => Message::FetchBatch(digest),
            5 => Message::Batch(batch),
            6 => forge.new_view(view, &self.view_changes_on_the_way()),
            7 => forge.checkpoint(seq, digest),
            8 | 9 => {
                let life = (self.lives + which % 4).saturating_sub(kind % 2);
                Message::RecoveryRequest(RecoveryRequest { life })
            }
            10 => {
                let (turnaround_us, round_us) = (1_000 * which as u32, 500 * which as u32);
                let too_slow = which >= 128;
                Message::Pace(Pace { epoch, view, turnaround_us, round_us, too_slow })
            }
            _ => Message::Status(Status { epoch, view, executed: seq, ..forge.honest_status() }),
        })
    }

    fn view_changes_on_the_way(&self) -> Vec<Arc<Signed<ViewChange>>> {
        let changes = self.on_the_way.iter().filter_map(|(_, _, message)| match message {
            Message::ViewChange(change) => Some(change.clone()),
            _ => None,
        });
        changes.take(self.genesis.quorum()).collect()
    }

    /// Checked by what the receiver takes for the members.
    fn verified(&self, to: NodeId, message: Message) -> Result<Verified<Message>, Refusal> {
        let node = self.nodes[usize::from(to.0)].as_ref();
        let replica = node.expect("only honest nodes are told anything").replica();
        verify(message, replica.members(), &**replica.authenticator())
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.delivered += 1;
        let lost = self.cut_off.is_some_and(|it| it == from || it == to);
        if lost || self.nodes.get(usize::from(to.0)).is_none_or(Option::is_none) {
            return;
        }
        let input = match self.verified(to, message.clone()) {
            Ok(message) => Input::Message { from, message },
            Err(why) => Input::Refused { from, message: Box::new(message), why },
        };
        self.input(to, input);
    }

    fn input(&mut self, id: NodeId, input: Input) {
        let index = usize::from(id.0);
        let Some(node) = &mut self.nodes[index] else { return };
        let told = matches!(input, Input::Message { .. }) && node.replica().is_recovering();
        self.reached.told_while_recovering += u64::from(told);
        node.handle(self.now, input);
        while let Some(effect) = node.poll_effect() {
            match effect {
                Effect::Persist(number, record) => {
                    self.disks[index].push(*record);
                    node.handle(self.now, Input::Durable(number));
                }
                Effect::Send { to: To::Node(to), message } => {
                    self.on_the_way.push((id, to, message));
                }
                Effect::Send { to: To::Others, message } => {
                    let others = node.replica().members().others(id);
                    self.on_the_way.extend(others.map(|to| (id, to, message.clone())));
                }
                Effect::Event(EventKind::Executed { seq, digest, .. }) => {
                    let known = *self.executed[index].entry(seq).or_insert(digest);
                    assert_eq!(known, digest, "node {id} executes another batch at {seq}");
                }
                Effect::Event(event) => {
                    self.reached = self.reached + reached(&event, node, self.genesis);
                }
                Effect::Reply { .. } => {}
            }
        }
        if self.on_the_way.len() > MAX_ON_THE_WAY {
            self.on_the_way.drain(..MAX_ON_THE_WAY / 2);
        }
    }

    /// Its memory is gone, its disk isn't.
    fn restart(&mut self, id: NodeId) {
        let index = usize::from(id.0);
        let records = Record::compact(std::mem::take(&mut self.disks[index]));
        self.disks[index].clone_from(&records);
        let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
        let (config, genesis) = (self.setting.config(), KeyValue::default());
        let node = Node::restore(id, self.genesis, config, keys, genesis, records);
        self.nodes[index] = Some(node.expect("its own records restore it"));
        self.input(id, Input::Tick);
    }

    /// Its memory is gone, its disk lost something, and it knows. One at a time: whoever did so before
    /// must have recovered.
    fn forget(&mut self, id: NodeId, bytes: &mut Bytes<'_>) {
        let recovers = |node: &Node<_>| node.replica().is_recovering() && node.replica().id() != id;
        if self.setting == Setting::Liar || self.honest().any(recovers) {
            return;
        }
        let index = usize::from(id.0);
        let mut left = Record::compact(std::mem::take(&mut self.disks[index]));
        match bytes.number() as usize {
            0 => left.clear(),
            from @ 1..128 => left.truncate(from % left.len().max(1)),
            at => drop((!left.is_empty()).then(|| left.remove(at % left.len()))),
        }
        self.disks[index].clone_from(&left);
        self.lives += 1;
        let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
        let (config, genesis, life) = (self.setting.config(), KeyValue::default(), self.lives);
        let node = Node::restore_damaged(id, self.genesis, config, keys, genesis, left, life);
        self.nodes[index] = Some(node.expect("what is left restores it, as one that recovers"));
        self.input(id, Input::Tick);
    }

    fn check(&self) {
        let mut agreed = BTreeMap::new();
        for executed in &self.executed {
            for (seq, digest) in executed {
                let known = agreed.entry(*seq).or_insert(*digest);
                assert_eq!(known, digest, "two histories at {seq}");
            }
        }
        let mut states = BTreeMap::new();
        let mut epochs: BTreeMap<Epoch, &Roster> = BTreeMap::new();
        for node in self.honest() {
            let replica = node.replica();
            let (at, state) = (replica.last_executed(), replica.application());
            assert_eq!(*states.entry(at).or_insert(state), state, "two states at {at}");
            for end in replica.chain() {
                let next = *epochs.entry(end.epoch()).or_insert(&end.next);
                assert_eq!(*next, end.next, "two ends of epoch {}", end.epoch());
            }
            for proof in node.proofs().iter() {
                let offence = proof.offence;
                let is_true = offence.by == LIAR && self.forge.is_some();
                assert!(is_true, "an honest one is proven guilty: {offence}");
            }
            let window = self.setting.config().window;
            assert!(replica.slots().count() as u64 <= window, "more slots than the window");
            // Each client waits for one answer, the administrator for another, and each that is or was
            // a member says one thing at a time.
            let speakers = CLIENTS + 1 + self.nodes.len() as u64;
            assert!(replica.pending() as u64 <= speakers, "more requests wait than speakers ask");
            assert!(replica.waiting_reads() as u64 <= CLIENTS, "more reads wait than clients read");
        }
    }
}

/// What an event says of the states that a run reaches.
fn reached(event: &EventKind, node: &Node<KeyValue>, genesis: Membership) -> Reached {
    let replica = node.replica();
    let mut reached = Reached::default();
    match event {
        EventKind::Recovering { .. } => reached.recovering = 1,
        EventKind::Recovered { .. } => reached.recovered = 1,
        EventKind::EpochBegun { members, protocol, .. } => {
            reached.epochs = 1;
            reached.epochs_while_recovering = replica.is_recovering().into();
            reached.memberships = genesis.nodes().ne(members.iter().copied()).into();
            reached.trust_ordered = (*protocol == Protocol::TrustOrderedPbft).into();
            reached.raft = (*protocol == Protocol::Raft).into();
        }
        EventKind::Retired { .. } => reached.retired = 1,
        EventKind::TransferStarted { .. } => reached.fetching = 1,
        EventKind::StateTransferred { .. } => reached.fetched = 1,
        EventKind::ReadAnswered { .. } => {
            reached.reads = 1;
            reached.reads_in_later_epochs = (replica.epoch() > Epoch(0)).into();
        }
        _ => {}
    }
    reached
}

/// A client asks what stands under the key that all write.
fn read(client: u64, timestamp: u64) -> Arc<Signed<Read>> {
    let id = RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) };
    let operation = Operation::Get { key: b"k".to_vec() }.encode();
    Arc::new(Signed::new(Read { id, operation }, &keys(Principal::Client(id.client))))
}
