//! The states that a correct replica can be in, each kept once, and its steps between them.
//!
//! Millions of states of the cluster are made of a few thousand of one replica. So each of those is
//! computed once, by the real code, and from then on goes by a number.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use conclave_core::{
    app::KeyValue,
    crypto::{Authenticator, Digest, Verified, verify},
    event::EventKind,
    ids::{NodeId, Principal, Seq, View},
    pbft::{Config, Message, MessageKind, Replica},
    protocol::{Effect, Input, Protocol as _, To},
    quorum::Membership,
    time::Time,
};

use crate::rounds::{keys, request};

/// A message that was or can be sent.
pub(super) type MessageNumber = u32;
/// A state of one correct replica.
pub(super) type LocalNumber = u32;

/// The timers of these replicas: patience ends when it is told to, status messages never matter.
const REQUEST_TIMEOUT_MS: u64 = 1_000;
const STATUS_INTERVAL_MS: u64 = 3_600_000;

/// What can happen to one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// A message arrives.
    Deliver(MessageNumber),
    /// Its patience with the primary of view 0 ends.
    Timer,
}

/// One correct replica at some moment.
#[derive(Clone, Debug)]
pub(super) struct Local {
    replica: Replica<KeyValue>,
    /// What it ever sent, in order of numbers.
    pub(super) sent: Vec<MessageNumber>,
    /// What it executed.
    pub(super) executed: BTreeMap<Seq, Digest>,
    /// Requests executed, to see one twice.
    pub(super) executions: Vec<u64>,
    /// In which views it saw which positions commit.
    pub(super) committed: BTreeSet<(View, Seq, Digest)>,
    /// Whether its timer fired: its clock moved.
    fired: bool,
    /// All of it but whose votes made up its quorums.
    pub(super) outward: Digest,
}

impl Local {
    /// It takes part in view 0, and didn't ask to leave it.
    pub(super) fn is_in_view_0(&self) -> bool {
        self.replica.view() == View(0) && self.replica.is_active()
    }

    /// It takes part in view 1.
    pub(super) fn is_in_view_1(&self) -> bool {
        self.replica.view() == View(1) && self.replica.is_active()
    }

    /// Votes count in their view only, statements about a view until it is entered.
    fn has_use_for(&self, message: &Message) -> bool {
        let takes_part_in = |view| self.replica.view() == view && self.replica.is_active();
        match message {
            Message::PrePrepare(it, _) => takes_part_in(it.body.view),
            Message::Prepare(it) => takes_part_in(it.body.view),
            Message::Commit(it) => takes_part_in(it.body.view),
            Message::ViewChange(_) | Message::NewView(_) => !self.is_in_view_1(),
            _ => true,
        }
    }

    pub(super) fn id(&self) -> NodeId {
        self.replica.id()
    }
}

/// A message with its sender and receiver.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) from: NodeId,
    to: To,
    pub(super) message: Verified<Message>,
}

#[derive(Debug, Default)]
struct Tables {
    messages: Vec<Arc<Known>>,
    message_numbers: HashMap<Digest, MessageNumber>,
    locals: Vec<Arc<Local>>,
    local_numbers: HashMap<Digest, LocalNumber>,
    /// Where a step leads, and whether anything of it can be seen from outside.
    steps: HashMap<(LocalNumber, Step), (LocalNumber, bool)>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct World {
    pub(super) members: Membership,
    tables: Mutex<Tables>,
}

/// Sent only so that what was lost is repaired, or nothing that replicas act on.
fn is_left_out(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::Status | MessageKind::Request | MessageKind::Reply)
}

impl World {
    pub(super) fn new(members: Membership) -> Self {
        Self { members, tables: Mutex::default() }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The replica that nothing has happened to, but that each of `clients` wants something.
    pub(super) fn start(&self, id: NodeId, clients: u64) -> LocalNumber {
        let config = Config {
            batch_requests: 1,
            batch_delay_us: 0,
            request_timeout_ms: REQUEST_TIMEOUT_MS,
            status_interval_ms: STATUS_INTERVAL_MS,
            ..Config::default()
        };
        let keys: Arc<dyn Authenticator> = Arc::new(keys(Principal::Node(id)));
        let replica = Replica::new(id, self.members, config, keys.clone(), KeyValue::default());
        let mut local = Local {
            replica: replica.expect("the configuration works"),
            sent: Vec::new(),
            executed: BTreeMap::new(),
            executions: Vec::new(),
            committed: BTreeSet::new(),
            fired: false,
            outward: Digest::default(),
        };
        self.input(&mut local, Input::Tick);
        for client in 1..=clients {
            let message = verify(Message::Request(request(client, 1)), self.members, &*keys);
            self.input(&mut local, Input::Request(message.expect("properly signed")));
        }
        self.keep(local)
    }

    /// A message that `from` can send. `None`: it would be refused wherever it arrives.
    pub(super) fn message(&self, from: NodeId, to: To, message: Message) -> Option<MessageNumber> {
        let to_one = match to {
            To::Others => None,
            To::Node(node) => Some(node),
        };
        let key = Digest::of(&(from, to_one, &message));
        if let Some(number) = self.tables().message_numbers.get(&key) {
            return Some(*number);
        }
        let message = verify(message, self.members, &keys(Principal::Node(from))).ok()?;
        let mut tables = self.tables();
        let next = tables.messages.len() as MessageNumber;
        let number = *tables.message_numbers.entry(key).or_insert(next);
        if number == next {
            tables.messages.push(Arc::new(Known { from, to, message }));
        }
        Some(number)
    }

    pub(super) fn known(&self, number: MessageNumber) -> Arc<Known> {
        self.tables().messages[number as usize].clone()
    }

    pub(super) fn local(&self, number: LocalNumber) -> Arc<Local> {
        self.tables().locals[number as usize].clone()
    }

    /// How many messages and states of one replica were met.
    pub(super) fn counts(&self) -> (usize, usize) {
        let tables = self.tables();
        (tables.messages.len(), tables.locals.len())
    }

    /// Where a step leads, and whether anything of it can be seen from outside.
    pub(super) fn step(&self, from: LocalNumber, step: Step) -> (LocalNumber, bool) {
        if let Some(known) = self.tables().steps.get(&(from, step)) {
            return *known;
        }
        let (to, spoke) = self.compute(&self.local(from), step).map_or((from, false), |local| {
            let spoke = local.1;
            (self.keep(local.0), spoke)
        });
        self.tables().steps.insert((from, step), (to, spoke));
        (to, spoke)
    }

    /// Carries a step out. `None`: it isn't possible here.
    fn compute(&self, local: &Local, step: Step) -> Option<(Local, bool)> {
        let id = local.replica.id();
        let mut local = local.clone();
        let input = match step {
            Step::Deliver(number) => {
                let known = self.known(number);
                let for_it = match known.to {
                    To::Others => known.from != id,
                    To::Node(node) => node == id,
                };
                if !for_it || !local.has_use_for(&known.message) {
                    return None;
                }
                Input::Message { from: known.from, message: known.message.clone() }
            }
            Step::Timer => {
                let due = local.replica.deadline()? <= Time::from_millis(REQUEST_TIMEOUT_MS);
                if !local.is_in_view_0() || !due {
                    return None;
                }
                local.fired = true;
                Input::Tick
            }
        };
        let spoke = self.input(&mut local, input);
        Some((local, spoke))
    }

    /// One input and all that comes of it; whether any of it can be seen from outside.
    fn input(&self, local: &mut Local, input: Input) -> bool {
        let now = Time::from_millis(if local.fired { REQUEST_TIMEOUT_MS } else { 0 });
        let id = local.replica.id();
        let mut spoke = false;
        local.replica.handle(now, input);
        while let Some(effect) = local.replica.poll_effect() {
            match effect {
                Effect::Persist(number, _) => {
                    local.replica.handle(now, Input::Durable(number));
                    spoke = true;
                }
                Effect::Send { to, message } if !is_left_out(message.kind()) => {
                    let number = self.message(id, to, message);
                    let number = number.expect("a correct replica's message is refused nowhere");
                    if let Err(at) = local.sent.binary_search(&number) {
                        local.sent.insert(at, number);
                        spoke = true;
                    }
                }
                Effect::Event(EventKind::Executed { seq, digest, requests, .. }) => {
                    local.executed.insert(seq, digest);
                    local.executions.extend(requests.iter().map(|request| request.client.0));
                    spoke = true;
                }
                Effect::Event(EventKind::Committed { view, seq, digest, .. }) => {
                    local.committed.insert((view, seq, digest));
                    spoke = true;
                }
                _ => {}
            }
        }
        spoke
    }

    fn keep(&self, mut local: Local) -> LocalNumber {
        let said = (&local.sent, &local.executed, &local.executions, &local.committed);
        let key = Digest::of(&(local.replica.state_hash(), said, local.fired));
        let slots =
            local.replica.slots().map(|slot| (slot.seq, slot.view, slot.digest, slot.phase));
        let slots: Vec<_> = slots.collect();
        let standing = (local.replica.view(), local.replica.is_active(), local.fired);
        local.outward = Digest::of(&(said, standing, slots));
        let mut tables = self.tables();
        let next = tables.locals.len() as LocalNumber;
        let number = *tables.local_numbers.entry(key).or_insert(next);
        if number == next {
            tables.locals.push(Arc::new(local));
        }
        number
    }
}
