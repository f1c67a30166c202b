//! Every behaviour within bounds: the actual replicas agree; with a liar too many they can't.

use conclave_core::ids::NodeId;
use conclave_tests::model::{
    AGREEMENT, Bounds, COMMITS_IN_VIEW_0, COMMITS_IN_VIEW_1, Explored, VALIDITY, explore,
};

fn explored(liars: &[u16], requests: u64, positions: u64) -> Explored {
    let liars = liars.iter().copied().map(NodeId).collect();
    let bounds = Bounds { liars, requests, positions };
    let explored = explore(&bounds);
    println!("{bounds:?}: {explored}");
    explored
}

/// Safety in every state, and commits in both views in some: so there was something to disagree on.
fn assert_safe_and_alive(explored: &Explored) {
    for always in [AGREEMENT, VALIDITY] {
        if let Some(way) = explored.found.get(always) {
            panic!("{always} doesn't hold after\n{way}");
        }
    }
    for sometimes in [COMMITS_IN_VIEW_0, COMMITS_IN_VIEW_1] {
        assert!(explored.found.contains_key(sometimes), "never: {sometimes}");
    }
}

#[test]
fn no_lie_of_the_first_primary_makes_correct_replicas_disagree() {
    assert_safe_and_alive(&explored(&[0], 1, 1));
}

#[test]
fn no_lie_of_the_second_primary_makes_correct_replicas_disagree() {
    assert_safe_and_alive(&explored(&[1], 1, 1));
}

#[test]
fn no_lie_of_a_backup_makes_correct_replicas_disagree() {
    assert_safe_and_alive(&explored(&[3], 1, 1));
}

#[test]
fn with_one_liar_too_many_the_disagreement_is_found() {
    let explored = explored(&[0, 3], 1, 1);
    let way = explored.found.get(AGREEMENT).expect("two liars of four can split two replicas");
    println!("they disagree after\n{way}");
}

#[test]
#[ignore = "minutes: `cargo test -p conclave-tests --release --test suite model:: -- --ignored --nocapture`"]
fn larger_bounds_two_requests_and_two_positions() {
    for liar in 0..4 {
        assert_safe_and_alive(&explored(&[liar], 2, 1));
    }
    assert_safe_and_alive(&explored(&[0], 1, 2));
}
