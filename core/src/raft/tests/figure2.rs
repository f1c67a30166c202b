//! The rules of figure 2, one by one.

use alloc::vec;

use super::{
    member::{Member, append, at, entries, entry, nothing},
    net::Net,
};
use crate::{
    ids::{NodeId, Seq, Term},
    raft::{Answer, Body, Input, Role},
};

fn vote(term: u64, seq: u64) -> Body<u64> {
    Body::Vote { last: at(term, seq), transfer: false }
}

const GRANTED: Body<u64> = Body::VoteReply { granted: true };
const DENIED: Body<u64> = Body::VoteReply { granted: false };

fn reply(answer: Answer) -> Body<u64> {
    Body::AppendReply { round: 1, commit: Seq(0), answer }
}

#[test]
fn request_vote_1_a_candidate_of_an_earlier_term_gets_no_vote_and_learns_the_later_term() {
    let mut member = Member::with_log(0, 5, 3, &[]);
    assert_eq!(member.asked(1, 2, vote(9, 9)), [DENIED]);
    assert_eq!(member.raft.vote(), None);
    member.hears(1, 2, vote(9, 9));
    assert_eq!(member.sent.last().unwrap().1.term, Term(3));
}

#[test]
fn request_vote_2_one_vote_a_term_for_who_asks_first_and_again_for_the_same() {
    let mut member = Member::with_log(0, 5, 1, &[1]);
    assert_eq!(member.asked(1, 2, vote(1, 1)), [GRANTED]);
    assert_eq!(member.asked(2, 2, vote(1, 1)), [DENIED]);
    assert_eq!(member.asked(1, 2, vote(1, 1)), [GRANTED]);
    assert_eq!(member.raft.vote(), Some(NodeId(1)));
    assert_eq!(member.asked(2, 3, vote(1, 1)), [GRANTED], "another term, another vote");
}

#[test]
fn request_vote_2_no_vote_for_a_log_that_is_behind() {
    // Given a log that ends with term 2 at position 3
    let member = || Member::with_log(0, 5, 2, &[1, 1, 2]);
    // then a later last term wins, an equal one needs the length, an earlier one loses (§5.4.1).
    for (last, answer) in [
        (vote(3, 1), GRANTED),
        (vote(2, 3), GRANTED),
        (vote(2, 4), GRANTED),
        (vote(2, 2), DENIED),
        (vote(1, 99), DENIED),
    ] {
        assert_eq!(member().asked(1, 5, last), [answer]);
    }
}

#[test]
fn append_entries_1_a_leader_of_an_earlier_term_is_told_and_not_followed() {
    let mut member = Member::with_log(0, 5, 3, &[1]);
    let said = member.asked(1, 2, append(at(1, 1), vec![entry(2, 7)], 2));
    let heard = Body::AppendReply { round: 0, commit: Seq(0), answer: Answer::Heard };
    assert_eq!(said, [heard]);
    assert_eq!((member.terms(), member.raft.leader()), (vec![1], None));
    member.hears(1, 2, append(at(1, 1), vec![], 0));
    assert_eq!(member.sent.last().unwrap().1.term, Term(3));
}

#[test]
fn append_entries_2_entries_are_refused_if_what_should_stand_before_them_does_not() {
    let mut member = Member::with_log(0, 5, 3, &[1, 1]);
    let said = member.asked(1, 3, append(at(2, 2), vec![entry(3, 7)], 0));
    assert_eq!(said, [reply(Answer::Conflict { rejected: Seq(2), hint: at(1, 2) })]);
    let said = member.asked(1, 3, append(at(1, 5), vec![entry(3, 7)], 0));
    assert_eq!(said, [reply(Answer::Conflict { rejected: Seq(5), hint: at(1, 2) })]);
    assert_eq!(member.terms(), [1, 1]);
}

#[test]
fn append_entries_3_an_entry_of_another_term_goes_and_all_that_follow_it() {
    let mut member = Member::with_log(0, 5, 3, &[1, 2, 2, 2]);
    let said = member.asked(1, 3, append(at(1, 1), vec![nothing(3)], 0));
    assert_eq!(said, [reply(Answer::Matched(Seq(2)))]);
    assert_eq!(member.terms(), [1, 3]);
    member.restart();
    assert_eq!(member.terms(), [1, 3]);
}

#[test]
fn append_entries_3_a_late_message_cuts_nothing_that_agrees() {
    let mut member = Member::with_log(0, 5, 1, &[]);
    let all = entries(&[1, 1, 1]);
    member.hears(1, 1, append(at(0, 0), all.clone(), 0));
    let said = member.asked(1, 1, append(at(0, 0), all[..1].to_vec(), 0));
    assert_eq!(said, [reply(Answer::Matched(Seq(1)))]);
    assert_eq!(member.terms(), [1, 1, 1]);
}

#[test]
fn append_entries_4_only_entries_that_are_not_there_are_appended() {
    let mut member = Member::with_log(0, 5, 1, &[]);
    let all = entries(&[1, 1, 1, 1]);
    member.hears(1, 1, append(at(0, 0), all[..3].to_vec(), 0));
    let said = member.asked(1, 1, append(at(1, 1), all[1..].to_vec(), 0));
    assert_eq!(said, [reply(Answer::Matched(Seq(4)))]);
    assert!(member.raft.entries().eq(&all));
}

#[test]
fn append_entries_5_commits_up_to_the_leader_but_not_beyond_what_is_known_to_agree() {
    let mut member = Member::with_log(0, 5, 2, &[1, 1, 1]);
    // The leader says 3 is committed, and that its log agrees up to 1: the rest may be stale.
    member.hears(1, 2, append(at(1, 1), vec![], 3));
    assert_eq!(member.raft.committed(), Seq(1));
    member.hears(1, 2, append(at(1, 1), vec![nothing(2)], 1));
    assert_eq!((member.raft.committed(), member.terms()), (Seq(1), vec![1, 2]));
    member.hears(1, 2, append(at(2, 2), vec![], 9));
    assert_eq!(member.raft.committed(), Seq(2));
    assert_eq!(member.decided, [(Seq(1), (1, None)), (Seq(2), (2, None))]);
}

#[test]
fn all_servers_a_later_term_makes_a_follower_of_anybody() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    assert_eq!((leader.raft.role(), leader.raft.term()), (Role::Leader, Term(1)));
    leader.hears(3, 7, reply(Answer::Heard));
    assert_eq!((leader.raft.role(), leader.raft.term()), (Role::Follower, Term(7)));

    let mut candidate = Member::new(0, 5);
    candidate.wait(2_000);
    let ask = |granted| Body::PreVoteReply { for_term: Term(1), granted };
    candidate.hears(1, 0, ask(true));
    candidate.hears(2, 0, ask(true));
    assert_eq!(candidate.raft.role(), Role::Candidate);
    candidate.hears(3, 2, DENIED);
    assert_eq!((candidate.raft.role(), candidate.raft.term()), (Role::Follower, Term(2)));
}

#[test]
fn all_servers_what_is_committed_is_executed_in_order_once() {
    let mut net = Net::new(5);
    let leader = net.leader();
    for payload in 1..=50 {
        net.does(leader, Input::Propose(payload));
    }
    for id in 0..5 {
        assert_eq!(net.payloads(id), (1..=50).collect::<vec::Vec<_>>());
        let seqs = net.decided(id).into_iter().map(|(seq, _)| seq.0);
        assert!(seqs.eq(1..=51));
    }
}

#[test]
fn followers_stand_only_after_an_election_timeout_without_a_leader_or_a_vote() {
    let mut member = Member::new(0, 5);
    for _ in 0..10 {
        member.wait(900);
        member.hears(1, 1, append(at(0, 0), vec![], 0));
    }
    assert_eq!(member.raft.role(), Role::Follower);
    let mut member = Member::new(0, 5);
    for term in 1..10 {
        member.wait(900);
        member.hears(1, term, vote(0, 0));
    }
    assert_eq!(member.raft.role(), Role::Follower, "whoever gave a vote gives it time");
    member.wait(2_000);
    assert_eq!(member.raft.role(), Role::PreCandidate);
}

#[test]
fn candidates_enter_a_new_term_vote_for_themselves_and_ask_everybody() {
    let mut member = Member::with_log(0, 5, 4, &[2, 4]);
    member.wait(2_000);
    let for_term = Term(5);
    assert_eq!(member.said(), [Body::PreVote { for_term, last: at(4, 2) }]);
    for voter in [1, 2] {
        member.hears(voter, 4, Body::PreVoteReply { for_term, granted: true });
    }
    assert_eq!(member.said(), [Body::Vote { last: at(4, 2), transfer: false }]);
    assert_eq!((member.raft.term(), member.raft.vote()), (Term(5), Some(NodeId(0))));
    assert_eq!(member.raft.role(), Role::Candidate);
}

#[test]
fn candidates_lead_with_a_majority_of_votes_and_not_with_one_less() {
    for n in [4_u16, 5, 7] {
        let mut member = Member::new(0, n);
        let majority = n / 2 + 1;
        let all_but_one: vec::Vec<_> = (1..majority - 1).collect();
        member.wait(2_000);
        for voter in 1..majority {
            member.hears(voter, 0, Body::PreVoteReply { for_term: Term(1), granted: true });
        }
        for voter in &all_but_one {
            member.hears(*voter, 1, GRANTED);
            member.hears(*voter, 1, GRANTED);
        }
        member.hears(majority - 1, 1, DENIED);
        assert_eq!(member.raft.role(), Role::Candidate, "n = {n}");
        member.hears(majority - 1, 1, GRANTED);
        assert_eq!(member.raft.role(), Role::Leader, "n = {n}");
    }
}

#[test]
fn candidates_follow_a_leader_of_their_term() {
    let mut member = Member::new(0, 5);
    member.wait(2_000);
    for voter in [1, 2] {
        member.hears(voter, 0, Body::PreVoteReply { for_term: Term(1), granted: true });
    }
    member.hears(3, 1, append(at(0, 0), vec![nothing(1)], 0));
    assert_eq!((member.raft.role(), member.raft.leader()), (Role::Follower, Some(NodeId(3))));
}

#[test]
fn candidates_whose_election_fails_stand_again() {
    let mut member = Member::new(0, 5);
    member.wait(2_000);
    for voter in [1, 2] {
        member.hears(voter, 0, Body::PreVoteReply { for_term: Term(1), granted: true });
    }
    member.hears(1, 1, GRANTED);
    member.wait(2_000);
    assert_eq!(member.raft.role(), Role::PreCandidate);
    for voter in [3, 4] {
        member.hears(voter, 1, Body::PreVoteReply { for_term: Term(2), granted: true });
    }
    member.hears(2, 1, GRANTED);
    assert_eq!(member.raft.role(), Role::Candidate, "a vote of the term before doesn't count");
    assert_eq!(member.raft.term(), Term(2));
}

#[test]
fn leaders_begin_with_an_empty_entry_and_speak_at_once_and_then_regularly() {
    let mut member = Member::with_log(0, 5, 1, &[1]);
    member.is_elected_by(&[1, 2]);
    let first = append(at(1, 1), vec![nothing(2)], 0);
    let said = member.said();
    let appends = said.iter().filter(|body| **body == first).count();
    assert_eq!(appends, 4, "{said:?}");
    for _ in 0..5 {
        member.wait(100);
        assert_eq!(member.said().len(), 4);
    }
}

#[test]
fn leaders_commit_what_a_majority_has_on_disk() {
    let mut member = Member::new(0, 5);
    member.is_elected_by(&[1, 2]);
    member.does(Input::Propose(7));
    member.hears(1, 1, reply(Answer::Matched(Seq(2))));
    assert_eq!(member.raft.committed(), Seq(0), "two of five have it");
    member.hears(2, 1, reply(Answer::Matched(Seq(1))));
    assert_eq!(member.raft.committed(), Seq(1));
    member.hears(3, 1, reply(Answer::Matched(Seq(2))));
    assert_eq!(member.decided, [(Seq(1), (1, None)), (Seq(2), (1, Some(7)))]);
}

#[test]
fn leaders_never_commit_entries_of_earlier_terms_by_counting() {
    // Given a leader of term 4 whose log holds an entry of term 2 (figure 8)
    let mut member = Member::with_log(0, 5, 3, &[1, 2]);
    member.is_elected_by(&[1, 2]);
    assert_eq!((member.raft.term(), member.terms()), (Term(4), vec![1, 2, 4]));
    // when a majority has that entry, it isn't committed by that
    for follower in [1, 2, 3, 4] {
        member.hears(follower, 4, reply(Answer::Matched(Seq(2))));
    }
    assert_eq!(member.raft.committed(), Seq(0));
    // but with the first entry of the leader's own term.
    for follower in [1, 2] {
        member.hears(follower, 4, reply(Answer::Matched(Seq(3))));
    }
    assert_eq!(member.raft.committed(), Seq(3));
}
