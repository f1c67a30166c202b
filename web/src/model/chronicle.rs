//! What happened, indexed for drawing: events in, arrows, bands, spans and marks out.
//!
//! Both worlds are drawn from this: a recording (events with the step that caused them) and real
//! nodes (events from several streams, a little out of order). It knows neither canvas nor clock.
//!
//! ```text
//! Sent ──▶ Arrow ◀── Delivered | Lost           one message, from lane to lane
//! PrePrepared ─ Prepared ─ Committed ─ Executed  Band: one slot at one replica
//! crash … restart, view change … new view        Span: a replica's condition for a while
//! ```

use std::collections::{BTreeMap, HashMap, VecDeque};

use conclave_core::{
    crypto::Digest,
    event::{Event, EventKind, LossCause, Place, Tampering, ViewChangeCause},
    ids::{MessageId, NodeId, Principal, RequestId, Seq, View},
    pbft::{MessageKind, Summary},
    sim::{Action, Invariant},
};

/// How a message's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It arrived.
    Delivered,
    /// It never will.
    Lost(LossCause),
}

/// One message on its way, or that was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrow {
    /// Its name.
    pub(crate) id: MessageId,
    /// Whence.
    pub(crate) from: Principal,
    /// Whither.
    pub(crate) to: Principal,
    /// What it says.
    pub(crate) what: Summary,
    /// When it left, in µs.
    pub(crate) sent_us: u64,
    /// The step in which it left.
    pub(crate) sent_step: u64,
    /// When, in which step and how its way ended.
    pub(crate) end: Option<(u64, u64, Ending)>,
    /// It names another batch than the first one proposed at its position.
    pub(crate) alt: bool,
}

/// One slot at one replica, phase by phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    /// The position.
    pub(crate) seq: Seq,
    /// The view in which it was proposed.
    pub(crate) view: View,
    /// The batch.
    pub(crate) digest: Digest,
    /// It is another batch than the first one proposed at this position.
    pub(crate) alt: bool,
    /// How many requests.
    pub(crate) requests: u32,
    /// When the proposal was accepted.
    pub(crate) from_us: u64,
    /// When the prepared certificate was complete.
    pub(crate) prepared_us: Option<u64>,
    /// When a quorum had committed.
    pub(crate) committed_us: Option<u64>,
    /// When it was executed.
    pub(crate) executed_us: Option<u64>,
    /// When a later view or a crash ended it.
    pub(crate) closed_us: Option<u64>,
}

/// A condition of a replica that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Crashed.
    Down,
    /// Nothing reaches it or leaves it.
    CutOff,
    /// It lies.
    Byzantine,
    /// Between two views, wanting this one.
    ViewChange(View),
}

/// A condition and how long it lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Whose.
    pub(crate) node: NodeId,
    /// Which.
    pub(crate) condition: Condition,
    /// Since when.
    pub(crate) from_us: u64,
    /// Until when; `None`: still.
    pub(crate) to_us: Option<u64>,
}

/// Something at one moment that deserves a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Somebody acted.
    Fault(String),
    /// A replica gave up on its view.
    Left(View, ViewChangeCause),
    /// A replica is in a new view.
    Entered(View),
    /// A property broke.
    Violated(Invariant),
    /// Narration.
    Marker(u32),
    /// A stable checkpoint.
    Stable(Seq),
    /// Two conflicting proposals are in one hand.
    Equivocation(NodeId),
    /// State was transferred.
    Transferred(Seq),
}

/// A sign with its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When.
    pub(crate) us: u64,
    /// In which step.
    pub(crate) step: u64,
    /// Where.
    pub(crate) place: Place,
    /// What.
    pub(crate) sign: Sign,
}

/// One request of a client, from asking to accepting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Which.
    pub(crate) request: RequestId,
    /// In words.
    pub(crate) operation: String,
    /// When it was first sent.
    pub(crate) from_us: u64,
    /// When it was sent again.
    pub(crate) again_us: Vec<u64>,
    /// When f+1 replies agreed.
    pub(crate) done_us: Option<u64>,
}

/// What a liar said instead, to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lie {
    /// The step.
    pub(crate) step: u64,
    /// When.
    pub(crate) us: u64,
    /// Who lied.
    pub(crate) by: NodeId,
    /// To whom.
    pub(crate) to: Principal,
    /// What it wanted to say.
    pub(crate) what: Summary,
    /// What became of it.
    pub(crate) how: Tampering,
}

/// The index. Bounded if made by [`Chronicle::bounded`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Chronicle {
    arrows: VecDeque<Arrow>,
    /// How many arrows were dropped in front: keys in `open` count from the very first.
    dropped: usize,
    open: HashMap<(MessageId, Principal), usize>,
    orphans: HashMap<(MessageId, Principal), (u64, u64, Ending)>,
    bands: BTreeMap<NodeId, VecDeque<Band>>,
    spans: Vec<Span>,
    marks: VecDeque<Mark>,
    asks: VecDeque<Ask>,
    lies: VecDeque<Lie>,
    first_digest: BTreeMap<(View, Seq), Digest>,
    /// How far each replica has executed.
    executed: BTreeMap<NodeId, Seq>,
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

    /// Takes in one event that happened in step `step` (for real nodes: any rising number).
    pub(crate) fn push(&mut self, step: u64, event: &Event) {
        let us = event.at.as_micros();
        if self.span_us == (0, 0) && self.limit.is_some() {
            self.span_us = (us, us);
        }
        self.span_us.1 = self.span_us.1.max(us);
        match &event.kind {
            EventKind::Sent { id, to, what } => {
                if let Some(from) = principal(event.place) {
                    self.sent(Arrow {
                        id: *id,
                        from,
                        to: *to,
                        what: *what,
                        sent_us: us,
                        sent_step: step,
                        end: None,
                        alt: self.names_alt(what),
                    });
                }
            }
            EventKind::Delivered { id, from, what } => {
                if let Some(to) = principal(event.place) {
                    self.ended(*id, to, Some((*from, *what)), (us, step, Ending::Delivered));
                }
            }
            EventKind::Lost { id, to, why } => {
                self.ended(*id, *to, None, (us, step, Ending::Lost(*why)));
            }
            EventKind::Tampered { to, what, how } => {
                if let Place::Node(by) = event.place {
                    let lie = Lie { step, us, by, to: *to, what: *what, how: *how };
                    keep(&mut self.lies, lie, self.limit);
                }
            }
            _ => self.push_protocol(step, us, event),
        }
    }

    fn push_protocol(&mut self, step: u64, us: u64, event: &Event) {
        let mark = |chronicle: &mut Self, sign| {
            keep(
                &mut chronicle.marks,
                Mark { us, step, place: event.place, sign },
                chronicle.limit,
            );
        };
        match (&event.kind, event.place) {
            (EventKind::PrePrepared { view, seq, digest, requests }, Place::Node(node)) => {
                let first = *self.first_digest.entry((*view, *seq)).or_insert(*digest);
                self.forget_old_digests();
                if self.is_over(node, *seq) {
                    return;
                }
                self.open_band(node, us, *view, *seq, *digest, first != *digest, *requests);
            }
            // A new view proposes again what some have executed: there, nothing is left to see.
            (
                EventKind::Prepared { seq, .. } | EventKind::Committed { seq, .. },
                Place::Node(node),
            ) if self.is_over(node, *seq) => {}
            (EventKind::Prepared { view, seq, digest }, Place::Node(node)) => {
                self.band(node, us, *view, *seq, *digest).prepared_us = Some(us);
            }
            (EventKind::Committed { view, seq, digest }, Place::Node(node)) => {
                self.band(node, us, *view, *seq, *digest).committed_us = Some(us);
            }
            (EventKind::Executed { seq, digest, .. }, Place::Node(node)) => {
                let view = self.last_band(node, *seq).map_or(View(0), |band| band.view);
                let band = self.band(node, us, view, *seq, *digest);
                band.executed_us = Some(us);
                band.committed_us.get_or_insert(us);
                self.executed.insert(node, *seq);
                // Whatever else was proposed for this position is over.
                for band in self.bands.get_mut(&node).into_iter().flatten().rev().take(512) {
                    if band.seq == *seq && band.executed_us.is_none() {
                        band.closed_us.get_or_insert(us);
                    }
                }
            }
            (EventKind::ViewChangeStarted { view, why }, Place::Node(node)) => {
                self.close_bands(node, us);
                self.end_spans(node, us, |c| matches!(c, Condition::ViewChange(_)));
                self.begin(node, us, Condition::ViewChange(*view));
                mark(self, Sign::Left(*view, *why));
            }
            (EventKind::ViewEntered { view, .. }, Place::Node(node)) => {
                self.close_bands(node, us);
                self.end_spans(node, us, |c| matches!(c, Condition::ViewChange(_)));
                mark(self, Sign::Entered(*view));
            }
            (EventKind::CheckpointStable { seq, .. }, Place::Node(_)) => {
                mark(self, Sign::Stable(*seq));
            }
            (EventKind::StateTransferred { seq, .. }, Place::Node(_)) => {
                mark(self, Sign::Transferred(*seq));
            }
            (EventKind::Equivocation { by, .. }, _) => mark(self, Sign::Equivocation(*by)),
            (EventKind::Intervened { action, effective: true }, _) => {
                self.intervened(us, action);
                if !matches!(action, Action::Submit { .. }) {
                    mark(self, Sign::Fault(action.to_string()));
                }
            }
            (EventKind::Violated { invariant, .. }, _) => mark(self, Sign::Violated(*invariant)),
            (EventKind::Marker { index }, _) => mark(self, Sign::Marker(*index)),
            (EventKind::RequestSubmitted { request, operation }, _) => {
                let ask = Ask {
                    request: *request,
                    operation: operation.clone(),
                    from_us: us,
                    again_us: Vec::new(),
                    done_us: None,
                };
                keep(&mut self.asks, ask, self.limit);
            }
            (EventKind::RequestRetransmitted { request }, _) => {
                if let Some(ask) = self.asks.iter_mut().rev().find(|ask| ask.request == *request) {
                    ask.again_us.push(us);
                }
            }
            (EventKind::RequestCompleted { request, .. }, _) => {
                if let Some(ask) = self.asks.iter_mut().rev().find(|ask| ask.request == *request) {
                    ask.done_us = Some(us);
                }
            }
            _ => {}
        }
    }

    fn names_alt(&self, what: &Summary) -> bool {
        match (what.view, what.seq, what.digest) {
            (Some(view), Some(seq), Some(digest)) => self.is_alt(view, seq, digest),
            _ => false,
        }
    }

    fn sent(&mut self, mut arrow: Arrow) {
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

    fn ended(
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

    fn note_flight(&mut self, from_us: u64, to_us: u64) {
        let flight = to_us.saturating_sub(from_us);
        self.longest_flight_us = self.longest_flight_us.max(flight);
        // Only short ways say what is typical: a delayed one would blow up the zoom.
        if self.flights.1 < 64 && flight > 0 {
            self.flights = (self.flights.0 + flight, self.flights.1 + 1);
        }
    }

    fn is_over(&self, node: NodeId, seq: Seq) -> bool {
        self.executed.get(&node).is_some_and(|executed| *executed >= seq)
    }

    fn last_band(&mut self, node: NodeId, seq: Seq) -> Option<&mut Band> {
        self.bands.get_mut(&node)?.iter_mut().rev().take(512).find(|band| band.seq == seq)
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one event, once")]
    fn open_band(
        &mut self,
        node: NodeId,
        us: u64,
        view: View,
        seq: Seq,
        digest: Digest,
        alt: bool,
        requests: u32,
    ) {
        let band = Band {
            seq,
            view,
            digest,
            alt,
            requests,
            from_us: us,
            prepared_us: None,
            committed_us: None,
            executed_us: None,
            closed_us: None,
        };
        keep(self.bands.entry(node).or_default(), band, self.limit);
    }

    /// The band of that position in that view, opened here if its proposal wasn't seen.
    fn band(&mut self, node: NodeId, us: u64, view: View, seq: Seq, digest: Digest) -> &mut Band {
        let known = self.last_band(node, seq).is_some_and(|band| {
            band.view == view && band.digest == digest && band.executed_us.is_none()
        });
        if !known {
            let alt = self.is_alt(view, seq, digest);
            self.open_band(node, us, view, seq, digest, alt, 0);
        }
        let bands = self.bands.entry(node).or_default();
        let index = bands.iter().rposition(|band| band.seq == seq).unwrap_or(0);
        &mut bands[index]
    }

    fn close_bands(&mut self, node: NodeId, us: u64) {
        for band in self.bands.get_mut(&node).into_iter().flatten().rev().take(512) {
            if band.executed_us.is_none() {
                band.closed_us.get_or_insert(us);
            }
        }
    }

    fn begin(&mut self, node: NodeId, us: u64, condition: Condition) {
        self.spans.push(Span { node, condition, from_us: us, to_us: None });
        if let Some(limit) = self.limit
            && self.spans.len() > limit
        {
            self.spans.remove(0);
        }
    }

    fn end_spans(&mut self, node: NodeId, us: u64, which: impl Fn(Condition) -> bool) {
        for span in &mut self.spans {
            if span.node == node && span.to_us.is_none() && which(span.condition) {
                span.to_us = Some(us);
            }
        }
    }

    fn intervened(&mut self, us: u64, action: &Action) {
        match action {
            Action::Crash { node } => {
                self.close_bands(*node, us);
                self.end_spans(*node, us, |c| matches!(c, Condition::ViewChange(_)));
                self.begin(*node, us, Condition::Down);
            }
            Action::Restart { node } => {
                // It executes again what its disk had not kept.
                self.executed.remove(node);
                self.end_spans(*node, us, |c| c == Condition::Down);
            }
            Action::CutOff { node } => self.begin(*node, us, Condition::CutOff),
            Action::Reconnect { node } => self.end_spans(*node, us, |c| c == Condition::CutOff),
            Action::Heal => {
                let nodes: Vec<_> = self.spans.iter().map(|span| span.node).collect();
                for node in nodes {
                    self.end_spans(node, us, |c| c == Condition::CutOff);
                }
            }
            Action::Corrupt { node, .. } => {
                self.end_spans(*node, us, |c| c == Condition::Byzantine);
                self.begin(*node, us, Condition::Byzantine);
            }
            Action::Reform { node } => self.end_spans(*node, us, |c| c == Condition::Byzantine),
            _ => {}
        }
    }

    fn forget_old_digests(&mut self) {
        if let Some(limit) = self.limit {
            while self.first_digest.len() > limit {
                self.first_digest.pop_first();
            }
        }
    }
}

fn keep<T>(queue: &mut VecDeque<T>, item: T, limit: Option<usize>) {
    queue.push_back(item);
    if limit.is_some_and(|limit| queue.len() > limit) {
        queue.pop_front();
    }
}

fn principal(place: Place) -> Option<Principal> {
    match place {
        Place::Node(node) => Some(Principal::Node(node)),
        Place::Client(client) => Some(Principal::Client(client)),
        Place::World => None,
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::time::Time;

    use super::*;

    const N0: Principal = Principal::Node(NodeId(0));
    const N1: Principal = Principal::Node(NodeId(1));

    fn prepare() -> Summary {
        Summary {
            kind: MessageKind::Prepare,
            view: Some(View(0)),
            seq: Some(Seq(1)),
            digest: Some(Digest::default()),
            request: None,
        }
    }

    fn event(at: u64, place: Principal, kind: EventKind) -> Event {
        Event { at: Time(at), place: place.into(), kind }
    }

    fn sent(at: u64, id: u64) -> Event {
        event(at, N0, EventKind::Sent { id: MessageId(id), to: N1, what: prepare() })
    }

    fn delivered(at: u64, id: u64) -> Event {
        event(at, N1, EventKind::Delivered { id: MessageId(id), from: N0, what: prepare() })
    }

    #[test]
    fn a_message_is_in_flight_from_the_step_that_sent_it_to_the_step_that_ends_it() {
        let mut chronicle = Chronicle::default();
        chronicle.push(0, &sent(10, 1));
        chronicle.push(1, &sent(10, 2));
        chronicle.push(2, &delivered(30, 1));
        let ids = |steps, now| {
            chronicle.in_flight(steps, now).map(|arrow| arrow.id.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(0, 0), Vec::<u64>::new());
        assert_eq!(ids(1, 10), [1]);
        assert_eq!(ids(2, 20), [1, 2]);
        assert_eq!(ids(3, 30), [2]);
    }

    #[test]
    fn a_receivers_stream_may_be_ahead_of_its_senders() {
        let mut chronicle = Chronicle::bounded(100);
        chronicle.push(0, &delivered(30, 1));
        chronicle.push(1, &sent(10, 1));
        let arrow = chronicle.arrow(MessageId(1)).expect("the message was sent");
        assert_eq!(arrow.end, Some((30, 0, Ending::Delivered)));
    }

    #[test]
    fn a_bounded_chronicle_forgets_the_oldest_and_still_pairs() {
        let mut chronicle = Chronicle::bounded(16);
        for id in 0..40 {
            chronicle.push(id, &sent(id, id));
        }
        chronicle.push(40, &delivered(50, 39));
        chronicle.push(41, &delivered(50, 0));
        assert_eq!(chronicle.arrows.len(), 16);
        assert!(chronicle.arrow(MessageId(39)).is_some_and(|arrow| arrow.end.is_some()));
        assert!(chronicle.arrow(MessageId(0)).is_none());
    }

    #[test]
    fn a_duplicate_is_a_second_way_of_the_same_message() {
        let mut chronicle = Chronicle::default();
        chronicle.push(0, &sent(10, 1));
        chronicle.push(1, &sent(11, 2));
        chronicle.push(2, &delivered(20, 1));
        chronicle.push(3, &delivered(25, 1));
        chronicle.push(4, &delivered(26, 2));
        let ends: Vec<_> =
            chronicle.arrows.iter().map(|a| (a.id.0, a.end.map(|(us, _, _)| us))).collect();
        assert_eq!(ends, [(1, Some(20)), (1, Some(25)), (2, Some(26))]);
    }

    #[test]
    fn the_second_batch_at_one_position_is_the_other_one() {
        let mut chronicle = Chronicle::default();
        let proposal = |node, digest| {
            event(
                5,
                Principal::Node(NodeId(node)),
                EventKind::PrePrepared { view: View(0), seq: Seq(1), digest, requests: 1 },
            )
        };
        chronicle.push(0, &proposal(1, Digest([1; 32])));
        chronicle.push(1, &proposal(3, Digest([7; 32])));
        let alt = |node| chronicle.bands(NodeId(node)).next().is_some_and(|band| band.alt);
        assert!(!alt(1));
        assert!(alt(3));
    }

    #[test]
    fn what_is_executed_and_proposed_again_in_a_new_view_opens_no_slot() {
        let mut chronicle = Chronicle::default();
        let (digest, seq) = (Digest::default(), Seq(1));
        let executed = EventKind::Executed { seq, digest, requests: vec![] };
        chronicle.push(0, &event(5, N0, executed));
        let view = View(1);
        chronicle.push(1, &event(9, N0, EventKind::PrePrepared { view, seq, digest, requests: 1 }));
        chronicle.push(2, &event(9, N0, EventKind::Prepared { view, seq, digest }));
        assert_eq!(chronicle.bands(NodeId(0)).count(), 1);
        assert!(chronicle.bands(NodeId(0)).all(|band| band.executed_us == Some(5)));
    }

    #[test]
    fn a_crash_lasts_until_the_restart() {
        let mut chronicle = Chronicle::default();
        let act = |at, action| Event {
            at: Time(at),
            place: Place::World,
            kind: EventKind::Intervened { action, effective: true },
        };
        chronicle.push(0, &act(5, Action::Crash { node: NodeId(0) }));
        chronicle.push(1, &act(9, Action::Restart { node: NodeId(0) }));
        let span = &chronicle.spans()[0];
        assert_eq!((span.condition, span.from_us, span.to_us), (Condition::Down, 5, Some(9)));
    }
}
