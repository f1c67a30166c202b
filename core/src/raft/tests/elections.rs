//! Pre-vote, protected leaders, majorities that are lost, and timeouts that differ.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    member::{Member, append, at, nothing},
    net::Net,
};
use crate::{
    ids::{NodeId, Seq, Term},
    raft::{Answer, Body, Cause, Config, Event, Input, Role},
};

#[test]
fn a_cluster_elects_one_leader_and_keeps_it_while_it_lives() {
    for n in [4, 5, 7] {
        let mut net = Net::new(n);
        let leader = net.leader();
        let term = net.member(leader).raft.term();
        net.wait(20_000);
        assert_eq!(net.leaders(), [leader]);
        for id in 0..n {
            assert_eq!(net.member(id).raft.term(), term);
            assert_eq!(net.member(id).raft.leader(), Some(NodeId(leader)));
        }
    }
}

#[test]
fn a_partitioned_member_that_returns_does_not_depose_the_leader() {
    let mut net = Net::new(5);
    let leader = net.leader();
    let term = net.member(leader).raft.term();
    let lost = (leader + 1) % 5;
    // Given a member that is cut off for many election timeouts
    net.cut.push(lost);
    net.wait(20_000);
    let stood = |event: &&Event| {
        matches!(event, Event::Became { role: Role::PreCandidate, cause: Cause::Timeout, .. })
    };
    assert!(net.member(lost).events.iter().filter(stood).count() > 5, "it asked again and again");
    assert_eq!(net.member(lost).raft.term(), term, "and entered no term");
    // when it is back
    net.cut.clear();
    net.wait(5_000);
    // then the leader leads on, and it follows.
    assert_eq!(net.leaders(), [leader]);
    assert_eq!(net.member(leader).raft.term(), term);
    assert_eq!(net.member(lost).raft.leader(), Some(NodeId(leader)));
}

#[test]
fn whoever_hears_its_leader_refuses_pre_votes_and_ignores_votes() {
    let mut member = Member::new(0, 5);
    member.hears(1, 1, append(at(0, 0), Vec::new(), 0));
    member.wait(999);
    let ask = || Body::PreVote { for_term: Term(2), last: at(9, 9) };
    let reply = |granted| Body::PreVoteReply { for_term: Term(2), granted };
    assert_eq!(member.asked(2, 1, ask()), [reply(false)]);
    let vote = || Body::Vote { last: at(9, 9), transfer: false };
    assert_eq!(member.asked(2, 5, vote()), []);
    assert_eq!(member.raft.term(), Term(1), "it doesn't even enter the term");
    // One millisecond later the leader was silent for too long.
    member.wait(1);
    assert_eq!(member.asked(2, 1, ask()), [reply(true)]);
    assert_eq!(member.asked(2, 5, vote()), [Body::VoteReply { granted: true }]);
}

#[test]
fn a_pre_vote_changes_nothing_and_goes_to_later_terms_and_logs_that_are_not_behind() {
    let mut member = Member::with_log(0, 5, 3, &[1, 2]);
    let mut ask = |for_term, last| {
        let before = (member.raft.term(), member.raft.vote(), member.disk.len());
        let said = member.asked(1, 9, Body::PreVote { for_term: Term(for_term), last });
        assert_eq!((member.raft.term(), member.raft.vote(), member.disk.len()), before);
        matches!(said[..], [Body::PreVoteReply { granted: true, .. }])
    };
    assert!(ask(4, at(2, 2)));
    assert!(!ask(3, at(2, 2)), "that term has begun");
    assert!(!ask(4, at(2, 1)), "that log is behind");
    assert!(!ask(4, at(1, 9)));
}

#[test]
fn pre_votes_count_for_the_term_that_was_asked_about_and_once_each() {
    let mut member = Member::with_log(0, 5, 3, &[]);
    member.wait(2_000);
    let reply = |for_term, granted| Body::PreVoteReply { for_term: Term(for_term), granted };
    for (from, body) in
        [(1, reply(4, true)), (1, reply(4, true)), (2, reply(5, true)), (3, reply(4, false))]
    {
        member.hears(from, 3, body);
    }
    assert_eq!(member.raft.role(), Role::PreCandidate);
    member.hears(2, 3, reply(4, true));
    assert_eq!(member.raft.role(), Role::Candidate);
}

/// Who was cut off in a term that nobody won, and those that came through it, wait for each other.
#[test]
fn a_pre_vote_of_who_has_not_come_to_the_term_yet_counts() {
    let mut member = Member::with_log(0, 5, 3, &[]);
    member.wait(2_000);
    let reply = |for_term, granted| Body::PreVoteReply { for_term: Term(for_term), granted };
    member.hears(1, 2, reply(4, false));
    member.hears(1, 2, reply(3, true));
    member.hears(2, 2, reply(4, true));
    assert_eq!(member.raft.role(), Role::PreCandidate);
    member.hears(3, 1, reply(4, true));
    assert_eq!((member.raft.role(), member.raft.term()), (Role::Candidate, Term(4)));
}

#[test]
fn a_refused_pre_vote_tells_the_later_term_so_that_the_next_one_is_of_use() {
    let mut behind = Member::with_log(0, 5, 3, &[]);
    behind.wait(2_000);
    behind.hears(1, 6, Body::PreVoteReply { for_term: Term(4), granted: false });
    assert_eq!(behind.raft.term(), Term(6));
    behind.said();
    behind.wait(2_000);
    assert_eq!(behind.said(), [Body::PreVote { for_term: Term(7), last: at(0, 0) }]);
}

#[test]
fn a_leader_that_hears_from_no_majority_steps_down() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    let heard = || Body::AppendReply { round: 1, commit: Seq(0), answer: Answer::Heard };
    for _ in 0..30 {
        leader.wait(100);
        leader.hears(1, 1, heard());
        leader.hears(2, 1, heard());
    }
    assert_eq!(leader.raft.role(), Role::Leader, "three of five are there");
    for _ in 0..20 {
        leader.wait(100);
        leader.hears(1, 1, heard());
    }
    assert_eq!((leader.raft.role(), leader.raft.leader()), (Role::Follower, None));
    let lost = |event: &Event| matches!(event, Event::Became { cause: Cause::LostMajority, .. });
    assert!(leader.events.iter().any(lost));
}

#[test]
fn the_rest_of_a_minority_elects_a_new_leader_and_the_old_one_follows_it() {
    let mut net = Net::new(5);
    let old = net.leader();
    net.does(old, Input::Propose(1));
    net.cut.push(old);
    net.does(old, Input::Propose(2));
    let new = net.leader();
    assert_ne!(new, old);
    net.does(new, Input::Propose(3));
    net.cut.clear();
    net.wait(1_000);
    assert_eq!(net.leaders(), [new]);
    for id in 0..5 {
        assert_eq!(net.payloads(id), [1, 3], "{id}: what no majority had is gone");
    }
}

#[test]
fn a_member_of_a_later_term_is_not_shut_out_by_a_leader_that_is_protected() {
    let mut net = Net::new(5);
    let leader = net.leader();
    let other = (leader + 1) % 5;
    // Given a member that came to a later term, alone
    net.member(other).hears((leader + 2) % 5, 40, Body::VoteReply { granted: false });
    // then the leader learns of it, an election follows, and it takes part in the new term.
    net.wait(5_000);
    let leader = net.leader();
    assert!(net.member(leader).raft.term() > Term(40));
    net.does(leader, Input::Propose(1));
    assert_eq!(net.payloads(other), [1]);
}

#[test]
fn election_timeouts_lie_between_one_and_two_and_differ_by_member_term_and_time() {
    let mut drawn = BTreeSet::new();
    for id in 0..7 {
        for seed in 0..10 {
            let config = Config { jitter: seed, ..Config::default() };
            let mut member = Member::restored(id, 7, config, Vec::new());
            for _ in 0..10 {
                let wait = member.raft.deadline().since(member.now).as_micros() as u64;
                assert!((1_000_000..2_000_000).contains(&wait), "{wait}");
                drawn.insert(wait);
                member.wait(2_000);
            }
        }
    }
    assert!(drawn.len() > 690, "only {} of 700 differ", drawn.len());
}

#[test]
fn a_second_leader_of_a_term_is_refused_with_a_reason() {
    let mut member = Member::new(0, 5);
    member.hears(1, 1, append(at(0, 0), Vec::from([nothing(1)]), 0));
    let said = member.asked(2, 1, append(at(0, 0), Vec::from([nothing(1)]), 0));
    assert_eq!(said, []);
    let why = crate::raft::Refusal::TwoLeaders;
    assert_eq!(member.events.last(), Some(&Event::Refused { from: NodeId(2), why }));
}
