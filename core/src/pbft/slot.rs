//! One position of the log between the water marks, and the log of them.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, vec::Vec};

use serde::Serialize;

use super::{
    batch::Batch,
    certificate::PreparedCertificate,
    messages::{Commit, Decided, PrePrepare, Prepare},
    pace::Timing,
};
use crate::{
    crypto::{Digest, Signed},
    ids::{NodeId, Seq, View},
};

/// A vote that names a proposal.
pub(crate) trait Vote: Clone {
    /// The proposal.
    fn proposal(&self) -> (View, Seq, Digest);
}

impl Vote for Prepare {
    fn proposal(&self) -> (View, Seq, Digest) {
        (self.view, self.seq, self.digest)
    }
}

impl Vote for Commit {
    fn proposal(&self) -> (View, Seq, Digest) {
        (self.view, self.seq, self.digest)
    }
}

/// The votes of one kind for one position: of each replica the first of its latest view.
///
/// So a replica holds at most n of them whatever anyone sends, a liar can spoil only its own
/// entry, and votes that overtake a new view are not lost. Votes are *counted by what they say*.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Votes<T>(Vec<(NodeId, Arc<Signed<T>>)>);

impl<T> Default for Votes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Vote> Votes<T> {
    /// Keeps a vote, unless the replica voted in this view or a later one already.
    pub(crate) fn add(&mut self, by: NodeId, vote: Arc<Signed<T>>) -> bool {
        match self.0.binary_search_by_key(&by, |(node, _)| *node) {
            Err(at) => self.0.insert(at, (by, vote)),
            Ok(at) if self.0[at].1.body.proposal().0 < vote.body.proposal().0 => {
                self.0[at].1 = vote;
            }
            Ok(_) => return false,
        }
        true
    }

    /// The votes that say exactly this.
    fn matching(
        &self,
        view: View,
        digest: Digest,
    ) -> impl Iterator<Item = &(NodeId, Arc<Signed<T>>)> {
        self.0.iter().filter(move |(_, vote)| {
            let (voted_view, _, voted_digest) = vote.body.proposal();
            (voted_view, voted_digest) == (view, digest)
        })
    }

    /// `needed` votes that say exactly this, if there are so many.
    pub(crate) fn quorum(
        &self,
        proposal: &PrePrepare,
        needed: usize,
    ) -> Option<Vec<Arc<Signed<T>>>> {
        if self.0.len() < needed || self.matching(proposal.view, proposal.digest).count() < needed {
            return None;
        }
        let votes = self.matching(proposal.view, proposal.digest);
        Some(votes.take(needed).map(|(_, vote)| vote.clone()).collect())
    }

    /// Who said exactly this.
    fn voters(&self, proposal: &PrePrepare) -> Vec<NodeId> {
        self.matching(proposal.view, proposal.digest).map(|(node, _)| *node).collect()
    }

    /// What this replica said.
    pub(crate) fn of(&self, node: NodeId) -> Option<&Arc<Signed<T>>> {
        let at = self.0.binary_search_by_key(&node, |(node, _)| *node).ok()?;
        Some(&self.0[at].1)
    }
}

/// What a digest stands for.
#[derive(Clone, Debug, Serialize)]
struct Content {
    digest: Digest,
    batch: Arc<Batch>,
    /// Whether a record holds it.
    saved: bool,
}

/// One position.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Slot {
    /// The proposal accepted in the current view. At most one a view: "it has not accepted a
    /// pre-prepare message for view v and sequence number n containing a different digest" (§4.2).
    pub(crate) accepted: Option<Arc<Signed<PrePrepare>>>,
    /// A proposal of a view that has not begun here: taken up when it does.
    pub(crate) early: Option<Arc<Signed<PrePrepare>>>,
    /// The contents that anything here names.
    contents: Vec<Content>,
    /// Digests that view changes name here, while this replica is to start a view from them.
    pub(crate) wanted: Vec<Digest>,
    pub(crate) prepares: Votes<Prepare>,
    pub(crate) commits: Votes<Commit>,
    /// The prepared certificate of the latest view in which this position prepared here. It
    /// outlives view changes: it is this position's entry in P.
    pub(crate) prepared: Option<PreparedCertificate>,
    /// Proof of what was decided, once it is.
    pub(crate) decided: Option<Arc<Decided>>,
    /// When the accepted proposal came, until it has prepared.
    pub(crate) timing: Option<Timing>,
    /// Whether a conflict of two signed proposals was reported already.
    pub(crate) conflict_reported: bool,
    /// Whether a proposal was refused here for its time, and that was said.
    pub(crate) time_refused: bool,
}

impl Slot {
    /// Whether a prepared certificate of the accepted proposal's own view is held.
    pub(crate) fn is_prepared(&self) -> bool {
        match (&self.accepted, &self.prepared) {
            (Some(accepted), Some(prepared)) => accepted.body == prepared.pre_prepare.body,
            _ => false,
        }
    }

    /// Every digest that something here names.
    fn names(&self, digest: Digest) -> bool {
        let named = |header: &Arc<Signed<PrePrepare>>| header.body.digest == digest;
        self.accepted.as_ref().is_some_and(named)
            || self.early.as_ref().is_some_and(named)
            || self.prepared.as_ref().is_some_and(|prepared| named(&prepared.pre_prepare))
            || self.decided.as_ref().is_some_and(|decided| named(&decided.pre_prepare))
            || self.wanted.contains(&digest)
    }

    /// Keeps the content of a digest that is named here, and forgets what no longer is.
    ///
    /// Whoever holds a prepared certificate must be able to show its content for as long as the
    /// certificate may be carried over into another view.
    pub(crate) fn keep_batch(&mut self, digest: Digest, batch: Arc<Batch>) -> bool {
        if !self.names(digest) || self.batch(digest).is_some() {
            return false;
        }
        let mut contents = core::mem::take(&mut self.contents);
        contents.retain(|kept| self.names(kept.digest));
        // Mostly the only one there will be.
        contents.reserve_exact(1);
        contents.push(Content { digest, batch, saved: false });
        self.contents = contents;
        true
    }

    /// The content with this digest has a record.
    pub(crate) fn mark_saved(&mut self, digest: Digest) {
        for content in self.contents.iter_mut().filter(|it| it.digest == digest) {
            content.saved = true;
        }
    }

    /// The content with this digest, if it has no record yet.
    pub(crate) fn unsaved(&self, digest: Digest) -> Option<&Arc<Batch>> {
        match self.contents.iter().find(|it| it.digest == digest) {
            Some(content) => (!content.saved).then_some(&content.batch),
            None => self.content(digest),
        }
    }

    /// The content with this digest, if it is here.
    pub(crate) fn batch(&self, digest: Digest) -> Option<&Arc<Batch>> {
        self.contents.iter().find(|it| it.digest == digest).map(|it| &it.batch)
    }

    /// The same, looked for in what was decided too.
    pub(crate) fn content(&self, digest: Digest) -> Option<&Arc<Batch>> {
        let decided = self.decided.as_ref().filter(|it| it.pre_prepare.body.digest == digest);
        decided.map(|decided| &decided.batch).or_else(|| self.batch(digest))
    }

    /// What a view or its start needs here, and whose content is missing.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Digest> {
        let accepted = self.accepted.as_ref().filter(|_| self.decided.is_none());
        let needed = accepted.map(|header| header.body.digest).into_iter();
        needed.chain(self.wanted.iter().copied()).filter(|digest| self.content(*digest).is_none())
    }
}

/// How far a position has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Proposed and accepted.
    PrePrepared,
    /// With a prepared certificate.
    Prepared,
    /// With a quorum of commits.
    Committed,
    /// Executed.
    Executed,
}

/// One position, for whoever looks inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotView {
    /// The position.
    pub seq: Seq,
    /// The view of the proposal.
    pub view: View,
    /// The batch.
    pub digest: Digest,
    /// How far it has come.
    pub phase: Phase,
    /// Whose matching prepares are here.
    pub prepares: Vec<NodeId>,
    /// Whose matching commits are here.
    pub commits: Vec<NodeId>,
    /// How many requests the batch holds (0 while it is unknown, and for the null request).
    pub requests: usize,
}

impl Slot {
    pub(crate) fn view(&self, seq: Seq, executed: Seq) -> Option<SlotView> {
        let decided = self.decided.as_ref().map(|decided| decided.pre_prepare.body);
        let accepted = self.accepted.as_ref().map(|accepted| accepted.body);
        // Who was lied to accepted one batch and executed another: what was decided counts.
        let proposal = match (accepted, decided) {
            (Some(accepted), Some(decided)) if accepted.digest != decided.digest => decided,
            (Some(accepted), _) => accepted,
            (None, decided) => decided?,
        };
        let phase = if seq <= executed {
            Phase::Executed
        } else if self.decided.is_some() {
            Phase::Committed
        } else if self.is_prepared() {
            Phase::Prepared
        } else {
            Phase::PrePrepared
        };
        Some(SlotView {
            seq,
            view: proposal.view,
            digest: proposal.digest,
            phase,
            prepares: self.prepares.voters(&proposal),
            commits: self.commits.voters(&proposal),
            requests: self.content(proposal.digest).map_or(0, |batch| batch.requests().len()),
        })
    }
}

/// The positions between the water marks: "h < n ≤ H" (§4.2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Log {
    /// *h*: the last stable checkpoint.
    low: Seq,
    /// *H* − *h*.
    window: u64,
    /// Position *h* + 1 and those after it, up to the last that anything is known of: found by
    /// counting, since every vote asks for one. At most `window` of them.
    slots: VecDeque<Option<Box<(Seq, Slot)>>>,
}

impl Log {
    pub(crate) fn new(window: u64) -> Self {
        Self { low: Seq(0), window, slots: VecDeque::new() }
    }

    pub(crate) fn low(&self) -> Seq {
        self.low
    }

    pub(crate) fn high(&self) -> Seq {
        Seq(self.low.0.saturating_add(self.window))
    }

    pub(crate) fn contains(&self, seq: Seq) -> bool {
        self.low < seq && seq <= self.high()
    }

    /// Where a position above *h* stands in `slots`.
    fn index(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.0.checked_sub(self.low.0)?.checked_sub(1)?).ok()
    }

    pub(crate) fn get(&self, seq: Seq) -> Option<&Slot> {
        self.slots.get(self.index(seq)?)?.as_ref().map(|entry| &entry.1)
    }

    /// The position, made if need be; `None` outside the water marks.
    pub(crate) fn entry(&mut self, seq: Seq) -> Option<&mut Slot> {
        if !self.contains(seq) {
            return None;
        }
        let index = self.index(seq)?;
        if self.slots.get(index).is_none_or(Option::is_none) {
            self.make(index, seq);
        }
        Some(&mut self.slots.get_mut(index)?.as_mut()?.1)
    }

    /// A new position: apart, since nearly every vote finds one.
    #[cold]
    fn make(&mut self, index: usize, seq: Seq) {
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index] = Some(Box::new((seq, Slot::default())));
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Seq, &Slot)> {
        self.slots.iter().flatten().map(|entry| (&entry.0, &entry.1))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Seq, &mut Slot)> {
        self.slots.iter_mut().flatten().map(|entry| (&entry.0, &mut entry.1))
    }

    pub(crate) fn after(&self, seq: Seq) -> impl DoubleEndedIterator<Item = (&Seq, &Slot)> {
        let first = self.index(seq.next()).unwrap_or(0).min(self.slots.len());
        self.slots.range(first..).flatten().map(|entry| (&entry.0, &entry.1))
    }

    /// Whether anything is known above this position.
    pub(crate) fn any_after(&self, seq: Seq) -> bool {
        self.slots.back().is_some_and(|last| last.as_ref().is_some_and(|entry| entry.0 > seq))
    }

    /// Empty, above another position: an epoch begins.
    pub(crate) fn restart(&mut self, low: Seq) {
        self.low = low;
        self.slots.clear();
    }

    /// Garbage collection: "discards all … messages with sequence number less than or equal to n"
    /// (§4.3). Water marks only rise.
    pub(crate) fn advance(&mut self, low: Seq) {
        let passed = usize::try_from(low.0.saturating_sub(self.low.0)).unwrap_or(usize::MAX);
        self.slots.drain(..passed.min(self.slots.len()));
        self.low = self.low.max(low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(log: &Log, after: u64) -> Vec<u64> {
        log.after(Seq(after)).map(|(seq, _)| seq.0).collect()
    }

    #[test]
    fn positions_are_kept_between_the_water_marks_and_found_by_their_number() {
        let mut log = Log::new(10);
        assert!(log.entry(Seq(0)).is_none() && log.entry(Seq(11)).is_none());
        for seq in [7, 2, 10] {
            log.entry(Seq(seq)).unwrap().conflict_reported = true;
        }
        assert_eq!(known(&log, 0), [2, 7, 10]);
        assert_eq!((known(&log, 2), known(&log, 10)), (Vec::from([7, 10]), Vec::new()));
        assert!(log.get(Seq(3)).is_none() && log.any_after(Seq(9)) && !log.any_after(Seq(10)));

        log.advance(Seq(6));
        assert!(log.get(Seq(2)).is_none() && log.entry(Seq(6)).is_none());
        assert!(log.get(Seq(7)).is_some_and(|slot| slot.conflict_reported));
        assert_eq!((known(&log, 0), log.high()), (Vec::from([7, 10]), Seq(16)));
        assert!(log.entry(Seq(16)).is_some());

        log.advance(Seq(30));
        assert!(known(&log, 0).is_empty() && !log.any_after(Seq(0)));
    }
}
