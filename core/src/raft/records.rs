//! What must survive a crash, and what a member makes of it.
//!
//! | record | is durable before this leaves | because otherwise, after a crash, |
//! |---|---|---|
//! | `Term` | the vote; the request for votes; every answer in the term | it could vote twice in a term, or go back to an earlier one |
//! | `Append` | the acknowledgement; a leader counts itself | entries that were counted could be gone |
//! | `Truncate` | the acknowledgement of what replaces | what was replaced could come back |
//! | `Snapshot` | the acknowledgement of it | the log could begin below what it was cut to |
//!
//! A leader's own entries may leave before they are on its disk: others' disks count for others.

use alloc::{collections::VecDeque, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::messages::{Entry, Place};
use crate::{
    crypto::Digest,
    ids::{NodeId, Seq, Term},
};

/// One durable fact of one epoch. Members trust their own disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<P> {
    /// It is in this term, and gave this vote there.
    Term {
        /// The term.
        term: Term,
        /// Who has the vote.
        vote: Option<NodeId>,
    },
    /// Entries were put at the end of the log.
    Append {
        /// Where the first of them stands.
        first: Seq,
        /// The entries.
        entries: Vec<Entry<P>>,
    },
    /// What stood above this was replaced.
    Truncate {
        /// The last position that stays.
        after: Seq,
    },
    /// The log begins here now. The host holds the state.
    Snapshot {
        /// Where.
        at: Place,
        /// The state's digest.
        digest: Digest,
    },
}

/// Records that can't be those of one life of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the log on the disk has a gap: it ends at {last}, and a record goes on at {first}; the disk \
     lost records, so this member must not vote with it: remove it and add a new one"
)]
pub struct LogGap {
    /// Where the log ended.
    pub last: Seq,
    /// Where a record went on.
    pub first: Seq,
}

/// What a disk holds, read from its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory<P> {
    pub(super) term: Term,
    pub(super) vote: Option<NodeId>,
    pub(super) base: Place,
    pub(super) digest: Digest,
    pub(super) entries: VecDeque<Entry<P>>,
}

impl<P> Memory<P> {
    /// Of an epoch that begins here, nothing else being known.
    pub(super) fn new(base: Place, digest: Digest) -> Self {
        Self { term: Term(0), vote: None, base, digest, entries: VecDeque::new() }
    }

    pub(super) fn read(
        mut self,
        records: impl IntoIterator<Item = Record<P>>,
    ) -> Result<Self, LogGap> {
        for record in records {
            self.take(record)?;
        }
        Ok(self)
    }

    fn last(&self) -> Seq {
        Seq(self.base.seq.0.saturating_add(self.entries.len() as u64))
    }

    /// How many entries stand at or below a position.
    fn entries_upto(&self, seq: Seq) -> usize {
        let upto = seq.0.saturating_sub(self.base.seq.0);
        usize::try_from(upto).unwrap_or(usize::MAX).min(self.entries.len())
    }

    fn take(&mut self, record: Record<P>) -> Result<(), LogGap> {
        match record {
            Record::Term { term, vote } => (self.term, self.vote) = (term, vote),
            Record::Append { first, entries } => {
                let last = self.last();
                if first != last.next() {
                    return Err(LogGap { last, first });
                }
                self.entries.extend(entries);
            }
            Record::Truncate { after } => self.entries.truncate(self.entries_upto(after)),
            Record::Snapshot { at, .. } if at.seq < self.base.seq => {}
            Record::Snapshot { at, digest } => {
                let upto = self.entries_upto(at.seq);
                let leads_there = at.seq <= self.last()
                    && upto.checked_sub(1).is_some_and(|last| self.entries[last].term == at.term);
                if leads_there {
                    self.entries.drain(..upto);
                } else if at != self.base {
                    self.entries.clear();
                }
                (self.base, self.digest) = (at, digest);
            }
        }
        Ok(())
    }
}

impl<P> Record<P> {
    /// Drops what later records make useless. What is left stands for the same memory: three
    /// records, and as many entries as the log holds.
    pub fn compact(
        start: Seq,
        records: impl IntoIterator<Item = Self>,
    ) -> Result<Vec<Self>, LogGap> {
        let nothing = Place { term: Term(0), seq: start };
        let memory = Memory::new(nothing, Digest::default()).read(records)?;
        let Memory { term, vote, base, digest, entries } = memory;
        let mut kept = Vec::with_capacity(3);
        if base != nothing {
            kept.push(Self::Snapshot { at: base, digest });
        }
        if term > Term(0) {
            kept.push(Self::Term { term, vote });
        }
        if !entries.is_empty() {
            kept.push(Self::Append { first: base.seq.next(), entries: entries.into() });
        }
        Ok(kept)
    }
}
