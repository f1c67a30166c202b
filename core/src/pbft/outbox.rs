//! What a replica wants done, in order, with sends held back until what they promise is on disk.

use alloc::collections::VecDeque;

use super::durable::Record;
use crate::{
    event::EventKind,
    protocol::{Effect, RecordNumber},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    records: VecDeque<(RecordNumber, Record)>,
    /// Each with the record that must be durable before it leaves.
    gated: VecDeque<(RecordNumber, Effect)>,
    last_record: RecordNumber,
    durable: RecordNumber,
}

impl Outbox {
    pub(super) fn persist(&mut self, record: Record) {
        self.last_record += 1;
        self.records.push_back((self.last_record, record));
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.gated.push_back((self.last_record, effect));
    }

    pub(super) fn event(&mut self, event: EventKind) {
        self.push(Effect::Event(event));
    }

    /// Ignores numbers that were never handed out.
    pub(super) fn durable_up_to(&mut self, number: RecordNumber) {
        let handed_out = self.records.front().map_or(self.last_record, |(first, _)| first - 1);
        self.durable = self.durable.max(number.min(handed_out));
    }

    pub(super) fn poll(&mut self) -> Option<Effect> {
        if let Some((number, record)) = self.records.pop_front() {
            return Some(Effect::Persist(number, record));
        }
        match self.gated.front() {
            Some((needs, _)) if *needs <= self.durable => {
                self.gated.pop_front().map(|(_, effect)| effect)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::EventKind,
        ids::{NodeId, View},
        pbft::Batch,
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
    fn what_follows_a_record_waits_until_it_is_durable() {
        let mut outbox = Outbox::default();
        let record = || Record::Batch(Batch { requests: alloc::vec![] }.into());
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
