//! Agreed time: proposed by the primary, judged by the backups, the same everywhere.

use core::time::Duration;

use super::net::{Net, keys};
use crate::{
    app::{Operation, Outcome},
    crypto::Signed,
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{Config, Message, Request},
    time::WallTime,
};

const HOUR_US: i64 = 3_600_000_000;

fn asking(timestamp: u64, operation: &Operation) -> Signed<Request> {
    let id = RequestId { client: ClientId(1), timestamp: Timestamp(timestamp) };
    let operation = operation.encode();
    Signed::new(Request { id, operation }, &keys(Principal::Client(id.client)))
}

fn put_for(timestamp: u64, ttl_ms: u64) -> Signed<Request> {
    let (key, value) = (b"k".to_vec(), b"v".to_vec());
    asking(timestamp, &Operation::PutFor { key, value, ttl_ms })
}

fn get(timestamp: u64) -> Signed<Request> {
    asking(timestamp, &Operation::Get { key: b"k".to_vec() })
}

/// What every replica answered.
fn answer(net: &Net, timestamp: u64) -> Outcome {
    let of = |reply: &&alloc::sync::Arc<Signed<crate::pbft::Reply>>| {
        reply.body.id.timestamp.0 == timestamp
    };
    let mut results = net.replies.iter().filter(of).map(|reply| &reply.body.result);
    let first = results.next().expect("nobody answered");
    assert!(results.all(|result| result == first), "replicas differ");
    Outcome::decode(first).unwrap()
}

fn refusals(net: &Net, id: u16) -> usize {
    net.events_of(id).filter(|event| matches!(event, EventKind::TimeRefused { .. })).count()
}

#[test]
fn a_key_with_a_time_to_live_expires_at_the_same_position_on_every_replica() {
    let mut net = Net::new(4);
    for (id, offset_us) in [(0, 0), (1, 900_000), (2, -900_000), (3, 30_000)] {
        net.replicas[id].set_clock_offset_us(HOUR_US + offset_us);
    }
    net.ask(&put_for(1, 500), [0]);
    net.pass(Duration::from_millis(400));
    net.ask(&get(2), [0]);
    assert_eq!(answer(&net, 2), Outcome::Value(Some(b"v".to_vec())));
    net.pass(Duration::from_millis(200));
    net.ask(&get(3), [0]);
    assert_eq!(answer(&net, 3), Outcome::Value(None));
    net.assert_same_state();
    assert_eq!(net.replica(3).application().get(b"k"), None, "and its room is free again");
}

#[test]
fn without_anything_that_needs_it_no_batch_carries_a_time() {
    let mut net = Net::new(4);
    net.replicas[0].set_clock_offset_us(HOUR_US);
    net.ask(&get(1), [0]);
    assert_eq!(net.executed(), [Seq(1); 4]);
    assert_eq!(net.replica(1).agreed_time(), WallTime(0));
}

#[test]
fn a_primary_whose_clock_is_off_by_an_hour_is_replaced_and_time_is_right() {
    let mut net = Net::new(4);
    net.replicas[0].set_clock_offset_us(HOUR_US);
    let asked = put_for(1, 500);
    net.ask(&asked, [0]);
    assert_eq!(net.executed(), [Seq(0); 4]);
    for id in 1..4 {
        assert_eq!(refusals(&net, id), 1);
    }
    // Nobody else heard of the request: that they refused it is enough for its timer to run.
    net.pass(Duration::from_secs(4));
    assert_eq!(answer(&net, 1), Outcome::Done);
    assert_eq!(net.replica(1).view(), View(1));
    assert_eq!(net.executed(), [Seq(1); 4]);
    let agreed = net.replica(0).agreed_time();
    assert!(agreed < WallTime(60_000), "the hour is in nobody's state: {agreed:?}");
}

#[test]
fn a_backup_whose_clock_is_off_by_an_hour_hinders_nobody_and_follows_by_proof() {
    let mut net = Net::new(4);
    for (id, offset_us) in [(0, 2 * HOUR_US), (1, 2 * HOUR_US), (2, 2 * HOUR_US), (3, HOUR_US)] {
        net.replicas[id].set_clock_offset_us(offset_us);
    }
    net.ask(&put_for(1, 500), [0]);
    assert_eq!(net.executed(), [Seq(1), Seq(1), Seq(1), Seq(0)]);
    net.pass(Duration::from_millis(600));
    assert_eq!(net.replica(0).view(), View(0));
    assert_eq!(refusals(&net, 3), 1);
    net.assert_same_state();
}

#[test]
fn what_a_new_view_carries_over_is_not_judged_again() {
    let mut net = Net::new(4);
    net.only(|_, _, message| !matches!(message, Message::Commit(_)));
    let asked = put_for(1, 500);
    net.ask(&asked, 0..4);
    // Prepared everywhere, committed nowhere; by the time the view changes it is long past.
    net.only(|_, _, _| false);
    for replica in &mut net.replicas {
        replica.set_clock_offset_us(HOUR_US);
    }
    net.pass(Duration::from_millis(1));
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.pass_for(Duration::from_secs(6), |id| id != 0);
    for id in 1..4 {
        assert_eq!(net.replica(id).last_executed(), Seq(1));
        assert!(net.replica(id).agreed_time() < WallTime(60_000), "the time that was prepared");
        assert_eq!(refusals(&net, id), 0);
    }
}

/// Replica 3 lacks the state that the view begins with, so there is no place yet for what it carries
/// over; and without replica 3 there is no quorum.
#[test]
fn what_a_new_view_carries_over_is_not_judged_again_by_who_comes_to_it_late() {
    let config = Config { checkpoint_interval: 5, window: 10, ..Config::default() };
    let mut net = Net::with(4, &config);
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    for timestamp in 1..=10 {
        net.ask(&get(timestamp), [0]);
    }
    net.only(|from, to, message| {
        from != NodeId(3) && to != NodeId(3) && !matches!(message, Message::Commit(_))
    });
    net.ask(&put_for(11, 500), 0..3);
    net.only(|_, _, _| false);
    for replica in &mut net.replicas {
        replica.set_clock_offset_us(HOUR_US);
    }
    net.pass(Duration::from_millis(1));
    net.only(|from, to, message| {
        from != NodeId(0) && to != NodeId(0) && !matches!(message, Message::State(_))
    });
    net.pass_for(Duration::from_millis(1_300), |id| id != 0);
    assert_eq!((net.replica(3).view(), net.replica(3).last_executed()), (View(1), Seq(0)));
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.pass_for(Duration::from_secs(6), |id| id != 0);
    for id in 1..4 {
        assert_eq!(refusals(&net, id), 0, "replica {id}");
        assert_eq!(net.replica(id).last_executed(), Seq(11));
        assert_eq!(net.replica(id).view(), View(1));
    }
}

#[test]
fn a_proposal_that_leaves_out_the_time_it_needs_is_refused() {
    let mut net = Net::new(4);
    let batch = alloc::sync::Arc::new(crate::pbft::Batch::new(alloc::vec![put_for(1, 500)]));
    let body = crate::pbft::PrePrepare {
        epoch: Epoch(0),
        view: View(0),
        seq: Seq(1),
        digest: batch.digest(),
    };
    let header = Signed::new(body, &super::net::node(0));
    net.deliver(0, 1, Message::PrePrepare(header.into(), batch));
    assert_eq!(net.replica(1).slots().count(), 0);
    assert!(
        net.events_of(1).any(|event| matches!(
            event,
            EventKind::TimeRefused { seq: Seq(1), off_by_ms: None, .. }
        ))
    );
}

#[test]
fn a_primary_whose_clock_is_set_back_stops_time_and_never_turns_it_back() {
    let mut net = Net::new(4);
    net.ask(&put_for(1, 500), [0]);
    let before = net.replica(1).agreed_time();
    for replica in &mut net.replicas {
        replica.set_clock_offset_us(2_000_000);
    }
    net.ask(&put_for(2, 500), [0]);
    let later = net.replica(1).agreed_time();
    assert!(later > before);
    // Within what backups tolerate, so that they accept it.
    net.replicas[0].set_clock_offset_us(0);
    net.ask(&put_for(3, 500), [0]);
    assert_eq!(net.executed(), [Seq(3); 4]);
    assert_eq!(refusals(&net, 1), 0);
    assert_eq!(net.replica(1).agreed_time(), later);
}
