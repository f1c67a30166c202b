//! When a message leaves, if it does: silent, delay, reorder, selective, slow. What it says is left
//! alone, so every one of these could be an honest node with a bad link.

use core::time::Duration;

use super::{Passing, Strategy};
use crate::{
    event::Tampering,
    ids::Principal,
    pbft::{Config, MessageKind},
};

/// Into how many steps `reorder` cuts its longest delay, and by how many it goes on from one
/// message to the next: without a common divisor, so that every step comes up.
const REORDER_STEPS: u64 = 8;
const REORDER_STRIDE: u64 = 5;

impl Passing {
    pub(super) fn withhold(&mut self, config: &Config, strategy: &Strategy) -> Option<Tampering> {
        match strategy {
            Strategy::Silent { kinds, to } if self.concerns(kinds, to) => Some(self.keep()),
            Strategy::Delay { by_ms, kinds, to } if self.concerns(kinds, to) => {
                Some(self.hold(Duration::from_millis(u64::from(*by_ms))))
            }
            Strategy::Selective { kinds } if self.concerns(kinds, &[]) && self.is_left_out() => {
                Some(self.keep())
            }
            // Backups time the primary from when they know of a request; a proposal that is this
            // late on its own arrives before their patience ends.
            Strategy::Slow { percent } if self.kind == MessageKind::PrePrepare => {
                Some(self.hold(config.request_timeout() * u32::from(*percent) / 100))
            }
            _ => None,
        }
    }

    pub(super) fn reorder(&mut self, by_ms: u32, count: u64) -> Tampering {
        let step = count * REORDER_STRIDE % REORDER_STEPS;
        self.hold(Duration::from_micros(u64::from(by_ms) * 1_000 * step / REORDER_STEPS))
    }

    fn keep(&mut self) -> Tampering {
        self.withheld = true;
        Tampering::Withheld
    }

    fn hold(&mut self, by: Duration) -> Tampering {
        self.delay += by;
        Tampering::Delayed { by_us: self.delay.as_micros() as u64 }
    }

    /// Whether this receiver is in the half that hears nothing of this position or view.
    fn is_left_out(&self) -> bool {
        let Principal::Node(node) = self.to else { return false };
        let what = self.message.summary();
        let number = what.seq.map(|seq| seq.0).or(what.view.map(|view| view.0)).unwrap_or(0);
        (number + u64::from(node.0)) % 2 == 1
    }
}
