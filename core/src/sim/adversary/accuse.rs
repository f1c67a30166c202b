//! False accusations: what isn't so of a primary's pace (`pbft::pace`).
//!
//! Replicas tell each other how quick their primary is, and leave it when a quorum finds it too
//! slow. A liar says that an honest primary is too slow and that the backups' rounds take no time,
//! so that less would be fair; of a primary who lies with it, that it is quick and that rounds take
//! long, so that more would be.

use core::time::Duration;

use super::{Liar, Mind, Passing};
use crate::{
    event::Tampering,
    ids::{NodeId, Principal, View},
    pbft::{Message, Pace},
    sorted::SortedMap,
    time::Time,
};

/// When each receiver was last told, by each liar.
pub(super) type Accused = SortedMap<(NodeId, Principal), Time>;

impl Mind {
    /// Instead of what its replica measured; else beside another message, when it is time to say
    /// it again.
    pub(super) fn accuse(
        &mut self,
        liar: &Liar<'_>,
        claim_ms: u32,
        every_ms: u32,
        to: &[NodeId],
        it: &mut Passing,
    ) -> Option<Tampering> {
        let Principal::Node(_) = it.to else { return None };
        if !it.concerns(&[], to) {
            return None;
        }
        // An accusation counts in the view that its receiver is in.
        let lie = Message::Pace(self.misjudged(liar, it.message.summary().view?, claim_ms));
        let told = self.accused.get(&(liar.id, it.to)).copied();
        if matches!(it.message, Message::Pace(_)) && !it.withheld {
            let truth = core::mem::replace(&mut it.message, lie);
            self.accused.insert((liar.id, it.to), liar.now);
            return (truth != it.message).then_some(Tampering::Falsified);
        }
        let again = Duration::from_millis(u64::from(every_ms));
        if told.is_some_and(|told| liar.now.since(told) < again) {
            return None;
        }
        self.accused.insert((liar.id, it.to), liar.now);
        it.more.push(lie);
        Some(Tampering::Accused)
    }

    fn misjudged(&self, liar: &Liar<'_>, view: View, claim_ms: u32) -> Pace {
        let too_slow = !self.liars.contains(&liar.members.primary(view));
        // At most `MAX_CLAIM_MS`.
        let claim_us = claim_ms.saturating_mul(1_000);
        let (turnaround_us, round_us) = if too_slow { (claim_us, 0) } else { (0, claim_us) };
        Pace { epoch: liar.members.epoch(), view, turnaround_us, round_us, too_slow }
    }
}
