//! State transfer: whoever is behind gets what differs, from peers none of whom is trusted.

use alloc::{format, sync::Arc, vec, vec::Vec};
use core::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::net::{Net, node, request};
use crate::{
    app::{Context, KeyValue, Operation},
    crypto::{Digest, Signed},
    event::EventKind,
    ids::{Epoch, NodeId, Seq},
    pbft::{
        Checkpoint, CheckpointCertificate, Config, FetchState, Message, NodeRef, Record, Replica,
        StateNode, StateNodes,
    },
    replica::{REQUEST_COSTS_BYTES, SERVED_BYTES_AN_INTERVAL},
    state::{Path, PieceId, Section, Tree},
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

fn store(keys: usize) -> KeyValue {
    let mut store = KeyValue::default();
    for number in 0..keys {
        let (key, value) = (format!("key {number}").into_bytes(), vec![number as u8; 40]);
        store.apply(&Operation::Put { key: &key, value: &value }, &Context::default());
    }
    store
}

/// Replicas 0 to 2 hold so many keys; replica 3 is new and holds nothing.
fn newcomer_among(keys: usize) -> Net {
    let mut net = Net::holding(4, 0, &small(), &store(keys));
    let keys = Arc::new(node(3));
    let members = net.members;
    net.replicas[3] = Replica::new(NodeId(3), members, small(), keys, KeyValue::default()).unwrap();
    net
}

/// The others go on without replica 3 until it can only be repaired by state transfer.
fn leave_behind(net: &mut Net, timestamps: impl IntoIterator<Item = u64>) {
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    for timestamp in timestamps {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
}

/// Nodes and bytes that replica 3 received and wanted.
fn received(net: &Net) -> (u64, u64) {
    net.events_of(3).fold((0, 0), |sum, event| match event {
        EventKind::StateReceived { nodes, bytes, .. } => {
            (sum.0 + u64::from(*nodes), sum.1 + u64::from(*bytes))
        }
        _ => sum,
    })
}

/// What the transfers of replica 3 said at their end: bytes fetched, and of how many.
fn finished(net: &Net) -> Vec<(u64, u64)> {
    net.events_of(3)
        .filter_map(|event| match event {
            EventKind::StateTransferred { fetched_bytes, total_bytes, .. } => {
                Some((*fetched_bytes, *total_bytes))
            }
            _ => None,
        })
        .collect()
}

/// Pieces that a newcomer has: the members, and that no time was agreed on and no session forgotten.
const KNOWN: u64 = 2;

#[test]
fn a_newcomer_gets_ten_thousand_keys_in_thousands_of_pieces() {
    let mut net = newcomer_among(10_000);
    leave_behind(&mut net, 1..=12);
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert_eq!(net.replica(3).application().iter().len(), 10_001);
    let totals = net.replica(0).stable_tree().unwrap().totals();
    let (nodes, bytes) = received(&net);
    assert_eq!(nodes, totals.nodes - KNOWN, "each of the others once");
    assert_eq!(finished(&net), [(bytes, totals.bytes)]);
    assert!(totals.nodes > 3_900);
}

#[test]
fn only_what_differs_travels() {
    let mut net = Net::holding(4, 0, &small(), &store(10_000));
    for timestamp in 1..=5 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    leave_behind(&mut net, 6..=27);
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    // One key, one session, what was agreed: three paths through the tree.
    let (nodes, bytes) = received(&net);
    assert!(nodes <= 10, "{nodes} nodes travelled");
    let [(fetched, total)] = finished(&net)[..] else { panic!("one transfer") };
    assert_eq!(fetched, bytes);
    assert!(fetched * 100 < total, "{fetched} of {total} bytes travelled");
}

#[test]
fn wrong_bytes_never_get_in_and_whoever_sends_them_is_asked_last() {
    let mut net = newcomer_among(3_000);
    leave_behind(&mut net, 1..=12);
    net.everything();
    let asked_the_liar = Arc::new(AtomicUsize::new(0));
    let asked = asked_the_liar.clone();
    net.mangle(move |from, to, message| match message {
        Message::State(answer) if from == NodeId(0) => {
            let mut answer = StateNodes::clone(&answer.body);
            if let Some(byte) = answer.nodes.last_mut().and_then(|node| node.bytes.last_mut()) {
                *byte ^= 1;
            }
            Message::State(Signed::new(answer, &node(0)).into())
        }
        message => {
            if to == NodeId(0) && matches!(message, Message::FetchState(_)) {
                asked.fetch_add(1, Ordering::Relaxed);
            }
            message
        }
    });
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert_eq!(finished(&net).len(), 1);
    assert_eq!(net.refused, 1, "the lie was told, and refused at the door");
    assert_eq!(asked_the_liar.load(Ordering::Relaxed), 1, "and nobody asked for another");
}

#[test]
fn a_peer_that_falls_silent_midway_costs_one_timeout() {
    let mut net = newcomer_among(3_000);
    leave_behind(&mut net, 1..=12);
    let (mut answers, unanswered) = (0, Arc::new(AtomicUsize::new(0)));
    let lost = unanswered.clone();
    net.only(move |from, to, message| {
        if from == NodeId(1) && matches!(message, Message::State(_)) {
            answers += 1;
        }
        let silent = answers > 5;
        if silent && to == NodeId(1) && matches!(message, Message::FetchState(_)) {
            lost.fetch_add(1, Ordering::Relaxed);
        }
        !(silent && (from == NodeId(1) || to == NodeId(1)))
    });
    net.pass(Duration::from_secs(3));
    assert_eq!(finished(&net).len(), 1);
    assert_eq!(net.replica(3).application(), net.replica(0).application());
    assert!(unanswered.load(Ordering::Relaxed) <= 1);
    let totals = net.replica(0).stable_tree().unwrap().totals();
    assert_eq!(received(&net).0, totals.nodes - KNOWN, "what came before is not fetched again");
}

#[test]
fn a_transfer_survives_the_loss_of_every_third_message() {
    let mut net = newcomer_among(2_000);
    leave_behind(&mut net, 1..=12);
    let (mut count, lost) = (0, Arc::new(AtomicUsize::new(0)));
    let counted = lost.clone();
    net.only(move |_, _, message| {
        if !matches!(message, Message::FetchState(_) | Message::State(_)) {
            return true;
        }
        count += 1;
        let passes = count % 3 != 0;
        counted.fetch_add(usize::from(!passes), Ordering::Relaxed);
        passes
    });
    net.pass(Duration::from_mins(1));
    net.assert_same_state();
    assert_eq!(finished(&net).len(), 1);
    assert!(lost.load(Ordering::Relaxed) > 10);
}

/// So many answers with parts of a state reach replica 3 from now on, and no more.
fn let_answers_through(net: &mut Net, most: usize) {
    let mut answers = 0;
    net.only(move |_, to, message| {
        let answer = to == NodeId(3) && matches!(message, Message::State(_));
        answers += usize::from(answer);
        !answer || answers <= most
    });
}

#[test]
fn what_was_fetched_of_a_superseded_target_is_kept_and_memory_stays_bounded() {
    let mut net = newcomer_among(5_000);
    leave_behind(&mut net, 1..=12);
    let mut total = 0;
    for round in 0..4 {
        let_answers_through(&mut net, 20);
        net.pass(Duration::from_millis(1_200));
        let progress = net.replica(3).fetching().expect("it is cut short");
        assert!(progress.fetched > 0 && progress.missing > 0, "{progress:?}");
        total = net.replica(0).stable_tree().unwrap().totals().bytes;
        let held = net.replica(3).shell.transfer.as_ref().unwrap().held_bytes() as u64;
        assert!(held > 0 && held <= 2 * total, "{held} bytes held of a state of {total}");
        leave_behind(&mut net, 13 + round * 10..=22 + round * 10);
    }
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    let targets = net.events_of(3).filter(|it| matches!(it, EventKind::TransferStarted { .. }));
    assert!(targets.count() >= 4, "the target moved");
    let (_, bytes) = received(&net);
    assert!(bytes < total + total / 20, "{bytes} bytes travelled for a state of {total}");
}

#[test]
fn a_peer_is_given_no_more_than_its_share_however_often_it_asks() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=5 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let answers = Arc::new(AtomicUsize::new(0));
    let counted = answers.clone();
    net.only(move |_, to, message| {
        if to == NodeId(3) && matches!(message, Message::State(_)) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        to == NodeId(0)
    });
    let digest = net.replica(0).stable_tree().unwrap().digest();
    let nodes = vec![NodeRef { path: Path::default(), digest }];
    let fetch = Arc::new(FetchState { seq: Seq(5), nodes });
    for _ in 0..10_000 {
        net.deliver(3, 0, Message::FetchState(fetch.clone()));
    }
    let answered = answers.load(Ordering::Relaxed);
    assert!(answered > 0 && answered <= SERVED_BYTES_AN_INTERVAL / REQUEST_COSTS_BYTES);
}

/// A state that no correct replica can be in, signed by a quorum.
fn impossible_state() -> (CheckpointCertificate, Vec<Vec<u8>>) {
    let piece = |section| PieceId { section, index: 0 };
    let agreed = crate::crypto::encode(&(0_u64, (0_u64, 0_u64)));
    let changes =
        [(piece(Section::Application), Some(vec![255; 9])), (piece(Section::Agreed), Some(agreed))];
    let tree = Tree::default().update(changes.into_iter().collect()).tree;
    let body =
        Checkpoint { epoch: Epoch(0), seq: Seq(100), digest: tree.digest(), successor: None };
    let checkpoints = (0..3).map(|id| Signed::new(body, &node(id))).collect();
    let nodes = tree.nodes_new_to(None).into_iter().map(|(_, bytes)| bytes).collect();
    (CheckpointCertificate { checkpoints }, nodes)
}

#[test]
fn a_state_that_means_nothing_is_not_adopted_even_if_a_quorum_signed_it() {
    let mut net = Net::with(4, &small());
    net.ask(&request(1, 1, "k"), [0]);
    let before = net.replica(3).application().clone();
    let (certificate, nodes) = impossible_state();
    net.only(|_, to, _| to == NodeId(3));
    net.deliver(0, 3, Message::Stable(certificate.into()));
    assert!(net.replica(3).shell.transfer.is_some());
    let as_node = |bytes: Vec<u8>| StateNode { digest: Digest::of_bytes(&bytes), bytes };
    let nodes: Vec<_> = nodes.into_iter().map(as_node).collect();
    let answer = Signed::new(StateNodes { seq: Seq(100), nodes }, &node(0));
    net.deliver(0, 3, Message::State(answer.into()));
    assert!(net.replica(3).shell.transfer.is_none(), "it was given up");
    assert_eq!(net.replica(3).last_executed(), Seq(1));
    assert_eq!(*net.replica(3).application(), before);
}

#[test]
fn nodes_that_nobody_asked_for_are_not_kept() {
    let mut net = newcomer_among(100);
    leave_behind(&mut net, 1..=12);
    net.only(|_, to, message| to == NodeId(3) && !matches!(message, Message::State(_)));
    let stable = net.replica(0).shell.stable.clone().unwrap().0;
    net.deliver(0, 3, Message::Stable(stable.into()));
    net.only(|_, to, _| to == NodeId(3));
    for number in 0..100_u8 {
        let bytes = vec![0, number];
        let nodes = vec![StateNode { digest: Digest::of_bytes(&bytes), bytes }];
        let answer = Signed::new(StateNodes { seq: Seq(10), nodes }, &node(1));
        net.deliver(1, 3, Message::State(answer.into()));
    }
    assert_eq!(net.replica(3).shell.transfer.as_ref().unwrap().held_bytes(), 0);
}

#[test]
fn a_replica_that_came_back_by_transfer_starts_from_its_disk_with_the_same_state() {
    let mut net = newcomer_among(500);
    leave_behind(&mut net, 1..=12);
    net.everything();
    net.pass(Duration::from_secs(3));
    let stable = net.replica(3).stable_tree().cloned().unwrap();
    net.restart_holding(3, &KeyValue::default());
    assert_eq!(net.replica(3).stable_tree(), Some(&stable));
    assert_eq!(net.replica(3).last_executed(), Seq(10));
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
}

/// Replica 3 has fetched some of a large state when nothing reaches it any more.
fn cut_short(keys: usize) -> (Net, u64) {
    let mut net = newcomer_among(keys);
    leave_behind(&mut net, 1..=12);
    let_answers_through(&mut net, 60);
    net.pass(Duration::from_secs(1));
    let progress = net.replica(3).fetching().expect("it is cut short");
    assert!(progress.missing > 0, "{progress:?}");
    let (nodes, _) = received(&net);
    assert!(nodes > 1_000, "{nodes} nodes came");
    (net, nodes)
}

/// What the disk of replica 3 holds of states that it fetches, in bytes.
fn kept_bytes(records: &[Record]) -> usize {
    let fetched = records.iter().filter_map(|record| match record {
        Record::Fetched { nodes, .. } => Some(nodes),
        _ => None,
    });
    fetched.flat_map(|nodes| nodes.iter()).map(|node| node.bytes.len()).sum()
}

#[test]
fn a_transfer_goes_on_after_a_crash_where_it_was() {
    let (mut net, before) = cut_short(5_000);
    net.restart(3);
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    let totals = net.replica(0).stable_tree().unwrap().totals();
    let (nodes, _) = received(&net);
    assert_eq!(nodes, totals.nodes - KNOWN, "each of the others once, {before} before the crash");
    let [(fetched, total)] = finished(&net)[..] else { panic!("one transfer") };
    assert!(fetched * 10 < total * 9, "{fetched} of {total} bytes came after the crash");
    let left = Record::compact(net.disks[3].clone());
    assert_eq!(kept_bytes(&left), 0, "what is stable takes the place of what was fetched");
}

#[test]
fn what_was_fetched_before_a_crash_counts_for_a_later_state_too() {
    let (mut net, before) = cut_short(5_000);
    leave_behind(&mut net, 13..=32);
    net.restart(3);
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    let totals = net.replica(0).stable_tree().unwrap().totals();
    let (nodes, _) = received(&net);
    assert!(nodes < totals.nodes + 20, "{nodes} of {} came, {before} before", totals.nodes);
}

#[test]
fn what_the_disk_lost_or_changed_of_a_transfer_is_fetched_again() {
    for damage in 0..3 {
        let (mut net, before) = cut_short(3_000);
        let (mut at, mut lost) = (0, 0);
        net.disks[3].retain_mut(|record| {
            let Record::Fetched { nodes, .. } = record else { return true };
            at += 1;
            let count = nodes.len() as u64;
            match damage {
                // Every other record is gone,
                0 if at % 2 == 0 => {
                    lost += count;
                    return false;
                }
                // all are,
                1 => {
                    lost += count;
                    return false;
                }
                // or of each one node's bytes are others, and their first, the root's, too.
                2 => {
                    let first = &mut Arc::make_mut(nodes)[0];
                    *first.bytes.last_mut().unwrap() ^= 1;
                    lost += 1;
                }
                _ => {}
            }
            true
        });
        assert!(lost > 0, "the disk was damaged");
        net.restart(3);
        net.everything();
        net.pass(Duration::from_secs(3));
        net.assert_same_state();
        assert_eq!(finished(&net).len(), 1);
        let totals = net.replica(0).stable_tree().unwrap().totals();
        let (nodes, _) = received(&net);
        assert!(nodes >= totals.nodes - KNOWN + lost, "{lost} were lost: {nodes}, {before} before");
        assert_eq!(net.refused, 0);
    }
}

#[test]
fn the_disk_holds_no_more_than_two_states_of_a_transfer_whose_target_moves() {
    let mut net = newcomer_among(3_000);
    leave_behind(&mut net, 1..=12);
    for round in 0..5 {
        let_answers_through(&mut net, 15);
        net.pass(Duration::from_millis(1_200));
        let records = Record::compact(net.disks[3].clone());
        assert_eq!(Record::compact(records.clone()), records, "compacted is compacted");
        let of_transfers = records.iter().filter(|it| matches!(it, Record::Fetched { .. }));
        assert!((1..=2).contains(&of_transfers.count()));
        let (kept, total) =
            (kept_bytes(&records) as u64, net.replica(0).stable_tree().unwrap().totals().bytes);
        assert!(kept > 0 && kept <= 2 * total, "{kept} bytes kept of a state of {total}");
        net.disks[3] = records;
        net.restart(3);
        leave_behind(&mut net, 13 + round * 10..=22 + round * 10);
    }
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    let total = net.replica(0).stable_tree().unwrap().totals().bytes;
    let (_, bytes) = received(&net);
    assert!(bytes < total + total / 10, "{bytes} bytes travelled for a state of {total}");
}

/// It says nothing of what the replica said, so it is as good as it was.
#[test]
fn a_replica_that_forgot_still_uses_what_it_had_fetched() {
    let (mut net, before) = cut_short(3_000);
    let left = net.disks[3].clone();
    net.restart_damaged(3, left, 1);
    net.everything();
    net.pass(Duration::from_secs(3));
    let totals = net.replica(0).stable_tree().unwrap().totals();
    let (nodes, _) = received(&net);
    assert!(nodes < totals.nodes + 20, "{nodes} of {} came, {before} before", totals.nodes);
    assert_eq!(net.replica(3).application(), net.replica(0).application());
}

/// Else whoever fetches more slowly than checkpoints come would begin anew with each.
#[test]
fn the_state_before_the_last_stable_one_is_still_served() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=5 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let digest = net.replica(0).stable_tree().unwrap().digest();
    for timestamp in 6..=10 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    assert_eq!(net.replica(0).low_water_mark(), Seq(10));
    let answers = Arc::new(AtomicUsize::new(0));
    let seen = answers.clone();
    net.only(move |from, to, message| {
        if let Message::State(answer) = message
            && from == NodeId(0)
            && answer.body.nodes.iter().any(|node| node.digest == digest)
        {
            seen.fetch_add(1, Ordering::Relaxed);
        }
        to == NodeId(0)
    });
    let nodes = vec![NodeRef { path: Path::default(), digest }];
    net.deliver(3, 0, Message::FetchState(Arc::new(FetchState { seq: Seq(5), nodes })));
    assert_eq!(answers.load(Ordering::Relaxed), 1);
}

/// Else it would time the primary for a request that was answered long ago.
#[test]
fn who_came_back_by_transfer_waits_for_no_request_that_the_state_has_answered() {
    let mut net = Net::with(4, &small());
    let answered = request(2, 1, "other");
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    net.ask(&answered, [0, 3]);
    assert_eq!(net.replica(3).pending(), 1);
    leave_behind(&mut net, 1..=11);
    net.everything();
    net.pass(Duration::from_millis(900));
    assert_eq!(finished(&net).len(), 1);
    assert_eq!(net.replica(3).pending(), 0);
}
