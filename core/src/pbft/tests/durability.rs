//! What a checkpoint writes, and what a disk that lost some of it gives back.

use alloc::{format, vec::Vec};

use super::net::{Net, node, request};
use crate::{
    app::{Context, KeyValue, Operation},
    ids::{NodeId, Seq},
    pbft::{Config, Record, Replica, RestoreError},
    state::Damage,
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

fn store(keys: usize) -> KeyValue {
    let mut store = KeyValue::default();
    for number in 0..keys {
        let key = format!("key {number}").into();
        store.apply(Operation::Put { key, value: b"v".to_vec() }, &Context::default());
    }
    store
}

/// How many nodes each stable record on a disk holds.
fn stable_nodes(records: &[Record]) -> Vec<usize> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Stable(_, nodes) => Some(nodes.len()),
            _ => None,
        })
        .collect()
}

fn restore(net: &Net, records: Vec<Record>) -> Result<Replica<KeyValue>, RestoreError> {
    let keys = alloc::sync::Arc::new(node(0));
    Replica::restore(NodeId(0), net.members, small(), keys, KeyValue::default(), records)
}

fn with_checkpoints(keys: usize, requests: u64) -> Net {
    let mut net = Net::holding(4, 0, &small(), &store(keys));
    for timestamp in 1..=requests {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net
}

#[test]
fn a_checkpoint_writes_what_changed_and_compaction_keeps_one_version_of_each_piece() {
    let net = with_checkpoints(2_000, 50);
    let written = stable_nodes(&net.disks[0]);
    assert_eq!(written.len(), 10);
    assert!(written[0] > 1_500, "the first one is all of it");
    assert!(written[1..].iter().all(|nodes| *nodes <= 10), "{written:?}");
    let total = net.replica(0).stable_tree().unwrap().totals().nodes as usize;
    let compacted = Record::compact(net.disks[0].clone());
    assert_eq!(stable_nodes(&compacted), [total]);
    assert_eq!(Record::compact(compacted.clone()), compacted);
    let again = restore(&net, compacted).unwrap();
    assert_eq!(again.stable_tree(), net.replica(0).stable_tree());
    assert_eq!(again.application(), net.replica(0).application());
    assert_eq!(again.last_executed(), Seq(50));
}

#[test]
fn a_changed_byte_in_any_piece_on_disk_is_damage_and_never_a_state() {
    let net = with_checkpoints(50, 10);
    let records = Record::compact(net.disks[0].clone());
    let total = stable_nodes(&records)[0];
    for at in 0..total {
        let mut records = records.clone();
        for record in &mut records {
            if let Record::Stable(_, nodes) = record {
                let node = &mut alloc::sync::Arc::make_mut(nodes)[at];
                *node.bytes.last_mut().unwrap() ^= 1;
            }
        }
        let damage = restore(&net, records).unwrap_err();
        assert!(
            matches!(&damage, RestoreError::State { seq: Seq(10), why: Damage::Missing { .. } }),
            "{damage}"
        );
    }
}

#[test]
fn a_lost_piece_on_disk_is_damage() {
    let net = with_checkpoints(50, 10);
    let mut records = net.disks[0].clone();
    // The first checkpoint's record is lost, with everything that hasn't changed since.
    let first = records.iter().position(|record| matches!(record, Record::Stable(..))).unwrap();
    records.remove(first);
    assert!(matches!(restore(&net, records), Err(RestoreError::State { seq: Seq(10), .. })));
}
