//! §4.4 and §4.5.2.

use alloc::{rc::Rc, sync::Arc, vec, vec::Vec};
use core::{cell::RefCell, time::Duration};

use super::net::{Net, node, request};
use crate::{
    crypto::{Digest, Refusal, Signed, verify},
    event::{EventKind, ViewChangeCause},
    ids::{Epoch, NodeId, Seq, View},
    pbft::{
        Batch, Checkpoint, CheckpointCertificate, Config, Message, MessageKind, NewView,
        PrePrepare, Prepare, PreparedCertificate, ViewChange, view_change::obligations,
    },
    quorum::Membership,
};

pub(super) fn certificate(view: u64, seq: u64, digest: Digest) -> PreparedCertificate {
    let primary = (view % 4) as u16;
    let (view, seq) = (View(view), Seq(seq));
    let backups = (0..4).filter(|id| *id != primary).take(2);
    PreparedCertificate {
        pre_prepare: Signed::new(PrePrepare { epoch: Epoch(0), view, seq, digest }, &node(primary))
            .into(),
        prepares: backups
            .map(|id| Signed::new(Prepare { epoch: Epoch(0), view, seq, digest }, &node(id)).into())
            .collect(),
    }
}

pub(super) fn view_change(
    by: u16,
    view: u64,
    prepared: Vec<PreparedCertificate>,
) -> Signed<ViewChange> {
    let body =
        ViewChange { epoch: Epoch(0), view: View(view), stable: Seq(0), proof: None, prepared };
    Signed::new(body, &node(by))
}

pub(super) fn new_view(
    by: u16,
    view: u64,
    changes: Vec<Signed<ViewChange>>,
    o: &[(u64, Digest)],
) -> Message {
    let view = View(view);
    let pre_prepares = o
        .iter()
        .map(|(seq, digest)| {
            Signed::new(
                PrePrepare { epoch: Epoch(0), view, seq: Seq(*seq), digest: *digest },
                &node(by),
            )
        })
        .collect();
    let body = NewView { epoch: Epoch(0), view, view_changes: changes, pre_prepares };
    Message::NewView(Arc::new(Signed::new(body, &node(by))))
}

fn checked(message: Message) -> Result<(), Refusal> {
    verify(message, Membership::new(4).unwrap(), &node(3)).map(drop)
}

#[test]
fn a_silent_primary_is_replaced_and_the_request_survives() {
    let mut net = Net::new(4);
    net.only(|from, _, _| from != NodeId(0));
    let asked = request(1, 1, "k");
    net.ask(&asked, 0..4);
    net.pass_for(Duration::from_secs(4), |id| id != 0);
    for id in 1..4 {
        assert_eq!(net.replica(id).view(), View(1));
        assert!(net.replica(id).is_active());
        assert_eq!(net.executions(id, asked.body.id), 1);
    }
    let started =
        EventKind::ViewChangeStarted { view: View(1), why: ViewChangeCause::RequestTimeout };
    assert!(net.events_of(1).any(|event| *event == started));
    net.everything();
    net.pass(Duration::from_secs(4));
    assert_eq!(net.replica(0).view(), View(1), "the old primary learns of the new view");
    net.assert_same_state();
}

#[test]
fn two_silent_primaries_in_a_row_are_survived_by_waiting_longer() {
    let mut net = Net::new(7);
    let dead = |id: NodeId| id.0 < 2;
    net.only(move |from, to, _| !dead(from) && !dead(to));
    let asked = request(1, 1, "k");
    net.ask(&asked, 0..7);
    net.pass_for(Duration::from_secs(20), |id| id >= 2);
    for id in 2..7 {
        assert_eq!(net.replica(id).view(), View(2));
        assert_eq!(net.executions(id, asked.body.id), 1);
    }
    let timed_out = |event: &EventKind| {
        matches!(event, EventKind::ViewChangeStarted { why: ViewChangeCause::NewViewTimeout, .. })
    };
    assert!(net.events.iter().any(|(_, event)| timed_out(event)));
}

#[test]
fn what_prepared_is_carried_over_at_its_position() {
    let mut net = Net::new(4);
    // It prepares everywhere, but no commit arrives, and then the primary is gone.
    net.only(|_, _, message| message.kind() != MessageKind::Commit);
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    let digest = net.replica(1).slots().next().unwrap().digest;
    net.only(|from, to, message| {
        let late = matches!(message, Message::Commit(commit) if commit.body.view == View(0));
        from != NodeId(0) && to != NodeId(0) && !late
    });
    net.pass_for(Duration::from_secs(4), |id| id != 0);
    for id in 1..4 {
        assert_eq!(net.executions(id, asked.body.id), 1);
        let slot = net.replica(id).slots().next().unwrap();
        assert_eq!((slot.seq, slot.digest, slot.view), (Seq(1), digest, View(1)));
    }
    let entered = EventKind::ViewEntered { view: View(1), primary: NodeId(1), carried_over: 1 };
    assert!(net.events_of(2).any(|event| *event == entered));
}

#[test]
fn a_replica_that_never_saw_the_batch_fetches_it() {
    let mut net = Net::new(4);
    net.only(|_, to, message| {
        message.kind() != MessageKind::Commit
            && !(to == NodeId(3) && message.kind() == MessageKind::PrePrepare)
    });
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    assert_eq!(net.replica(3).slots().count(), 0, "3 knows nothing of it");
    net.only(|from, to, message| {
        // It must not get it the easy way.
        from != NodeId(0) && to != NodeId(0) && message.kind() != MessageKind::Decided
    });
    net.pass_for(Duration::from_secs(6), |id| id != 0);
    assert_eq!(net.executions(3, asked.body.id), 1);
}

#[test]
fn f_plus_one_others_take_a_replica_along_before_its_timer() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(3));
    net.deliver(1, 3, Message::ViewChange(Arc::new(view_change(1, 5, vec![]))));
    assert_eq!(net.replica(3).view(), View(0), "one alone may lie");
    net.deliver(2, 3, Message::ViewChange(Arc::new(view_change(2, 6, vec![]))));
    assert_eq!(net.replica(3).view(), View(5), "the smallest view in the set");
    assert!(!net.replica(3).is_active());
}

#[test]
fn the_highest_view_wins_and_gaps_become_null_requests() {
    let digest = |text: &str| Digest::of_bytes(text.as_bytes());
    let changes = [
        view_change(0, 9, vec![certificate(1, 2, digest("old")), certificate(1, 4, digest("d"))]),
        view_change(1, 9, vec![certificate(5, 2, digest("new"))]),
        view_change(2, 9, vec![certificate(3, 2, digest("mid"))]),
    ];
    let owed: Vec<_> =
        obligations(Seq(0), &changes).proposals.iter().map(|it| (it.seq.0, it.digest)).collect();
    let null = Batch::default().digest();
    assert_eq!(owed, [(1, null), (2, digest("new")), (3, null), (4, digest("d"))]);
}

#[test]
fn a_new_view_must_follow_from_its_view_changes() {
    let digest = Digest::of_bytes(b"prepared");
    let other = Digest::of_bytes(b"other");
    let changes = || {
        vec![
            view_change(0, 1, vec![certificate(0, 1, digest)]),
            view_change(1, 1, vec![]),
            view_change(2, 1, vec![]),
        ]
    };
    assert_eq!(checked(new_view(1, 1, changes(), &[(1, digest)])), Ok(()));
    let wrong = Err(Refusal::Inconsistent("O does not follow from V"));
    assert_eq!(checked(new_view(1, 1, changes(), &[])), wrong, "it forgets what prepared");
    assert_eq!(checked(new_view(1, 1, changes(), &[(1, other)])), wrong);
    assert_eq!(checked(new_view(1, 1, changes(), &[(1, digest), (2, other)])), wrong);
    let by_backup = checked(new_view(2, 1, changes(), &[(1, digest)]));
    assert!(matches!(by_backup, Err(Refusal::WrongSigner { .. })));
}

#[test]
fn a_new_view_needs_a_quorum_of_distinct_view_changes_for_it() {
    let two = vec![view_change(0, 1, vec![]), view_change(1, 1, vec![])];
    let too_few = Err(Refusal::Certificate { found: 2, needed: 3 });
    assert_eq!(checked(new_view(1, 1, two.clone(), &[])), too_few);
    let mut twice = two.clone();
    twice.push(view_change(1, 1, vec![]));
    assert!(matches!(checked(new_view(1, 1, twice, &[])), Err(Refusal::Inconsistent(_))));
    let mut stale = two;
    stale.push(view_change(2, 2, vec![]));
    assert!(matches!(checked(new_view(1, 1, stale, &[])), Err(Refusal::Inconsistent(_))));
}

#[test]
fn the_old_primary_s_proposals_are_not_accepted_in_the_new_view() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(3));
    let changes = (0..3).map(|by| view_change(by, 1, vec![])).collect();
    net.deliver(1, 3, new_view(1, 1, changes, &[]));
    assert_eq!(net.replica(3).view(), View(1));
    let batch = Batch::new(vec![request(1, 1, "k")]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
    net.deliver(0, 3, Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch)));
    assert_eq!(net.replica(3).slots().count(), 0);
}

#[test]
fn a_proposal_that_overtakes_its_new_view_is_not_lost() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(3));
    let batch = Batch::new(vec![request(1, 1, "k")]);
    let body = PrePrepare { epoch: Epoch(0), view: View(1), seq: Seq(1), digest: batch.digest() };
    net.deliver(
        1,
        3,
        Message::PrePrepare(Signed::new(body, &node(1)).into(), Arc::new(batch.clone())),
    );
    assert_eq!(net.replica(3).slots().count(), 0);
    let changes = (0..3).map(|by| view_change(by, 1, vec![])).collect();
    net.deliver(1, 3, new_view(1, 1, changes, &[]));
    let accepted: Vec<_> = net.replica(3).slots().map(|slot| slot.digest).collect();
    assert_eq!(accepted, [batch.digest()]);
}

/// Storm 842 (a silent node, crashes, a partition) once stood still for ever: one replica had
/// given up on view 1 and asked for 2, its request for 1 was lost, and the two in view 1 waited
/// for a third to want view 1.
#[test]
fn replicas_that_gave_up_at_different_times_do_not_wait_for_each_other_for_ever() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(3));
    net.deliver(1, 3, Message::ViewChange(Arc::new(view_change(1, 1, vec![]))));
    net.deliver(2, 3, Message::ViewChange(Arc::new(view_change(2, 2, vec![]))));
    assert_eq!(net.replica(3).view(), View(1));
    net.pass_for(Duration::from_secs(3), |id| id == 3);
    assert_eq!(net.replica(3).view(), View(2));
}

/// Who gave up on a view counts for its timer, and not for its start: what it prepared since isn't
/// in any view change for this view.
#[test]
fn a_view_is_started_by_a_quorum_that_wants_it_and_not_by_those_who_want_a_later_one() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(1));
    net.deliver(3, 1, Message::ViewChange(view_change(3, 2, vec![]).into()));
    net.deliver(2, 1, Message::ViewChange(view_change(2, 1, vec![]).into()));
    assert_eq!(net.replica(1).view(), View(1), "it joined them");
    assert!(!net.replica(1).is_active(), "two want view 1, and one a later one");
    net.deliver(0, 1, Message::ViewChange(view_change(0, 1, vec![]).into()));
    assert!(net.replica(1).is_active());
}

#[test]
fn a_crash_does_not_bring_a_replica_back_into_a_view_that_it_left() {
    let mut net = Net::new(4);
    net.only(|_, _, _| false);
    net.ask(&request(1, 1, "k"), [2]);
    net.pass(Duration::from_millis(1_500));
    assert_eq!((net.replica(2).view(), net.replica(2).is_active()), (View(1), false));
    net.restart(2);
    assert_eq!((net.replica(2).view(), net.replica(2).is_active()), (View(1), false));
}

#[test]
fn a_crash_does_not_make_a_replica_forget_the_view_that_it_entered() {
    let mut net = Net::new(4);
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.ask(&request(1, 1, "k"), 0..4);
    net.pass_for(Duration::from_secs(2), |id| id != 0);
    assert_eq!((net.replica(2).view(), net.replica(2).is_active()), (View(1), true));
    let entered = net.pbft(2).new_view.clone();
    assert!(entered.is_some());
    net.restart(2);
    assert_eq!((net.replica(2).view(), net.replica(2).is_active()), (View(1), true));
    assert_eq!(net.pbft(2).new_view, entered);
}

#[test]
fn a_position_is_proven_prepared_only_by_prepares_for_that_very_proposal() {
    let [ours, other] = [b"ours", b"else"].map(|bytes| Digest::of_bytes(bytes));
    let sent = |prepared| checked(Message::ViewChange(view_change(1, 2, vec![prepared]).into()));
    let good = certificate(1, 3, ours);
    assert_eq!(sent(good.clone()), Ok(()));
    for lie in [certificate(1, 3, other), certificate(1, 4, ours), certificate(0, 3, ours)] {
        let mixed = PreparedCertificate { prepares: lie.prepares, ..good.clone() };
        let refused = sent(mixed);
        assert!(matches!(refused, Err(Refusal::Inconsistent(_))), "{refused:?}");
    }
}

#[test]
fn a_view_change_proves_its_checkpoint_and_names_what_prepared_above_it_in_earlier_views() {
    let digest = Digest::of_bytes(b"prepared");
    let sent = |stable, proof, prepared| {
        let (epoch, view) = (Epoch(0), View(2));
        let body = ViewChange { epoch, view, stable, proof, prepared };
        checked(Message::ViewChange(Signed::new(body, &node(1)).into()))
    };
    let at = |view, seq| certificate(view, seq, digest);
    let rising = || vec![at(1, 1), at(0, 2)];
    let body = Checkpoint { epoch: Epoch(0), seq: Seq(100), digest, successor: None };
    let checkpoints = (0..3).map(|by| Signed::new(body, &node(by))).collect();
    let proof = CheckpointCertificate { checkpoints };
    assert_eq!(sent(Seq(0), None, rising()), Ok(()));
    assert_eq!(sent(Seq(100), Some(proof.clone()), vec![at(1, 101)]), Ok(()));
    let refused = [
        ("no proof", sent(Seq(100), None, vec![])),
        ("the proof of another", sent(Seq(99), Some(proof.clone()), vec![])),
        ("below the checkpoint", sent(Seq(100), Some(proof), rising())),
        ("one position twice", sent(Seq(0), None, vec![at(1, 1), at(0, 1)])),
        ("above any window", sent(Seq(0), None, vec![at(1, u64::MAX)])),
        ("in the view to come", sent(Seq(0), None, vec![at(2, 1)])),
    ];
    for (what, said) in refused {
        assert!(matches!(said, Err(Refusal::Inconsistent(_))), "{what}: {said:?}");
    }
}

/// Whoever lacks the state of the checkpoint that a view was started from would otherwise accept
/// anew what is decided below it.
#[test]
fn nothing_is_accepted_below_the_checkpoint_that_the_view_was_started_from() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(3));
    let digest = Digest::of_bytes(b"state");
    let body = Checkpoint { epoch: Epoch(0), seq: Seq(100), digest, successor: None };
    let checkpoints = (0..3).map(|by| Signed::new(body, &node(by))).collect();
    let proof = Some(CheckpointCertificate { checkpoints });
    let changes = (0..3)
        .map(|by| {
            let (epoch, view, stable, proof) = (Epoch(0), View(1), Seq(100), proof.clone());
            let body = ViewChange { epoch, view, stable, proof, prepared: vec![] };
            Signed::new(body, &node(by))
        })
        .collect();
    net.deliver(1, 3, new_view(1, 1, changes, &[]));
    assert!(net.replica(3).is_active() && net.replica(3).view() == View(1));
    let batch = Arc::new(Batch::new(vec![request(1, 1, "k")]));
    for seq in [1, 100, 101] {
        let (epoch, view, digest) = (Epoch(0), View(1), batch.digest());
        let body = PrePrepare { epoch, view, seq: Seq(seq), digest };
        let header = Signed::new(body, &node(1));
        net.deliver(1, 3, Message::PrePrepare(header.into(), batch.clone()));
    }
    let accepted: Vec<_> = net.replica(3).slots().map(|slot| slot.seq).collect();
    assert_eq!(accepted, [Seq(101)]);
}

/// Whom V shows a checkpoint that it had not known to be stable has room to propose again. Were it
/// to do so before O, it would propose two batches for one place.
#[test]
fn a_new_primary_proposes_nothing_before_o() {
    let mut net = Net::with(4, &Config { checkpoint_interval: 5, window: 10, ..Config::default() });
    net.only(|_, to, message| to != NodeId(1) || !matches!(message, Message::Checkpoint(_)));
    for timestamp in 1..=5 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    assert_eq!(net.replica(1).low_water_mark(), Seq(0));
    assert_eq!(net.replica(2).low_water_mark(), Seq(5));
    net.only(|_, to, message| to != NodeId(1) && message.kind() != MessageKind::Commit);
    net.ask(&request(1, 6, "carried over"), [0]);
    let carried = net.replica(2).slots().last().unwrap();
    assert_eq!(carried.seq, Seq(6));

    let proposed = Rc::new(RefCell::new(Vec::new()));
    let heard = proposed.clone();
    net.only(move |from, to, message| {
        match message {
            Message::PrePrepare(header, _) if from == NodeId(1) => {
                heard.borrow_mut().push((header.body.view, header.body.seq, header.body.digest));
            }
            Message::Checkpoint(_) | Message::Stable(_) | Message::Decided(_) => return false,
            _ => {}
        }
        from != NodeId(0) && to != NodeId(0)
    });
    net.ask(&request(2, 1, "waits"), [1, 2, 3]);
    net.pass_for(Duration::from_secs(4), |id| id != 0);
    assert_eq!(net.replica(1).view(), View(1));
    assert_eq!(net.replica(1).low_water_mark(), Seq(5), "V showed it");
    let proposed = proposed.borrow();
    assert!(proposed.iter().any(|(view, seq, _)| (*view, *seq) == (View(1), Seq(7))));
    let of_6 = proposed.iter().filter(|(view, seq, _)| (*view, *seq) == (View(1), Seq(6)));
    assert!(of_6.clone().all(|(.., digest)| *digest == carried.digest), "{proposed:?}");
}
