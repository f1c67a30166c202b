//! Figure 3's properties, and the promises of every member, after every step.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use super::super::member::{Decided, Member, at};
use crate::{
    crypto::Digest,
    ids::{NodeId, Seq, Term},
    raft::{Answer, Body, Entry, Place, Role, records::Memory},
};

/// What everybody has seen so far.
pub(super) struct Invariants {
    seed: u64,
    steps: u64,
    leaders: BTreeMap<Term, NodeId>,
    /// Every entry that ever stood anywhere, with the term of the entry before it.
    entries: BTreeMap<Place, (Option<Term>, Entry<u64>)>,
    /// What is decided, in which term it was, and the state after it.
    agreed: BTreeMap<Seq, (Decided, Term, Digest)>,
    /// Who voted for whom.
    votes: BTreeMap<(usize, Term), NodeId>,
    /// The log of each member when it was last seen leading, and the term.
    led: BTreeMap<usize, (Term, Place, Vec<Entry<u64>>)>,
    /// The next position that each host is to be told.
    next: BTreeMap<usize, Seq>,
    sealed: BTreeSet<usize>,
    /// How far everything was decided when a read came.
    asked: BTreeMap<u64, Seq>,
}

impl fmt::Display for Invariants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, step {}", self.seed, self.steps)
    }
}

/// A chain over what is decided: cheap, and different for different histories.
fn state_after(before: Digest, decided: Decided) -> Digest {
    let mut bytes = before.0;
    let word = before.prefix().rotate_left(13)
        ^ (decided.0.wrapping_mul(31) + decided.1.map_or(0, |it| it + 1))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bytes[..8].copy_from_slice(&word.to_be_bytes());
    Digest(bytes)
}

impl Invariants {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            steps: 0,
            leaders: BTreeMap::new(),
            entries: BTreeMap::new(),
            agreed: BTreeMap::new(),
            votes: BTreeMap::new(),
            led: BTreeMap::new(),
            next: BTreeMap::new(),
            sealed: BTreeSet::new(),
            asked: BTreeMap::new(),
        }
    }

    /// After a member did something; before what it said leaves.
    pub(super) fn check(&mut self, node: usize, member: &Member) {
        self.steps += 1;
        self.log_matching(member);
        self.state_machine_safety(node, member);
        if member.raft.role() == Role::Leader {
            self.election_safety(member);
            self.leader_append_only(node, member);
            self.leader_completeness(member);
        }
        self.promises_are_durable(node, member);
        self.reads_see_what_was_decided(member);
        assert!(member.raft.committed() <= member.raft.last().seq, "{self}");
        assert!(member.raft.entries().count() as u64 <= 32, "{self}: twice the window");
    }

    /// "At most one leader can be elected in a given term."
    fn election_safety(&mut self, member: &Member) {
        let (term, id) = (member.raft.term(), member.raft.id());
        let leader = *self.leaders.entry(term).or_insert(id);
        assert_eq!(leader, id, "{self}: two leaders of term {term}");
    }

    /// "A leader never overwrites or deletes entries in its log; it only appends new entries."
    fn leader_append_only(&mut self, node: usize, member: &Member) {
        let (term, base) = (member.raft.term(), member.raft.snapshot().0);
        let log: Vec<_> = member.raft.entries().cloned().collect();
        if let Some((before_term, before_base, before)) = self.led.get(&node)
            && *before_term == term
        {
            let gone = (base.seq.0 - before_base.seq.0) as usize;
            let kept = &before[gone.min(before.len())..];
            assert_eq!(kept, &log[..kept.len()], "{self}: leader {node} rewrote its log");
        }
        self.led.insert(node, (term, base, log));
    }

    /// "If two logs contain an entry with the same index and term, then the logs are identical in
    /// all entries up through the given index": by induction, if each entry determines itself and
    /// the term of the one before.
    fn log_matching(&mut self, member: &Member) {
        let base = member.raft.snapshot().0;
        let mut before = base;
        for (entry, seq) in member.raft.entries().zip(base.seq.0 + 1..) {
            let place = at(entry.term.0, seq);
            let fresh = || (Some(before.term), entry.clone());
            let known = self.entries.entry(place).or_insert_with(fresh).clone();
            let matches = known.0 == Some(before.term) && known.1 == *entry;
            assert!(matches, "{self}: {place:?} is {entry:?} after {before:?}, and {known:?}");
            before = place;
        }
    }

    /// "If a server has applied a log entry at a given index to its state machine, no other server
    /// will ever apply a different log entry for the same index." And each in order.
    fn state_machine_safety(&mut self, node: usize, member: &Member) {
        for (seq, decided) in &member.decided {
            let next = self.next.entry(node).or_insert(Seq(1));
            assert_eq!(seq, next, "seed {}: member {node} skips or repeats", self.seed);
            *next = seq.next();
            let before = match seq.0 {
                1 => Digest::default(),
                seq => self.agreed[&Seq(seq - 1)].2,
            };
            let state = state_after(before, *decided);
            let known = self.agreed.entry(*seq).or_insert((*decided, member.raft.term(), state)).0;
            assert_eq!(known, *decided, "{self}: {seq} is decided twice");
        }
    }

    /// "If a log entry is committed in a given term, then that entry will be present in the logs of
    /// the leaders for all higher-numbered terms."
    fn leader_completeness(&self, member: &Member) {
        let (term, base) = (member.raft.term(), member.raft.snapshot().0);
        let log: Vec<_> = member.raft.entries().collect();
        for (seq, (decided, in_term, _)) in self.agreed.range(base.seq.next()..) {
            if *in_term < term {
                let index = (seq.0 - base.seq.0 - 1) as usize;
                let there = log.get(index).map(|entry| (entry.term.0, entry.payload));
                assert_eq!(there, Some(*decided), "{self}: the leader of {term} lacks {seq}");
            }
        }
    }

    /// What a member says about itself is on its disk when it says it, and never contradicted.
    fn promises_are_durable(&mut self, node: usize, member: &Member) {
        if member.sent.is_empty() {
            return;
        }
        let memory = Memory::new(at(0, 0), Digest::default());
        let memory = memory.read(member.disk.iter().cloned()).unwrap();
        for (to, message) in &member.sent {
            let term = message.term;
            let binds = !matches!(
                message.body,
                Body::PreVote { .. } | Body::Read { .. } | Body::ReadAt { .. }
            );
            assert!(!binds || term <= memory.term, "{self}: {node} could forget term {term}");
            match message.body {
                Body::VoteReply { granted: true } => {
                    let crate::protocol::To::Node(to) = to else { panic!("a vote for all") };
                    let for_whom = *self.votes.entry((node, term)).or_insert(*to);
                    assert_eq!(for_whom, *to, "{self}: {node} votes twice in {term}");
                    let kept = memory.term > term || memory.vote == Some(*to);
                    assert!(kept, "{self}: {node} could forget its vote");
                }
                Body::AppendReply { answer: Answer::Matched(seq) | Answer::Full(seq), .. } => {
                    let last = memory.base.seq.0 + memory.entries.len() as u64;
                    assert!(last >= seq.0, "{self}: {node} could forget {last}..{seq}");
                    let on_disk = seq
                        .0
                        .checked_sub(memory.base.seq.0 + 1)
                        .map(|index| memory.entries[index as usize].term);
                    let base = member.raft.snapshot().0.seq.0;
                    let in_log = seq.0.checked_sub(base + 1).and_then(|index| {
                        member.raft.entries().nth(index as usize).map(|entry| entry.term)
                    });
                    if on_disk.is_some() && in_log.is_some() && term == member.raft.term() {
                        assert_eq!(on_disk, in_log, "{self}: {node} has another {seq} on disk");
                    }
                }
                Body::Vote { .. } => {
                    let kept = memory.term > term || memory.vote == Some(member.raft.id());
                    assert!(kept, "{self}: {node} could forget that it stands");
                }
                _ => {}
            }
        }
    }

    /// What was decided last is on the disks of a majority, and with it all before (log matching).
    pub(super) fn a_majority_has_it_on_disk(&self, members: &[Member]) {
        let Some((seq, ((term, _), ..))) = self.agreed.last_key_value() else { return };
        let holds = |member: &&Member| {
            let memory = Memory::new(at(0, 0), Digest::default());
            let memory = memory.read(member.disk.iter().cloned()).unwrap();
            match seq.0.checked_sub(memory.base.seq.0 + 1) {
                None => true,
                Some(index) => {
                    memory.entries.get(index as usize).is_some_and(|entry| entry.term.0 == *term)
                }
            }
        };
        let holders = members.iter().filter(holds).count();
        assert!(holders > members.len() / 2, "{self}: {seq} is decided, and on {holders} disks");
    }

    /// A read sees everything that anybody could have seen when it came.
    fn reads_see_what_was_decided(&self, member: &Member) {
        for (id, from) in &member.ready {
            let asked = self.asked[id];
            assert!(*from >= asked, "{self}: read {id} sees {from}, and {asked} was decided");
            assert!(*from <= member.raft.committed(), "{self}: read {id} comes too early");
        }
    }

    /// A read comes now.
    pub(super) fn asks(&mut self, read: u64) {
        self.asked.insert(read, Seq(self.agreed_upto()));
    }

    pub(super) fn restarts(&mut self, node: usize, member: &Member) {
        let (base, digest) = member.raft.snapshot();
        if base.seq > Seq(0) {
            self.is_the_state(base, digest);
        }
        self.next.insert(node, base.seq.next());
        self.sealed.remove(&node);
        self.led.remove(&node);
    }

    /// The state named here is the one that what was decided leads to.
    pub(super) fn is_the_state(&self, at: Place, digest: Digest) {
        let known = self.agreed.get(&at.seq).map(|((term, _), _, state)| (*term, *state));
        assert_eq!(known, Some((at.term.0, digest)), "{self}: no such state at {at:?}");
    }

    /// The host holds this state now, unless it is ahead of it.
    pub(super) fn installs(&mut self, node: usize, at: Place) {
        let next = self.next.entry(node).or_insert(Seq(1));
        *next = (*next).max(at.seq.next());
    }

    pub(super) fn state(&self, at: Seq) -> Option<Digest> {
        self.agreed.get(&at).map(|(_, _, state)| *state)
    }

    /// Whether the member is to be told of the epoch's end: once a life.
    pub(super) fn seals(&mut self, node: usize) -> bool {
        self.sealed.insert(node)
    }

    pub(super) fn agreed_upto(&self) -> u64 {
        self.agreed.last_key_value().map_or(0, |(seq, _)| seq.0)
    }

    pub(super) fn is_decided(&self, payload: u64) -> bool {
        self.agreed.values().any(|((_, it), ..)| *it == Some(payload))
    }
}
