//! Whole runs under Raft: the invariants that hold under PBFT hold here, as long as nobody lies.

use alloc::{collections::BTreeMap, format, string::String};

use super::{fault, recorded};
use crate::{
    analyzer::Protocol,
    event::{EventKind, Place},
    ids::{Epoch, NodeId, RequestId, Seq},
    sim::{Scenario, Verdict},
};

/// A cluster under load; `rest` are its faults and whatever else differs.
fn scenario(cluster: &str, rest: &str) -> Scenario {
    let source = format!(
        "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 9000\n[cluster]\n\
         {cluster}\nprotocol = \"raft\"\n[cluster.pbft]\ndeployment = \"crash-only\"\n\
         checkpoint_interval = 10\nwindow = 40\nrequest_timeout_ms = 300\nstatus_interval_ms = \
         100\n[workload]\nclients = 3\nthink_ms = 30\nretransmit_ms = 250\nread_ppm = 400000\n\
         [expect]\nmin_completed = 150\nmin_reads = 10\n{rest}"
    );
    Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

/// Everything holds, every fault has an effect, each request is executed once by each replica, and
/// every replica that is up ends near the others.
fn holds(scenario: &Scenario) -> alloc::vec::Vec<Verdict> {
    let runs = (1..=6).map(|seed| {
        let mut recording = recorded(scenario, seed);
        let verdict = recording.verdict();
        let mut executed: BTreeMap<(NodeId, RequestId), Seq> = BTreeMap::new();
        for event in recording.events() {
            assert!(!matches!(event.kind, EventKind::Inexplicable { .. }), "{event:?}");
            if let (EventKind::Executed { seq, requests, .. }, Place::Node(node)) =
                (&event.kind, event.place)
            {
                for id in requests {
                    // After a restart what isn't in the checkpoint is executed again, where it was.
                    let before = executed.insert((node, *id), *seq);
                    assert!(before.is_none_or(|before| before == *seq), "seed {seed}: {id:?}");
                }
            }
        }
        let end = recording.steps();
        let cluster = recording.seek(end);
        let last = |host: &crate::sim::Host| host.replica().last_executed();
        let most = cluster.nodes().iter().map(last).max().unwrap();
        for host in cluster.nodes().iter().filter(|host| host.is_up()) {
            let replica = host.replica();
            assert_eq!(replica.members().protocol(), Protocol::Raft);
            let behind = most.0 - replica.last_executed().0;
            assert!(behind <= 10, "seed {seed}: node {} is {behind} behind", replica.id());
            assert!(replica.low_water_mark() > Seq(0) && host.records() < 200, "seed {seed}");
        }
        verdict
    });
    runs.collect()
}

#[test]
fn four_members_order_what_clients_ask_and_answer_reads() {
    for verdict in holds(&scenario("n = 4", "")) {
        // Until somebody leads, nobody can say from where on a read may be answered.
        assert!(verdict.counts.fallen_back <= 3 && verdict.counts.read > 50);
        assert!(verdict.counts.view.0 < 8, "one term is enough: {:?}", verdict.counts.view);
        assert_eq!(verdict.counts.lies.len() + usize::from(verdict.faults_used), 0);
    }
}

#[test]
fn a_leader_that_crashes_is_replaced_and_comes_back_from_its_disk() {
    let rest = fault(1_500, "crash = { node = 0 }") + &fault(5_000, "restart = { node = 0 }");
    for verdict in holds(&scenario("n = 4", &(rest + "[disk]\nsync_us = 2000\n"))) {
        assert!(verdict.counts.view.0 >= 8, "another term: {:?}", verdict.counts.view);
    }
}

#[test]
fn a_leader_in_quarantine_hands_over_and_is_not_elected_again() {
    let rest = fault(2_000, "overrule = { node = 0, order = \"hold\" }")
        // Whoever leads by then: the next one isn't the one that is held, either.
        + &fault(4_000, "crash = { node = 1 }")
        + &fault(5_000, "restart = { node = 1 }");
    let held = scenario("n = 4", &rest);
    holds(&held);
    for seed in 1..=6 {
        let recording = recorded(&held, seed);
        let leaders: alloc::vec::Vec<(u64, NodeId)> = recording
            .events()
            .iter()
            .filter_map(|event| match event.kind {
                EventKind::ViewEntered { primary, .. } => Some((event.at.0 / 1_000, primary)),
                _ => None,
            })
            .collect();
        assert_eq!(leaders[0].1, NodeId(0), "seed {seed}: the lowest rank stands at once");
        let next = leaders.iter().find(|(at, _)| *at >= 2_000).unwrap();
        assert!(next.0 < 2_300 && next.1 != NodeId(0), "seed {seed}: at once: {leaders:?}");
        let last = leaders.last().unwrap();
        assert!(last.1 != NodeId(0), "seed {seed}: {leaders:?}");
    }
}

#[test]
fn two_of_five_may_be_down() {
    let rest = fault(1_000, "crash = { node = 0 }") + &fault(1_500, "crash = { node = 1 }");
    for verdict in holds(&scenario("n = 5", &rest)) {
        assert_eq!((verdict.faults_used, verdict.f), (2, 2));
    }
}

#[test]
fn a_leader_without_a_majority_decides_nothing_and_takes_up_what_others_decided() {
    let rest =
        fault(1_500, "partition = { groups = [[0], [1, 2, 3]] }") + &fault(4_500, "heal = 0");
    holds(&scenario("n = 4", &rest.replace("act = { heal = 0 }", "act = \"heal\"")));
}

#[test]
fn nobody_decides_anything_in_two_halves() {
    let rest = fault(1_500, "partition = { groups = [[0, 1], [2, 3]] }")
        + &fault(4_500, "heal = 0").replace("{ heal = 0 }", "\"heal\"");
    holds(&scenario("n = 4", &rest));
}

#[test]
fn everyone_crashes_and_goes_on_from_disk() {
    let mut rest = String::new();
    for node in 0..4 {
        rest += &fault(2_000, &format!("crash = {{ node = {node} }}"));
        rest += &fault(2_500 + 100 * node, &format!("restart = {{ node = {node} }}"));
    }
    holds(&scenario("n = 4", &(rest + "[disk]\nsync_us = 3000\n")));
}

#[test]
fn who_was_away_for_long_takes_over_the_state() {
    let rest = fault(500, "cut-off = { node = 3 }") + &fault(5_000, "reconnect = { node = 3 }");
    for verdict in holds(&scenario("n = 4", &rest)) {
        assert!(verdict.counts.transfers > 0);
    }
}

#[test]
fn a_rough_network_costs_time_and_nothing_else() {
    let rest = "[network]\nlatency_us = 5000\njitter_us = 20000\nloss_ppm = 200000\nduplicate_ppm = \
                100000\nreorder_ppm = 200000\ncalm_at_ms = 4000\n";
    holds(&scenario("n = 5", rest));
}

#[test]
fn the_leader_is_replaced_by_a_newcomer_at_the_end_of_an_epoch() {
    let rest = fault(1_000, "reconfigure = { add = [4], remove = [0] }")
        + &fault(3_000, "crash = { node = 0 }")
        + &fault(5_000, "cut-off = { node = 3 }");
    for verdict in holds_but(&scenario("n = 4\nspares = 1", &rest), &[3]) {
        assert_eq!(verdict.counts.epoch, Epoch(1));
    }
}

/// The same, for runs that end while these are cut off.
fn holds_but(scenario: &Scenario, away: &[u16]) -> alloc::vec::Vec<Verdict> {
    let mut scenario = scenario.clone();
    let back = scenario.duration_ms;
    scenario.duration_ms += 2_000;
    for node in away {
        let action = crate::sim::Action::Reconnect { node: NodeId(*node) };
        scenario.faults.push(crate::sim::TimedAction { at_ms: back, action });
    }
    holds(&scenario)
}

#[test]
fn who_lost_its_disk_takes_part_again_in_an_epoch_that_knows_its_life() {
    let rest = fault(1_500, "damage-disk = { node = 2, what = \"lost\" }")
        + &fault(1_501, "crash = { node = 2 }")
        + &fault(1_800, "restart = { node = 2 }")
        // Then its vote is needed for anything.
        + &fault(4_000, "crash = { node = 0 }")
        + &fault(4_001, "crash = { node = 1 }");
    for verdict in holds(&scenario("n = 5", &rest)) {
        assert_eq!(verdict.counts.epoch, Epoch(1));
    }
}

#[test]
fn where_members_may_lie_no_run_begins_under_raft() {
    let source = scenario("n = 4", "").source.replace("\"crash-only\"", "\"byzantine\"");
    let refused = Scenario::parse(&source).unwrap_err();
    assert!(refused.what.contains("not declared crash-only"), "{refused}");
    assert_eq!(source.lines().nth(refused.line - 1), Some("protocol = \"raft\""));
    let source = source.replace("\"raft\"", "\"safe-mode\"");
    assert!(Scenario::parse(&source).unwrap_err().what.contains("orders no writes"));
}
