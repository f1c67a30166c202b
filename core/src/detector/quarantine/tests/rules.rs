//! One test for each rule of the room's map.

use super::{Log, MINUTE_MS};
use crate::{
    analyzer::Network,
    crypto::encode,
    detector::quarantine::{Claim, Order, Quarantine, Refused, Statement, What},
    ids::{ClientId, NodeId, Principal, Seq},
};

#[test]
fn it_takes_f_plus_one_distinct_observers() {
    let mut log = Log::new(7);
    for _ in 0..5 {
        log.accuse(0, 6);
        log.accuse(1, 6);
    }
    assert_eq!(log.held(), [], "two say it ten times");
    log.accuse(2, 6);
    assert_eq!(log.held(), [6]);
}

#[test]
fn an_accusation_that_nobody_shares_weakens_and_more_than_f_of_them_silence() {
    let mut log = Log::new(4);
    let _ = log.accuse(3, 0);
    log.pass_ms(MINUTE_MS);
    assert_eq!(log.said(3), [&What::Unfounded { suspect: NodeId(0) }]);
    // Two thirds of a voice and a whole one are not two.
    log.accuse(1, 0);
    assert_eq!(log.held(), []);
    log.withdraw(1, 0);
    let _ = log.accuse(3, 2);
    log.pass_ms(MINUTE_MS);
    assert!(log.quarantine.is_silenced(NodeId(3)), "about two of four: one of them is correct");
    assert_eq!(log.said(3).last(), Some(&&What::Silenced));
}

#[test]
fn who_takes_an_accusation_back_has_still_made_it() {
    let mut log = Log::new(4);
    for _ in 0..10 {
        log.accuse(3, 0);
        log.pass_ms(MINUTE_MS / 5);
        log.withdraw(3, 0);
    }
    assert_eq!(log.said(3), [&What::Unfounded { suspect: NodeId(0) }]);
}

#[test]
fn an_unfounded_accusation_is_forgotten_an_hour_after_it_ended() {
    let mut log = Log::new(4);
    log.accuse(3, 0);
    // For two hours it is said again and again, so the hour doesn't begin.
    for _ in 0..24 {
        log.pass_ms(5 * MINUTE_MS);
        log.accuse(3, 0);
    }
    log.accuse(1, 0);
    assert_eq!(log.held(), []);
    log.withdraw(1, 0);
    log.withdraw(3, 0);
    log.pass_ms(60 * MINUTE_MS - 1);
    log.accuse(2, 0);
    log.accuse(3, 0);
    assert_eq!(log.held(), [], "not yet");
    log.withdraw(2, 0);
    log.withdraw(3, 0);
    log.pass_ms(62 * MINUTE_MS);
    log.accuse(3, 0);
    log.accuse(1, 0);
    assert_eq!(log.held(), [0], "two whole voices");
}

#[test]
fn who_turns_out_to_be_right_is_whole_again() {
    // Given an observer that a liar made look wrong, by misbehaving towards nobody else,
    let mut log = Log::new(4);
    log.accuse(0, 3);
    log.pass_ms(2 * MINUTE_MS);
    assert_eq!(log.said(0), [&What::Unfounded { suspect: NodeId(3) }]);
    // when the others see it too, with the observer that stood by what it said,
    log.accuse(1, 3);
    assert_eq!(log.held(), [], "a whole voice and two thirds");
    log.accuse(2, 3);
    assert_eq!(log.held(), [3]);
    // then nothing is held against it any more.
    log.withdraw(0, 3);
    log.withdraw(1, 3);
    log.withdraw(2, 3);
    log.pass_ms(5 * MINUTE_MS);
    log.accuse(0, 3);
    log.accuse(1, 3);
    assert_eq!(log.held(), [3], "two whole voices");
    // The same if there is proof.
    let mut log = Log::new(4);
    log.accuse(0, 3);
    log.pass_ms(2 * MINUTE_MS);
    log.convict(3);
    log.accuse(0, 2);
    log.accuse(1, 2);
    assert_eq!(log.quarantine.suspected().len(), 1);
}

#[test]
fn proof_needs_no_voices_and_is_for_ever() {
    let mut log = Log::new(4);
    assert_eq!(log.convict(3).outcome, Ok(()));
    assert_eq!(log.held(), [3]);
    log.pass_ms(365 * 24 * 60 * MINUTE_MS);
    assert_eq!(log.held(), [3]);
    assert_eq!(log.convict(3).outcome, Err(Refused::Known(NodeId(3))));
    assert_eq!(log.accuse(3, 0).outcome, Err(Refused::Convicted(NodeId(3))));
}

/// An equivocating primary makes who it deceives look silent, until there is proof.
#[test]
fn who_was_held_shortly_before_a_proof_is_free_once_nobody_accuses_and_it_counts_for_nothing() {
    let mut log = Log::new(7);
    (0..4).for_each(|by| drop(log.accuse(by, 5)));
    log.pass_ms(MINUTE_MS);
    log.convict(6);
    assert_eq!(log.held(), [5, 6], "they still accuse it");
    log.withdraw(0, 5);
    assert_eq!(log.held(), [5, 6], "three voices are f+1");
    log.withdraw(1, 5);
    assert_eq!(log.held(), [6]);
    assert!(matches!(log.said(5)[..], [What::Held { .. }, What::Acquitted]));
    assert_eq!(log.quarantine.record(NodeId(5)).unwrap().offences(), 0);
    // What is held after the proof has nothing to do with it.
    (0..4).for_each(|by| drop(log.accuse(by, 5)));
    (0..4).for_each(|by| drop(log.withdraw(by, 5)));
    assert_eq!(log.held(), [5, 6]);
    assert!(matches!(log.said(5)[2..], [What::Held { offence: 1, .. }]));
}

#[test]
fn a_liar_that_has_itself_convicted_frees_nobody_who_is_accused_or_was_held_long_before() {
    let mut log = Log::new(10);
    (0..4).for_each(|by| drop(log.accuse(by, 9)));
    log.pass_ms(5 * MINUTE_MS - 1);
    (0..4).for_each(|by| drop(log.accuse(by, 9)));
    log.pass_ms(2); // it stands, and is extended
    (0..4).for_each(|by| drop(log.accuse(by, 8)));
    assert_eq!(log.held(), [8, 9]);
    log.convict(7);
    (0..4).for_each(|by| drop(log.withdraw(by, 9)));
    assert_eq!(log.held(), [7, 8, 9], "one was held before, the other is still accused");
    log.pass_ms(5 * MINUTE_MS);
    assert_eq!(log.held(), [7, 8], "its term is over");
}

#[test]
fn proof_takes_the_place_of_the_accusation_with_the_fewest_voices() {
    let mut log = Log::new(7);
    for by in 0..4 {
        log.accuse(by, 5);
    }
    for by in 0..3 {
        log.accuse(by, 4);
    }
    assert_eq!(log.held(), [4, 5]);
    log.convict(6);
    assert_eq!(log.held(), [5, 6]);
    assert!(matches!(log.said(4)[..], [What::Held { .. }, What::Displaced, What::Waits]));
    // All who are convicted stay, also beyond f.
    log.convict(0);
    log.convict(1);
    assert_eq!(log.held(), [0, 1, 6]);
}

#[test]
fn the_administrator_holds_and_frees_anyone_and_it_is_recorded() {
    let mut log = Log::new(4);
    log.order(2, Some(Order::Hold));
    assert_eq!(log.held(), [2]);
    assert_eq!(log.order(1, Some(Order::Hold)).outcome, Err(Refused::Full { limit: 1 }));
    log.pass_ms(60 * MINUTE_MS);
    assert_eq!(log.held(), [2], "an order has no term");
    log.order(2, None);
    assert_eq!(log.held(), []);
    // It frees whom others accuse, and even whom a proof convicts; the proof stays on record.
    log.accuse(0, 3);
    log.accuse(1, 3);
    log.order(3, Some(Order::Free));
    assert_eq!(log.held(), []);
    log.accuse(2, 3);
    assert_eq!(log.held(), [], "whatever anyone says");
    log.convict(3);
    assert_eq!((log.held(), log.quarantine.convicted().len()), (alloc::vec![], 1));
    log.order(3, None);
    assert_eq!(log.held(), [3]);
    let orders = log.entries.iter().filter(|entry| matches!(entry.what, What::Ordered(_)));
    assert_eq!(orders.count(), 4);
    let by_member = Claim::Order { node: NodeId(3), order: None };
    let member = Principal::Node(NodeId(0));
    assert_eq!(log.say(member, by_member).outcome, Err(Refused::NoSay(member)));
}

#[test]
fn who_is_no_member_has_no_say_and_nothing_is_said_of_it() {
    let mut log = Log::new(4);
    for by in [Principal::Node(NodeId(4)), Principal::Client(ClientId(1))] {
        let claim = Claim::Withdraw { suspect: NodeId(0) };
        assert_eq!(log.say(by, claim).outcome, Err(Refused::NoSay(by)));
    }
    assert_eq!(log.accuse(0, 4).outcome, Err(Refused::NotAMember(NodeId(4))));
    assert_eq!(log.accuse(0, 0).outcome, Err(Refused::Oneself));
    assert_eq!(log.withdraw(0, 1).outcome, Err(Refused::NotAccused(NodeId(1))));
    log.accuse(0, 1);
    log.accuse(0, 2);
    assert_eq!(log.accuse(0, 3).outcome, Err(Refused::TooMany { limit: 2 }));
}

#[test]
fn an_old_statement_ordered_again_changes_nothing() {
    let mut log = Log::new(4);
    log.accuse(0, 3);
    let old = Statement { number: 1, claim: Claim::Withdraw { suspect: NodeId(3) } };
    let again = log.quarantine.apply(Seq(9), log.now, Principal::Node(NodeId(0)), &old);
    assert_eq!(again.outcome, Err(Refused::Old { found: 1, last: 1 }));
    assert_eq!(log.quarantine.last_number(Principal::Node(NodeId(0))), 1);
}

#[test]
fn quorums_never_shrink() {
    let mut log = Log::new(7);
    let (before, members) = (encode(&log.quarantine), log.quarantine.members());
    log.convict(6);
    log.order(5, Some(Order::Hold));
    assert_ne!(before, encode(&log.quarantine));
    assert_eq!(log.quarantine.members(), members, "who is in quarantine is still a member");
}

#[test]
fn who_leaves_is_forgotten_with_all_that_it_said() {
    let mut log = Log::new(7);
    for by in [0, 1, 6] {
        log.accuse(by, 5);
    }
    log.convict(4);
    assert_eq!(log.held(), [4, 5]);
    let mut nodes = log.quarantine.members().set();
    nodes.remove(NodeId(4));
    nodes.remove(NodeId(6));
    let members = log.quarantine.members().successor(Seq(100), nodes).unwrap();
    log.quarantine.turn(Seq(100), members);
    // Five members: f is 1, and that is the place of node 5, until its term ends.
    assert_eq!(log.held(), [5]);
    assert_eq!(log.quarantine.accusers(NodeId(5)).len(), 2);
    assert_eq!(log.accuse(6, 5).outcome, Err(Refused::NoSay(Principal::Node(NodeId(6)))));
}

#[test]
fn it_is_written_and_read_again_as_it_was() {
    let mut log = Log::new(4);
    log.accuse(0, 3);
    log.accuse(1, 3);
    log.convict(2);
    let kept = postcard::from_bytes(&encode(&log.quarantine)).unwrap();
    let members = log.quarantine.members();
    let again = Quarantine::resumed(members, log.quarantine.config(), kept);
    assert_eq!(again, log.quarantine);
}

#[test]
fn the_network_is_as_bad_as_f_plus_one_say_whatever_f_liars_say() {
    let all = Network::ALL;
    let said = |by: &[Network]| {
        let mut log = Log::new(7);
        for (node, network) in (0..).zip(by) {
            let _ = log.say(Principal::Node(NodeId(node)), Claim::Measure(*network));
        }
        log.quarantine.network()
    };
    // Whatever five correct ones say, two liars move it no further than to the worst and the best of
    // them.
    for case in 0..4_usize.pow(5) {
        let correct: alloc::vec::Vec<_> = (0..5).map(|at| all[case >> (2 * at) & 3]).collect();
        let (best, worst) = (correct.iter().min().unwrap(), correct.iter().max().unwrap());
        for (one, other) in [(all[0], all[0]), (all[0], all[3]), (all[3], all[3])] {
            let agreed = said(&[&[one, other], &correct[..]].concat());
            assert!((best..=worst).contains(&&agreed), "{correct:?} and {one}, {other}: {agreed}");
        }
    }
    assert_eq!(said(&[all[2], all[1], all[3]]), Network::Slow, "three say slow at least");
}

#[test]
fn a_convicted_member_is_not_asked_about_the_network() {
    let mut log = Log::new(4);
    let lossy = Claim::Measure(Network::Lossy);
    log.say(Principal::Node(NodeId(0)), lossy.clone());
    log.say(Principal::Node(NodeId(1)), lossy.clone());
    assert_eq!(log.quarantine.network(), Network::Lossy);
    log.convict(1);
    assert_eq!(log.quarantine.network(), Network::Calm);
    let refused = log.say(Principal::Node(NodeId(1)), lossy).outcome;
    assert_eq!(refused, Err(Refused::Convicted(NodeId(1))));
}

#[test]
fn who_vouches_is_a_member_that_is_heard_and_says_it_of_another_and_anew_in_each_epoch() {
    let mut log = Log::new(7);
    assert_eq!(log.vouch(1, 1).outcome, Err(Refused::Oneself));
    assert_eq!(log.vouch(1, 9).outcome, Err(Refused::NotAMember(NodeId(9))));
    assert_eq!(log.vouch(9, 1).outcome, Err(Refused::NoSay(Principal::Node(NodeId(9)))));
    for offender in [3, 4, 5] {
        assert_eq!(log.vouch(1, offender).outcome, Ok(()));
    }
    assert_eq!(log.vouch(1, 6).outcome, Err(Refused::TooMany { limit: 3 }));
    assert_eq!(log.vouch(1, 3).outcome, Ok(()), "again");
    log.vouch(2, 3);
    // Two that vouched: in the next epoch it takes three again. And who lies itself isn't heard.
    let next = log.quarantine.members().successor(Seq(100), log.quarantine.members().set());
    log.quarantine.turn(Seq(100), next.unwrap());
    assert!(log.quarantine.vouched_by(NodeId(1)).is_empty());
    log.convict(6);
    assert_eq!(log.vouch(6, 3).outcome, Err(Refused::Convicted(NodeId(6))));
    for by in [0, 1] {
        assert_eq!(log.vouch(by, 3).outcome, Ok(()));
    }
    assert_eq!(log.quarantine.convicted().len(), 1);
    log.vouch(2, 3);
    assert_eq!(log.quarantine.convicted().len(), 2);
    assert_eq!(log.vouch(4, 3).outcome, Err(Refused::Known(NodeId(3))));
    // More than f surely lie: f+1 that vouch may all be among them.
    log.convict(5);
    log.convict(4);
    assert!(!log.quarantine.convicted().contains(NodeId(3)), "acquitted");
    for by in [0, 1, 2] {
        log.vouch(by, 3);
    }
    assert!(!log.quarantine.convicted().contains(NodeId(3)));
}
