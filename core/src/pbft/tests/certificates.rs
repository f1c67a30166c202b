//! The set that is checked is the set that is counted.

use alloc::{sync::Arc, vec, vec::Vec};

use super::net::{keys, node, request};
use crate::{
    crypto::{Authenticator, Digest, Refusal, Signature, Signed, verify},
    ids::{ClientId, Epoch, NodeId, Principal, Seq, View},
    pbft::{
        Batch, Checkpoint, CheckpointCertificate, Commit, Decided, FetchEpochEnds, FetchState,
        MAX_OPERATION_BYTES, MAX_STATE_ANSWER_BYTES, Message, NodeRef, PrePrepare, Prepare,
        Request, StateNode, StateNodes,
    },
    quorum::Membership,
    state::{MAX_DEPTH, Path},
};

fn checked(message: Message) -> Result<(), Refusal> {
    verify(message, Membership::new(4).unwrap(), &node(3)).map(drop)
}

fn prepare(by: u16) -> Signed<Prepare> {
    let body = Prepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: Digest::default() };
    Signed::new(body, &node(by))
}

fn decided(committers: &[u16]) -> Decided {
    let batch = Batch::new(vec![request(1, 1, "k")]);
    let (view, seq, digest) = (View(0), Seq(1), batch.digest());
    Decided {
        pre_prepare: Signed::new(PrePrepare { epoch: Epoch(0), view, seq, digest }, &node(0))
            .into(),
        batch: Arc::new(batch),
        commits: committers
            .iter()
            .map(|by| Signed::new(Commit { epoch: Epoch(0), view, seq, digest }, &node(*by)).into())
            .collect(),
    }
}

fn state(answer: StateNodes, by: &dyn Authenticator) -> Message {
    Message::State(Signed::new(answer, by).into())
}

fn stable(signers: &[u16]) -> Message {
    let body =
        Checkpoint { epoch: Epoch(0), seq: Seq(100), digest: Digest([1; 32]), successor: None };
    let checkpoints = signers.iter().map(|by| Signed::new(body, &node(*by))).collect();
    Message::Stable(CheckpointCertificate { checkpoints }.into())
}

#[test]
fn a_vote_needs_its_signer_s_signature() {
    assert_eq!(checked(Message::Prepare(prepare(1).into())), Ok(()));
    let mut forged = prepare(1);
    forged.by = Principal::Node(NodeId(2));
    assert!(matches!(checked(Message::Prepare(forged.into())), Err(Refusal::Signature(_))));
    let mut changed = prepare(1);
    changed.body.seq = Seq(2);
    assert!(matches!(checked(Message::Prepare(changed.into())), Err(Refusal::Signature(_))));
    let mut none = prepare(1);
    none.signature = Signature::Ed25519([0; 64]);
    assert!(matches!(checked(Message::Prepare(none.into())), Err(Refusal::Signature(_))));
}

#[test]
fn a_signature_on_a_prepare_is_none_on_a_commit() {
    let Prepare { epoch, view, seq, digest } = prepare(1).body;
    let as_commit = Signed {
        body: Commit { epoch, view, seq, digest },
        by: prepare(1).by,
        signature: prepare(1).signature,
    };
    assert!(matches!(checked(Message::Commit(as_commit.into())), Err(Refusal::Signature(_))));
}

#[test]
fn the_primary_does_not_prepare_and_strangers_do_not_vote() {
    for by in [node(0), node(4), keys(Principal::Client(ClientId(1)))] {
        let vote = Signed::new(prepare(1).body, &by);
        assert!(matches!(checked(Message::Prepare(vote.into())), Err(Refusal::WrongSigner { .. })));
    }
}

#[test]
fn only_the_view_s_primary_proposes() {
    let Decided { pre_prepare, batch, .. } = decided(&[]);
    assert_eq!(checked(Message::PrePrepare(pre_prepare.clone(), batch.clone())), Ok(()));
    let by_backup = Signed::new(pre_prepare.body, &node(1));
    let refused = checked(Message::PrePrepare(by_backup.into(), batch));
    assert!(matches!(refused, Err(Refusal::WrongSigner { .. })));
}

#[test]
fn a_batch_must_be_the_one_that_its_header_names_and_hold_signed_requests() {
    let Decided { pre_prepare, .. } = decided(&[]);
    let other = Arc::new(Batch::new(vec![request(1, 2, "k")]));
    let refused = checked(Message::PrePrepare(pre_prepare, other));
    assert!(matches!(refused, Err(Refusal::Inconsistent(_))));

    let mut forged = request(1, 1, "k");
    forged.body.operation.push(0);
    let batch = Batch::new(vec![forged]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
    let refused = checked(Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch)));
    assert!(matches!(refused, Err(Refusal::Signature(_))));
}

#[test]
fn a_request_is_signed_by_its_own_client_and_bounded() {
    let as_another = Signed::new(request(1, 1, "k").body, &keys(Principal::Client(ClientId(2))));
    let refused = checked(Message::Request(Arc::new(as_another)));
    assert!(matches!(refused, Err(Refusal::WrongSigner { .. })));
    let id = request(1, 1, "k").body.id;
    let long = Request { id, operation: vec![0; MAX_OPERATION_BYTES + 1] };
    let long = Signed::new(long, &keys(Principal::Client(id.client)));
    let refused = checked(Message::Request(Arc::new(long)));
    assert!(matches!(refused, Err(Refusal::TooLarge { .. })));
}

#[test]
fn a_decision_needs_a_quorum_of_distinct_agreeing_commits() {
    let ok = |decided: Decided| checked(Message::Decided(Arc::new(decided)));
    assert_eq!(ok(decided(&[0, 1, 2])), Ok(()));
    assert_eq!(ok(decided(&[0, 1])), Err(Refusal::Certificate { found: 2, needed: 3 }));
    assert!(matches!(ok(decided(&[0, 1, 1])), Err(Refusal::Inconsistent(_))));
    let mut mixed = decided(&[0, 1, 2]);
    let mut body = mixed.commits[2].body;
    body.digest = Digest::default();
    mixed.commits[2] = Signed::new(body, &node(2)).into();
    assert!(matches!(ok(mixed), Err(Refusal::Inconsistent(_))));
}

#[test]
fn a_stable_checkpoint_needs_a_quorum_for_exactly_its_digest() {
    assert_eq!(checked(stable(&[0, 1, 2])), Ok(()));
    assert_eq!(checked(stable(&[0, 1])), Err(Refusal::Certificate { found: 2, needed: 3 }));
    assert_eq!(checked(stable(&[])), Err(Refusal::Certificate { found: 0, needed: 3 }));
    assert!(matches!(checked(stable(&[0, 1, 1])), Err(Refusal::Inconsistent(_))));
}

#[test]
fn a_part_of_the_state_is_what_its_digest_says_and_within_limits() {
    let of = |nodes| checked(state(StateNodes { seq: Seq(1), nodes }, &node(1)));
    let part = |bytes: Vec<u8>| StateNode { digest: Digest::of_bytes(&bytes), bytes };
    assert_eq!(of(vec![part(vec![0, 1]), part(vec![0, 2])]), Ok(()));
    let mut changed = part(vec![0, 1]);
    changed.bytes.push(2);
    assert!(matches!(of(vec![part(vec![0, 1]), changed]), Err(Refusal::Inconsistent(_))));
    let many = (0..=32).map(|number| part(vec![0, number])).collect();
    assert!(matches!(of(many), Err(Refusal::TooLarge { limit: 32, .. })));
    let large = part(vec![0; MAX_STATE_ANSWER_BYTES + 1]);
    assert!(matches!(of(vec![large]), Err(Refusal::TooLarge { .. })));
}

#[test]
fn nobody_asks_for_more_than_a_message_may() {
    let of = |nodes| checked(Message::FetchState(Arc::new(FetchState { seq: Seq(1), nodes })));
    let place = |path| NodeRef { path: Path(path), digest: Digest::default() };
    assert_eq!(of(vec![place(vec![0; MAX_DEPTH]); 32]), Ok(()));
    assert!(matches!(of(vec![place(vec![]); 33]), Err(Refusal::TooLarge { .. })));
    assert!(matches!(of(vec![place(vec![0; MAX_DEPTH + 1])]), Err(Refusal::TooLarge { .. })));
}

#[test]
fn what_is_said_in_another_epoch_is_refused_naming_both() {
    let epoch = Epoch(1);
    let refused = Err(Refusal::Epoch { found: epoch, expected: Epoch(0) });
    let (view, seq, digest) = (View(0), Seq(1), Digest::default());
    let prepare = Signed::new(Prepare { epoch, view, seq, digest }, &node(1));
    assert_eq!(checked(Message::Prepare(prepare.into())), refused);
    let commit = Signed::new(Commit { epoch, view, seq, digest }, &node(1));
    assert_eq!(checked(Message::Commit(commit.into())), refused);
    let checkpoint = Signed::new(Checkpoint { epoch, seq, digest, successor: None }, &node(1));
    assert_eq!(checked(Message::Checkpoint(checkpoint.into())), refused);
    let mut other = decided(&[0, 1, 2]);
    Arc::make_mut(&mut other.pre_prepare).body.epoch = epoch;
    assert_eq!(checked(Message::Decided(Arc::new(other))), refused);
    let Decided { mut pre_prepare, batch, .. } = decided(&[]);
    Arc::make_mut(&mut pre_prepare).body.epoch = epoch;
    assert_eq!(checked(Message::PrePrepare(pre_prepare, batch)), refused);
}

#[test]
fn a_certificate_holds_votes_of_one_epoch_only() {
    let mut mixed = decided(&[0, 1, 2]);
    let body = Commit { epoch: Epoch(1), ..mixed.commits[2].body };
    mixed.commits[2] = Signed::new(body, &node(2)).into();
    let refused = checked(Message::Decided(Arc::new(mixed)));
    assert!(matches!(refused, Err(Refusal::Inconsistent(_))));
}

#[test]
fn a_checkpoint_certificate_is_of_one_state() {
    let vote = |by, digest| {
        let (epoch, seq, successor) = (Epoch(0), Seq(100), None);
        Signed::new(Checkpoint { epoch, seq, digest: Digest([digest; 32]), successor }, &node(by))
    };
    let of = |votes: [Signed<Checkpoint>; 3]| {
        checked(Message::Stable(CheckpointCertificate { checkpoints: votes.into() }.into()))
    };
    assert_eq!(of([vote(0, 1), vote(1, 1), vote(2, 1)]), Ok(()));
    let two_states = of([vote(0, 1), vote(1, 1), vote(2, 2)]);
    assert!(matches!(two_states, Err(Refusal::Inconsistent(_))), "{two_states:?}");
}

#[test]
fn nobody_asks_for_the_ends_of_epochs_in_another_client_s_name() {
    let asked = |by| {
        let body = FetchEpochEnds { client: ClientId(1), from: Epoch(0) };
        let by = Principal::Client(ClientId(by));
        (by, checked(Message::FetchEpochEnds(Signed::new(body, &keys(by)).into())))
    };
    assert_eq!(asked(1).1, Ok(()));
    let (by, refused) = asked(2);
    assert_eq!(refused, Err(Refusal::WrongSigner { by }));
}
