//! While it reads its disk a replica says nothing new: what it reads last may say what it said.

use super::net::{Net, keys, request};
use crate::{
    analyzer::Protocol,
    crypto::Signed,
    detector::quarantine::Order,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{Change, Config, Request},
    replica::Override,
};

fn administer(net: &mut Net, timestamp: u64, operation: alloc::vec::Vec<u8>) {
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
