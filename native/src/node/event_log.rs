//! The ring of recent events, numbered, that any number of viewers read at their own pace.
//!
//! Writing never waits for a reader. A reader that falls further behind than the ring reaches is
//! told how many events it missed and goes on from the oldest one that is left.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use conclave_core::event::Event;
use tokio::sync::watch;

/// How many events are kept: some 40 bytes to 300 each, so a few MiB; at full load some seconds.
const CAPACITY: usize = 16_384;

/// Numbered events, the newest few thousand of them.
pub struct EventLog {
    start: u64,
    ring: Mutex<Ring>,
    /// The number of the next event. Readers wait for it to move.
    next: watch::Sender<u64>,
}

struct Ring {
    /// The number of the oldest event kept.
    first: u64,
    events: VecDeque<Arc<Event>>,
}

/// What a reader gets.
#[derive(Debug)]
pub struct Read {
    /// How many events it missed before these because it was too slow.
    pub missed: u64,
    /// The number of the first of `events`.
    pub first: u64,
    /// In order.
    pub events: Vec<Arc<Event>>,
}

impl Read {
    /// The number of the event after the last one read.
    pub fn next(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

impl EventLog {
    /// An empty one whose first event will have the number `start`.
    pub fn starting_at(start: u64) -> Self {
        let ring = Ring { first: start, events: VecDeque::new() };
        Self { start, ring: Mutex::new(ring), next: watch::Sender::new(start) }
    }

    /// The number of the first event there ever was.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The number of the oldest event that is kept.
    pub fn oldest(&self) -> u64 {
        self.lock().first
    }

    /// Adds one event, made while nobody else can add one: so numbers follow times.
    pub fn push(&self, make: impl FnOnce() -> Event) {
        let mut ring = self.lock();
        if ring.events.len() == CAPACITY {
            ring.events.pop_front();
            ring.first += 1;
        }
        ring.events.push_back(Arc::new(make()));
        let next = ring.first + ring.events.len() as u64;
        drop(ring);
        // Two writers may arrive here in the other order: the number only ever grows.
        self.next.send_if_modified(|seen| {
            let newer = next > *seen;
            *seen = next.max(*seen);
            newer
        });
    }

    /// The number that the next event will have.
    pub fn next(&self) -> u64 {
        *self.next.borrow()
    }

    /// At most `limit` events from number `from` on; none if it lies in the future.
    pub fn read(&self, from: u64, limit: usize) -> Read {
        let ring = self.lock();
        let from = from.max(self.start);
        let first = from.max(ring.first);
        let skip = usize::try_from(first - ring.first).unwrap_or(usize::MAX);
        let events = ring.events.iter().skip(skip).take(limit).cloned().collect();
        Read { missed: first - from, first, events }
    }

    /// Tells when there are newer events.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing between lock and unlock can panic half way through a change.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::{
        event::{EventKind, Place},
        time::Time,
    };

    use super::*;

    fn log(events: u64) -> EventLog {
        let log = EventLog::starting_at(1);
        for number in 1..=events {
            log.push(|| Event {
                at: Time(number),
                place: Place::World,
                kind: EventKind::Marker { index: 0 },
            });
        }
        log
    }

    #[test]
    fn a_reader_resumes_where_it_stopped() {
        let log = log(10);
        let read = log.read(1, 4);
        assert_eq!((read.missed, read.first, read.events.len(), read.next()), (0, 1, 4, 5));
        let rest = log.read(read.next(), 100);
        assert_eq!(
            rest.events.iter().map(|event| event.at.0).collect::<Vec<_>>(),
            [5, 6, 7, 8, 9, 10]
        );
        assert!(log.read(rest.next(), 100).events.is_empty());
        assert!(log.read(u64::MAX, 100).events.is_empty());
    }

    #[test]
    fn a_reader_that_fell_behind_is_told_how_far() {
        let log = log(CAPACITY as u64 + 7);
        let read = log.read(3, 1);
        assert_eq!((read.missed, read.first, read.events[0].at.0), (5, 8, 8));
    }
}
