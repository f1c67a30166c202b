//! Every way of lying really happens, and does no harm: alone, in every pair, and in collusion.

use conclave_core::{
    event::{EventKind, Place, Tampering, ViewChangeCause},
    ids::NodeId,
    pbft::MessageKind,
    sim::{Action, Cluster, Run, Scenario, Strategy, Verdict},
};

/// Long enough for the cluster to be whole again.
const STAGE_MS: u32 = 7_000;

fn stage(n: u16, liars: &[u16], strategies: &str, seed: u64) -> Run {
    conclave_tests::stage(n, liars, strategies, STAGE_MS, seed)
}

/// What was done to which kinds of message, and the verdict.
fn carried_out(run: &Run) -> (Vec<(MessageKind, Tampering)>, Verdict) {
    let mut cluster = Cluster::new(run).expect("valid");
    cluster.record();
    let mut done = Vec::new();
    loop {
        let more = cluster.step();
        done.extend(cluster.take_events().into_iter().filter_map(|event| match event.kind {
            EventKind::Tampered { what, how, .. } => Some((what.kind, how)),
            _ => None,
        }));
        if !more {
            return (done, cluster.verdict());
        }
    }
}

/// How many runs two strategies have for both to lie.
const ATTEMPTS: u64 = 16;

fn unharmed(name: &str, verdict: &Verdict) {
    assert!(verdict.violations.is_empty(), "{name}: {:#?}", verdict.violations);
    assert!(verdict.counts.completed > 30, "{name}: {}", verdict.counts.completed);
    // The first liar is the one that has the occasion; the second may never become primary.
    let mut lies = verdict.injections.iter().filter(|it| it.what.contains("Byzantine"));
    assert!(lies.next().is_some_and(|it| it.effects > 0), "{name} did nothing");
}

type Told = fn(MessageKind, &Tampering) -> bool;

const fn falsified(how: &Tampering) -> bool {
    matches!(how, Tampering::Falsified)
}

/// A strategy, the liar that has the occasion for it, and what it then must have done.
type Case = (&'static str, u16, Told);

const CASES: &[Case] = {
    use MessageKind::{
        Checkpoint, Commit, Decided, NewView, PrePrepare, Prepare, Reply, Stable, State, ViewChange,
    };
    use Tampering::{Accused, Delayed, Equivocated, Flooded, Forged, Replayed, Withheld};
    &[
        ("silent = {}", 1, |_, how| matches!(how, Withheld)),
        ("silent = { kinds = [\"commit\"], to = [2] }", 1, |kind, how| {
            kind == Commit && matches!(how, Withheld)
        }),
        ("delay = { by_ms = 90 }", 1, |_, how| matches!(how, Delayed { by_us: 90_000 })),
        ("equivocate = {}", 0, |kind, how| kind == PrePrepare && matches!(how, Equivocated { .. })),
        ("equivocate = { kinds = [\"prepare\"] }", 1, |kind, how| {
            kind == Prepare && matches!(how, Equivocated { .. })
        }),
        ("equivocate = { kinds = [\"commit\"] }", 1, |kind, how| {
            kind == Commit && matches!(how, Equivocated { .. })
        }),
        ("equivocate = { kinds = [\"checkpoint\"] }", 1, |kind, how| {
            kind == Checkpoint && matches!(how, Equivocated { .. })
        }),
        ("equivocate = { kinds = [\"new-view\"] }", 1, |kind, how| {
            kind == NewView && matches!(how, Equivocated { .. })
        }),
        ("wrong-digest = {}", 1, |kind, how| kind == Prepare && falsified(how)),
        ("wrong-digest = { kinds = [\"pre-prepare\"] }", 0, |kind, how| {
            kind == PrePrepare && falsified(how)
        }),
        ("wrong-place = {}", 1, |kind, how| kind == Commit && falsified(how)),
        ("wrong-place = { view_by = -1 }", 1, |kind, how| kind == Prepare && falsified(how)),
        ("wrong-place = { view_by = 0, seq_by = 7 }", 1, |kind, how| {
            kind == Checkpoint && falsified(how)
        }),
        ("forge = {}", 1, |kind, how| kind == ViewChange && matches!(how, Forged)),
        ("forge = { kinds = [\"stable\"] }", 1, |kind, how| {
            kind == Stable && matches!(how, Forged)
        }),
        ("forge = { how = \"repeated\", kinds = [\"decided\"] }", 1, |kind, how| {
            kind == Decided && matches!(how, Forged)
        }),
        ("forge = { how = \"foreign\", kinds = [\"new-view\"] }", 1, |kind, how| {
            kind == NewView && matches!(how, Forged)
        }),
        ("hide-prepared = {}", 1, |kind, how| kind == ViewChange && falsified(how)),
        ("two-faced-view-change = {}", 1, |kind, how| {
            kind == ViewChange && matches!(how, Equivocated { .. })
        }),
        ("false-new-view = {}", 1, |kind, how| kind == NewView && matches!(how, Forged)),
        ("replay = {}", 1, |_, how| matches!(how, Replayed)),
        ("reorder = {}", 1, |_, how| matches!(how, Delayed { .. })),
        ("selective = {}", 1, |_, how| matches!(how, Withheld)),
        ("false-reply = {}", 1, |kind, how| kind == Reply && falsified(how)),
        ("false-state = {}", 1, |kind, how| kind == State && falsified(how)),
        ("flood = {}", 1, |_, how| matches!(how, Flooded { .. })),
        ("slow = {}", 0, |kind, how| {
            kind == PrePrepare && matches!(how, Delayed { by_us: 240_000 })
        }),
        ("false-accusation = {}", 1, |_, how| matches!(how, Accused)),
    ]
};

/// What the strategies of a run are called where lies are counted.
fn names(run: &Run) -> Vec<&'static str> {
    let actions = run.scenario.faults.iter().map(|fault| &fault.action);
    let strategies = actions.filter_map(|action| match action {
        Action::Corrupt { strategies, .. } => Some(strategies),
        _ => None,
    });
    strategies.flatten().map(Strategy::name).collect()
}

/// Strategies to which another leaves no occasion.
const STARVED: &[(&str, &str)] = &[
    // Without the votes of the liar and of whom the stage cuts off there is no quorum: nobody gets so
    // far ahead that another is shown a stable checkpoint.
    ("forge = { kinds = [\"stable\"] }", "silent = {}"),
    ("forge = { kinds = [\"stable\"] }", "selective = {}"),
    // Who is convicted before the first view change is passed over, and starts no view.
    ("equivocate = { kinds = [\"new-view\"] }", "equivocate = { kinds = [\"commit\"] }"),
    ("equivocate = { kinds = [\"new-view\"] }", "equivocate = { kinds = [\"checkpoint\"] }"),
    ("equivocate = { kinds = [\"new-view\"] }", "flood = {}"),
];

#[test]
fn every_strategy_really_happens_and_does_no_harm() {
    for (strategy, liar, told) in CASES {
        let (done, verdict) = carried_out(&stage(4, &[*liar], &format!("{{ {strategy} }}"), 1));
        assert!(done.iter().any(|(kind, how)| told(*kind, how)), "{strategy}: {done:?}");
        unharmed(strategy, &verdict);
    }
}

/// Runs a liar with two strategies, in this order; which of the two really lied? Lies are counted by
/// name; where both have the same, what was done tells them apart.
fn both_lied([first, second]: [&Case; 2], seed: u64) -> [bool; 2] {
    let both = format!("{{ {} }}, {{ {} }}", first.0, second.0);
    let run = stage(4, &[first.1], &both, seed);
    let (done, verdict) = carried_out(&run);
    unharmed(&both, &verdict);
    let names = names(&run);
    [(first, names[0]), (second, names[1])].map(|((_, _, told), name)| {
        verdict.counts.lies.contains_key(name)
            && (names[0] != names[1] || done.iter().any(|(kind, how)| told(*kind, how)))
    })
}

/// Which of two strategies really lied in one of their runs at least: with each of their liars, and
/// each as the first, which leaves the other only what it didn't spoil.
fn each_lied(first: &Case, second: &Case, seed: u64) -> [bool; 2] {
    let mut lied = [false; 2];
    for attempt in 0..ATTEMPTS {
        let seed = seed + 100 * attempt;
        let now = if attempt % 2 == 0 {
            both_lied([first, second], seed)
        } else {
            let [of_second, of_first] = both_lied([second, first], seed);
            [of_first, of_second]
        };
        lied = [lied[0] || now[0], lied[1] || now[1]];
        if lied == [true; 2] {
            break;
        }
    }
    lied
}

#[test]
fn every_pair_of_strategies_does_no_harm_and_both_really_lie() {
    for (at, first) in CASES.iter().enumerate() {
        for second in &CASES[at + 1..] {
            let lied = each_lied(first, second, at as u64);
            for (lied, it, beside) in [(lied[0], first, second), (lied[1], second, first)] {
                let starved = STARVED.contains(&(it.0, beside.0));
                assert!(lied || starved, "{} did nothing beside {}", it.0, beside.0);
            }
        }
    }
}

#[test]
fn f_colluding_liars_do_no_harm_whatever_they_do() {
    for (at, (strategy, liar, told)) in CASES.iter().enumerate() {
        let run = stage(7, &[*liar, 4], &format!("{{ {strategy} }}"), at as u64);
        let (done, verdict) = carried_out(&run);
        assert!(done.iter().any(|(kind, how)| told(*kind, how)), "{strategy}: {done:?}");
        unharmed(strategy, &verdict);
        assert_eq!(verdict.faults_used, 2);
    }
}

#[test]
fn what_does_not_prove_itself_is_refused_and_what_does_is_not() {
    let refused = |strategy: &str, liar: u16| {
        let (_, verdict) = carried_out(&stage(4, &[liar], &format!("{{ {strategy} }}"), 1));
        verdict.counts.refused
    };
    for strategy in
        ["forge = {}", "forge = { how = \"foreign\" }", "false-new-view = {}", "false-state = {}"]
    {
        assert!(refused(strategy, 1) > 0, "{strategy}");
    }
    assert!(refused("wrong-digest = { kinds = [\"pre-prepare\"] }", 0) > 0);
    for strategy in ["hide-prepared = {}", "two-faced-view-change = {}", "flood = {}"] {
        assert_eq!(refused(strategy, 1), 0, "{strategy} is properly signed and well-formed");
    }
}

#[test]
fn a_primary_that_is_slow_but_legal_runs_into_no_timeout_and_is_replaced_for_its_pace() {
    // No cuts here: what changes the view could only be its slowness.
    let mut run = stage(4, &[0], "{ slow = {} }", 1);
    let mut scenario = (*run.scenario).clone();
    scenario.faults.retain(|fault| matches!(fault.action, Action::Corrupt { .. }));
    run.scenario = scenario.into();
    let mut cluster = Cluster::new(&run).expect("valid");
    cluster.record();
    while cluster.step() {}
    let events = cluster.take_events();
    let causes = || {
        events.iter().filter_map(|event| match event.kind {
            EventKind::ViewChangeStarted { why, .. } => Some(why),
            _ => None,
        })
    };
    assert!(causes().all(|why| why != ViewChangeCause::RequestTimeout), "nobody's patience ended");
    assert!(causes().any(|why| why == ViewChangeCause::SlowPrimary));
    let verdict = cluster.verdict();
    assert!(verdict.injections[0].effects > 0);
    assert!(verdict.violations.is_empty());
}

#[test]
fn strategies_are_bounded_when_they_are_read() {
    for (strategy, why) in [
        ("slow = { percent = 100 }", "percent"),
        ("flood = { per_second = 0 }", "per_second"),
        ("flood = { per_second = 1000000 }", "per_second"),
        ("replay = { every = 0 }", "every"),
        ("wrong-place = { view_by = 0 }", "no lie"),
        ("delay = { by_ms = 3600000 }", "held back"),
        ("false-accusation = { claim_ms = 0 }", "claim_ms"),
        ("false-accusation = { every_ms = 60001 }", "every_ms"),
        ("two-faced-view-change = { victims = [4] }", "no node 4"),
        ("forge = { how = \"badly\" }", "badly"),
    ] {
        let source = stage(4, &[1], "{ silent = {} }", 1).scenario.source.clone();
        let source = source.replace("{ silent = {} }", &format!("{{ {strategy} }}"));
        let error = Scenario::parse(&source).expect_err(strategy);
        assert!(error.what.contains(why), "{strategy}: {error}");
    }
    let many = vec!["{ silent = {} }"; 17].join(", ");
    let source = stage(4, &[1], "{ silent = {} }", 1).scenario.source.clone();
    let error = Scenario::parse(&source.replace("{ silent = {} }", &many)).expect_err("too many");
    assert!(error.what.contains("at most 16 strategies"), "{error}");
}

#[test]
fn a_liar_that_is_reformed_lies_no_more() {
    let mut run = stage(4, &[1], "{ flood = {} }, { replay = {} }", 1);
    let mut scenario = (*run.scenario).clone();
    let action = Action::Reform { node: NodeId(1) };
    scenario.faults.push(conclave_core::sim::TimedAction { at_ms: 3_000, action });
    run.scenario = scenario.into();
    let mut cluster = Cluster::new(&run).expect("valid");
    cluster.record();
    while cluster.step() {}
    let lied_at: Vec<_> = cluster
        .take_events()
        .into_iter()
        .filter(|event| matches!(event.kind, EventKind::Tampered { .. }))
        .map(|event| (event.at.0, event.place))
        .collect();
    assert!(
        lied_at.iter().all(|(at, place)| { *at <= 3_000_000 && *place == Place::Node(NodeId(1)) })
    );
    assert!(lied_at.len() > 10);
    assert_eq!(cluster.node(NodeId(1)).expect("it exists").strategies(), &[] as &[Strategy]);
}
