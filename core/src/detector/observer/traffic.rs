//! Signs of life, and how much is sent. Both by comparison: what nobody sends, nobody owes.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ids::NodeId,
    quorum::{Membership, NodeSet},
    time::Time,
};

/// In so short a time many messages are a flood and not a busy minute.
const WINDOW: Duration = Duration::from_millis(250);
/// So many messages in a window are never a flood: what two answers to a status bring, and the
/// votes of a busy moment.
const FLOOR: u32 = 128;
/// So many times what the median peer sends is one.
const FACTOR: u32 = 8;

/// What peers sent in the current window and period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Traffic {
    window_since: Time,
    /// By number, as far as anybody was heard.
    sent: Vec<u32>,
    period_since: Time,
    heard: NodeSet,
}

impl Traffic {
    /// Something came. Returns who flooded the window before, if it is over.
    pub(super) fn count(
        &mut self,
        now: Time,
        from: NodeId,
        members: Membership,
        own: NodeId,
        unasked: bool,
    ) -> Vec<NodeId> {
        let over = self.window_since + WINDOW <= now;
        let flooded = if over { self.floods(members, own) } else { Vec::new() };
        if over {
            self.window_since = now;
            self.sent.clear();
        }
        self.heard.insert(from);
        if unasked {
            let at = usize::from(from.0);
            if at >= self.sent.len() {
                self.sent.resize(at + 1, 0);
            }
            self.sent[at] = self.sent[at].saturating_add(1);
        }
        flooded
    }

    fn floods(&self, members: Membership, own: NodeId) -> Vec<NodeId> {
        let sent = |peer: NodeId| self.sent.get(usize::from(peer.0)).copied().unwrap_or(0);
        let mut counts: Vec<u32> = members.others(own).map(sent).collect();
        counts.sort_unstable();
        let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
        let limit = median.saturating_mul(FACTOR).max(FLOOR);
        members.others(own).filter(|peer| sent(*peer) > limit).collect()
    }

    /// If a period is over: who was silent in it, while most were not. A period whose end was slept
    /// through counts for nothing.
    pub(super) fn silent(
        &mut self,
        now: Time,
        period: Duration,
        members: Membership,
        own: NodeId,
    ) -> Vec<NodeId> {
        let end = self.period_since + period;
        if now < end {
            return Vec::new();
        }
        let heard = core::mem::take(&mut self.heard);
        self.period_since = now;
        let peers = usize::from(members.n() - 1);
        let most = members.others(own).filter(|peer| heard.contains(*peer)).count() * 2 > peers;
        if !most || now >= end + period / 2 {
            return Vec::new();
        }
        members.others(own).filter(|peer| !heard.contains(*peer)).collect()
    }

    pub(super) fn next_wake(&self, period: Duration) -> Time {
        self.period_since + period
    }
}
