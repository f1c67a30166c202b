//! More than was asked for: old messages again, and floods of new ones.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use super::{Liar, Mind, Passing};
use crate::{
    crypto::{Digest, Signed},
    event::Tampering,
    ids::{NodeId, Principal, Seq, View},
    pbft::{Checkpoint, Commit, Message, Prepare, Status, ViewChange},
    sorted::SortedMap,
    time::Time,
};

/// How many messages each liar remembers: enough to reach back over a view change.
const REMEMBERED: usize = 64;
/// The most messages that a flood sends at one moment: what it owes beyond that it forgets.
const MAX_BURST: u64 = 64;
/// How many positions a flood is spread over.
const SPREAD: u64 = 64;

/// Old messages, and how far each flood is.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    old: SortedMap<NodeId, VecDeque<Message>>,
    /// Up to when a receiver has been flooded.
    flooded: SortedMap<(NodeId, Principal), Time>,
    /// No two messages of all floods are the same.
    serial: u64,
}

impl Memory {
    pub(super) fn remember(&mut self, liar: NodeId, message: &Message) {
        let old = self.old.entry(liar).or_default();
        old.push_back(message.clone());
        if old.len() > REMEMBERED {
            old.pop_front();
        }
    }
}

impl Mind {
    /// With every so many messages to nodes, the oldest that is remembered goes out again; it is
    /// then remembered as the newest, so that all of them come round.
    pub(super) fn replay(
        &mut self,
        liar: &Liar<'_>,
        every: u16,
        it: &mut Passing,
    ) -> Option<Tampering> {
        let Principal::Node(_) = it.to else { return None };
        let due = self.passed.is_multiple_of(u64::from(every));
        let old = self.memory.old.get_mut(&liar.id).filter(|_| due).and_then(VecDeque::pop_front);
        self.memory.remember(liar.id, &it.message);
        let old = old?;
        self.memory.remember(liar.id, &old);
        it.more.push(old);
        Some(Tampering::Replayed)
    }

    /// As many messages as the rate owes since the last time.
    pub(super) fn flood(
        &mut self,
        liar: &Liar<'_>,
        per_second: u32,
        to: &[NodeId],
        it: &mut Passing,
    ) -> Option<Tampering> {
        let Principal::Node(_) = it.to else { return None };
        if !it.concerns(&[], to) {
            return None;
        }
        let since = self.memory.flooded.entry((liar.id, it.to)).or_insert(liar.now);
        let owed = (liar.now.0 - since.0) * u64::from(per_second) / 1_000_000;
        if owed == 0 {
            return None;
        }
        *since = liar.now;
        let count = owed.min(MAX_BURST);
        let what = it.message.summary();
        let (view, seq) = (what.view.unwrap_or_default(), what.seq.unwrap_or_default());
        let serials = self.memory.serial..self.memory.serial + count;
        self.memory.serial = serials.end;
        it.more.extend(serials.map(|serial| useless(liar, view, seq, serial)).collect::<Vec<_>>());
        Some(Tampering::Flooded { messages: count as u32 })
    }
}

/// Well-formed, properly signed, new, and of no use to anyone.
fn useless(liar: &Liar<'_>, view: View, seq: Seq, serial: u64) -> Message {
    let digest = Digest::of(&serial);
    let seq = Seq(seq.0 + serial % SPREAD);
    let view = View(view.0 + serial / SPREAD);
    let epoch = liar.members.epoch();
    match serial % 6 {
        // Nobody prepares its own proposal.
        0 if liar.members.primary(view) != liar.id => {
            Message::Prepare(Signed::new(Prepare { epoch, view, seq, digest }, liar.keys).into())
        }
        0 | 1 => {
            Message::Commit(Signed::new(Commit { epoch, view, seq, digest }, liar.keys).into())
        }
        2 => Message::Checkpoint(
            Signed::new(Checkpoint { epoch, seq, digest, successor: None }, liar.keys).into(),
        ),
        3 => {
            let body =
                ViewChange { epoch, view, stable: Seq(0), proof: None, prepared: Vec::new() };
            Message::ViewChange(Arc::new(Signed::new(body, liar.keys)))
        }
        4 => Message::Status(Status {
            epoch,
            view,
            active: false,
            stable: Seq(0),
            executed: Seq(0),
            proven: 0,
        }),
        _ => Message::FetchBatch(digest),
    }
}
