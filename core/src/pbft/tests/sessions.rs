//! Exactly-once, and with bounded sessions: it survives being ordered twice, eviction, checkpoint,
//! transfer and restart.

use alloc::vec;
use core::time::Duration;

use super::net::{Net, request};
use crate::{
    event::EventKind,
    ids::{ClientId, NodeId, RequestId, Seq, Timestamp, View},
    pbft::{Batch, Config, Known, Message, MessageKind, Phase},
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

/// Nobody lies here: what prepared at one replica only may be ordered elsewhere in a view that was
/// started without that replica, and is owed its own place in the next one that it takes part in.
#[test]
fn a_request_that_is_ordered_twice_across_view_changes_executes_once() {
    let mut net = Net::new(4);
    let (twice, later) = (request(1, 1, "k"), request(2, 2, "k"));
    // In view 0 it gets place 2, and prepares there at replica 3 alone.
    net.only(|_, to, message| match message {
        Message::Prepare(prepare) => to == NodeId(3) && prepare.body.seq == Seq(2),
        other => other.kind() == MessageKind::PrePrepare,
    });
    net.ask(&twice, [1]);
    net.ask(&later, [0]);
    net.ask(&twice, [0]);
    let again = Batch::new(vec![twice.clone()]).digest();
    let prepared = |id| net.replica(id).slots().any(|it| it.phase >= Phase::Prepared);
    assert_eq!([0, 1, 2, 3].map(prepared), [false, false, false, true]);
    let at_3 = net.replica(3).slots().find(|it| it.phase == Phase::Prepared).unwrap();
    assert_eq!((at_3.seq, at_3.digest), (Seq(2), again));

    // View 1 begins without replica 3, and has it at place 1, before the other.
    net.only(|from, to, message| {
        let of_view_0 =
            matches!(message, Message::Prepare(prepare) if prepare.body.view == View(0));
        from != NodeId(3) && to != NodeId(3) && !of_view_0
    });
    net.pass_for(Duration::from_secs(2), |id| id != 3);
    for id in 0..3 {
        assert_eq!((net.replica(id).view(), net.replica(id).last_executed()), (View(1), Seq(1)));
        assert_eq!(net.executions(id, twice.body.id), 1);
    }

    // View 2 begins with replica 3, so place 2 has it again.
    net.only(|from, to, _| from != NodeId(1) && to != NodeId(1));
    net.ask(&request(3, 3, "other"), [0, 2, 3]);
    net.pass_for(Duration::from_secs(6), |id| id != 1);
    for at in [0, 2, 3] {
        assert_eq!(net.replica(at).view(), View(2));
        assert_eq!(net.executions(at, id(3, 3)), 1, "it goes on");
        let ordered_again = net.events_of(at).any(|event| {
            matches!(event, EventKind::Executed { seq: Seq(2), digest, .. } if *digest == again)
        });
        assert!(ordered_again, "{at}");
        assert_eq!(net.executions(at, twice.body.id), 1, "{at}");
        assert_eq!(net.replica(at).application().get(b"k"), Some(&b"2"[..]), "the later one's");
    }
}
