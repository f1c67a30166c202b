//! What fuzzing drives: any bytes at every entry point. A panic, or a bound that doesn't hold, is a
//! finding; anything else is an answer.
//!
//! `cargo fuzz` runs these with bytes that it finds by coverage; the suite runs them with bytes
//! from a seed and with mutations of valid input.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use conclave_core::{
    app::KeyValue,
    crypto::{Authenticator, Digest, Refusal, Signed, Verified, verify},
    detector::evidence::Evidence,
    event::EventKind,
    ids::{ClientId, NodeId, Principal, Seq, View},
    node::{Export, Node},
    pbft::{Batch, Message, Record, Status, ViewChange},
    protocol::{Effect, Input, Protocol as _, To},
    quorum::Membership,
    sim::{Address, BUILTIN, Cluster, Run, Scenario, builtin},
    time::Time,
};

use crate::{
    byzzfuzz::mutations_of,
    forge::Forge,
    rounds::{CLUSTER_KEY, brisk, keys, request},
};

/// The most steps that one input is taken for: enough for several views and checkpoints.
const MAX_STEPS: usize = 600;
/// Who lies; all others are honest nodes.
const LIAR: NodeId = NodeId(0);
/// Clients that ask.
const CLIENTS: u64 = 4;
/// The most messages that lie about to be delivered: a stand-in for a bounded queue.
const MAX_ON_THE_WAY: usize = 2_000;

/// Longer ones are no seeds: `cargo fuzz` tries inputs as long as the longest, and in most of those
/// a change comes too late to matter.
const MAX_SEED_BYTES: usize = 4_096;

/// An entry point: its name, what takes the bytes, and valid input from which mutation starts.
pub struct Target {
    /// As `cargo fuzz run` knows it.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Bytes that get far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Those of the core. Those of real nodes are beside `cargo fuzz`'s crate.
pub const TARGETS: [Target; 5] = [
    Target { name: "message", run: message, seeds: message_seeds },
    Target { name: "replica", run: replica, seeds: replica_seeds },
    Target { name: "scenario", run: scenario, seeds: scenario_seeds },
    Target { name: "link", run: link, seeds: link_seeds },
    Target { name: "evidence", run: evidence, seeds: evidence_seeds },
];

fn cluster() -> Membership {
    Membership::new(4).expect("four replicas are a cluster")
}

/// Decoding and checking: what is a message has one encoding, and is refused or not by its content.
///
/// # Panics
///
/// If it finds something.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else { return };
    let encoded = message.encode();
    assert_eq!(Message::decode(&encoded).as_ref(), Ok(&message), "it decodes to itself");
    let _ = message.summary();
    let _ = verify(message, cluster(), &keys(Principal::Node(NodeId(1))));
}

/// Everything that a small cluster says, as bytes.
#[must_use]
pub fn message_seeds() -> Vec<Vec<u8>> {
    let forge = Forge::new(4, LIAR);
    let batch = Arc::new(Batch::default());
    let digest = batch.digest();
    let mut messages = vec![
        Message::Request(request(1, 1)),
        forge.pre_prepare(View(0), Seq(1), &batch),
        Message::Prepare(forge.prepare(View(1), Seq(1), digest)),
        forge.commit(View(0), Seq(1), digest),
        forge.view_change(View(1), Vec::new()),
        Message::FetchBatch(digest),
        Message::Batch(batch),
    ];
    messages.extend(forge.honest_messages().iter().cloned());
    messages.extend(said_in_scenarios());
    messages.iter().map(Message::encode).filter(|seed| seed.len() <= MAX_SEED_BYTES).collect()
}

/// The first message of each kind that is said where view changes, state is transferred, a disk
/// lies and members change; signed with the keys that are used here.
fn said_in_scenarios() -> Vec<Message> {
    let mut said = BTreeMap::new();
    for name in ["slow-primary", "late-replica", "lying-disk", "membership-change"] {
        let mut scenario = builtin(name).expect("it is built in");
        scenario.workload.read_ppm = 200_000;
        let mut cluster = Cluster::new(&Run::new(scenario, CLUSTER_KEY)).expect("it is valid");
        while cluster.step() {
            for flight in cluster.in_flight() {
                let message = flight.message();
                said.entry(message.kind()).or_insert_with(|| message.clone());
            }
        }
    }
    said.into_values().collect()
}

/// A file of evidence from anybody, judged as `conclave evidence verify` does.
///
/// # Panics
///
/// If it finds something.
pub fn evidence(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::decode(bytes) {
        assert_eq!(evidence.encode(), bytes, "one encoding");
    }
    let Ok(export) = Export::decode(bytes) else { return };
    assert_eq!(export.encode(), bytes, "one file");
    let stranger = Arc::new(keys(Principal::Client(ClientId(1))));
    let Ok(judged) = export.judge(cluster(), stranger) else { return };
    for (evidence, verdict) in judged {
        assert!(!evidence.statements().is_empty());
        if let Ok(offence) = verdict {
            let by = Principal::Node(offence.by);
            assert_eq!(evidence.accused(), by);
            // Only these two ever lie where the seeds come from, and nobody else's key is here.
            assert!(offence.by.0 < 2, "{offence}");
        }
    }
}

/// What nodes export after runs in which somebody lied to them.
///
/// # Panics
///
/// If nobody was found out.
#[must_use]
pub fn evidence_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for name in ["equivocating-primary", "one-liar-too-many", "two-faced-view-change"] {
        let scenario = builtin(name).expect("it is built in");
        let mut cluster = Cluster::new(&Run::new(scenario, CLUSTER_KEY)).expect("it is valid");
        while cluster.step() {}
        let exports = cluster.nodes().iter().map(|host| host.node().export());
        let known: Vec<_> = exports.filter(|export| !export.proofs.is_empty()).collect();
        assert!(!known.is_empty(), "{name}: nobody was found out");
        for export in known {
            seeds.extend(export.proofs.iter().map(|proof| proof.encode()));
            seeds.push(export.encode());
        }
    }
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Puts valid input where `cargo fuzz run` starts from, beside what it found there before.
///
/// # Panics
///
/// If a file can't be written.
pub fn sow(target: &str, seeds: &[Vec<u8>]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (index, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).expect("a seed can be written");
    }
}

/// Three nodes and a liar: bytes choose what happens next.
///
/// # Panics
///
/// If it finds something: a panic of a node, two honest ones that disagree, an honest one proven guilty, or a log larger
/// than its window.
pub fn replica(bytes: &[u8]) {
    let mut driven = Driven::new();
    let mut bytes = Bytes(bytes);
    for _ in 0..MAX_STEPS {
        let Some(choice) = bytes.next() else { break };
        driven.step(choice, &mut bytes);
    }
    driven.check();
}

/// Long pseudo-random choices get further than any that a person would write.
#[must_use]
pub fn replica_seeds() -> Vec<Vec<u8>> {
    let deliver = [1, 0].repeat(200);
    let mut busy = vec![0, 0, 1];
    busy.extend(deliver);
    vec![busy, [0, 1, 1, 0, 2, 60].repeat(60)]
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
}

struct Driven {
    members: Membership,
    /// The liar has none.
    nodes: Vec<Option<Node<KeyValue>>>,
    disks: Vec<Vec<Record>>,
    on_the_way: Vec<(NodeId, NodeId, Message)>,
    executed: Vec<BTreeMap<Seq, Digest>>,
    forge: Forge,
    now: Time,
}

impl Driven {
    fn new() -> Self {
        let members = cluster();
        let node = |id: NodeId| {
            let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
            let node = Node::new(id, members, brisk(), keys, KeyValue::default());
            (id != LIAR).then(|| node.expect("the configuration works"))
        };
        Self {
            members,
            nodes: members.nodes().map(node).collect(),
            disks: vec![Vec::new(); 4],
            on_the_way: Vec::new(),
            executed: vec![BTreeMap::new(); 4],
            forge: shared_forge(),
            now: Time::from_millis(1),
        }
    }

    fn step(&mut self, choice: u8, bytes: &mut Bytes<'_>) {
        let node = |bytes: &mut Bytes<'_>| NodeId(1 + bytes.number() as u16 % 3);
        match choice % 12 {
            0 => {
                let request = request(1 + bytes.number() % CLIENTS, 1 + bytes.number() % 16);
                for to in 1..4 {
                    let message = Message::Request(request.clone());
                    if let Ok(message) = self.verified(NodeId(to), message) {
                        self.input(NodeId(to), Input::Request(message));
                    }
                }
            }
            1..=3 => {
                // Mostly in order; a high byte picks from anywhere.
                let at = bytes.number() as usize;
                let at = if at < 128 { 0 } else { at % self.on_the_way.len().max(1) };
                if at < self.on_the_way.len() {
                    let (from, to, message) = self.on_the_way.remove(at);
                    self.deliver(from, to, message);
                }
            }
            4 => {
                self.now = self.now + Duration::from_millis(bytes.number());
                for id in 1..4 {
                    self.input(NodeId(id), Input::Tick);
                }
            }
            5 => {
                let at = bytes.number() as usize % self.on_the_way.len().max(1);
                if at < self.on_the_way.len() {
                    self.on_the_way.remove(at);
                }
            }
            6 | 7 => {
                let message = self.lie(bytes);
                for to in [1, 2, 3].map(NodeId) {
                    self.deliver(LIAR, to, message.clone());
                }
            }
            8 => {
                let to = node(bytes);
                let length = 8 * bytes.number() as usize;
                match Message::decode(bytes.take(length)) {
                    Ok(message) => self.deliver(LIAR, to, message),
                    Err(_) => self.input(to, Input::Unreadable { from: LIAR }),
                }
            }
            9 => {
                // An honest message, changed and signed by the liar.
                let at = bytes.number() as usize % self.on_the_way.len().max(1);
                let which = bytes.number() as usize;
                let Some((_, to, message)) = self.on_the_way.get(at).cloned() else { return };
                let changed = mutations_of(&message, &keys(Principal::Node(LIAR)));
                if let Some(message) = changed.get(which % changed.len().max(1)) {
                    self.deliver(LIAR, to, message.clone());
                }
            }
            10 => {
                let at = bytes.number() as usize % self.on_the_way.len().max(1);
                if let Some((from, to, message)) = self.on_the_way.get(at).cloned() {
                    self.deliver(from, to, message);
                }
            }
            _ => {
                let node = node(bytes);
                self.restart(node);
            }
        }
    }

    /// Something that the liar says, of its own.
    fn lie(&self, bytes: &mut Bytes<'_>) -> Message {
        let (kind, view, seq) =
            (bytes.number(), View(bytes.number() % 9), Seq(bytes.number() % 20));
        let mut requests = Vec::new();
        if bytes.number() % 2 == 1 {
            let request = request(1 + bytes.number() % CLIENTS, 1 + bytes.number() % 16);
            requests.push(request.clone());
        }
        let batch = Arc::new(Batch::of(requests, None));
        let digest = batch.digest();
        match kind % 8 {
            0 => self.forge.pre_prepare(view, seq, &batch),
            1 => Message::Prepare(self.forge.prepare(view, seq, digest)),
            2 => self.forge.commit(view, seq, digest),
            3 => self.forge.view_change(view, Vec::new()),
            4 => Message::FetchBatch(digest),
            5 => Message::Batch(batch),
            6 => self.forge.new_view(view, &self.view_changes_on_the_way()),
            _ => Message::Status(Status { view, executed: seq, ..self.forge.honest_status() }),
        }
    }

    fn view_changes_on_the_way(&self) -> Vec<Arc<Signed<ViewChange>>> {
        let changes = self.on_the_way.iter().filter_map(|(_, _, message)| match message {
            Message::ViewChange(change) => Some(change.clone()),
            _ => None,
        });
        changes.take(3).collect()
    }

    fn verified(&self, to: NodeId, message: Message) -> Result<Verified<Message>, Refusal> {
        verify(message, self.members, &keys(Principal::Node(to)))
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        let input = match self.verified(to, message.clone()) {
            Ok(message) => Input::Message { from, message },
            Err(why) => Input::Refused { from, message: Box::new(message), why },
        };
        self.input(to, input);
    }

    fn input(&mut self, id: NodeId, input: Input) {
        let index = id.0 as usize;
        let Some(node) = &mut self.nodes[index] else { return };
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
                    let others = self.members.others(id).filter(|to| *to != LIAR);
                    self.on_the_way.extend(others.map(|to| (id, to, message.clone())));
                }
                Effect::Event(EventKind::Executed { seq, digest, .. }) => {
                    self.executed[index].insert(seq, digest);
                }
                _ => {}
            }
        }
        if self.on_the_way.len() > MAX_ON_THE_WAY {
            self.on_the_way.drain(..MAX_ON_THE_WAY / 2);
        }
    }

    fn restart(&mut self, id: NodeId) {
        let index = id.0 as usize;
        let records = Record::compact(std::mem::take(&mut self.disks[index]));
        self.disks[index].clone_from(&records);
        let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
        let genesis = KeyValue::default();
        let node = Node::restore(id, self.members, brisk(), keys, genesis, records);
        self.nodes[index] = Some(node.expect("its own records restore it"));
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
        for node in self.nodes.iter().flatten() {
            let offenders = node.proofs().offenders();
            assert!(offenders.iter().all(|it| it == LIAR), "an honest one is proven guilty");
            let replica = node.replica();
            assert!(replica.slots().count() as u64 <= brisk().window, "more slots than the window");
            // Each client waits for one answer, and each member says one thing at a time.
            let speakers = CLIENTS + u64::from(self.members.n());
            assert!(replica.pending() as u64 <= speakers, "more requests wait than speakers ask");
        }
    }
}

/// Made once: it runs a whole honest cluster.
fn shared_forge() -> Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::new(4, LIAR)).clone()
}

/// Scenario files.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(scenario) = Scenario::parse(text) {
        let seed = scenario.seed;
        let _ = Run::new(scenario, seed).validate();
    }
}

/// The built-in scenarios.
#[must_use]
pub fn scenario_seeds() -> Vec<Vec<u8>> {
    BUILTIN.iter().map(|known| known.source.as_bytes().to_vec()).collect()
}

/// Links to a moment of a run.
pub fn link(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(address) = Address::decode(text) {
        let _ = address.run();
        let _ = Address::decode(&address.encode());
    }
}

/// A link into each of the built-in scenarios.
#[must_use]
pub fn link_seeds() -> Vec<Vec<u8>> {
    let scenarios = BUILTIN.iter();
    let runs = scenarios.filter_map(|known| builtin(known.name));
    runs.map(|scenario| Address::new(&Run::new(scenario, 7), 100).encode().into_bytes()).collect()
}
