//! One message that its author may not sign; and replies, which only others can contradict.

use alloc::vec;

use super::*;
use crate::{
    analyzer::Protocol,
    crypto::{Ed25519, SecretKey},
    detector::evidence::{Answers, Assumption},
    pbft::Message,
};

#[test]
fn a_message_that_follows_the_rules_convicts_nobody() {
    let good = [
        Evidence::ViewChange(view_change(1, asks_for(2))),
        Evidence::NewView(new_view(1, 1, &[1, 2, 3], &[])),
        Evidence::PrePrepareOfBackup(pre_prepare(1, 1, 3, "a")),
        Evidence::PrepareOfPrimary(prepare(1, 0, 3, "a")),
        Evidence::State(state(&node(1), b"truth", b"truth")),
    ];
    for evidence in good {
        assert_eq!(judged(&evidence), Err(NotProven::FollowsTheRules), "{evidence:?}");
    }
}

#[test]
fn a_certificate_that_does_not_hold_convicts_who_signed_around_it() {
    let spoilt = |spoil: fn(&mut PreparedCertificate)| {
        let mut certificate = prepared(0, 3, "a");
        spoil(&mut certificate);
        let body = ViewChange { prepared: vec![certificate], ..asks_for(2) };
        judged(&Evidence::ViewChange(view_change(1, body)))
    };
    let few = spoilt(|it| it.prepares = it.prepares[..1].into());
    let twice = spoilt(|it| it.prepares = [it.prepares[0].clone(), it.prepares[0].clone()].into());
    let foreign = spoilt(|it| {
        let mut vote = prepare(1, 0, 3, "a");
        vote.by = Principal::Node(NodeId(3));
        it.prepares = [it.prepares[0].clone(), vote.into()].into();
    });
    for judged in [few, twice, foreign] {
        let offence = judged.unwrap();
        assert_eq!((offence.by, offence.kind), (NodeId(1), OffenceKind::InvalidViewChange));
        assert_eq!(offence.assumption, Assumption::Absolute);
    }
}

/// Who lacks a key can't tell a signature that doesn't hold from one that it can't check.
#[test]
fn a_key_that_is_missing_is_not_taken_for_a_signature_that_does_not_hold() {
    let names = [0_u16, 1, 2, 3].map(|id| Principal::Node(NodeId(id)));
    let secrets = [0_u8, 1, 2, 3].map(|id| SecretKey::from_seed(&[id + 1; 32]));
    let keys = |known: usize| {
        let directory =
            names.iter().copied().zip(secrets.iter().map(SecretKey::public)).take(known);
        Arc::new(directory.collect())
    };
    let signer = |id: usize| Ed25519::new(names[id], secrets[id].clone(), keys(4));
    let body = PrePrepare { epoch: EPOCH, view: View(0), seq: Seq(1), digest: digest("a") };
    let PrePrepare { epoch, view, seq, digest } = body;
    let votes =
        [2, 3].map(|id| Arc::new(Signed::new(Prepare { epoch, view, seq, digest }, &signer(id))));
    let certificate = PreparedCertificate {
        pre_prepare: Signed::new(body, &signer(0)).into(),
        prepares: votes.into(),
    };
    let change = |prepared| {
        let body = ViewChange { prepared: vec![prepared], ..asks_for(2) };
        Evidence::ViewChange(Signed::new(body, &signer(1)).into())
    };
    let good = change(certificate.clone());
    let by = |known| Ed25519::new(names[0], secrets[0].clone(), keys(known));
    assert_eq!(verify(&good, four(), &by(4)), Err(NotProven::FollowsTheRules));
    let of = names[3];
    assert_eq!(verify(&good, four(), &by(3)), Err(NotProven::UnknownKey { of }));
    let few = PreparedCertificate { prepares: certificate.prepares[..1].into(), ..certificate };
    assert!(verify(&change(few), four(), &by(4)).is_ok());
}

/// The members of the first epoch are configured, those of later ones agreed on.
#[test]
fn what_follows_from_who_is_a_member_is_absolute_in_the_first_epoch_only() {
    let members = four().successor(Seq(100), four().set()).unwrap();
    let body = Prepare { epoch: Epoch(1), view: View(1), seq: Seq(101), digest: digest("a") };
    let evidence = Evidence::PrepareOfPrimary(Signed::new(body, &node(1)));
    let offence = verify(&evidence, members, &node(0)).unwrap();
    assert_eq!((offence.kind, offence.assumption), (OffenceKind::OutOfRole, Assumption::AtMostF));
    let first = Evidence::PrepareOfPrimary(prepare(1, 1, 3, "a"));
    assert_eq!(judged(&first).unwrap().assumption, Assumption::Absolute);
}

#[test]
fn a_reply_is_false_only_against_f_plus_one_others_that_agree_and_never_absolutely() {
    let against = |others: &[(u16, u64, &str)]| {
        let others = others.iter().map(|(by, at, result)| reply_to(*at, *by, result)).collect();
        judged(&Evidence::Reply(reply_to(5, 1, "a lie"), others))
    };
    let offence = against(&[(0, 5, "truth"), (2, 5, "truth")]).unwrap();
    assert_eq!((offence.by, offence.assumption), (NodeId(1), Assumption::AtMostF));
    let replies = |found| Err(NotProven::Replies { found, needed: 2 });
    assert_eq!(against(&[]), replies(0));
    assert_eq!(against(&[(0, 5, "truth")]), replies(1));
    assert_eq!(against(&[(0, 5, "truth"), (2, 5, "truth"), (3, 5, "truth")]), replies(3));
    let nothing = Err(NotProven::NoContradiction);
    assert_eq!(against(&[(0, 5, "truth"), (0, 5, "truth")]), nothing, "one other, twice");
    assert_eq!(against(&[(0, 5, "truth"), (1, 5, "truth")]), nothing, "itself");
    assert_eq!(against(&[(0, 5, "truth"), (2, 5, "other")]), nothing, "they differ");
    assert_eq!(against(&[(0, 5, "a lie"), (2, 5, "a lie")]), nothing, "they agree with it");
    assert_eq!(against(&[(0, 4, "truth"), (2, 5, "truth")]), Err(NotProven::DifferentPlaces));
}

/// One liar is enough there to have correct replicas execute different things.
#[test]
fn where_replicas_agree_only_while_none_lies_no_reply_convicts() {
    let next = four().successor(Seq(100), four().set()).unwrap();
    let members = next.under(Protocol::Raft).unwrap();
    let of = |by: u16, result: &str| {
        let body = Reply { epoch: Epoch(1), ..reply_to(5, by, result).body };
        Signed::new(body, &node(by))
    };
    let evidence = |others: &[u16]| {
        let others = others.iter().map(|by| of(*by, "truth")).collect();
        Evidence::Reply(of(1, "a lie"), others)
    };
    for others in [&[0][..], &[0, 2], &[0, 2, 3]] {
        assert_eq!(verify(&evidence(others), members, &node(0)), Err(NotProven::CrashOnly));
    }
    let mut answers = Answers::new(members);
    for (by, result) in [(0, "truth"), (1, "a lie"), (2, "truth"), (3, "truth")] {
        assert_eq!(answers.heard(&Message::Reply(of(by, result).into())), None);
    }
    assert!(verify(&evidence(&[0, 2]), next, &node(0)).is_ok(), "else it would");
}

#[test]
fn who_serves_a_state_need_not_be_a_member_but_must_have_signed() {
    let offence = judged(&Evidence::State(state(&node(9), b"lie", b"truth"))).unwrap();
    assert_eq!((offence.by, offence.place.seq), (NodeId(9), Some(Seq(100))));
    let mut forged = Signed::clone(&state(&node(9), b"lie", b"truth"));
    forged.by = Principal::Node(NodeId(1));
    assert!(matches!(judged(&Evidence::State(forged.into())), Err(NotProven::Signature { .. })));
    let client = Simulated::new(Principal::Client(ClientId(3)), 7);
    let of_client = Evidence::State(state(&client, b"lie", b"truth"));
    assert!(matches!(judged(&of_client), Err(NotProven::NotAMember { .. })));
}
