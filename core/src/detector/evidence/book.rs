//! What was said, by place and author, and what of it contradicts what.
//!
//! Everything that goes in has been checked: who signed it did sign it. Each statement is compared
//! with what its author said of the same place, and looked up only if it isn't what everybody says
//! there; a view change, which is rare and long, is compared with every commit of its author above its
//! stable checkpoint.
//!
//! Certificates hold statements of others, and those count like any: what a liar told one replica
//! comes to another inside a view change.

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{
    offence::{Assumption, OffenceKind},
    proof::Evidence,
    rules::{Names, Statement, hides},
};
use crate::{
    crypto::{Digest, Signed},
    ids::{NodeId, Seq, View},
    pbft::{
        Batch, Checkpoint, CheckpointCertificate, Commit, Message, MessageKind, NewView,
        PrePrepare, Prepare, PreparedCertificate, ViewChange, node_of,
    },
    quorum::NodeSet,
    sorted::SortedMap,
};

/// How much is kept.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Bounds {
    /// Only positions above this one
    pub(super) above: Seq,
    /// and up to this one.
    pub(super) up_to: Seq,
    /// The view that others are in: what is said of views far from it goes first, so that nobody
    /// drives out what it said of this one with what it says of views to come.
    pub(super) view: View,
    /// So many statements of an author of one kind for one position, in different views.
    pub(super) kept: usize,
}

impl Bounds {
    pub(super) const NONE: Self =
        Self { above: Seq(0), up_to: Seq(u64::MAX), view: View(0), kept: usize::MAX };

    fn hold(self, seq: Seq) -> bool {
        self.above < seq && seq <= self.up_to
    }
}

/// The statements of one kind for one position, by author and view.
#[derive(Clone, Debug, Serialize)]
struct Said<T>(Vec<(NodeId, View, Arc<Signed<T>>)>);

impl<T> Default for Said<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What came of a statement.
enum Noted<T> {
    /// The first of its author for that place.
    New,
    /// Its author said it before, or nothing against it.
    Known,
    /// Its author said this before.
    Contradicts(Arc<Signed<T>>),
}

impl<T: Statement> Said<T> {
    fn find(&self, by: NodeId, view: View) -> Result<usize, usize> {
        self.0.binary_search_by_key(&(by, view), |(author, view, _)| (*author, *view))
    }

    fn note(&mut self, by: NodeId, new: &Arc<Signed<T>>, bounds: Bounds) -> Noted<T> {
        let view = new.body.view();
        match self.find(by, view) {
            Ok(at) => {
                let known = &self.0[at].2;
                if known.body.contradicts(&new.body) {
                    Noted::Contradicts(known.clone())
                } else {
                    Noted::Known
                }
            }
            Err(at) => {
                // Mostly the only one: of a pre-prepare, say.
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (by, view, new.clone()));
                self.make_room(by, at, bounds);
                Noted::New
            }
        }
    }

    /// Of too many of one author the furthest in the future goes, if half of them are; else the
    /// oldest.
    fn make_room(&mut self, by: NodeId, new: usize, bounds: Bounds) {
        let others = |at: Option<usize>| {
            at.and_then(|at| self.0.get(at)).is_none_or(|(author, ..)| *author != by)
        };
        if others(new.checked_sub(1)) && others(Some(new + 1)) {
            return;
        }
        let first = self.0.partition_point(|(author, ..)| *author < by);
        let after = self.0.partition_point(|(author, ..)| *author <= by);
        if after - first > bounds.kept {
            let ahead = self.0[first..after].iter().filter(|(_, view, _)| *view > bounds.view);
            let future = 2 * ahead.count() > bounds.kept;
            self.0.remove(if future { after - 1 } else { first });
        }
    }

    /// What an author said in a view.
    fn at(&self, by: NodeId, view: View) -> Option<&Arc<Signed<T>>> {
        self.find(by, view).ok().map(|at| &self.0[at].2)
    }

    /// What an author said, in any.
    fn of(&self, by: NodeId) -> impl Iterator<Item = &Arc<Signed<T>>> {
        let first = self.0.partition_point(|(author, ..)| *author < by);
        self.0[first..].iter().take_while(move |(author, ..)| *author == by).map(|(.., it)| it)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Signed<T>>> {
        self.0.iter().map(|(.., it)| it)
    }
}

/// A view, and the batch that is voted for in it.
type Ballot = (View, Digest);

/// The votes of one kind for one position. Nearly all are alike: those are gathered as they come,
/// and looked for only when somebody says something else.
#[derive(Clone, Debug, Serialize)]
struct Votes<T> {
    /// For the position's ballot,
    alike: Vec<Arc<Signed<T>>>,
    /// of these.
    by: NodeSet,
    others: Said<T>,
}

impl<T> Default for Votes<T> {
    fn default() -> Self {
        Self { alike: Vec::new(), by: NodeSet::default(), others: Said::default() }
    }
}

impl<T: Names> Votes<T> {
    fn note(
        &mut self,
        ballot: Ballot,
        by: NodeId,
        new: &Arc<Signed<T>>,
        bounds: Bounds,
    ) -> Noted<T> {
        let view = new.body.view();
        if view != ballot.0 {
            return self.others.note(by, new, bounds);
        }
        if new.body.named() != ballot.1 {
            return match self.alike_of(by) {
                Some(first) => Noted::Contradicts(first.clone()),
                None => self.others.note(by, new, bounds),
            };
        }
        if self.by.contains(by) {
            return Noted::Known;
        }
        if let Some(first) = self.others.at(by, view) {
            return Noted::Contradicts(first.clone());
        }
        self.by.insert(by);
        self.alike.push(new.clone());
        Noted::New
    }

    fn alike_of(&self, by: NodeId) -> Option<&Arc<Signed<T>>> {
        if !self.by.contains(by) {
            return None;
        }
        self.alike.iter().find(|it| node_of(it.by) == Some(by))
    }

    /// What an author said in a view.
    fn at(&self, by: NodeId, view: View) -> Option<&Arc<Signed<T>>> {
        let alike = self.alike_of(by).filter(|it| it.body.view() == view);
        alike.or_else(|| self.others.at(by, view))
    }

    /// What an author said, in any.
    fn of(&self, by: NodeId) -> impl Iterator<Item = &Arc<Signed<T>>> {
        self.alike_of(by).into_iter().chain(self.others.of(by))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Signed<T>>> {
        self.alike.iter().chain(self.others.all())
    }
}

/// One position.
#[derive(Clone, Debug, Default, Serialize)]
struct Position {
    /// What the first vote was for.
    ballot: Option<Ballot>,
    pre_prepares: Said<PrePrepare>,
    prepares: Votes<Prepare>,
    commits: Votes<Commit>,
    checkpoints: Said<Checkpoint>,
}

impl Position {
    /// What most will say here, if the first to speak is honest.
    fn ballot<T: Names>(&mut self, vote: &T) -> Ballot {
        *self.ballot.get_or_insert((vote.view(), vote.named()))
    }
}

/// The statements of one epoch.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Book {
    bounds: Bounds,
    /// Shared with the book's copies until they differ.
    positions: SortedMap<Seq, Arc<Position>>,
    view_changes: Said<ViewChange>,
    /// In rising order of views.
    new_views: Vec<Arc<Signed<NewView>>>,
    /// Who was found out of what, on which assumption: once on none is enough.
    known: SortedMap<(NodeId, OffenceKind), Assumption>,
    found: Vec<Arc<Evidence>>,
}

/// Whether two that name a batch for one place name different ones.
fn differ<A: Names, B: Names>(one: Option<&Arc<Signed<A>>>, other: &B) -> Option<Signed<A>> {
    one.filter(|one| one.body.named() != other.named()).map(|one| Signed::clone(one))
}

impl Book {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            positions: SortedMap::new(),
            view_changes: Said::default(),
            new_views: Vec::new(),
            known: SortedMap::new(),
            found: Vec::new(),
        }
    }

    /// An empty book for another epoch, which remembers who was found out.
    pub(super) fn turn(&mut self, bounds: Bounds) {
        let (known, found) = (core::mem::take(&mut self.known), core::mem::take(&mut self.found));
        *self = Self { known, found, ..Self::new(bounds) };
    }

    /// Forgets positions that are out of bounds now.
    pub(super) fn advance(&mut self, above: Seq, up_to: Seq) {
        if above > self.bounds.above {
            self.positions = self.positions.split_off(&above.next());
        }
        (self.bounds.above, self.bounds.up_to) = (above, up_to);
    }

    /// What was found since the last call.
    pub(super) fn take_found(&mut self) -> Vec<Arc<Evidence>> {
        core::mem::take(&mut self.found)
    }

    pub(super) fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn is_known(&self, by: NodeId, kind: OffenceKind) -> bool {
        self.known.contains_key(&(by, kind))
    }

    /// False: it was known, on no more.
    pub(super) fn know(&mut self, by: NodeId, kind: OffenceKind, on: Assumption) -> bool {
        let known = self.known.get(&(by, kind));
        let is_new = known.is_none_or(|known| on < *known);
        if is_new {
            self.known.insert((by, kind), on);
        }
        is_new
    }

    /// It contradicts itself, whatever others do.
    fn accuse(&mut self, by: NodeId, kind: OffenceKind, evidence: Evidence) {
        self.accuse_on(Assumption::Absolute, by, kind, evidence);
    }

    pub(super) fn accuse_on(
        &mut self,
        on: Assumption,
        by: NodeId,
        kind: OffenceKind,
        evidence: Evidence,
    ) {
        if self.know(by, kind, on) {
            self.found.push(evidence.into());
        }
    }

    fn position(&mut self, seq: Seq) -> Option<&mut Position> {
        let held = self.bounds.hold(seq);
        held.then(|| Arc::make_mut(self.positions.entry(seq).or_default()))
    }

    pub(super) fn pre_prepare(&mut self, new: &Arc<Signed<PrePrepare>>) {
        let bounds = self.bounds;
        let (Some(by), Some(position)) = (node_of(new.by), self.position(new.body.seq)) else {
            return;
        };
        match position.pre_prepares.note(by, new, bounds) {
            Noted::New => {
                let committed = position.commits.at(by, new.body.view());
                if let Some(commit) = differ(committed, &new.body) {
                    let evidence = Evidence::PrePrepareAndCommit(Signed::clone(new), commit);
                    self.accuse(by, OffenceKind::SplitVote, evidence);
                }
            }
            Noted::Known => {}
            Noted::Contradicts(first) => {
                let evidence = Evidence::PrePrepares(Signed::clone(&first), Signed::clone(new));
                self.accuse(by, OffenceKind::TwoPrePrepares, evidence);
            }
        }
    }

    pub(super) fn prepare(&mut self, new: &Arc<Signed<Prepare>>) {
        let bounds = self.bounds;
        let (Some(by), Some(position)) = (node_of(new.by), self.position(new.body.seq)) else {
            return;
        };
        let ballot = position.ballot(&new.body);
        match position.prepares.note(ballot, by, new, bounds) {
            Noted::New => {
                let committed = position.commits.at(by, new.body.view());
                if let Some(commit) = differ(committed, &new.body) {
                    let evidence = Evidence::PrepareAndCommit(Signed::clone(new), commit);
                    self.accuse(by, OffenceKind::SplitVote, evidence);
                }
            }
            Noted::Known => {}
            Noted::Contradicts(first) => {
                let evidence = Evidence::Prepares(Signed::clone(&first), Signed::clone(new));
                self.accuse(by, OffenceKind::TwoPrepares, evidence);
            }
        }
    }

    pub(super) fn commit(&mut self, new: &Arc<Signed<Commit>>) {
        let bounds = self.bounds;
        let (Some(by), Some(position)) = (node_of(new.by), self.position(new.body.seq)) else {
            return;
        };
        let ballot = position.ballot(&new.body);
        match position.commits.note(ballot, by, new, bounds) {
            Noted::New => {
                let view = new.body.view();
                let commit = || Signed::clone(new);
                let prepares = &position.prepares;
                let alike = ballot == (view, new.body.named());
                if alike && prepares.by.contains(by) {
                    // It prepared the same.
                } else if let Some(it) = differ(prepares.at(by, view), &new.body) {
                    let evidence = Evidence::PrepareAndCommit(it, commit());
                    self.accuse(by, OffenceKind::SplitVote, evidence);
                } else if let Some(it) = differ(position.pre_prepares.at(by, view), &new.body) {
                    let evidence = Evidence::PrePrepareAndCommit(it, commit());
                    self.accuse(by, OffenceKind::SplitVote, evidence);
                }
                if let Some(change) = self.hidden_in(by, &new.body) {
                    let evidence = Evidence::HiddenCommit(commit(), change);
                    self.accuse(by, OffenceKind::HiddenCommit, evidence);
                }
            }
            Noted::Known => {}
            Noted::Contradicts(first) => {
                let evidence = Evidence::Commits(Signed::clone(&first), Signed::clone(new));
                self.accuse(by, OffenceKind::TwoCommits, evidence);
            }
        }
    }

    /// A view change of its author that hides this commit.
    fn hidden_in(&self, by: NodeId, commit: &Commit) -> Option<Arc<Signed<ViewChange>>> {
        self.view_changes.of(by).find(|change| hides(&change.body, commit)).cloned()
    }

    pub(super) fn checkpoint(&mut self, new: &Arc<Signed<Checkpoint>>) {
        let bounds = self.bounds;
        let (Some(by), Some(position)) = (node_of(new.by), self.position(new.body.seq)) else {
            return;
        };
        if let Noted::Contradicts(first) = position.checkpoints.note(by, new, bounds) {
            let evidence = Evidence::Checkpoints(Signed::clone(&first), Signed::clone(new));
            self.accuse(by, OffenceKind::TwoCheckpoints, evidence);
        }
    }

    pub(super) fn stable(&mut self, certificate: &CheckpointCertificate) {
        for checkpoint in certificate.checkpoints.iter() {
            self.checkpoint(&Arc::new(checkpoint.clone()));
        }
    }

    pub(super) fn prepared(&mut self, certificate: &PreparedCertificate) {
        self.pre_prepare(&certificate.pre_prepare);
        for prepare in certificate.prepares.iter() {
            self.prepare(prepare);
        }
    }

    pub(super) fn view_change(&mut self, new: &Arc<Signed<ViewChange>>) {
        let Some(by) = node_of(new.by) else { return };
        match self.view_changes.note(by, new, self.bounds) {
            Noted::New => {}
            Noted::Known => return,
            Noted::Contradicts(first) => {
                let evidence = Evidence::ViewChanges(first, new.clone());
                self.accuse(by, OffenceKind::TwoViewChanges, evidence);
            }
        }
        if self.known.get(&(by, OffenceKind::HiddenCommit)) != Some(&Assumption::Absolute)
            && let Some(commit) = self.hidden_by(by, &new.body)
        {
            let evidence = Evidence::HiddenCommit(commit, new.clone());
            self.accuse(by, OffenceKind::HiddenCommit, evidence);
        }
        if let Some(proof) = &new.body.proof {
            self.stable(proof);
        }
        for certificate in &new.body.prepared {
            self.prepared(certificate);
        }
    }

    /// A commit of its author that this view change hides.
    fn hidden_by(&self, by: NodeId, change: &ViewChange) -> Option<Signed<Commit>> {
        let shown = |commit: &Commit| {
            let at = change
                .prepared
                .binary_search_by_key(&commit.seq, |shown| shown.pre_prepare.body.seq);
            at.is_ok_and(|at| {
                let shown = change.prepared[at].pre_prepare.body;
                shown.view > commit.view || commit.is_for(&shown)
            })
        };
        self.positions
            .range_from(&change.stable.next())
            .flat_map(|(_, position)| position.commits.of(by))
            .find(|commit| !shown(&commit.body) && hides(change, &commit.body))
            .map(|commit| Signed::clone(commit))
    }

    pub(super) fn new_view(&mut self, new: &Arc<Signed<NewView>>) {
        let Some(by) = node_of(new.by) else { return };
        let view = new.body.view;
        self.bounds.view = self.bounds.view.max(view);
        match self.new_views.binary_search_by_key(&view, |known| known.body.view) {
            Ok(at) => {
                let first = self.new_views[at].clone();
                if !first.body.contradicts(&new.body) {
                    return;
                }
                if first.by == new.by {
                    let evidence = Evidence::NewViews(first, new.clone());
                    self.accuse(by, OffenceKind::TwoNewViews, evidence);
                }
            }
            Err(at) => {
                self.new_views.insert(at, new.clone());
                if self.new_views.len() > self.bounds.kept {
                    self.new_views.remove(0);
                }
            }
        }
        for change in &new.body.view_changes {
            self.view_change(&Arc::new(change.clone()));
        }
        for proposal in &new.body.pre_prepares {
            self.pre_prepare(&Arc::new(proposal.clone()));
        }
    }

    /// What an author said of a position; of a commit, what it prepared there too.
    pub(super) fn said(
        &self,
        by: NodeId,
        kind: MessageKind,
        seq: Seq,
        batch: Option<&Arc<Batch>>,
    ) -> Vec<Message> {
        let Some(position) = self.positions.get(&seq) else { return Vec::new() };
        match (kind, batch) {
            (MessageKind::PrePrepare, Some(batch)) => {
                let digest = batch.digest();
                let theirs = position.pre_prepares.of(by).filter(|it| it.body.digest == digest);
                theirs.map(|it| Message::PrePrepare(it.clone(), batch.clone())).collect()
            }
            (MessageKind::Prepare | MessageKind::Commit, _) => {
                let prepares = position.prepares.of(by).cloned().map(Message::Prepare);
                prepares.chain(position.commits.of(by).cloned().map(Message::Commit)).collect()
            }
            (MessageKind::Checkpoint, _) => {
                position.checkpoints.of(by).cloned().map(Message::Checkpoint).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn pre_prepares(&self) -> impl Iterator<Item = &Arc<Signed<PrePrepare>>> {
        self.positions.values().flat_map(|position| position.pre_prepares.all())
    }

    pub(super) fn prepares(&self) -> impl Iterator<Item = &Arc<Signed<Prepare>>> {
        self.positions.values().flat_map(|position| position.prepares.all())
    }

    pub(super) fn commits(&self) -> impl Iterator<Item = &Arc<Signed<Commit>>> {
        self.positions.values().flat_map(|position| position.commits.all())
    }

    pub(super) fn checkpoints(&self) -> impl Iterator<Item = &Arc<Signed<Checkpoint>>> {
        self.positions.values().flat_map(|position| position.checkpoints.all())
    }

    pub(super) fn view_changes(&self) -> impl Iterator<Item = &Arc<Signed<ViewChange>>> {
        self.view_changes.all()
    }

    pub(super) fn new_views(&self) -> &[Arc<Signed<NewView>>] {
        &self.new_views
    }
}
