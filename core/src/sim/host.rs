//! One simulated node: what a real one runs, its disk and keys, and whether it is up and honest.

#[cfg(feature = "guards")]
use alloc::boxed::Box;
use alloc::{string::String, sync::Arc, vec::Vec};

use super::{
    adversary::Strategy,
    disk::{Condition, Disk},
    keys::Keyring,
    scenario::Scenario,
};
#[cfg(feature = "guards")]
use super::{
    dependency::Entrance,
    dialing::{self, Tie},
};
use crate::{
    app::KeyValue,
    config::BadConfig,
    crypto::Authenticator,
    ids::{NodeId, Principal},
    node::Node,
    pbft::Replica,
    protocol::Protocol,
    quorum::Membership,
    replica::NewMember,
    time::Time,
};
#[cfg(feature = "guards")]
use crate::{ids::ClientId, sorted::SortedMap};

/// What wall clocks show when a run begins, in microseconds since 1970: the start of 2026.
const WALL_CLOCK_AT_START_US: i64 = 1_767_225_600_000_000;

/// One node.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) node: Node<KeyValue>,
    /// What it knew at the beginning; its replica learns more.
    keys: Arc<dyn Authenticator>,
    genesis: Membership,
    pub(super) disk: Disk,
    /// How far its wall clock is ahead of virtual time.
    clock_offset_us: i64,
    pub(super) up: bool,
    pub(super) strategies: Vec<Strategy>,
    pub(super) ever_byzantine: bool,
    pub(super) ever_down: bool,
    /// Whether an experiment ever did something to what it sends.
    #[cfg(feature = "guards")]
    pub(super) ever_touched: bool,
    /// Whether it ever found that its disk had lost what was safe.
    pub(super) ever_damaged: bool,
    /// Until when it has something to do, if handling takes time,
    #[cfg(feature = "guards")]
    pub(super) busy_until: Time,
    /// and until when it reads nothing of each client that it turned away.
    #[cfg(feature = "guards")]
    pub(super) held_back: SortedMap<ClientId, Time>,
    /// Where clients' requests come in, if nodes depend on a service.
    #[cfg(feature = "guards")]
    pub(super) entrance: Option<Box<Entrance>>,
    /// Its way to each node there is, if connections have to be made.
    #[cfg(feature = "guards")]
    pub(super) ties: Vec<Tie>,
    /// The earliest wake-up that is in the queue.
    pub(super) wake_at: Option<Time>,
    /// Which injection made it crash, lie, …: to count what came of it.
    pub(super) corrupted_by: Option<usize>,
    pub(super) crashed_by: Option<usize>,
    pub(super) damaged_by: Option<usize>,
    /// What it found on its disk when it last started.
    pub(super) found: Condition,
    /// Who stands by.
    standby: Vec<NewMember>,
}

impl Host {
    pub(super) fn new(
        scenario: &Scenario,
        id: NodeId,
        keyring: &Keyring,
    ) -> Result<Self, BadConfig> {
        let keys = keyring.of(Principal::Node(id));
        let mut node = Node::new(
            id,
            scenario.members,
            scenario.config.clone(),
            keys.clone(),
            KeyValue::default(),
        )?;
        #[cfg(feature = "guards")]
        node.guard(scenario.gate.clone())?;
        let skew_ms = scenario.clock_skew_ms.get(usize::from(id.0)).copied().unwrap_or(0);
        let clock_offset_us = WALL_CLOCK_AT_START_US + skew_ms * 1_000;
        node.set_clock_offset_us(clock_offset_us);
        let standby = standby(scenario, keyring);
        node.stand_by(standby.clone());
        Ok(Self {
            node,
            standby,
            clock_offset_us,
            keys,
            genesis: scenario.members,
            disk: Disk::new(scenario.disk),
            up: true,
            strategies: Vec::new(),
            ever_byzantine: false,
            ever_down: false,
            #[cfg(feature = "guards")]
            ever_touched: false,
            ever_damaged: false,
            #[cfg(feature = "guards")]
            busy_until: Time::ZERO,
            #[cfg(feature = "guards")]
            held_back: SortedMap::new(),
            #[cfg(feature = "guards")]
            entrance: scenario.dependency.as_ref().map(Entrance::new).transpose()?,
            #[cfg(feature = "guards")]
            ties: dialing::ties(scenario, id)?,
            wake_at: None,
            corrupted_by: None,
            crashed_by: None,
            damaged_by: None,
            found: Condition::Clean,
        })
    }

    /// What it runs: as it was at the crash, if it is down.
    pub fn node(&self) -> &Node<KeyValue> {
        &self.node
    }

    /// The replica in it.
    pub fn replica(&self) -> &Replica<KeyValue> {
        self.node.replica()
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether it lies, or ever did.
    pub fn is_byzantine(&self) -> bool {
        self.ever_byzantine
    }

    /// How it lies now.
    pub fn strategies(&self) -> &[Strategy] {
        &self.strategies
    }

    /// What it found on its disk when it last started.
    pub fn found(&self) -> Condition {
        self.found
    }

    /// Whether it counts as one of the f: it is down, lies or lied, or doesn't vote because it
    /// lost memory.
    pub(super) fn is_faulty(&self) -> bool {
        !self.up || self.ever_byzantine || self.replica().is_recovering()
    }

    /// Until when what has arrived keeps it busy, where handling takes time: see
    /// [`Network::handling_us`](super::Network::handling_us).
    #[cfg(feature = "guards")]
    pub fn busy_until(&self) -> Time {
        self.busy_until
    }

    /// Until when it reads nothing of a client that it turned away.
    #[cfg(feature = "guards")]
    pub fn held_back_until(&self, client: ClientId) -> Option<Time> {
        self.held_back.get(&client).copied()
    }

    /// Where clients' requests come in, if nodes depend on a service.
    #[cfg(feature = "guards")]
    pub fn entrance(&self) -> Option<&Entrance> {
        self.entrance.as_deref()
    }

    /// Its ways to others, where connections have to be made.
    #[cfg(feature = "guards")]
    pub fn ties(&self) -> impl Iterator<Item = (NodeId, &Tie)> {
        let own = self.replica().id();
        (0..).map(NodeId).zip(&self.ties).filter(move |(to, _)| *to != own)
    }

    /// How many records its disk holds.
    pub fn records(&self) -> usize {
        self.disk.len()
    }

    /// How many records a crash now would lose.
    pub fn unsynced(&self) -> usize {
        self.disk.unsynced()
    }

    /// When it next wants to be woken.
    pub(super) fn deadline(&self) -> Option<Time> {
        if self.up { self.node.deadline() } else { None }
    }

    /// Starts from its disk, forgetting everything else; if the disk lost something, as one that
    /// has to recover.
    pub(super) fn restart(&mut self, now: Time) -> bool {
        let (id, members) = (self.replica().id(), self.genesis);
        let config = self.replica().config().clone();
        let authenticator = self.keys.clone();
        let genesis = KeyValue::default();
        let (records, found) = self.disk.read();
        let restored = match found {
            Condition::Clean | Condition::TornTail => {
                Node::restore(id, members, config, authenticator, genesis, records)
            }
            // Time never comes back, so it numbers lives; 0 is the life without loss.
            Condition::Damaged(_) => Node::restore_damaged(
                id,
                members,
                config,
                authenticator,
                genesis,
                records,
                now.0 + 1,
            ),
        };
        // It fails only on a snapshot of another application, which this disk can't hold.
        match restored {
            Ok(mut node) => {
                #[cfg(feature = "guards")]
                {
                    // It was valid before.
                    let gate = self.node.gate().map(|gate| gate.config().clone());
                    let _ = node.guard(gate);
                    self.entrance = self.entrance.as_ref().and_then(|it| it.anew().ok());
                }
                node.set_clock_offset_us(self.clock_offset_us);
                node.stand_by(self.standby.clone());
                self.disk.mend();
                self.found = found;
                self.ever_damaged |= matches!(found, Condition::Damaged(_));
                self.node = node;
                self.up = true;
                true
            }
            Err(_) => false,
        }
    }
}

/// Who stands by, if one may be needed: the spares.
fn standby(scenario: &Scenario, keyring: &Keyring) -> Vec<NewMember> {
    if !scenario.config.policy.replace_convicted {
        return Vec::new();
    }
    let spares = scenario.nodes().skip(usize::from(scenario.members.n()));
    let member = |id| NewMember { id, key: keyring.public(id), contact: String::new() };
    spares.map(member).collect()
}
