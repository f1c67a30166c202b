//! Evidence in whole runs: nobody correct is ever convicted, whoever can be is, and when more than
//! *f* lied and agreement broke, more than *f* are.
//!
//! An observer stands beside every replica and every client and sees what arrives there. At the end
//! auditors put together all that arrived anywhere. `CONCLAVE_EVIDENCE_STORMS` and
//! `CONCLAVE_EVIDENCE_FROM` widen or move the slice of storms:
//!
//! `CONCLAVE_EVIDENCE_STORMS=10000 cargo nextest run -p conclave-tests evidence::`

mod observers;
mod oracle;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use conclave_core::{
    detector::evidence::{Assumption, OffenceKind, accuse, verify},
    ids::NodeId,
    sim::{Action, Damage, Invariant, Run, Scenario, TimedAction, swarm::storm},
};
use conclave_tests::{corrupted, number, over_seeds, stage};
use observers::Observed;

use crate::cluster::real::{Scratch, program};

const STORMS: u64 = 300;
/// Long enough for every lie to be told and found out.
const STAGE_MS: u32 = 5_000;

/// In so many of a thousand storms at least somebody is convicted of it by those who saw it.
const AT_LEAST: [(OffenceKind, u64); 11] = [
    (OffenceKind::TwoPrePrepares, 10),
    (OffenceKind::TwoPrepares, 5),
    (OffenceKind::TwoCommits, 5),
    (OffenceKind::SplitVote, 30),
    (OffenceKind::TwoCheckpoints, 5),
    (OffenceKind::TwoViewChanges, 10),
    (OffenceKind::HiddenCommit, 5),
    (OffenceKind::InvalidViewChange, 5),
    (OffenceKind::NewViewNotOwed, 5),
    (OffenceKind::FalseReply, 10),
    (OffenceKind::FalseState, 2),
];

#[derive(Default)]
struct Slice {
    convicted: BTreeMap<OffenceKind, u64>,
    failures: Vec<String>,
}

impl Slice {
    fn merge(mut self, other: Self) -> Self {
        for (kind, count) in other.convicted {
            *self.convicted.entry(kind).or_default() += count;
        }
        self.failures.extend(other.failures);
        self
    }

    fn run(&mut self, seed: u64) {
        let scenario = storm(seed).unwrap_or_else(|error| panic!("storm {seed}: {error}"));
        let observed = Observed::of(&Run::new(scenario, seed));
        for kind in observed.kinds() {
            *self.convicted.entry(kind).or_default() += 1;
        }
        self.failures.extend(observed.framed().map(|it| format!("storm {seed}: {it}")));
        self.failures.extend(observed.missed().map(|it| format!("storm {seed}: {it}")));
        self.failures.extend(observed.unknown().map(|it| format!("storm {seed}: {it}")));
    }
}

/// Crashes, lost disks, view changes, epochs, floods, replays, all ways of lying: whatever happens,
/// only liars are convicted; and whoever contradicted itself before a correct replica was found out
/// by it.
#[test]
fn in_every_storm_only_liars_are_convicted_and_all_who_showed_themselves_are() {
    let first = number("CONCLAVE_EVIDENCE_FROM", 0);
    let count = number("CONCLAVE_EVIDENCE_STORMS", STORMS);
    let slices = over_seeds(first, count, Slice::run, |slice| slice.failures.len() >= 3);
    let slice = slices.into_iter().fold(Slice::default(), Slice::merge);
    assert!(slice.failures.is_empty(), "{}", slice.failures.join("\n"));
    println!("of {count} storms, with convictions: {:?}", slice.convicted);
    for (kind, at_least) in AT_LEAST {
        let found = slice.convicted.get(&kind).copied().unwrap_or(0);
        assert!(
            found * 1_000 >= at_least * count,
            "{} was proven in only {found} of {count} storms",
            kind.name()
        );
    }
}

/// In both a correct primary proposed two batches for one place: it learnt from V of a checkpoint,
/// and proposed before it took up O.
#[test]
fn the_storms_in_which_a_correct_replica_once_convicted_itself() {
    for seed in [1_075, 2_265] {
        let scenario = storm(seed).unwrap_or_else(|error| panic!("storm {seed}: {error}"));
        let observed = Observed::of(&Run::new(scenario, seed));
        assert_eq!(observed.framed().next(), None, "storm {seed}");
    }
}

/// Each way of lying that can be proven, the liar that has the occasion, and of what it is
/// convicted: by one observer, or, of two stories for two halves, by those who put them together.
const PROVABLE: &[(&str, u16, OffenceKind)] = &[
    ("equivocate = {}", 0, OffenceKind::TwoPrePrepares),
    ("equivocate = { kinds = [\"prepare\"] }", 1, OffenceKind::TwoPrepares),
    ("equivocate = { kinds = [\"commit\"] }", 1, OffenceKind::TwoCommits),
    ("equivocate = { kinds = [\"checkpoint\"] }", 1, OffenceKind::TwoCheckpoints),
    ("equivocate = { kinds = [\"view-change\"] }", 1, OffenceKind::TwoViewChanges),
    ("equivocate = { kinds = [\"new-view\"] }", 1, OffenceKind::TwoNewViews),
    ("two-faced-view-change = {}", 1, OffenceKind::TwoViewChanges),
    ("hide-prepared = {}", 2, OffenceKind::HiddenCommit),
    ("false-new-view = {}", 1, OffenceKind::NewViewNotOwed),
    ("forge = {}", 1, OffenceKind::InvalidViewChange),
    ("forge = { how = \"repeated\" }", 1, OffenceKind::InvalidViewChange),
    ("forge = { how = \"foreign\" }", 1, OffenceKind::InvalidViewChange),
    ("forge = { kinds = [\"new-view\"] }", 1, OffenceKind::InvalidNewView),
    ("wrong-digest = { kinds = [\"commit\"] }", 1, OffenceKind::SplitVote),
    ("wrong-digest = { kinds = [\"prepare\"] }", 1, OffenceKind::SplitVote),
    ("false-state = {}", 1, OffenceKind::FalseState),
    ("false-reply = {}", 1, OffenceKind::FalseReply),
];

#[test]
fn every_provable_lie_convicts_its_liar_and_nobody_else() {
    for (strategy, liar, kind) in PROVABLE {
        let mut proven = false;
        // Whether there is something to hide depends on the moment at which the view changes.
        for seed in 1..=6 {
            let observed =
                Observed::of(&stage(4, &[*liar], &format!("{{ {strategy} }}"), STAGE_MS, seed));
            let told = observed.verdict.injections[0].effects;
            assert!(told > 0, "{strategy} did nothing");
            assert_eq!(observed.framed().next(), None, "{strategy}");
            assert_eq!(observed.missed().next(), None, "{strategy}");
            assert_eq!(observed.unknown().next(), None, "{strategy}");
            proven |= observed.proves(NodeId(*liar), *kind);
        }
        assert!(proven, "{strategy}: never proven as {kind:?}");
    }
}

/// f colluding liars of seven, in every provable way: still nobody else.
#[test]
fn colluding_liars_are_convicted_and_nobody_else() {
    for (at, (strategy, liar, _)) in PROVABLE.iter().enumerate() {
        let observed =
            Observed::of(&stage(7, &[*liar, 4], &format!("{{ {strategy} }}"), STAGE_MS, at as u64));
        assert_eq!(observed.framed().next(), None, "{strategy}");
        assert_eq!(observed.missed().next(), None, "{strategy}");
    }
}

/// The culprits of a broken agreement, from what the correct replicas' observers hold at that
/// moment; `None`: agreement held.
fn culprits(run: &Run) -> Option<(BTreeSet<NodeId>, BTreeSet<NodeId>)> {
    let observed = Observed::until(run, |cluster| {
        cluster.violations().iter().any(|it| it.invariant == Invariant::Agreement)
    });
    observed.verdict.violation(Invariant::Agreement)?;
    let (members, keys) = (observed.members, observed.keys());
    let found = accuse(&observed.held_by_correct(), members, keys);
    let judged = found.iter().map(|evidence| {
        let offence = verify(evidence, members, keys).expect("what is found is proven");
        assert_eq!(offence.assumption, Assumption::Absolute);
        offence.by
    });
    Some((judged.collect(), observed.liars.clone()))
}

#[test]
fn one_liar_too_many_and_all_liars_are_named() {
    let source = include_str!("../../core/scenarios/one-liar-too-many.toml");
    let run = Run::new(Scenario::parse(source).expect("valid"), 4);
    let (culprits, liars) = culprits(&run).expect("agreement breaks");
    assert_eq!(culprits, liars);
    assert_eq!(culprits.len(), 2);
}

/// As a person does it who wants to show somebody else what a run proves.
#[test]
fn what_a_run_proves_is_saved_and_judged_elsewhere_by_that_runs_keys_alone() {
    let scratch = Scratch::new();
    let conclave = |arguments: &str| {
        let mut command = Command::new(program());
        command.args(arguments.split(' ')).current_dir(scratch.path());
        let output = command.output().expect("the program can be started");
        let said = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text"));
        (output.status.code(), said.concat())
    };
    let (code, said) = conclave("simulate equivocation-proven --evidence lies.evidence");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("proofs in lies.evidence"), "{said}");
    let (code, said) = conclave("evidence verify lies.evidence --of equivocation-proven");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PROVEN: node 0 signed two pre-prepares for one place"), "{said}");
    let (code, said) = conclave("evidence verify lies.evidence --of equivocation-proven --seed 7");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("NOT PROVEN against node 0"), "{said}");
    let (code, said) = conclave("evidence verify lies.evidence --of nothing");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no scenario and no file \"nothing\""), "{said}");

    let (code, said) = conclave("simulate equivocation-proven --evidence lies.evidence");
    assert_eq!(code, Some(2), "it is there already: {said}");
    let (code, said) = conclave("simulate checkpoints --evidence none.evidence");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nobody is proven to have lied"), "{said}");
    assert!(!scratch.path().join("none.evidence").exists());
}

/// From f+1 to 2f of them, at random, who tell random victims another story.
fn conspiracy(seed: u64) -> Run {
    let mut draw = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |bound: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        (draw >> 11) % bound
    };
    let f = 1 + below(3);
    let n = 3 * f + 1;
    let liars = f + 1 + below(f);
    let mut nodes: Vec<u64> = (0..n).collect();
    for at in (1..nodes.len()).rev() {
        nodes.swap(at, below(at as u64 + 1) as usize);
    }
    let (liars, honest) = nodes.split_at(liars as usize);
    let victims = &honest[..=below(honest.len() as u64 - 1) as usize];
    let ways = [
        format!("{{ equivocate = {{ victims = {victims:?} }} }}"),
        format!("{{ equivocate = {{ victims = {victims:?} }} }}, {{ hide-prepared = {{}} }}"),
        format!(
            "{{ equivocate = {{ victims = {victims:?} }} }}, \
             {{ equivocate = {{ victims = {victims:?}, kinds = [\"new-view\"] }} }}, \
             {{ two-faced-view-change = {{ victims = {victims:?} }} }}"
        ),
    ];
    let strategies = &ways[below(3) as usize];
    let faults = corrupted(liars, 300, strategies);
    let cut = honest[below(honest.len() as u64) as usize];
    let source = format!(
        "schema = 1\nname = \"conspiracy\"\ntitle = \"C\"\npromise = \"P\"\nduration_ms = 4000\n\
         [cluster]\nn = {n}\n[cluster.pbft]\nrequest_timeout_ms = 400\n\
         view_change_timeout_ms = 600\nstatus_interval_ms = 150\n\
         checkpoint_interval = 10\nwindow = 30\n\
         [network]\nlatency_us = 8000\njitter_us = 6000\n\
         [workload]\nclients = 2\nthink_ms = 60\nretransmit_ms = 300\n\
         {faults}\
         [[fault]]\nat_ms = 600\nact = {{ cut-off = {{ node = {cut} }} }}\n\
         [[fault]]\nat_ms = 1500\nact = {{ reconnect = {{ node = {cut} }} }}\n"
    );
    Run::new(Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}")), seed)
}

#[test]
fn when_agreement_breaks_at_least_f_plus_one_liars_are_proven_and_nobody_correct() {
    let mut broken = 0;
    for seed in 1..=60 {
        let run = conspiracy(seed);
        let f = run.scenario.members.f() as usize;
        let Some((culprits, liars)) = culprits(&run) else { continue };
        broken += 1;
        assert!(culprits.is_subset(&liars), "seed {seed}: {culprits:?} of {liars:?}");
        assert!(culprits.len() > f, "seed {seed}: {culprits:?} of {liars:?}, f = {f}");
    }
    println!("agreement broke in {broken} of 60 conspiracies");
    assert!(broken >= 20, "agreement broke in only {broken} runs");
}

/// The same, and every correct one crashes at some moment: with its disk, or without.
fn conspiracy_among_the_forgetful(seed: u64) -> Run {
    let mut run = conspiracy(seed);
    let mut scenario = (*run.scenario).clone();
    let lies = |node| {
        let acts = run.scenario.faults.iter().map(|fault| &fault.action);
        acts.clone().any(|act| matches!(act, Action::Corrupt { node: liar, .. } if *liar == node))
    };
    for node in run.scenario.members.nodes().filter(|node| !lies(*node)) {
        let at_ms = 400 + (seed * 997 + u64::from(node.0) * 613) as u32 % 2_000;
        let damaged = (seed + u64::from(node.0)).is_multiple_of(3);
        let lost = damaged.then_some((0, Action::DamageDisk { node, what: Damage::Lost }));
        let rest = [(1, Action::Crash { node }), (150, Action::Restart { node })];
        let acts = lost.into_iter().chain(rest);
        let acts = acts.map(|(after, action)| TimedAction { at_ms: at_ms + after, action });
        scenario.faults.extend(acts);
    }
    run.scenario = scenario.into();
    run
}

#[test]
fn whatever_more_than_f_and_its_own_crashes_do_no_correct_replica_is_convicted_for_sure() {
    let (mut broken, mut forgot, mut convicted) = (0, 0, 0);
    for seed in 1..=150 {
        let observed = Observed::of(&conspiracy_among_the_forgetful(seed));
        assert_eq!(observed.surely_framed().next(), None, "seed {seed}");
        broken += u64::from(observed.verdict.violation(Invariant::Agreement).is_some());
        let lost = |it: &&conclave_core::sim::Injection| it.effects > 0 && it.what.contains("disk");
        forgot += observed.verdict.injections.iter().filter(lost).count();
        convicted += observed.kinds().len();
    }
    println!("agreement broke in {broken} of 150, {forgot} disks were lost, {convicted} offences");
    assert!(broken >= 20 && forgot >= 100 && convicted >= 100);
}
