//! The scenarios of the paper's figures 7 and 8.

use alloc::vec::Vec;

use super::{
    member::{Member, append, at, entries, nothing},
    net::Net,
};
use crate::{
    ids::{Seq, Term},
    raft::{Answer, Body, Input, Role},
};

/// The leader's log, and those of the followers a to f: entries missing, extra ones, or both.
const LEADER: &[u64] = &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const FOLLOWERS: [&[u64]; 6] = [
    &[1, 1, 1, 4, 4, 5, 5, 6, 6],
    &[1, 1, 1, 4],
    &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    &[1, 1, 1, 4, 4, 4, 4],
    &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
];

#[test]
fn figure_7_a_new_leader_brings_every_log_in_line_with_its_own() {
    // Given the seven logs, and that the first leads term 8 by the votes of a, b, e and f
    let mut members = Vec::from([Member::with_log(0, 7, 7, LEADER)]);
    for (id, terms) in (1..).zip(FOLLOWERS) {
        members.push(Member::with_log(id, 7, 7, terms));
    }
    let mut net = Net::of(members);
    net.member(0).wait(2_000);
    net.settle();
    assert_eq!(net.leaders(), [0]);
    net.wait(500);
    // then all logs are its log with an entry of its term, and all of it is committed.
    let mut expected = LEADER.to_vec();
    expected.push(8);
    for id in 0..7 {
        assert_eq!(net.member(id).terms(), expected, "{id}");
        assert_eq!(net.member(id).raft.committed(), Seq(11));
        assert_eq!(net.decided(id), net.decided(0));
    }
}

#[test]
fn figure_7_who_may_have_a_votes_only_for_logs_that_are_not_behind() {
    // c and d hold more than the leader: they don't vote for it, and a, b, e, f do.
    for (terms, grants) in FOLLOWERS.iter().zip([true, true, false, false, true, true]) {
        let mut member = Member::with_log(1, 7, 7, terms);
        let said = member.asked(0, 8, Body::Vote { last: at(6, 10), transfer: false });
        assert_eq!(said, [Body::VoteReply { granted: grants }], "{terms:?}");
    }
}

#[test]
fn figure_7_backing_up_takes_one_message_for_each_term_that_differs_at_most() {
    for terms in FOLLOWERS {
        let mut leader = Member::with_log(0, 7, 7, LEADER);
        leader.is_elected_by(&[1, 2, 5]);
        let mut follower = Member::with_log(6, 7, 7, terms);
        let mut rejections = 0;
        let mut ask = append(at(6, 10), entries(&[8]), 0);
        loop {
            let answer = follower.asked(0, 8, ask).pop().unwrap();
            let Body::AppendReply { answer: given, .. } = answer else { panic!("{answer:?}") };
            if let Answer::Matched(_) = given {
                break;
            }
            rejections += 1;
            leader.said();
            leader.hears(6, 8, answer);
            let mut said = leader.said();
            said.retain(|body| matches!(body, Body::Append(append) if !append.entries.is_empty()));
            ask = said.pop().unwrap();
        }
        let mut wrong: Vec<_> = terms.iter().zip(LEADER).filter(|(a, b)| a != b).collect();
        wrong.dedup_by_key(|(term, _)| **term);
        assert!(rejections <= wrong.len() + 1, "{terms:?}: {rejections} rejections");
    }
}

/// Figure 8 up to (c): S1 to S5 are 0 to 4. S1 leads term 4 and has put its entry of term 2 on S2
/// and S3; S5 was the leader of term 3.
fn figure_8() -> Net {
    let logs: [&[u64]; 5] = [&[1, 2], &[1, 2], &[1], &[1], &[1, 3]];
    let members = (0..).zip(logs).map(|(id, terms)| Member::with_log(id, 5, 3, terms)).collect();
    let mut net = Net::of(members);
    net.cut = Vec::from([3, 4]);
    net.member(0).is_elected_by(&[1, 2]);
    net
}

#[test]
fn figure_8_an_entry_of_an_earlier_term_on_a_majority_can_still_be_overwritten() {
    let mut net = figure_8();
    // (c) S3 has S1's entry of term 2, but nothing of term 4: it is on a majority,
    let mut s1 = net.member(0).clone();
    for follower in [1, 2] {
        let answer = Answer::Matched(Seq(2));
        s1.hears(follower, 4, Body::AppendReply { round: 1, commit: Seq(0), answer });
    }
    // and yet not committed,
    assert_eq!(s1.raft.committed(), Seq(0));
    // for (d) S5 can win term 5 with the votes of S2, S3 and S4, and overwrite it.
    for follower in [1, 2, 3] {
        let terms: &[u64] = if follower == 3 { &[1] } else { &[1, 2] };
        let mut member = Member::with_log(follower, 5, 4, terms);
        let said = member.asked(4, 5, Body::Vote { last: at(3, 2), transfer: false });
        assert_eq!(said, [Body::VoteReply { granted: true }]);
        let took = member.asked(4, 5, append(at(1, 1), [nothing(3), nothing(5)].into(), 0));
        assert!(matches!(took[..], [Body::AppendReply { answer: Answer::Matched(Seq(3)), .. }]));
        assert_eq!(member.terms(), [1, 3, 5]);
    }
}

#[test]
fn figure_8_once_an_entry_of_the_own_term_is_committed_the_others_can_not_win() {
    let mut net = figure_8();
    // (e) S1's entry of term 4 reaches S2 and S3, and all before it is committed with it.
    net.settle();
    net.wait(100);
    assert_eq!(net.member(0).raft.committed(), Seq(3));
    // S5 stands for later terms, and gets the vote of S4 at most.
    net.cut = Vec::from([0]);
    net.down.push(0);
    for _ in 0..3 {
        net.member(4).wait(2_000);
        net.settle();
        assert_ne!(net.member(4).raft.role(), Role::Leader);
    }
    let leader = net.leader();
    assert!([1, 2].contains(&leader), "{leader}");
    net.cut.clear();
    net.wait(1_000);
    assert_eq!(net.member(4).terms()[..3], [1, 2, 4]);
    net.does(leader, Input::Propose(7));
    assert_eq!(net.payloads(4).last(), Some(&7));
    assert!(net.member(4).raft.term() > Term(4));
}
