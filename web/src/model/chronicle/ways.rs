//! The ways of messages: where each began and how it ended, whichever of both is heard first.

use conclave_core::{
    ids::{MessageId, Principal},
    pbft::{MessageKind, Summary},
};

use super::{Arrow, Chronicle, Ending};

impl Chronicle {
    pub(super) fn sent(&mut self, mut arrow: Arrow) {
        let key = (arrow.id, arrow.to);
        if arrow.what.kind == MessageKind::PrePrepare
            && let (Some(view), Some(seq), Some(digest)) =
                (arrow.what.view, arrow.what.seq, arrow.what.digest)
        {
            let first = *self.first_digest.entry((view, seq)).or_insert(digest);
            arrow.alt = first != digest;
        }
        if let Some(end) = self.orphans.remove(&key) {
            arrow.end = Some(end);
            self.note_flight(arrow.sent_us, end.0);
        } else {
            self.open.insert(key, self.dropped + self.arrows.len());
        }
        self.arrows.push_back(arrow);
        if self.limit.is_some_and(|limit| self.arrows.len() > limit) {
            self.arrows.pop_front();
            self.dropped += 1;
            if self.dropped.is_multiple_of(1_024) {
                let dropped = self.dropped;
                self.open.retain(|_, index| *index >= dropped);
                self.orphans.clear();
            }
        }
    }

    pub(super) fn ended(
        &mut self,
        id: MessageId,
        to: Principal,
        known: Option<(Principal, Summary)>,
        end: (u64, u64, Ending),
    ) {
        let index = self.open.remove(&(id, to)).and_then(|index| index.checked_sub(self.dropped));
        if let Some(arrow) = index.and_then(|index| self.arrows.get_mut(index)) {
            arrow.end = Some(end);
            let sent = arrow.sent_us;
            self.note_flight(sent, end.0);
        } else if self.limit.is_some() {
            // Two streams: the receiver's may be ahead of the sender's.
            self.orphans.insert((id, to), end);
        } else if let (Some((from, what)), Some(first)) =
            (known, self.arrows.iter().rev().find(|arrow| arrow.id == id))
        {
            // A duplicate: a second way of the same message.
            let copy = Arrow { from, to, what, end: Some(end), ..first.clone() };
            let at = self.arrows.partition_point(|arrow| arrow.sent_us <= copy.sent_us);
            for open in self.open.values_mut().filter(|open| **open >= at + self.dropped) {
                *open += 1;
            }
            self.note_flight(copy.sent_us, end.0);
            self.arrows.insert(at, copy);
        }
    }

    pub(super) fn note_flight(&mut self, from_us: u64, to_us: u64) {
        let flight = to_us.saturating_sub(from_us);
        self.longest_flight_us = self.longest_flight_us.max(flight);
        // Only short ways say what is typical: a delayed one would blow up the zoom.
        if self.flights.1 < 64 && flight > 0 {
            self.flights = (self.flights.0 + flight, self.flights.1 + 1);
        }
    }
}
