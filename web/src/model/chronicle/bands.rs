//! Slots at replicas, phase by phase.

use conclave_core::{
    crypto::Digest,
    ids::{NodeId, Seq, View},
};

use super::{Band, Chronicle, keep};

impl Chronicle {
    pub(super) fn is_over(&self, node: NodeId, seq: Seq) -> bool {
        self.executed.get(&node).is_some_and(|executed| *executed >= seq)
    }

    pub(super) fn last_band(&mut self, node: NodeId, seq: Seq) -> Option<&mut Band> {
        self.bands.get_mut(&node)?.iter_mut().rev().take(512).find(|band| band.seq == seq)
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one event, once")]
    pub(super) fn open_band(
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
    pub(super) fn band(
        &mut self,
        node: NodeId,
        us: u64,
        view: View,
        seq: Seq,
        digest: Digest,
    ) -> &mut Band {
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

    pub(super) fn close_bands(&mut self, node: NodeId, us: u64) {
        for band in self.bands.get_mut(&node).into_iter().flatten().rev().take(512) {
            if band.executed_us.is_none() {
                band.closed_us.get_or_insert(us);
            }
        }
    }

    pub(super) fn forget_old_digests(&mut self) {
        if let Some(limit) = self.limit {
            // Many at a time: each time, those that stay move.
            let over = self.first_digest.len().saturating_sub(limit);
            let first = self.first_digest.keys().nth(over).copied().filter(|_| over > limit / 8);
            if let Some(first) = first {
                self.first_digest = self.first_digest.split_off(&first);
            }
        }
    }
}
