//! The cluster, its network, its disks and its hosts.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};
use core::mem::take;

use super::{super::member::Member, invariants::Invariants};
use crate::{
    crypto::Digest,
    dice::Dice,
    ids::{NodeId, Seq},
    protocol::{RecordNumber, To},
    raft::{Config, Event, Input, Message, Place, Record, Role},
    time::Time,
};

/// Short, so that a second holds many elections.
const ELECTION_MS: u64 = 100;
const HEARTBEAT_MS: u64 = 20;
const WINDOW: u64 = 16;
/// The host takes a state every so many positions, if it comes to that.
const CHECKPOINT: u64 = 8;
/// From so many positions before it on, members know where the epoch ends.
const SEAL_KNOWN_BEFORE: u64 = 10;

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) steps: u64,
    pub(super) crashes: u64,
    pub(super) records_lost: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) cut: u64,
    pub(super) elections: u64,
    pub(super) truncations: u64,
    pub(super) fetched: u64,
    pub(super) compactions: u64,
    pub(super) transfers: u64,
    pub(super) reads: u64,
    pub(super) seals: u64,
    pub(super) decided: u64,
}

impl Counts {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            crashes: self.crashes + other.crashes,
            records_lost: self.records_lost + other.records_lost,
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            cut: self.cut + other.cut,
            elections: self.elections + other.elections,
            truncations: self.truncations + other.truncations,
            fetched: self.fetched + other.fetched,
            compactions: self.compactions + other.compactions,
            transfers: self.transfers + other.transfers,
            reads: self.reads + other.reads,
            seals: self.seals + other.seals,
            decided: self.decided + other.decided,
        }
    }
}

/// What will happen, unless its member crashes first.
enum Due {
    Message { from: NodeId, to: NodeId, message: Message<u64> },
    Synced { node: usize, life: u32, upto: RecordNumber },
    Fetched { node: usize, life: u32, at: Place, digest: Digest },
    Compact { node: usize, life: u32, at: Seq },
    Restart { node: usize },
    Heal,
}

pub(super) struct World {
    members: Vec<Member>,
    lives: Vec<u32>,
    is_up: Vec<bool>,
    /// Whether each disk has a sync under way.
    is_syncing: Vec<bool>,
    due: BTreeMap<(Time, u64), Due>,
    next: u64,
    now: Time,
    dice: Dice,
    is_calm: bool,
    /// Directions that are cut.
    cut: Vec<(NodeId, NodeId)>,
    seal: Option<Seq>,
    payload: u64,
    read: u64,
    invariants: Invariants,
    pub(super) counts: Counts,
}

impl World {
    pub(super) fn new(seed: u64, n: u16, seal: Option<u64>) -> Self {
        let config = Config {
            election_timeout_ms: ELECTION_MS,
            heartbeat_ms: HEARTBEAT_MS,
            window: WINDOW,
            append_entries: 5,
            in_flight: 3,
            jitter: seed,
            ..Config::default()
        };
        let start = |id| Member::restored(id, n, config.clone(), Vec::new());
        let size = usize::from(n);
        Self {
            members: (0..n).map(start).collect(),
            lives: vec![0; size],
            is_up: vec![true; size],
            is_syncing: vec![false; size],
            due: BTreeMap::new(),
            next: 0,
            now: Time::from_millis(1),
            dice: Dice::new(seed, 0),
            is_calm: false,
            cut: Vec::new(),
            seal: seal.map(Seq),
            payload: 0,
            read: 0,
            invariants: Invariants::new(seed),
            counts: Counts::default(),
        }
    }

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn storm(&mut self, ms: u64) {
        let end = Time::from_millis(ms);
        while self.now < end {
            self.step();
            self.disturb();
        }
    }

    fn after(&mut self, micros: u64, due: Due) {
        self.next += 1;
        let at = self.now + core::time::Duration::from_micros(micros);
        self.due.insert((at, self.next), due);
    }

    /// The next thing that happens: something due, or a member's tick.
    pub(super) fn step(&mut self) {
        self.counts.steps += 1;
        let ticks = self.members.iter().zip(&self.is_up).enumerate();
        let tick = ticks
            .filter(|(_, (_, is_up))| **is_up)
            .map(|(node, (member, _))| (member.raft.deadline().max(self.now), node))
            .min();
        let due = self.due.first_key_value().map(|((at, _), _)| *at);
        match (due, tick) {
            (Some(at), tick) if tick.is_none_or(|(tick, _)| at <= tick) => {
                self.now = self.now.max(at);
                if let Some((_, due)) = self.due.pop_first() {
                    self.happens(due);
                }
            }
            (_, Some((at, node))) => {
                self.now = at;
                self.does(node, Input::Tick);
            }
            _ => panic!("nothing will ever happen again"),
        }
    }

    fn happens(&mut self, due: Due) {
        let lives = self.lives.clone();
        let is_same = |node: usize, life: u32| lives[node] == life;
        match due {
            Due::Message { from, to, message } => {
                if self.cut.contains(&(from, to)) {
                    self.counts.cut += 1;
                } else if self.is_up[usize::from(to.0)] {
                    self.does(usize::from(to.0), Input::Message { from, message });
                }
            }
            Due::Synced { node, life, upto } if is_same(node, life) => {
                self.is_syncing[node] = false;
                let member = &mut self.members[node];
                let safe = member.unsynced.iter().take_while(|(number, _)| *number <= upto).count();
                member.disk.extend(member.unsynced.drain(..safe).map(|(_, record)| record));
                if member.disk.len() > 40 {
                    member.disk = Record::compact(Seq(0), take(&mut member.disk)).unwrap();
                }
                self.does(node, Input::Durable(upto));
            }
            Due::Fetched { node, life, at, digest } if is_same(node, life) => {
                self.invariants.is_the_state(at, digest);
                self.counts.fetched += 1;
                let raft = &self.members[node].raft;
                if at.seq > raft.committed() && raft.role() != Role::Leader {
                    self.invariants.installs(node, at);
                }
                self.does(node, Input::Installed { at, digest });
            }
            Due::Compact { node, life, at } if is_same(node, life) => {
                if let Some(digest) = self.invariants.state(at) {
                    self.counts.compactions += 1;
                    self.does(node, Input::Compact { at, digest });
                }
            }
            Due::Restart { node } if !self.is_up[node] => {
                self.is_up[node] = true;
                self.members[node].now = self.now;
                self.members[node].restart();
                self.invariants.restarts(node, &self.members[node]);
                self.does(node, Input::Tick);
            }
            Due::Heal => self.cut.clear(),
            _ => {}
        }
    }

    fn does(&mut self, node: usize, input: Input<u64>) {
        let member = &mut self.members[node];
        member.now = self.now;
        let records = member.unsynced.len();
        member.input(input);
        let cuts = |(_, record): &&(_, _)| matches!(record, Record::Truncate { .. });
        self.counts.truncations += member.unsynced[records..].iter().filter(cuts).count() as u64;
        self.follow_up(node);
    }

    /// Checks, and does what the member wants done.
    fn follow_up(&mut self, node: usize) {
        let agreed = self.invariants.agreed_upto();
        self.invariants.check(node, &self.members[node]);
        if self.invariants.agreed_upto() > agreed {
            self.invariants.a_majority_has_it_on_disk(&self.members);
        }
        for event in take(&mut self.members[node].events) {
            match event {
                Event::Became { role: Role::Leader, .. } => self.counts.elections += 1,
                Event::HandOverBegan { .. } => self.counts.transfers += 1,
                Event::SealKnown(_) => self.counts.seals += 1,
                Event::Refused { from, why } => {
                    panic!("{}: {why:?} from {from}, though nobody lies", self.invariants)
                }
                _ => {}
            }
        }
        self.counts.reads += take(&mut self.members[node].ready).len() as u64;
        self.members[node].failed.clear();
        self.members[node].refused.clear();
        self.send(node);
        self.sync(node);
        self.serve_host(node);
    }

    fn send(&mut self, node: usize) {
        let from = NodeId(node as u16);
        let members = self.members[node].raft.members();
        for (to, message) in take(&mut self.members[node].sent) {
            match to {
                To::Node(to) => self.carry(from, to, message),
                To::Others => {
                    for to in members.others(from) {
                        self.carry(from, to, message.clone());
                    }
                }
            }
        }
    }

    fn carry(&mut self, from: NodeId, to: NodeId, message: Message<u64>) {
        if self.is_calm {
            let delay = 1_000 + self.dice.below(2_000);
            return self.after(delay, Due::Message { from, to, message });
        }
        if self.dice.chance(50_000) {
            self.counts.lost += 1;
            return;
        }
        if self.dice.chance(30_000) {
            self.counts.doubled += 1;
            let delay = self.dice.below(120_000);
            self.after(delay, Due::Message { from, to, message: message.clone() });
        }
        let slowest = if self.dice.chance(50_000) { 150_000 } else { 12_000 };
        let delay = 200 + self.dice.below(slowest);
        self.after(delay, Due::Message { from, to, message });
    }

    fn sync(&mut self, node: usize) {
        let member = &self.members[node];
        let Some((upto, _)) = member.unsynced.last() else { return };
        if self.is_syncing[node] {
            return;
        }
        self.is_syncing[node] = true;
        let (upto, life) = (*upto, self.lives[node]);
        let slowest = if self.is_calm { 2_000 } else { 15_000 };
        let delay = 100 + self.dice.below(slowest);
        self.after(delay, Due::Synced { node, life, upto });
    }

    /// The host executes, learns where the epoch ends, takes states and fetches them.
    fn serve_host(&mut self, node: usize) {
        let life = self.lives[node];
        let decided = take(&mut self.members[node].decided);
        self.counts.decided += decided.len() as u64;
        for (seq, _) in &decided {
            let is_due = seq.0.is_multiple_of(CHECKPOINT) && self.seal.is_none_or(|it| *seq <= it);
            if is_due && (self.is_calm || self.dice.chance(700_000)) {
                let delay = self.dice.below(5_000);
                self.after(delay, Due::Compact { node, life, at: *seq });
            }
        }
        for (at, digest) in take(&mut self.members[node].fetches) {
            let delay = 1_000 + self.dice.below(20_000);
            self.after(delay, Due::Fetched { node, life, at, digest });
        }
        let executed = self.members[node].raft.committed();
        if let Some(seal) = self.seal
            && executed.0 + SEAL_KNOWN_BEFORE >= seal.0
            && self.invariants.seals(node)
        {
            self.does(node, Input::Seal(seal));
        }
    }

    /// What clients and bad luck do.
    fn disturb(&mut self) {
        let n = self.members.len();
        let node = self.dice.below(n as u64) as usize;
        let other = NodeId(self.dice.below(n as u64) as u16);
        match self.dice.below(1_000) {
            0..200 => self.propose(node),
            200..230 => self.ask(node),
            230..233 if self.is_up[node] => self.crash(node),
            233..236 => self.partition(),
            236..238 if self.is_up[node] => self.does(node, Input::Transfer(other)),
            _ => {}
        }
    }

    fn propose(&mut self, node: usize) {
        if self.is_up[node] {
            self.payload += 1;
            self.does(node, Input::Propose(self.payload));
        }
    }

    fn ask(&mut self, node: usize) {
        if self.is_up[node] {
            self.read += 1;
            self.invariants.asks(self.read);
            self.does(node, Input::Read(self.read));
        }
    }

    fn crash(&mut self, node: usize) {
        self.counts.crashes += 1;
        self.counts.records_lost += self.members[node].unsynced.len() as u64;
        // Some of what was on its way to the disk may have arrived.
        let member = &mut self.members[node];
        let arrived = self.dice.below(member.unsynced.len() as u64 + 1) as usize;
        let arrived: Vec<_> = member.unsynced.drain(..arrived).collect();
        self.counts.records_lost -= arrived.len() as u64;
        member.disk.extend(arrived.into_iter().map(|(_, record)| record));
        self.is_up[node] = false;
        self.is_syncing[node] = false;
        self.lives[node] += 1;
        let delay = self.dice.below(400_000);
        self.after(delay, Due::Restart { node });
    }

    fn partition(&mut self) {
        let n = self.members.len() as u64;
        let ways = 1 + self.dice.below(2);
        let side = self.dice.below(1 << n);
        for a in 0..n {
            for b in 0..n {
                let leaves = side >> a & 1 == 1 && side >> b & 1 == 0;
                let enters = side >> a & 1 == 0 && side >> b & 1 == 1;
                if leaves || (enters && ways == 2) {
                    self.cut.push((NodeId(a as u16), NodeId(b as u16)));
                }
            }
        }
        let delay = self.dice.below(600_000);
        self.after(delay, Due::Heal);
    }

    /// Everything is repaired, and nothing goes wrong any more.
    pub(super) fn calm_down(&mut self) {
        self.is_calm = true;
        self.cut.clear();
        for node in 0..self.members.len() {
            self.happens(Due::Restart { node });
        }
        // A host that didn't compact for lack of luck does so now.
        for node in 0..self.members.len() {
            let at = self.members[node].raft.committed();
            let at = self.seal.map_or(at, |seal| at.min(seal));
            self.happens(Due::Compact { node, life: self.lives[node], at });
        }
    }

    /// A payload that all must execute now, unless the epoch ends.
    pub(super) fn propose_in_calm(&mut self) -> u64 {
        self.payload += 1;
        self.payload
    }

    /// As a client does that has no answer.
    pub(super) fn propose_again(&mut self, payload: u64) {
        if self.invariants.is_decided(payload) || !self.counts.steps.is_multiple_of(16) {
            return;
        }
        let leads = |node: &usize| self.members[*node].raft.role() == Role::Leader;
        if let Some(node) = (0..self.members.len()).find(leads) {
            self.does(node, Input::Propose(payload));
        }
    }

    pub(super) fn is_done(&self, payload: u64) -> bool {
        let end = match self.seal {
            Some(seal) if self.invariants.agreed_upto() + SEAL_KNOWN_BEFORE >= seal.0 => {
                if self.counts.seals == 0 {
                    return false;
                }
                seal
            }
            _ if self.invariants.is_decided(payload) => Seq(self.invariants.agreed_upto()),
            _ => return false,
        };
        self.members.iter().all(|member| member.raft.committed() >= end)
    }

    pub(super) fn describe(&self) -> String {
        let one = |member: &Member| {
            let raft = &member.raft;
            format!(
                "{:?} of term {} at {} of {} from {}",
                raft.role(),
                raft.term(),
                raft.committed(),
                raft.last().seq,
                raft.snapshot().0.seq
            )
        };
        let all: Vec<_> = self.members.iter().map(one).collect();
        format!("agreed up to {}: {}", self.invariants.agreed_upto(), all.join("; "))
    }
}
