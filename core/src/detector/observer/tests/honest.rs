//! Bad networks and crashes elsewhere suspect nobody who is correct.

use alloc::{string::String, vec, vec::Vec};

use super::{Watched, scenario};
use crate::ids::NodeId;

fn assert_nobody(what: &str, n: u16, tables: &str, acts: &[(u32, String)]) -> Vec<Watched> {
    let run = |seed| {
        let watched = Watched::run(scenario(n, tables, acts), seed);
        watched.assert_progress(what);
        watched.assert_no_correct_node_is_accused(what);
        watched
    };
    (1..=2).map(run).collect()
}

#[test]
fn a_healthy_cluster_suspects_nobody() {
    assert_nobody("healthy", 4, "", &[]);
    assert_nobody("healthy", 7, "", &[]);
}

#[test]
fn a_slow_network_suspects_nobody() {
    let slow = "[network]\nlatency_us = 150000\njitter_us = 100000";
    assert_nobody("slow", 4, slow, &[]);
    // So slow that every timer runs out.
    let very_slow = "[network]\nlatency_us = 800000\njitter_us = 400000\n";
    let scenario = scenario(4, very_slow, &[]);
    for seed in 1..=2 {
        Watched::run(scenario.clone(), seed).assert_no_correct_node_is_accused("very slow");
    }
}

#[test]
fn a_lossy_network_suspects_nobody() {
    for loss in ["20000", "100000", "250000"] {
        let lossy = alloc::format!("[network]\nloss_ppm = {loss}\ncalm_at_ms = 9500");
        for watched in assert_nobody(loss, 4, &lossy, &[]) {
            assert!(watched.cluster.counts().lost > 50);
        }
    }
}

#[test]
fn a_network_that_reorders_and_repeats_suspects_nobody() {
    let rough = "[network]\nreorder_ppm = 200000\nduplicate_ppm = 200000\ncalm_at_ms = 9500";
    for n in [4, 7] {
        for watched in assert_nobody("reorder", n, rough, &[]) {
            let counts = watched.cluster.counts();
            assert!(counts.held_up > 50 && counts.duplicated > 50);
        }
    }
}

#[test]
fn a_crash_elsewhere_suspects_nobody_who_is_up() {
    let crash = |node: u16| alloc::format!("{{ crash = {{ node = {node} }} }}");
    let restart = |node: u16| alloc::format!("{{ restart = {{ node = {node} }} }}");
    for (n, node) in [(4, 0), (4, 3), (7, 2)] {
        let acts = vec![(2_000, crash(node)), (6_000, restart(node))];
        for watched in assert_nobody("crash", n, "", &acts) {
            // A node that is down is suspected, as it should be: it can't be told from a silent one.
            assert!(watched.accusers(NodeId(node)) > usize::from(n) / 2);
        }
    }
}

#[test]
fn who_is_cut_off_suspects_nobody_and_neither_do_two_halves() {
    let cut = vec![(3_000, "{ cut-off = { node = 3 } }".into())];
    for seed in 1..=2 {
        let watched = Watched::run(scenario(4, "", &cut), seed);
        for suspect in 0..3 {
            let peak = watched.peak(NodeId(3), NodeId(suspect));
            assert!(peak.accused_at.is_none(), "who hears nobody blames nobody: {peak:?}");
        }
        // The others can't tell it from one that is silent.
        assert_eq!(watched.accusers(NodeId(3)), 3);
    }
    let halves = vec![
        (3_000, "{ partition = { groups = [[0, 1], [2, 3]] } }".into()),
        (6_000, "{ heal = {} }".into()),
    ];
    for watched in assert_nobody("two halves", 4, "", &halves) {
        assert!(watched.cluster.counts().lost > 50);
    }
}
