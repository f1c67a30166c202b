//! TOCS 2002 and beyond: a replica without its memory never contradicts what it said before.

use alloc::{rc::Rc, sync::Arc, vec};
use core::{cell::Cell, time::Duration};

use super::{
    net::{Net, node, request},
    view_change::view_change,
};
use crate::{
    crypto::{Digest, Signed},
    event::{EventKind, ViewChangeCause},
    ids::{ClientId, Epoch, NodeId, RequestId, Seq, Timestamp, View},
    pbft::{Batch, Commit, Config, Message, PrePrepare, Record, RecoveryRequest, Request},
    replica::Said,
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

/// Four, who have executed seven positions and hold a checkpoint at the fifth.
fn busy() -> Net {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net
}

fn says_something_that_counts(message: &Message) -> bool {
    matches!(
        message,
        Message::PrePrepare(..)
            | Message::Prepare(_)
            | Message::Commit(_)
            | Message::Checkpoint(_)
            | Message::ViewChange(_)
            | Message::NewView(_)
    )
}

/// Counts what a replica says in an epoch that counts, from now on; everything is delivered.
fn watch(net: &mut Net, id: u16, epoch: Epoch) -> Rc<Cell<u32>> {
    let said = Rc::new(Cell::new(0));
    let counter = said.clone();
    net.only(move |from, _, message| {
        let is_of_it = message.epoch() == Some(epoch);
        if from == NodeId(id) && is_of_it && says_something_that_counts(message) {
            counter.set(counter.get() + 1);
        }
        true
    });
    said
}

/// A member's node sees that time has come for something in the docket.
fn look(net: &mut Net) {
    let client = ClientId::member(NodeId(0));
    let id = RequestId { client, timestamp: Timestamp(net.now.0 + 1) };
    let request = Request { id, operation: Said::Look.encode() };
    net.ask(&Signed::new(request, &node(0)), 0..4);
}

fn proposal(key: &str) -> (Digest, Message) {
    let batch = Batch::new(vec![request(9, 1, key)]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
    let header = Signed::new(body, &node(0));
    (body.digest, Message::PrePrepare(header.into(), Arc::new(batch)))
}

/// Replicas 0, 1 and 2 decided one batch at position 1. Then replica 1 forgets, and the primary
/// turns to replicas 1 and 3 with another.
fn second_story(restart: impl FnOnce(&mut Net)) -> Net {
    let mut net = Net::with(4, &small());
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    net.ask(&request(1, 1, "a"), [0]);
    assert_eq!(net.executed(), [Seq(1), Seq(1), Seq(1), Seq(0)]);
    net.only(|from, to, _| from != NodeId(2) && [1, 3].contains(&to.0));
    restart(&mut net);
    let (digest, lie) = proposal("b");
    for victim in [1, 3] {
        net.deliver(0, victim, lie.clone());
    }
    let commit = Commit { epoch: Epoch(0), view: View(0), seq: Seq(1), digest };
    net.deliver(0, 3, Message::Commit(Signed::new(commit, &node(0)).into()));
    net
}

fn decided_at_1(net: &Net, id: u16) -> Option<Digest> {
    net.events_of(id).find_map(|event| match event {
        EventKind::Committed { seq: Seq(1), digest, .. } => Some(*digest),
        _ => None,
    })
}

#[test]
fn a_naive_restart_without_memory_would_break_agreement() {
    // As if the disk had always been empty: this is what the rest of this file prevents.
    let net = second_story(|net| {
        net.disks[1].clear();
        net.restart(1);
    });
    let (first, second) = (decided_at_1(&net, 2), decided_at_1(&net, 3));
    assert!(first.is_some() && second.is_some());
    assert_ne!(first, second, "two correct replicas decided two batches at one position");
}

#[test]
fn a_replica_that_knows_that_it_forgot_does_not_help_a_second_story() {
    let mut net = second_story(|net| net.restart_damaged(1, vec![], 1));
    assert_eq!(decided_at_1(&net, 3), None);
    // And when it votes again, the position is decided for good.
    net.everything();
    net.pass(Duration::from_secs(5));
    assert!(!net.replica(1).is_recovering());
    let (_, lie) = proposal("b");
    for victim in [1, 3] {
        net.deliver(0, victim, lie.clone());
    }
    assert_eq!(decided_at_1(&net, 3), decided_at_1(&net, 2));
    net.assert_same_state();
}

#[test]
fn it_says_nothing_that_counts_before_an_epoch_knows_its_life_and_then_votes_again() {
    let mut net = busy();
    let said = watch(&mut net, 2, Epoch(0));
    net.restart_damaged(2, vec![], 9);
    net.pass(Duration::from_secs(1));
    let replica = net.replica(2);
    assert_eq!((replica.is_recovering(), replica.epoch()), (false, Epoch(1)));
    let at = EventKind::Recovered { seq: replica.members().start(), view: View(0) };
    assert!(net.events_of(2).any(|event| *event == at), "with the state that the epoch began with");
    // What it hears of the old epoch by and by it doesn't answer.
    let (_, lie) = proposal("b");
    net.deliver(0, 2, lie);
    assert_eq!(said.get(), 0);
    // Its vote is needed: of the others one is silent.
    let said = watch(&mut net, 2, Epoch(1));
    for timestamp in 8..=9 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    assert!(said.get() > 0);
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    net.ask(&request(1, 10, "k"), [0]);
    assert_eq!(net.executions(0, request(1, 10, "k").body.id), 1);
}

#[test]
fn while_it_recovers_it_takes_checkpoints_and_vouches_for_none() {
    let mut net = Net::with(4, &small());
    let said = Rc::new(Cell::new(0));
    let counter = said.clone();
    // Nobody hears that it asks for a life: it goes on recovering while the others go on.
    net.only(move |from, _, message| {
        if from == NodeId(2) && says_something_that_counts(message) {
            counter.set(counter.get() + 1);
        }
        !matches!(message, Message::RecoveryRequest(_))
    });
    net.restart_damaged(2, vec![], 9);
    said.set(0);
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.pass(Duration::from_secs(1));
    let replica = net.replica(2);
    assert_eq!((replica.is_recovering(), replica.last_executed()), (true, Seq(7)));
    let taken = |id| {
        net.events_of(id)
            .filter(|it| matches!(it, EventKind::CheckpointTaken { seq: Seq(5), .. }))
            .count()
    };
    assert_eq!((taken(2), taken(1)), (1, 1));
    assert_eq!(said.get(), 0, "its state may be of a memory that it lost");
    assert_eq!(replica.low_water_mark(), Seq(5), "others' votes make it stable");
}

#[test]
fn it_recovers_when_nobody_asks_for_anything_and_then_the_log_rests() {
    let mut net = busy();
    net.restart_damaged(3, vec![], 1);
    net.pass(Duration::from_secs(5));
    assert!(!net.replica(3).is_recovering());
    net.assert_same_state();
    let end = net.executed();
    assert_eq!(end, [Seq(10); 4], "to the end of the epoch and not beyond");
    net.pass(Duration::from_mins(1));
    assert_eq!(net.executed(), end);
}

#[test]
fn a_primary_that_forgot_is_replaced_and_leads_in_the_next_epoch() {
    let mut net = busy();
    net.restart_damaged(0, vec![], 1);
    net.pass(Duration::from_secs(8));
    let why = |event: &EventKind| {
        matches!(
            event,
            EventKind::ViewChangeStarted { why: ViewChangeCause::PrimaryForgot, view: View(1) }
        )
    };
    assert!((1..4).all(|id| net.events_of(id).any(why)));
    assert!(!net.replica(0).is_recovering());
    assert!(
        (0..4).all(|id| (net.replica(id).epoch(), net.replica(id).view()) == (Epoch(1), View(0)))
    );
    net.ask(&request(1, 8, "k"), [0]);
    assert_eq!(net.executions(2, request(1, 8, "k").body.id), 1);
}

#[test]
fn a_second_crash_while_recovering_is_not_taken_for_a_recovery() {
    let mut net = busy();
    net.only(|from, _, message| {
        from != NodeId(1) || !matches!(message, Message::RecoveryRequest(_))
    });
    net.restart_damaged(1, vec![], 1);
    net.pass(Duration::from_secs(2));
    // The disk is whole this time, but what it lost before is still lost.
    net.restart(1);
    assert!(net.replica(1).is_recovering());
    net.everything();
    net.pass(Duration::from_secs(5));
    assert!(!net.replica(1).is_recovering());
    net.restart(1);
    assert!(!net.replica(1).is_recovering(), "once is enough");
    assert_eq!((net.replica(1).life(), net.replica(1).epoch()), (1, Epoch(1)));
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
}

#[test]
fn who_loses_its_disk_again_recovers_again_and_its_word_of_the_life_before_is_not_kept() {
    let mut net = busy();
    net.restart_damaged(1, vec![], 1);
    net.pass(Duration::from_secs(5));
    let left = net.disks[1].clone();
    net.restart_damaged(1, left, 2);
    assert!(net.replica(1).is_recovering(), "the epoch knows it by its first life");
    net.pass(Duration::from_secs(5));
    assert!(net.replica(1).is_recovering(), "the second time in short order takes longer");
    net.pass(Duration::from_secs(10));
    look(&mut net);
    net.pass(Duration::from_secs(1));
    assert_eq!((net.replica(1).is_recovering(), net.replica(1).epoch()), (false, Epoch(2)));
    net.assert_same_state();
}

/// As from the copy of an old disk; or the clock that numbers lives went back, and it lost its disk
/// once more.
#[test]
fn who_has_another_life_than_the_epoch_knows_asks_for_a_later_one() {
    for life in [None, Some(3)] {
        let mut net = busy();
        let old = net.disks[1].clone();
        net.restart_damaged(1, vec![], 5);
        net.pass(Duration::from_secs(5));
        assert_eq!(net.replica(1).life(), 5);
        match life {
            None => {
                net.disks[1] = old;
                net.restart(1);
            }
            Some(life) => net.restart_damaged(1, vec![], life),
        }
        net.pass(Duration::from_secs(20));
        look(&mut net);
        net.pass(Duration::from_secs(1));
        let replica = net.replica(1);
        assert_eq!(
            (replica.is_recovering(), replica.life(), replica.epoch()),
            (false, 6, Epoch(2))
        );
        net.restart(1);
        assert!(!net.replica(1).is_recovering(), "and knows it after a crash");
        net.pass(Duration::from_secs(3));
        net.assert_same_state();
    }
}

fn is_a_claim(message: &Message) -> bool {
    matches!(message, Message::RecoveryRequest(_) | Message::ViewChange(_))
}

/// What it says of its lives to one it may deny to another; and it may forget whenever it likes.
#[test]
fn a_liar_that_forgets_at_some_and_not_at_others_stops_nobody() {
    let mut net = Net::with(4, &small());
    // It says nothing else, so that in every view there are just enough without it.
    net.only(|from, to, it| to != NodeId(0) && (from != NodeId(0) || is_a_claim(it)));
    for life in 1..=20 {
        // It tells one of them alone that it forgot, and asks the others for views as if it hadn't.
        let victim = 1 + (life % 3) as u16;
        net.deliver(0, victim, Message::RecoveryRequest(RecoveryRequest { life }));
        for id in (1..4).filter(|id| *id != victim) {
            let view = net.replica(id).view().0 + 1;
            net.deliver(0, id, Message::ViewChange(view_change(0, view, vec![]).into()));
        }
        net.ask(&request(1, life, "k"), 1..4);
        net.pass_for(Duration::from_secs(4), |id| id != 0);
        let done = request(1, life, "k").body.id;
        assert!((1..4).all(|id| net.executions(id, done) == 1), "request {life} waits for ever");
    }
}

#[test]
fn what_a_damaged_disk_still_proves_is_used_and_its_votes_are_not() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=12 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let left = net.disks[2].clone();
    assert!(left.iter().any(|record| matches!(record, Record::PrePrepare(..))));
    net.only(|_, _, _| false);
    net.restart_damaged(2, left, 1);
    assert_eq!(net.replica(2).last_executed(), Seq(10), "the stable checkpoint");
    assert_eq!(net.replica(2).slots().count(), 0);
}

#[test]
fn a_peer_that_claims_to_forget_again_and_again_costs_little() {
    let mut net = Net::with(4, &small());
    net.only(|from, to, it| to != NodeId(3) && (from != NodeId(3) || is_a_claim(it)));
    let minutes = 30;
    for second in 1..=60 * minutes {
        for life in 0..100 {
            let request = RecoveryRequest { life: 100 * second + life };
            for id in 0..3 {
                net.deliver(3, id, Message::RecoveryRequest(request));
            }
        }
        net.pass_for(Duration::from_secs(1), |id| id != 3);
    }
    // At once, and after 10, 20, 40 … seconds more.
    let most = 2 + (60 * minutes / 10).ilog2() as u64;
    let epoch = net.replica(0).epoch();
    assert!(epoch > Epoch(2) && epoch <= Epoch(most), "{epoch}");
    let said = net.replica(0).last_executed().0;
    assert!(said <= 3 * 60 * minutes / 10 + 10 * most, "{said} positions");
}
