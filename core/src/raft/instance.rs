//! One member of one epoch: its state, and which rule handles what.

use alloc::collections::VecDeque;
use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::{
    config::Config,
    contract::{Cause, Effect, Event, Input, NotProposed, Refusal, Role},
    leadership::Leadership,
    log::Log,
    messages::{Answer, Body, Entry, MAX_PAYLOAD_BYTES, MAX_TERM, Message, Place},
    outbox::Outbox,
    patience::Patience,
    reads::WaitingRead,
    records::{LogGap, Memory, Record},
    synced::Synced,
};
use crate::{
    config::BadConfig,
    crypto::{Digest, encoded_len},
    ids::{NodeId, Seq, Term},
    protocol::{RecordNumber, To},
    quorum::{Membership, NodeSet},
    time::Time,
};

/// What can be ordered.
pub trait Payload: Clone + PartialEq + Serialize {}
impl<P: Clone + PartialEq + Serialize> Payload for P {}

/// What a member is, and what it needs for that.
#[derive(Clone, Debug, Serialize)]
pub(super) enum Standing {
    Follower,
    PreCandidate {
        /// Who would vote for it.
        granted: NodeSet,
    },
    Candidate {
        /// Who voted for it. Itself once this record is durable.
        granted: NodeSet,
        own_vote: RecordNumber,
    },
    Leader(Leadership),
}

/// Raft for one epoch: orders the positions above the epoch's start among its members.
#[derive(Clone, Debug, Serialize)]
pub struct Raft<P> {
    pub(super) id: NodeId,
    pub(super) members: Membership,
    pub(super) config: Config,
    /// Of the input at hand.
    #[serde(skip)]
    pub(super) now: Time,
    /// Whether it was told the time since it started.
    pub(super) is_started: bool,
    pub(super) term: Term,
    pub(super) vote: Option<NodeId>,
    pub(super) log: Log<P>,
    pub(super) synced: Synced,
    pub(super) commit: Seq,
    pub(super) standing: Standing,
    /// Who leads this term, if known.
    pub(super) leader: Option<NodeId>,
    pub(super) heard_leader_at: Time,
    pub(super) patience: Patience,
    /// How often an election timeout was drawn.
    pub(super) draws: u64,
    pub(super) timeout: Duration,
    /// When it stands for election, unless it leads.
    pub(super) election_at: Time,
    pub(super) seal: Option<Seq>,
    /// The state that the host was asked to fetch.
    pub(super) fetching: Option<Place>,
    /// Own reads that wait for the leader's answer or for what is committed up to it.
    pub(super) reads: VecDeque<WaitingRead>,
    pub(super) outbox: Outbox<P>,
}

/// Why no member can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CantStart {
    /// The configuration can't work.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// It has no part in the epoch.
    #[error("node {0} isn't a member of the epoch: it can't take part in ordering it")]
    NotAMember(NodeId),
    /// The disk lost records.
    #[error(transparent)]
    Gap(#[from] LogGap),
}

impl<P: Payload> Raft<P> {
    /// A member at the beginning of an epoch. `state` names the state at its start, which all
    /// members have.
    pub fn new(
        id: NodeId,
        members: Membership,
        config: Config,
        state: Digest,
    ) -> Result<Self, CantStart> {
        Self::restore(id, members, config, state, [])
    }

    /// A member as it was when it last made its records of this epoch durable. What is committed
    /// above its snapshot it is told again.
    pub fn restore(
        id: NodeId,
        members: Membership,
        config: Config,
        state: Digest,
        records: impl IntoIterator<Item = Record<P>>,
    ) -> Result<Self, CantStart> {
        config.validate()?;
        if !members.contains(id) {
            return Err(CantStart::NotAMember(id));
        }
        let start = Place { term: Term(0), seq: members.start() };
        let memory = Memory::new(start, state).read(records)?;
        let mut log = Log::new(memory.base, memory.digest);
        for entry in memory.entries {
            log.push(entry);
        }
        let timeout = config.election_timeout();
        Ok(Self {
            id,
            members,
            config,
            now: Time::ZERO,
            is_started: false,
            term: memory.term,
            vote: memory.vote,
            synced: Synced::all(log.last().seq),
            commit: log.base().seq,
            log,
            standing: Standing::Follower,
            leader: None,
            heard_leader_at: Time::ZERO,
            patience: Patience::default(),
            draws: 0,
            timeout,
            election_at: Time::ZERO,
            seal: None,
            fetching: None,
            reads: VecDeque::new(),
            outbox: Outbox::default(),
        })
    }

    /// Takes one input. Time never goes backwards.
    pub fn handle(&mut self, now: Time, input: Input<P>) {
        self.now = self.now.max(now);
        if !self.is_started {
            self.is_started = true;
            self.draw_timeout();
        }
        match input {
            Input::Message { from, message } => self.on_message(from, message),
            Input::Propose(payload) => self.propose(payload),
            Input::Read(id) => self.read(id),
            Input::Stand => self.stand(),
            Input::Transfer(to) => self.hand_over(to),
            Input::Seal(at) => self.seal_at(at),
            Input::Compact { at, digest } => self.compact(at, digest),
            Input::Installed { at, digest } => self.install(at, digest),
            Input::Durable(number) => self.on_durable(number),
            Input::Tick => self.on_tick(),
        }
    }

    /// The next thing to do, if any.
    pub fn poll_effect(&mut self) -> Option<Effect<P>> {
        self.outbox.poll()
    }

    /// When it next wants a tick.
    pub fn deadline(&self) -> Time {
        let own = match &self.standing {
            Standing::Leader(leadership) => leadership.deadline(),
            _ => self.election_at,
        };
        self.reads_deadline().map_or(own, |reads| own.min(reads))
    }

    /// A digest of everything that decides its future behaviour: equal states, equal futures.
    pub fn state_hash(&self) -> Digest {
        Digest::of(self)
    }

    fn on_tick(&mut self) {
        self.expire_reads();
        match self.standing {
            Standing::Leader(_) => self.lead_on(),
            _ if self.now >= self.election_at => self.ask_for_pre_votes(),
            _ => {}
        }
    }

    fn on_durable(&mut self, number: RecordNumber) {
        let durable = self.outbox.durable_up_to(number);
        self.synced.durable(durable);
        self.count_own_vote(durable);
        self.count_commits();
    }

    fn on_message(&mut self, from: NodeId, message: Message<P>) {
        let Message { epoch, term, body } = message;
        if from == self.id || !self.members.contains(from) {
            return self.refuse(from, Refusal::Stranger);
        }
        if epoch != self.members.epoch() {
            return self.refuse(from, Refusal::OtherEpoch);
        }
        if term > MAX_TERM {
            return self.refuse(from, Refusal::Term);
        }
        match body {
            // A question about a term that hasn't begun: it changes nothing here.
            Body::PreVote { for_term, last } => return self.on_pre_vote(from, for_term, last),
            // Whoever hears its leader doesn't let it be deposed (thesis, on disruptive servers).
            Body::Vote { transfer: false, .. } if term >= self.term && self.hears_a_leader() => {
                return;
            }
            // Whoever is asked about a later term than its own says what it would do there, and stays
            // in its own (thesis, 9.6): its answer is none of a term that is over.
            Body::PreVoteReply { for_term, granted: true } if term < self.term => {
                return self.on_pre_vote_reply(from, for_term, true);
            }
            _ => {}
        }
        // Figure 2, all servers: a later term is entered as a follower, an earlier one is over.
        if term > self.term {
            self.enter_term(term, Cause::LaterTerm(from));
        } else if term < self.term {
            return self.tell_of_later_term(from, &body);
        }
        match body {
            Body::PreVote { .. } => {}
            Body::PreVoteReply { for_term, granted } => {
                self.on_pre_vote_reply(from, for_term, granted);
            }
            Body::Vote { last, .. } => self.on_vote(from, last),
            Body::VoteReply { granted } => self.on_vote_reply(from, granted),
            Body::Append(append) => self.on_append(from, append),
            Body::Snapshot { at, digest, round } => self.on_snapshot(from, at, digest, round),
            Body::AppendReply { round, commit, answer } => {
                self.on_append_reply(from, round, commit, answer);
            }
            Body::TimeoutNow => self.on_timeout_now(from),
            Body::Read { id } => self.on_read(from, id),
            Body::ReadAt { id, at } => self.on_read_at(from, id, at),
        }
    }

    /// "Reply false if term < currentTerm" (figure 2): the answer's own term says it all.
    fn tell_of_later_term(&mut self, to: NodeId, body: &Body<P>) {
        let body = match body {
            Body::Vote { .. } => Body::VoteReply { granted: false },
            // Of round 0: who led an earlier term may lead this one when the answer arrives, and
            // its rounds began anew.
            Body::Append(_) | Body::Snapshot { .. } => {
                Body::AppendReply { round: 0, commit: self.commit, answer: Answer::Heard }
            }
            _ => return,
        };
        self.send_gated(To::Node(to), body);
    }

    /// Begins a term as a follower that has no leader and gave no vote.
    pub(super) fn enter_term(&mut self, term: Term, cause: Cause) {
        self.begin_term(term);
        self.vote = None;
        self.persist_term();
        self.leader = None;
        self.follow_from_now(cause);
    }

    /// Is a follower, whatever it was.
    pub(super) fn follow_from_now(&mut self, cause: Cause) {
        self.fail_unanswered_reads();
        match core::mem::replace(&mut self.standing, Standing::Follower) {
            Standing::Leader(leadership) => {
                self.give_up(leadership);
                self.draw_timeout();
            }
            Standing::Follower | Standing::PreCandidate { .. } | Standing::Candidate { .. } => {}
        }
        self.became(cause);
    }

    pub(super) fn begin_term(&mut self, term: Term) {
        self.term = term;
        self.patience.begin_term(self.commit);
    }

    /// The least time that it waits for a leader, and a leader for its majority.
    pub(super) fn election_timeout(&self) -> Duration {
        self.patience.of(self.config.election_timeout())
    }

    pub(super) fn persist_term(&mut self) -> RecordNumber {
        self.outbox.persist(Record::Term { term: self.term, vote: self.vote })
    }

    fn propose(&mut self, payload: P) {
        match self.may_propose(&payload) {
            Ok(()) => {
                self.put(alloc::vec![Entry { term: self.term, payload: Some(payload) }]);
                self.replicate();
            }
            Err(why) => self.outbox.free(Effect::NotProposed { payload, why }),
        }
    }

    fn may_propose(&self, payload: &P) -> Result<(), NotProposed> {
        let Standing::Leader(leadership) = &self.standing else {
            return Err(NotProposed::NotLeader(self.leader));
        };
        if leadership.hand_over.is_some() {
            return Err(NotProposed::HandingOver);
        }
        if self.seal.is_some() {
            return Err(NotProposed::Sealed);
        }
        if self.log.len() >= self.config.window {
            return Err(NotProposed::Full);
        }
        if encoded_len(payload) > MAX_PAYLOAD_BYTES {
            return Err(NotProposed::TooLong);
        }
        Ok(())
    }

    /// Puts entries at the end of the log.
    pub(super) fn put(&mut self, entries: alloc::vec::Vec<Entry<P>>) {
        let first = self.log.last().seq.next();
        for entry in &entries {
            self.log.push(entry.clone());
        }
        let number = self.outbox.persist(Record::Append { first, entries });
        self.synced.wrote(number, self.log.last().seq);
    }

    /// Everything up to here is committed, and in the log.
    pub(super) fn commit_upto(&mut self, upto: Seq) {
        if upto <= self.commit {
            return;
        }
        let before = self.delivered();
        self.commit = upto;
        self.patience.commits();
        let after = self.delivered();
        for seq in before.0 + 1..=after.0 {
            if let Some(entry) = self.log.entry(Seq(seq)) {
                let at = Place { term: entry.term, seq: Seq(seq) };
                let payload = entry.payload.clone();
                self.outbox.free(Effect::Commit { at, payload });
            }
        }
        if after > before {
            self.event(Event::Committed(after));
            self.report_seal(before);
        }
        self.serve_reads();
    }

    pub(super) fn message(&self, body: Body<P>) -> Message<P> {
        Message { epoch: self.members.epoch(), term: self.term, body }
    }

    /// What promises something about the own disk.
    pub(super) fn send_gated(&mut self, to: To, body: Body<P>) {
        let message = self.message(body);
        self.outbox.gated(to, message);
    }

    /// What promises nothing about it.
    pub(super) fn send(&mut self, to: To, body: Body<P>) {
        let message = self.message(body);
        self.outbox.free(Effect::Send { to, message });
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outbox.free(Effect::Event(event));
    }

    pub(super) fn refuse(&mut self, from: NodeId, why: Refusal) {
        self.event(Event::Refused { from, why });
    }

    pub(super) fn became(&mut self, cause: Cause) {
        self.event(Event::Became { term: self.term, role: self.role(), cause });
    }
}

impl<P> Raft<P> {
    /// Its number.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The members of its epoch.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// The term that it is in.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Who has its vote in this term.
    pub fn vote(&self) -> Option<NodeId> {
        self.vote
    }

    /// What it is.
    pub fn role(&self) -> Role {
        match self.standing {
            Standing::Follower => Role::Follower,
            Standing::PreCandidate { .. } => Role::PreCandidate,
            Standing::Candidate { .. } => Role::Candidate,
            Standing::Leader(_) => Role::Leader,
        }
    }

    /// Who leads, as far as it knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// How far it knows entries to be committed. Above the end of a sealed epoch they mean nothing.
    pub fn committed(&self) -> Seq {
        self.commit
    }
}

impl<P: Payload> Raft<P> {
    /// Where its log begins, and which state is there.
    pub fn snapshot(&self) -> (Place, Digest) {
        (self.log.base(), self.log.digest())
    }

    /// Where its log ends.
    pub fn last(&self) -> Place {
        self.log.last()
    }

    /// What its log holds at a position above the snapshot.
    pub fn entry(&self, seq: Seq) -> Option<&Entry<P>> {
        self.log.entry(seq)
    }

    /// Whose disks it knows to hold what stands at a position: the leader alone knows others'.
    pub fn holders(&self, seq: Seq) -> alloc::vec::Vec<NodeId> {
        let own = (self.synced.upto() >= seq).then_some(self.id);
        let others = match &self.standing {
            Standing::Leader(leadership) => Some(leadership.peers.iter()),
            _ => None,
        };
        let hold = others.into_iter().flatten().filter(|(_, peer)| peer.matched >= seq);
        let mut holders: alloc::vec::Vec<_> =
            own.into_iter().chain(hold.map(|(id, _)| *id)).collect();
        holders.sort_unstable();
        holders
    }

    /// How much of its log is on its disk.
    pub fn durable(&self) -> Seq {
        self.synced.upto()
    }

    /// What its log holds above the snapshot, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<P>> {
        self.log.entries()
    }
}
