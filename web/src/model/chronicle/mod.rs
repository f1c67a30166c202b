//! What happened, indexed for drawing: events in, arrows, bands, spans and marks out.
//!
//! Both worlds are drawn from this: a recording (events with the step that caused them) and real
//! nodes (events from several streams, a little out of order). It knows neither canvas nor clock.
//!
//! ```text
//! Sent ──▶ Arrow ◀── Delivered | Lost           one message, from lane to lane
//! PrePrepared ─ Prepared ─ Committed ─ Executed  Band: one slot at one replica
//! crash … restart, view change … new view        Span: a replica's condition for a while
//! threat, epoch ……………………… the next one              Period: what all agree on for a while
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `record` | what the index is made of |
//! | `intake` | events in |
//! | `ways`, `bands`, `spans`, `periods` | how messages, slots, conditions and what is agreed are kept up to date |

mod bands;
mod intake;
mod periods;
mod record;
mod spans;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::VecDeque;

use conclave_core::{
    crypto::Digest,
    ids::{MessageId, NodeId, Principal, Seq, View},
    sorted::SortedMap,
};

use super::belief::Beliefs;

pub(crate) use self::{
    periods::{Period, Regime},
    record::{Arrow, Ask, Band, Condition, Ending, Lie, Mark, Sign, Span},
};

/// The index. Bounded if made by [`Chronicle::bounded`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Chronicle {
    arrows: VecDeque<Arrow>,
    /// How many arrows were dropped in front: keys in `open` count from the very first.
    dropped: usize,
    open: SortedMap<(MessageId, Principal), usize>,
    orphans: SortedMap<(MessageId, Principal), (u64, u64, Ending)>,
    bands: SortedMap<NodeId, VecDeque<Band>>,
    spans: Vec<Span>,
    marks: VecDeque<Mark>,
    asks: VecDeque<Ask>,
    lies: VecDeque<Lie>,
    periods: VecDeque<Period>,
    beliefs: Beliefs,
    first_digest: SortedMap<(View, Seq), Digest>,
    /// How far each replica has executed.
    executed: SortedMap<NodeId, Seq>,
    longest_flight_us: u64,
    flights: (u64, u64),
    span_us: (u64, u64),
    limit: Option<usize>,
}

/// How far out of order the streams of real nodes may be, in µs.
const SKEW_US: u64 = 500_000;

impl Chronicle {
    /// One that keeps at most this many of everything, forgetting the oldest.
    pub(crate) fn bounded(limit: usize) -> Self {
        Self { limit: Some(limit.max(16)), ..Self::default() }
    }

    /// The first and last moment, in µs.
    pub(crate) fn extent_us(&self) -> (u64, u64) {
        self.span_us
    }

    /// A typical time under way, in µs: what a good first zoom is made from.
    pub(crate) fn typical_flight_us(&self) -> u64 {
        self.flights.0.checked_div(self.flights.1).unwrap_or(5_000).max(50)
    }

    /// All signs, oldest first.
    pub(crate) fn marks(&self) -> impl DoubleEndedIterator<Item = &Mark> {
        self.marks.iter()
    }

    /// All conditions.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The slots of a replica, oldest first.
    pub(crate) fn bands(&self, node: NodeId) -> impl DoubleEndedIterator<Item = &Band> {
        self.bands.get(&node).into_iter().flatten()
    }

    /// All requests, oldest first.
    pub(crate) fn asks(&self) -> impl DoubleEndedIterator<Item = &Ask> {
        self.asks.iter()
    }

    /// What liars did, oldest first.
    pub(crate) fn lies(&self) -> impl DoubleEndedIterator<Item = &Lie> {
        self.lies.iter()
    }

    /// What replicas think of each other.
    pub(crate) fn beliefs(&self) -> &Beliefs {
        &self.beliefs
    }

    /// The first batch that was proposed at a position of a view.
    pub(crate) fn is_alt(&self, view: View, seq: Seq, digest: Digest) -> bool {
        self.first_digest.get(&(view, seq)).is_some_and(|first| *first != digest)
    }

    /// Messages that were under way at some moment of this time.
    pub(crate) fn arrows_between(&self, from_us: u64, to_us: u64) -> impl Iterator<Item = &Arrow> {
        let slack = self.longest_flight_us + if self.limit.is_some() { SKEW_US } else { 0 };
        let start = from_us.saturating_sub(slack);
        let first = self.arrows.partition_point(|arrow| arrow.sent_us < start);
        let until = to_us.saturating_add(if self.limit.is_some() { SKEW_US } else { 0 });
        self.arrows.range(first..).take_while(move |arrow| arrow.sent_us <= until).filter(
            move |arrow| arrow.sent_us <= to_us && arrow.end.is_none_or(|(us, _, _)| us >= from_us),
        )
    }

    /// Messages that are under way once `steps` steps have happened, at `now_us`.
    pub(crate) fn in_flight(&self, steps: u64, now_us: u64) -> impl Iterator<Item = &Arrow> {
        self.arrows_between(now_us, now_us).filter(move |arrow| {
            arrow.sent_step < steps && arrow.end.is_none_or(|(_, step, _)| step >= steps)
        })
    }

    /// The arrow of a message.
    pub(crate) fn arrow(&self, id: MessageId) -> Option<&Arrow> {
        self.arrows.iter().rev().find(|arrow| arrow.id == id)
    }
}

/// Keeps the newest.
pub(super) fn keep<T>(queue: &mut VecDeque<T>, item: T, limit: Option<usize>) {
    queue.push_back(item);
    if limit.is_some_and(|limit| queue.len() > limit) {
        queue.pop_front();
    }
}
