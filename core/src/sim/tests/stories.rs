//! What the built-in scenarios tell is what happens in them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    event::{Event, EventKind, LossCause, Place},
    ids::{MessageId, RequestId},
    pbft::MessageKind,
    sim::{Recording, Run, builtin},
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
