//! Who is proven to lie is replaced: once, by who is at hand, whatever dies in the middle.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{fault, recorded};
use crate::{
    event::EventKind,
    ids::{Epoch, NodeId},
    sim::{
        Action, Recording, Run, Scenario, builtin,
        swarm::{carry_out, storm},
    },
};

const LIES: &str = "corrupt = { node = 0, strategies = [{ equivocate = { victims = [2], kinds = \
                    [\"pre-prepare\", \"commit\"] } }] }";

/// The scenario of the gallery with other faults, cluster and expectations.
fn scenario(change: impl FnOnce(&mut Scenario), faults: &str) -> Scenario {
    let mut scenario = builtin("convicted-replaced").unwrap();
    let empty = "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 6000\n\
                 [cluster]\nn = 7\nspares = 3\n";
    let parsed = Scenario::parse(&alloc::format!("{empty}{faults}")).unwrap();
    scenario.faults = parsed.faults;
    scenario.expect = parsed.expect;
    change(&mut scenario);
    scenario
}

/// Which epochs began, at anybody.
fn epochs(recording: &Recording) -> BTreeSet<Epoch> {
    let begun = recording.events().iter().filter_map(|event| match event.kind {
        EventKind::EpochBegun { epoch, .. } => Some(epoch),
        _ => None,
    });
    begun.collect()
}

fn members(recording: &mut Recording, by: u16) -> Vec<u16> {
    let end = recording.steps();
    let cluster = recording.seek(end);
    let replica = cluster.node(NodeId(by)).unwrap().replica();
    replica.members().nodes().map(|node| node.0).collect()
}

#[test]
fn a_proven_liar_is_replaced_once_and_the_newcomer_takes_part() {
    for seed in 1..=6 {
        let mut replaced = builtin("convicted-replaced").unwrap();
        // Whom anybody suspects besides, and when, is a matter of chance.
        replaced.expect.quarantined = None;
        let mut recording = recorded(&replaced, seed);
        let held: Vec<_> = recording
            .events()
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Decided { entry } => Some(alloc::format!("{:?} {entry}", event.at)),
                _ => None,
            })
            .filter(|it| it.contains("is in quarantine"))
            .collect();
        assert!(held.is_empty(), "seed {seed}: {held:#?}");
        assert_eq!(epochs(&recording), [Epoch(1)].into(), "seed {seed}");
        for node in 1..5 {
            assert_eq!(members(&mut recording, node), [1, 2, 3, 4], "seed {seed}: node {node}");
        }
        let voted = recording.events().iter().any(|event| {
            event.place == crate::event::Place::Node(NodeId(4))
                && matches!(event.kind, EventKind::Committed { .. })
        });
        assert!(voted, "seed {seed}");
    }
}

#[test]
fn it_happens_once_also_if_the_next_primary_dies_in_the_middle() {
    for (seed, dies_at) in (1..).zip((950..2_000).step_by(75)) {
        let faults = fault(900, LIES)
            + &fault(dies_at, "crash = { node = 1 }")
            + &fault(dies_at + 1_500, "restart = { node = 1 }");
        let mut recording = recorded(&scenario(|it| it.duration_ms = 12_000, &faults), seed);
        assert_eq!(epochs(&recording), [Epoch(1)].into(), "seed {seed}");
        for node in [1, 2, 3, 4] {
            assert_eq!(members(&mut recording, node), [1, 2, 3, 4], "seed {seed}: node {node}");
        }
    }
}

#[test]
fn nobody_is_replaced_without_a_policy_that_says_so_or_without_somebody_at_hand() {
    let lies = fault(900, LIES);
    let away = fault(100, "crash = { node = 4 }") + &lies;
    let unwanted = scenario(|it| it.config.policy.replace_convicted = false, &lies);
    let nobody = scenario(|it| it.spares = 0, &lies);
    for scenario in [unwanted, nobody, scenario(|_| {}, &away)] {
        let mut recording = recorded(&scenario, 3);
        assert_eq!(recording.verdict().counts.convictions.min(1), 1, "it was proven to lie");
        assert_eq!(epochs(&recording), BTreeSet::new());
        assert_eq!(members(&mut recording, 2), [0, 1, 2, 3], "and keeps its place");
    }
}

#[test]
fn who_is_at_hand_later_is_taken_then() {
    let faults = fault(100, "crash = { node = 4 }")
        + &fault(900, LIES)
        + &fault(4_000, "restart = { node = 4 }");
    let mut recording = recorded(&scenario(|it| it.duration_ms = 9_000, &faults), 5);
    assert_eq!(members(&mut recording, 2), [1, 2, 3, 4]);
}

#[test]
fn two_of_seven_are_replaced_one_after_the_other_and_the_cluster_stays_as_large() {
    let faults = fault(900, LIES)
        + &fault(
            1_000,
            "corrupt = { node = 6, strategies = [{ equivocate = { victims = [2], kinds = \
             [\"commit\"] } }] }",
        );
    let seven = |it: &mut Scenario| {
        it.members = crate::quorum::Membership::new(7).unwrap();
        it.spares = 3;
        it.duration_ms = 12_000;
    };
    let mut recording = recorded(&scenario(seven, &faults), 2);
    assert_eq!(epochs(&recording), [Epoch(1), Epoch(2)].into());
    assert_eq!(members(&mut recording, 3), [1, 2, 3, 4, 5, 7, 8]);
}

#[test]
fn liars_of_random_runs_are_replaced_too_and_everything_holds() {
    let (mut wanted, mut replaced) = (0, 0);
    for seed in 0..160 {
        let storm = storm(seed).unwrap();
        let changes = storm.faults.iter().any(|fault| {
            matches!(fault.action, Action::Reconfigure { .. } | Action::Switch { .. })
        });
        if !storm.config.policy.replace_convicted || changes {
            continue;
        }
        wanted += 1;
        let name = storm.name.clone();
        let outcome = carry_out(&Run::new(storm, seed)).unwrap();
        assert_eq!(outcome.trouble, None, "{name}");
        replaced += u32::from(outcome.verdict.counts.epoch > Epoch(0));
    }
    assert!(wanted > 10 && replaced > 2, "{replaced} of {wanted}");
}
