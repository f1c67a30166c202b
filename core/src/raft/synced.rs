//! How much of the own log is on disk.

use alloc::collections::VecDeque;

use serde::Serialize;

use crate::{ids::Seq, protocol::RecordNumber};

/// What is durable, and which record makes more so. At most one note for each entry of the log:
/// positions and numbers both rise.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Synced {
    upto: Seq,
    pending: VecDeque<(RecordNumber, Seq)>,
}

impl Synced {
    /// All of it is.
    pub(super) fn all(upto: Seq) -> Self {
        Self { upto, pending: VecDeque::new() }
    }

    /// The log is durable up to here.
    pub(super) fn upto(&self) -> Seq {
        self.upto
    }

    /// With this record the log reaches up to here.
    pub(super) fn wrote(&mut self, number: RecordNumber, upto: Seq) {
        let last = self.pending.back().map_or(self.upto, |(_, last)| *last);
        if upto > last {
            self.pending.push_back((number, upto));
        }
    }

    /// The log was cut: what stood above is nobody's any more.
    pub(super) fn cut(&mut self, after: Seq) {
        self.upto = self.upto.min(after);
        let mut last = self.upto;
        self.pending.retain_mut(|(_, upto)| {
            *upto = (*upto).min(after);
            let rises = *upto > last;
            last = *upto;
            rises
        });
    }

    /// The log is nothing but a snapshot now, which this record holds.
    pub(super) fn replaced(&mut self, number: RecordNumber, at: Seq) {
        self.upto = Seq(0);
        self.pending.clear();
        self.pending.push_back((number, at));
    }

    /// Every record up to this number is on disk.
    pub(super) fn durable(&mut self, number: RecordNumber) {
        while let Some((needs, upto)) = self.pending.front().copied() {
            if needs > number {
                break;
            }
            self.upto = upto;
            self.pending.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_replaced_another_is_durable_only_with_its_own_record() {
        let mut synced = Synced::all(Seq(0));
        synced.wrote(1, Seq(3));
        synced.durable(1);
        synced.wrote(2, Seq(5));
        synced.cut(Seq(2)); // record 3
        synced.wrote(4, Seq(5));
        assert_eq!(synced.upto(), Seq(2));
        synced.durable(3);
        assert_eq!(synced.upto(), Seq(2), "positions 3 to 5 are in record 4");
        synced.durable(4);
        assert_eq!(synced.upto(), Seq(5));
    }

    #[test]
    fn notes_are_no_more_than_entries_whatever_is_rewritten() {
        let mut synced = Synced::all(Seq(0));
        for number in 0..1_000 {
            synced.wrote(2 * number, Seq(3));
            synced.cut(Seq(number % 3));
        }
        assert!(synced.pending.len() <= 3, "{synced:?}");
    }

    #[test]
    fn a_snapshot_is_as_durable_as_its_record() {
        let mut synced = Synced::all(Seq(4));
        synced.wrote(1, Seq(6));
        synced.replaced(2, Seq(9));
        synced.durable(1);
        assert_eq!(synced.upto(), Seq(0), "what was on its way is gone");
        synced.durable(2);
        assert_eq!(synced.upto(), Seq(9));
    }
}
