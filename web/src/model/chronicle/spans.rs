//! Conditions of replicas that last: when each began and ended.

use conclave_core::{ids::NodeId, sim::Action};

use super::{Chronicle, Condition, Span};

impl Chronicle {
    pub(super) fn begin(&mut self, node: NodeId, us: u64, condition: Condition) {
        self.spans.push(Span { node, condition, from_us: us, to_us: None });
        if let Some(limit) = self.limit
            && self.spans.len() > limit
        {
            self.spans.remove(0);
        }
    }

    pub(super) fn end_spans(&mut self, node: NodeId, us: u64, which: impl Fn(Condition) -> bool) {
        for span in &mut self.spans {
            if span.node == node && span.to_us.is_none() && which(span.condition) {
                span.to_us = Some(us);
            }
        }
    }

    pub(super) fn intervened(&mut self, us: u64, action: &Action) {
        match action {
            Action::Crash { node } => {
                self.close_bands(*node, us);
                self.end_spans(*node, us, |c| {
                    matches!(
                        c,
                        Condition::ViewChange(_) | Condition::Recovering | Condition::Fetching
                    )
                });
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
}
