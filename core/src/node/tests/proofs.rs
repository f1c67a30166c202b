//! Proofs: found, told, kept, shown again.

use super::*;
use crate::{
    detector::evidence::{Assumption, Offence, OffenceKind, verify},
    node::{
        MAX_FURTHER_BYTES, SHOWN_AT_A_TIME,
        proofs::{Proof, Proofs},
    },
    pbft::{StateNode, StateNodes},
};

const LIAR: Principal = Principal::Node(NodeId(2));

#[test]
fn who_finds_a_proof_writes_it_down_and_tells_all() {
    let mut one = One::new();
    assert_eq!(convictions(&one.hear(2, Message::Prepare(prepare(2, 3, "one").into()))), []);
    // The second story comes from somebody else: who said it stands in it.
    let effects = one.hear(3, Message::Prepare(prepare(2, 3, "other").into()));
    assert_eq!(convictions(&effects), [(2, None)]);
    assert_eq!(shown(&effects), [(To::Others, LIAR)]);
    let written = |it: &Effect| matches!(it, Effect::Persist(_, record) if matches!(**record, Record::Evidence(_)));
    let first = effects.iter().position(written).expect("it is written down");
    let told = |it: &Effect| matches!(it, Effect::Send { message: Message::Evidence(_), .. });
    assert!(effects.iter().position(told).unwrap() > first, "before anybody is told");
    assert!(one.node.proofs().contains(NodeId(2), OffenceKind::TwoPrepares));
}

#[test]
fn who_is_told_keeps_it_and_tells_nobody_and_twice_is_once() {
    let mut one = One::new();
    let effects = one.hear(3, Message::Evidence(against(2).into()));
    assert_eq!(convictions(&effects), [(2, Some(NodeId(3)))]);
    assert_eq!(shown(&effects), []);
    let proofs =
        |one: &One| one.records.iter().filter(|it| matches!(it, Record::Evidence(_))).count();
    assert_eq!(proofs(&one), 1);
    let again = one.hear(1, Message::Evidence(against(2).into()));
    assert_eq!(convictions(&again), []);
    // What was told isn't found again.
    one.hear(2, Message::Prepare(prepare(2, 3, "one").into()));
    let seen = one.hear(2, Message::Prepare(prepare(2, 3, "other").into()));
    assert_eq!((convictions(&seen), shown(&seen)), (Vec::new(), Vec::new()));
    assert_eq!(proofs(&one), 1);
}

#[test]
fn convictions_survive_restarts_and_compaction() {
    let mut one = One::new();
    one.hear(3, Message::Evidence(against(2).into()));
    one.records = Record::compact(one.records.clone());
    let mut restarted = one.restarted();
    assert_eq!(restarted.node.proofs(), one.node.proofs());
    assert!(restarted.node.proofs().offenders().contains(NodeId(2)));
    assert_eq!(convictions(&restarted.input(Input::Tick)), [], "it is nothing new");
    assert_eq!(shown(&restarted.hear(1, status(0))), [(To::Node(NodeId(1)), LIAR)]);
}

#[test]
fn a_damaged_disk_still_proves_what_is_left_on_it_and_nothing_false() {
    let (id, config) = (NodeId(0), Config::default());
    let no_proof = Evidence::Prepares(prepare(1, 3, "one"), prepare(1, 4, "other"));
    let records = [against(2), no_proof].map(|it| Record::Evidence(it.into()));
    let genesis = KeyValue::default();
    let node = Node::restore_damaged(id, four(), config, keys(0), genesis, records, 1).unwrap();
    assert_eq!(node.proofs().offenders().iter().collect::<Vec<_>>(), [NodeId(2)]);
}

#[test]
fn whoever_knows_other_offenders_is_shown_mine_and_not_too_often() {
    let mut one = One::new();
    assert_eq!(shown(&one.hear(1, status(9))), [], "there is nothing to show");
    one.hear(3, Message::Evidence(against(2).into()));
    let own = one.node.proofs().fingerprint();
    assert_ne!(own, 0);
    assert_eq!(shown(&one.hear(1, status(own))), [], "it knows the same");
    assert_eq!(shown(&one.hear(1, status(0))), [(To::Node(NodeId(1)), LIAR)]);
    assert_eq!(shown(&one.hear(1, status(0))), [], "not at once again");
    assert_eq!(shown(&one.hear(3, status(0))), [(To::Node(NodeId(3)), LIAR)]);
    one.now = one.now + Config::default().status_interval();
    assert_eq!(shown(&one.hear(1, status(0))), [(To::Node(NodeId(1)), LIAR)]);
}

#[test]
fn of_many_proofs_a_peer_is_shown_a_few_at_a_time_and_in_time_all() {
    let mut one = One::new();
    let vote = |by: u16, of: &str| Message::Prepare(prepare(by, 3, of).into());
    for by in 1..4 {
        one.hear(by, vote(by, "one"));
        one.hear(by, vote(by, "other"));
        let split = Evidence::State(false_state(by, 1));
        one.hear(1, Message::Evidence(split.into()));
    }
    assert_eq!(one.node.proofs().len(), 6);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let told = shown(&one.hear(1, status(0)));
        assert_eq!(told.len(), SHOWN_AT_A_TIME);
        seen.extend(told.into_iter().map(|(_, accused)| accused));
        one.now = one.now + Config::default().status_interval();
    }
    for by in 1..4 {
        assert!(seen.contains(&Principal::Node(NodeId(by))));
    }
}

#[test]
fn the_fingerprint_tells_sets_of_offenders_apart() {
    let mut prints = Vec::new();
    for offenders in [&[1][..], &[2], &[3], &[1, 2], &[2, 3], &[1, 3], &[1, 2, 3]] {
        let mut one = One::new();
        for by in offenders {
            one.hear(0, Message::Evidence(against(*by).into()));
            one.hear(1, Message::Evidence(against(*by).into()));
        }
        prints.push(one.node.proofs().fingerprint());
    }
    let mut distinct = prints.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), prints.len());
    assert!(!prints.contains(&0));
}

fn proof(assumption: Assumption, evidence: Evidence) -> Proof {
    let keys = keys(0);
    let offence = verify(&evidence, Membership::new(4).unwrap(), &*keys).unwrap();
    Proof::new(Offence { assumption, ..offence }, evidence.into())
}

/// A liar brings a proof against itself that f+1 convicted liars would make worthless.
#[test]
fn a_proof_that_assumes_nothing_takes_the_place_of_one_that_does() {
    let (weak, sure) = (Assumption::AtMostF, Assumption::Absolute);
    let mut proofs = Proofs::default();
    let on = |proofs: &Proofs| -> Vec<_> {
        proofs.iter().map(|proof| proof.offence.assumption).collect()
    };
    assert!(proofs.add(proof(weak, against(2))));
    assert!(!proofs.add(proof(weak, against(2))), "as strong is nothing new");
    let print = proofs.fingerprint();
    assert!(proofs.add(proof(sure, against(2))));
    assert_eq!(on(&proofs), [sure]);
    assert_ne!(proofs.fingerprint(), print, "others are asked for it, and shown it");
    for assumption in [weak, sure] {
        assert!(!proofs.add(proof(assumption, against(2))));
    }
    assert_eq!(on(&proofs), [sure]);
}

#[test]
fn the_first_proof_that_assumes_nothing_is_kept_whatever_its_length() {
    let long = || Evidence::State(false_state(2, MAX_FURTHER_BYTES));
    for (first, is_kept) in [(Assumption::AtMostF, true), (Assumption::Absolute, false)] {
        let mut proofs = Proofs::default();
        assert!(proofs.add(proof(first, against(2))));
        assert_eq!(proofs.add(proof(Assumption::Absolute, long())), is_kept);
        assert_eq!(proofs.len(), 1 + usize::from(is_kept));
    }
}

fn false_state(by: u16, bytes: usize) -> Arc<Signed<StateNodes>> {
    let part = StateNode { digest: Digest::default(), bytes: alloc::vec![7; bytes] };
    Signed::new(StateNodes { seq: Seq(1), nodes: alloc::vec![part] }, &*keys(by)).into()
}

#[test]
fn who_is_convicted_already_does_not_fill_the_memory() {
    let mut one = One::new();
    one.hear(1, Message::Evidence(against(2).into()));
    let long = || Message::Evidence(Evidence::State(false_state(2, MAX_FURTHER_BYTES)).into());
    assert_eq!(convictions(&one.hear(1, long())), []);
    assert_eq!(one.node.proofs().len(), 1);
    // But the first proof of somebody is kept, whatever its length.
    let long = Evidence::State(false_state(3, MAX_FURTHER_BYTES));
    assert_eq!(convictions(&one.hear(1, Message::Evidence(long.into()))), [(3, Some(NodeId(1)))]);
}
