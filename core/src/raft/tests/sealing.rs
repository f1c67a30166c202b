//! The end of the epoch.

use alloc::vec::Vec;

use super::{
    member::{Member, state_at},
    net::Net,
};
use crate::{
    ids::Seq,
    raft::{Answer, Body, Config, Event, Input, NotProposed},
};

#[test]
fn the_leader_fills_up_to_the_end_and_everybody_says_when_it_is_committed() {
    let mut net = Net::new(5);
    let leader = net.leader();
    net.does(leader, Input::Propose(1));
    for id in 0..5 {
        net.does(id, Input::Seal(Seq(10)));
    }
    net.wait(200);
    for id in 0..5 {
        assert_eq!(net.decided(id).last().unwrap().0, Seq(10));
        assert_eq!(net.payloads(id), [1]);
        let sealed = |event: &&Event| **event == Event::Sealed(Seq(10));
        assert_eq!(net.member(id).events.iter().filter(sealed).count(), 1);
    }
    let known = |event: &&Event| **event == Event::SealKnown(Seq(10));
    assert_eq!(net.member(leader).events.iter().filter(known).count(), 1);
    net.does(leader, Input::Propose(2));
    assert_eq!(net.member(leader).refused, [(2, NotProposed::Sealed)]);
}

#[test]
fn nothing_above_the_end_is_handed_out_whatever_stands_there() {
    // Given entries above the end, put there before anybody knew of it
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    for payload in 1..=5 {
        leader.does(Input::Propose(payload));
    }
    leader.does(Input::Seal(Seq(3)));
    for follower in [1, 2] {
        let answer = Answer::Matched(Seq(6));
        leader.hears(follower, 1, Body::AppendReply { round: 1, commit: Seq(0), answer });
    }
    // then the epoch ends where it ends.
    let seqs: Vec<_> = leader.decided.iter().map(|(seq, _)| seq.0).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert!(leader.events.contains(&Event::Sealed(Seq(3))));
    leader.does(Input::Compact { at: Seq(4), digest: state_at(4) });
    assert_eq!(leader.raft.snapshot().0.seq, Seq(0), "nor is there a state above it");
}

#[test]
fn a_leader_that_dies_at_the_end_is_replaced_by_one_that_can_still_commit_it() {
    let mut net = Net::new(5);
    let old = net.leader();
    let alone = (old + 1) % 5;
    for id in 0..5 {
        net.does(id, Input::Seal(Seq(4)));
    }
    // All entries up to the end are on some disks, but nobody knows them committed.
    let mut fresh: Vec<_> = (0..5).map(|id| Member::with_log(id, 5, 1, &[1, 1, 1, 1])).collect();
    for member in &mut fresh {
        member.does(Input::Seal(Seq(4)));
    }
    let mut net = Net::of(fresh);
    net.down.push(alone);
    let leader = net.leader();
    net.wait(200);
    // Its own entry stands above the end: it commits what is below.
    assert_eq!(net.member(leader).terms()[..4], [1, 1, 1, 1]);
    assert!(net.member(leader).raft.last().seq > Seq(4));
    for id in (0..5).filter(|id| *id != alone) {
        assert_eq!(net.decided(id).last().unwrap().0, Seq(4));
    }
    assert!(net.member(leader).events.contains(&Event::SealKnown(Seq(4))));
}

#[test]
fn the_end_is_filled_up_to_as_room_allows() {
    let mut net = Net::with(4, &Config { window: 4, ..Config::default() });
    let leader = net.leader();
    for id in 0..4 {
        net.does(id, Input::Seal(Seq(20)));
    }
    assert_eq!(net.member(leader).raft.committed(), Seq(8), "twice the window");
    for at in [8, 16] {
        for id in 0..4 {
            net.does(id, Input::Compact { at: Seq(at), digest: state_at(at) });
        }
        net.wait(200);
    }
    assert!(net.member(leader).events.contains(&Event::SealKnown(Seq(20))));
}

#[test]
fn a_majority_that_has_the_end_is_not_yet_one_that_knows_it() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    leader.does(Input::Seal(Seq(3)));
    let reply = |commit| Body::AppendReply {
        round: 1,
        commit: Seq(commit),
        answer: Answer::Matched(Seq(3)),
    };
    let known = Event::SealKnown(Seq(3));
    leader.hears(1, 1, reply(0));
    leader.hears(2, 1, reply(0));
    assert!(leader.events.contains(&Event::Sealed(Seq(3))) && !leader.events.contains(&known));
    leader.hears(1, 1, reply(3));
    assert!(!leader.events.contains(&known));
    leader.hears(2, 1, reply(3));
    assert!(leader.events.contains(&known));
}

#[test]
fn reads_at_the_end_fail_for_the_old_majority_proves_nothing_any_more() {
    let mut net = Net::new(5);
    let leader = net.leader();
    for id in 0..5 {
        net.does(id, Input::Seal(Seq(5)));
    }
    for id in 0..5 {
        net.does(id, Input::Read(1));
    }
    net.wait(1_100);
    for id in 0..5 {
        assert_eq!((net.member(id).ready.len(), net.member(id).failed.len()), (0, 1));
    }
    assert_eq!(net.leaders(), [leader]);
}
