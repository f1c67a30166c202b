//! `ByzzFuzz`: thousands of runs with small faults in single rounds.

use conclave_core::ids::NodeId;
use conclave_tests::byzzfuzz::{ByzzFuzz, Mutation, ProcessFault};

/// The most faults of a run.
const PROCESS_FAULTS: u64 = 4;
const NETWORK_FAULTS: u64 = 3;

/// How many seeds: a slice, or `CONCLAVE_BYZZFUZZ` of them.
fn seeds(slice: u64) -> std::ops::Range<u64> {
    0..conclave_tests::number("CONCLAVE_BYZZFUZZ", slice)
}

fn run(n: u16, seeds: std::ops::Range<u64>) {
    let (mut runs, mut mutated, mut told, mut stopped, mut views) = (0, 0, 0, 0, 0);
    let (mut late, mut retimed) = (0, 0);
    for seed in seeds {
        let run = ByzzFuzz::new(n, seed, PROCESS_FAULTS, NETWORK_FAULTS);
        let fuzzed = run.run();
        assert_eq!(fuzzed.disagreement, None, "n = {n}, seed {seed}: {run:?}");
        assert!(fuzzed.executed > 0, "n = {n}, seed {seed}: nothing was ever executed: {run:?}");
        runs += 1;
        told += usize::from(fuzzed.mutated > 0);
        mutated += fuzzed.mutated;
        late += fuzzed.late;
        retimed += fuzzed.retimed;
        stopped += fuzzed.stopped;
        views += usize::from(fuzzed.view > 0);
    }
    println!(
        "n = {n}: {runs} runs, {told} of them with a mutation that was really sent, {mutated} \
         mutated messages ({late} late, {retimed} with another time), {stopped} stopped by splits, \
         {views} with a view change"
    );
    assert!(told * 2 > runs, "most runs mutated nothing");
    assert!(late > 0, "no message came late");
    assert!(retimed > 0, "no batch's time was changed");
    assert!(views > 0, "no primary was ever left");
}

#[test]
fn small_faults_of_one_liar_of_four_never_make_correct_replicas_disagree() {
    run(4, seeds(5_000));
}

#[test]
fn small_faults_of_two_liars_of_seven_never_make_correct_replicas_disagree() {
    run(7, seeds(1_000));
}

/// The generator can tell: the same small changes by one liar too many do split the others.
#[test]
fn small_faults_of_one_liar_too_many_make_correct_replicas_disagree() {
    let to_node_2 = 1 << 2;
    let fault =
        |round| ProcessFault { round, receivers: to_node_2, mutation: Mutation::OtherDigest };
    let faults = (0..6).map(fault).collect();
    let run = ByzzFuzz { n: 4, liars: [0, 1].map(NodeId).into(), faults, splits: Vec::new() };
    let fuzzed = run.run();
    assert!(fuzzed.mutated > 0);
    assert!(fuzzed.disagreement.is_some(), "{fuzzed:?}");
}
