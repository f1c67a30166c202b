//! Read index: reads that see everything that was committed before they came.

use alloc::{vec, vec::Vec};

use super::{
    member::{Member, append, at, nothing},
    net::Net,
};
use crate::{
    ids::{NodeId, Seq},
    raft::{Answer, Body, Input},
};

fn matched(round: u64, seq: u64) -> Body<u64> {
    Body::AppendReply { round, commit: Seq(0), answer: Answer::Matched(Seq(seq)) }
}

#[test]
fn any_member_answers_reads_from_where_everything_committed_is_in() {
    let mut net = Net::new(5);
    let leader = net.leader();
    for payload in 1..=5 {
        net.does(leader, Input::Propose(payload));
    }
    for id in 0..5 {
        net.does(id, Input::Read(70 + u64::from(id)));
        assert_eq!(net.member(id).ready, [(70 + u64::from(id), Seq(6))]);
        assert_eq!(net.member(id).raft.committed(), Seq(6));
    }
}

#[test]
fn a_read_waits_for_a_majority_that_was_with_the_leader_after_the_read_came() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    for follower in 1..5 {
        leader.hears(follower, 1, matched(1, 1));
    }
    // When a read comes, everybody is asked,
    leader.said();
    leader.does(Input::Read(7));
    let round = |body: &Body<u64>| match body {
        Body::Append(append) => append.round,
        _ => 0,
    };
    assert_eq!(leader.said().iter().map(round).collect::<Vec<_>>(), [2, 2, 2, 2]);
    // and what followers say to earlier messages proves nothing.
    for follower in 1..5 {
        leader.hears(follower, 1, matched(1, 1));
    }
    leader.hears(1, 1, matched(2, 1));
    assert_eq!(leader.ready, []);
    leader.hears(2, 1, matched(2, 1));
    assert_eq!(leader.ready, [(7, Seq(1))]);
}

/// Seed 11241 of the storms: the answer named a round that the new term had not come to. Had it come
/// there with a read, the answer would have confirmed it.
#[test]
fn an_answer_to_what_a_leader_said_in_an_earlier_term_confirms_no_read_of_a_later_one() {
    // Given a member that led term 1 for many rounds, and leads term 3 now
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    for _ in 0..5 {
        leader.wait(100);
    }
    let late = leader.sent.pop().unwrap().1;
    leader.hears(1, 2, Body::VoteReply { granted: false });
    leader.is_elected_by(&[1, 2]);
    for follower in 1..5 {
        leader.hears(follower, 3, matched(1, 2));
    }
    leader.does(Input::Read(7));
    // when what it said in term 1 arrives at last, at followers of term 3,
    let answers = [1, 2, 3].map(|follower| {
        let mut member = Member::with_log(follower, 5, 3, &[1]);
        member.asked(0, late.term.0, late.body.clone()).pop().unwrap()
    });
    // then what they answer proves nothing about the read, and is no lie.
    for (follower, answer) in (1..).zip(answers) {
        leader.hears(follower, 3, answer);
    }
    assert_eq!(leader.ready, []);
    let refused = |event: &crate::raft::Event| matches!(event, crate::raft::Event::Refused { .. });
    assert!(!leader.events.iter().any(refused));
}

#[test]
fn a_new_leader_answers_only_once_an_entry_of_its_own_term_is_committed() {
    // Given a leader that doesn't know how much of its log is committed
    let mut leader = Member::with_log(0, 5, 3, &[1, 1, 3]);
    leader.is_elected_by(&[1, 2]);
    leader.does(Input::Read(7));
    for follower in [1, 2] {
        leader.hears(follower, 4, matched(2, 3));
    }
    assert_eq!((leader.raft.committed(), leader.ready.len()), (Seq(0), 0));
    for follower in [1, 2] {
        leader.hears(follower, 4, matched(2, 4));
    }
    assert_eq!(leader.ready, [(7, Seq(4))]);
}

#[test]
fn a_leader_that_was_replaced_answers_no_read() {
    let mut net = Net::new(5);
    let old = net.leader();
    net.cut.push(old);
    net.does(old, Input::Read(7));
    let new = net.leader();
    net.does(new, Input::Propose(1));
    net.wait(2_000);
    assert_eq!(net.member(old).ready, []);
    assert_eq!(net.member(old).failed, [7]);
}

#[test]
fn reads_that_come_while_a_round_is_out_share_the_next() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    for follower in 1..5 {
        leader.hears(follower, 1, matched(1, 1));
    }
    leader.said();
    for id in 1..=100 {
        leader.does(Input::Read(id));
    }
    assert_eq!(leader.said().len(), 4, "one round");
    for follower in [1, 2] {
        leader.hears(follower, 1, matched(2, 1));
    }
    assert_eq!(leader.ready.len(), 1);
    assert_eq!(leader.said().len(), 4, "and one for all the others");
    for follower in [1, 2] {
        leader.hears(follower, 1, matched(3, 1));
    }
    assert_eq!(leader.ready.len(), 100);
}

#[test]
fn a_read_that_is_lost_or_that_nobody_can_answer_fails() {
    let mut member = Member::new(0, 5);
    member.does(Input::Read(1));
    assert_eq!(member.failed, [1], "no leader is known");
    member.hears(1, 1, append(at(0, 0), vec![nothing(1)], 0));
    member.does(Input::Read(2));
    assert_eq!(member.raft.deadline(), member.now + core::time::Duration::from_secs(1));
    member.wait(1_000);
    assert_eq!(member.failed, [1, 2], "lost");
    member.hears(1, 1, append(at(1, 1), vec![], 0));
    member.does(Input::Read(3));
    member.hears(2, 2, append(at(1, 1), vec![], 0));
    assert_eq!(member.failed, [1, 2, 3], "another leads");
    assert_eq!(member.ready, []);
}

#[test]
fn reads_that_wait_are_bounded() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    for id in 0..2_000 {
        leader.does(Input::Read(id));
    }
    assert_eq!(leader.failed.len(), 2_000 - 1_024);
    let mut follower = Member::new(0, 5);
    follower.hears(1, 1, append(at(0, 0), vec![], 0));
    for id in 0..2_000 {
        follower.does(Input::Read(id));
    }
    assert_eq!(follower.failed.len(), 2_000 - 1_024);
}

#[test]
fn only_the_leader_says_from_where_on_a_read_is_answered() {
    let mut member = Member::new(0, 5);
    member.hears(1, 1, append(at(0, 0), vec![nothing(1)], 1));
    member.does(Input::Read(5));
    member.hears(2, 1, Body::ReadAt { id: 5, at: Seq(0) });
    assert_eq!(member.ready, []);
    member.hears(1, 1, Body::ReadAt { id: 5, at: Seq(2) });
    assert_eq!(member.ready, [], "position 2 isn't there yet");
    member.hears(1, 1, append(at(1, 1), vec![nothing(1)], 2));
    assert_eq!(member.ready, [(5, Seq(2))]);
    assert_eq!(member.raft.leader(), Some(NodeId(1)));
}
