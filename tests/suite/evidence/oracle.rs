//! What an observer must find, by an account of its own: a plain list of all that it heard, compared
//! pair by pair. Slow, and simple enough to be believed.

use std::collections::BTreeSet;

use conclave_core::{
    crypto::{Authenticator, Digest, Signable, Signed},
    detector::evidence::OffenceKind,
    ids::{NodeId, Principal, Seq, View},
    pbft::{Commit, Message, PrePrepare, Prepare, ViewChange},
    quorum::Membership,
};

/// Observers remember what was said of a position in three views; one of them may have come to them
/// inside a certificate, and those are not counted here.
const VIEWS: usize = 2;

#[derive(Clone, PartialEq)]
struct Vote {
    by: NodeId,
    kind: OffenceKind,
    view: View,
    seq: Seq,
    digest: Digest,
}

/// What one observer heard of one epoch, between its marks.
pub(crate) struct Oracle {
    members: Membership,
    window: u64,
    low: Seq,
    votes: Vec<Vote>,
    commits: Vec<(NodeId, Commit)>,
    changes: Vec<(NodeId, ViewChange)>,
    pub(crate) expected: BTreeSet<(NodeId, OffenceKind)>,
}

fn author<T>(signed: &Signed<T>) -> Option<NodeId> {
    match signed.by {
        Principal::Node(node) => Some(node),
        Principal::Client(_) => None,
    }
}

impl Oracle {
    pub(crate) fn new(members: Membership, window: u64) -> Self {
        Self {
            members,
            window,
            low: members.start(),
            votes: Vec::new(),
            commits: Vec::new(),
            changes: Vec::new(),
            expected: BTreeSet::new(),
        }
    }

    pub(crate) fn follow(&mut self, members: Membership, stable: Seq) {
        if members != self.members {
            self.members = members;
            self.low = members.start();
            self.votes.clear();
            self.commits.clear();
            self.changes.clear();
        }
        if stable > self.low {
            self.low = stable;
            // What is a window behind may be forgotten.
            let kept = stable.0.saturating_sub(self.window);
            self.votes.retain(|vote| vote.seq.0 > kept);
            self.commits.retain(|(_, commit)| commit.seq.0 > kept);
        }
    }

    fn holds(&self, seq: Seq) -> bool {
        let (low, window) = (self.low.0, self.window);
        seq.0 > low.saturating_sub(window).max(self.members.start().0) && seq.0 <= low + window
    }

    fn vote(&mut self, new: Vote) {
        if !self.holds(new.seq) {
            return;
        }
        let same_place: Vec<_> = self
            .votes
            .iter()
            .filter(|it| (it.by, it.kind, it.seq) == (new.by, new.kind, new.seq))
            .collect();
        let views: BTreeSet<_> = same_place.iter().map(|it| it.view).collect();
        let contradicted =
            same_place.iter().any(|it| it.view == new.view && it.digest != new.digest);
        if contradicted && views.len() <= VIEWS {
            self.expected.insert((new.by, new.kind));
        }
        if !self.votes.contains(&new) {
            self.votes.push(new);
        }
    }

    fn hides(change: &ViewChange, commit: &Commit) -> bool {
        let shown = change.prepared.iter().map(|it| it.pre_prepare.body);
        let mut at_its_place = shown.filter(|shown| shown.seq == commit.seq);
        change.view > commit.view
            && change.stable < commit.seq
            && at_its_place.all(|it| it.view < commit.view)
    }

    pub(crate) fn saw(&mut self, message: &Message) {
        if message.epoch().is_some_and(|epoch| epoch != self.members.epoch()) {
            return;
        }
        match message {
            Message::PrePrepare(it, _) => {
                let PrePrepare { view, seq, digest, .. } = it.body;
                let Some(by) = author(it) else { return };
                self.vote(Vote { by, kind: OffenceKind::TwoPrePrepares, view, seq, digest });
            }
            Message::Prepare(it) => {
                let Prepare { view, seq, digest, .. } = it.body;
                let Some(by) = author(it) else { return };
                self.vote(Vote { by, kind: OffenceKind::TwoPrepares, view, seq, digest });
            }
            Message::Commit(it) => {
                let Commit { view, seq, digest, .. } = it.body;
                let Some(by) = author(it) else { return };
                self.vote(Vote { by, kind: OffenceKind::TwoCommits, view, seq, digest });
                if !self.holds(seq) {
                    return;
                }
                let mut of_it = self.changes.iter().filter(|(node, _)| *node == by);
                let kept = of_it.clone().count() <= VIEWS;
                if kept && of_it.any(|(_, change)| Self::hides(change, &it.body)) {
                    self.expected.insert((by, OffenceKind::HiddenCommit));
                }
                self.commits.push((by, it.body));
            }
            Message::Checkpoint(it) => {
                let Some(by) = author(it) else { return };
                let (seq, digest) = (it.body.seq, it.body.digest);
                let kind = OffenceKind::TwoCheckpoints;
                self.vote(Vote { by, kind, view: View(0), seq, digest });
            }
            Message::ViewChange(it) => self.view_change(it),
            _ => {}
        }
    }

    fn view_change(&mut self, new: &Signed<ViewChange>) {
        let Some(by) = author(new) else { return };
        let of_it: Vec<_> = self.changes.iter().filter(|(node, _)| *node == by).collect();
        let again = of_it.iter().any(|(_, it)| it.view == new.body.view && *it != new.body);
        if again && of_it.len() <= VIEWS {
            self.expected.insert((by, OffenceKind::TwoViewChanges));
        }
        let views = |commit: &Commit| {
            let same = self.commits.iter().filter(|(node, it)| (*node, it.seq) == (by, commit.seq));
            same.map(|(_, it)| it.view).collect::<BTreeSet<_>>().len()
        };
        let hidden = self.commits.iter().any(|(node, commit)| {
            *node == by && views(commit) <= VIEWS && Self::hides(&new.body, commit)
        });
        if hidden {
            self.expected.insert((by, OffenceKind::HiddenCommit));
        }
        if of_it.iter().all(|(_, it)| *it != new.body) {
            self.changes.push((by, new.body.clone()));
        }
    }

    /// Turned away though its author signed it, by a member, for this epoch: a rule was broken.
    pub(crate) fn refused(&mut self, message: &Message, keys: &dyn Authenticator) {
        let (members, epoch) = (self.members, message.epoch());
        let said = |by: Option<NodeId>, holds: bool| {
            by.filter(|by| holds && members.contains(*by) && epoch == Some(members.epoch()))
        };
        let by = match message {
            Message::ViewChange(it) => said(author(it), holds(it, keys)),
            Message::State(it) => {
                let spoilt =
                    it.body.nodes.iter().any(|node| Digest::of_bytes(&node.bytes) != node.digest);
                author(it).filter(|_| spoilt && holds(it, keys))
            }
            _ => None,
        };
        let kind = match message {
            Message::ViewChange(_) => OffenceKind::InvalidViewChange,
            _ => OffenceKind::FalseState,
        };
        self.expected.extend(by.map(|by| (by, kind)));
    }
}

fn holds<T: Signable>(signed: &Signed<T>, keys: &dyn Authenticator) -> bool {
    signed.check(keys).is_ok()
}
