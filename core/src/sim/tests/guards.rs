//! Gates, clients that ask again, and experiments, in runs.

use alloc::{string::ToString as _, vec::Vec};

use crate::{
    detector::suspicion::Kind,
    event::{Event, EventKind, Place},
    ids::{ClientId, NodeId, Principal},
    pbft::{DecodeError, MessageKind},
    resilience::{
        chaos::{Aborted, Fault, Phase},
        degradation::Level,
    },
    sim::{Cluster, Recording, Run, Scenario, Verdict, builtin},
};

fn carried_out(scenario: Scenario, seed: u64) -> Verdict {
    Run::new(scenario, seed).verdict().unwrap()
}

fn events(scenario: Scenario) -> Vec<Event> {
    let seed = scenario.seed;
    let mut recording = Recording::new(Run::new(scenario, seed)).unwrap();
    recording.extend(u64::MAX);
    recording.events().to_vec()
}

#[test]
fn a_flood_is_noticed_by_nobody_but_who_makes_it_and_without_a_gate_by_all() {
    let scenario = builtin("client-flood").unwrap();
    let mut without = scenario.clone();
    without.gate = None;
    for seed in [6, 100, 101, 102] {
        let guarded = carried_out(scenario.clone(), seed);
        assert!(guarded.as_expected(), "seed {seed}: {:#?}", guarded.expectations);
        let [guarded, flooded] = [guarded, carried_out(without.clone(), seed)].map(|it| it.counts);
        let (with, without) = (guarded.waited_us, flooded.waited_us);
        assert!(with * 6 < without * 5, "seed {seed}: {with} µs with, {without} µs without");
    }
    // It is the flooding client alone that is turned away.
    let turned_away = |event: &Event| match event.kind {
        EventKind::TurnedAway { request, .. } => Some(request.client),
        _ => None,
    };
    let clients: Vec<_> = events(scenario).iter().filter_map(turned_away).collect();
    assert!(clients.iter().all(|client| *client == ClientId(0)), "{clients:?}");
}

#[test]
fn jitter_takes_the_peak_off_the_same_storm() {
    let (storm, spread) = (builtin("flaky-link").unwrap(), builtin("flaky-link-jitter").unwrap());
    for seed in [8, 100, 101, 102] {
        let [storm, spread] = [&storm, &spread].map(|it| carried_out(it.clone(), seed).counts);
        let (with, without) = (spread.peak_requests, storm.peak_requests);
        assert!(with * 4 < without * 3, "seed {seed}: {with} with jitter, {without} without");
    }
}

#[test]
fn a_budget_that_burns_leaves_more_out_step_by_step_and_then_goes_back() {
    let events = events(builtin("error-budget").unwrap());
    let mut levels = [Level::Normal; 4];
    for event in &events {
        if let (EventKind::LevelChanged { from, to, .. }, Place::Node(node)) =
            (&event.kind, event.place)
        {
            let level = &mut levels[usize::from(node.0)];
            assert_eq!(*from, *level, "at {}", event.at);
            assert_eq!((*from as i8 - *to as i8).abs(), 1, "one step at a time");
            *level = *to;
        }
    }
    assert_eq!(levels, [Level::Normal; 4]);
    let burns = |over| {
        // What is used up of the period stays so for longer than this run.
        let one = |event: &&Event| match event.kind {
            EventKind::BudgetBurns { pair: Some(_), over: it, .. } => it == over,
            _ => false,
        };
        events.iter().filter(one).count()
    };
    assert!(burns(false) >= 3 && burns(false) == burns(true), "{} {}", burns(false), burns(true));
    let put_off = events.iter().filter(|it| matches!(it.kind, EventKind::RequestPutOff { .. }));
    assert!(put_off.count() > 0, "clients are told by enough");
}

#[test]
fn an_experiment_ends_itself_as_soon_as_clients_notice_and_touches_nobody_else() {
    let scenario = builtin("chaos-abort").unwrap();
    let inject_ms = scenario.chaos.as_ref().unwrap().inject_ms;
    let events = events(scenario.clone());
    let phases: Vec<_> = events
        .iter()
        .filter_map(|it| match it.kind {
            EventKind::Experiment { phase } => Some((it.at, phase)),
            _ => None,
        })
        .collect();
    let names: Vec<_> = phases.iter().map(|(_, phase)| *phase).collect();
    assert_eq!(names, [Phase::Baseline, Phase::Injecting, Phase::Aborted(Aborted::Refuted)]);
    let (began, ended) = (phases[1].0, phases[2].0);
    assert!(ended.since(began).as_millis() < u128::from(inject_ms) / 2, "{began} to {ended}");
    // What takes long is what the primary says, and only in between.
    let mut sent = alloc::collections::BTreeMap::new();
    let mut slow = Vec::new();
    for event in &events {
        match event.kind {
            EventKind::Sent { id, ref what, .. } => {
                sent.insert(id, (event.at, event.place, what.kind));
            }
            EventKind::Delivered { id, .. } => {
                let (at, place, kind) = sent[&id];
                if event.at.since(at).as_millis() > 100 {
                    slow.push((at, place, kind));
                }
            }
            _ => {}
        }
    }
    assert!(slow.iter().any(|(.., kind)| *kind == MessageKind::PrePrepare));
    for (at, place, kind) in slow {
        assert_eq!(place, Place::from(Principal::Node(NodeId(0))), "{kind:?} at {at}");
        assert!((began..=ended).contains(&at), "{kind:?} at {at}");
    }
    // Had it touched a backup, nobody would have noticed.
    let mut backup = scenario;
    backup.chaos.as_mut().unwrap().peers = alloc::vec![2];
    backup.duration_ms = 9_000;
    let verdict = carried_out(backup, 9);
    assert_eq!(verdict.counts.experiment, Some(Phase::Held));
    assert!(verdict.counts.injected > 100, "{}", verdict.counts.injected);
    assert_eq!((verdict.faults_used, verdict.f), (1, 1), "whom it touches is one of the f");
}

#[test]
fn what_an_experiment_damages_arrives_and_is_turned_away_as_no_message() {
    let mut scenario = builtin("chaos-abort").unwrap();
    let chaos = scenario.chaos.as_mut().unwrap();
    chaos.fault = Fault::Corruption;
    chaos.peers = alloc::vec![2];
    scenario.duration_ms = 9_000;
    let counts = carried_out(scenario.clone(), scenario.seed).counts;
    assert_eq!(counts.experiment, Some(Phase::Held), "three of four say what it takes");
    assert!(counts.injected > 100, "{}", counts.injected);
    assert_eq!(counts.refused, counts.injected, "each arrives, and none is believed");
    assert_eq!(counts.lost, 0);
    let damaged = Principal::Node(NodeId(2));
    for event in events(scenario) {
        if let EventKind::Refused { from, why } = event.kind {
            assert_eq!((from, why), (damaged, DecodeError::Malformed.to_string()));
            assert_ne!(event.place, Place::from(damaged));
        }
    }
}

#[test]
fn whose_messages_arrive_damaged_is_suspected_for_what_its_link_says() {
    let mut scenario = builtin("chaos-abort").unwrap();
    let chaos = scenario.chaos.as_mut().unwrap();
    chaos.fault = Fault::Corruption;
    chaos.peers = alloc::vec![2];
    let mut cluster = Cluster::new(&Run::new(scenario, 9)).unwrap();
    while cluster.step() {}
    let suspicion = cluster.node(NodeId(0)).unwrap().node().suspicion();
    let counted = [1, 2, 3].map(|peer| suspicion.counted(NodeId(peer), Kind::Malformed));
    assert!(counted[1] > 10 && counted[0] + counted[2] == 0, "{counted:?}");
}

#[test]
fn a_gate_survives_a_restart_and_a_file_says_all_of_it() {
    for name in [
        "client-flood",
        "flaky-link-jitter",
        "slow-dependency-bulkhead",
        "error-budget",
        "chaos-abort",
    ] {
        let scenario = builtin(name).unwrap();
        assert!(scenario.needs_guards());
        assert_eq!(scenario.rewritten().unwrap(), scenario, "{name}");
    }
    let mut scenario = builtin("client-flood").unwrap();
    let crash = crate::sim::Action::Crash { node: NodeId(2) };
    let restart = crate::sim::Action::Restart { node: NodeId(2) };
    for (at_ms, action) in [(300, crash), (600, restart)] {
        scenario.faults.push(crate::sim::TimedAction { at_ms, action });
    }
    let scenario = scenario.rewritten().unwrap();
    let mut cluster = crate::sim::Cluster::new(&Run::new(scenario, 3)).unwrap();
    while cluster.step() {}
    let refused = |node: &crate::sim::Host| node.node().gate().unwrap().snapshot().counters.refused;
    assert!(cluster.nodes().iter().all(|node| refused(node)[1] > 0), "each turns the flood away");
}

#[test]
fn an_experiment_that_could_break_what_it_asks_is_refused_with_its_place() {
    let source = crate::sim::BUILTIN.iter().find(|it| it.name == "chaos-abort").unwrap().source;
    let wrong = |from: &str, to: &str| {
        let error = Scenario::parse(&source.replace(from, to)).unwrap_err();
        assert!(error.line > 20, "{error}");
        error.what
    };
    assert!(wrong("max_peers = 1", "max_peers = 2").contains("f = 1 at most"));
    assert!(
        wrong("fault = { latency = { ms = 200, jitter_ms = 50 } }", "fault = \"crash\"")
            .contains("about messages")
    );
    assert!(wrong("hypothesis = ", "name2 = ").contains("unknown field"));
}

#[test]
fn a_slow_service_starves_those_who_do_not_need_it_unless_a_compartment_holds_back_who_does() {
    let scenario = builtin("slow-dependency-bulkhead").unwrap();
    let mut without = scenario.clone();
    without.dependency.as_mut().unwrap().compartment = None;
    assert_eq!(without.dependency, builtin("slow-dependency").unwrap().dependency);
    for seed in [10, 100, 101, 102] {
        let with = carried_out(scenario.clone(), seed);
        assert!(with.as_expected(), "seed {seed}: {:#?}", with.expectations);
        let without = carried_out(without.clone(), seed);
        let failed: Vec<_> = without.expectations.iter().filter(|it| !it.met).collect();
        let about_others = |what: &str| what.contains("other clients get 200 answers");
        assert!(failed.iter().any(|it| about_others(&it.what)), "seed {seed}: {failed:#?}");
        assert!(without.injections[0].effects > 10 && with.injections[0].effects > 5);
    }
    // It is those who need the service alone that are turned away, at a compartment of their own.
    for event in events(scenario) {
        if let EventKind::TurnedAway { request, .. } = event.kind {
            assert!(request.client < ClientId(8), "{event:?}");
        }
    }
}

#[test]
fn what_waits_at_an_entrance_is_bounded_and_comes_back_to_nothing_even_after_a_crash() {
    let mut scenario = builtin("slow-dependency-bulkhead").unwrap();
    scenario.workload.requests = 30;
    for (at_ms, action) in [
        (3_000, crate::sim::Action::Crash { node: NodeId(2) }),
        (3_300, crate::sim::Action::Restart { node: NodeId(2) }),
    ] {
        scenario.faults.push(crate::sim::TimedAction { at_ms, action });
    }
    scenario.duration_ms = 30_000;
    let mut cluster = crate::sim::Cluster::new(&Run::new(scenario, 3)).unwrap();
    let (mut most_apart, mut copy) = (0, None);
    while cluster.step() {
        for host in cluster.nodes() {
            let seen = host.entrance().unwrap().snapshot();
            let apart = seen.compartment.unwrap();
            assert!(apart.running <= 1 && apart.waiting <= 4 && seen.workers.running <= 4);
            assert!(seen.calling <= apart.running, "{seen:?}");
            most_apart = most_apart.max(apart.running + apart.waiting);
        }
        if copy.is_none() && cluster.now().as_micros() > 4_000_000 {
            copy = Some(cluster.clone());
        }
    }
    assert_eq!(most_apart, 5);
    // A moment that was copied gives back its own permits, and comes to the same end.
    let mut copy = copy.unwrap();
    while copy.step() {}
    assert_eq!(copy.trace_hash(), cluster.trace_hash());
    for host in cluster.nodes() {
        let seen = host.entrance().unwrap().snapshot();
        assert_eq!((seen.workers.running, seen.workers.waiting, seen.calling), (0, 0, 0));
        assert_eq!(seen.compartment.map(|it| (it.running, it.waiting)), Some((0, 0)));
    }
}

#[test]
fn a_dependency_that_cannot_work_is_refused_with_its_place() {
    let known = crate::sim::BUILTIN.iter().find(|it| it.name == "slow-dependency").unwrap();
    let wrong = |from: &str, to: &str| {
        let error = Scenario::parse(&known.source.replace(from, to)).unwrap_err();
        assert!(error.line > 20, "{error}");
        error.what
    };
    assert!(wrong("askers = 8", "askers = 16").contains("askers"));
    assert!(wrong("slow_until_ms = 6000", "slow_until_ms = 1000").contains("slow_until_ms"));
    assert!(wrong("concurrent = 4", "concurrent = 0").contains("concurrent"));
}

#[test]
fn a_partition_lets_nothing_through_in_either_direction_and_ends_connections() {
    let mut scenario = builtin("chaos-abort").unwrap();
    scenario.dialing = builtin("peer-comes-back").unwrap().dialing;
    let chaos = scenario.chaos.as_mut().unwrap();
    (chaos.fault, chaos.peers, chaos.max_calls) = (Fault::Partition, alloc::vec![2], 1_000_000);
    chaos.operations = alloc::vec::Vec::new();
    let mut cluster = Cluster::new(&Run::new(scenario, 9)).unwrap();
    let (mut injects, mut ended) = (None, None);
    let mut heard = 0;
    let ties = |cluster: &Cluster| {
        let of = |host: &crate::sim::Host, peer: u16| {
            let (_, tie) = host.ties().find(|(node, _)| *node == NodeId(peer)).unwrap();
            tie.stage() == crate::sim::TieStage::Connected
        };
        let host = |node| cluster.node(NodeId(node)).unwrap();
        [of(host(0), 2), of(host(2), 0), of(host(0), 1)]
    };
    while cluster.step() {
        let (now, phase) = (cluster.now(), cluster.experiment().unwrap().phase());
        match phase {
            Phase::Injecting => drop(injects.get_or_insert(now)),
            Phase::Recovering => drop(ended.get_or_insert(now)),
            _ => {}
        }
        let under_way = injects.is_some_and(|at| now.since(at).as_millis() > 1_500);
        if phase == Phase::Injecting && under_way && heard == 0 {
            heard = cluster.node(NodeId(2)).unwrap().replica().last_executed().0;
            assert_eq!(ties(&cluster), [false, false, true], "who hears nothing gives up");
        }
        if phase == Phase::Recovering && ended == Some(now) {
            let executed = |node| cluster.node(NodeId(node)).unwrap().replica().last_executed().0;
            assert_eq!(executed(2), heard, "nobody told it anything");
            assert!(executed(0) > heard);
        }
    }
    assert!(heard > 0 && ended.is_some());
    assert_eq!(ties(&cluster), [true; 3], "and they find each other again");
}
