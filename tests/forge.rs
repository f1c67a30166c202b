//! What a liar can say: any statement at all, signed with its own key and no other.
//!
//! Statements are made from real ones, of a cluster in which everybody was honest, so that they are
//! well-formed whatever else a statement holds.

use std::{collections::BTreeMap, sync::Arc};

use conclave_core::{
    crypto::{Digest, Signable, Signed, Simulated},
    ids::{Epoch, NodeId, Principal, Seq, View},
    pbft::{
        Batch, Checkpoint, Commit, Message, MessageKind, NewView, PrePrepare, Prepare,
        PreparedCertificate, Status, ViewChange,
    },
    quorum::Membership,
};

use crate::rounds::{LockStep, brisk, keys, request};

/// One honest statement of each kind.
#[derive(Clone, Debug)]
struct Honest {
    pre_prepare: PrePrepare,
    prepare: Prepare,
    commit: Commit,
    view_change: ViewChange,
    new_view: NewView,
    status: Status,
    /// The first message of each kind.
    messages: Vec<Message>,
}

/// Forges statements of one liar.
#[derive(Clone, Debug)]
pub struct Forge {
    members: Membership,
    epoch: Epoch,
    keys: Simulated,
    honest: Arc<Honest>,
}

/// A prepared certificate, or what looks like one.
fn named(certificate: &PreparedCertificate) -> PrePrepare {
    certificate.pre_prepare.body
}

impl Forge {
    /// What `liar` can say in a cluster of `n`.
    #[must_use]
    pub fn new(n: u16, liar: NodeId) -> Self {
        let members = LockStep::new(n, &[], &brisk()).members();
        let (epoch, keys) = (members.epoch(), keys(Principal::Node(liar)));
        Self { members, epoch, keys, honest: Arc::new(honest(n)) }
    }

    /// The same liar, and what it says in this epoch.
    #[must_use]
    pub fn in_epoch(&self, epoch: Epoch) -> Self {
        Self { epoch, ..self.clone() }
    }

    fn sign<T: Signable>(&self, body: T) -> Arc<Signed<T>> {
        Arc::new(Signed::new(body, &self.keys))
    }

    /// A proposal.
    #[must_use]
    pub fn pre_prepare(&self, view: View, seq: Seq, batch: &Arc<Batch>) -> Message {
        Message::PrePrepare(self.header(view, seq, batch.digest()), batch.clone())
    }

    fn header(&self, view: View, seq: Seq, digest: Digest) -> Arc<Signed<PrePrepare>> {
        let mut body = self.honest.pre_prepare;
        (body.epoch, body.view, body.seq, body.digest) = (self.epoch, view, seq, digest);
        self.sign(body)
    }

    /// A prepare.
    #[must_use]
    pub fn prepare(&self, view: View, seq: Seq, digest: Digest) -> Arc<Signed<Prepare>> {
        let mut body = self.honest.prepare;
        (body.epoch, body.view, body.seq, body.digest) = (self.epoch, view, seq, digest);
        self.sign(body)
    }

    /// A commit.
    #[must_use]
    pub fn commit(&self, view: View, seq: Seq, digest: Digest) -> Message {
        let mut body = self.honest.commit;
        (body.epoch, body.view, body.seq, body.digest) = (self.epoch, view, seq, digest);
        Message::Commit(self.sign(body))
    }

    /// A checkpoint of any state, at which no epoch ends.
    #[must_use]
    pub fn checkpoint(&self, seq: Seq, digest: Digest) -> Message {
        let body = Checkpoint { epoch: self.epoch, seq, digest, successor: None };
        Message::Checkpoint(self.sign(body))
    }

    /// A view change from the initial state, with this for *P*.
    #[must_use]
    pub fn view_change(&self, view: View, prepared: Vec<PreparedCertificate>) -> Message {
        let mut body = self.honest.view_change.clone();
        (body.epoch, body.view, body.prepared) = (self.epoch, view, prepared);
        Message::ViewChange(self.sign(body))
    }

    /// The new view that follows from *V*, all of it from the initial state.
    ///
    /// *O* is computed here once more, apart from the core: from each position's certificate of
    /// the highest view, with the null batch where there is none.
    #[must_use]
    pub fn new_view(&self, view: View, changes: &[Arc<Signed<ViewChange>>]) -> Message {
        let mut owed: BTreeMap<Seq, PrePrepare> = BTreeMap::new();
        for certificate in changes.iter().flat_map(|change| &change.body.prepared) {
            let proposal = named(certificate);
            let best = owed.entry(proposal.seq).or_insert(proposal);
            if best.view < proposal.view {
                *best = proposal;
            }
        }
        let last = owed.last_key_value().map_or(0, |(seq, _)| seq.0);
        let null = Batch::default().digest();
        let digest = |seq| owed.get(&seq).map_or(null, |proposal| proposal.digest);
        let proposals = (1..=last).map(Seq).map(|seq| self.header(view, seq, digest(seq)));
        let mut body = self.honest.new_view.clone();
        (body.epoch, body.view) = (self.epoch, view);
        body.view_changes = changes.iter().map(|change| Signed::clone(change)).collect();
        body.pre_prepares = proposals.map(|header| Signed::clone(&header)).collect();
        Message::NewView(self.sign(body))
    }

    /// What an honest replica said of where it stands.
    #[must_use]
    pub fn honest_status(&self) -> Status {
        self.honest.status
    }

    /// One message of each kind that the honest cluster sent.
    #[must_use]
    pub fn honest_messages(&self) -> &[Message] {
        &self.honest.messages
    }

    /// The cluster that is lied to.
    #[must_use]
    pub fn members(&self) -> Membership {
        self.members
    }
}

/// An honest cluster that orders one request, loses its primary and goes on; what it said.
fn honest(n: u16) -> Honest {
    let identities: Vec<u16> = (0..n).collect();
    let mut net = LockStep::new(n, &identities, &brisk());
    let mut said: BTreeMap<MessageKind, Message> = BTreeMap::new();
    (0..n as usize).for_each(|to| net.ask(to, &request(1, 1)));
    for round in 0..60 {
        if round == 5 {
            (0..n as usize).for_each(|to| net.ask(to, &request(1, 2)));
        }
        net.round(|sent| {
            said.entry(sent.message.kind()).or_insert_with(|| sent.message.clone());
            round < 5 || (sent.from != 0 && sent.to != 0)
        });
    }
    let messages = said.values().cloned().collect();
    let mut take = |kind| said.remove(&kind).expect("the cluster said one of each kind");
    let Message::PrePrepare(pre_prepare, _) = take(MessageKind::PrePrepare) else { unreachable!() };
    let Message::Prepare(prepare) = take(MessageKind::Prepare) else { unreachable!() };
    let Message::Commit(commit) = take(MessageKind::Commit) else { unreachable!() };
    let Message::ViewChange(view_change) = take(MessageKind::ViewChange) else { unreachable!() };
    let Message::NewView(new_view) = take(MessageKind::NewView) else { unreachable!() };
    let Message::Status(status) = take(MessageKind::Status) else { unreachable!() };
    Honest {
        status,
        messages,
        pre_prepare: pre_prepare.body,
        prepare: prepare.body,
        commit: commit.body,
        view_change: view_change.body.clone(),
        new_view: new_view.body.clone(),
    }
}
