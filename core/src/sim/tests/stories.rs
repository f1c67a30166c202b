//! What the built-in scenarios tell is what happens in them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    analyzer::Protocol,
    event::{Event, EventKind, LossCause, Place},
    ids::{MessageId, NodeId, RequestId},
    pbft::MessageKind,
    sim::{Action, Expectations, Recording, Run, Scenario, builtin},
};

fn events(name: &str, seed: u64) -> Vec<Event> {
    let mut recording = Recording::new(Run::new(builtin(name).unwrap(), seed)).unwrap();
    recording.extend(u64::MAX);
    recording.events().to_vec()
}

#[test]
fn only_replies_are_lost_and_each_request_is_executed_once_however_often_it_is_sent() {
    for seed in 1..=5 {
        let events = events("lost-reply", seed);
        let mut sent: BTreeMap<MessageId, MessageKind> = BTreeMap::new();
        let mut lost: BTreeMap<MessageKind, u32> = BTreeMap::new();
        let mut executions: BTreeMap<(Place, RequestId), u32> = BTreeMap::new();
        let (mut asked_again, mut answered) = (BTreeSet::new(), BTreeSet::new());
        for event in events {
            match event.kind {
                EventKind::Sent { id, what, .. } => _ = sent.insert(id, what.kind),
                EventKind::Lost { id, why, .. } => {
                    assert_eq!(why, LossCause::Network);
                    *lost.entry(sent[&id]).or_default() += 1;
                }
                EventKind::RequestRetransmitted { request } => _ = asked_again.insert(request),
                EventKind::RequestCompleted { request, .. } => _ = answered.insert(request),
                EventKind::Executed { requests, .. } => {
                    for request in requests {
                        *executions.entry((event.place, request)).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        assert_eq!(lost.keys().collect::<Vec<_>>(), [&MessageKind::Reply], "seed {seed}");
        assert!(lost[&MessageKind::Reply] > 50, "seed {seed}: {lost:?}");
        assert!(asked_again.len() > 5, "seed {seed}: {asked_again:?}");
        assert!(asked_again.is_subset(&answered), "seed {seed}");
        assert!(executions.values().all(|times| *times == 1), "seed {seed}: {executions:?}");
        for request in asked_again {
            let by = executions.keys().filter(|(_, executed)| *executed == request).count();
            assert_eq!(by, 4, "seed {seed}: {request:?} is executed everywhere");
        }
    }
}

/// The same lie, once where members are trusted and once where they are not.
#[test]
fn one_lying_leader_rewrites_history_under_raft_and_nothing_under_pbft() {
    let trusting = builtin("why-not-raft").unwrap();
    let mut careful = trusting.clone();
    careful.members = careful.members.under(Protocol::Pbft).unwrap();
    careful.expect = Expectations { min_completed: 20, min_equivocations: 1, ..Default::default() };
    for seed in 1..=5 {
        let verdict = |scenario: &Scenario| {
            let mut recording = Recording::new(Run::new(scenario.clone(), seed)).unwrap();
            recording.extend(u64::MAX);
            recording.verdict()
        };
        let (under_raft, under_pbft) = (verdict(&trusting), verdict(&careful));
        for verdict in [&under_raft, &under_pbft] {
            assert!(verdict.injections[0].effects > 0, "seed {seed}: it lied");
            assert!(verdict.as_expected(), "seed {seed}: {verdict:#?}");
        }
    }
}

#[test]
fn the_primary_dies_between_the_switch_and_the_end_of_its_epoch() {
    let events = events("switch-while-the-primary-dies", 2);
    let first = |what: fn(&EventKind) -> bool| {
        events.iter().find(|event| what(&event.kind)).map(|event| event.at).unwrap()
    };
    let agreed = first(|it| matches!(it, EventKind::EpochEnding { .. }));
    let dies = first(|it| matches!(it, EventKind::Intervened { action: Action::Crash { .. }, .. }));
    let begins = first(|it| matches!(it, EventKind::EpochBegun { .. }));
    assert!(agreed < dies && dies < begins, "{agreed:?} {dies:?} {begins:?}");
    let begun = events.iter().filter_map(|event| match event.kind {
        EventKind::EpochBegun { epoch, protocol, .. } => Some((event.place, epoch.0, protocol)),
        _ => None,
    });
    let begun: BTreeSet<_> = begun.collect();
    for node in (0..4).map(|node| Place::Node(NodeId(node))) {
        assert!(begun.contains(&(node, 1, Protocol::Raft)), "{node:?}");
        assert!(begun.contains(&(node, 2, Protocol::Pbft)), "{node:?}");
    }
}
