//! The receiver: what is wanted, from whom, until it is complete.

use alloc::{sync::Arc, vec::Vec};

use serde::{Serialize, Serializer};

use super::{
    super::{durable::Record, ordering::News, shell::Shell},
    kept::{Kept, of_state},
    peers::Peers,
};
use crate::{
    app::Application,
    crypto::Digest,
    event::EventKind,
    ids::{NodeId, Seq},
    pbft::{
        CheckpointCertificate, FetchState, MAX_FETCHED_NODES, Message, NodeRef, StateNodes, node_of,
    },
    protocol::To,
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
    state::{Content, Damage, Found, Path, Tree, assemble},
    time::Time,
};

/// A node that is neither here nor part of what is here.
#[derive(Clone, Debug, Serialize)]
struct Need {
    path: Path,
    /// Who was asked for it.
    asked: Option<NodeId>,
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Of the state of this checkpoint.
    pub seq: Seq,
    /// The nodes of it that came.
    pub fetched: usize,
    /// Their bytes, and those of nodes that a later checkpoint made useless.
    pub fetched_bytes: u64,
    /// The nodes that are known to be missing. Below each there may be more.
    pub missing: usize,
}

/// A transfer under way.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    target: CheckpointCertificate,
    /// This replica's own state when it began: what it has of the target need not travel.
    base: Tree,
    needed: SortedMap<Digest, Need>,
    /// As many as the state has nodes: a few thousand pieces, and one for each 32 kB of a large one.
    fetched: SortedMap<Digest, Content>,
    /// Bytes that came and were wanted.
    fetched_bytes: u64,
    peers: Peers,
}

/// For the hash of a replica's state: a node's digest says what it holds.
impl Serialize for Transfer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fetched: Vec<_> = self.fetched.keys().collect();
        (&self.target, &self.base, &self.needed, fetched, &self.peers).serialize(serializer)
    }
}

impl Transfer {
    fn new(
        target: CheckpointCertificate,
        base: Tree,
        kept: Kept,
        others: impl Iterator<Item = NodeId>,
        restrained: NodeSet,
    ) -> Self {
        let signers: Vec<_> =
            target.checkpoints.iter().filter_map(|checkpoint| node_of(checkpoint.by)).collect();
        let peers = Peers::new(others, &signers, restrained);
        let root = target.digest();
        let (needed, fetched) = (SortedMap::new(), kept.for_state(root));
        let mut transfer = Self { target, base, needed, fetched, fetched_bytes: 0, peers };
        transfer.want(Path::default(), root);
        transfer
    }

    fn seq(&self) -> Seq {
        self.target.seq()
    }

    /// Goes after a later state. What was fetched stays: most of it is part of that one too. What
    /// was fetched for a state *before* the last target goes, so that no more than two are held.
    fn retarget(&mut self, target: CheckpointCertificate) {
        self.fetched = of_state(self.target.digest(), core::mem::take(&mut self.fetched));
        self.needed.clear();
        self.peers.overtake_asks();
        let root = target.digest();
        self.target = target;
        self.want(Path::default(), root);
    }

    /// Notes what is missing of the part at `path`.
    fn want(&mut self, path: Path, digest: Digest) {
        let mut places = Vec::from([(path, digest)]);
        while let Some((path, digest)) = places.pop() {
            if self.base.find(&path, digest).is_some() {
                continue;
            }
            match self.fetched.get(&digest) {
                Some(Content::Leaf(_)) => {}
                Some(Content::Inner(children)) => {
                    let below = children.iter().map(|(slot, child)| (path.child(*slot), *child));
                    // Deeper than any state is: assembling will say so.
                    places
                        .extend(below.filter(|(path, _)| path.0.len() <= crate::state::MAX_DEPTH));
                }
                None => {
                    self.needed.entry(digest).or_insert(Need { path, asked: None });
                }
            }
        }
    }

    /// Takes a node that is wanted, whoever sent it.
    fn take(&mut self, digest: Digest, bytes: &[u8]) -> bool {
        let Some(content) = Content::decode(bytes) else { return false };
        let Some(need) = self.needed.remove(&digest) else { return false };
        self.fetched_bytes += bytes.len() as u64;
        self.fetched.insert(digest, content);
        self.want(need.path, digest);
        true
    }

    /// A peer owes nothing any more: what it was asked for may be asked of others.
    fn release(&mut self, peer: NodeId) {
        for need in self.needed.values_mut().filter(|need| need.asked == Some(peer)) {
            need.asked = None;
        }
    }

    fn was_asked(&self, peer: NodeId, digest: Digest) -> bool {
        self.needed.get(&digest).is_some_and(|need| need.asked == Some(peer))
    }

    /// The next request and whom to send it to.
    fn next_request(
        &mut self,
        now: Time,
        patience: core::time::Duration,
    ) -> Option<(NodeId, FetchState)> {
        if self.needed.values().all(|need| need.asked.is_some()) {
            return None;
        }
        let peer = self.peers.next(now)?;
        let mut nodes = Vec::new();
        let unasked = self.needed.iter_mut().filter(|(_, need)| need.asked.is_none());
        for (digest, need) in unasked.take(MAX_FETCHED_NODES) {
            need.asked = Some(peer);
            nodes.push(NodeRef { path: need.path.clone(), digest: *digest });
        }
        self.peers.asked(peer, now, patience);
        Some((peer, FetchState { seq: self.target.seq(), nodes }))
    }

    fn assemble(&self) -> Result<Tree, Damage> {
        assemble(self.target.digest(), &|path, digest| {
            let own = || self.base.find(path, digest).cloned().map(Found::Whole);
            self.fetched.get(&digest).map(Found::Content).or_else(own)
        })
    }

    pub(crate) fn progress(&self) -> Fetching {
        Fetching {
            seq: self.seq(),
            fetched: self.fetched.len(),
            fetched_bytes: self.fetched_bytes,
            missing: self.needed.len(),
        }
    }

    pub(crate) fn deadline(&self, now: Time) -> Option<Time> {
        self.peers.deadline(now)
    }

    /// How many bytes of nodes it holds.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        let bytes = |content: &Content| match content {
            Content::Leaf(content) => 1 + content.len(),
            Content::Inner(children) => 1 + 33 * children.len(),
        };
        self.fetched.values().map(bytes).sum()
    }
}

impl<A: Application> Shell<A> {
    /// A stable checkpoint that is ahead of this replica is what it needs if it is told so: its
    /// peers have discarded what led there.
    pub(crate) fn on_stable(&mut self, certificate: &CheckpointCertificate) {
        let Some(certificate) = &self.proven(certificate) else { return };
        let (seq, digest) = (certificate.seq(), certificate.digest());
        if seq <= self.executed {
            self.stabilise(certificate);
            return;
        }
        match &mut self.transfer {
            Some(transfer) if transfer.seq() >= seq => return,
            Some(transfer) => transfer.retarget(certificate.clone()),
            None => {
                // Replicas that just left still have it, and those that just came don't.
                let old = self.previous.into_iter().flat_map(Membership::nodes);
                let others = self.members.nodes().chain(old).filter(|node| *node != self.id);
                let base = self.tree.clone();
                let restrained = self.docket.restrained();
                let kept = core::mem::take(&mut self.kept);
                let transfer = Transfer::new(certificate.clone(), base, kept, others, restrained);
                self.transfer = Some(transfer);
            }
        }
        self.event(EventKind::TransferStarted { seq, digest });
        self.go_on_fetching();
    }

    pub(crate) fn on_state(&mut self, peer: NodeId, answer: &StateNodes) {
        let Some(transfer) = &mut self.transfer else { return };
        let asked = answer.nodes.iter().any(|node| transfer.was_asked(peer, node.digest));
        let mut taken = Vec::new();
        let mut bytes = 0;
        for node in &answer.nodes {
            if transfer.take(node.digest, &node.bytes) {
                bytes += node.bytes.len();
                taken.push(node.clone());
            }
        }
        if asked {
            transfer.peers.answered(peer, bytes);
            transfer.release(peer);
        } else if answer.seq != transfer.seq() && transfer.peers.is_overtaken(peer) {
            transfer.peers.answered(peer, bytes);
        } else if answer.nodes.is_empty() && answer.seq == transfer.seq() {
            transfer.peers.failed(peer);
            transfer.release(peer);
        }
        let missing = transfer.needed.len() as u32;
        let (seq, root) = (transfer.seq(), transfer.target.digest());
        if !taken.is_empty() {
            let (nodes, bytes) = (taken.len() as u32, bytes as u32);
            self.event(EventKind::StateReceived { from: peer, nodes, bytes, missing });
            // Once it is complete it goes to the disk as a whole.
            if missing > 0 {
                self.outbox.note(Record::Fetched { seq, root, nodes: taken.into() });
            }
        }
        self.go_on_fetching();
    }

    /// Time passed: who didn't answer is passed over.
    pub(crate) fn on_transfer_timer(&mut self) {
        let Some(transfer) = &mut self.transfer else { return };
        for peer in transfer.peers.overdue(self.now) {
            transfer.peers.failed(peer);
            transfer.release(peer);
        }
        self.go_on_fetching();
    }

    fn go_on_fetching(&mut self) {
        let (now, patience) = (self.now, self.config.status_interval());
        let executed = self.executed;
        let Some(transfer) = self.transfer.as_mut().filter(|it| it.seq() > executed) else {
            // Proofs of decision were faster.
            self.transfer = None;
            return;
        };
        if transfer.needed.is_empty() {
            self.finish_transfer();
            return;
        }
        while let Some((peer, fetch)) =
            self.transfer.as_mut().and_then(|transfer| transfer.next_request(now, patience))
        {
            self.send(To::Node(peer), Message::FetchState(Arc::new(fetch)));
        }
    }

    /// Everything is here: the state is replaced at once, or not at all.
    fn finish_transfer(&mut self) {
        let Some(transfer) = self.transfer.take() else { return };
        // A quorum vouches for this state, so correct replicas made it: it can't be bad unless
        // more than f lie, and then nothing is adopted.
        let Ok(tree) = transfer.assemble() else { return };
        if self.install(&tree).is_err() {
            return;
        }
        let Transfer { target: certificate, fetched_bytes, .. } = transfer;
        let (seq, digest) = (certificate.seq(), certificate.digest());
        self.executed = seq;
        self.forget_answered();
        let total_bytes = tree.totals().bytes;
        self.adopt(certificate.clone(), &tree);
        self.event(EventKind::StateTransferred { seq, digest, fetched_bytes, total_bytes });
        self.after_stable(&certificate);
        self.news.push_back(News::Installed);
    }

    pub(crate) fn transfer_timer(&self) -> Option<Time> {
        self.transfer.as_ref()?.deadline(self.now)
    }
}
