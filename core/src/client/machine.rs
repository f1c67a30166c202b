//! The client: what it asked, what it was answered.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::{Again, Attempt, Patience};
#[cfg(feature = "guards")]
use super::{Shows, Testimony};
use crate::{
    config::BadConfig,
    crypto::{Authenticator, Digest, Signable, Signed, Verified},
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Timestamp, View},
    pbft::{EpochEnd, FetchEpochEnds, MAX_OPERATION_BYTES, Message, Read, Request},
    protocol::To,
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
    time::Time,
};
#[cfg(feature = "guards")]
use crate::{
    node::Busy,
    resilience::retry::{self, Stop},
};

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// One request at a time: "a client waits for the result before it sends the next" (§4.1).
    #[error("the previous request has no answer yet")]
    Busy,
    /// The operation is over the limit.
    #[error("an operation of {found} bytes is over the limit of {MAX_OPERATION_BYTES}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The authenticator that the client was made with signs for a replica, or for nobody.
    #[error(
        "only a client's key signs a client's requests, and members' numbers are not for clients"
    )]
    NotAClient,
}

/// How a request is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Ordered, executed, believed once f+1 replicas reply alike.
    Ordered,
    /// Answered by each replica from its state, believed once a quorum answers alike.
    Read,
}

/// What a client wants done.
#[derive(Clone, Debug)]
pub enum ClientEffect {
    /// Send a request: [`To::Others`] means all replicas.
    Send {
        /// To whom.
        to: To,
        /// What.
        message: Message,
    },
    /// It waited too long and sends to all replicas.
    Retransmitted(RequestId),
    /// f+1 replicas have no room for it now: it asks again in so long.
    #[cfg(feature = "guards")]
    PutOff(RequestId, Duration),
    /// It asks no more. Whether the request takes effect nobody knows.
    #[cfg(feature = "guards")]
    GaveUp(RequestId, Stop),
    /// f+1 replicas contradict a reply of this one: all replicas are sent the proof.
    #[cfg(feature = "guards")]
    Contradicted(NodeId),
    /// A read can't be, or wasn't in time, answered by a quorum alike: it is ordered now.
    FellBack(RequestId),
    /// The membership changed: see [`Client::members`].
    EpochLearnt,
    /// Enough replicas gave the same result: f+1, or a quorum of them to a read.
    Completed {
        /// Which request.
        request: RequestId,
        /// The result.
        result: Vec<u8>,
        /// The lowest view that one of those replicas named.
        view: View,
        /// Whether it was ordered in the end.
        way: Way,
        /// From sending to accepting.
        latency: Duration,
    },
}

#[derive(Clone, Debug)]
enum Asked {
    Request(Arc<Signed<Request>>),
    Read(Arc<Signed<Read>>),
}

impl Asked {
    fn id(&self) -> RequestId {
        match self {
            Self::Request(request) => request.body.id,
            Self::Read(read) => read.body.id,
        }
    }

    fn way(&self) -> Way {
        match self {
            Self::Request(_) => Way::Ordered,
            Self::Read(_) => Way::Read,
        }
    }
}

/// How what a client asks for stands.
#[cfg(feature = "guards")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Which request.
    pub id: RequestId,
    /// The how manyth attempt is under way, or comes next.
    pub attempt: u32,
    /// Whether it comes next: the last one is given up.
    pub sleeps: bool,
    /// When the attempt under way is given up, or the next is made.
    pub next_at: Time,
    /// Replicas that turned the last attempt away. It is put off once f+1 have.
    pub put_off_by: usize,
}

#[derive(Clone, Debug)]
struct Outstanding {
    asked: Asked,
    sent_at: Time,
    attempt: Attempt,
    /// How long each replica that turned this attempt away says to wait.
    #[cfg(feature = "guards")]
    put_off: SortedMap<NodeId, Duration>,
    /// Each replica's answer. Counted by what they say: a liar fills only its own entry.
    replies: SortedMap<NodeId, (View, Vec<u8>)>,
}

impl Outstanding {
    /// Whether no result can get a quorum any more, whatever the silent replicas say.
    fn can_not_agree(&self, members: Membership) -> bool {
        let silent = usize::from(members.n()).saturating_sub(self.replies.len());
        let same = |result| self.replies.values().filter(|(_, other)| other == result).count();
        let most = self.replies.values().map(|(_, result)| same(result)).max().unwrap_or(0);
        most + silent < members.reads()
    }
}

/// The statement whose signature makes a client's choices of [`Client::is_probe`]. Nobody else can
/// sign it, and it is never sent.
#[derive(Serialize)]
struct ProbeSecret;

impl Signable for ProbeSecret {
    const DOMAIN: u8 = 13;
}

/// One request in so many goes to every replica at once, so that the backups can tell how long the
/// primary takes. Fewer would be seen too late, more would cost bandwidth: it adds n/2 messages to
/// a request (a backup relays it), which takes 2n² without batching.
const PROBE_EVERY: u64 = 4;

/// One client with at most one outstanding request.
#[derive(Clone, Debug)]
pub struct Client {
    members: Membership,
    authenticator: Arc<dyn Authenticator>,
    again: Again,
    probe_secret: Digest,
    next: Timestamp,
    /// The view whose primary it sends to first.
    view: View,
    outstanding: Option<Outstanding>,
    /// Whom it asked for the proof of a later epoch, and who hasn't given it.
    asked_for_epochs: NodeSet,
    /// How many more it asks before it waits again.
    asks_left: usize,
    /// If it shows false replies to all.
    #[cfg(feature = "guards")]
    testimony: Option<Testimony>,
    effects: VecDeque<ClientEffect>,
}

impl Client {
    /// A client that signs with `authenticator`, asks again as `patience` says, and numbers its
    /// requests from `first`: higher than any it ever used.
    pub fn new(
        members: Membership,
        authenticator: Arc<dyn Authenticator>,
        patience: Patience,
        first: Timestamp,
    ) -> Result<Self, BadConfig> {
        let probe_secret = Digest::of(&Signed::new(ProbeSecret, &*authenticator));
        Ok(Self {
            members,
            authenticator,
            again: Again::new(patience)?,
            probe_secret,
            next: first,
            view: View(0),
            outstanding: None,
            asked_for_epochs: NodeSet::default(),
            asks_left: members.weak(),
            #[cfg(feature = "guards")]
            testimony: None,
            effects: VecDeque::new(),
        })
    }

    /// From here on it shows all replicas the replies that f+1 others contradict.
    #[cfg(feature = "guards")]
    pub fn show_lies(&mut self, config: Shows) {
        self.testimony = Some(Testimony::new(config, self.members));
    }

    /// Whose requests it makes; `None` if it was given a replica's key, or a number that only a
    /// replica's key signs for.
    pub fn id(&self) -> Option<ClientId> {
        match self.authenticator.principal() {
            Principal::Client(client) if client.as_member().is_none() => Some(client),
            _ => None,
        }
    }

    /// The newest membership that was proven to it: only these replicas' answers count.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// The same, where it is.
    pub(crate) fn membership(&self) -> &Membership {
        &self.members
    }

    /// What it checks with: it learns the keys of replicas that join.
    pub fn authenticator(&self) -> &Arc<dyn Authenticator> {
        &self.authenticator
    }

    /// The request that has no accepted answer yet.
    pub fn outstanding(&self) -> Option<RequestId> {
        self.outstanding.as_ref().map(|it| it.asked.id())
    }

    /// When that request was first sent.
    pub fn sent_at(&self) -> Option<Time> {
        self.outstanding.as_ref().map(|it| it.sent_at)
    }

    /// Asks for an operation: "sends the request to the primary that it believes is current".
    pub fn submit(&mut self, now: Time, operation: Vec<u8>) -> Result<RequestId, SubmitError> {
        let id = self.next_id(&operation)?;
        let request = self.order(id, operation);
        self.wait_for(now, now, Asked::Request(request));
        Ok(id)
    }

    /// Asks every replica for what an operation that changes nothing would answer.
    pub fn submit_read(&mut self, now: Time, operation: Vec<u8>) -> Result<RequestId, SubmitError> {
        let id = self.next_id(&operation)?;
        let read = Arc::new(Signed::new(Read { id, operation }, &*self.authenticator));
        let message = Message::Read(read.clone());
        self.effects.push_back(ClientEffect::Send { to: To::Others, message });
        self.wait_for(now, now, Asked::Read(read));
        Ok(id)
    }

    fn next_id(&mut self, operation: &[u8]) -> Result<RequestId, SubmitError> {
        let client = self.id().ok_or(SubmitError::NotAClient)?;
        if self.outstanding.is_some() {
            return Err(SubmitError::Busy);
        }
        if operation.len() > MAX_OPERATION_BYTES {
            return Err(SubmitError::TooLong { found: operation.len() });
        }
        let id = RequestId { client, timestamp: self.next };
        self.next = Timestamp(self.next.0.saturating_add(1));
        Ok(id)
    }

    fn order(&mut self, id: RequestId, operation: Vec<u8>) -> Arc<Signed<Request>> {
        let request = Arc::new(Signed::new(Request { id, operation }, &*self.authenticator));
        let to = if self.is_probe(id.timestamp) {
            To::Others
        } else {
            To::Node(self.members.primary(self.view))
        };
        self.effects
            .push_back(ClientEffect::Send { to, message: Message::Request(request.clone()) });
        request
    }

    /// Whether a request goes to all at once. No primary can foresee for which it is watched.
    fn is_probe(&self, timestamp: Timestamp) -> bool {
        Digest::of(&(self.probe_secret, timestamp)).prefix().is_multiple_of(PROBE_EVERY)
    }

    fn wait_for(&mut self, sent_at: Time, now: Time, asked: Asked) {
        self.outstanding = Some(Outstanding {
            asked,
            sent_at,
            attempt: self.again.begin(now),
            #[cfg(feature = "guards")]
            put_off: SortedMap::new(),
            replies: SortedMap::new(),
        });
    }

    /// Takes what a replica says: a reply, an answer to a read, or the ends of epochs. "The client
    /// waits for f+1 replies with valid signatures from different replicas, and with the same t
    /// and r, before accepting the result r"; or for a quorum of answers to a read. The two are
    /// never counted together.
    pub fn handle_reply(&mut self, now: Time, message: &Verified<Message>) {
        #[cfg(feature = "guards")]
        self.compare(now, message);
        let (by, epoch, id, view, result, way) = match &**message {
            Message::Reply(reply) => {
                let body = &reply.body;
                (reply.by, body.epoch, body.id, body.view, &body.result, Way::Ordered)
            }
            Message::ReadReply(reply) => {
                let body = &reply.body;
                (reply.by, body.epoch, body.id, body.view, &body.result, Way::Read)
            }
            Message::EpochEnds(ends) => return self.on_epoch_ends(now, ends),
            _ => return,
        };
        let Principal::Node(from) = by else { return };
        if epoch != self.members.epoch() {
            self.ask_for_epochs(from, epoch);
            return;
        }
        let Some(outstanding) = &mut self.outstanding else { return };
        if (id, way) != (outstanding.asked.id(), outstanding.asked.way()) {
            return;
        }
        outstanding.replies.insert(from, (view, result.clone()));
        let needed = match way {
            Way::Ordered => self.members.weak(),
            Way::Read => self.members.reads(),
        };
        let alike = outstanding.replies.values().filter(|(_, other)| other == result);
        let (count, lowest) = (alike.clone().count(), alike.map(|(view, _)| *view).min());
        if count < needed {
            if way == Way::Read && outstanding.can_not_agree(self.members) {
                self.fall_back(now);
            }
            return;
        }
        // One of the f+1 may lie about the view; the lowest of them can't be ahead of a correct
        // replica's.
        let view = lowest.unwrap_or(self.view);
        self.view = self.view.max(view);
        let (request, result) = (id, result.clone());
        let latency = now.since(outstanding.sent_at);
        let done = self.outstanding.take();
        #[cfg(feature = "guards")]
        if let Some(done) = done {
            self.again.answered(now, done.attempt);
        }
        #[cfg(not(feature = "guards"))]
        drop(done);
        self.effects.push_back(ClientEffect::Completed { request, result, view, way, latency });
    }

    /// Whether f+1 replicas say something else than this one, or than another said before.
    #[cfg(feature = "guards")]
    fn compare(&mut self, now: Time, message: &Message) {
        let Some(testimony) = &mut self.testimony else { return };
        if let Some((liar, evidence)) = testimony.heard(now, self.members, message) {
            self.effects.push_back(ClientEffect::Contradicted(liar));
            let message = Message::Evidence(evidence.into());
            self.effects.push_back(ClientEffect::Send { to: To::Others, message });
        }
    }

    /// Has a read ordered. It keeps its number: as a request it is new to every replica.
    fn fall_back(&mut self, now: Time) {
        let Some(outstanding) = &self.outstanding else { return };
        let Asked::Read(read) = &outstanding.asked else { return };
        let (read, sent_at) = (read.clone(), outstanding.sent_at);
        #[cfg(feature = "guards")]
        if let Some(unanswered) = self.outstanding.take() {
            self.again.dropped(now, unanswered.attempt);
        }
        self.effects.push_back(ClientEffect::FellBack(read.body.id));
        let request = self.order(read.body.id, read.body.operation.clone());
        self.wait_for(sent_at, now, Asked::Request(request));
    }

    /// A replica says that there is a later epoch. Its answer doesn't count: of the replicas that
    /// this client knows, some may be members no longer, and then more than f of them may lie. So
    /// it asks those who say so for the proof; a liar can't give one, and may keep silent whenever
    /// it is the first to answer. So f+1 are asked at a time, and each time others too.
    fn ask_for_epochs(&mut self, from: NodeId, epoch: Epoch) {
        if epoch < self.members.epoch() || self.asks_left == 0 {
            return;
        }
        if !self.asked_for_epochs.insert(from) {
            return;
        }
        self.asks_left -= 1;
        self.fetch_epochs(To::Node(from));
    }

    /// Asks all for the ends of the epochs after the one that it knows: who was away for long may
    /// know no replica that is still a member, and then has no other way to learn of them.
    pub fn ask_who_is_member(&mut self) {
        self.fetch_epochs(To::Others);
    }

    fn fetch_epochs(&mut self, to: To) {
        if let Some(client) = self.id() {
            let fetch = FetchEpochEnds { client, from: self.members.epoch() };
            let message = Message::FetchEpochEnds(Signed::new(fetch, &*self.authenticator).into());
            self.effects.push_back(ClientEffect::Send { to, message });
        }
    }

    /// A proven chain: see [`crate::pbft::EpochEnd`]. What waits is asked again, of the replicas
    /// of the new epoch; what those of the old one said of it doesn't count any more.
    fn on_epoch_ends(&mut self, now: Time, ends: &[Arc<EpochEnd>]) {
        let before = self.members.epoch();
        for end in ends {
            if end.epoch() == self.members.epoch() {
                let keys: Vec<_> = end.next.keys().collect();
                self.authenticator = self.authenticator.with_keys(&keys);
                self.members = end.next.members;
            }
        }
        if self.members.epoch() == before {
            return;
        }
        self.view = View(0);
        self.asked_for_epochs = NodeSet::default();
        self.asks_left = self.members.weak();
        self.effects.push_back(ClientEffect::EpochLearnt);
        let Some(outstanding) = &mut self.outstanding else { return };
        outstanding.replies.clear();
        #[cfg(feature = "guards")]
        outstanding.put_off.clear();
        self.again.restart(now, &mut outstanding.attempt);
        let message = match &outstanding.asked {
            Asked::Request(request) => Message::Request(request.clone()),
            Asked::Read(read) => Message::Read(read.clone()),
        };
        self.effects.push_back(ClientEffect::Send { to: To::Others, message });
    }

    /// "If the client does not receive replies soon enough, it broadcasts the request to all
    /// replicas." A read is ordered then.
    pub fn tick(&mut self, now: Time) {
        let Some(outstanding) = &mut self.outstanding else { return };
        if now < outstanding.attempt.next_at() {
            return;
        }
        self.asks_left = self.members.weak();
        let Asked::Request(request) = &outstanding.asked else {
            self.fall_back(now);
            return;
        };
        let request = request.clone();
        let again = self.again.tick(now, &mut outstanding.attempt);
        #[cfg(feature = "guards")]
        let again = match again {
            Ok(again) => again,
            Err(why) => return self.give_up(why),
        };
        if again {
            #[cfg(feature = "guards")]
            outstanding.put_off.clear();
            self.effects.push_back(ClientEffect::Retransmitted(request.body.id));
            // Whoever owes the proof of a later epoch is asked again: question or answer may be lost.
            // And before the request, which may use up this client's rate: that is told when its turn
            // is, while a question is turned away without a word.
            for node in self.asked_for_epochs.iter() {
                self.fetch_epochs(To::Node(node));
            }
            let message = Message::Request(request);
            self.effects.push_back(ClientEffect::Send { to: To::Others, message });
        }
    }

    /// A replica has no room for what was asked. `from` is whom the link authenticated.
    #[cfg(feature = "guards")]
    pub fn handle_busy(&mut self, now: Time, from: NodeId, busy: &Busy) {
        let Some(outstanding) = &mut self.outstanding else { return };
        if busy.id != outstanding.asked.id() || !self.members.contains(from) {
            return;
        }
        outstanding.put_off.insert(from, busy.retry_after());
        // f+1 of them wait so long or longer, and one of these is correct.
        let mut waits: Vec<_> = outstanding.put_off.values().copied().collect();
        waits.sort_unstable_by(|one, other| other.cmp(one));
        let Some(wait) = waits.get(self.members.weak() - 1).copied() else { return };
        match self.again.put_off(now, &mut outstanding.attempt, wait) {
            Ok(None) => {}
            Ok(Some(at)) => {
                self.effects.push_back(ClientEffect::PutOff(busy.id, at.since(now)));
            }
            Err(why) => self.give_up(why),
        }
    }

    #[cfg(feature = "guards")]
    fn give_up(&mut self, why: Stop) {
        if let Some(outstanding) = self.outstanding.take() {
            self.effects.push_back(ClientEffect::GaveUp(outstanding.asked.id(), why));
        }
    }

    /// When it next wants a tick.
    pub fn deadline(&self) -> Option<Time> {
        self.outstanding.as_ref().map(|outstanding| outstanding.attempt.next_at())
    }

    /// How what it asks for stands, if it asks for anything.
    #[cfg(feature = "guards")]
    pub fn asking(&self) -> Option<Asking> {
        let Outstanding { asked, attempt, put_off, .. } = self.outstanding.as_ref()?;
        let (number, sleeps) = attempt.number();
        Some(Asking {
            id: asked.id(),
            attempt: number,
            sleeps,
            next_at: attempt.next_at(),
            put_off_by: put_off.len(),
        })
    }

    /// How long its next attempt may take.
    #[cfg(feature = "guards")]
    pub fn timeout(&self) -> Duration {
        self.again.timeout()
    }

    /// How it asks again, and how often it did.
    #[cfg(feature = "guards")]
    pub fn retries(&self) -> retry::Snapshot {
        self.again.snapshot()
    }

    /// Whether there is anything to do.
    pub(crate) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// The next thing to do, if any.
    pub fn poll_effect(&mut self) -> Option<ClientEffect> {
        self.effects.pop_front()
    }
}
