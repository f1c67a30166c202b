//! Every rule convicts who breaks it and nobody else; what is found is bounded; bytes are judged
//! whole.
//!
//! That no correct replica is convicted in any storm, and every liar that can be, is tested across
//! crates: `tests/suite/evidence.rs`.

mod encoding;
mod forensics;
mod pairs;
mod single;
mod watching;

use alloc::{sync::Arc, vec, vec::Vec};

use super::{Evidence, NotProven, Offence, OffenceKind, verify};
use crate::{
    crypto::{Authenticator, Digest, Signed, Simulated},
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{
        Checkpoint, CheckpointCertificate, Commit, NewView, PrePrepare, Prepare,
        PreparedCertificate, Reply, StateNode, StateNodes, ViewChange,
    },
    quorum::Membership,
};

const EPOCH: Epoch = Epoch(0);

fn node(id: u16) -> Simulated {
    Simulated::new(Principal::Node(NodeId(id)), 7)
}

fn four() -> Membership {
    Membership::new(4).unwrap()
}

fn judged(evidence: &Evidence) -> Result<Offence, NotProven> {
    // Anybody can judge: here a client.
    verify(evidence, four(), &Simulated::new(Principal::Client(ClientId(9)), 7))
}

fn convicted(evidence: &Evidence) -> (NodeId, OffenceKind) {
    let offence = judged(evidence).unwrap_or_else(|why| panic!("{why}: {evidence:?}"));
    (offence.by, offence.kind)
}

fn digest(of: &str) -> Digest {
    Digest::of_bytes(of.as_bytes())
}

fn pre_prepare(by: u16, view: u64, seq: u64, of: &str) -> Signed<PrePrepare> {
    let (view, seq, digest) = (View(view), Seq(seq), digest(of));
    Signed::new(PrePrepare { epoch: EPOCH, view, seq, digest }, &node(by))
}

fn prepare(by: u16, view: u64, seq: u64, of: &str) -> Signed<Prepare> {
    let (view, seq, digest) = (View(view), Seq(seq), digest(of));
    Signed::new(Prepare { epoch: EPOCH, view, seq, digest }, &node(by))
}

fn commit(by: u16, view: u64, seq: u64, of: &str) -> Signed<Commit> {
    let (view, seq, digest) = (View(view), Seq(seq), digest(of));
    Signed::new(Commit { epoch: EPOCH, view, seq, digest }, &node(by))
}

fn checkpoint(by: u16, seq: u64, of: &str) -> Signed<Checkpoint> {
    let (seq, digest) = (Seq(seq), digest(of));
    Signed::new(Checkpoint { epoch: EPOCH, seq, digest, successor: None }, &node(by))
}

/// By the primary of the view and the two backups after it.
fn prepared(view: u64, seq: u64, of: &str) -> PreparedCertificate {
    let primary = (view % 4) as u16;
    PreparedCertificate {
        pre_prepare: pre_prepare(primary, view, seq, of).into(),
        prepares: (1..3).map(|next| prepare((primary + next) % 4, view, seq, of).into()).collect(),
    }
}

fn asks_for(view: u64) -> ViewChange {
    let (stable, proof, prepared) = (Seq(0), None, vec![]);
    ViewChange { epoch: EPOCH, view: View(view), stable, proof, prepared }
}

fn view_change(by: u16, body: ViewChange) -> Arc<Signed<ViewChange>> {
    Signed::new(body, &node(by)).into()
}

fn stable_at(seq: u64) -> CheckpointCertificate {
    let checkpoints = (0..3).map(|by| checkpoint(by, seq, "state")).collect();
    CheckpointCertificate { checkpoints }
}

fn new_view(by: u16, view: u64, from: &[u16], o: &[(u64, &str)]) -> Arc<Signed<NewView>> {
    let body = NewView {
        epoch: EPOCH,
        view: View(view),
        view_changes: from.iter().map(|by| Signed::new(asks_for(view), &node(*by))).collect(),
        pre_prepares: o.iter().map(|(seq, of)| pre_prepare(by, view, *seq, of)).collect(),
    };
    Signed::new(body, &node(by)).into()
}

fn reply_to(timestamp: u64, by: u16, result: &str) -> Signed<Reply> {
    let id = RequestId { client: ClientId(1), timestamp: Timestamp(timestamp) };
    let body = Reply { epoch: EPOCH, view: View(0), id, result: result.as_bytes().to_vec() };
    Signed::new(body, &node(by))
}

fn state(by: &dyn Authenticator, bytes: &[u8], under: &[u8]) -> Arc<Signed<StateNodes>> {
    let part = StateNode { digest: Digest::of_bytes(under), bytes: bytes.to_vec() };
    Signed::new(StateNodes { seq: Seq(100), nodes: vec![part] }, by).into()
}

/// One of every kind of evidence, all against replica 1 (which is the primary of view 1).
fn one_of_each() -> Vec<(Evidence, OffenceKind)> {
    let hiding = view_change(1, asks_for(2));
    let mut invalid = asks_for(2);
    invalid.stable = Seq(5);
    let showing = ViewChange { prepared: vec![prepared(0, 1, "a")], ..asks_for(2) };
    vec![
        (
            Evidence::PrePrepares(pre_prepare(1, 1, 3, "a"), pre_prepare(1, 1, 3, "b")),
            OffenceKind::TwoPrePrepares,
        ),
        (
            Evidence::Prepares(prepare(1, 0, 3, "a"), prepare(1, 0, 3, "b")),
            OffenceKind::TwoPrepares,
        ),
        (Evidence::Commits(commit(1, 0, 3, "a"), commit(1, 0, 3, "b")), OffenceKind::TwoCommits),
        (
            Evidence::PrepareAndCommit(prepare(1, 0, 3, "a"), commit(1, 0, 3, "b")),
            OffenceKind::SplitVote,
        ),
        (
            Evidence::PrePrepareAndCommit(pre_prepare(1, 1, 3, "a"), commit(1, 1, 3, "b")),
            OffenceKind::SplitVote,
        ),
        (
            Evidence::Checkpoints(checkpoint(1, 100, "a"), checkpoint(1, 100, "b")),
            OffenceKind::TwoCheckpoints,
        ),
        (
            Evidence::ViewChanges(hiding.clone(), view_change(1, showing)),
            OffenceKind::TwoViewChanges,
        ),
        (
            Evidence::NewViews(new_view(1, 1, &[0, 1, 2], &[]), new_view(1, 1, &[1, 2, 3], &[])),
            OffenceKind::TwoNewViews,
        ),
        (Evidence::HiddenCommit(commit(1, 0, 3, "a"), hiding), OffenceKind::HiddenCommit),
        (Evidence::ViewChange(view_change(1, invalid)), OffenceKind::InvalidViewChange),
        (Evidence::NewView(new_view(1, 1, &[1, 2], &[])), OffenceKind::InvalidNewView),
        (Evidence::NewView(new_view(1, 1, &[1, 2, 3], &[(1, "a")])), OffenceKind::NewViewNotOwed),
        (Evidence::NewView(new_view(1, 2, &[1, 2, 3], &[])), OffenceKind::OutOfRole),
        (Evidence::PrePrepareOfBackup(pre_prepare(1, 2, 3, "a")), OffenceKind::OutOfRole),
        (Evidence::PrepareOfPrimary(prepare(1, 1, 3, "a")), OffenceKind::OutOfRole),
        (
            Evidence::Reply(
                reply_to(5, 1, "a lie"),
                vec![reply_to(5, 0, "truth"), reply_to(5, 2, "truth")],
            ),
            OffenceKind::FalseReply,
        ),
        (Evidence::State(state(&node(1), b"lie", b"truth")), OffenceKind::FalseState),
    ]
}

#[test]
fn every_offence_has_evidence_that_convicts_its_author() {
    let all = one_of_each();
    for (evidence, kind) in &all {
        assert_eq!(convicted(evidence), (NodeId(1), *kind));
        assert_eq!(evidence.accused(), Principal::Node(NodeId(1)));
    }
    for kind in OffenceKind::ALL {
        assert!(all.iter().any(|(_, proven)| *proven == kind), "{kind:?}");
    }
}
