//! What a member wants done, in order; what promises something about its disk waits for the disk.
//!
//! ```text
//!  records ────────────────────────────────────────────────▶ first
//!  free: a leader's entries, decisions, events ────────────▶ then
//!  gated: votes, acknowledgements ──(records durable)──────▶ then
//! ```

use alloc::collections::VecDeque;

use serde::Serialize;

use super::{contract::Effect, messages::Message, records::Record};
use crate::protocol::{RecordNumber, To};

/// The most messages that wait for the disk. More are dropped, as a network may lose them: whoever
/// missed an answer asks again.
const MAX_HELD: usize = 4 * 1_024;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Outbox<P> {
    records: VecDeque<(RecordNumber, Record<P>)>,
    free: VecDeque<Effect<P>>,
    /// Each with the record that must be durable before it leaves.
    gated: VecDeque<(RecordNumber, To, Message<P>)>,
    last_record: RecordNumber,
    durable: RecordNumber,
}

impl<P> Default for Outbox<P> {
    fn default() -> Self {
        Self {
            records: VecDeque::new(),
            free: VecDeque::new(),
            gated: VecDeque::new(),
            last_record: 0,
            durable: 0,
        }
    }
}

impl<P> Outbox<P> {
    pub(super) fn persist(&mut self, record: Record<P>) -> RecordNumber {
        self.last_record += 1;
        self.records.push_back((self.last_record, record));
        self.last_record
    }

    pub(super) fn free(&mut self, effect: Effect<P>) {
        self.free.push_back(effect);
    }

    /// Once all that was persisted up to now is durable.
    pub(super) fn gated(&mut self, to: To, message: Message<P>) {
        if self.gated.len() < MAX_HELD {
            self.gated.push_back((self.last_record, to, message));
        }
    }

    /// Ignores numbers that were never handed out. What is durable now.
    pub(super) fn durable_up_to(&mut self, number: RecordNumber) -> RecordNumber {
        let handed_out = self.records.front().map_or(self.last_record, |(first, _)| first - 1);
        self.durable = self.durable.max(number.min(handed_out));
        self.durable
    }

    pub(super) fn poll(&mut self) -> Option<Effect<P>> {
        if let Some((number, record)) = self.records.pop_front() {
            return Some(Effect::Persist(number, record));
        }
        if let Some(effect) = self.free.pop_front() {
            return Some(effect);
        }
        let (needs, ..) = self.gated.front()?;
        if *needs > self.durable {
            return None;
        }
        let (_, to, message) = self.gated.pop_front()?;
        Some(Effect::Send { to, message })
    }
}
