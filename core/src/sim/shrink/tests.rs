//! What shrinking leaves is what fails, and nothing else.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use super::{DEFAULT_BUDGET, Shrunk, shrink};
use crate::{
    ids::NodeId,
    pbft::MessageKind,
    sim::{
        Action, Address, Invariant, Run, Scenario, Strategy, TimedAction,
        swarm::{Trouble, has_trouble},
    },
    time::Time,
};

const BROKEN: Trouble = Trouble::Violated(Invariant::Agreement);

fn fault(at_ms: u32, act: &str) -> String {
    format!("\n[[fault]]\nat_ms = {at_ms}\nact = {{ {act} }}\n")
}

/// Two liars of four break agreement, and a lot happens that has nothing to do with it.
fn noisy() -> Scenario {
    let liars = include_str!("../../../scenarios/one-liar-too-many.toml")
        .replace("violated = [\"agreement\", \"linearizability\"]", "")
        .replace("clients = 2", "clients = 5")
        .replace("[workload]", "loss_ppm = 10000\n[disk]\nsync_us = 700\n[workload]");
    let noise = (0..20).map(|index| {
        let (at, node) = (50 + 100 * index, index % 4);
        let act = match index % 4 {
            0 => format!("slow-link = {{ from = {node}, to = {}, by_ms = 3 }}", (node + 1) % 4),
            1 => format!("cut-off = {{ node = {node} }}"),
            2 => "heal = {}".into(),
            _ => "corrupt = { node = 0, strategies = [{ delay = { by_ms = 1 } }, { equivocate = \
                  { victims = [3] } }] }"
                .into(),
        };
        fault(at, &act)
    });
    Scenario::parse(&(liars + &noise.collect::<Vec<_>>().concat())).unwrap()
}

fn fails(run: &Run) -> Option<Time> {
    has_trouble(run, BROKEN).unwrap()
}

fn shrunk(scenario: &Scenario, budget: u32) -> Shrunk {
    // With one of the first seeds it fails.
    let seed = (0..20)
        .find(|seed| fails(&Run::new(scenario.clone(), *seed)).is_some())
        .expect("two liars of four break agreement");
    shrink(scenario, seed, budget, &mut fails)
}

#[test]
fn the_noise_is_gone_and_the_two_liars_are_left() {
    let noisy = noisy();
    let Shrunk { scenario, runs, is_minimal } = shrunk(&noisy, DEFAULT_BUDGET);
    assert!(is_minimal && runs < DEFAULT_BUDGET, "{runs} runs");
    assert_eq!(scenario.faults.len(), 2, "{}", scenario.source);
    for fault in &scenario.faults {
        let Action::Corrupt { node, strategies } = &fault.action else {
            panic!("{}", scenario.source)
        };
        assert!([NodeId(0), NodeId(1)].contains(node));
        assert!(matches!(&strategies[..], [Strategy::Equivocate { .. }]), "{}", scenario.source);
    }
    assert!(scenario.workload.clients <= 2, "{}", scenario.source);
    assert!(scenario.duration_ms < 1_000, "{}", scenario.source);
    assert_eq!(scenario.network.loss_ppm, 0);
    assert!(scenario.source.len() * 2 < noisy.source.len(), "{}", scenario.source);
}

#[test]
fn what_is_left_fails_from_its_file_and_from_its_link() {
    let Shrunk { scenario, .. } = shrunk(&noisy(), DEFAULT_BUDGET);
    let read = Scenario::parse(&scenario.source).unwrap();
    let seed = read.seed;
    let run = Run::new(read, seed);
    assert!(fails(&run).is_some());
    let link = Address::new(&run, 0).encode();
    assert_eq!(Address::decode(&link).unwrap().run().unwrap(), run);
}

#[test]
fn a_cluster_is_no_larger_than_the_failure_needs() {
    let crashes = |run: &Run| {
        let crash = |node| Action::Crash { node: NodeId(node) };
        let crashed = |node| run.scenario.faults.iter().any(|fault| fault.action == crash(node));
        (crashed(5) && crashed(1)).then_some(Time::from_millis(900))
    };
    let all = (0..13).map(|node| fault(9, &format!("crash = {{ node = {node} }}")));
    let source = "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 9000\n\
                  [cluster]\nn = 13\n[workload]\nclients = 9\nrequests = 50\n[network]\n\
                  loss_ppm = 9\n"
        .to_owned()
        + &all.collect::<Vec<_>>().concat();
    let scenario = Scenario::parse(&source).unwrap();
    let Shrunk { scenario, is_minimal, .. } =
        shrink(&scenario, 3, DEFAULT_BUDGET, &mut |run| crashes(run));
    assert!(is_minimal);
    assert_eq!((scenario.members.n(), scenario.faults.len()), (6, 2), "{}", scenario.source);
    assert_eq!(scenario.duration_ms, 901);
    assert_eq!(scenario.workload.clients, 1);
    assert_eq!(scenario.network, crate::sim::Network::default());
}

#[test]
fn of_changes_of_membership_only_the_nodes_that_matter_are_left() {
    // It "fails" where node 7 is added: in a cluster of seven it is the first of the spares.
    let adds = |run: &Run| {
        let added = run.scenario.faults.iter().any(|fault| match &fault.action {
            Action::Reconfigure { add, .. } => add.contains(&NodeId(7)),
            _ => false,
        });
        added.then_some(Time::from_millis(900))
    };
    let rest = fault(9, "reconfigure = { add = [7, 8], remove = [0, 1] }")
        + &fault(10, "reconfigure = { add = [9] }")
        + &fault(11, "corrupt-client = { client = 0, how = \"flood\" }");
    let source = "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 9000\n\
                  [cluster]\nn = 7\nspares = 3\n[workload]\nclients = 3\nrequests = 50\n"
        .to_owned()
        + &rest;
    let scenario = Scenario::parse(&source).unwrap();
    assert_eq!(scenario.asked_honestly(), 100);
    let Shrunk { scenario, is_minimal, .. } =
        shrink(&scenario, 3, DEFAULT_BUDGET, &mut |run| adds(run));
    assert!(is_minimal);
    let [TimedAction { action: Action::Reconfigure { add, remove }, .. }] = &scenario.faults[..]
    else {
        panic!("{}", scenario.source)
    };
    assert_eq!((&add[..], &remove[..]), (&[NodeId(7)][..], &[][..]));
    // The numbers go on meaning the same nodes: 4 to 6 wait, and 8 and 9 are gone.
    assert_eq!((scenario.members.n(), scenario.spares), (4, 4), "{}", scenario.source);
}

/// It "fails" where a link is slow by 120 ms or more from the third second on, a liar floods 2,
/// replays, and delays commits, and one status message in a thousand is lost.
#[test]
fn times_and_amounts_are_as_early_and_as_small_as_the_failure_needs() {
    let fails = |run: &Run| {
        let acts = || run.scenario.faults.iter().map(|fault| (fault.at_ms, &fault.action));
        let slow = acts().any(|(at_ms, act)| {
            at_ms >= 3_000 && matches!(act, Action::SlowLink { by_ms: 120.., .. })
        });
        let ways = |strategies: &[Strategy]| {
            let floods = strategies.iter().any(|it| match it {
                Strategy::Flood { to, .. } => to.contains(&NodeId(2)),
                _ => false,
            });
            let delays = strategies.iter().any(|it| match it {
                Strategy::Delay { kinds, .. } => kinds.contains(&MessageKind::Commit),
                _ => false,
            });
            let replays = strategies.iter().any(|it| matches!(it, Strategy::Replay { .. }));
            floods && delays && replays
        };
        let lies = acts().any(|(_, act)| match act {
            Action::Corrupt { strategies, .. } => ways(strategies),
            _ => false,
        });
        let loses = acts().any(|(_, act)| match act {
            Action::Lose { kinds, ppm } => *ppm >= 1_000 && kinds.contains(&MessageKind::Status),
            _ => false,
        });
        (slow && lies && loses).then_some(Time::from_millis(8_500))
    };
    let rest = fault(7_000, "slow-link = { from = 1, to = 3, by_ms = 999 }")
        + &fault(
            8_000,
            "corrupt = { node = 1, strategies = [{ flood = { per_second = 5, to = [3, 2, 0] } }, \
             { replay = { every = 99 } }, { delay = { by_ms = 70, kinds = [\"status\", \
             \"commit\"], to = [0] } }] }",
        )
        + &fault(8_000, "lose = { kinds = [\"state\", \"status\"], ppm = 70000 }");
    let source = "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 9000\n"
        .to_owned()
        + &rest;
    let scenario = Scenario::parse(&source).unwrap();
    let Shrunk { scenario, is_minimal, runs } =
        shrink(&scenario, 3, DEFAULT_BUDGET, &mut |run| fails(run));
    assert!(is_minimal, "{runs} runs: {}", scenario.source);
    let expected = [
        (3_000, "slow-link = { from = 1, to = 3, by_ms = 120 }"),
        // A flood is of 1000 a second by default, a replay with every fourth message.
        (
            3_000,
            "corrupt = { node = 1, strategies = [{ flood = { to = [2] } }, { replay = {} }, { delay \
             = { by_ms = 0, kinds = [\"commit\"] } }] }",
        ),
        (3_000, "lose = { kinds = [\"status\"], ppm = 1000 }"),
    ];
    let expected = expected.map(|(at_ms, act)| fault(at_ms, act)).concat();
    let expected = Scenario::parse(&(source.replace(&rest, "") + &expected)).unwrap();
    assert_eq!(scenario.faults, expected.faults, "{}", scenario.source);
}

#[test]
fn the_budget_is_kept_and_the_result_still_fails() {
    let Shrunk { scenario, runs, is_minimal } = shrunk(&noisy(), 10);
    assert_eq!((runs, is_minimal), (10, false));
    let seed = scenario.seed;
    assert!(fails(&Run::new(scenario, seed)).is_some());
}

#[test]
fn what_does_not_fail_stays_as_it_is() {
    let calm = crate::sim::builtin("normal-case").unwrap();
    let kept = shrink(&calm, calm.seed, 50, &mut |_| None);
    assert_eq!(kept.scenario.faults, calm.faults);
    assert!(!kept.is_minimal);
}
