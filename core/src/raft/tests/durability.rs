//! Nothing is promised that a crash undoes.

use alloc::{vec, vec::Vec};

use super::member::{Member, append, at, entries, entry, nothing, state_at};
use crate::{
    crypto::Digest,
    ids::{Epoch, NodeId, Seq, Term},
    quorum::Membership,
    raft::{Answer, Body, CantStart, Config, Input, LogGap, Message, Raft, Record, Role},
};

/// The same without syncing.
fn hears(member: &mut Member, from: u16, term: u64, body: Body<u64>) {
    let message = Message { epoch: Epoch(0), term: Term(term), body };
    member.input(Input::Message { from: NodeId(from), message });
}

#[test]
fn a_vote_leaves_only_once_it_can_not_be_forgotten() {
    let mut member = Member::new(0, 5);
    let vote = || Body::Vote { last: at(0, 0), transfer: false };
    hears(&mut member, 1, 1, vote());
    assert_eq!(member.sent.len(), 0);
    // It crashes: it may vote for another, for nobody was told.
    let mut forgot = member.clone();
    forgot.restart();
    assert_eq!(forgot.asked(2, 1, vote()), [Body::VoteReply { granted: true }]);
    // It doesn't: what it said it keeps to.
    member.sync();
    assert_eq!(member.said(), [Body::VoteReply { granted: true }]);
    member.restart();
    assert_eq!(member.asked(2, 1, vote()), [Body::VoteReply { granted: false }]);
}

#[test]
fn entries_are_acknowledged_only_once_they_are_on_disk() {
    let mut member = Member::new(0, 5);
    hears(&mut member, 1, 1, append(at(0, 0), entries(&[1, 1]), 0));
    // Asked again, the answer waits for the same record.
    hears(&mut member, 1, 1, append(at(0, 0), entries(&[1, 1]), 0));
    assert_eq!(member.sent.len(), 0);
    member.sync();
    let matched = Body::AppendReply { round: 1, commit: Seq(0), answer: Answer::Matched(Seq(2)) };
    assert_eq!(member.said(), [matched.clone(), matched]);
    member.restart();
    assert_eq!(member.terms(), [1, 1]);
}

#[test]
fn a_candidate_asks_and_counts_itself_only_once_its_own_vote_is_on_disk() {
    let mut member = Member::new(0, 4);
    member.wait(2_000);
    member.said();
    for voter in [1, 2] {
        hears(&mut member, voter, 0, Body::PreVoteReply { for_term: Term(1), granted: true });
    }
    assert_eq!((member.raft.role(), member.sent.len()), (Role::Candidate, 0));
    for voter in [1, 2, 3] {
        hears(&mut member, voter, 1, Body::VoteReply { granted: true });
    }
    member.input(Input::Durable(0));
    assert_eq!(member.raft.role(), Role::Candidate, "not before its own record");
    member.sync();
    assert_eq!(member.raft.role(), Role::Leader);
}

#[test]
fn a_leader_sends_before_its_disk_has_it_and_counts_itself_after() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    for follower in [1, 2] {
        let answer = Answer::Matched(Seq(1));
        leader.hears(follower, 1, Body::AppendReply { round: 1, commit: Seq(0), answer });
    }
    leader.said();
    leader.input(Input::Propose(7));
    assert!(leader.said().contains(&append(at(1, 1), vec![entry(1, 7)], 1)), "it is sent");
    let matched = |follower, leader: &mut Member| {
        let answer = Answer::Matched(Seq(2));
        hears(leader, follower, 1, Body::AppendReply { round: 1, commit: Seq(1), answer });
    };
    for follower in [1, 2] {
        matched(follower, &mut leader);
    }
    assert_eq!(leader.raft.committed(), Seq(1), "two disks of five, not three");
    let mut other = leader.clone();
    matched(3, &mut other);
    assert_eq!(other.raft.committed(), Seq(2), "three others are a majority without it");
    leader.sync();
    assert_eq!(leader.raft.committed(), Seq(2));
}

#[test]
fn numbers_of_records_that_were_never_handed_out_make_nothing_durable() {
    let mut member = Member::new(0, 5);
    hears(&mut member, 1, 1, append(at(0, 0), entries(&[1]), 0));
    let mut early = member.raft.clone();
    early.handle(member.now, Input::Durable(99));
    assert_eq!(early.durable(), Seq(1), "all were handed out: all are durable");
    let message = Message { epoch: Epoch(0), term: Term(1), body: append(at(1, 1), vec![], 1) };
    let mut fresh: Raft<u64> =
        Raft::new(NodeId(0), Membership::new(5).unwrap(), Config::default(), state_at(0)).unwrap();
    let first = Message { body: append(at(0, 0), entries(&[1]), 0), ..message };
    fresh.handle(member.now, Input::Message { from: NodeId(1), message: first });
    fresh.handle(member.now, Input::Durable(99));
    assert_eq!(fresh.durable(), Seq(0), "none was handed out");
}

#[test]
fn compacted_records_stand_for_the_same_member() {
    // Given a member with a history of terms, conflicts and a snapshot
    let mut member = Member::new(0, 5);
    member.hears(1, 1, append(at(0, 0), entries(&[1, 1, 1, 1]), 2));
    member.hears(2, 3, append(at(1, 3), vec![nothing(3), entry(3, 5)], 3));
    member.does(Input::Compact { at: Seq(2), digest: state_at(2) });
    member.hears(3, 4, Body::Vote { last: at(9, 9), transfer: true });
    member.hears(3, 4, append(at(3, 5), vec![nothing(4)], 3));
    // when its records are compacted
    let compacted = Record::compact(Seq(0), member.disk.clone()).unwrap();
    assert_eq!(compacted.len(), 3, "{compacted:?}");
    assert!(member.disk.len() > 6);
    // then it is the same member that starts from them.
    let members = Membership::new(5).unwrap();
    let start = |disk: Vec<_>| {
        Raft::restore(NodeId(0), members, Config::default(), state_at(0), disk).unwrap()
    };
    let (from_all, from_few) = (start(member.disk.clone()), start(compacted.clone()));
    assert_eq!(from_all.state_hash(), from_few.state_hash());
    assert_eq!(from_few.snapshot(), (at(1, 2), state_at(2)));
    assert_eq!((from_few.last(), from_few.vote()), (at(4, 6), Some(NodeId(3))));
    assert_eq!(Record::compact(Seq(0), compacted.clone()).unwrap(), compacted);
}

#[test]
fn a_log_with_a_gap_is_no_log() {
    let disk = vec![
        Record::Append { first: Seq(1), entries: entries(&[1, 1]) },
        Record::Append { first: Seq(4), entries: entries(&[1]) },
    ];
    let members = Membership::new(4).unwrap();
    let started = Raft::restore(NodeId(0), members, Config::default(), Digest::default(), disk);
    let gap = LogGap { last: Seq(2), first: Seq(4) };
    assert_eq!(started.unwrap_err(), CantStart::Gap(gap));
}

#[test]
fn who_is_not_a_member_has_no_part_in_the_epoch() {
    let members = Membership::new(4).unwrap();
    let started = Raft::<u64>::new(NodeId(4), members, Config::default(), Digest::default());
    assert_eq!(started.unwrap_err(), CantStart::NotAMember(NodeId(4)));
}
