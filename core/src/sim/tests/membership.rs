//! Changes of membership in whole runs: every invariant holds across epochs, and every change that
//! a scenario declares is made.

use alloc::{format, string::String, vec::Vec};

use super::{fault, recorded};
use crate::{
    event::{EventKind, Place},
    ids::{ClientId, Epoch, NodeId},
    sim::{Recording, Run, Scenario, Verdict},
};

/// A cluster under load; `rest` are its faults and whatever else differs.
fn scenario(cluster: &str, rest: &str) -> Scenario {
    let source = format!(
        "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 9000\n[cluster]\n\
         {cluster}\n[cluster.pbft]\ncheckpoint_interval = 10\nwindow = 40\nrequest_timeout_ms = \
         300\nview_change_timeout_ms = 500\nstatus_interval_ms = 100\n[workload]\nclients = 3\n\
         think_ms = 30\nretransmit_ms = 250\n[expect]\nmin_completed = 50\n{rest}"
    );
    Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

/// Runs it with several seeds. Everything holds, every fault and every change has an effect, and
/// this epoch is reached by all of these nodes, in the same state.
fn reaches(scenario: &Scenario, epoch: u64, members: &[u16]) -> Vec<Verdict> {
    let verdicts = (1..=6).map(|seed| {
        let mut recording = recorded(scenario, seed);
        let verdict = recording.verdict();
        assert_eq!(verdict.counts.epoch, Epoch(epoch), "seed {seed}");
        let end = recording.steps();
        let cluster = recording.seek(end);
        let now: Vec<_> = cluster.members().nodes().map(|node| node.0).collect();
        assert_eq!(now, members, "seed {seed}");
        let reached = members.iter().filter(|node| {
            let host = cluster.node(NodeId(**node)).unwrap();
            host.is_up() && !host.is_byzantine() && host.replica().epoch() == Epoch(epoch)
        });
        let f = cluster.members().f() as usize;
        assert!(reached.count() >= members.len() - f, "seed {seed}: too few take part");
        verdict
    });
    verdicts.collect()
}

#[test]
fn a_replica_joins_under_load() {
    let rest = fault(1_000, "reconfigure = { add = [4] }");
    reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[0, 1, 2, 3, 4]);
}

#[test]
fn a_replica_leaves_under_load() {
    let rest = fault(1_000, "reconfigure = { remove = [2] }");
    reaches(&scenario("n = 5", &rest), 1, &[0, 1, 3, 4]);
}

#[test]
fn a_backup_is_replaced_and_goes_away() {
    let rest = fault(1_000, "reconfigure = { add = [4], remove = [3] }")
        + &fault(3_000, "crash = { node = 3 }")
        + &fault(5_000, "crash = { node = 2 }");
    // With the retired replica gone one more may fail: it counts no longer.
    for verdict in reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[0, 1, 2, 4]) {
        assert_eq!((verdict.faults_used, verdict.f), (1, 1));
    }
}

#[test]
fn the_primary_is_replaced_and_goes_away() {
    let rest = fault(1_000, "reconfigure = { add = [4], remove = [0] }")
        + &fault(3_000, "crash = { node = 0 }")
        + &fault(5_000, "cut-off = { node = 3 }");
    reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[1, 2, 3, 4]);
}

#[test]
fn a_cluster_grows_from_four_to_seven() {
    let rest = fault(500, "reconfigure = { add = [4] }")
        + &fault(2_000, "reconfigure = { add = [5, 6] }")
        + &fault(5_000, "crash = { node = 1 }")
        + &fault(5_000, "crash = { node = 5 }");
    let seven = [0, 1, 2, 3, 4, 5, 6];
    for verdict in reaches(&scenario("n = 4\nspares = 3", &rest), 2, &seven) {
        assert_eq!((verdict.faults_used, verdict.f), (2, 2));
    }
}

#[test]
fn every_replica_is_replaced_one_by_one_and_clients_find_the_new_ones() {
    let mut rest = String::new();
    for (at, (old, new)) in (0..).zip([(0, 4), (1, 5), (2, 6), (3, 7)]) {
        let act = format!("reconfigure = {{ add = [{new}], remove = [{old}] }}");
        rest += &fault(500 + at * 1_500, &act);
        rest += &fault(1_900 + at * 1_500, &format!("crash = {{ node = {old} }}"));
    }
    reaches(&scenario("n = 4\nspares = 4", &rest), 4, &[4, 5, 6, 7]);
}

#[test]
fn a_change_gets_through_loss_duplication_and_reordering() {
    let rest = fault(1_000, "reconfigure = { add = [4], remove = [1] }")
        + "[network]\nlatency_us = 5000\njitter_us = 20000\nloss_ppm = 200000\nduplicate_ppm = \
           100000\nreorder_ppm = 200000\ncalm_at_ms = 4000\n";
    reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[0, 2, 3, 4]);
}

#[test]
fn a_change_gets_through_beside_an_equivocating_primary() {
    let rest = fault(900, "corrupt = { node = 0, strategies = [{ equivocate = {} }] }")
        + &fault(1_000, "reconfigure = { add = [4], remove = [0] }");
    reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[1, 2, 3, 4]);
}

#[test]
fn a_primary_that_crashes_in_the_middle_of_a_change_does_not_stop_it() {
    for delay in [0, 5, 10, 20, 40, 80] {
        let rest = fault(1_000, "reconfigure = { add = [4], remove = [3] }")
            + &fault(1_000 + delay, "crash = { node = 0 }")
            + &fault(4_000, "restart = { node = 0 }");
        reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[0, 1, 2, 4]);
    }
}

#[test]
fn everyone_crashes_in_the_middle_of_a_change_and_it_is_made_all_the_same() {
    for delay in [20, 40, 60, 100] {
        let mut rest = fault(1_000, "reconfigure = { add = [4], remove = [3] }");
        for node in 0..5 {
            rest += &fault(1_000 + delay, &format!("crash = {{ node = {node} }}"));
            rest += &fault(1_500, &format!("restart = {{ node = {node} }}"));
        }
        rest += "[disk]\nsync_us = 3000\n";
        reaches(&scenario("n = 4\nspares = 1", &rest), 1, &[0, 1, 2, 4]);
    }
}

/// It crashes without its disk before the epoch ends, while it does, or after; and comes back in
/// the next one.
#[test]
fn a_replica_that_loses_its_disk_while_the_epoch_turns_comes_back_whole() {
    let forgetful = NodeId(2);
    for (crashes_at, back_at) in [(900, 1_030), (1_010, 1_060), (1_030, 1_200), (1_100, 2_500)] {
        let rest = fault(1_000, "reconfigure = { add = [4], remove = [3] }")
            + &fault(crashes_at, "damage-disk = { node = 2, what = \"lost\" }")
            + &fault(crashes_at + 1, "crash = { node = 2 }")
            + &fault(back_at, "restart = { node = 2 }")
            // Then its vote is needed for anything.
            + &fault(5_000, "crash = { node = 0 }");
        for seed in 1..=3 {
            let run = Run::new(scenario("n = 4\nspares = 1", &rest), seed);
            let mut recording = Recording::new(run).unwrap();
            recording.extend(u64::MAX);
            let verdict = recording.verdict();
            let when = format!("seed {seed}, down from {crashes_at} to {back_at}");
            assert!(verdict.as_expected(), "{when}: {verdict:#?}");
            assert!(verdict.injections.iter().all(|it| it.effects > 0), "{when}");
            // It asks while the change is under way, or has an epoch of its own.
            assert!([Epoch(1), Epoch(2)].contains(&verdict.counts.epoch), "{when}");
            let of_it =
                || recording.events().iter().filter(|it| it.place == Place::Node(forgetful));
            let recovered =
                of_it().filter(|it| matches!(it.kind, EventKind::Recovered { .. })).count();
            assert_eq!(recovered, 1, "{when}");
            let last = of_it().rfind(|it| matches!(it.kind, EventKind::Executed { .. })).unwrap();
            assert!(last.at.as_micros() > 8_000_000, "{when}: {last:?}");
            let end = recording.steps();
            let replica = recording.seek(end).node(forgetful).unwrap().replica();
            assert!(!replica.is_recovering() && replica.epoch() == verdict.counts.epoch, "{when}");
        }
    }
}

#[test]
fn with_ed25519_newcomers_keys_are_learnt_from_the_chain() {
    let rest = fault(300, "reconfigure = { add = [4], remove = [0] }")
        + &fault(1_500, "crash = { node = 0 }")
        + &fault(2_000, "crash = { node = 1 }");
    let mut slow = scenario("n = 4\nspares = 1\nsignatures = \"ed25519\"", &rest);
    slow.duration_ms = 3_000;
    slow.expect.min_completed = 5;
    let mut recording = Recording::new(Run::new(slow, 1)).unwrap();
    recording.extend(u64::MAX);
    let verdict = recording.verdict();
    assert!(verdict.as_expected(), "{verdict:#?}");
    assert_eq!(verdict.counts.epoch, Epoch(1));
    // With 0 and 1 gone, its vote is needed for anything.
    let newcomer = Place::Node(NodeId(4));
    let last = recording
        .events()
        .iter()
        .rfind(|event| event.place == newcomer && matches!(event.kind, EventKind::Executed { .. }));
    assert!(last.is_some_and(|event| event.at.as_micros() > 2_500_000), "{last:?}");
}

#[test]
fn a_change_that_can_not_be_is_answered_and_has_no_effect() {
    let rest = fault(1_000, "reconfigure = { remove = [3] }");
    let run = Run::new(scenario("n = 4", &rest), 1);
    let mut recording = Recording::new(run).unwrap();
    recording.extend(u64::MAX);
    let verdict = recording.verdict();
    assert!(verdict.as_expected(), "{verdict:#?}");
    assert_eq!((verdict.counts.epoch, verdict.injections[0].effects), (Epoch(0), 0));
    let answer = recording.events().iter().find_map(|event| match &event.kind {
        EventKind::RequestCompleted { request, result, .. }
            if request.client == ClientId::ADMINISTRATOR =>
        {
            Some(result.clone())
        }
        _ => None,
    });
    assert!(answer.unwrap().contains("there would be 3 nodes"));
}
