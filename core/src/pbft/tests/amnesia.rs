//! TOCS 2002 and beyond: a replica without its memory never contradicts what it said before.

use alloc::{rc::Rc, sync::Arc, vec, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    time::Duration,
};

use super::{
    net::{Net, node, request},
    view_change::view_change,
};
use crate::{
    crypto::{Digest, Signed},
    event::{EventKind, ViewChangeCause},
    ids::{Epoch, NodeId, Seq, View},
    pbft::{
        Batch, Commit, Config, Message, PrePrepare, Record, RecoveryAnswer, RecoveryQuery,
        ViewChange,
    },
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
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
            | Message::RecoveryAnswer(_)
    )
}

/// Counts what a replica says that counts, from now on; everything is delivered.
fn watch(net: &mut Net, id: u16) -> Rc<Cell<u32>> {
    let said = Rc::new(Cell::new(0));
    let counter = said.clone();
    net.only(move |from, _, message| {
        if from == NodeId(id) && says_something_that_counts(message) {
            counter.set(counter.get() + 1);
        }
        true
    });
    said
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
    let commit = Commit { epoch: Epoch(0), view: View(0), seq: Seq(1), digest, life: 0 };
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
fn it_says_nothing_that_counts_until_it_has_recovered_and_then_votes_again() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let said = watch(&mut net, 2);
    net.restart_damaged(2, vec![], 1);
    let mut timestamp = 7;
    while net.replica(2).is_recovering() {
        assert_eq!(said.get(), 0);
        timestamp += 1;
        assert!(timestamp < 60, "it never recovers");
        net.ask(&request(1, timestamp, "k"), [0]);
        net.pass(Duration::from_millis(100));
    }
    assert!(net.replica(2).low_water_mark() >= Seq(7 + 10), "a window above what it voted for");
    net.ask(&request(1, timestamp + 1, "k"), [0]);
    assert!(said.get() > 0, "and takes part again");
    net.assert_same_state();
}

/// Its view changes of an earlier life knew nothing of what it commits now.
#[test]
fn its_commits_name_the_life_that_they_are_of_also_after_a_crash() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.restart_damaged(2, vec![], 9);
    net.pass(Duration::from_secs(5));
    assert!(!net.replica(2).is_recovering());
    let lives = Rc::new(RefCell::new(Vec::new()));
    let heard = lives.clone();
    net.only(move |from, _, message| {
        if let Message::Commit(commit) = message {
            heard.borrow_mut().push((from.0, commit.body.life));
        }
        true
    });
    for timestamp in [100, 101] {
        net.ask(&request(1, timestamp, "k"), [0]);
        net.restart(2);
        net.pass(Duration::from_secs(1));
    }
    let lives = lives.borrow();
    assert!(lives.iter().any(|(by, _)| *by == 2));
    assert!(lives.iter().all(|(by, life)| *life == if *by == 2 { 9 } else { 0 }), "{lives:?}");
}

#[test]
fn it_recovers_when_nobody_asks_for_anything() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.restart_damaged(3, vec![], 1);
    net.pass(Duration::from_secs(5));
    assert!(!net.replica(3).is_recovering());
    net.assert_same_state();
    // What was filled up ends: nobody goes on for ever.
    let end = net.executed();
    net.pass(Duration::from_secs(20));
    assert_eq!(net.executed(), end);
}

#[test]
fn a_primary_that_forgot_is_replaced_and_leads_no_view_that_it_may_have_led() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.restart_damaged(0, vec![], 1);
    net.pass(Duration::from_secs(8));
    assert!(!net.replica(0).is_recovering());
    assert!(net.replica(0).view() >= View(1));
    let why = |event: &EventKind| {
        matches!(
            event,
            EventKind::ViewChangeStarted { why: ViewChangeCause::PrimaryForgot, view: View(1) }
        )
    };
    assert!((1..4).all(|id| net.events_of(id).any(why)));
    net.assert_same_state();
}

#[test]
fn a_second_crash_while_recovering_is_not_taken_for_a_recovery() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.only(|from, _, message| from != NodeId(1) || !matches!(message, Message::RecoveryQuery(_)));
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
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
}

#[test]
fn absurd_answers_move_the_bound_neither_up_nor_down() {
    let recovered_with = |lies: Vec<RecoveryAnswer>| {
        let mut net = Net::with(7, &small());
        for timestamp in 1..=7 {
            net.ask(&request(1, timestamp, "k"), [0]);
        }
        // What replica 6 says of itself is a lie.
        net.only(|from, _, message| {
            from != NodeId(6) || !matches!(message, Message::RecoveryAnswer(_))
        });
        net.restart_damaged(3, vec![], 1);
        net.everything();
        for lie in lies {
            net.deliver(6, 3, Message::RecoveryAnswer(Arc::new(lie)));
        }
        let bound = net.replica(3).recovery_bound();
        net.pass(Duration::from_secs(8));
        assert!(!net.replica(3).is_recovering());
        bound
    };
    let answer =
        |view| RecoveryAnswer { life: 1, epoch: Epoch(0), view, stable: None, prepared: None };
    let honest = recovered_with(vec![]);
    assert_eq!(honest, Some((Seq(20), View(0))));
    assert_eq!(recovered_with(vec![answer(View(u64::MAX))]), honest);
    assert_eq!(recovered_with(vec![answer(View(0))]), honest);
}

#[test]
fn answers_to_an_earlier_life_count_for_nothing() {
    let mut net = Net::with(4, &small());
    net.only(|_, to, _| to == NodeId(1));
    net.restart_damaged(1, vec![], 5);
    for peer in [0, 2, 3] {
        let answer = RecoveryAnswer {
            life: 4,
            epoch: Epoch(0),
            view: View(0),
            stable: None,
            prepared: None,
        };
        net.deliver(peer, 1, Message::RecoveryAnswer(Arc::new(answer)));
    }
    assert_eq!(net.replica(1).recovery_bound(), None);
}

#[test]
fn a_view_change_of_an_earlier_life_is_refused_from_anyone_even_after_a_restart() {
    let mut net = Net::with(4, &small());
    let change = |id: u16, life| {
        let body = ViewChange {
            epoch: Epoch(0),
            view: View(1),
            life,
            stable: Seq(0),
            proof: None,
            prepared: vec![],
        };
        Signed::new(body, &node(id))
    };
    net.only(|_, to, _| to == NodeId(2));
    let query = RecoveryQuery { life: 1, target: None };
    net.deliver(3, 2, Message::RecoveryQuery(query));
    net.restart(2);
    let body = crate::pbft::NewView {
        epoch: Epoch(0),
        view: View(1),
        view_changes: vec![change(0, 0), change(1, 0), change(3, 0)],
        pre_prepares: vec![],
    };
    let stale = Signed::new(body.clone(), &node(1));
    net.deliver(1, 2, Message::NewView(Arc::new(stale)));
    // f+1 others who remember want the view, so this one does (§4.5.2); but it doesn't start.
    assert!(!net.replica(2).is_active(), "replica 3 said that before it forgot");
    let mut body = body;
    body.view_changes[2] = change(3, 1);
    net.deliver(1, 2, Message::NewView(Arc::new(Signed::new(body, &node(1)))));
    assert_eq!((net.replica(2).view(), net.replica(2).is_active()), (View(1), true));
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
    net.only(|_, to, _| to == NodeId(0));
    for life in 1..=1_000 {
        let query = RecoveryQuery { life, target: Some(Seq(u64::MAX)) };
        net.deliver(3, 0, Message::RecoveryQuery(query));
    }
    let lives = net.disks[0].iter().filter(|record| matches!(record, Record::Life(..)));
    assert_eq!(lives.count(), 1, "one in half a status interval");
    assert_eq!(net.replica(0).last_executed(), Seq(0));
    net.everything();
    net.pass(Duration::from_secs(20));
    assert!(net.replica(0).last_executed() <= Seq(30), "two windows above the log's end");
}

/// It may have started that view before it forgot, with another O.
#[test]
fn who_recovered_starts_no_view_that_it_may_have_started_before() {
    let mut net = Net::with(4, &small());
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    net.restart_damaged(1, vec![], 1);
    net.pass(Duration::from_secs(5));
    assert!(!net.replica(1).is_recovering());
    assert_eq!(net.replica(1).view(), View(0));
    net.only(|_, to, _| to == NodeId(1));
    let mut wanted_by_the_others = |view| {
        for id in [0, 2, 3] {
            net.deliver(id, 1, Message::ViewChange(view_change(id, view, vec![]).into()));
        }
        (net.replica(1).view(), net.replica(1).is_active())
    };
    assert_eq!(wanted_by_the_others(1), (View(1), false), "its own, and it waits for the next");
    assert_eq!(wanted_by_the_others(5), (View(5), true));
}
