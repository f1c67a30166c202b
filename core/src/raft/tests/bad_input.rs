//! Whatever is said, by anybody, at any time: no panic, no loop, bounded memory, and a reason.

use alloc::{vec, vec::Vec};

use super::member::{Member, append, at, entry, nothing, state_at};
use crate::{
    dice::Dice,
    ids::{Epoch, NodeId, Seq, Term},
    raft::{Answer, Append, Body, Config, Entry, Event, Input, Message, Place, Refusal, Role},
};

fn refusal(member: &Member) -> Option<Refusal> {
    match member.events.last() {
        Some(Event::Refused { why, .. }) => Some(*why),
        _ => None,
    }
}

#[test]
fn strangers_other_epochs_and_terms_that_nobody_counts_to_are_refused() {
    let mut member = Member::new(0, 4);
    let vote = || Body::Vote { last: at(9, 9), transfer: true };
    for (from, epoch, term, why) in [
        (4, 0, 1, Refusal::Stranger),
        (u16::MAX, 0, 1, Refusal::Stranger),
        (0, 0, 1, Refusal::Stranger),
        (1, 1, 1, Refusal::OtherEpoch),
        (1, u64::MAX, 1, Refusal::OtherEpoch),
        (1, 0, u64::MAX, Refusal::Term),
    ] {
        let message = Message { epoch: Epoch(epoch), term: Term(term), body: vote() };
        member.does(Input::Message { from: NodeId(from), message });
        assert_eq!(refusal(&member), Some(why));
        assert_eq!((member.raft.term(), member.said().len()), (Term(0), 0));
    }
}

#[test]
fn messages_that_contradict_themselves_are_refused() {
    let mut member = Member::with_log(0, 4, 5, &[1]);
    let falls = append(at(1, 1), vec![entry(3, 1), entry(2, 1)], 0);
    let before = append(at(4, 1), vec![entry(3, 1)], 0);
    let later = append(at(1, 1), vec![entry(6, 1)], 0);
    let prev_later = append(at(6, 1), vec![], 0);
    let too_far = append(at(1, u64::MAX), vec![nothing(1)], 0);
    let at_the_end = append(at(1, u64::MAX - 1), vec![nothing(1)], 0);
    let too_many = append(at(1, 1), vec![nothing(5); 1_025], 0);
    for body in [falls, before, later, prev_later, too_far, at_the_end, too_many] {
        member.hears(1, 5, body);
        assert_eq!(refusal(&member), Some(Refusal::Malformed));
        member.events.clear();
    }
    assert_eq!((member.terms(), member.raft.leader()), (vec![1], None));
}

#[test]
fn an_answer_beyond_what_was_sent_is_refused() {
    let mut leader = Member::new(0, 4);
    leader.is_elected_by(&[1, 2]);
    let reply = |round, answer| Body::AppendReply { round, commit: Seq(u64::MAX), answer };
    for body in [
        reply(1, Answer::Matched(Seq(2))),
        reply(1, Answer::Full(Seq(u64::MAX))),
        reply(9, Answer::Matched(Seq(1))),
        reply(u64::MAX, Answer::Heard),
    ] {
        leader.events.clear();
        leader.hears(1, 1, body);
        assert_eq!(refusal(&leader), Some(Refusal::Malformed));
    }
    assert_eq!(leader.raft.committed(), Seq(0));
}

#[test]
fn in_the_last_term_there_is_nobody_to_stand_and_nothing_overflows() {
    let mut member = Member::new(0, 4);
    member.hears(1, 1 << 62, Body::Vote { last: at(9, 9), transfer: false });
    for _ in 0..5 {
        member.wait(2_000);
    }
    assert_eq!((member.raft.role(), member.raft.term()), (Role::Follower, Term(1 << 62)));
}

/// A number that is likely to be at some edge.
fn number(dice: &mut Dice) -> u64 {
    match dice.below(4) {
        0 => dice.below(4),
        1 => dice.below(24),
        2 => (1 << 62) - dice.below(2),
        _ => u64::MAX - dice.below(3),
    }
}

fn small(dice: &mut Dice) -> u64 {
    if dice.below(8) == 0 { number(dice) } else { dice.below(12) }
}

fn place(dice: &mut Dice) -> Place {
    at(small(dice), small(dice))
}

fn body(dice: &mut Dice) -> Body<u64> {
    let granted = dice.below(3) > 0;
    match dice.below(10) {
        0 => Body::PreVote { for_term: Term(small(dice)), last: place(dice) },
        1 => Body::PreVoteReply { for_term: Term(small(dice)), granted },
        2 => Body::Vote { last: place(dice), transfer: dice.below(2) == 0 },
        3 => Body::VoteReply { granted },
        4 => Body::Snapshot { at: place(dice), digest: state_at(1), round: small(dice) },
        5 => Body::TimeoutNow,
        6 => Body::Read { id: small(dice) },
        7 => Body::ReadAt { id: small(dice), at: Seq(small(dice)) },
        8 => Body::AppendReply {
            round: small(dice),
            commit: Seq(small(dice)),
            answer: match dice.below(4) {
                0 => Answer::Matched(Seq(small(dice))),
                1 => Answer::Full(Seq(small(dice))),
                2 => Answer::Conflict { rejected: Seq(small(dice)), hint: place(dice) },
                _ => Answer::Heard,
            },
        },
        _ => {
            let prev = place(dice);
            let mut term = prev.term.0;
            let some = dice.below(6);
            let entries: Vec<Entry<u64>> = (0..some)
                .map(|_| {
                    term = term.saturating_add(dice.below(2));
                    entry(term, dice.below(2))
                })
                .collect();
            Body::Append(Append { prev, entries, commit: Seq(small(dice)), round: small(dice) })
        }
    }
}

fn input(dice: &mut Dice, term: u64) -> Input<u64> {
    match dice.below(30) {
        0 => Input::Propose(dice.below(9)),
        1 => Input::Read(small(dice)),
        2 => Input::Transfer(NodeId(dice.below(6) as u16)),
        3 => Input::Seal(Seq(small(dice).saturating_add(100))),
        4 => Input::Compact { at: Seq(small(dice)), digest: state_at(0) },
        5 => Input::Installed { at: place(dice), digest: state_at(0) },
        6 => Input::Durable(number(dice)),
        _ => {
            // Mostly about the term at hand, else nothing would ever begin.
            let term = match dice.below(20) {
                0 => number(dice),
                1 => term.saturating_add(1),
                _ => term,
            };
            let epoch = Epoch(u64::from(dice.below(50) == 0));
            let message = Message { epoch, term: Term(term), body: body(dice) };
            Input::Message { from: NodeId(dice.below(6) as u16), message }
        }
    }
}

#[test]
fn whatever_anybody_says_nothing_panics_and_nothing_grows() {
    let mut roles = [0; 4];
    for seed in 0..400 {
        let mut dice = Dice::new(seed, 0);
        let config = Config { window: 8, ..Config::default() };
        let mut member = Member::restored(0, 4, config, Vec::new());
        for _ in 0..400 {
            member.now = member.now + core::time::Duration::from_millis(dice.below(200));
            let input = input(&mut dice, member.raft.term().0);
            let committed = member.raft.committed();
            member.input(input);
            member.input(Input::Tick);
            if dice.below(3) == 0 {
                member.sync();
            }
            if dice.below(60) == 0 {
                member.is_elected_by(&[1, 2]);
            }
            assert!(member.raft.entries().count() <= 16);
            assert!(member.raft.committed() >= committed, "what is committed stays");
            assert!(member.raft.committed() <= member.raft.last().seq);
            assert!(member.raft.durable() <= member.raft.last().seq);
            roles[member.raft.role() as usize] += 1;
        }
        member.unsynced.clear();
        member.restart();
    }
    assert!(roles.iter().all(|times| *times > 1_000), "{roles:?}");
}
