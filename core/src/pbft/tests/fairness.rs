//! No client and no peer starves another. (The order and share of requests in batches: `batching`.)

use alloc::{sync::Arc, vec};
use core::time::Duration;

use super::net::{Net, request};
use crate::{
    event::{EventKind, ViewChangeCause},
    ids::{ClientId, NodeId, Seq, View},
    pbft::{Message, MessageKind},
};

/// It serves client 1 all the time; only client 3 it never hears.
#[test]
fn a_primary_that_serves_all_but_one_client_is_replaced() {
    let mut net = Net::new(4);
    net.only(|_, to, message| match message {
        Message::Request(request) => to != NodeId(0) || request.body.id.client != ClientId(3),
        _ => true,
    });
    let starved = request(3, 1, "starved");
    net.ask(&starved, 1..4);
    for timestamp in 1..=12 {
        net.ask(&request(1, timestamp, "served"), [0]);
        net.pass(Duration::from_millis(100));
    }
    assert!(net.executed()[1] >= Seq(8), "the primary was not idle");
    let cause =
        EventKind::ViewChangeStarted { view: View(1), why: ViewChangeCause::RequestTimeout };
    assert!(net.events_of(2).any(|event| *event == cause));
    assert_eq!(net.replica(1).view(), View(1));
    for id in 0..4 {
        assert_eq!(net.executions(id, starved.body.id), 1);
    }
}

/// A request counts from its own arrival, whatever else is served meanwhile; and one that is
/// served in time costs nobody a view.
#[test]
fn a_primary_is_timed_per_request() {
    let mut net = Net::new(4);
    for timestamp in 1..=30 {
        net.ask(&request(1, timestamp, "k"), 0..4);
        net.ask(&request(2, timestamp, "k"), 0..4);
        net.pass(Duration::from_millis(100));
    }
    assert!(net.replicas.iter().all(|replica| replica.view() == View(0)));
}

#[test]
fn a_client_need_not_know_the_primary() {
    let mut net = Net::new(4);
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.ask(&request(1, 1, "k"), 1..4);
    net.pass_for(Duration::from_secs(4), |id| id != 0);
    net.everything();
    net.pass(Duration::from_secs(4));
    assert_eq!(net.replica(0).view(), View(1));
    // It asks whom it believes to be primary still, and then somebody at random.
    for (timestamp, asked_of) in [(2, 0), (3, 2), (4, 3)] {
        let asked = request(1, timestamp, "k");
        net.ask(&asked, [asked_of]);
        assert_eq!(net.repliers(asked.body.id).len(), 4, "asked of {asked_of}");
    }
}

/// Counts what a replica sends to node 3 while node 3 floods it.
fn sent_under_flood(net: &mut Net, kind: MessageKind, flood: impl Fn(u64) -> Message) -> usize {
    let sent = Arc::new(core::sync::atomic::AtomicUsize::new(0));
    let counted = sent.clone();
    net.only(move |from, to, message| {
        if (from, to) == (NodeId(0), NodeId(3)) && message.kind() == kind {
            counted.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        }
        to == NodeId(0)
    });
    for round in 0..1_000 {
        net.deliver(3, 0, flood(round));
    }
    sent.load(core::sync::atomic::Ordering::Relaxed)
}

#[test]
fn a_peer_that_fetches_without_end_gets_a_bounded_number_of_contents() {
    let mut net = Net::new(4);
    net.ask(&request(1, 1, "k"), [0]);
    let digest = net.replica(0).slots().next().unwrap().digest;
    let sent = sent_under_flood(&mut net, MessageKind::Batch, |_| Message::FetchBatch(digest));
    assert_eq!(sent, 32);
}

#[test]
fn a_peer_that_asks_for_ever_later_views_is_heard_a_few_times_and_moves_nobody() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(0));
    for view in 1..=1_000 {
        let change = super::view_change::view_change(3, view, vec![]);
        net.deliver(3, 0, Message::ViewChange(Arc::new(change)));
    }
    let taken_up = net.pbft(0).view_changes.get(&NodeId(3)).unwrap().body.view;
    assert_eq!(taken_up, View(4));
    assert_eq!(net.replica(0).view(), View(0));
    assert!(net.replica(0).is_active());
}
