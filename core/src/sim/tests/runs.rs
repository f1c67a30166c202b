//! Same run, same steps; any moment; other futures.

use crate::{
    event::EventKind,
    ids::{NodeId, View},
    protocol::Protocol,
    sim::{Action, Address, BUILTIN, Cluster, Recording, Run, Scenario, builtin},
};

fn run(name: &str, seed: u64) -> Run {
    Run::new(builtin(name).unwrap(), seed)
}

fn recorded(run: Run) -> Recording {
    let mut recording = Recording::new(run).unwrap();
    assert!(recording.extend(u64::MAX));
    recording
}

#[test]
fn every_built_in_scenario_is_named_as_its_file_and_comes_out_as_expected() {
    for known in BUILTIN {
        let scenario = Scenario::parse(known.source)
            .unwrap_or_else(|error| panic!("{}.toml: {error}", known.name));
        assert_eq!(scenario.name, known.name);
        let seed = scenario.seed;
        let verdict = Run::new(scenario, seed).verdict().unwrap();
        assert!(verdict.as_expected(), "{}: {verdict:#?}", known.name);
        for injection in &verdict.injections {
            assert!(injection.effects > 0, "{}: without effect: {injection:?}", known.name);
        }
    }
}

#[test]
fn a_run_has_one_trace_and_another_seed_another() {
    let hash = |seed| run("normal-case", seed).verdict().unwrap().trace_hash;
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn any_moment_is_reached_from_anywhere_in_the_same_state() {
    let mut recording = recorded(run("crash-and-recover", 1));
    let steps = recording.steps();
    assert!(steps > 2_000, "too short to cross a snapshot: {steps}");
    let fingerprint = |cluster: &Cluster| {
        let hashes: alloc::vec::Vec<_> =
            cluster.nodes().iter().map(|host| host.replica().state_hash()).collect();
        (cluster.steps(), cluster.now(), cluster.trace_hash(), hashes)
    };
    for position in [0, 1, steps / 3, 1_000, steps - 1, steps] {
        let mut walked = Cluster::new(recording.run()).unwrap();
        for _ in 0..position {
            assert!(walked.step());
        }
        let expected = fingerprint(&walked);
        assert_eq!(fingerprint(recording.seek(position)), expected);
        recording.seek(steps);
        assert_eq!(fingerprint(recording.seek(position)), expected, "going back to {position}");
        assert_eq!(recording.step_time(position), walked.now());
    }
}

#[test]
fn acting_in_the_past_makes_another_future_and_leaves_the_first_alone() {
    let original = recorded(run("normal-case", 1));
    let at = original.steps() / 2;
    let mut forked = original.fork(at, Action::Crash { node: NodeId(0) }).unwrap();
    assert_eq!(forked.position(), at);
    forked.extend(u64::MAX);
    let past = original.events_of(at).start;
    assert_eq!(original.events()[..past], forked.events()[..past]);
    let crash = &forked.events()[forked.events_of(at)];
    assert!(matches!(crash[0].kind, EventKind::Intervened { effective: true, .. }));
    assert_eq!(original.verdict().counts.view, View(0));
    assert!(forked.verdict().counts.view >= View(1), "the crash leads to a view change");
    // Recorded as a branch or run from the beginning: the same.
    assert_eq!(forked.run().verdict().unwrap().trace_hash, forked.verdict().trace_hash);
    assert_eq!(
        original.run().verdict().unwrap().trace_hash,
        original.verdict().trace_hash,
        "the first branch is as it was"
    );
}

#[test]
fn a_link_leads_to_the_same_moment() {
    let mut run = run("partition-and-heal", 9);
    run = run.forked(200, Action::CutOff { node: NodeId(3) });
    let text = Address::new(&run, 321).encode();
    assert!(text.len() < 200, "{} characters", text.len());
    let address = Address::decode(&text).unwrap();
    assert!(address.matches_this_core());
    assert_eq!(address.position, 321);
    assert_eq!(address.run().unwrap(), run);
}

#[test]
fn an_own_scenario_travels_in_the_link_as_a_whole() {
    let source = BUILTIN[0].source.replace("normal-case", "my-case");
    let run = Run::new(Scenario::parse(&source).unwrap(), 4);
    let address = Address::decode(&Address::new(&run, 0).encode()).unwrap();
    assert_eq!(address.run().unwrap(), run);
}

#[test]
fn a_message_can_be_dropped_delayed_doubled_and_delivered_by_hand() {
    let recording = recorded(run("normal-case", 1));
    let mut cluster = Cluster::new(recording.run()).unwrap();
    while cluster.in_flight_count() == 0 {
        assert!(cluster.step());
    }
    let (step, message) = (cluster.steps(), cluster.in_flight().next().unwrap().id);
    for action in [
        Action::Drop { message },
        Action::Delay { message, by_ms: 50 },
        Action::Duplicate { message },
        Action::Deliver { message },
    ] {
        let mut forked = recording.fork(step, action.clone()).unwrap();
        forked.extend(u64::MAX);
        let verdict = forked.verdict();
        assert_eq!(verdict.injections.last().unwrap().effects, 1, "{action}");
        assert_ne!(verdict.trace_hash, recording.verdict().trace_hash, "{action}");
        assert!(verdict.violations.is_empty(), "{action}: {:?}", verdict.violations);
    }
}
