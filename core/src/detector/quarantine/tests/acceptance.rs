//! What the issue asks of quarantine, case by case.

use core::time::Duration;

use super::{Log, MINUTE_MS};
use crate::{
    detector::{
        quarantine::{Claim, Hold, What},
        suspicion::{self, Kind, Signal, Suspicion, Verdict},
    },
    ids::{NodeId, Principal},
    quorum::Membership,
    time::Time,
};

#[test]
fn five_failures_in_a_row_at_two_observers_of_four_put_a_node_in_quarantine() {
    // Given two observers that each see node 3 fail five times in a row,
    let mut log = Log::new(4);
    let members = Membership::new(4).unwrap();
    for observer in [0, 1] {
        assert_eq!(log.held(), []);
        let mut suspicion =
            Suspicion::new(NodeId(observer), members, suspicion::Config::default()).unwrap();
        for failure in 0..5 {
            assert!(suspicion.decide(Time::from_millis(failure)).is_empty());
            suspicion.note(Time::from_millis(failure), NodeId(3), Signal::Failure);
        }
        // when each says what it decides,
        for decision in suspicion.decide(Time::from_millis(5)) {
            assert_eq!((decision.suspect, decision.verdict), (NodeId(3), Verdict::Accuse));
            let reasons = decision.reasons.iter().map(|reason| reason.kind).collect();
            let (suspect, score) = (decision.suspect, decision.score.whole());
            assert!(score >= 50);
            let claim = Claim::Accuse { suspect, score, reasons };
            log.say(Principal::Node(NodeId(observer)), claim);
        }
    }
    // then it is in quarantine, for five minutes, and why is written down.
    assert_eq!(log.held(), [3]);
    let hold = log.quarantine.record(NodeId(3)).unwrap().hold.unwrap();
    let until = log.now.after_ms(5 * MINUTE_MS);
    assert_eq!(hold, Hold { since: log.now, until, excused: false });
    let entry = log.entries.last().unwrap();
    assert!(matches!(&entry.what, What::Held { offence: 1, by, reasons, .. }
        if by.iter().eq([NodeId(0), NodeId(1)]) && *reasons == [Kind::Failures]));
    let words = "node 3 is in quarantine, offence 1, accused by 0, 1 of failures";
    assert_eq!(alloc::format!("{entry}"), words);
}

#[test]
fn after_the_signals_stop_the_node_is_released_and_not_before_its_term_is_over() {
    let mut log = Log::new(4);
    log.accuse(0, 3);
    log.accuse(1, 3);
    // The observers' scores have decayed after two minutes.
    log.pass_ms(2 * MINUTE_MS);
    log.withdraw(0, 3);
    log.withdraw(1, 3);
    log.pass_ms(3 * MINUTE_MS - 1);
    assert_eq!(log.held(), [3]);
    assert_eq!(log.quarantine.next_wake(), Some(log.now.after_ms(1)));
    log.pass_ms(1);
    assert_eq!(log.held(), []);
    assert_eq!(log.said(3).last(), Some(&&What::Released));
}

#[test]
fn while_the_accusations_stand_the_term_is_extended() {
    let mut log = Log::new(4);
    log.accuse(0, 3);
    log.accuse(1, 3);
    log.pass_ms(5 * MINUTE_MS);
    assert!(matches!(log.said(3)[..], [What::Held { .. }, What::Extended { .. }]));
    // When the accusers fall silent, their accusations lapse, and then it is free.
    log.pass_ms(5 * MINUTE_MS);
    assert_eq!(log.held(), []);
}

#[test]
fn a_second_offence_is_held_longer_and_forgotten_after_a_day() {
    let mut log = Log::new(4);
    let offend = |log: &mut Log| {
        log.accuse(0, 3);
        log.accuse(1, 3);
        log.withdraw(0, 3);
        log.withdraw(1, 3);
        let Hold { since, until, .. } = log.quarantine.record(NodeId(3)).unwrap().hold.unwrap();
        log.pass_ms(until.0 - since.0);
        assert_eq!(log.held(), []);
        (until.0 - since.0) / MINUTE_MS
    };
    assert_eq!([offend(&mut log), offend(&mut log), offend(&mut log)], [5, 10, 20]);
    log.pass_ms(2 * 24 * 60 * MINUTE_MS);
    assert_eq!(offend(&mut log), 10, "two days forget two of three");
}

#[test]
fn never_more_than_f_are_in_quarantine() {
    // Given seven members, two of which may be faulty, and everybody accuses 4, 5 and 6,
    let mut log = Log::new(7);
    for suspect in [4, 5, 6] {
        for by in 0..4 {
            log.accuse(by, suspect);
        }
    }
    // then the first two are held, and the third waits,
    assert_eq!(log.held(), [4, 5]);
    assert_eq!(log.said(6), [&What::Waits]);
    assert_eq!(log.quarantine.suspected().len(), 3, "that all three are suspected is known");
    // until there is a place.
    for by in 0..4 {
        log.withdraw(by, 4);
    }
    log.pass_ms(5 * MINUTE_MS);
    assert_eq!(log.held(), [5, 6]);
    assert!(matches!(log.said(6)[..], [What::Waits, What::Held { .. }]));
}

#[test]
fn one_liars_accusations_quarantine_nobody() {
    let mut log = Log::new(4);
    for minute in 0..600 {
        for suspect in 0..3 {
            let _ = log.accuse(3, suspect);
            if minute % 3 == u64::from(suspect) {
                let _ = log.withdraw(3, suspect);
            }
        }
        assert_eq!(log.held(), []);
        log.pass_ms(MINUTE_MS);
    }
    assert!(log.quarantine.is_silenced(NodeId(3)), "and in the end nobody listens");
    assert!(log.entries.len() < 60, "{} entries: it fills no history", log.entries.len());
}

#[test]
fn the_whole_way_of_one_offence_from_signals_to_release() {
    // Given two observers whose signals about node 3 stop after the first second,
    let mut log = Log::new(4);
    let members = Membership::new(4).unwrap();
    let config = suspicion::Config::default();
    let mut observers = [0, 1].map(|id| Suspicion::new(NodeId(id), members, config).unwrap());
    for observer in &mut observers {
        for failure in 0..5 {
            observer.note(Time::from_millis(failure * 200), NodeId(3), Signal::Failure);
        }
    }
    // when they look every ten seconds and say what they decide,
    let (mut held, mut released) = (None, None);
    for step in 0..60_u64 {
        let now = Time::from_millis(1_000) + Duration::from_secs(step * 10);
        for (id, observer) in (0..).zip(&mut observers) {
            for decision in observer.decide(now) {
                match decision.verdict {
                    Verdict::Accuse => log.accuse(id, decision.suspect.0),
                    Verdict::Withdraw => log.withdraw(id, decision.suspect.0),
                };
            }
        }
        match (held, log.held().len()) {
            (None, 1) => held = Some(step),
            (Some(_), 0) if released.is_none() => released = Some(step),
            _ => {}
        }
        log.pass_ms(10_000);
    }
    // then it is held at once, and released when its five minutes are over.
    assert_eq!((held, released), (Some(0), Some(30)));
}
