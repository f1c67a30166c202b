//! One member, its disk, and what it said.

use alloc::vec::Vec;
use core::{mem::take, time::Duration};

use crate::{
    crypto::Digest,
    ids::{Epoch, NodeId, Seq, Term},
    protocol::{RecordNumber, To},
    quorum::Membership,
    raft::{
        Append, Body, Config, Effect, Entry, Event, Input, Message, NotProposed, Place, Raft,
        ReadId, Record,
    },
    time::Time,
};

/// What is decided at a position: the term of the entry, and its payload.
pub(super) type Decided = (u64, Option<u64>);

pub(super) fn at(term: u64, seq: u64) -> Place {
    Place { term: Term(term), seq: Seq(seq) }
}

pub(super) fn entry(term: u64, payload: u64) -> Entry<u64> {
    Entry { term: Term(term), payload: Some(payload) }
}

pub(super) fn nothing(term: u64) -> Entry<u64> {
    Entry { term: Term(term), payload: None }
}

/// Entries of these terms: the first of each term is empty, as leaders begin.
pub(super) fn entries(terms: &[u64]) -> Vec<Entry<u64>> {
    let mut before = 0;
    let mut all = Vec::new();
    for (index, term) in terms.iter().enumerate() {
        let begins = core::mem::replace(&mut before, *term) != *term;
        all.push(if begins { nothing(*term) } else { entry(*term, 100 * term + index as u64) });
    }
    all
}

pub(super) fn append(prev: Place, entries: Vec<Entry<u64>>, commit: u64) -> Body<u64> {
    Body::Append(Append { prev, entries, commit: Seq(commit), round: 1 })
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) raft: Raft<u64>,
    pub(super) now: Time,
    /// What was asked for and isn't synced yet.
    pub(super) unsynced: Vec<(RecordNumber, Record<u64>)>,
    pub(super) disk: Vec<Record<u64>>,
    pub(super) sent: Vec<(To, Message<u64>)>,
    /// From the first position that it was told on.
    pub(super) decided: Vec<(Seq, Decided)>,
    pub(super) events: Vec<Event>,
    pub(super) refused: Vec<(u64, NotProposed)>,
    /// Reads that may be answered, and from where on.
    pub(super) ready: Vec<(ReadId, Seq)>,
    pub(super) failed: Vec<ReadId>,
    pub(super) fetches: Vec<(Place, Digest)>,
}

pub(super) fn state_at(seq: u64) -> Digest {
    Digest::of(&("state", seq))
}

impl Member {
    pub(super) fn new(id: u16, n: u16) -> Self {
        Self::with_log(id, n, 0, &[])
    }

    /// In this term, with entries of these terms on its disk.
    pub(super) fn with_log(id: u16, n: u16, term: u64, terms: &[u64]) -> Self {
        let mut disk = Vec::new();
        if term > 0 {
            disk.push(Record::Term { term: Term(term), vote: None });
        }
        if !terms.is_empty() {
            disk.push(Record::Append { first: Seq(1), entries: entries(terms) });
        }
        Self::restored(id, n, Config::default(), disk)
    }

    pub(super) fn restored(id: u16, n: u16, config: Config, disk: Vec<Record<u64>>) -> Self {
        Self::restored_at(Time::from_millis(1), id, n, config, disk)
    }

    fn restored_at(now: Time, id: u16, n: u16, config: Config, disk: Vec<Record<u64>>) -> Self {
        let members = Membership::new(n).unwrap();
        let raft =
            Raft::restore(NodeId(id), members, config, state_at(0), disk.iter().cloned()).unwrap();
        let mut member = Self {
            raft,
            now,
            unsynced: Vec::new(),
            disk,
            sent: Vec::new(),
            decided: Vec::new(),
            events: Vec::new(),
            refused: Vec::new(),
            ready: Vec::new(),
            failed: Vec::new(),
            fetches: Vec::new(),
        };
        member.input(Input::Tick);
        member
    }

    /// It crashes, and starts from what is on its disk.
    pub(super) fn restart(&mut self) {
        let n = self.raft.members().n();
        let config = self.raft.config.clone();
        let disk = take(&mut self.disk);
        *self = Self::restored_at(self.now, self.raft.id().0, n, config, disk);
    }

    /// Takes an input, and does what it asks for but for syncing.
    pub(super) fn input(&mut self, input: Input<u64>) {
        self.raft.handle(self.now, input);
        while let Some(effect) = self.raft.poll_effect() {
            match effect {
                Effect::Persist(number, record) => self.unsynced.push((number, record)),
                Effect::Send { to, message } => self.sent.push((to, message)),
                Effect::Commit { at, payload } => {
                    self.decided.push((at.seq, (at.term.0, payload)));
                }
                Effect::NotProposed { payload, why } => self.refused.push((payload, why)),
                Effect::ReadReady { id, at } => self.ready.push((id, at)),
                Effect::ReadFailed { id } => self.failed.push(id),
                Effect::FetchState { at, digest, .. } => self.fetches.push((at, digest)),
                Effect::Event(event) => self.events.push(event),
            }
        }
    }

    /// What was asked for is on its disk now.
    pub(super) fn sync(&mut self) {
        while let Some((number, _)) = self.unsynced.last() {
            let number = *number;
            self.disk.extend(take(&mut self.unsynced).into_iter().map(|(_, record)| record));
            self.input(Input::Durable(number));
        }
    }

    pub(super) fn does(&mut self, input: Input<u64>) {
        self.input(input);
        self.sync();
    }

    pub(super) fn hears(&mut self, from: u16, term: u64, body: Body<u64>) {
        let message = Message { epoch: Epoch(0), term: Term(term), body };
        self.does(Input::Message { from: NodeId(from), message });
    }

    /// The same, and what it says to that.
    pub(super) fn asked(&mut self, from: u16, term: u64, body: Body<u64>) -> Vec<Body<u64>> {
        self.said();
        self.hears(from, term, body);
        self.said()
    }

    /// What it said since it was last asked this.
    pub(super) fn said(&mut self) -> Vec<Body<u64>> {
        take(&mut self.sent).into_iter().map(|(_, message)| message.body).collect()
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.does(Input::Tick);
    }

    /// Nobody is heard until it stands, and these vote for it.
    pub(super) fn is_elected_by(&mut self, voters: &[u16]) {
        self.wait(2_000);
        let term = self.raft.term().0;
        let for_term = Term(term + 1);
        for voter in voters {
            self.hears(*voter, term, Body::PreVoteReply { for_term, granted: true });
        }
        for voter in voters {
            self.hears(*voter, term + 1, Body::VoteReply { granted: true });
        }
    }

    pub(super) fn terms(&self) -> Vec<u64> {
        self.raft.entries().map(|entry| entry.term.0).collect()
    }
}
