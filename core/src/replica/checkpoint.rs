//! §4.3, garbage collection: checkpoints, their proofs, the water marks.

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{durable::Record, epochs::Roster, ordering::News, shell::Shell, transfer::Kept};
use crate::{
    app::Application,
    crypto::{Digest, Signed},
    event::EventKind,
    ids::{NodeId, Seq},
    pbft::{Checkpoint, CheckpointCertificate, Message, StateNode, node_of},
    protocol::To,
    sorted::SortedMap,
    state::Tree,
};

/// How many checkpoints above the last stable one are kept of each replica: those of a window, and
/// one more for a replica that fell behind it. The oldest go first.
const KEPT_PER_NODE: usize = 3;

/// Checkpoints that are not stable yet.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CheckpointVotes {
    /// Each replica's latest few, by position. Bounded: n × [`KEPT_PER_NODE`].
    votes: SortedMap<NodeId, SortedMap<Seq, Arc<Signed<Checkpoint>>>>,
    /// This replica's own states at those positions.
    own: SortedMap<Seq, Tree>,
    /// What it voted for, in this life. Bounded: between the water marks.
    said: SortedMap<Seq, Checkpoint>,
}

impl CheckpointVotes {
    /// The first checkpoint of a replica for a position counts; no later one replaces it.
    fn add(&mut self, by: NodeId, vote: Arc<Signed<Checkpoint>>) {
        let votes = self.votes.entry(by).or_default();
        votes.entry(vote.body.seq).or_insert(vote);
        while votes.len() > KEPT_PER_NODE {
            votes.pop_first();
        }
    }

    /// Notes that this replica votes for it; false: it voted otherwise there.
    ///
    /// States are executed again after a crash. If more than *f* replicas are faulty that may be
    /// another history; whoever signed both would look like one of those who made it.
    fn may_say(&mut self, body: Checkpoint) -> bool {
        *self.said.entry(body.seq).or_insert(body) == body
    }

    /// From disk.
    pub(crate) fn remember(&mut self, said: Checkpoint) {
        self.said.insert(said.seq, said);
    }

    /// The votes for exactly this.
    fn matching(&self, wanted: Checkpoint) -> impl Iterator<Item = &Arc<Signed<Checkpoint>>> {
        self.votes
            .values()
            .filter_map(move |votes| votes.get(&wanted.seq).filter(|vote| vote.body == wanted))
    }

    fn certificate(&self, wanted: Checkpoint, needed: usize) -> Option<CheckpointCertificate> {
        let checkpoints: Vec<_> =
            self.matching(wanted).take(needed).map(|vote| Signed::clone(vote)).collect();
        (checkpoints.len() == needed)
            .then(|| CheckpointCertificate { checkpoints: checkpoints.into() })
    }

    /// This replica's own checkpoints above a position.
    pub(crate) fn of(
        &self,
        node: NodeId,
        above: Seq,
    ) -> impl Iterator<Item = &Arc<Signed<Checkpoint>>> {
        let votes = self.votes.get(&node);
        votes
            .into_iter()
            .flat_map(move |votes| votes.range_from(&above.next()).map(|(_, vote)| vote))
    }

    /// Whether anyone claims to be past this position.
    pub(crate) fn any_after(&self, seq: Seq) -> bool {
        self.votes.values().any(|votes| votes.last_key_value().is_some_and(|(at, _)| *at > seq))
    }

    /// The states of this replica's own checkpoints.
    pub(crate) fn own_states(&self) -> impl Iterator<Item = &Tree> {
        self.own.values()
    }

    fn discard(&mut self, up_to: Seq) {
        for votes in self.votes.values_mut() {
            *votes = votes.split_off(&up_to.next());
        }
        self.votes.retain(|_, votes| !votes.is_empty());
        self.own = self.own.split_off(&up_to.next());
        self.said = self.said.split_off(&up_to.next());
    }
}

impl<A: Application> Shell<A> {
    /// "When a replica i produces a checkpoint, it multicasts a checkpoint message to the other
    /// replicas, where n is the sequence number of the last request whose execution is reflected
    /// in the state and d is the digest of the state."
    pub(crate) fn take_checkpoint(&mut self) {
        self.update_tree();
        let body = Checkpoint {
            epoch: self.epoch(),
            seq: self.executed,
            digest: self.tree.digest(),
            successor: self.successor(),
        };
        self.checkpoints.own.insert(body.seq, self.tree.clone());
        self.event(EventKind::CheckpointTaken { seq: body.seq, digest: body.digest });
        let votes = !self.is_recovering() && !self.is_following();
        if votes && self.checkpoints.may_say(body) {
            self.outbox.persist(Record::Checkpoint(body));
            if body.successor.is_some() {
                let nodes = state_nodes(&self.tree, None);
                let (seq, root) = (body.seq, body.digest);
                self.outbox.persist(Record::Ended { seq, root, nodes });
            }
            let vote = Arc::new(Signed::new(body, &*self.authenticator));
            self.checkpoints.add(self.id, vote.clone());
            self.send(To::Others, Message::Checkpoint(vote));
        }
        self.try_stable(body);
    }

    /// What the checkpoint of the state as it is names besides.
    fn successor(&self) -> Option<Digest> {
        let next = self.register.next().filter(|next| next.members.start() == self.executed);
        next.map(Roster::digest)
    }

    /// Starting from disk: a state that was voted for, and is not stable here.
    pub(crate) fn keep_own(&mut self) {
        self.checkpoints.own.insert(self.executed, self.tree.clone());
    }

    /// After a start from disk: the state that is here is voted for again.
    pub(crate) fn vote_again(&mut self) {
        let (epoch, seq) = (self.epoch(), self.executed);
        let Some(digest) = self.checkpoints.own.get(&seq).map(Tree::digest) else { return };
        if self.is_recovering() || self.is_following() {
            return;
        }
        let body = Checkpoint { epoch, seq, digest, successor: self.successor() };
        if !self.checkpoints.may_say(body) {
            return;
        }
        let vote = Arc::new(Signed::new(body, &*self.authenticator));
        self.checkpoints.add(self.id, vote);
    }

    /// The last stable checkpoint's proof, unless it is where the epoch began: those who are asked
    /// to believe it check with the replicas of this epoch.
    pub(crate) fn stable_in_epoch(&self) -> Option<&CheckpointCertificate> {
        let certificate = self.stable.as_ref().map(|(certificate, _)| certificate);
        certificate.filter(|certificate| certificate.epoch() == self.epoch())
    }

    pub(crate) fn on_checkpoint(&mut self, vote: Arc<Signed<Checkpoint>>) {
        let body = vote.body;
        let Some(by) = node_of(vote.by).filter(|_| body.seq > self.low) else { return };
        self.checkpoints.add(by, vote);
        self.try_stable(body);
    }

    /// "Each replica collects checkpoint messages in its log until it has 2f+1 of them for
    /// sequence number n with the same digest d signed by different replicas. … A checkpoint with
    /// a proof becomes stable." Here: once this replica has that state itself.
    fn try_stable(&mut self, body: Checkpoint) {
        if self.checkpoints.own.get(&body.seq).map(Tree::digest) != Some(body.digest) {
            return;
        }
        if let Some(certificate) = self.checkpoints.certificate(body, self.members.quorum()) {
            self.stabilise(&certificate);
        }
    }

    /// Adopts a proven checkpoint whose state this replica has, and "discards all pre-prepare,
    /// prepare, and commit messages with sequence number less than or equal to n …; it also
    /// discards all earlier checkpoints and checkpoint messages".
    pub(crate) fn stabilise(&mut self, certificate: &CheckpointCertificate) {
        let (seq, digest) = (certificate.seq(), certificate.digest());
        if seq <= self.low {
            return;
        }
        let own = self.checkpoints.own.get(&seq);
        let Some(tree) = own.filter(|tree| tree.digest() == digest).cloned() else { return };
        self.adopt(certificate.clone(), &tree);
        self.event(EventKind::CheckpointStable { seq, digest });
        self.news.push_back(News::Stable);
        self.after_stable(certificate);
    }

    /// Makes a proven state the one that the log begins after. Only what changed since the last
    /// one goes to the disk.
    pub(crate) fn adopt(&mut self, certificate: CheckpointCertificate, tree: &Tree) {
        let seq = certificate.seq();
        self.low = seq;
        self.low_since = self.now;
        self.checkpoints.discard(seq);
        self.kept = Kept::default();
        let before = self.stable.replace((certificate.clone(), tree.clone()));
        self.stable_before = before.map(|(_, tree)| tree);
        let nodes = state_nodes(tree, self.stable_before.as_ref());
        self.outbox.persist(Record::Stable(certificate, nodes));
    }

    /// The certificate, if it was checked: with the replicas of this epoch on its way in, or, for
    /// the state that this epoch began with, as the last link of the chain.
    pub(crate) fn proven(&self, claimed: &CheckpointCertificate) -> Option<CheckpointCertificate> {
        if claimed.epoch() == self.epoch() {
            return Some(claimed.clone());
        }
        let begun = &self.chain.last()?.certificate;
        let same = (begun.epoch(), begun.seq(), begun.digest())
            == (claimed.epoch(), claimed.seq(), claimed.digest());
        same.then(|| begun.clone())
    }
}

/// The nodes of a state that another one doesn't have, as records carry them.
fn state_nodes(tree: &Tree, but: Option<&Tree>) -> Arc<Vec<StateNode>> {
    let nodes = tree.nodes_new_to(but).into_iter();
    Arc::new(nodes.map(|(digest, bytes)| StateNode { digest, bytes }).collect())
}
