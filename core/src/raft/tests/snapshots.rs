//! Compaction, and followers that need the state.

use alloc::vec;

use super::{
    member::{Member, append, at, entries, nothing, state_at},
    net::Net,
};
use crate::{
    ids::{NodeId, Seq},
    raft::{Answer, Body, Event, Input},
};

#[test]
fn only_what_is_committed_is_compacted_and_the_log_begins_there_after_a_restart() {
    let mut member = Member::new(0, 5);
    member.hears(1, 1, append(at(0, 0), entries(&[1, 1, 1, 1]), 2));
    for too_far in [3, 4, 5, u64::MAX, 0] {
        member.does(Input::Compact { at: Seq(too_far), digest: state_at(too_far) });
    }
    assert_eq!(member.raft.snapshot(), (at(0, 0), state_at(0)));
    member.does(Input::Compact { at: Seq(2), digest: state_at(2) });
    assert_eq!(member.terms(), [1, 1]);
    member.restart();
    assert_eq!(member.raft.snapshot(), (at(1, 2), state_at(2)));
    assert_eq!((member.raft.committed(), member.terms()), (Seq(2), vec![1, 1]));
}

#[test]
fn a_follower_below_the_leaders_log_fetches_the_state_and_goes_on_from_there() {
    // Given a follower that was away while the others compacted
    let mut net = Net::new(5);
    let leader = net.leader();
    let away = (leader + 1) % 5;
    net.cut.push(away);
    for payload in 1..=9 {
        net.does(leader, Input::Propose(payload));
    }
    for id in (0..5).filter(|id| *id != away) {
        net.does(id, Input::Compact { at: Seq(8), digest: state_at(8) });
    }
    // when it is back
    net.cut.clear();
    net.wait(300);
    // then it is told which state, once,
    let place = net.member(leader).raft.snapshot().0;
    assert_eq!(net.member(away).fetches, [(place, state_at(8))]);
    let needs = Event::NeedsSnapshot { peer: NodeId(away) };
    assert_eq!(net.member(leader).events.iter().filter(|event| **event == needs).count(), 1);
    // the leader doesn't take it for lost meanwhile,
    net.wait(3_000);
    assert_eq!(net.leaders(), [leader]);
    // and with the state it gets the rest.
    net.does(away, Input::Installed { at: place, digest: state_at(8) });
    assert_eq!(net.payloads(away), [8, 9]);
    net.does(leader, Input::Propose(10));
    assert_eq!(net.payloads(away), [8, 9, 10]);
    net.restart(away);
    net.wait(300);
    assert_eq!(net.member(away).raft.snapshot(), (place, state_at(8)));
    assert_eq!(net.payloads(away), [8, 9, 10]);
}

#[test]
fn a_state_that_the_log_leads_to_keeps_what_follows_and_another_replaces_the_log() {
    let log = || Member::with_log(0, 5, 2, &[1, 1, 2, 2]);
    let mut same = log();
    same.does(Input::Installed { at: at(1, 2), digest: state_at(2) });
    assert_eq!((same.terms(), same.raft.committed()), (vec![2, 2], Seq(2)));
    let mut other = log();
    other.does(Input::Installed { at: at(2, 2), digest: state_at(2) });
    assert_eq!((other.raft.last(), other.raft.committed()), (at(2, 2), Seq(2)));
    for member in [&mut same, &mut other] {
        let before = (member.raft.last(), member.raft.snapshot());
        member.restart();
        assert_eq!((member.raft.last(), member.raft.snapshot()), before);
    }
}

#[test]
fn a_state_is_acknowledged_once_its_record_is_on_disk() {
    let mut member = Member::new(0, 5);
    member.hears(1, 3, Body::Snapshot { at: at(2, 50), digest: state_at(50), round: 1 });
    assert_eq!(member.fetches, [(at(2, 50), state_at(50))]);
    member.said();
    member.input(Input::Installed { at: at(2, 50), digest: state_at(50) });
    assert_eq!((member.sent.len(), member.raft.durable()), (0, Seq(0)));
    member.sync();
    let answer = Answer::Matched(Seq(50));
    assert_eq!(member.said(), [Body::AppendReply { round: 0, commit: Seq(50), answer }]);
    assert_eq!(member.raft.durable(), Seq(50));
}

#[test]
fn entries_below_the_snapshot_are_known_and_the_rest_is_taken() {
    let mut member = Member::new(0, 5);
    let all = entries(&[1, 1, 1, 1, 1]);
    member.hears(1, 1, append(at(0, 0), all[..4].to_vec(), 4));
    member.does(Input::Compact { at: Seq(3), digest: state_at(3) });
    let matched =
        |seq| Body::AppendReply { round: 1, commit: Seq(4), answer: Answer::Matched(Seq(seq)) };
    assert_eq!(member.asked(1, 1, append(at(0, 0), all[..2].to_vec(), 4)), [matched(3)]);
    assert_eq!(member.asked(1, 1, append(at(0, 0), all.clone(), 4)), [matched(5)]);
    assert_eq!(member.terms(), [1, 1]);
}

#[test]
fn an_old_offer_of_a_state_is_answered_with_what_is_there() {
    let mut member = Member::new(0, 5);
    member.hears(1, 1, append(at(0, 0), entries(&[1, 1, 1]), 3));
    let said = member.asked(1, 1, Body::Snapshot { at: at(1, 2), digest: state_at(2), round: 5 });
    let answer = Answer::Matched(Seq(3));
    assert_eq!(said, [Body::AppendReply { round: 5, commit: Seq(3), answer }]);
    assert_eq!(member.fetches, []);
    member.does(Input::Installed { at: at(1, 2), digest: state_at(2) });
    assert_eq!(member.raft.snapshot().0, at(0, 0), "nor does an old state undo anything");
}

#[test]
fn a_leader_keeps_its_log_whatever_state_the_host_fetched() {
    let mut leader = Member::with_log(0, 5, 1, &[1]);
    leader.is_elected_by(&[1, 2]);
    leader.does(Input::Installed { at: at(1, 9), digest: state_at(9) });
    assert_eq!(leader.raft.entries().last(), Some(&nothing(2)));
}
