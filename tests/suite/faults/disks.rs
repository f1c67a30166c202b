//! What disks do to replicas, and that none is taken for what it isn't.

use conclave_core::{
    event::{Event, EventKind, Place},
    ids::NodeId,
    pbft::MessageKind,
    sim::{Cluster, Condition, Damage, Run, Scenario},
};

/// Replica 2 crashes at 800 ms and is back at 1500 ms; what happens to its disk is told by `faults`.
fn stage(n: u16, faults: &str, workload: &str) -> Run {
    let source = format!(
        "schema = 1\nname = \"disks\"\ntitle = \"Disks\"\npromise = \"Damage.\"\n\
         duration_ms = 6000\n\
         [cluster]\nn = {n}\n\
         [cluster.pbft]\nrequest_timeout_ms = 300\nview_change_timeout_ms = 400\n\
         status_interval_ms = 100\ncheckpoint_interval = 5\nwindow = 20\n\
         [network]\nlatency_us = 3000\njitter_us = 2000\n\
         [disk]\nsync_us = 2000\n\
         [workload]\nclients = 3\nthink_ms = 30\nretransmit_ms = 150\n{workload}\n\
         {faults}\
         [[fault]]\nat_ms = 800\nact = {{ crash = {{ node = 2 }} }}\n\
         [[fault]]\nat_ms = 1500\nact = {{ restart = {{ node = 2 }} }}\n"
    );
    Run::new(Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}")), 1)
}

fn damaged(at_ms: u32, what: &str) -> String {
    format!(
        "[[fault]]\nat_ms = {at_ms}\n\
         act = {{ damage-disk = {{ node = 2, what = \"{what}\" }} }}\n"
    )
}

fn carried_out(run: &Run) -> (Cluster, Vec<Event>) {
    let mut cluster = Cluster::new(run).expect("valid");
    cluster.record();
    while cluster.step() {}
    let events = cluster.take_events();
    (cluster, events)
}

fn at_2(events: &[Event], wanted: impl Fn(&EventKind) -> bool) -> Option<usize> {
    let place = Place::Node(NodeId(2));
    events.iter().position(|event| event.place == place && wanted(&event.kind))
}

const fn counts(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::PrePrepare
            | MessageKind::Prepare
            | MessageKind::Commit
            | MessageKind::Checkpoint
            | MessageKind::ViewChange
            | MessageKind::NewView
    )
}

#[test]
fn a_replica_whose_disk_lost_something_recovers_before_it_votes() {
    for (what, at_ms, damage) in [
        ("sector", 1000, Damage::Sector),
        ("torn", 1000, Damage::Torn),
        ("lost", 1000, Damage::Lost),
        ("lies", 400, Damage::Lies),
    ] {
        let (cluster, events) = carried_out(&stage(4, &damaged(at_ms, what), ""));
        let verdict = cluster.verdict();
        assert!(verdict.violations.is_empty(), "{what}: {:#?}", verdict.violations);
        assert!(verdict.injections.iter().all(|it| it.effects > 0), "{what}: {verdict:#?}");
        let host = cluster.node(NodeId(2)).expect("it exists");
        assert_eq!(host.found(), Condition::Damaged(damage));
        let begins = at_2(&events, |it| matches!(it, EventKind::Recovering { .. }));
        let ends = at_2(&events, |it| matches!(it, EventKind::Recovered { .. }));
        let (Some(begins), Some(ends)) = (begins, ends) else {
            panic!("{what}: it never recovered: life {}", host.replica().life())
        };
        let said = |events: &[Event]| {
            let sent =
                |it: &EventKind| matches!(it, EventKind::Sent { what, .. } if counts(what.kind));
            at_2(events, sent).is_some()
        };
        assert!(!said(&events[begins..ends]), "{what}: it voted without memory");
        assert!(said(&events[ends..]), "{what}: it takes part again");
        assert_eq!(verdict.faults_used, 1);
    }
}

#[test]
fn it_recovers_even_when_the_clients_have_nothing_more_to_ask() {
    let run = stage(4, &damaged(1000, "lost"), "requests = 6\n");
    let (cluster, events) = carried_out(&run);
    assert!(at_2(&events, |it| matches!(it, EventKind::Recovered { .. })).is_some());
    let executed: Vec<_> =
        cluster.nodes().iter().map(|host| host.replica().last_executed()).collect();
    assert!(executed.iter().all(|seq| *seq == executed[0]), "{executed:?}");
    assert!(cluster.verdict().violations.is_empty());
}

#[test]
fn it_recovers_beside_a_liar_whatever_that_does() {
    for strategy in [
        "silent = {}",
        "flood = {}",
        "replay = { every = 1 }",
        "forge = {}",
        "equivocate = {}",
        "false-state = {}",
        "wrong-digest = {}",
        "selective = {}",
    ] {
        let liar = format!(
            "[[fault]]\nat_ms = 100\n\
             act = {{ corrupt = {{ node = 0, strategies = [{{ {strategy} }}] }} }}\n"
        );
        let (cluster, events) = carried_out(&stage(7, &(damaged(1000, "lost") + &liar), ""));
        let verdict = cluster.verdict();
        assert!(verdict.violations.is_empty(), "{strategy}: {:#?}", verdict.violations);
        assert!(verdict.injections[0].effects > 0, "{strategy} did nothing");
        let ends = at_2(&events, |it| matches!(it, EventKind::Recovered { .. }));
        assert!(ends.is_some(), "{strategy} holds up the recovery");
    }
}

#[test]
fn a_torn_tail_of_what_was_never_safe_is_no_damage() {
    let mut run = stage(4, "", "");
    let mut scenario = (*run.scenario).clone();
    scenario.disk.sync_us = 90_000;
    run.scenario = scenario.into();
    let (cluster, events) = carried_out(&run);
    assert_eq!(cluster.node(NodeId(2)).expect("it exists").found(), Condition::TornTail);
    assert!(at_2(&events, |it| matches!(it, EventKind::Recovering { .. })).is_none());
    assert!(cluster.verdict().violations.is_empty());
}
