//! Bounded sessions: exactly-once survives eviction, checkpoint, transfer and restart.

use core::time::Duration;

use super::net::{Net, request};
use crate::{
    event::EventKind,
    ids::{ClientId, NodeId, RequestId, Seq, Timestamp},
    pbft::{Config, Known},
};

fn two_sessions() -> Config {
    Config { checkpoint_interval: 5, window: 10, max_sessions: 2, ..Config::default() }
}

fn id(client: u64, timestamp: u64) -> RequestId {
    RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) }
}

/// Client 1's session is forgotten at request 30; then some more happens.
fn with_a_forgotten_client(net: &mut Net) {
    for (client, timestamp) in [(1, 10), (2, 20), (3, 30), (2, 40), (3, 50), (2, 60), (3, 70)] {
        net.ask(&request(client, timestamp, "k"), [0]);
    }
}

fn assert_forgotten_but_done(net: &mut Net) {
    for replica in &net.replicas {
        assert_eq!(replica.sessions().len(), 2);
        assert_eq!(replica.sessions().lookup(id(1, 10)), Known::Stale);
        assert_eq!(replica.sessions().lookup(id(9, 10)), Known::Stale);
        assert_eq!(replica.sessions().lookup(id(9, 11)), Known::New);
    }
    let before = net.executed();
    net.ask(&request(1, 10, "k"), 0..4);
    net.pass(Duration::from_secs(3));
    assert_eq!(net.executed(), before, "it is not even ordered again");
}

#[test]
fn a_request_whose_session_was_forgotten_does_not_execute_twice() {
    let mut net = Net::with(4, &two_sessions());
    with_a_forgotten_client(&mut net);
    assert_forgotten_but_done(&mut net);
    for replica in 0..4 {
        assert_eq!(net.executions(replica, id(1, 10)), 1);
    }
    // The client itself goes on.
    net.ask(&request(1, 71, "k"), [0]);
    assert_eq!(net.executions(2, id(1, 71)), 1);
}

#[test]
fn what_was_forgotten_stays_done_after_a_state_transfer() {
    let mut net = Net::with(4, &two_sessions());
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    with_a_forgotten_client(&mut net);
    net.everything();
    net.pass(Duration::from_secs(3));
    assert!(net.events_of(3).any(|it| matches!(it, EventKind::StateTransferred { .. })));
    assert_forgotten_but_done(&mut net);
    // Who is forgotten next is the same everywhere, or checkpoints would differ.
    for timestamp in 100..110 {
        net.ask(&request(timestamp % 4, timestamp, "k"), [0]);
    }
    net.assert_same_state();
    assert_eq!(net.replica(3).low_water_mark(), Seq(15));
}

#[test]
fn what_was_forgotten_stays_done_after_a_restart() {
    let mut net = Net::with(4, &two_sessions());
    with_a_forgotten_client(&mut net);
    for replica in 0..4 {
        net.restart(replica);
    }
    net.pass(Duration::from_secs(3));
    assert_eq!(net.executed(), [Seq(7); 4]);
    assert_forgotten_but_done(&mut net);
}
