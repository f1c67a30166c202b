//! While it reads its disk a replica says nothing new: what it reads last may say what it said.

use alloc::{sync::Arc, vec::Vec};

use super::net::{Net, keys, request};
use crate::{
    analyzer::{Deployment, Protocol},
    app::KeyValue,
    crypto::Signed,
    detector::quarantine::Order,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{Change, Config, Record, Replica, Request, RestoreError},
    raft,
    replica::Override,
};

fn administer(net: &mut Net, timestamp: u64, operation: Vec<u8>) {
    let id = RequestId { client: ClientId::ADMINISTRATOR, timestamp: Timestamp(timestamp) };
    let administrator = keys(Principal::ADMINISTRATOR);
    net.ask(&Signed::new(Request { id, operation }, &administrator), 0..4);
}

/// A second epoch, whose first primary was put into quarantine and left, and after that a stable
/// checkpoint: whoever reads that state finds the primary of view 0 restrained.
fn left_in_a_later_epoch() -> Net {
    let mut net = Net::with(4, &Config { checkpoint_interval: 5, window: 10, ..Config::default() });
    administer(&mut net, 1, Change::switch_to(Protocol::TrustOrderedPbft).encode());
    assert_eq!(net.replica(3).epoch(), Epoch(1));
    let hold = Override { node: net.replica(3).primary(), order: Some(Order::Hold) };
    administer(&mut net, 2, hold.encode());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), 0..4);
    }
    let replica = net.replica(3);
    assert_eq!((replica.view(), replica.low_water_mark()), (View(1), Seq(10)));
    net.only(|_, _, _| false);
    net
}

fn asked_for_a_view(net: &Net) -> bool {
    net.pbft(3).view_changes.contains_key(&NodeId(3))
}

#[test]
fn no_view_change_is_signed_before_it_is_known_that_the_view_was_left() {
    let mut net = left_in_a_later_epoch();
    net.restart(3);
    assert!(!asked_for_a_view(&net), "it reads that it is in view 1 already");
    assert!(net.replica(3).is_active());
}

#[test]
fn no_view_change_is_signed_before_it_is_known_that_all_is_forgotten() {
    let mut net = left_in_a_later_epoch();
    let left = net.disks[3].clone();
    net.restart_damaged(3, left, 1);
    assert!(net.replica(3).is_recovering());
    assert!(!asked_for_a_view(&net), "in its old life it asked for that view otherwise");
}

/// Also where the state that it takes part from stands behind some of the log on the disk: states are
/// read first, or of what comes after it alone a member would be made that forgot whom it voted for.
#[test]
fn a_gap_in_rafts_log_before_the_last_state_is_no_start() {
    let deployment = Deployment::CrashOnly;
    let config = Config { checkpoint_interval: 5, window: 10, deployment, ..Config::default() };
    let mut net = Net::with(4, &config);
    administer(&mut net, 1, Change::switch_to(Protocol::Raft).encode());
    assert_eq!(net.replica(3).epoch(), Epoch(1));
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), 0..4);
    }
    assert_eq!(net.replica(3).low_water_mark(), Seq(10));
    let start = |records: Vec<Record>| {
        let (members, config) = (net.members, config.clone());
        let keys = Arc::new(keys(Principal::Node(NodeId(3))));
        Replica::restore(NodeId(3), members, config, keys, KeyValue::default(), records).map(drop)
    };
    let mut records = net.disks[3].clone();
    let is_stable = |it: &Record| matches!(it, Record::Stable(..));
    let last = records.iter().rposition(is_stable).expect("a stable checkpoint");
    records.truncate(last + 1);
    assert_eq!(start(records.clone()), Ok(()));
    let is_append = |it: &Record| matches!(it, Record::Raft(_, raft::Record::Append { .. }));
    let appends: Vec<_> = (0..last).filter(|at| is_append(&records[*at])).collect();
    records.remove(appends[1]);
    let Err(RestoreError::Log(gap)) = start(records) else { panic!("it starts with a gap") };
    assert!(gap.last < gap.first, "{gap}");
}
