//! The parts of an observer that a cluster rarely shows.

use alloc::vec;
use core::time::Duration;

use crate::{
    crypto::{Digest, Refusal},
    detector::{
        observer::{MAX_POSITIONS, Observer},
        suspicion::{Config, Kind, Points, Verdict},
    },
    event::EventKind,
    ids::{Epoch, NodeId, Seq, View},
    pbft::{Config as Timers, MessageKind, Summary},
    quorum::{Membership, NodeSet},
    time::Time,
};

fn observer() -> Observer {
    let members = Membership::new(4).unwrap();
    Observer::new(NodeId(0), members, &Timers::default(), Config::default()).unwrap()
}

fn vote(kind: MessageKind, view: u64, seq: u64, digest: u8) -> Summary {
    let digest = Some(Digest::of(&digest));
    Summary { kind, view: Some(View(view)), seq: Some(Seq(seq)), digest, request: None }
}

fn decide(observer: &mut Observer, now: Time, seq: u64) {
    let (view, seq, digest) = (View(0), Seq(seq), Digest::of(&1_u8));
    observer.saw(now, &EventKind::PrePrepared { view, seq, digest, requests: 1 });
    observer.saw(now, &EventKind::Committed { view, seq, digest });
    observer.saw(now, &EventKind::Executed { seq, digest, requests: alloc::vec![] });
}

#[test]
fn a_commit_against_the_outcome_of_its_view_is_inconsistent_and_a_prepare_is_not() {
    let mut observer = observer();
    let now = Time::from_millis(1);
    // Given node 3 committed something else in view 0, node 2 prepared something else (as an honest
    // victim of an equivocating primary would), and another view's commits are of no account,
    for peer in [1, 2] {
        observer.heard(now, NodeId(peer), None, &vote(MessageKind::Commit, 0, 1, 1));
    }
    observer.heard(now, NodeId(1), None, &vote(MessageKind::Prepare, 0, 1, 1));
    observer.heard(now, NodeId(2), None, &vote(MessageKind::Prepare, 0, 1, 9));
    observer.heard(now, NodeId(3), None, &vote(MessageKind::Commit, 0, 1, 9));
    decide(&mut observer, now, 1);
    assert_eq!(observer.suspicion().counted(NodeId(3), Kind::Inconsistent), 0, "not judged yet");
    let due = observer.next_wake();
    observer.tick(due);
    let counted = |peer| observer.suspicion().counted(NodeId(peer), Kind::Inconsistent);
    assert_eq!([counted(1), counted(2), counted(3)], [0, 0, 1]);
    assert_eq!(observer.suspicion().score(due, NodeId(2)), Points::ZERO);
}

#[test]
fn what_was_decided_elsewhere_or_slept_through_is_held_against_nobody() {
    let failures = |observer: &Observer| {
        (1..4).map(|peer| observer.suspicion().counted(NodeId(peer), Kind::Failures)).sum::<u32>()
    };
    // No commits came: it was repaired.
    let mut repaired = observer();
    decide(&mut repaired, Time::from_millis(1), 1);
    repaired.tick(repaired.next_wake());
    assert_eq!(failures(&repaired), 0);
    // Those of a quorum came, and then the observer slept.
    for (late, expected) in [(Duration::ZERO, 3), (Duration::from_mins(1), 0)] {
        let mut observer = observer();
        let now = Time::from_millis(1);
        for peer in [1, 2] {
            observer.heard(now, NodeId(peer), None, &vote(MessageKind::Commit, 0, 1, 1));
        }
        decide(&mut observer, now, 1);
        let due = observer.next_wake() + late;
        observer.tick(due);
        // Node 3 owes a prepare and a commit, node 1 or 2 a prepare: node 0 was primary.
        assert_eq!(failures(&observer), if expected == 0 { 0 } else { 4 });
    }
}

#[test]
fn a_checkpoint_against_a_quorums_is_noted_once_whichever_comes_first() {
    let mut observer = observer();
    let now = Time::from_millis(1);
    let checkpoint =
        |digest: u8| Summary { view: None, ..vote(MessageKind::Checkpoint, 0, 100, digest) };
    observer.heard(now, NodeId(2), None, &checkpoint(9));
    let stable = EventKind::CheckpointStable { seq: Seq(100), digest: Digest::of(&1_u8) };
    observer.saw(now, &stable);
    for _ in 0..3 {
        observer.heard(now, NodeId(1), None, &checkpoint(1));
        observer.heard(now, NodeId(2), None, &checkpoint(9));
        observer.heard(now, NodeId(3), None, &checkpoint(9));
    }
    let counted = |peer| observer.suspicion().counted(NodeId(peer), Kind::Checkpoint);
    assert_eq!([counted(1), counted(2), counted(3)], [0, 1, 1]);
}

#[test]
fn a_view_that_nobody_else_wants_is_noted_and_one_that_comes_is_not() {
    let view_change = |view| Summary { digest: None, ..vote(MessageKind::ViewChange, view, 0, 0) };
    for comes in [false, true] {
        let mut observer = observer();
        let mut now = Time::from_millis(1);
        observer.heard(now, NodeId(3), None, &view_change(1));
        if comes {
            let (view, primary) = (View(1), NodeId(1));
            observer.saw(now, &EventKind::ViewEntered { view, primary, carried_over: 0 });
        }
        for _ in 0..20 {
            now = observer.next_wake();
            observer.tick(now);
        }
        let counted = observer.suspicion().counted(NodeId(3), Kind::ViewChange);
        assert_eq!(counted, u32::from(!comes));
    }
}

#[test]
fn another_epoch_is_no_offence_and_badly_signed_is() {
    let mut observer = observer();
    let now = Time::from_millis(1);
    let epoch = Refusal::Epoch { found: Epoch(1), expected: Epoch(0) };
    observer.refused(now, NodeId(3), MessageKind::Prepare, &epoch);
    assert_eq!(observer.suspicion().counted(NodeId(3), Kind::Malformed), 0);
    let bad = Refusal::Inconsistent("x");
    observer.refused(now, NodeId(3), MessageKind::Prepare, &bad);
    observer.refused(now, NodeId(2), MessageKind::Decided, &bad);
    let score = |peer| observer.suspicion().score(now, NodeId(peer)).0;
    assert_eq!((score(3), score(2)), (15_000, 7_500), "made, and passed on");
}

#[test]
fn votes_for_what_never_comes_fill_no_memory_and_push_nothing_out() {
    let mut observer = observer();
    let now = Time::from_millis(1);
    for seq in (1..10_000).chain(u64::MAX - 100..u64::MAX) {
        observer.heard(now, NodeId(3), None, &vote(MessageKind::Commit, seq, seq, 1));
    }
    assert!(observer.watched() <= MAX_POSITIONS / 2);
    // There is room for what does come, and it is judged.
    for seq in 1..=10 {
        for peer in [1, 2] {
            observer.heard(now, NodeId(peer), None, &vote(MessageKind::Commit, 0, seq, 1));
        }
        decide(&mut observer, now, seq);
    }
    observer.tick(observer.next_wake());
    assert_eq!(observer.suspicion().outcomes(now, NodeId(1)).successes, 10);
}

/// Node 3 left view 0 before the others, who decided once more there; and again in the next view,
/// where it has to say so again.
#[test]
fn what_others_decide_in_a_view_that_one_left_is_not_held_against_it_when_they_follow() {
    let view_change = Summary { digest: None, ..vote(MessageKind::ViewChange, 1, 0, 0) };
    let failures = |observer: &Observer| observer.suspicion().counted(NodeId(3), Kind::Failures);
    // It says so before the others enter the view, or is heard after; or it votes in view 0 all the same.
    for (heard_after, votes, expected) in [(false, false, 0), (true, false, 0), (false, true, 1)] {
        let mut observer = observer();
        let now = Time::from_millis(1);
        for kind in [MessageKind::Prepare, MessageKind::Commit] {
            for peer in [1, 2] {
                observer.heard(now, NodeId(peer), None, &vote(kind, 0, 1, 1));
            }
        }
        if !heard_after {
            observer.heard(now, NodeId(3), None, &view_change);
        }
        if votes {
            observer.heard(now, NodeId(3), None, &vote(MessageKind::Prepare, 0, 1, 1));
        }
        decide(&mut observer, now, 1);
        let (view, primary) = (View(1), NodeId(1));
        observer.saw(now, &EventKind::ViewEntered { view, primary, carried_over: 1 });
        if heard_after {
            observer.heard(now, NodeId(3), None, &view_change);
        }
        observer.tick(observer.next_wake());
        assert_eq!(failures(&observer), expected, "{heard_after} {votes}");
        // In the view that it wanted it owes its votes.
        let (seq, digest) = (Seq(2), Digest::of(&1_u8));
        for peer in [1, 2] {
            observer.heard(now, NodeId(peer), None, &vote(MessageKind::Commit, 1, 2, 1));
        }
        observer.saw(now, &EventKind::PrePrepared { view, seq, digest, requests: 1 });
        observer.saw(now, &EventKind::Committed { view, seq, digest });
        observer.saw(now, &EventKind::Executed { seq, digest, requests: alloc::vec![] });
        observer.tick(observer.next_wake());
        assert_eq!(failures(&observer), expected + 2, "{heard_after} {votes}");
    }
}

#[test]
fn whom_a_primary_made_look_silent_is_forgiven_when_that_is_proven_to_lie_and_only_then() {
    let mut observer = observer();
    // Given view 1, in which primary 1 tells node 3 nothing, and five positions without its votes,
    observer.saw(
        Time::ZERO,
        &EventKind::ViewEntered { view: View(1), primary: NodeId(1), carried_over: 0 },
    );
    let silent = |observer: &mut Observer, from_ms: u64, seqs: core::ops::Range<u64>| {
        for seq in seqs {
            let (view, digest, now) =
                (View(1), Digest::of(&1_u8), Time::from_millis(from_ms + seq));
            let seq = Seq(seq);
            observer.saw(now, &EventKind::PrePrepared { view, seq, digest, requests: 1 });
            for (peer, kind) in
                [(1, MessageKind::Commit), (2, MessageKind::Prepare), (2, MessageKind::Commit)]
            {
                let what = Summary {
                    kind,
                    view: Some(view),
                    seq: Some(seq),
                    digest: Some(digest),
                    request: None,
                };
                observer.heard(now, NodeId(peer), Some(NodeId(peer)), &what);
            }
            observer.saw(now, &EventKind::Committed { view, seq, digest });
            observer.saw(now, &EventKind::Executed { seq, digest, requests: vec![] });
        }
        observer.tick(Time::from_millis(from_ms + 800));
        let now = Time::from_millis(from_ms + 800);
        observer
            .suspicion_mut()
            .decide(now)
            .into_iter()
            .map(|it| (it.suspect, it.verdict))
            .collect::<vec::Vec<_>>()
    };
    assert_eq!(silent(&mut observer, 0, 1..6), [(NodeId(3), Verdict::Accuse)]);
    // when node 1 is proven to have lied, then the accusation is withdrawn,
    let guilty = |nodes: &[u16]| {
        nodes.iter().fold(NodeSet::default(), |mut set, node| {
            set.insert(NodeId(*node));
            set
        })
    };
    observer.convict(guilty(&[1]));
    let decided = observer.suspicion_mut().decide(Time::from_millis(801));
    assert_eq!(
        decided.iter().map(|it| (it.suspect, it.verdict)).collect::<vec::Vec<_>>(),
        [(NodeId(3), Verdict::Withdraw)]
    );
    // and what the liar still proposes is held against nobody.
    assert_eq!(silent(&mut observer, 1_000, 6..12), []);
    // But what fails where nobody lies counts, however often the same proof is shown.
    let mut observer = self::observer();
    observer.convict(guilty(&[2]));
    observer.saw(
        Time::ZERO,
        &EventKind::ViewEntered { view: View(1), primary: NodeId(1), carried_over: 0 },
    );
    assert_eq!(silent(&mut observer, 0, 1..6), [(NodeId(3), Verdict::Accuse)]);
    observer.convict(guilty(&[2]));
    assert_eq!(observer.suspicion_mut().decide(Time::from_millis(801)), vec![]);
}

/// Positions are proposed every 10 ms. Peers 1 and 2 vote within 1 ms; how long peer 3 takes depends on
/// when it was asked. The most that it ever scored here.
fn pipelined(for_ms: u64, takes_ms: impl Fn(u64) -> u64) -> Points {
    let mut observer = observer();
    let mut inputs = vec![];
    for (seq, ms) in (1..).zip((0..for_ms).step_by(10)) {
        inputs.push((ms, seq, None));
        inputs.extend(
            [(NodeId(1), 1), (NodeId(2), 1), (NodeId(3), takes_ms(ms))]
                .map(|(peer, takes)| (ms + takes, seq, Some(peer))),
        );
    }
    inputs.sort_by_key(|(ms, ..)| *ms);
    let scores = inputs.into_iter().map(|(ms, seq, from)| {
        let now = Time::from_millis(ms);
        match from {
            None => decide(&mut observer, now, seq),
            Some(peer) => {
                let kind = MessageKind::Commit;
                observer.heard(now, peer, Some(peer), &vote(kind, 0, seq, 1));
            }
        }
        let reasons = observer.suspicion().reasons(now, NodeId(3));
        reasons.iter().find(|it| it.kind == Kind::Late).map_or(Points::ZERO, |it| it.points)
    });
    scores.max().unwrap()
}

#[test]
fn one_pause_is_one_late_answer_however_many_waited_for_it() {
    // Given a peer that answers at once but for 800 ms in which its disk, or whatever else it has to
    // wait for, stands still,
    let pauses = |ms| if (1_000..1_800).contains(&ms) { 1_801 - ms } else { 1 };
    // then eighty answers come late, and it is not called late for that.
    assert_eq!(pipelined(3_000, pauses), Points::ZERO);
}

#[test]
fn who_is_always_late_is_suspected_and_a_quick_answer_now_and_then_does_not_hide_it() {
    for quick_every in [u64::MAX, 100, 30] {
        let takes = |ms: u64| if ms % quick_every == quick_every - 10 { 1 } else { 600 };
        let most = pipelined(10_000, takes);
        assert!(most >= Points::new(50), "quick every {quick_every} ms: {most}");
    }
}
