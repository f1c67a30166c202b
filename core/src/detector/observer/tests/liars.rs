//! Silent, slow and flooding nodes are suspected by most, and nobody else is.

use alloc::format;

use super::{Watched, scenario};
use crate::ids::NodeId;

/// From so many milliseconds on it lies.
const FROM_MS: u32 = 1_000;

fn corrupted(n: u16, liar: u16, strategy: &str, seed: u64) -> Watched {
    let act = format!("{{ corrupt = {{ node = {liar}, strategies = [{strategy}] }} }}");
    let watched = Watched::run(scenario(n, "", &[(FROM_MS, act)]), seed);
    let injection = &watched.cluster.verdict().injections[0];
    assert!(injection.effects > 0, "{strategy}: it never did anything");
    watched
}

/// The liar is a backup at first, or the primary.
fn assert_seen(strategy: &str, liars: &[u16]) {
    for (n, seed) in [(4, 1), (4, 2), (7, 3)] {
        for liar in liars.iter().map(|liar| if *liar == 0 { 0 } else { n - 1 }) {
            let what = format!("{strategy} at {liar} of {n}, seed {seed}");
            let watched = corrupted(n, liar, strategy, seed);
            watched.assert_progress(&what);
            let (accusers, observers) = (watched.accusers(NodeId(liar)), watched.correct().len());
            let seen: alloc::vec::Vec<_> =
                watched.correct().iter().map(|it| watched.peak(*it, NodeId(liar))).collect();
            assert!(2 * accusers > observers, "{what}: {accusers} of {observers}: {seen:#?}");
            watched.assert_no_correct_node_is_accused(&what);
        }
    }
}

#[test]
fn a_silent_node_is_suspected() {
    assert_seen("{ silent = {} }", &[0, 1]);
}

#[test]
fn a_node_that_withholds_one_kind_of_vote_is_suspected() {
    assert_seen("{ silent = { kinds = [\"commit\"] } }", &[0, 1]);
    assert_seen("{ silent = { kinds = [\"prepare\"] } }", &[1]);
}

#[test]
fn a_node_that_says_everything_late_is_suspected() {
    assert_seen("{ delay = { by_ms = 700 } }", &[0, 1]);
    assert_seen("{ delay = { by_ms = 1500 } }", &[1]);
}

#[test]
fn a_primary_that_is_as_slow_as_it_may_be_is_suspected() {
    assert_seen("{ slow = { percent = 80 } }", &[0]);
}

#[test]
fn slow_primaries_one_after_the_other_are_all_suspected() {
    let slow = |node| {
        format!(
            "{{ corrupt = {{ node = {node}, strategies = [{{ slow = {{ percent = 80 }} }}] }} }}"
        )
    };
    for seed in 1..4 {
        let watched =
            Watched::run(scenario(7, "", &[(FROM_MS, slow(0)), (FROM_MS, slow(1))]), seed);
        for liar in [0, 1].map(NodeId) {
            let (accusers, observers) = (watched.accusers(liar), watched.correct().len());
            assert!(2 * accusers > observers, "{liar}, seed {seed}: {accusers} of {observers}");
        }
        watched.assert_no_correct_node_is_accused("slow primaries");
    }
}

#[test]
fn a_flood_is_suspected() {
    assert_seen("{ flood = {} }", &[0, 1]);
}

/// What can't be told apart, from one place: a node that doesn't talk to one other, and a cut line
/// between them. From two places it can.
#[test]
fn a_node_that_is_silent_towards_one_and_a_cut_line_look_the_same_and_convince_nobody_else() {
    let silent = "{ corrupt = { node = 3, strategies = [{ silent = { to = [1] } }] } }";
    for act in ["{ cut-link = { from = 3, to = 1 } }", silent] {
        let watched = Watched::run(scenario(4, "", &[(FROM_MS, act.into())]), 1);
        let accuses = |observer| watched.peak(NodeId(observer), NodeId(3)).accused_at.is_some();
        assert_eq!([accuses(0), accuses(1), accuses(2)], [false, true, false], "{act}");
    }
}

/// Its votes are for what it was told, so they don't count for what was decided.
#[test]
fn the_victim_of_a_primary_that_equivocates_is_not_suspected() {
    for (n, seed) in [(4, 1), (4, 2), (4, 3), (7, 1)] {
        let watched = corrupted(n, 0, "{ equivocate = {} }", seed);
        watched.assert_progress("equivocate");
        watched.assert_no_correct_node_is_accused("equivocate");
    }
}
