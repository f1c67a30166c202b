//! What a node says to the docket, and when: only what the docket doesn't have of it.

use alloc::vec;
use core::time::Duration;

use super::*;
use crate::{
    ids::{ClientId, RequestId, Timestamp},
    pbft::{MAX_OPERATION_BYTES, Reply, Request, StateNode, StateNodes},
    replica::Said,
};

/// What the node said to the docket, to all at once.
fn said(effects: &[Effect]) -> Vec<Said> {
    let of = |effect: &Effect| match effect {
        Effect::Send { to: To::Others, message: Message::Request(request) } => {
            assert_eq!(request.by, Principal::Node(NodeId(0)));
            assert_eq!(request.body.id.client, ClientId::member(NodeId(0)));
            Said::decode(&request.body.operation)
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn wait(one: &mut One, intervals: u32) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..intervals {
        one.now = one.now + Config::default().status_interval();
        effects.extend(one.input(Input::Tick));
    }
    effects
}

#[test]
fn who_has_nothing_to_say_says_nothing() {
    let mut one = One::new();
    assert_eq!(said(&wait(&mut one, 100)), []);
    assert!(one.node.replica().docket().is_empty());
}

#[test]
fn the_lowest_number_brings_a_proof_and_says_it_once_while_it_waits() {
    let mut one = One::new();
    let mut effects = one.hear(3, Message::Evidence(against(2).into()));
    effects.extend(wait(&mut one, 20));
    let said = said(&effects);
    assert_eq!(said, [Said::Prove(alloc::boxed::Box::new(against(2)))]);
    assert_eq!(one.node.replica().pending(), 1);
}

#[test]
fn who_suspects_accuses() {
    let mut one = One::new();
    let mut effects = Vec::new();
    for _ in 0..10 {
        let no_proof = Evidence::Prepares(prepare(2, 3, "one"), prepare(2, 4, "other"));
        effects.extend(one.hear(3, Message::Evidence(no_proof.into())));
        effects.extend(wait(&mut one, 1));
    }
    let said = said(&effects);
    assert!(
        matches!(&said[..], [Said::Accuse { suspect: NodeId(3), score: 50.., .. }]),
        "{said:?}"
    );
}

/// What many view changes prove is longer than a request may be.
#[test]
fn who_holds_a_proof_that_the_log_has_no_room_for_vouches_for_it_and_f_plus_one_that_do_convict() {
    let mut one = One::new();
    let part = StateNode { digest: Digest::default(), bytes: alloc::vec![7; MAX_OPERATION_BYTES] };
    let long = Signed::new(StateNodes { seq: Seq(1), nodes: alloc::vec![part] }, &*keys(2));
    let long = Evidence::State(long.into());
    let proof = Digest::of(&long);
    let mut effects = one.hear(3, Message::Evidence(long.into()));
    effects.extend(wait(&mut one, 20));
    let vouch = Said::Vouch { offender: NodeId(2), proof };
    assert_eq!(said(&effects), core::slice::from_ref(&vouch));
    // It is in the docket, with another's: what is left to say is nothing.
    for (number, by) in (1..).zip([0, 3]) {
        let id = RequestId { client: ClientId::member(NodeId(by)), timestamp: Timestamp(number) };
        one.node.replica.shell.hear_member(Seq(number), NodeId(by), id, &vouch.encode());
        let convicted = one.node.replica().docket().convicted().contains(NodeId(2));
        assert_eq!(convicted, by == 3);
    }
    one.node.replica.shell.pending.clear();
    assert_eq!(said(&wait(&mut one, 20)), []);
}

fn statement(of: u16, by: u16, timestamp: u64) -> Message {
    let id = RequestId { client: ClientId::member(NodeId(of)), timestamp: Timestamp(timestamp) };
    let operation = Said::Look.encode();
    Message::Request(Signed::new(Request { id, operation }, &*keys(by)).into())
}

#[test]
fn nobody_speaks_for_another_and_who_is_no_member_is_not_heard() {
    let mut one = One::new();
    one.hear(3, statement(2, 3, 1));
    one.hear(3, statement(9, 9, 1));
    let own = Principal::Client(ClientId::member(NodeId(2)));
    let id = RequestId { client: ClientId::member(NodeId(2)), timestamp: Timestamp(1) };
    let body = Request { id, operation: vec![] };
    let by_client = Signed::new(body, &Simulated::new(own, 7));
    one.hear(3, Message::Request(by_client.into()));
    assert_eq!(one.node.replica().pending(), 0);
    one.hear(3, statement(2, 2, 1));
    assert_eq!(one.node.replica().pending(), 1, "its own, passed on by another, counts");
}

#[test]
fn a_member_is_taken_up_a_bounded_number_of_times_whoever_passes_it_on() {
    let mut one = One::new();
    let mut taken = 0;
    for timestamp in 1..=100 {
        let effects = one.hear(1 + (timestamp % 3) as u16, statement(2, 2, timestamp));
        let accepted = |it: &Effect| matches!(it, Effect::Event(EventKind::RequestAccepted { .. }));
        taken += effects.iter().filter(|it| accepted(it)).count();
    }
    assert_eq!(taken, 2);
    one.now = one.now + Duration::from_secs(1);
    let effects = one.hear(1, statement(2, 2, 101));
    assert!(!effects.is_empty(), "and again later");
}

/// Two of four are proven to lie, so what they say together about another one proves nothing.
#[test]
fn a_proof_that_assumes_too_much_is_not_brought_and_nobody_accused_for_it() {
    let mut one = One::new();
    for (number, liar) in (1..).zip([2, 3]) {
        let id = RequestId { client: ClientId::member(NodeId(1)), timestamp: Timestamp(number) };
        let proof = Said::Prove(alloc::boxed::Box::new(against(liar))).encode();
        one.node.replica.shell.hear_member(Seq(number), NodeId(1), id, &proof);
    }
    assert!(one.node.replica().docket().is_beyond());
    let reply = |by: u16, result: &str| {
        let id = RequestId { client: ClientId(1), timestamp: Timestamp(5) };
        let result = result.as_bytes().to_vec();
        Signed::new(Reply { epoch: Epoch(0), view: View(0), id, result }, &*keys(by))
    };
    let framed = Evidence::Reply(reply(1, "other"), vec![reply(2, "one"), reply(3, "one")]);
    let mut effects = one.hear(3, Message::Evidence(framed.into()));
    assert_eq!(convictions(&effects), [(1, Some(NodeId(3)))], "it is kept, for operators");
    effects.extend(wait(&mut one, 40));
    assert_eq!(said(&effects), []);
}
