//! What clients ask, and when.

use alloc::{collections::VecDeque, vec::Vec};
use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

#[cfg(feature = "guards")]
use super::dependency::Dependency;
use super::{
    adversary::Mischief,
    keys::Keyring,
    without::{PatienceConfig, TestimonyConfig},
};
use crate::{
    app::Operation,
    client::{Client, Patience, Way},
    config::BadConfig,
    dice::Dice,
    ids::{ClientId, Principal, Timestamp},
    pbft::Change,
    quorum::Membership,
    replica::Override,
    time::Time,
};

/// The clients of a run: each asks, waits for the answer, thinks, and asks again.
///
/// # Default
///
/// Two clients, 40 ms of thought, without end, over four keys; retransmission after 400 ms, then 2, 4,
/// 8 times as long, and so on for ever; every request is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workload {
    /// How many clients.
    pub clients: u16,
    /// Up to so much time between an answer and the next request, uniformly from half of it.
    pub think_ms: u32,
    /// How many requests each client makes; 0: no end.
    pub requests: u32,
    /// How many different keys they touch.
    pub keys: u16,
    /// After how long they send again, to all, if `patience` doesn't say.
    pub retransmit_ms: u32,
    /// How they ask again, in every detail; each draws its jitter of its own.
    pub patience: Option<PatienceConfig>,
    /// Whether they show nodes the replies that f+1 others contradict.
    pub testimony: Option<TestimonyConfig>,
    /// The share of gets that are asked as reads, not ordered, in parts per million.
    pub read_ppm: u32,
    /// When the first of them asks.
    pub start_ms: u32,
    /// How long what they put stays, by agreed time; 0: for ever.
    pub ttl_ms: u32,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            clients: 2,
            think_ms: 40,
            requests: 0,
            keys: 4,
            retransmit_ms: 400,
            patience: None,
            testimony: None,
            read_ppm: 0,
            start_ms: 0,
            ttl_ms: 0,
        }
    }
}

impl Workload {
    fn patience(&self) -> Patience {
        let first = Duration::from_millis(u64::from(self.retransmit_ms));
        #[cfg(feature = "guards")]
        if let Some(patience) = &self.patience {
            return patience.clone();
        }
        Patience::doubling(first)
    }
}

/// Something to ask for.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Of the application.
    Operation(Operation),
    /// Of the administrator.
    Change(Change),
    /// Of the administrator, too.
    Override(Override),
}

impl Wanted {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Operation(operation) => operation.encode(),
            Self::Change(change) => change.encode(),
            Self::Override(order) => order.encode(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(operation) => operation.fmt(f),
            Self::Change(change) => change.fmt(f),
            Self::Override(order) => order.fmt(f),
        }
    }
}

/// One client of a simulated cluster.
#[derive(Clone, Debug)]
pub struct SimClient {
    pub(crate) client: Client,
    id: ClientId,
    dice: Dice,
    workload: Workload,
    /// What it asks for, where nodes depend on a service.
    #[cfg(feature = "guards")]
    pub(crate) dependency: Option<Dependency>,
    /// How many requests of its own workload it has made.
    asked: u32,
    /// It is Byzantine: what it does, and which act made it so.
    pub(crate) corrupted: Option<(Mischief, usize)>,
    /// Operations that a person asked for, first in line.
    pub(crate) wanted: VecDeque<Wanted>,
    /// The injections whose changes of membership are asked for, in order. For the administrator.
    pub(crate) changes: VecDeque<usize>,
    /// When it asks next, if it is thinking.
    pub(crate) next_at: Option<Time>,
    /// The earliest wake-up that is in the queue.
    pub(crate) wake_at: Option<Time>,
}

impl SimClient {
    pub(crate) fn new(
        workload: Workload,
        members: Membership,
        id: ClientId,
        seed: u64,
        keyring: &Keyring,
    ) -> Result<Self, BadConfig> {
        let keys = keyring.of(Principal::Client(id));
        #[cfg_attr(not(feature = "guards"), allow(unused_mut, reason = "it draws nothing then"))]
        let mut patience = workload.patience();
        #[cfg(feature = "guards")]
        {
            patience.retry.seed = seed ^ id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        let mut dice = Dice::new(seed, 1_000_u64.wrapping_add(id.0));
        let start = Time::from_millis(u64::from(workload.start_ms));
        let first =
            start + Duration::from_micros(dice.below(u64::from(workload.think_ms) * 500 + 1));
        let client = Client::new(members, keys, patience, Timestamp(1))?;
        #[cfg(feature = "guards")]
        let client = workload.testimony.iter().fold(client, |mut client, shows| {
            client.show_lies(shows.clone());
            client
        });
        Ok(Self {
            client,
            id,
            dice,
            workload,
            #[cfg(feature = "guards")]
            dependency: None,
            asked: 0,
            corrupted: None,
            wanted: VecDeque::new(),
            changes: VecDeque::new(),
            next_at: Some(first),
            wake_at: None,
        })
    }

    /// The client that changes the membership when a scenario or a person wants it, and asks for
    /// nothing else.
    pub(crate) fn administrator(
        workload: Workload,
        members: Membership,
        seed: u64,
        keyring: &Keyring,
    ) -> Result<Self, BadConfig> {
        let id = ClientId::ADMINISTRATOR;
        Ok(Self { next_at: None, ..Self::new(workload, members, id, seed, keyring)? })
    }

    /// Its number.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// Whether it is Byzantine.
    pub fn is_byzantine(&self) -> bool {
        self.corrupted.is_some()
    }

    /// Its protocol state.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// When it next wants to act.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.client.deadline().or(self.next_at)
    }

    /// Whether it wants nothing any more.
    pub(crate) fn is_done(&self) -> bool {
        self.deadline().is_none()
    }

    pub(crate) fn think(&mut self, now: Time) {
        if self.id == ClientId::ADMINISTRATOR {
            self.next_at = (!self.wanted.is_empty()).then_some(now);
            return;
        }
        let think_us = u64::from(self.workload.think_ms) * 1_000;
        let pause = think_us / 2 + self.dice.below(think_us / 2 + 1);
        self.next_at = Some(now + Duration::from_micros(pause));
    }

    /// What it asks next, and how; `None` when it has asked all it wanted.
    pub(crate) fn next_operation(&mut self) -> Option<(Wanted, Way)> {
        let wanted = match self.wanted.pop_front() {
            Some(wanted) => wanted,
            None => Wanted::Operation(self.operation()?),
        };
        let may_read = matches!(wanted, Wanted::Operation(Operation::Get { .. }));
        let reads =
            may_read && self.workload.read_ppm > 0 && self.dice.chance(self.workload.read_ppm);
        Some((wanted, if reads { Way::Read } else { Way::Ordered }))
    }

    fn operation(&mut self) -> Option<Operation> {
        if self.id == ClientId::ADMINISTRATOR {
            return None;
        }
        if self.workload.requests > 0 && self.asked >= self.workload.requests {
            return None;
        }
        self.asked += 1;
        let key = self.dice.below(u64::from(self.workload.keys).max(1));
        let key = numbered(b"k", key);
        let value = self.value(self.asked);
        let drawn = self.dice.below(10);
        #[cfg(feature = "guards")]
        let drawn = self.dependency.as_ref().map_or(drawn, |it| it.drawn(self.id, drawn));
        Some(match drawn {
            0..5 if self.workload.ttl_ms > 0 => {
                Operation::PutFor { key, value, ttl_ms: u64::from(self.workload.ttl_ms) }
            }
            0..5 => Operation::Put { key, value },
            5..8 => Operation::Get { key },
            8 => {
                let expected = match self.dice.below(2) {
                    0 => None,
                    _ => Some(self.value(self.asked - 1)),
                };
                Operation::CompareAndSet { key, expected, new: Some(value) }
            }
            _ => Operation::Delete { key },
        })
    }

    /// A value that no other client writes, and this one once.
    fn value(&self, asked: u32) -> Vec<u8> {
        let mut value = numbered(b"", self.id.0);
        value.push(b'.');
        push_number(&mut value, u64::from(asked));
        value
    }
}

/// A name and a number behind it.
fn numbered(name: &[u8], number: u64) -> Vec<u8> {
    // Room for a client's number and that of its request.
    let mut bytes = Vec::with_capacity(24);
    bytes.extend_from_slice(name);
    push_number(&mut bytes, number);
    bytes
}

/// In decimal digits. Every request is made of three such numbers, so not by way of a formatter.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    let before = bytes.len();
    loop {
        bytes.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    bytes[before..].reverse();
}
