//! What the steady state is measured by: how long this node's client requests take, from when it took
//! one on to its execution here; where what clients ask for is itself disturbed, from when it came.
//!
//! Nobody waits for the answer of a request that hangs: what isn't executed within the experiment's
//! `slow_ms` counts as slow right then, and as failed for each further `slow_ms`. So a cluster that
//! stands still is noticed by the few requests that its clients have under way. What the node turned
//! away counts as failed.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use conclave_core::{
    ids::{ClientId, RequestId, Timestamp},
    resilience::Outcome,
    time::Time,
};

/// Clients that are watched at a time: as many as a cluster has. Of more, none is watched.
const MAX_CLIENTS: usize = 4_096;

/// Requests under way.
pub(super) struct Requests {
    slow: Duration,
    /// As in the core, a client's newer request replaces its older one.
    waiting: HashMap<ClientId, Waiting>,
    /// In rising order: when whoever still waits is counted.
    due: VecDeque<(Time, RequestId)>,
    /// When what each client asked for last first came, until it is taken on.
    came: HashMap<ClientId, (Timestamp, Time)>,
}

struct Waiting {
    timestamp: Timestamp,
    since: Time,
    counted: bool,
}

/// How one ended, or how far one is.
pub(super) type Settled = (Outcome, Duration);

impl Requests {
    pub(super) fn new(slow_ms: u64) -> Self {
        Self {
            slow: Duration::from_millis(slow_ms),
            waiting: HashMap::new(),
            due: VecDeque::new(),
            came: HashMap::new(),
        }
    }

    /// One came; it may be held back or lost before it is taken on, and come again.
    pub(super) fn arrived(&mut self, now: Time, request: RequestId) {
        let RequestId { client, timestamp } = request;
        let known = self.came.get(&client);
        let is_newer = known.is_none_or(|(last, _)| *last < timestamp);
        if is_newer && (known.is_some() || self.came.len() < MAX_CLIENTS) {
            self.came.insert(client, (timestamp, now));
        }
    }

    pub(super) fn accepted(&mut self, now: Time, request: RequestId) {
        let RequestId { client, timestamp } = request;
        if self.waiting.len() >= MAX_CLIENTS && !self.waiting.contains_key(&client) {
            return;
        }
        let came = self.came.get(&client).copied().filter(|(came, _)| *came == timestamp);
        let since = came.map_or(now, |(_, at)| at);
        if came.is_some() {
            self.came.remove(&client);
        }
        self.waiting.insert(client, Waiting { timestamp, since, counted: false });
        self.due.push_back((now + self.slow, request));
        // Who asks quickly leaves many that mean nothing any more.
        while self.due.front().is_some_and(|(_, it)| !is_waiting(&self.waiting, *it)) {
            self.due.pop_front();
        }
        if self.due.len() > 2 * self.waiting.len() + MAX_CLIENTS {
            self.due.retain(|(_, it)| is_waiting(&self.waiting, *it));
        }
    }

    /// `None` if it was counted before, or isn't known.
    pub(super) fn executed(&mut self, now: Time, request: RequestId) -> Option<Settled> {
        if !is_waiting(&self.waiting, request) {
            return None;
        }
        let Waiting { since, counted, .. } = self.waiting.remove(&request.client)?;
        (!counted).then(|| (Outcome::Success, now.since(since)))
    }

    /// The next that has waited too long by now.
    pub(super) fn overdue(&mut self, now: Time) -> Option<Settled> {
        while let Some((due, request)) = self.due.front().copied() {
            if due > now {
                return None;
            }
            self.due.pop_front();
            let known = self.waiting.get_mut(&request.client);
            let Some(waiting) = known.filter(|it| it.timestamp == request.timestamp) else {
                continue;
            };
            self.due.push_back((now + self.slow, request));
            let outcome = if waiting.counted { Outcome::Timeout } else { Outcome::Success };
            waiting.counted = true;
            return Some((outcome, now.since(waiting.since)));
        }
        None
    }

    /// What they were about was done elsewhere.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.due.clear();
        self.came.clear();
    }
}

fn is_waiting(waiting: &HashMap<ClientId, Waiting>, request: RequestId) -> bool {
    waiting.get(&request.client).is_some_and(|it| it.timestamp == request.timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(client: u64, timestamp: u64) -> RequestId {
        RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) }
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn what_is_executed_took_its_time_and_is_counted_once() {
        let mut requests = Requests::new(100);
        requests.accepted(at(0), request(1, 1));
        let took = Duration::from_millis(30);
        assert_eq!(requests.executed(at(30), request(1, 1)), Some((Outcome::Success, took)));
        assert_eq!(requests.executed(at(31), request(1, 1)), None);
        assert_eq!(requests.executed(at(31), request(2, 1)), None, "nobody took it on");
        assert_eq!(requests.overdue(at(1_000)), None);
    }

    #[test]
    fn what_hangs_is_slow_at_once_and_failed_again_and_again() {
        let mut requests = Requests::new(100);
        requests.accepted(at(0), request(1, 1));
        requests.accepted(at(50), request(2, 1));
        assert_eq!(requests.overdue(at(99)), None);
        let slow = Some((Outcome::Success, Duration::from_millis(100)));
        assert_eq!((requests.overdue(at(100)), requests.overdue(at(100))), (slow, None));
        let failed = Some((Outcome::Timeout, Duration::from_millis(200)));
        assert_eq!(requests.overdue(at(150)).map(|it| it.0), Some(Outcome::Success), "the other");
        assert_eq!((requests.overdue(at(200)), requests.overdue(at(200))), (failed, None));
        assert_eq!(requests.executed(at(240), request(1, 1)), None, "counted as what it was");
        assert_eq!(requests.overdue(at(250)).map(|it| it.0), Some(Outcome::Timeout), "the other");
        assert_eq!(requests.overdue(at(300)), None);
    }

    #[test]
    fn what_was_held_back_or_lost_before_it_was_taken_on_took_its_time_from_when_it_first_came() {
        let mut requests = Requests::new(100);
        requests.arrived(at(0), request(1, 1));
        requests.arrived(at(50), request(1, 1)); // again: it was lost
        requests.accepted(at(60), request(1, 1));
        let took = Some((Outcome::Success, Duration::from_millis(70)));
        assert_eq!(requests.executed(at(70), request(1, 1)), took);
        // Of what never is taken on nothing is known: it may have been carried out elsewhere.
        requests.arrived(at(80), request(1, 2));
        assert_eq!(requests.overdue(at(1_000)), None);
        requests.accepted(at(1_000), request(1, 3));
        let took = Some((Outcome::Success, Duration::from_millis(5)));
        assert_eq!(requests.executed(at(1_005), request(1, 3)), took);
        for client in 0..10_000 {
            requests.arrived(at(2_000), request(client, 1));
        }
        assert_eq!(requests.came.len(), MAX_CLIENTS);
    }

    #[test]
    fn a_newer_request_of_a_client_replaces_its_older_one() {
        let mut requests = Requests::new(100);
        requests.accepted(at(0), request(1, 1));
        requests.accepted(at(10), request(1, 2));
        assert_eq!(requests.executed(at(20), request(1, 1)), None);
        assert_eq!(requests.overdue(at(105)), None, "the older one isn't waited for");
        assert!(requests.overdue(at(110)).is_some());
        requests.forget();
        assert_eq!(requests.overdue(at(1_000)), None);
    }

    #[test]
    fn what_is_kept_is_bounded_whoever_asks_how_quickly() {
        let mut requests = Requests::new(86_400_000);
        requests.accepted(at(0), request(0, 1)); // hangs, and keeps the front
        for number in 0..100_000 {
            requests.accepted(at(number), request(1, number));
            requests.executed(at(number), request(1, number));
        }
        assert!(requests.due.len() <= 2 * 2 + MAX_CLIENTS, "{}", requests.due.len());
        for client in 0..10_000 {
            requests.accepted(at(100_000), request(client, 200_000));
        }
        assert_eq!(requests.waiting.len(), MAX_CLIENTS);
    }
}
