//! Events in: which of them becomes what.

use conclave_core::{
    event::{Event, EventKind, Place},
    ids::{Principal, View},
    pbft::Summary,
    sim::Action,
};

use super::{Arrow, Ask, Chronicle, Condition, Ending, Lie, Mark, Sign, keep};

impl Chronicle {
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
                        what: **what,
                        sent_us: us,
                        sent_step: step,
                        end: None,
                        alt: self.names_alt(what),
                    });
                }
            }
            EventKind::Delivered { id, from, what } => {
                if let Some(to) = principal(event.place) {
                    self.ended(*id, to, Some((*from, **what)), (us, step, Ending::Delivered));
                }
            }
            EventKind::Lost { id, to, why } => {
                self.ended(*id, *to, None, (us, step, Ending::Lost(*why)));
            }
            EventKind::Tampered { to, what, how } => {
                if let Place::Node(by) = event.place {
                    let lie = Lie { step, us, by, to: *to, what: **what, how: *how };
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
            (EventKind::Recovering { .. }, Place::Node(node)) => {
                self.begin(node, us, Condition::Recovering);
            }
            (EventKind::Recovered { .. }, Place::Node(node)) => {
                self.end_spans(node, us, |c| c == Condition::Recovering);
            }
            (EventKind::TransferStarted { .. }, Place::Node(node)) => {
                self.end_spans(node, us, |c| c == Condition::Fetching);
                self.begin(node, us, Condition::Fetching);
            }
            (EventKind::StateTransferred { seq, .. }, Place::Node(node)) => {
                self.end_spans(node, us, |c| c == Condition::Fetching);
                mark(self, Sign::Transferred(*seq));
            }
            (EventKind::Threat { .. } | EventKind::EpochBegun { .. }, _) => {
                self.came_to(us, step, &event.kind);
            }
            (EventKind::Equivocation { by, .. }, _) => mark(self, Sign::Equivocation(*by)),
            (
                EventKind::Convicted { .. }
                | EventKind::Suspected { .. }
                | EventKind::Unsuspected { .. },
                Place::Node(node),
            ) => {
                self.beliefs.push(us, step, node, &event.kind, self.limit);
                match &event.kind {
                    EventKind::Convicted { offender, .. } => mark(self, Sign::Proven(*offender)),
                    EventKind::Suspected { peer, .. } => mark(self, Sign::Suspected(*peer)),
                    _ => {}
                }
            }
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
                    fell_back: false,
                };
                keep(&mut self.asks, ask, self.limit);
            }
            (EventKind::RequestRetransmitted { request }, _) => {
                if let Some(ask) = self.asks.iter_mut().rev().find(|ask| ask.request == *request) {
                    ask.again_us.push(us);
                }
            }
            (EventKind::ReadFellBack { request }, _) => {
                if let Some(ask) = self.asks.iter_mut().rev().find(|ask| ask.request == *request) {
                    ask.fell_back = true;
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
}

fn principal(place: Place) -> Option<Principal> {
    match place {
        Place::Node(node) => Some(Principal::Node(node)),
        Place::Client(client) => Some(Principal::Client(client)),
        Place::World => None,
    }
}
