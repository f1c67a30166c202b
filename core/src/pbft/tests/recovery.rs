//! §4.3 and what goes beyond the paper: checkpoints, state transfer, restart from disk, repair.

use alloc::{sync::Arc, vec, vec::Vec};
use core::time::Duration;

use super::net::{Net, node, request};
use crate::{
    crypto::Signed,
    event::EventKind,
    ids::{Epoch, NodeId, Seq, View},
    pbft::{Batch, Config, Message, PrePrepare, Record},
    protocol::{Effect, Input, Protocol},
    time::Time,
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

#[test]
fn a_quorum_of_equal_checkpoints_moves_the_low_water_mark_and_empties_the_log() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=12 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    for replica in &net.replicas {
        assert_eq!(replica.low_water_mark(), Seq(10));
        assert_eq!(replica.high_water_mark(), Seq(20));
        assert_eq!(replica.slots().map(|slot| slot.seq).collect::<Vec<_>>(), [Seq(11), Seq(12)]);
    }
}

#[test]
fn the_log_is_bounded_by_the_window_while_no_checkpoint_is_stable() {
    let mut net = Net::with(4, &small());
    net.only(|_, _, message| !matches!(message, Message::Checkpoint(_)));
    for timestamp in 1..=30 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    assert_eq!(net.executed(), [Seq(10); 4]);
    net.everything();
    net.pass(Duration::from_secs(3));
    assert!(net.replica(0).low_water_mark() >= Seq(10), "and goes on once they arrive");
}

#[test]
fn a_replica_that_missed_a_little_is_repaired_by_proofs_of_decision() {
    let mut net = Net::new(4);
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    for timestamp in 1..=8 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    assert_eq!(net.replica(3).last_executed(), Seq(0));
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert!(!net.events_of(3).any(|event| matches!(event, EventKind::StateTransferred { .. })));
}

#[test]
fn a_replica_that_missed_more_than_the_log_holds_is_repaired_by_state_transfer() {
    let mut net = Net::with(4, &small());
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    for timestamp in 1..=27 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert!(
        net.events_of(3)
            .any(|event| { matches!(event, EventKind::StateTransferred { seq: Seq(25), .. }) })
    );
    // Exactly-once came along.
    let repeated = request(1, 27, "k");
    net.ask(&repeated, [3]);
    assert_eq!(net.executed(), [Seq(27); 4]);
}

#[test]
fn a_restarted_replica_does_not_accept_another_batch_at_a_position_it_voted_for() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(1));
    let propose = |key: &str| {
        let batch = Batch::new(vec![request(1, 1, key)]);
        let body =
            PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
        (batch.digest(), Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch)))
    };
    let ((first, message), (_, other)) = (propose("a"), propose("b"));
    net.deliver(0, 1, message);
    net.restart(1);
    net.deliver(0, 1, other);
    let accepted: Vec<_> = net.replica(1).slots().map(|slot| slot.digest).collect();
    assert_eq!(accepted, [first]);
}

#[test]
fn a_cluster_that_crashes_as_a_whole_goes_on_from_its_disks() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let before = net.replica(0).application().clone();
    for id in 0..4 {
        net.restart(id);
    }
    assert_eq!(net.executed(), [Seq(5); 4], "from the last stable checkpoint");
    net.pass(Duration::from_secs(3));
    assert_eq!(net.executed(), [Seq(7); 4]);
    assert_eq!(*net.replica(0).application(), before);
    net.ask(&request(1, 8, "k"), [0]);
    assert_eq!(net.executed(), [Seq(8); 4]);
    net.assert_same_state();
}

#[test]
fn what_prepared_before_a_crash_is_not_forgotten_in_a_view_change() {
    let mut net = Net::new(4);
    net.only(|_, _, message| !matches!(message, Message::Commit(_)));
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    let digest = net.replica(1).slots().next().unwrap().digest;
    for id in 1..4 {
        net.restart(id);
    }
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.ask(&asked, 1..4);
    net.pass_for(Duration::from_secs(5), |id| id != 0);
    for id in 1..4 {
        let slot = net.replica(id).slots().next().unwrap();
        assert_eq!((slot.seq, slot.digest), (Seq(1), digest));
        assert_eq!(net.replica(id).last_executed(), Seq(1));
    }
}

#[test]
fn no_vote_leaves_before_its_record_is_durable() {
    let net = Net::new(4);
    let mut replica = net.replica(1).clone();
    let batch = Batch::new(vec![request(1, 1, "k")]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
    let message = Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch));
    let message = crate::crypto::verify(message, net.members, &node(1)).unwrap();
    replica.handle(Time(1), Input::Message { from: NodeId(0), message });
    let mut records = Vec::new();
    while let Some(effect) = replica.poll_effect() {
        match effect {
            Effect::Persist(number, _) => records.push(number),
            Effect::Send { message, .. } => panic!("{message:?} left too early"),
            _ => {}
        }
    }
    assert_eq!(records, [1]);
    replica.handle(Time(2), Input::Durable(1));
    let sends = core::iter::from_fn(|| replica.poll_effect())
        .filter(|effect| matches!(effect, Effect::Send { message: Message::Prepare(_), .. }));
    assert_eq!(sends.count(), 1);
}

#[test]
fn a_peer_can_not_make_a_replica_answer_more_often_than_twice_an_interval() {
    let mut net = Net::new(4);
    for timestamp in 1..=4 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let answers = Arc::new(core::sync::atomic::AtomicUsize::new(0));
    let counted = answers.clone();
    net.only(move |_, to, message| {
        if to == NodeId(3) && matches!(message, Message::Decided(_)) {
            counted.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        }
        to == NodeId(0)
    });
    let behind = crate::pbft::Status {
        epoch: Epoch(0),
        view: View(0),
        active: true,
        stable: Seq(0),
        executed: Seq(0),
        proven: 0,
    };
    for _ in 0..1_000 {
        net.deliver(3, 0, Message::Status(behind));
    }
    assert_eq!(answers.load(core::sync::atomic::Ordering::Relaxed), 4, "one answer, 4 positions");
}

#[test]
fn a_content_that_nothing_names_is_not_kept_for_ever() {
    let named = Batch::new(vec![request(1, 1, "a")]);
    let (view, seq, digest) = (View(0), Seq(1), named.digest());
    let certificate = crate::pbft::PreparedCertificate {
        pre_prepare: Signed::new(PrePrepare { epoch: Epoch(0), view, seq, digest }, &node(0))
            .into(),
        prepares: [].into(),
    };
    let records = vec![
        Record::Prepared(certificate.clone()),
        Record::Batch(Arc::new(Batch::new(vec![request(1, 2, "b")]))),
        Record::Batch(Arc::new(named.clone())),
    ];
    let kept = [Record::Prepared(certificate), Record::Batch(Arc::new(named))];
    assert_eq!(Record::compact(records), kept);
}
