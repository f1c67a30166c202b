//! A client: asks, retransmits, accepts what f+1 replicas say alike (OSDI'99 §4.1).
//!
//! Like a replica it is a value without I/O: [`Client::submit`] and [`Client::handle_reply`] in,
//! [`Client::poll_effect`] out, [`Client::tick`] when [`Client::deadline`] has come.
//!
//! What only reads can go by [`Client::submit_read`]: to all replicas, in one round, accepted once
//! a *quorum* answers alike. If answers differ too much, or don't come in time, the client has the
//! very same request ordered, as if it had been submitted so.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::{
    crypto::{Authenticator, Digest, Signable, Signed, Verified},
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Timestamp, View},
    pbft::{EpochEnd, FetchEpochEnds, MAX_OPERATION_BYTES, Message, Read, Request},
    protocol::To,
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
    time::Time,
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
    /// The authenticator that the client was made with signs for a replica.
    #[error("a replica's key can't sign requests")]
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

#[derive(Clone, Debug)]
struct Outstanding {
    asked: Asked,
    sent_at: Time,
    retransmit_at: Time,
    wait: Duration,
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

/// The longest wait between two retransmissions, as a multiple of the first.
pub(crate) const MAX_BACKOFF: u32 = 8;

/// One client with at most one outstanding request.
#[derive(Clone, Debug)]
pub struct Client {
    members: Membership,
    authenticator: Arc<dyn Authenticator>,
    retransmit_after: Duration,
    probe_secret: Digest,
    next: Timestamp,
    /// The view whose primary it sends to first.
    view: View,
    outstanding: Option<Outstanding>,
    /// Whom it asked for the proof of a later epoch, since it learnt of one or had asked everyone.
    asked_for_epochs: NodeSet,
    /// How many more it asks before it waits again.
    asks_left: usize,
    effects: VecDeque<ClientEffect>,
}

impl Client {
    /// A client that signs with `authenticator`, retransmits after `retransmit_after` (doubling),
    /// and numbers its requests from `first`: higher than any it ever used.
    pub fn new(
        members: Membership,
        authenticator: Arc<dyn Authenticator>,
        retransmit_after: Duration,
        first: Timestamp,
    ) -> Self {
        let probe_secret = Digest::of(&Signed::new(ProbeSecret, &*authenticator));
        Self {
            members,
            authenticator,
            retransmit_after,
            probe_secret,
            next: first,
            view: View(0),
            outstanding: None,
            asked_for_epochs: NodeSet::default(),
            asks_left: members.weak(),
            effects: VecDeque::new(),
        }
    }

    /// Whose requests it makes; `None` if it was given a replica's key.
    pub fn id(&self) -> Option<ClientId> {
        match self.authenticator.principal() {
            Principal::Client(client) => Some(client),
            Principal::Node(_) => None,
        }
    }

    /// The newest membership that was proven to it: only these replicas' answers count.
    pub fn members(&self) -> Membership {
        self.members
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
            retransmit_at: now + self.retransmit_after,
            wait: self.retransmit_after,
            replies: SortedMap::new(),
        });
    }

    /// Takes what a replica says: a reply, an answer to a read, or the ends of epochs. "The client
    /// waits for f+1 replies with valid signatures from different replicas, and with the same t
    /// and r, before accepting the result r"; or for a quorum of answers to a read. The two are
    /// never counted together.
    pub fn handle_reply(&mut self, now: Time, message: &Verified<Message>) {
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
        self.outstanding = None;
        self.effects.push_back(ClientEffect::Completed { request, result, view, way, latency });
    }

    /// Has a read ordered. It keeps its number: as a request it is new to every replica.
    fn fall_back(&mut self, now: Time) {
        let Some(outstanding) = &self.outstanding else { return };
        let Asked::Read(read) = &outstanding.asked else { return };
        let (read, sent_at) = (read.clone(), outstanding.sent_at);
        self.effects.push_back(ClientEffect::FellBack(read.body.id));
        let request = self.order(read.body.id, read.body.operation.clone());
        self.wait_for(sent_at, now, Asked::Request(request));
    }

    /// A replica says that there is a later epoch. Its answer doesn't count: of the replicas that
    /// this client knows, some may be members no longer, and then more than f of them may lie. So
    /// it asks those who say so for the proof; a liar can't give one, and may keep silent whenever
    /// it is the first to answer. So f+1 are asked at a time, and each time others.
    fn ask_for_epochs(&mut self, from: NodeId, epoch: Epoch) {
        let Some(client) = self.id() else { return };
        if epoch < self.members.epoch() || self.asks_left == 0 {
            return;
        }
        if !self.asked_for_epochs.insert(from) {
            return;
        }
        self.asks_left -= 1;
        let fetch = FetchEpochEnds { client, from: self.members.epoch() };
        let message = Message::FetchEpochEnds(Signed::new(fetch, &*self.authenticator).into());
        self.effects.push_back(ClientEffect::Send { to: To::Node(from), message });
    }

    /// Asks all for the ends of the epochs after the one that it knows: who was away for long may
    /// know no replica that is still a member, and then has no other way to learn of them.
    pub fn ask_who_is_member(&mut self) {
        if let Some(client) = self.id() {
            let fetch = FetchEpochEnds { client, from: self.members.epoch() };
            let message = Message::FetchEpochEnds(Signed::new(fetch, &*self.authenticator).into());
            self.effects.push_back(ClientEffect::Send { to: To::Others, message });
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
        outstanding.retransmit_at = now + outstanding.wait;
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
        if now < outstanding.retransmit_at {
            return;
        }
        if self.asks_left == self.members.weak() {
            // There was nobody else to ask: what they were asked, or sent, may be lost.
            self.asked_for_epochs = NodeSet::default();
        }
        self.asks_left = self.members.weak();
        let Asked::Request(request) = &outstanding.asked else {
            self.fall_back(now);
            return;
        };
        outstanding.wait = (outstanding.wait * 2).min(self.retransmit_after * MAX_BACKOFF);
        outstanding.retransmit_at = now + outstanding.wait;
        let request = request.clone();
        self.effects.push_back(ClientEffect::Retransmitted(request.body.id));
        self.effects
            .push_back(ClientEffect::Send { to: To::Others, message: Message::Request(request) });
    }

    /// When it next wants a tick.
    pub fn deadline(&self) -> Option<Time> {
        self.outstanding.as_ref().map(|outstanding| outstanding.retransmit_at)
    }

    /// The next thing to do, if any.
    pub fn poll_effect(&mut self) -> Option<ClientEffect> {
        self.effects.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        crypto::{Digest, Refusal, Simulated, verify},
        ids::Seq,
        pbft::{Checkpoint, CheckpointCertificate, ReadReply, Register, Reply, Roster},
        quorum::NodeSet,
    };

    const WAIT: Duration = Duration::from_millis(100);

    fn client() -> Client {
        let keys = Simulated::new(Principal::Client(ClientId(1)), 7);
        Client::new(Membership::new(4).unwrap(), Arc::new(keys), WAIT, Timestamp(10))
    }

    fn reply(by: u16, view: u64, id: RequestId, result: &[u8]) -> Verified<Message> {
        let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
        let body = Reply { epoch: Epoch(0), view: View(view), id, result: result.to_vec() };
        let message = Message::Reply(Signed::new(body, &keys).into());
        verify(message, Membership::new(4).unwrap(), &keys).unwrap()
    }

    fn answer(by: u16, id: RequestId, result: &[u8]) -> Verified<Message> {
        let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
        let body = ReadReply { epoch: Epoch(0), view: View(0), id, result: result.to_vec() };
        let message = Message::ReadReply(Signed::new(body, &keys).into());
        verify(message, Membership::new(4).unwrap(), &keys).unwrap()
    }

    fn completed(client: &mut Client) -> Option<(Vec<u8>, View)> {
        core::iter::from_fn(|| client.poll_effect()).find_map(|effect| match effect {
            ClientEffect::Completed { result, view, .. } => Some((result, view)),
            _ => None,
        })
    }

    #[test]
    fn f_plus_one_equal_results_are_accepted_and_fewer_are_not() {
        let mut client = client();
        let id = client.submit(Time(0), vec![1]).unwrap();
        client.handle_reply(Time(1), &reply(0, 0, id, b"lie"));
        client.handle_reply(Time(2), &reply(0, 0, id, b"lie"));
        client.handle_reply(Time(3), &reply(1, 0, id, b"truth"));
        assert_eq!(completed(&mut client), None);
        client.handle_reply(Time(4), &reply(2, 0, id, b"truth"));
        assert_eq!(completed(&mut client), Some((b"truth".to_vec(), View(0))));
        assert_eq!(client.outstanding(), None);
    }

    #[test]
    fn replies_to_another_request_do_not_count() {
        let mut client = client();
        let id = client.submit(Time(0), vec![1]).unwrap();
        let older = RequestId { timestamp: Timestamp(9), ..id };
        for by in 0..4 {
            client.handle_reply(Time(1), &reply(by, 0, older, b"old"));
        }
        assert_eq!(completed(&mut client), None);
    }

    #[test]
    fn a_liar_can_not_make_the_client_believe_in_a_view_far_ahead() {
        let mut client = client();
        let id = client.submit(Time(0), vec![1]).unwrap();
        client.handle_reply(Time(1), &reply(3, 1_000_003, id, b"r"));
        client.handle_reply(Time(1), &reply(1, 2, id, b"r"));
        assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(2))));
        client.submit(Time(2), vec![2]).unwrap();
        let sent = client.poll_effect();
        assert!(matches!(sent, Some(ClientEffect::Send { to: To::Node(NodeId(2)), .. })));
    }

    #[test]
    fn it_retransmits_to_all_and_waits_longer_each_time() {
        let mut client = client();
        client.submit(Time(0), vec![1]).unwrap();
        assert_eq!(client.submit(Time(0), vec![1]), Err(SubmitError::Busy));
        assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Node(_), .. })));
        client.tick(Time::from_millis(99));
        assert!(client.poll_effect().is_none());
        client.tick(Time::from_millis(100));
        assert!(matches!(client.poll_effect(), Some(ClientEffect::Retransmitted(_))));
        assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Others, .. })));
        assert_eq!(client.deadline(), Some(Time::from_millis(300)));
    }

    #[test]
    fn a_read_takes_a_quorum_of_equal_answers_and_no_replies() {
        let mut client = client();
        let id = client.submit_read(Time(0), vec![1]).unwrap();
        assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Others, .. })));
        for by in 0..4 {
            client.handle_reply(Time(1), &reply(by, 0, id, b"r"));
        }
        client.handle_reply(Time(1), &answer(0, id, b"r"));
        client.handle_reply(Time(1), &answer(1, id, b"r"));
        client.handle_reply(Time(1), &answer(1, id, b"r"));
        assert_eq!(completed(&mut client), None, "two answers are no quorum of four");
        client.handle_reply(Time(2), &answer(2, id, b"r"));
        assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(0))));
    }

    #[test]
    fn a_read_falls_back_to_an_order_at_once_when_answers_can_not_agree() {
        let mut client = client();
        let id = client.submit_read(Time(0), vec![1]).unwrap();
        while client.poll_effect().is_some() {}
        client.handle_reply(Time(1), &answer(0, id, b"old"));
        client.handle_reply(Time(1), &answer(1, id, b"new"));
        assert!(client.poll_effect().is_none(), "two more might say the same");
        client.handle_reply(Time(1), &answer(2, id, b"lie"));
        assert!(matches!(client.poll_effect(), Some(ClientEffect::FellBack(it)) if it == id));
        let sent = client.poll_effect();
        let Some(ClientEffect::Send { to: To::Node(_), message: Message::Request(request) }) = sent
        else {
            panic!("not ordered: {sent:?}")
        };
        assert_eq!((request.body.id, &request.body.operation[..]), (id, &[1][..]));
        // Answers to the read count for nothing any more; replies do.
        for by in 0..4 {
            client.handle_reply(Time(2), &answer(by, id, b"old"));
        }
        assert_eq!(completed(&mut client), None);
        client.handle_reply(Time(3), &reply(0, 0, id, b"new"));
        client.handle_reply(Time(9), &reply(1, 0, id, b"new"));
        let effect = client.poll_effect();
        let Some(ClientEffect::Completed { way, latency, .. }) = effect else {
            panic!("not completed: {effect:?}")
        };
        assert_eq!((way, latency.as_micros()), (Way::Ordered, 9), "from the read on");
    }

    #[test]
    fn a_read_without_enough_answers_falls_back_after_its_timeout() {
        let mut client = client();
        let id = client.submit_read(Time(0), vec![1]).unwrap();
        while client.poll_effect().is_some() {}
        client.handle_reply(Time(1), &answer(0, id, b"r"));
        client.tick(Time::from_millis(99));
        assert!(client.poll_effect().is_none());
        client.tick(Time::from_millis(100));
        assert!(matches!(client.poll_effect(), Some(ClientEffect::FellBack(it)) if it == id));
        assert_eq!(client.deadline(), Some(Time::from_millis(200)), "its own patience begins");
    }

    /// The end of epoch 0: replica 0 leaves, 4 joins.
    fn end() -> EpochEnd {
        let mut nodes = NodeSet::default();
        (1..=4).for_each(|node| assert!(nodes.insert(NodeId(node))));
        let members = Membership::new(4).unwrap().successor(Seq(10), nodes).unwrap();
        let next = Roster { members, added: vec![] };
        let register = Digest::of(&Register::new(members));
        let successor = Some(next.digest());
        let body = Checkpoint { epoch: Epoch(0), seq: Seq(10), digest: register, successor };
        let sign = |by| {
            let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
            Signed::new(body, &keys)
        };
        let checkpoints = (0..3).map(sign).collect();
        EpochEnd { certificate: CheckpointCertificate { checkpoints }, next }
    }

    #[test]
    fn answers_of_a_later_epoch_do_not_count_and_make_it_ask_for_the_proof() {
        let mut client = client();
        let id = client.submit(Time(0), vec![1]).unwrap();
        client.poll_effect();
        assert_eq!(asked_for_the_proof(&mut client, id, 1..4), [1, 2], "f+1 of them");
        assert_eq!(client.outstanding(), Some(id));
    }

    /// These say that there is a later epoch. Whom the client asks for the proof.
    fn asked_for_the_proof(
        client: &mut Client,
        id: RequestId,
        who: impl IntoIterator<Item = u16>,
    ) -> Vec<u16> {
        for by in who {
            let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
            let body = Reply { epoch: Epoch(1), view: View(0), id, result: b"r".to_vec() };
            let message = Message::Reply(Signed::new(body, &keys).into());
            client.handle_reply(Time(1), &verify(message, client.members(), &keys).unwrap());
        }
        let effects = core::iter::from_fn(|| client.poll_effect());
        let asked = effects.filter_map(|effect| match effect {
            ClientEffect::Send { to: To::Node(by), message: Message::FetchEpochEnds(fetch) } => {
                assert_eq!(fetch.body.from, Epoch(0));
                Some(by.0)
            }
            _ => None,
        });
        asked.collect()
    }

    #[test]
    fn who_says_first_that_the_epoch_is_over_and_never_proves_it_is_passed_over() {
        let mut client = client();
        let id = client.submit(Time(0), vec![1]).unwrap();
        assert_eq!(asked_for_the_proof(&mut client, id, 0..4), [0, 1]);
        let wait_over = |client: &mut Client| client.tick(client.deadline().unwrap());
        wait_over(&mut client);
        assert_eq!(asked_for_the_proof(&mut client, id, 0..4), [2, 3], "others this time");
        wait_over(&mut client);
        assert_eq!(asked_for_the_proof(&mut client, id, 0..4), [0; 0], "all of them were asked");
        wait_over(&mut client);
        assert_eq!(asked_for_the_proof(&mut client, id, 0..4), [0, 1], "an answer may be lost");
    }

    #[test]
    fn only_the_members_of_the_newest_proven_epoch_are_counted() {
        let mut client = client();
        let keys = Simulated::new(Principal::Client(ClientId(1)), 7);
        let id = client.submit(Time(0), vec![1]).unwrap();
        client.handle_reply(Time(1), &reply(0, 0, id, b"r"));
        let proof = Message::EpochEnds([Arc::new(end())].into());
        client.handle_reply(Time(2), &verify(proof, client.members(), &keys).unwrap());
        assert_eq!(client.members().epoch(), Epoch(1));
        assert!(completed(&mut client).is_none());
        // Of the old epoch nobody counts, and who left is turned away at the door.
        let answer = |by: u16, epoch| {
            let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
            let body = Reply { epoch, view: View(0), id, result: b"r".to_vec() };
            Message::Reply(Signed::new(body, &keys).into())
        };
        let check = |message| verify(message, end().next.members, &keys);
        assert!(matches!(check(answer(1, Epoch(0))), Err(Refusal::Epoch { .. })));
        assert!(matches!(check(answer(0, Epoch(1))), Err(Refusal::WrongSigner { .. })));
        client.handle_reply(Time(3), &check(answer(1, Epoch(1))).unwrap());
        assert!(completed(&mut client).is_none(), "the answers of two epochs don't add up");
        client.handle_reply(Time(4), &check(answer(4, Epoch(1))).unwrap());
        assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(0))));
    }
}
