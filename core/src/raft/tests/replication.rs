//! Pipelining, bounds, backing up, and followers that have no room.

use alloc::{vec, vec::Vec};

use super::{
    member::{Member, append, at, entries, entry, state_at},
    net::Net,
};
use crate::{
    ids::{NodeId, Seq},
    protocol::To,
    raft::{Answer, Append, Body, Config, Input, MAX_PAYLOAD_BYTES, NotProposed, Record},
};

fn matched(seq: u64) -> Body<u64> {
    Body::AppendReply { round: 1, commit: Seq(0), answer: Answer::Matched(Seq(seq)) }
}

fn leader(config: Config) -> Member {
    let mut leader = Member::restored(0, 5, config, Vec::new());
    leader.is_elected_by(&[1, 2]);
    for follower in 1..5 {
        leader.hears(follower, 1, matched(1));
    }
    leader.said();
    leader
}

/// What one follower was sent, as (position before, entries).
fn sent_to(member: &mut Member, follower: u16) -> Vec<(u64, usize)> {
    let sent = core::mem::take(&mut member.sent).into_iter();
    sent.filter_map(|(to, message)| match message.body {
        Body::Append(Append { prev, entries, .. }) if to == To::Node(NodeId(follower)) => {
            Some((prev.seq.0, entries.len()))
        }
        _ => None,
    })
    .collect()
}

#[test]
fn entries_follow_each_other_without_waiting_for_answers_up_to_a_bound() {
    let mut leader = leader(Config { in_flight: 3, append_entries: 10, ..Config::default() });
    for payload in 0..25 {
        leader.does(Input::Propose(payload));
    }
    assert_eq!(sent_to(&mut leader, 1), [(1, 1), (2, 1), (3, 1)], "then it waits");
    leader.hears(1, 1, matched(3));
    assert_eq!(sent_to(&mut leader, 1), [(4, 10), (14, 10)], "room for two, full ones");
    leader.hears(1, 1, matched(24));
    assert_eq!(sent_to(&mut leader, 1), [(24, 2)]);
}

#[test]
fn a_message_is_bounded_in_bytes_but_holds_one_entry_at_least() {
    let mut leader = leader(Config { in_flight: 1, append_bytes: 40, ..Config::default() });
    for payload in 0..20 {
        leader.does(Input::Propose(u64::MAX - payload));
    }
    sent_to(&mut leader, 1);
    leader.hears(1, 1, matched(2));
    assert_eq!(sent_to(&mut leader, 1), [(2, 3)], "three of twelve bytes");
    let mut tiny = self::leader(Config { append_bytes: 1, ..Config::default() });
    tiny.does(Input::Propose(u64::MAX));
    assert_eq!(sent_to(&mut tiny, 1), [(1, 1)]);
}

#[test]
fn a_follower_that_lost_a_message_is_found_out_and_served_from_there() {
    let mut leader = leader(Config::default());
    for payload in 0..3 {
        leader.does(Input::Propose(payload));
    }
    sent_to(&mut leader, 1);
    // Given that position 2 was lost, so that 3 is refused
    let answer = Answer::Conflict { rejected: Seq(2), hint: at(1, 1) };
    leader.hears(1, 1, Body::AppendReply { round: 1, commit: Seq(0), answer });
    // then all of it comes again in one message, once,
    assert_eq!(sent_to(&mut leader, 1), [(1, 3)]);
    let answer = Answer::Conflict { rejected: Seq(3), hint: at(1, 1) };
    leader.hears(1, 1, Body::AppendReply { round: 1, commit: Seq(0), answer });
    assert_eq!(sent_to(&mut leader, 1), [], "what was on its way is refused too: nothing new");
    // and the pipeline goes on.
    leader.hears(1, 1, matched(4));
    leader.does(Input::Propose(9));
    assert_eq!(sent_to(&mut leader, 1), [(4, 1)]);
}

#[test]
fn what_was_lost_at_the_end_is_repaired_by_heartbeats() {
    let mut net = Net::new(5);
    let leader = net.leader();
    let lost = (leader + 1) % 5;
    net.cut.push(lost);
    net.does(leader, Input::Propose(1));
    net.cut.clear();
    assert_eq!(net.payloads(lost), []);
    net.wait(200);
    assert_eq!(net.payloads(lost), [1]);
}

#[test]
fn a_follower_is_told_of_a_commit_without_waiting_for_a_heartbeat() {
    let mut net = Net::new(5);
    let leader = net.leader();
    net.wait(300);
    let before = net.now();
    net.does(leader, Input::Propose(1));
    for id in 0..5 {
        assert_eq!(net.payloads(id), [1]);
    }
    assert_eq!(net.now(), before);
}

#[test]
fn a_full_window_refuses_proposals_until_the_host_compacts() {
    let mut net = Net::with(4, &Config { window: 8, ..Config::default() });
    let leader = net.leader();
    for payload in 1..=10 {
        net.does(leader, Input::Propose(payload));
    }
    let full = |payload| (payload, NotProposed::Full);
    assert_eq!(net.member(leader).refused, [full(8), full(9), full(10)], "and the term's first");
    net.does(leader, Input::Compact { at: Seq(4), digest: state_at(4) });
    net.does(leader, Input::Propose(8));
    assert_eq!(net.payloads(leader), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_follower_without_room_takes_what_fits_and_is_left_alone_until_it_has_room() {
    // Given a leader that compacts and a follower that doesn't
    let small = Config { window: 4, ..Config::default() };
    let mut net = Net::with(4, &small);
    let leader = net.leader();
    let slow = (leader + 1) % 4;
    for payload in 1..=30 {
        net.does(leader, Input::Propose(payload));
        for id in (0..4).filter(|id| *id != slow) {
            let at = net.member(id).raft.committed();
            net.does(id, Input::Compact { at, digest: state_at(at.0) });
        }
    }
    assert_eq!(net.member(leader).refused, []);
    assert_eq!(net.member(slow).raft.entries().count(), 8, "twice the window");
    // then it isn't sent what it can't take
    net.wait(1_000);
    let before = net.delivered;
    net.wait(1_000);
    assert!(net.delivered - before < 100, "{} messages in ten heartbeats", net.delivered - before);
    // and once it has room, it is told what it needs.
    let at = net.member(slow).raft.committed();
    net.does(slow, Input::Compact { at, digest: state_at(at.0) });
    net.wait(200);
    let snapshot = net.member(leader).raft.snapshot();
    assert_eq!(net.member(slow).fetches.last(), Some(&snapshot));
}

#[test]
fn an_entry_that_is_too_long_for_any_message_is_refused() {
    let members = crate::quorum::Membership::new(4).unwrap();
    let mut raft: crate::raft::Raft<Vec<u8>> =
        crate::raft::Raft::new(NodeId(0), members, Config::default(), state_at(0)).unwrap();
    let long = vec![0; MAX_PAYLOAD_BYTES];
    raft.handle(crate::time::Time(1), Input::Propose(long.clone()));
    let why = NotProposed::NotLeader(None);
    let effect = crate::raft::Effect::NotProposed { payload: long.clone(), why };
    assert_eq!(raft.poll_effect(), Some(effect));
    raft.lead();
    raft.handle(crate::time::Time(1), Input::Propose(long.clone()));
    let refused = core::iter::from_fn(|| raft.poll_effect()).any(|effect| {
        matches!(effect, crate::raft::Effect::NotProposed { why: NotProposed::TooLong, .. })
    });
    assert!(refused);
}

#[test]
fn two_contents_of_one_leader_at_one_position_are_refused_with_a_reason() {
    let mut member = Member::with_log(0, 5, 1, &[]);
    member.hears(1, 1, append(at(0, 0), vec![entry(1, 7)], 0));
    let said = member.asked(1, 1, append(at(0, 0), vec![entry(1, 8)], 0));
    assert_eq!(said, []);
    assert_eq!(member.raft.entries().collect::<Vec<_>>(), [&entry(1, 7)]);
    let why = crate::raft::Refusal::TwoContents;
    assert_eq!(member.events.last(), Some(&crate::raft::Event::Refused { from: NodeId(1), why }));
}

#[test]
fn what_is_committed_is_never_undone_whoever_asks() {
    let mut member = Member::with_log(0, 5, 1, &[]);
    member.hears(1, 1, append(at(0, 0), entries(&[1, 1, 1]), 2));
    member.hears(2, 2, append(at(1, 1), entries(&[2]), 0));
    assert_eq!(member.terms(), [1, 1, 1]);
    let why = crate::raft::Refusal::Committed;
    assert_eq!(member.events.last(), Some(&crate::raft::Event::Refused { from: NodeId(2), why }));
    assert!(!member.disk.iter().any(|record| matches!(record, Record::Truncate { .. })));
}
