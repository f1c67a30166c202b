//! Storms are what they say they are.

use alloc::{borrow::ToOwned as _, collections::BTreeMap, vec::Vec};

use super::{Feature, Trouble, carry_out, declared, storm};
use crate::sim::{Action, Run, Scenario};

fn storms(count: u64) -> impl Iterator<Item = Scenario> {
    (0..count).map(|seed| storm(seed).unwrap())
}

#[test]
fn a_seed_means_one_storm() {
    assert_eq!(storm(7).unwrap(), storm(7).unwrap());
    assert_ne!(storm(7).unwrap().source, storm(8).unwrap().source);
}

#[test]
fn a_storm_is_a_file_that_says_the_same() {
    for storm in storms(200) {
        assert_eq!(Scenario::parse(&storm.source).unwrap(), storm);
    }
}

#[test]
fn no_more_than_f_nodes_are_faulty_and_all_others_are_up_and_connected_in_the_end() {
    for storm in storms(500) {
        let mut down: BTreeMap<_, bool> = BTreeMap::new();
        let mut liars: Vec<_> = Vec::new();
        for fault in &storm.faults {
            assert!(fault.at_ms < storm.network.calm_at_ms, "{}", storm.name);
            match fault.action {
                Action::Crash { node } => _ = down.insert(node, true),
                Action::Restart { node } => _ = down.insert(node, false),
                Action::Corrupt { node, .. } | Action::DamageDisk { node, .. } => liars.push(node),
                _ => {}
            }
        }
        let stays_down = down.into_iter().filter(|(_, down)| *down).map(|(node, _)| node);
        liars.extend(stays_down);
        liars.sort_unstable();
        liars.dedup();
        assert!(liars.len() <= storm.members.f() as usize, "{}: {liars:?}", storm.name);
    }
}

#[test]
fn every_feature_is_in_some_storms_and_not_in_others() {
    let mut found: BTreeMap<Feature, u32> = BTreeMap::new();
    for storm in storms(1_000) {
        for feature in declared(&storm) {
            *found.entry(feature).or_default() += 1;
        }
    }
    // Thirteen of networks, disks and acts; seventeen ways of lying.
    assert_eq!(found.len(), 30, "{found:?}");
    assert!(found.values().all(|count| (20..900).contains(count)), "{found:?}");
}

#[test]
fn a_broken_invariant_an_unmet_expectation_and_an_idle_fault_are_told_apart() {
    let carried_out = |source: &str| {
        let scenario = Scenario::parse(source).unwrap();
        let seed = scenario.seed;
        carry_out(&Run::new(scenario, seed)).unwrap()
    };
    let liars = include_str!("../../../scenarios/one-liar-too-many.toml");
    assert_eq!(carried_out(liars).trouble, None, "it comes out as expected");
    let unexpected = liars.replace("violated = [\"agreement\", \"linearizability\"]", "");
    let outcome = carried_out(&unexpected);
    assert!(matches!(outcome.trouble, Some(Trouble::Violated(_))), "{:?}", outcome.trouble);
    assert!(outcome.effective.contains("equivocate"));

    let calm = include_str!("../../../scenarios/normal-case.toml");
    let outcome = carried_out(&calm.replace("[expect]", "[expect]\nmin_view = 1"));
    assert_eq!(outcome.trouble, Some(Trouble::Unmet));
    let late = calm.to_owned()
        + "\n[[fault]]\nat_ms = 10\nact = { corrupt = { node = 3, strategies = [{ delay = { by_ms \
           = 1, kinds = [\"new-view\"] } }] } }";
    assert!(carried_out(&late).is_idle(), "nobody changes the view");
}
