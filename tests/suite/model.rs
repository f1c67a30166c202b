//! Every behaviour within bounds: the actual replicas agree; with a liar too many they can't.

use conclave_core::ids::NodeId;
use conclave_tests::model::{
    AGREEMENT, Bounds, COMMITS_IN_VIEW_0, COMMITS_IN_VIEW_1, Explored, VALIDITY, explore,
};

fn explored(liars: &[u16], requests: u64, positions: u64, views: u64) -> Explored {
    let liars = liars.iter().copied().map(NodeId).collect();
    let bounds = Bounds { liars, requests, positions, views };
    let explored = explore(&bounds);
    println!("{bounds:?}: {explored}");
    explored
}

/// Safety in every state, and commits in these views in some: there was something to disagree on.
fn assert_safe_and_alive(explored: &Explored, commits: &[&str]) {
    for always in [AGREEMENT, VALIDITY] {
        if let Some(way) = explored.found.get(always) {
            panic!("{always} doesn't hold after\n{way}");
        }
    }
    for sometimes in commits {
        assert!(explored.found.contains_key(sometimes), "never: {sometimes}");
    }
}

#[test]
fn no_lie_of_the_primary_makes_correct_replicas_disagree_within_its_view() {
    let commits = [COMMITS_IN_VIEW_0];
    assert_safe_and_alive(&explored(&[0], 1, 1, 1), &commits);
    assert_safe_and_alive(&explored(&[0], 2, 1, 1), &commits);
}

#[test]
fn no_lie_of_a_backup_makes_correct_replicas_disagree_within_a_view() {
    let commits = [COMMITS_IN_VIEW_0];
    assert_safe_and_alive(&explored(&[3], 1, 1, 1), &commits);
    assert_safe_and_alive(&explored(&[3], 2, 1, 1), &commits);
}

#[test]
fn with_one_liar_too_many_the_disagreement_is_found() {
    let explored = explored(&[0, 3], 1, 1, 1);
    let way = explored.found.get(AGREEMENT).expect("two liars of four can split two replicas");
    println!("they disagree after\n{way}");
}

/// Across a view change: safe in every state, and a request commits in either view.
fn assert_safe_and_alive_across_a_view_change(liar: u16) {
    let commits = [COMMITS_IN_VIEW_0, COMMITS_IN_VIEW_1];
    assert_safe_and_alive(&explored(&[liar], 1, 1, 2), &commits);
}

#[test]
fn no_lie_of_the_second_primary_makes_correct_replicas_disagree_across_a_view_change() {
    assert_safe_and_alive_across_a_view_change(1);
}

#[test]
#[ignore = "long: cargo xtask model-check"]
fn no_lie_of_a_backup_makes_correct_replicas_disagree_across_a_view_change() {
    assert_safe_and_alive_across_a_view_change(3);
}

#[test]
#[ignore = "long: cargo xtask model-check"]
fn no_lie_of_the_first_primary_makes_correct_replicas_disagree_across_a_view_change() {
    assert_safe_and_alive_across_a_view_change(0);
}
