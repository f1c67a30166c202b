//! What a checkpoint writes, and what a disk that lost some of it gives back.

use alloc::{format, rc::Rc, sync::Arc, vec, vec::Vec};
use core::cell::RefCell;

use super::net::{Net, node, request};
use crate::{
    app::{Context, KeyValue, Operation},
    crypto::{Digest, Signed},
    ids::{Epoch, NodeId, Seq, View},
    pbft::{
        Batch, Checkpoint, Commit, Config, Decided, Message, PrePrepare, Record, Replica,
        RestoreError,
    },
    state::Damage,
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

fn store(keys: usize) -> KeyValue {
    let mut store = KeyValue::default();
    for number in 0..keys {
        let key = format!("key {number}").into_bytes();
        store.apply(&Operation::Put { key: &key, value: b"v" }, &Context::default());
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

/// A record begins with its kind, by its place in the list: what disks hold already stays readable.
#[test]
fn a_new_kind_of_record_changes_none_of_those_that_disks_hold() {
    let nodes = Arc::new(Vec::new());
    let kind = |record: &Record| crate::crypto::encode(record)[0];
    let ended = Record::Ended { seq: Seq(1), root: Digest::default(), nodes: nodes.clone() };
    assert_eq!([Record::Forgot(1), ended].each_ref().map(kind), [6, 7]);
    let fetched = Record::Fetched { seq: Seq(1), root: Digest::default(), nodes };
    assert_eq!(kind(&fetched), 12, "after all others");
    let encoded = crate::crypto::encode(&fetched);
    assert_eq!(crate::crypto::decode::<Record>(&encoded), Some(fetched));
}

/// What replica 3 says of its state at 5, where no checkpoint becomes stable.
fn checkpoints_of_3(net: &mut Net) -> Rc<RefCell<Vec<Digest>>> {
    let said = Rc::new(RefCell::new(Vec::new()));
    let heard = said.clone();
    net.only(move |from, to, message| {
        let Message::Checkpoint(vote) = message else { return true };
        if (from, to) == (NodeId(3), NodeId(0)) {
            let Checkpoint { seq, digest, .. } = vote.body;
            assert_eq!(seq, Seq(5));
            heard.borrow_mut().push(digest);
        }
        false
    });
    said
}

fn decided(seq: u64, key: &str) -> Message {
    let batch = Batch::new(vec![request(1, seq, key)]);
    let (epoch, view, seq, digest) = (Epoch(0), View(0), Seq(seq), batch.digest());
    let commit = Commit { epoch, view, seq, digest };
    let decided = Decided {
        pre_prepare: Signed::new(PrePrepare { epoch, view, seq, digest }, &node(0)).into(),
        batch: Arc::new(batch),
        commits: (0..3).map(|by| Signed::new(commit, &node(by)).into()).collect(),
    };
    Message::Decided(decided.into())
}

/// More than f lie. What a correct replica executes again after a crash may be another history
/// then; it must not have signed both, or it could not be told from those who made them.
#[test]
fn a_checkpoint_that_was_voted_for_is_not_contradicted_after_a_crash_whatever_was_decided_since() {
    let mut net = Net::with(4, &small());
    let said = checkpoints_of_3(&mut net);
    for timestamp in 1..=5 {
        net.ask(&request(1, timestamp, "truth"), [0]);
    }
    let truth = said.borrow()[0];
    assert_eq!(*said.borrow(), [truth]);

    net.restart(3);
    for seq in 1..=5 {
        net.deliver(0, 3, decided(seq, "lie"));
    }
    assert_eq!(net.replica(3).last_executed(), Seq(5));
    assert_ne!(net.replica(3).application(), net.replica(0).application(), "two histories");
    assert_eq!(*said.borrow(), [truth], "it keeps silent");

    net.restart(3);
    for seq in 1..=5 {
        net.deliver(0, 3, decided(seq, "truth"));
    }
    assert_eq!(*said.borrow(), [truth, truth], "what it said it may say again");
}
