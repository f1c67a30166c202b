//! Storms are what they say they are.

use alloc::{
    borrow::ToOwned as _,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Feature, Trouble, carry_out, declared, liveness_bound_ms, storm};
use crate::{
    analyzer::Follow,
    quorum::Membership,
    sim::{Action, Run, Scenario, TimedAction},
};

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
fn no_more_than_f_members_are_faulty_and_all_others_are_up_and_connected_in_the_end() {
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
        // Those that join are counted below, in every membership that may come about.
        liars.retain(|node| storm.members.contains(*node));
        assert!(liars.len() <= storm.members.f() as usize, "{}: {liars:?}", storm.name);
    }
}

#[test]
fn no_more_than_f_are_faulty_whichever_changes_of_membership_are_made() {
    let (mut with_changes, mut with_lying_newcomers) = (0, 0);
    for storm in storms(1_000) {
        let mut faulty: BTreeSet<_> = BTreeSet::new();
        let mut changes = Vec::new();
        for fault in &storm.faults {
            match &fault.action {
                Action::Crash { node } => _ = faulty.insert(*node),
                Action::Restart { node } => _ = faulty.remove(node),
                Action::Reconfigure { add, remove } => changes.push((add, remove)),
                _ => {}
            }
        }
        for fault in &storm.faults {
            if let Action::Corrupt { node, .. } | Action::DamageDisk { node, .. } = fault.action {
                faulty.insert(node);
            }
        }
        with_changes += u32::from(!changes.is_empty());
        with_lying_newcomers += u32::from(storm.faults.iter().any(|fault| match fault.action {
            Action::Corrupt { node, .. } => !storm.members.contains(node),
            _ => false,
        }));
        // Any of them may be refused.
        for made in 0..1_u32 << changes.len() {
            let mut members: BTreeSet<_> = storm.members.nodes().collect();
            for (index, (add, remove)) in changes.iter().enumerate() {
                if made >> index & 1 == 1 {
                    members.extend(*add);
                    assert!(remove.iter().all(|node| members.remove(node)), "{}", storm.name);
                }
            }
            let f = Membership::new(members.len() as u16).unwrap().f() as usize;
            assert!(members.intersection(&faulty).count() <= f, "{}: {members:?}", storm.name);
        }
    }
    assert!(with_changes > 150, "{with_changes}");
    assert!(with_lying_newcomers > 20, "{with_lying_newcomers}");
}

#[test]
fn somebody_honest_asks_in_every_storm_and_every_epoch_lengthens_the_bound() {
    for storm in storms(500) {
        assert!(storm.asked_honestly() > 0, "{}", storm.name);
        let mut settled = storm.clone();
        let is_change = |fault: &TimedAction| {
            matches!(fault.action, Action::Reconfigure { .. } | Action::Switch { .. })
        };
        settled.faults.retain(|fault| !is_change(fault));
        settled.spares = 0;
        settled.config.policy.replace_convicted = false;
        settled.config.policy.follow = Follow::Never;
        let shorter = liveness_bound_ms(&settled, settled.network.calm_at_ms);
        let changes = storm.faults.iter().any(is_change);
        let lies = |it: &TimedAction| matches!(it.action, Action::Corrupt { .. });
        let replaces = storm.config.policy.replace_convicted && storm.faults.iter().any(lies);
        let follows = storm.config.policy.follow != Follow::Never;
        assert_eq!(
            changes || replaces || follows,
            shorter < storm.expect.liveness_within_ms,
            "{}",
            storm.name
        );
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
    // Seventeen of networks, nodes, disks and acts; three changes of membership, and of protocol; five ways
    // of clients to lie, nineteen of nodes.
    assert_eq!(found.len(), 45, "{found:?}");
    assert!(found.values().all(|count| (10..900).contains(count)), "{found:?}");
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

/// Storm 2762, shrunk. Node 2 executes late what the flood had executed early, when the client has
/// asked for the same timestamps in its turn.
#[test]
fn what_a_flooding_client_signed_early_is_in_the_history_when_its_turn_comes() {
    let source = "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 5000\n\
                  end_when_answered = true\n[cluster.pbft]\nstatus_interval_ms = 174\n[network]\n\
                  calm_at_ms = 1252\njitter_us = 0\nlatency_us = 16724\n[workload]\nclients = 1\n\
                  requests = 5\n[[fault]]\nat_ms = 219\nact = { cut-link = { from = 0, to = 2 } }\n\
                  [[fault]]\nat_ms = 265\nact = { corrupt-client = { client = 0, how = \"flood\" } }\n\
                  [expect]\nliveness_within_ms = 75028\n";
    let outcome = carry_out(&Run::new(Scenario::parse(source).unwrap(), 2)).unwrap();
    assert_eq!(outcome.trouble, None, "{:#?}", outcome.verdict.violations);
    assert!(outcome.effective.contains("client that floods"));
    // The storms that found it.
    for seed in [850, 960] {
        let outcome = carry_out(&Run::new(storm(seed).unwrap(), seed)).unwrap();
        assert_eq!(outcome.trouble, None, "storm {seed}: {:#?}", outcome.verdict.violations);
    }
}
