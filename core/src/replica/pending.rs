//! Clients that wait, and what of theirs is ordered next.
//!
//! Fairness: requests leave in the order in which they came, and each client has one at most among
//! those that wait, so one at most in a batch.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::{sessions::Known, shell::Shell};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{ClientId, RequestId, Timestamp},
    pbft::{MAX_OPERATION_BYTES, Request},
    sorted::{SortedMap, SortedSet},
    time::Time,
};

/// Entries of requests that are done may pile up in the queue to twice what waits, and this.
const QUEUE_SLACK: usize = 64;

/// A request that a client waits for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pending {
    pub(crate) request: Arc<Signed<Request>>,
    /// Since when who leads has kept it waiting.
    pub(crate) since: Time,
    /// Whether a batch of this view holds it.
    pub(crate) proposed: bool,
}

/// Who waits, each client with its latest request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    /// Bounded by the number of clients whose keys are known. A client that was answered mostly
    /// asks again soon, so it keeps its place for a while: room is made for a client when it comes,
    /// and not with each request.
    clients: SortedMap<ClientId, Option<Pending>>,
    /// How many of those wait.
    count: usize,
    /// Since when who waits, the oldest first: time only moves on. The first is true; behind it
    /// there may be entries of who waits no longer or anew.
    ages: VecDeque<(Time, ClientId)>,
}

/// Who waits, and nothing that follows from how it came about.
impl Serialize for Waiting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut waiting = serializer.serialize_seq(Some(self.count))?;
        self.iter().try_for_each(|pending| waiting.serialize_element(pending))?;
        waiting.end()
    }
}

impl Waiting {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In the order of clients.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.clients.values().flatten()
    }

    pub(crate) fn get(&self, client: ClientId) -> Option<&Pending> {
        self.clients.get(&client)?.as_ref()
    }

    fn get_mut(&mut self, client: ClientId) -> Option<&mut Pending> {
        self.clients.get_mut(&client)?.as_mut()
    }

    /// Since when the client has waited that has waited longest.
    pub(crate) fn oldest(&self) -> Option<Time> {
        self.ages.front().map(|(since, _)| *since)
    }

    fn insert(&mut self, client: ClientId, pending: Pending) {
        self.ages.push_back((pending.since, client));
        let known = self.clients.insert(client, Some(pending)).flatten();
        self.count += usize::from(known.is_none());
        self.drop_ages_of(client);
    }

    /// Whoever waits for this request or an earlier one has its answer.
    pub(crate) fn answered(&mut self, id: RequestId) {
        let Some(place) = self.clients.get_mut(&id.client) else { return };
        let answered = |it: &mut Pending| it.request.body.id.timestamp <= id.timestamp;
        if place.take_if(answered).is_some() {
            self.count -= 1;
            self.drop_places();
            self.drop_ages_of(id.client);
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&Pending) -> bool) {
        self.clients.retain(|_, pending| pending.as_ref().is_some_and(&mut keep));
        self.count = self.clients.len();
        self.drop_ages();
    }

    /// Drops the places of those who wait no longer, if there are many.
    fn drop_places(&mut self) {
        if self.clients.len() > 2 * self.count + QUEUE_SLACK {
            self.clients.retain(|_, pending| pending.is_some());
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All wait anew, in the order in which they came: that of the ages, among which each of them has
    /// a true entry. Their own times say it no more once they have waited anew.
    fn restart(&mut self, now: Time, mut each: impl FnMut(&mut Pending)) {
        let mut known = SortedSet::new();
        for (since, client) in core::mem::take(&mut self.ages) {
            let pending = self.clients.get_mut(&client).and_then(Option::as_mut);
            if let Some(pending) = pending.filter(|it| it.since == since)
                && known.insert(client)
            {
                pending.since = now;
                self.ages.push_back((now, client));
                each(pending);
            }
        }
    }

    /// The same where only this client waits no longer or anew: if it isn't the first, that one is true.
    fn drop_ages_of(&mut self, client: ClientId) {
        if self.ages.front().is_some_and(|(_, first)| *first == client) || self.has_many_ages() {
            self.drop_ages();
        }
    }

    fn has_many_ages(&self) -> bool {
        self.ages.len() > 2 * self.count + QUEUE_SLACK
    }

    /// Drops what means nothing any more from the front, and from behind it if there is much.
    fn drop_ages(&mut self) {
        let clients = &self.clients;
        let is_true = |(since, client): &(Time, ClientId)| {
            let pending = clients.get(client).and_then(Option::as_ref);
            pending.is_some_and(|pending| pending.since == *since)
        };
        while self.ages.front().is_some_and(|age| !is_true(age)) {
            self.ages.pop_front();
        }
        if self.has_many_ages() {
            self.ages.retain(is_true);
        }
    }
}

impl<A: Application> Shell<A> {
    /// Remembers that a client waits, from which moment on the primary is being timed.
    pub(crate) fn await_execution(&mut self, request: &Arc<Signed<Request>>, proposed: bool) {
        let RequestId { client, timestamp } = request.body.id;
        if let Some(pending) = self.pending.get_mut(client) {
            let known = pending.request.body.id.timestamp;
            if known == timestamp {
                pending.proposed |= proposed;
            }
            if known >= timestamp {
                return;
            }
        }
        let pending = Pending { request: request.clone(), since: self.now, proposed };
        self.pending.insert(client, pending);
        self.queue.push_back((client, timestamp));
        self.drop_from_queue();
        self.event(EventKind::RequestAccepted { request: request.body.id });
    }

    /// Drops what is done or proposed from the front of the queue, and from behind it if there is
    /// much.
    fn drop_from_queue(&mut self) {
        while self.queue.front().is_some_and(|entry| self.waiting(*entry).is_none()) {
            self.queue.pop_front();
        }
        if self.queue.len() > 2 * self.pending.len() + QUEUE_SLACK {
            let pending = &self.pending;
            self.queue.retain(|entry| waiting(pending, *entry).is_some());
        }
    }

    fn waiting(&self, entry: (ClientId, Timestamp)) -> Option<&Pending> {
        waiting(&self.pending, entry)
    }

    /// Since when the oldest of those that wait has waited.
    pub(crate) fn oldest_since(&self) -> Option<Time> {
        self.queue.iter().find_map(|entry| self.waiting(*entry)).map(|oldest| oldest.since)
    }

    /// Whether a batch leaves now, so many requests being in flight: see `batching` of PBFT.
    pub(crate) fn batch_is_due(&self, in_flight: impl FnOnce() -> usize) -> bool {
        let waiting = || self.queue.iter().filter_map(|entry| self.waiting(*entry));
        let Some(oldest) = waiting().next() else { return false };
        if oldest.since + self.config.batch_delay() <= self.now {
            return true;
        }
        let (enough, most) = (in_flight(), self.batch_bounds().bytes);
        let longest = self.queue.len().saturating_mul(MAX_OPERATION_BYTES);
        if self.queue.len() < enough && longest < most {
            return false;
        }
        let (mut requests, mut bytes) = (0, 0);
        waiting().any(|pending| {
            requests += 1;
            bytes += pending.request.body.operation.len();
            requests >= enough || bytes >= most
        })
    }

    /// The oldest of those that wait, up to the bounds. Never empty while any waits: a batch has
    /// room for the longest operation.
    pub(crate) fn next_batch(&mut self) -> Vec<Arc<Signed<Request>>> {
        let most = self.batch_bounds();
        let mut requests = Vec::new();
        let mut bytes = 0;
        while requests.len() < most.requests {
            let Some(entry) = self.queue.front().copied() else { break };
            let Some(pending) = self.waiting(entry) else {
                self.queue.pop_front();
                continue;
            };
            bytes += pending.request.body.operation.len();
            if bytes > most.bytes {
                break;
            }
            requests.push(pending.request.clone());
            self.queue.pop_front();
            if let Some(pending) = self.pending.get_mut(entry.0) {
                pending.proposed = true;
            }
        }
        requests
    }

    /// Another leads: whoever waits, waits for that one from now on. What is carried over, in order
    /// of its numbers, is under way.
    pub(crate) fn wait_anew(&mut self, carried: &[RequestId]) {
        self.ending_since = self.register.end().map(|_| self.now);
        let queue = &mut self.queue;
        queue.clear();
        self.pending.restart(self.now, |pending| {
            let id = pending.request.body.id;
            pending.proposed = carried.binary_search(&id).is_ok();
            queue.push_back((id.client, id.timestamp));
        });
    }

    /// Clients whose requests the state has an answer to wait no longer.
    pub(crate) fn forget_answered(&mut self) {
        let sessions = &self.sessions;
        self.pending.retain(|pending| sessions.lookup(pending.request.body.id) == Known::New);
    }
}

/// What an entry of the queue stands for, unless it is done or proposed.
fn waiting(pending: &Waiting, (client, timestamp): (ClientId, Timestamp)) -> Option<&Pending> {
    let pending = pending.get(client)?;
    (pending.request.body.id.timestamp == timestamp && !pending.proposed).then_some(pending)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;
    use crate::{crypto::Simulated, dice::Dice, ids::Principal};

    fn request(client: u64, timestamp: u64) -> Arc<Signed<Request>> {
        let id = RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) };
        let keys = Simulated::new(Principal::Client(id.client), 7);
        Signed::new(Request { id, operation: Vec::new() }, &keys).into()
    }

    /// Else the highest number would wait for ever where views change all the time (storm 405304).
    #[test]
    fn however_often_all_wait_anew_who_came_first_is_first() {
        let mut waiting = Waiting::default();
        for (at, client) in [(1, 9), (1, 4), (2, 7), (3, 1)] {
            let pending = Pending { request: request(client, 1), since: Time(at), proposed: false };
            waiting.insert(ClientId(client), pending);
        }
        for now in 10..13 {
            let mut order = Vec::new();
            waiting.restart(Time(now), |it| order.push(it.request.body.id.client.0));
            assert_eq!(order, [9, 4, 7, 1]);
        }
    }

    #[test]
    fn the_longest_wait_is_known_whoever_comes_and_is_answered_and_memory_is_bounded() {
        let mut dice = Dice::new(3, 0);
        let mut waiting = Waiting::default();
        let mut known = BTreeMap::<u64, (u64, Time)>::new();
        for step in 1..20_000 {
            let (now, client) = (Time(step / 3), dice.below(300));
            match dice.below(40) {
                0 => {
                    waiting.restart(now, |pending| pending.proposed = true);
                    for (_, since) in known.values_mut() {
                        *since = now;
                    }
                }
                1 => {
                    waiting.retain(|pending| pending.request.body.id.client.0 % 2 == 0);
                    known.retain(|client, _| client % 2 == 0);
                }
                2 => {
                    waiting.clear();
                    known.clear();
                }
                3..20 => {
                    let timestamp = dice.below(step);
                    waiting.answered(request(client, timestamp).body.id);
                    if known.get(&client).is_some_and(|(asked, _)| *asked <= timestamp) {
                        known.remove(&client);
                    }
                }
                _ => {
                    let request = request(client, step);
                    let pending = Pending { request, since: now, proposed: false };
                    waiting.insert(ClientId(client), pending);
                    known.insert(client, (step, now));
                }
            }
            assert_eq!(waiting.oldest(), known.values().map(|(_, since)| *since).min());
            assert_eq!((waiting.len(), waiting.is_empty()), (known.len(), known.is_empty()));
            let ids = waiting.iter().map(|pending| pending.request.body.id.client.0);
            assert!(ids.eq(known.keys().copied()));
            assert!(waiting.ages.len() <= 2 * known.len() + QUEUE_SLACK);
            assert!(waiting.clients.len() <= 2 * known.len() + QUEUE_SLACK + 1);
        }
    }
}
