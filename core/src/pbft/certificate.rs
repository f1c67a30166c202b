//! Quorums of signatures, and everything that can be checked of a message without state.
//!
//! The rule of this file: *the set that is checked is the set that is counted*. A certificate with
//! a repeated, foreign or disagreeing signer is refused whole; nothing is filtered out and then
//! counted elsewhere.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{
    batch::Batch,
    config::MAX_WINDOW,
    messages::{
        Checkpoint, Decided, FetchState, MAX_BATCH_BYTES, MAX_BATCH_REQUESTS, MAX_FETCHED_NODES,
        MAX_OPERATION_BYTES, MAX_STATE_ANSWER_BYTES, Message, NewView, PrePrepare, Prepare,
        Request, StateNodes, ViewChange, node_of,
    },
    view_change::{Obligation, obligations},
};
use crate::{
    crypto::{Authenticator, Check, Digest, Refusal, Signable, Signed},
    detector::evidence::{signatures_hold, verify},
    ids::{Epoch, NodeId, Principal, RequestId, Seq, View},
    quorum::Membership,
    raft,
    replica::check_chain,
    sorted::SortedSet,
    state::MAX_DEPTH,
};

/// "A prepared certificate": a pre-prepare and matching prepares of quorum − 1 distinct backups
/// (OSDI'99 §4.2: 2f prepares where n = 3f+1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedCertificate {
    /// The proposal, signed by its view's primary.
    pub pre_prepare: Arc<Signed<PrePrepare>>,
    /// The backups' matching prepares.
    pub prepares: Arc<[Arc<Signed<Prepare>>]>,
}

/// Proof that a checkpoint is stable: a quorum of equal, signed checkpoints (§4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointCertificate {
    /// All for one position and one digest.
    pub checkpoints: Arc<[Signed<Checkpoint>]>,
}

impl CheckpointCertificate {
    /// The epoch. 0 for the empty certificate.
    pub fn epoch(&self) -> Epoch {
        self.checkpoints.first().map_or(Epoch(0), |checkpoint| checkpoint.body.epoch)
    }

    /// The position. 0 for the empty certificate, which no check accepts.
    pub fn seq(&self) -> Seq {
        self.checkpoints.first().map_or(Seq(0), |checkpoint| checkpoint.body.seq)
    }

    /// The digest of the next epoch's roster, if the epoch ends here.
    pub fn successor(&self) -> Option<Digest> {
        self.checkpoints.first().and_then(|checkpoint| checkpoint.body.successor)
    }

    /// Whether a quorum of these members signed it.
    pub(crate) fn check(
        &self,
        members: Membership,
        authenticator: &dyn Authenticator,
    ) -> Result<(), Refusal> {
        With { members, authenticator }.stable(self)
    }

    /// The state's digest.
    pub fn digest(&self) -> Digest {
        self.checkpoints.first().map_or_else(Digest::default, |checkpoint| checkpoint.body.digest)
    }
}

/// What a message is checked with.
#[derive(Clone, Copy)]
struct With<'a> {
    members: Membership,
    authenticator: &'a dyn Authenticator,
}

impl With<'_> {
    /// It is said in the epoch whose replicas are asked. Of another epoch nothing can be said:
    /// the same signer may have another part there, or none.
    fn epoch(self, found: Epoch) -> Result<(), Refusal> {
        let expected = self.members.epoch();
        if found == expected { Ok(()) } else { Err(Refusal::Epoch { found, expected }) }
    }

    /// The signature holds, and the signer is a replica of this cluster.
    fn node<T: Signable>(self, signed: &Signed<T>) -> Result<NodeId, Refusal> {
        let node = match signed.by {
            Principal::Node(node) if self.members.contains(node) => node,
            by => return Err(Refusal::WrongSigner { by }),
        };
        signed.check(self.authenticator)?;
        Ok(node)
    }

    /// The same, and the signer is this view's primary.
    fn primary<T: Signable>(self, signed: &Signed<T>, view: View) -> Result<(), Refusal> {
        let node = self.node(signed)?;
        if node != self.members.primary(view) {
            return Err(Refusal::WrongSigner { by: signed.by });
        }
        Ok(())
    }

    /// The same, and the signer is one of this view's backups: "replica i multicasts prepare"
    /// only as a backup; the pre-prepare is the primary's vote.
    fn backup<T: Signable>(self, signed: &Signed<T>, view: View) -> Result<NodeId, Refusal> {
        let node = self.node(signed)?;
        if node == self.members.primary(view) {
            return Err(Refusal::WrongSigner { by: signed.by });
        }
        Ok(node)
    }

    /// Of a later epoch it tells a client that its membership is old; it doesn't count as an answer.
    fn reply<T: Signable>(self, epoch: Epoch, reply: &Signed<T>) -> Result<(), Refusal> {
        if epoch < self.members.epoch() {
            return self.epoch(epoch);
        }
        self.node(reply).map(drop)
    }

    fn request(self, request: &Signed<Request>) -> Result<(), Refusal> {
        let Request { id, operation } = &request.body;
        self.asked(request, *id, operation)
    }

    /// Who is named signed it, a client or a member, and it is not too long.
    fn asked<T: Signable>(
        self,
        signed: &Signed<T>,
        id: RequestId,
        operation: &[u8],
    ) -> Result<(), Refusal> {
        if signed.by != id.client.signer() {
            return Err(Refusal::WrongSigner { by: signed.by });
        }
        limit("an operation", operation.len(), MAX_OPERATION_BYTES)?;
        signed.check(self.authenticator)?;
        Ok(())
    }

    fn batch(self, batch: &Batch) -> Result<(), Refusal> {
        limit("the number of requests in a batch", batch.requests().len(), MAX_BATCH_REQUESTS)?;
        let bytes = batch.requests().iter().map(|request| request.body.operation.len()).sum();
        limit("a batch's operations", bytes, MAX_BATCH_BYTES)?;
        // One client's share of a batch is one request, whoever is primary.
        let mut clients = SortedSet::new();
        if !batch.requests().iter().all(|request| clients.insert(request.body.id.client)) {
            return Err(Refusal::Inconsistent("a batch holds two requests of one client"));
        }
        batch.requests().iter().try_for_each(|request| self.request(request))
    }

    fn proposal(self, header: &Signed<PrePrepare>, batch: &Batch) -> Result<(), Refusal> {
        self.epoch(header.body.epoch)?;
        self.primary(header, header.body.view)?;
        self.batch(batch)?;
        if batch.digest() != header.body.digest {
            return Err(Refusal::Inconsistent("the batch is not the one that its header names"));
        }
        Ok(())
    }

    fn prepared(self, certificate: &PreparedCertificate) -> Result<(), Refusal> {
        let proposal = certificate.pre_prepare.body;
        self.epoch(proposal.epoch)?;
        self.primary(&certificate.pre_prepare, proposal.view)?;
        let mut signers = Signers::default();
        for prepare in certificate.prepares.iter() {
            let Prepare { epoch, view, seq, digest } = prepare.body;
            if (PrePrepare { epoch, view, seq, digest }) != proposal {
                return Err(Refusal::Inconsistent("a prepare differs from its pre-prepare"));
            }
            signers.add(self.backup(prepare, proposal.view)?)?;
        }
        signers.at_least(self.members.quorum() - 1)
    }

    fn stable(self, certificate: &CheckpointCertificate) -> Result<(), Refusal> {
        let mut signers = Signers::default();
        self.epoch(certificate.epoch())?;
        let (epoch, seq) = (certificate.epoch(), certificate.seq());
        let (digest, successor) = (certificate.digest(), certificate.successor());
        for checkpoint in certificate.checkpoints.iter() {
            if checkpoint.body != (Checkpoint { epoch, seq, digest, successor }) {
                return Err(Refusal::Inconsistent("checkpoints of one certificate differ"));
            }
            signers.add(self.node(checkpoint)?)?;
        }
        signers.at_least(self.members.quorum())
    }

    /// The same; but the state that an epoch began with is proven by the end of the one before,
    /// which whoever is in the epoch holds, and compares (see `epochs`).
    fn stable_or_begun(self, certificate: &CheckpointCertificate) -> Result<(), Refusal> {
        let begun = certificate.epoch().next() == self.members.epoch()
            && certificate.seq() == self.members.start();
        if begun { Ok(()) } else { self.stable(certificate) }
    }

    fn decided(self, decided: &Decided) -> Result<(), Refusal> {
        self.proposal(&decided.pre_prepare, &decided.batch)?;
        let mut signers = Signers::default();
        for commit in &decided.commits {
            if !commit.body.is_for(&decided.pre_prepare.body) {
                return Err(Refusal::Inconsistent("a commit differs from its pre-prepare"));
            }
            signers.add(self.node(commit)?)?;
        }
        signers.at_least(self.members.quorum())
    }

    fn view_change(self, signed: &Signed<ViewChange>) -> Result<NodeId, Refusal> {
        self.epoch(signed.body.epoch)?;
        let node = self.node(signed)?;
        let change = &signed.body;
        match &change.proof {
            None if change.stable == self.members.start() => {}
            Some(proof) if proof.seq() == change.stable => self.stable(proof)?,
            _ => return Err(Refusal::Inconsistent("the stable checkpoint is not proven")),
        }
        let mut above = change.stable;
        for certificate in &change.prepared {
            let PrePrepare { view, seq, .. } = certificate.pre_prepare.body;
            if seq <= above || seq.0 - change.stable.0 > MAX_WINDOW {
                return Err(Refusal::Inconsistent(
                    "prepared certificates must rise, between the water marks",
                ));
            }
            if view >= change.view {
                return Err(Refusal::Inconsistent("prepared in a view that has not begun"));
            }
            self.prepared(certificate)?;
            above = seq;
        }
        Ok(node)
    }

    /// "A backup accepts a new-view message for view v+1 if it is signed properly, if the
    /// view-change messages it contains are valid for view v+1, and if the set O is correct; it
    /// verifies the correctness of O by performing a computation similar to the one used by the
    /// primary to create O" (§4.4).
    fn new_view(self, signed: &Signed<NewView>) -> Result<(), Refusal> {
        let new_view = &signed.body;
        self.epoch(new_view.epoch)?;
        self.primary(signed, new_view.view)?;
        self.wishes(new_view)?;
        self.follows(new_view)
    }

    /// *V*: valid view changes of a quorum, for that view.
    fn wishes(self, new_view: &NewView) -> Result<(), Refusal> {
        let mut signers = Signers::default();
        for change in &new_view.view_changes {
            if change.body.view != new_view.view {
                return Err(Refusal::Inconsistent("a view change is for another view"));
            }
            signers.add(self.view_change(change)?)?;
        }
        signers.at_least(self.members.quorum())
    }

    /// What would be ordered is what clients asked; the rest, who says it is believed.
    fn raft(self, said: &raft::Message<Arc<Batch>>) -> Result<(), Refusal> {
        self.epoch(said.epoch)?;
        let raft::Body::Append(append) = &said.body else { return Ok(()) };
        limit("the number of entries", append.entries.len(), raft::MAX_APPEND_ENTRIES)?;
        append.entries.iter().filter_map(|it| it.payload.as_ref()).try_for_each(|it| self.batch(it))
    }

    /// *O* is what *V* obliges to.
    fn follows(self, new_view: &NewView) -> Result<(), Refusal> {
        let owed = obligations(self.members.start(), &new_view.view_changes);
        if owed.proposals.len() != new_view.pre_prepares.len() {
            return Err(Refusal::Inconsistent("O does not follow from V"));
        }
        for (Obligation { seq, digest }, proposed) in
            owed.proposals.iter().copied().zip(&new_view.pre_prepares)
        {
            if proposed.body
                != (PrePrepare { epoch: new_view.epoch, view: new_view.view, seq, digest })
            {
                return Err(Refusal::Inconsistent("O does not follow from V"));
            }
            self.primary(proposed, new_view.view)?;
        }
        Ok(())
    }
}

/// Whether the view changes that a new view is started from are valid, and enough.
pub(crate) fn view_changes_hold(
    new_view: &NewView,
    members: Membership,
    authenticator: &dyn Authenticator,
) -> bool {
    With { members, authenticator }.wishes(new_view).is_ok()
}

/// Distinct signers of one certificate.
#[derive(Default)]
struct Signers(Vec<NodeId>);

impl Signers {
    fn add(&mut self, node: NodeId) -> Result<(), Refusal> {
        if self.0.contains(&node) {
            return Err(Refusal::Inconsistent("one signer appears twice in a certificate"));
        }
        self.0.push(node);
        Ok(())
    }

    fn at_least(&self, needed: usize) -> Result<(), Refusal> {
        let found = self.0.len();
        if found < needed { Err(Refusal::Certificate { found, needed }) } else { Ok(()) }
    }
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), Refusal> {
    if found > limit { Err(Refusal::TooLarge { what, limit }) } else { Ok(()) }
}

fn fetch_state(fetch: &FetchState) -> Result<(), Refusal> {
    limit("the number of nodes asked for", fetch.nodes.len(), MAX_FETCHED_NODES)?;
    fetch.nodes.iter().try_for_each(|node| limit("a path", node.path.0.len(), MAX_DEPTH))
}

/// Every node proves itself: its bytes have the digest that it goes by. So whoever signs need not
/// be a member: replicas that just left still have what newcomers need.
fn state(signed: &Signed<StateNodes>, authenticator: &dyn Authenticator) -> Result<(), Refusal> {
    let answer = &signed.body;
    limit("the number of nodes", answer.nodes.len(), MAX_FETCHED_NODES)?;
    let bytes = answer.nodes.iter().map(|node| node.bytes.len()).sum();
    limit("an answer's bytes", bytes, MAX_STATE_ANSWER_BYTES)?;
    if node_of(signed.by).is_none() {
        return Err(Refusal::WrongSigner { by: signed.by });
    }
    signed.check(authenticator)?;
    if !is_what_it_says(answer) {
        return Err(Refusal::Inconsistent("a part of the state is not what its digest says"));
    }
    Ok(())
}

/// Whether the bytes of every node have the digest that it goes by.
pub(crate) fn is_what_it_says(answer: &StateNodes) -> bool {
    answer.nodes.iter().all(|node| Digest::of_bytes(&node.bytes) == node.digest)
}

impl Check for Message {
    fn check(&self, members: Membership, authenticator: &dyn Authenticator) -> Result<(), Refusal> {
        let with = With { members, authenticator };
        if self.epoch() == Some(members.epoch()) && !self.is_said_under(members.protocol()) {
            return Err(Refusal::Inconsistent("nobody says this under the epoch's protocol"));
        }
        match self {
            Self::Raft(said) => with.raft(said),
            Self::Request(request) => with.request(request),
            Self::PrePrepare(header, batch) => with.proposal(header, batch),
            Self::Prepare(prepare) => {
                with.epoch(prepare.body.epoch)?;
                with.backup(prepare, prepare.body.view).map(drop)
            }
            Self::Commit(commit) => {
                with.epoch(commit.body.epoch)?;
                with.node(commit).map(drop)
            }
            Self::Reply(reply) => with.reply(reply.body.epoch, reply),
            Self::Read(read) => with.asked(read, read.body.id, &read.body.operation),
            Self::ReadReply(reply) => with.reply(reply.body.epoch, reply),
            Self::EpochEnds(ends) => check_chain(ends, members, authenticator),
            Self::FetchEpochEnds(fetch) => {
                if fetch.by != Principal::Client(fetch.body.client) {
                    return Err(Refusal::WrongSigner { by: fetch.by });
                }
                Ok(fetch.check(authenticator)?)
            }
            Self::Checkpoint(checkpoint) => {
                with.epoch(checkpoint.body.epoch)?;
                with.node(checkpoint).map(drop)
            }
            Self::ViewChange(change) => with.view_change(change).map(drop),
            Self::NewView(new_view) => with.new_view(new_view),
            Self::Status(_)
            | Self::FetchBatch(_)
            | Self::Pace(_)
            | Self::RecoveryRequest(_)
            | Self::Busy(_) => Ok(()),
            Self::Batch(batch) => with.batch(batch),
            Self::Decided(decided) => with.decided(decided),
            Self::Stable(certificate) => with.stable_or_begun(certificate),
            Self::FetchState(fetch) => fetch_state(fetch),
            Self::State(answer) => state(answer, authenticator),
            Self::Evidence(evidence) => {
                match evidence.epoch() {
                    // It takes the membership of that epoch: its receiver judges the rest.
                    Some(epoch) if epoch != members.epoch() => {
                        signatures_hold(evidence, members, authenticator)?;
                    }
                    _ => drop(verify(evidence, members, authenticator)?),
                }
                Ok(())
            }
        }
    }
}
