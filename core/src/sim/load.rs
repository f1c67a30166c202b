//! What a node takes time for: one message after the other, and none of whom it turned away.

use core::time::Duration;

use super::{
    cluster::{Cluster, Due},
    host::Host,
};
use crate::{
    ids::{ClientId, MessageId, Principal},
    time::Time,
};

/// A client is held back for so long at a time at most, as real nodes do it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Requests are counted in windows of so many microseconds, to find the busiest.
const WINDOW_US: u64 = 50_000;

impl Host {
    /// What this client says next waits at its own end until then.
    pub(super) fn hold_back(&mut self, client: ClientId, until: Time) {
        self.held_back.insert(client, until);
    }
}

impl Cluster {
    /// A node that takes time handles what arrives one after the other. Whether this has to wait; it
    /// comes again when it is its turn.
    pub(super) fn waits_its_turn(&mut self, id: MessageId) -> bool {
        let Some(flight) = self.flights.get_mut(id) else { return false };
        let Principal::Node(node) = flight.to else { return false };
        let host = &mut self.hosts[node.0 as usize];
        let held = match flight.from {
            Principal::Client(client) => host.held_back.get(&client).copied(),
            Principal::Node(_) => None,
        };
        let due = if let Some(until) = held.filter(|until| *until > self.now) {
            flight.in_line = false;
            until.min(self.now + LONGEST_PAUSE)
        } else if flight.in_line {
            return false;
        } else {
            flight.in_line = true;
            let handling = Duration::from_micros(u64::from(self.scenario.network.handling_us));
            host.busy_until = host.busy_until.max(self.now) + handling;
            host.busy_until
        };
        flight.due = due;
        self.push(due, Due::Deliver(id));
        true
    }

    /// Something that a client said arrived.
    pub(super) fn count_request(&mut self) {
        let window = self.now.0 / WINDOW_US;
        if window != self.window.0 {
            self.window = (window, 0);
        }
        self.window.1 += 1;
        self.counts.peak_requests = self.counts.peak_requests.max(self.window.1);
    }
}
