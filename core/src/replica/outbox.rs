//! What a replica wants done, in order, with sends held back until what they promise is on disk.

use alloc::{boxed::Box, collections::VecDeque};

use super::durable::Record;
use crate::{
    event::EventKind,
    protocol::{Effect, RecordNumber},
};

/// The most sends and replies that wait for the disk, and as many events that clients cause as they
/// like. More than a window of votes takes; a disk that hangs under a flood must not fill the memory.
/// What is dropped of the former is repaired as what a network loses; of the latter nothing but
/// statistics is made. Other events are never dropped: they say what was done, and are bounded by the
/// positions at which, and the timers by which, anything is done.
const MAX_HELD: usize = 16 * 1_024;

/// So many records may wait for the disk when one is noted that could be left out. Each may be as long
/// as an answer with parts of a state: together 16 MiB.
const MAX_NOTED_AHEAD: u64 = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    records: VecDeque<(RecordNumber, Box<Record>)>,
    /// Each with the record that must be durable before it leaves.
    gated: VecDeque<(RecordNumber, Effect)>,
    /// What has waited for its records elsewhere, or promises nothing.
    at_once: VecDeque<Effect>,
    last_record: RecordNumber,
    /// The last that promises something: sends wait for it.
    gate: RecordNumber,
    durable: RecordNumber,
    /// Sends and replies among `gated`.
    held: usize,
    /// Events among them that clients cause.
    told: usize,
}

impl Outbox {
    pub(crate) fn persist(&mut self, record: Record) -> RecordNumber {
        self.write(record);
        self.gate = self.last_record;
        self.last_record
    }

    /// Writes down what nothing depends on: no send waits for it, and it is left out if the disk is
    /// behind.
    pub(crate) fn note(&mut self, record: Record) {
        if self.last_record - self.durable < MAX_NOTED_AHEAD {
            self.write(record);
        }
    }

    fn write(&mut self, record: Record) {
        self.last_record += 1;
        self.records.push_back((self.last_record, Box::new(record)));
    }

    /// Waits for no record: an ordering may know better than "all that came before it".
    pub(crate) fn push_at_once(&mut self, effect: Effect) {
        self.at_once.push_back(effect);
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        if let Some(waiting) = self.waiting_like(&effect) {
            if *waiting == MAX_HELD {
                return;
            }
            *waiting += 1;
        }
        self.gated.push_back((self.gate, effect));
    }

    pub(crate) fn event(&mut self, event: EventKind) {
        self.push(Effect::Event(event));
    }

    /// Ignores numbers that were never handed out.
    pub(crate) fn durable_up_to(&mut self, number: RecordNumber) {
        let handed_out = self.records.front().map_or(self.last_record, |(first, _)| first - 1);
        self.durable = self.durable.max(number.min(handed_out));
    }

    pub(crate) fn poll(&mut self) -> Option<Effect> {
        if let Some((number, record)) = self.records.pop_front() {
            return Some(Effect::Persist(number, record));
        }
        if let Some(effect) = self.at_once.pop_front() {
            return Some(effect);
        }
        match self.gated.front() {
            Some((needs, _)) if *needs <= self.durable => {
                let (_, effect) = self.gated.pop_front()?;
                if let Some(waiting) = self.waiting_like(&effect) {
                    *waiting -= 1;
                }
                Some(effect)
            }
            _ => None,
        }
    }

    /// How many wait of those that share a bound with this one; `None`: it has none.
    fn waiting_like(&mut self, effect: &Effect) -> Option<&mut usize> {
        match effect {
            Effect::Send { .. } | Effect::Reply { .. } => Some(&mut self.held),
            Effect::Event(EventKind::RequestAccepted { .. } | EventKind::ReadAnswered { .. }) => {
                Some(&mut self.told)
            }
            _ => None,
        }
    }

    /// How much of all this waits.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.records.len() + self.gated.len() + self.at_once.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::EventKind,
        ids::{NodeId, View},
        pbft::{Batch, Message},
        protocol::To,
    };

    fn event(view: u64) -> EventKind {
        EventKind::ViewEntered { view: View(view), primary: NodeId(0), carried_over: 0 }
    }

    fn view_of(effect: Option<Effect>) -> Option<u64> {
        match effect? {
            Effect::Event(EventKind::ViewEntered { view, .. }) => Some(view.0),
            other => panic!("not the event: {other:?}"),
        }
    }

    #[test]
    fn a_disk_that_hangs_does_not_fill_the_memory() {
        let mut outbox = Outbox::default();
        outbox.persist(Record::Batch(Batch::new(alloc::vec![]).into()));
        let message = || Message::FetchBatch(crate::crypto::Digest::default());
        for _ in 0..3 * MAX_HELD {
            outbox.push(Effect::Send { to: To::Others, message: message() });
        }
        outbox.event(event(1));
        assert!(matches!(outbox.poll(), Some(Effect::Persist(1, _))));
        assert!(outbox.poll().is_none());
        outbox.durable_up_to(1);
        let sent = core::iter::from_fn(|| outbox.poll());
        assert_eq!(sent.count(), MAX_HELD + 1, "so many sends, and what happened");
        outbox.push(Effect::Send { to: To::Others, message: message() });
        assert!(outbox.poll().is_some(), "there is room again");
    }

    #[test]
    fn nothing_waits_for_what_is_only_noted_and_a_disk_that_is_behind_is_spared_it() {
        let mut outbox = Outbox::default();
        let record = || Record::Batch(Batch::new(alloc::vec![]).into());
        outbox.persist(record());
        for _ in 0..3 * MAX_NOTED_AHEAD {
            outbox.note(record());
        }
        outbox.event(event(1));
        let written = core::iter::from_fn(|| outbox.poll()).collect::<alloc::vec::Vec<_>>();
        assert_eq!(written.len() as u64, MAX_NOTED_AHEAD);
        outbox.durable_up_to(1);
        assert_eq!(view_of(outbox.poll()), Some(1), "what it waits for is durable");
        outbox.durable_up_to(MAX_NOTED_AHEAD);
        outbox.note(record());
        assert!(outbox.poll().is_some(), "the disk has caught up");
    }

    #[test]
    fn what_follows_a_record_waits_until_it_is_durable() {
        let mut outbox = Outbox::default();
        let record = || Record::Batch(Batch::new(alloc::vec![]).into());
        outbox.event(event(1));
        outbox.persist(record());
        outbox.event(event(2));
        outbox.persist(record());
        outbox.event(event(3));
        outbox.durable_up_to(2); // not handed out yet: means nothing
        assert!(matches!(outbox.poll(), Some(Effect::Persist(1, _))));
        assert!(matches!(outbox.poll(), Some(Effect::Persist(2, _))));
        assert_eq!(view_of(outbox.poll()), Some(1));
        assert!(outbox.poll().is_none());
        outbox.durable_up_to(1);
        assert_eq!(view_of(outbox.poll()), Some(2));
        assert!(outbox.poll().is_none());
        outbox.durable_up_to(2);
        assert_eq!(view_of(outbox.poll()), Some(3));
    }
}
