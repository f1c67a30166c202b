//! What the issue asks of suspicion, case by case.

use alloc::vec;
use core::time::Duration;

use super::observer;
use crate::{
    detector::suspicion::{
        Channel, Kind, Points, SUSPICION_CAP, Signal, Suspicion, Totals, Verdict,
    },
    ids::NodeId,
    time::Time,
};

const SUSPECT: NodeId = NodeId(3);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn took(ms: u64) -> Signal {
    Signal::Response { took: Duration::from_millis(ms) }
}

/// So many signals, one a second; when the last one was.
fn repeat(suspicion: &mut Suspicion, signal: Signal, times: u64) -> Time {
    for second in 0..times {
        suspicion.note(at(second * 1_000), SUSPECT, signal);
    }
    at((times - 1) * 1_000)
}

#[test]
fn five_failures_in_a_row_give_at_least_fifty_and_an_accusation() {
    let mut suspicion = observer(4);
    let now = repeat(&mut suspicion, Signal::Failure, 4);
    assert!(suspicion.score(now, SUSPECT) < Points::new(50), "four are too few");
    let now = repeat(&mut suspicion, Signal::Failure, 5);
    assert!(suspicion.score(now, SUSPECT) >= Points::new(50));
    let decided = suspicion.decide(now);
    assert_eq!((decided[0].suspect, decided[0].verdict), (SUSPECT, Verdict::Accuse));
    assert_eq!(decided[0].reasons[0].kind, Kind::Failures);
    assert_eq!(suspicion.decide(now), vec![], "it is said once");
}

#[test]
fn a_success_ends_the_row_and_the_ratio_counts_successes() {
    let mut suspicion = observer(4);
    for _ in 0..4 {
        suspicion.note(at(0), SUSPECT, Signal::Failure);
    }
    suspicion.note(at(0), SUSPECT, Signal::Success);
    suspicion.note(at(0), SUSPECT, Signal::Failure);
    let totals = suspicion.outcomes(at(0), SUSPECT);
    assert_eq!(totals, Totals { successes: 1, failures: 5 });
    assert!(suspicion.score(at(0), SUSPECT) < Points::new(50), "five, but not in a row");
    // Nineteen of twenty come: what fails now and then is no reason.
    let mut suspicion = observer(4);
    for message in 0..1_000 {
        let failed = message % 20 == 0;
        suspicion.note(
            at(message),
            SUSPECT,
            if failed { Signal::Failure } else { Signal::Success },
        );
    }
    assert_eq!(suspicion.outcomes(at(1_000), SUSPECT).failure_ppm(), 50_000);
    assert_eq!(suspicion.score(at(1_000), SUSPECT), Points::ZERO);
}

#[test]
fn a_peer_that_fails_more_often_than_the_others_is_suspected_without_any_row() {
    let mut suspicion = observer(4);
    for message in 0..300_u64 {
        let failed = message % 3 != 0;
        suspicion.note(
            at(message),
            SUSPECT,
            if failed { Signal::Failure } else { Signal::Success },
        );
        suspicion.note(at(message), NodeId(1), Signal::Success);
        suspicion.note(at(message), NodeId(2), Signal::Success);
    }
    assert!(suspicion.score(at(300), SUSPECT) >= Points::new(50));
    assert_eq!(suspicion.score(at(300), NodeId(1)), Points::ZERO);
}

#[test]
fn a_network_that_loses_everybodys_messages_suspects_nobody() {
    let mut suspicion = observer(4);
    for message in 0..300_u64 {
        for peer in 1..4_u64 {
            let failed = (message + peer) % 2 == 0;
            let signal = if failed { Signal::Failure } else { Signal::Success };
            suspicion.note(at(message), NodeId(peer as u16), signal);
        }
    }
    for peer in 1..4 {
        assert_eq!(suspicion.outcomes(at(300), NodeId(peer)).failure_ppm(), 500_000);
        assert!(suspicion.score(at(300), NodeId(peer)) < Points::new(50));
    }
}

#[test]
fn ten_failures_with_five_inconsistent_votes_are_counted_exactly() {
    let mut suspicion = observer(4);
    let now = at(1_000);
    for vote in 0..10 {
        suspicion.note(now, SUSPECT, Signal::Failure);
        suspicion.note(now, NodeId(1), Signal::Success);
        if vote % 2 == 0 {
            suspicion.note(now, SUSPECT, Signal::InconsistentVote);
        }
    }
    assert_eq!(suspicion.counted(SUSPECT, Kind::Failures), 10);
    assert_eq!(suspicion.counted(SUSPECT, Kind::Inconsistent), 5);
    assert_eq!(suspicion.outcomes(now, SUSPECT), Totals { successes: 0, failures: 10 });
    assert_eq!(suspicion.outcomes(now, NodeId(1)), Totals { successes: 10, failures: 0 });
    let reasons = suspicion.reasons(now, SUSPECT);
    assert_eq!(
        reasons.iter().map(|it| (it.kind, it.count, it.points)).collect::<vec::Vec<_>>(),
        [(Kind::Inconsistent, 5, Points::new(80)), (Kind::Failures, 10, Points::new(60)),]
    );
    assert_eq!(suspicion.score(now, SUSPECT), SUSPICION_CAP, "80 and 60, but never a conviction");
}

#[test]
fn five_responses_of_ten_seconds_among_peers_at_fifty_milliseconds_give_at_least_fifty() {
    let mut suspicion = observer(4);
    for round in 0..5 {
        suspicion.note(at(round * 100), NodeId(1), took(50));
        suspicion.note(at(round * 100), NodeId(2), took(50));
        if round < 4 {
            suspicion.note(at(round * 100), SUSPECT, took(10_000));
        }
    }
    assert_eq!(suspicion.score(at(500), SUSPECT), Points::ZERO, "four are too few to judge");
    suspicion.note(at(500), SUSPECT, took(10_000));
    assert!(suspicion.score(at(500), SUSPECT) >= Points::new(50));
    for peer in 1..3 {
        assert_eq!(suspicion.score(at(500), NodeId(peer)), Points::ZERO);
    }
}

#[test]
fn a_slow_network_suspects_nobody_and_neither_does_a_slow_observer() {
    let mut suspicion = observer(7);
    for round in 0..20_u64 {
        for peer in 1..7_u64 {
            // Ten seconds and more, differently for each: it is the same for all in kind.
            let signal = took(10_000 + (round * 7 + peer * 13) % 11 * 500);
            suspicion.note(at(round * 1_000), NodeId(peer as u16), signal);
        }
    }
    for peer in 1..7 {
        assert_eq!(suspicion.score(at(20_000), NodeId(peer)), Points::ZERO);
    }
    assert_eq!(suspicion.decide(at(20_000)), vec![]);
}

#[test]
fn distance_is_no_offence() {
    // Given two peers in the same room and one on another continent,
    let mut suspicion = observer(4);
    for round in 0..16 {
        suspicion.note(at(round * 100), NodeId(1), took(1));
        suspicion.note(at(round * 100), NodeId(2), took(1));
        suspicion.note(at(round * 100), SUSPECT, took(240));
    }
    // then the deviation of the others is nothing, and the floor excuses it.
    assert_eq!(suspicion.score(at(1_600), SUSPECT), Points::ZERO);
}

#[test]
fn after_the_signals_stop_the_score_decays_and_the_accusation_is_withdrawn() {
    let mut suspicion = observer(4);
    let now = repeat(&mut suspicion, Signal::Failure, 5);
    let peak = suspicion.score(now, SUSPECT);
    assert_eq!(suspicion.decide(now).len(), 1);
    let one_half_life = now + Duration::from_mins(1);
    let half = suspicion.score(one_half_life, SUSPECT);
    assert!(half.0.abs_diff(peak.0 / 2) <= 1, "{peak} became {half}");
    let (mut now, mut withdrawn) = (now, None);
    while let Some(next) = suspicion.next_wake(now) {
        now = next;
        if let Some(decision) = suspicion.decide(now).pop() {
            assert_eq!(decision.verdict, Verdict::Withdraw);
            withdrawn = Some(now);
        }
    }
    let withdrawn = withdrawn.expect("it was woken until it had withdrawn");
    assert!(withdrawn < at(120_000), "{withdrawn}");
    assert!(suspicion.score(now, SUSPECT) <= Points::new(25));
    assert_eq!(suspicion.score(at(3_600_000), SUSPECT), Points::ZERO);
}

#[test]
fn what_nobody_authenticated_is_counted_and_weighs_nothing() {
    let mut suspicion = observer(4);
    let malformed = |channel| Signal::Malformed { channel };
    for _ in 0..1_000 {
        suspicion.note(at(0), NodeId(1), malformed(Channel::Open));
    }
    assert_eq!(suspicion.counted(NodeId(1), Kind::Malformed), 1_000);
    assert_eq!(suspicion.score(at(0), NodeId(1)), Points::ZERO);
    suspicion.note(at(0), NodeId(2), malformed(Channel::Relayed));
    suspicion.note(at(0), NodeId(3), malformed(Channel::Link));
    assert_eq!(suspicion.score(at(0), NodeId(2)).0, 7_500);
    assert_eq!(suspicion.score(at(0), NodeId(3)).0, 15_000);
}

#[test]
fn who_leaves_is_forgotten_and_who_stays_keeps_its_ledger() {
    use crate::{ids::Seq, quorum::Membership};
    let members = Membership::new(5).unwrap();
    let mut suspicion = Suspicion::new(NodeId(0), members, super::Config::default()).unwrap();
    for peer in [3, 4] {
        suspicion.note(at(0), NodeId(peer), Signal::CheckpointDisagreement);
    }
    let mut left = members.set();
    left.remove(NodeId(4));
    suspicion.turn(members.successor(Seq(100), left).unwrap());
    assert_eq!(suspicion.score(at(0), NodeId(3)), Points::new(30));
    assert_eq!(suspicion.score(at(0), NodeId(4)), Points::ZERO);
    suspicion.note(at(0), NodeId(4), Signal::CheckpointDisagreement);
    suspicion.note(at(0), NodeId(0), Signal::CheckpointDisagreement);
    assert_eq!(suspicion.snapshot(at(0)).len(), 3, "no ledger for strangers or oneself");
}
