//! Each fault does what it says, and says when it did nothing.

mod clients;
mod disks;
mod strategies;

use conclave_core::{
    app::Operation,
    event::{EventKind, LossCause, Place, Tampering},
    ids::{ClientId, MessageId, NodeId},
    pbft::MessageKind,
    sim::{Action, Cluster, Intervention, Recording, Run, Scenario, Strategy, builtin},
};

/// In the middle of things.
const STEP: u64 = 300;

fn recorded(run: Run) -> Recording {
    let mut recording = Recording::new(run).expect("it can be carried out");
    recording.extend(u64::MAX);
    recording
}

fn recorded_with(actions: impl IntoIterator<Item = (u64, Action)>) -> Recording {
    let mut run = Run::new(builtin("normal-case").expect("built in"), 1);
    let interventions =
        actions.into_iter().map(|(step, action)| Intervention { step, action }).collect();
    run.interventions = interventions;
    recorded(run)
}

fn sent_by(recording: &Recording, node: u16, steps: std::ops::Range<u64>) -> usize {
    let range = recording.events_of(steps.start).start..recording.events_of(steps.end).start;
    recording.events()[range]
        .iter()
        .filter(|event| event.place == Place::Node(NodeId(node)))
        .filter(|event| matches!(event.kind, EventKind::Sent { .. }))
        .count()
}

#[test]
fn acts_on_what_is_so_already_say_that_they_had_no_effect() {
    let node = NodeId(2);
    let recording = recorded_with([
        (STEP, Action::Restart { node }),
        (STEP, Action::Crash { node }),
        (STEP, Action::Crash { node }),
        (STEP, Action::Reconnect { node }),
        (STEP, Action::Reform { node }),
        (STEP, Action::Heal),
        (STEP, Action::Drop { message: MessageId(u64::MAX) }),
        (STEP, Action::Restart { node }),
    ]);
    let effective: Vec<_> = recording
        .events()
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Intervened { effective, .. } => Some(effective),
            _ => None,
        })
        .collect();
    assert_eq!(effective, [false, true, false, false, false, false, false, true]);
}

#[test]
fn a_crashed_node_says_nothing_and_a_restarted_one_catches_up() {
    let node = NodeId(3);
    let recording =
        recorded_with([(STEP, Action::Crash { node }), (STEP + 400, Action::Restart { node })]);
    assert_eq!(sent_by(&recording, 3, STEP + 1..STEP + 400), 0);
    assert!(sent_by(&recording, 3, STEP + 401..recording.steps() - 1) > 0);
    let verdict = recording.verdict();
    assert!(verdict.injections.iter().all(|injection| injection.effects > 0));
    assert!(verdict.violations.is_empty(), "{verdict:#?}");
    assert_eq!(verdict.faults_used, 1);
}

#[test]
fn what_a_crash_finds_unsynced_is_gone() {
    let source = builtin("crash-and-recover").expect("built in").source;
    let source = source.replace("sync_us = 2000", "sync_us = 50000");
    let scenario = Scenario::parse(&source).expect("valid");
    let mut cluster = Cluster::new(&Run::new(scenario.clone(), 1)).expect("valid");
    let host = |cluster: &Cluster| {
        let host = cluster.node(NodeId(1)).expect("it exists");
        (host.unsynced(), host.records())
    };
    while host(&cluster).0 == 0 {
        assert!(cluster.step(), "the disk never had anything to sync");
    }
    let (at, (_, synced)) = (cluster.steps(), host(&cluster));
    let run = Run::new(scenario, 1).forked(at, Action::Crash { node: NodeId(1) });
    let mut again = Cluster::new(&run).expect("valid");
    while again.steps() <= at && again.step() {}
    assert_eq!(host(&again), (0, synced));
}

#[test]
fn a_message_is_dropped_doubled_delayed_and_delivered_just_as_asked() {
    let mut probe = recorded_with([]);
    let cluster = probe.seek(STEP);
    let now = cluster.now();
    let (due, last) = cluster
        .in_flight()
        .map(|flight| (flight.due, flight.id))
        .max()
        .expect("messages are always under way");
    assert!(due > now);
    let outcome = |action| {
        let mut fork = probe.fork(STEP, action).expect("valid");
        fork.extend(u64::MAX);
        let arrived = fork
            .events()
            .iter()
            .find(|event| matches!(event.kind, EventKind::Delivered { id, .. } if id == last));
        let dropped = fork.events().iter().any(|event| {
            matches!(event.kind, EventKind::Lost { id, why: LossCause::Dropped, .. } if id == last)
        });
        (arrived.map(|event| event.at), dropped, fork.verdict().counts.duplicated)
    };
    assert_eq!(outcome(Action::Drop { message: last }), (None, true, 0));
    let later = due + std::time::Duration::from_millis(50);
    assert_eq!(outcome(Action::Delay { message: last, by_ms: 50 }), (Some(later), false, 0));
    assert_eq!(outcome(Action::Deliver { message: last }), (Some(now), false, 0));
    assert_eq!(outcome(Action::Duplicate { message: last }), (Some(due), false, 1));
}

#[test]
fn a_node_that_is_silent_about_commits_still_prepares() {
    let strategies = vec![Strategy::Silent { kinds: vec![MessageKind::Commit], to: vec![] }];
    let recording = recorded_with([(STEP, Action::Corrupt { node: NodeId(1), strategies })]);
    let after = &recording.events()[recording.events_of(STEP + 1).start..];
    let by_it = || after.iter().filter(|event| event.place == Place::Node(NodeId(1)));
    let sent = |kind| {
        by_it()
            .any(|event| matches!(&event.kind, EventKind::Sent { what, .. } if what.kind == kind))
    };
    assert!(!sent(MessageKind::Commit) && sent(MessageKind::Prepare));
    assert!(by_it().any(|event| {
        matches!(&event.kind, EventKind::Tampered { what, how: Tampering::Withheld, .. }
            if what.kind == MessageKind::Commit)
    }));
    assert!(recording.verdict().violations.is_empty());
}

#[test]
fn a_lie_is_properly_signed_so_nobody_can_refuse_it() {
    let scenario = builtin("equivocating-primary").expect("built in");
    let verdict = Run::new(scenario, 1).verdict().expect("valid");
    assert!(verdict.injections[0].effects > 0);
    assert_eq!(verdict.counts.refused, 0);
    assert!(verdict.counts.equivocations > 0, "but it is proof");
}

#[test]
fn a_person_can_ask_through_a_client() {
    let operation = Operation::Put { key: b"mine".to_vec(), value: b"here".to_vec() };
    let mut recording = recorded_with([(STEP, Action::Submit { client: ClientId(1), operation })]);
    let end = recording.steps();
    let cluster = recording.seek(end);
    for host in cluster.nodes() {
        assert_eq!(host.replica().application().get(b"mine"), Some(&b"here"[..]));
    }
}

#[test]
fn with_ed25519_signatures_everything_comes_out_the_same_way() {
    for name in ["silent-primary", "equivocating-primary"] {
        let source = builtin(name).expect("built in").source;
        let source = source.replace("n = 4\n", "n = 4\nsignatures = \"ed25519\"\n");
        let scenario = Scenario::parse(&source).expect("valid");
        let seed = scenario.seed;
        let verdict = Run::new(scenario, seed).verdict().expect("valid");
        assert!(verdict.as_expected(), "{name}: {verdict:#?}");
        assert_eq!(verdict.counts.refused, 0);
    }
}
