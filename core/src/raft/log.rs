//! The entries above a snapshot.

use alloc::{collections::VecDeque, vec::Vec};

use serde::Serialize;

use super::messages::{Entry, Place};
use crate::{
    crypto::{Digest, encoded_len},
    ids::{Seq, Term},
};

/// The log: where it begins, the state there, and what comes after. Terms never fall.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Log<P> {
    base: Place,
    digest: Digest,
    entries: VecDeque<Stored<P>>,
}

#[derive(Clone, Debug, Serialize)]
struct Stored<P> {
    entry: Entry<P>,
    /// Of its encoding: measured once.
    bytes: usize,
}

impl<P: Clone + Serialize> Log<P> {
    pub(super) fn new(base: Place, digest: Digest) -> Self {
        Self { base, digest, entries: VecDeque::new() }
    }

    /// Where the snapshot is.
    pub(super) fn base(&self) -> Place {
        self.base
    }

    /// The snapshot's digest.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// The last place: the snapshot's if there are no entries.
    pub(super) fn last(&self) -> Place {
        let term = self.entries.back().map_or(self.base.term, |stored| stored.entry.term);
        Place { term, seq: self.seq_of(self.entries.len()) }
    }

    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The position that has so many entries at or below it.
    fn seq_of(&self, entries: usize) -> Seq {
        Seq(self.base.seq.0.saturating_add(entries as u64))
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        let index = seq.0.checked_sub(self.base.seq.0)?.checked_sub(1)?;
        usize::try_from(index).ok().filter(|index| *index < self.entries.len())
    }

    pub(super) fn entry(&self, seq: Seq) -> Option<&Entry<P>> {
        self.index(seq).map(|index| &self.entries[index].entry)
    }

    /// The place at a position, if it is the snapshot or an entry.
    pub(super) fn place(&self, seq: Seq) -> Option<Place> {
        if seq == self.base.seq {
            return Some(self.base);
        }
        self.entry(seq).map(|entry| Place { term: entry.term, seq })
    }

    pub(super) fn holds(&self, place: Place) -> bool {
        self.place(place.seq) == Some(place)
    }

    pub(super) fn push(&mut self, entry: Entry<P>) {
        let bytes = encoded_len(&entry);
        self.entries.push_back(Stored { entry, bytes });
    }

    /// Drops what comes after a position.
    pub(super) fn truncate(&mut self, after: Seq) {
        let kept = after.0.saturating_sub(self.base.seq.0);
        self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }

    /// Entries from a position on: at least one if there is one, then no more than so many, and
    /// none after so many bytes.
    pub(super) fn slice(&self, from: Seq, entries: usize, bytes: usize) -> Vec<Entry<P>> {
        let Some(index) = self.index(from) else { return Vec::new() };
        let mut taken = 0;
        let fits = |stored: &&Stored<P>| {
            let first = taken == 0;
            taken += stored.bytes;
            first || taken <= bytes
        };
        let slice = self.entries.iter().skip(index).take(entries).take_while(fits);
        slice.map(|stored| stored.entry.clone()).collect()
    }

    /// The last place at or before a position whose term is not later than this.
    pub(super) fn last_not_after(&self, seq: Seq, term: Term) -> Place {
        let below = seq.0.saturating_sub(self.base.seq.0);
        let below = usize::try_from(below).unwrap_or(usize::MAX).min(self.entries.len());
        let not_later = self.entries.partition_point(|stored| stored.entry.term <= term);
        self.place(self.seq_of(below.min(not_later))).unwrap_or(self.base)
    }

    /// Begins at a snapshot. What follows it stays if the log leads there, else all of it goes.
    pub(super) fn begin_at(&mut self, at: Place, digest: Digest) {
        if self.holds(at) {
            let gone = self.index(at.seq).map_or(0, |index| index + 1);
            self.entries.drain(..gone);
        } else {
            self.entries.clear();
        }
        self.base = at;
        self.digest = digest;
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<P>> {
        self.entries.iter().map(|stored| &stored.entry)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn log(base: u64, terms: &[u64]) -> Log<u8> {
        let mut log = Log::new(Place { term: Term(1), seq: Seq(base) }, Digest::default());
        for term in terms {
            log.push(Entry { term: Term(*term), payload: Some(*term as u8) });
        }
        log
    }

    fn terms(entries: &[Entry<u8>]) -> Vec<u64> {
        entries.iter().map(|entry| entry.term.0).collect()
    }

    fn at(term: u64, seq: u64) -> Place {
        Place { term: Term(term), seq: Seq(seq) }
    }

    #[test]
    fn a_place_is_held_by_its_term_and_its_position() {
        let log = log(10, &[1, 2, 2]);
        assert_eq!(log.last(), at(2, 13));
        for held in [at(1, 10), at(1, 11), at(2, 12), at(2, 13)] {
            assert!(log.holds(held), "{held:?}");
        }
        for not in [at(1, 9), at(2, 10), at(2, 11), at(2, 14), at(2, u64::MAX), at(0, 0)] {
            assert!(!log.holds(not), "{not:?}");
        }
    }

    #[test]
    fn a_slice_is_bounded_in_entries_and_bytes_but_never_empty_for_a_long_entry() {
        let log = log(0, &[1, 2, 3, 4]);
        assert_eq!(terms(&log.slice(Seq(2), 2, 1_000)), [2, 3]);
        assert_eq!(terms(&log.slice(Seq(1), 9, 6)), [1, 2], "three bytes each");
        assert_eq!(terms(&log.slice(Seq(1), 9, 1)), [1]);
        assert_eq!(terms(&log.slice(Seq(5), 9, 9)), vec![0_u64; 0]);
        assert_eq!(terms(&log.slice(Seq(0), 9, 9)), vec![0_u64; 0]);
    }

    #[test]
    fn backing_up_stops_at_the_last_place_that_may_agree() {
        let log = log(10, &[2, 2, 4, 4, 6]);
        assert_eq!(log.last_not_after(Seq(15), Term(5)), at(4, 14));
        assert_eq!(log.last_not_after(Seq(13), Term(6)), at(4, 13));
        assert_eq!(log.last_not_after(Seq(u64::MAX), Term(3)), at(2, 12));
        assert_eq!(log.last_not_after(Seq(3), Term(9)), at(1, 10));
        assert_eq!(log.last_not_after(Seq(15), Term(0)), at(1, 10));
    }

    #[test]
    fn a_snapshot_that_the_log_leads_to_keeps_what_follows_and_another_keeps_nothing() {
        let mut same = log(0, &[1, 1, 2, 2]);
        same.begin_at(at(1, 2), Digest::of(&2));
        assert_eq!((same.base(), same.last(), same.len()), (at(1, 2), at(2, 4), 2));
        let mut other = log(0, &[1, 1, 1, 1]);
        other.begin_at(at(2, 2), Digest::of(&2));
        assert_eq!((other.last(), other.len()), (at(2, 2), 0));
    }

    #[test]
    fn what_is_cut_off_is_gone_and_a_cut_outside_changes_nothing() {
        let mut log = log(10, &[1, 2, 3]);
        log.truncate(Seq(u64::MAX));
        assert_eq!(log.len(), 3);
        log.truncate(Seq(11));
        assert_eq!(log.last(), at(1, 11));
        log.truncate(Seq(0));
        assert_eq!((log.last(), log.len()), (at(1, 10), 0));
    }
}
