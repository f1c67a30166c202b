//! What is no proof: signals, and what false proofs cost.

use super::*;
use crate::detector::{evidence::NotProven, suspicion::Kind};

fn no_proof(by: u16) -> Evidence {
    Evidence::Prepares(prepare(by, 3, "one"), prepare(by, 4, "other"))
}

fn counted(one: &One, of: u16) -> u32 {
    one.node.suspicion().counted(NodeId(of), Kind::Malformed)
}

#[test]
fn who_accuses_falsely_pays_and_the_accused_does_not() {
    let mut one = One::new();
    let effects = one.hear(3, Message::Evidence(no_proof(2).into()));
    assert_eq!(convictions(&effects), []);
    assert!(one.node.proofs().is_empty());
    assert_eq!((counted(&one, 3), counted(&one, 2)), (1, 0));
    assert!(one.score(3) > 0);
    assert_eq!(one.score(2), 0);
}

#[test]
fn enough_false_accusations_make_a_suspect_who_is_named_once_and_cleared_in_time() {
    let mut one = One::new();
    let mut events = Vec::new();
    for _ in 0..10 {
        events.extend(one.hear(3, Message::Evidence(no_proof(2).into())));
        one.now = one.now + Config::default().status_interval();
    }
    let suspected = |effects: &[Effect]| -> Vec<(u16, bool)> {
        let of = |effect: &Effect| match effect {
            Effect::Event(EventKind::Suspected { peer, score, reasons }) => {
                assert!(*score >= 50 && reasons[0].kind == Kind::Malformed);
                Some((peer.0, true))
            }
            Effect::Event(EventKind::Unsuspected { peer, score }) => {
                assert!(*score <= 25);
                Some((peer.0, false))
            }
            _ => None,
        };
        effects.iter().filter_map(of).collect()
    };
    assert_eq!(suspected(&events), [(3, true)]);
    events.clear();
    for _ in 0..2_000 {
        one.now = one.now + Config::default().status_interval();
        events.extend(one.input(Input::Tick));
    }
    // Nobody says anything meanwhile, which is nobody's fault in particular.
    assert_eq!(suspected(&events), [(3, false)]);
}

#[test]
fn what_is_no_message_counts_against_its_link() {
    let mut one = One::new();
    one.input(Input::Unreadable { from: NodeId(2) });
    assert_eq!(counted(&one, 2), 1);
}

#[test]
fn a_proof_of_an_epoch_to_come_or_against_a_stranger_costs_nobody() {
    let mut one = One::new();
    let to_come = |seq: u64| {
        let (epoch, view, digest) = (Epoch(4), View(0), Digest::of(&seq));
        Signed::new(Prepare { epoch, view, seq: Seq(1), digest }, &*keys(2))
    };
    let early = Evidence::Prepares(to_come(1), to_come(2));
    assert_eq!(convictions(&one.hear(3, Message::Evidence(early.into()))), []);
    let why = Refusal::NotProven(NotProven::UnknownKey { of: Principal::Node(NodeId(9)) });
    let message = Message::Evidence(no_proof(2).into()).into();
    one.input(Input::Refused { from: NodeId(3), message, why });
    assert_eq!(counted(&one, 3), 0);
}

#[test]
fn a_refused_message_may_convict_its_author() {
    let mut one = One::new();
    // Node 0 leads view 0, so it sends no prepares there; and node 1 proposes nothing.
    let header = crate::pbft::PrePrepare {
        epoch: Epoch(0),
        view: View(0),
        seq: Seq(1),
        digest: Digest::default(),
    };
    let batch = Arc::new(crate::pbft::Batch::new(alloc::vec![]));
    let header = Signed::new(header, &*keys(1));
    let effects = one.hear(1, Message::PrePrepare(header.into(), batch));
    assert_eq!(convictions(&effects), [(1, None)]);
    assert!(one.score(1) > 0, "and it is a signal as well");
}

#[test]
fn the_same_inputs_give_the_same_state_and_other_sights_another() {
    let mut nodes = [One::new(), One::new(), One::new()];
    for one in &mut nodes[..2] {
        one.hear(2, Message::Prepare(prepare(2, 3, "one").into()));
    }
    let hashes = nodes.each_ref().map(|one| one.node.state_hash());
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}
