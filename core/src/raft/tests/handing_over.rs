//! Leadership transfer.

use alloc::vec::Vec;

use super::{member::Member, net::Net};
use crate::{
    ids::{NodeId, Seq},
    raft::{Answer, Body, Cause, Event, Input, NotProposed, Role},
};

#[test]
fn the_leadership_goes_to_the_member_that_the_host_names_without_a_timeout() {
    let mut net = Net::new(5);
    let old = net.leader();
    let new = (old + 2) % 5;
    net.does(old, Input::Propose(1));
    let before = net.now();
    net.does(old, Input::Transfer(NodeId(new)));
    assert_eq!(net.leaders(), [new]);
    assert_eq!(net.now(), before, "at once");
    let handed = |event: &Event| {
        matches!(event, Event::Became { role: Role::Candidate, cause: Cause::HandedOver, .. })
    };
    assert!(net.member(new).events.iter().any(handed));
    net.does(new, Input::Propose(2));
    for id in 0..5 {
        assert_eq!(net.payloads(id), [1, 2]);
    }
}

#[test]
fn a_member_that_lacks_entries_is_brought_up_to_date_first_and_proposals_wait() {
    let mut leader = Member::new(0, 5);
    leader.is_elected_by(&[1, 2]);
    leader.does(Input::Propose(1));
    leader.said();
    leader.does(Input::Transfer(NodeId(1)));
    let told = |leader: &mut Member| leader.said().contains(&Body::TimeoutNow);
    assert!(!told(&mut leader));
    leader.does(Input::Propose(2));
    assert_eq!(leader.refused, [(2, NotProposed::HandingOver)]);
    let matched =
        |seq| Body::AppendReply { round: 1, commit: Seq(0), answer: Answer::Matched(Seq(seq)) };
    leader.hears(2, 1, matched(2));
    leader.hears(1, 1, matched(1));
    assert!(!told(&mut leader), "it has half of it");
    leader.hears(1, 1, matched(2));
    assert!(told(&mut leader));
}

#[test]
fn a_transfer_to_a_member_that_is_down_is_given_up_after_an_election_timeout() {
    let mut net = Net::new(5);
    let leader = net.leader();
    let down = (leader + 1) % 5;
    net.down.push(down);
    net.does(leader, Input::Propose(1));
    net.does(leader, Input::Transfer(NodeId(down)));
    net.wait(1_100);
    assert_eq!(net.leaders(), [leader]);
    let failed = Event::HandOverFailed { to: NodeId(down) };
    assert!(net.member(leader).events.contains(&failed));
    net.does(leader, Input::Propose(2));
    assert_eq!(net.payloads(leader), [1, 2]);
}

#[test]
fn only_the_leader_hands_over_and_only_to_another_member() {
    let mut net = Net::new(4);
    let leader = net.leader();
    let follower = (leader + 1) % 4;
    for (who, to) in [(follower, leader), (leader, leader), (leader, 99)] {
        net.does(who, Input::Transfer(NodeId(to)));
        let failed = Event::HandOverFailed { to: NodeId(to) };
        assert_eq!(net.member(who).events.last(), Some(&failed));
    }
    assert_eq!(net.leaders(), Vec::from([leader]));
}

#[test]
fn whoever_is_not_the_leader_can_not_tell_anybody_to_stand() {
    let mut net = Net::new(4);
    let leader = net.leader();
    let (a, b) = ((leader + 1) % 4, (leader + 2) % 4);
    let term = net.member(a).raft.term().0;
    net.member(a).hears(b, term, Body::TimeoutNow);
    net.settle();
    assert_eq!(net.leaders(), [leader]);
}
