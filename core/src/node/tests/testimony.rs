//! A client shows a reply that f+1 others contradict.

use super::*;
use crate::{
    detector::evidence::OffenceKind,
    ids::{ClientId, RequestId, Timestamp},
    pbft::Reply,
};

fn reply(epoch: u64, by: u16, result: &str) -> Signed<Reply> {
    let id = RequestId { client: ClientId(1), timestamp: Timestamp(5) };
    let result = result.as_bytes().to_vec();
    Signed::new(Reply { epoch: Epoch(epoch), view: View(0), id, result }, &*keys(by))
}

fn false_reply(epoch: u64, by: u16, others: [u16; 2]) -> Message {
    let others = others.map(|other| reply(epoch, other, "truth")).to_vec();
    Message::Evidence(Evidence::Reply(reply(epoch, by, "a lie"), others).into())
}

impl One {
    /// What a client says is checked, or it doesn't come here.
    fn is_told(&mut self, message: Message) -> Vec<Effect> {
        let message = verify(message, four(), &*keys(0)).expect("it holds");
        self.input(Input::Request(message))
    }
}

#[test]
fn a_false_reply_that_a_client_shows_is_written_down_and_told_to_all_once() {
    let mut one = One::new();
    let effects = one.is_told(false_reply(0, 2, [1, 3]));
    assert_eq!(convictions(&effects), [(2, None)]);
    assert_eq!(shown(&effects), [(To::Others, Principal::Node(NodeId(2)))]);
    assert!(one.node.proofs().contains(NodeId(2), OffenceKind::FalseReply));
    assert!(one.records.iter().any(|it| matches!(it, Record::Evidence(_))));
    // Whatever else shows the same of it is nothing new.
    let again = one.is_told(false_reply(0, 2, [0, 3]));
    assert_eq!((convictions(&again), shown(&again)), (Vec::new(), Vec::new()));
    // And those who are told take it as any other proof.
    let mut other = One::new();
    let effects = other.hear(1, false_reply(0, 2, [1, 3]));
    assert_eq!(convictions(&effects), [(2, Some(NodeId(1)))]);
}

/// Only its signatures were checked on its way in.
#[test]
fn of_an_epoch_that_is_not_known_it_counts_for_nothing() {
    let mut one = One::new();
    assert_eq!(convictions(&one.is_told(false_reply(1, 2, [1, 3]))), []);
    assert!(one.node.proofs().is_empty());
}

#[test]
fn what_accounts_prove_together_is_told_to_all_too() {
    let mut one = One::new();
    let effects = one.is_told(Message::Evidence(against(2).into()));
    assert_eq!(convictions(&effects), [(2, None)]);
    assert_eq!(shown(&effects), [(To::Others, Principal::Node(NodeId(2)))]);
}
