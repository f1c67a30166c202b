//! Switches of protocol in whole runs: exactly once, in one order, and linearizable across them.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{fault, recorded};
use crate::{
    analyzer::Protocol,
    event::{EventKind, Place},
    ids::{ClientId, Epoch, NodeId, RequestId},
    sim::{Recording, Run, Scenario, Verdict},
};

/// A cluster under load; `rest` are its faults and whatever else differs.
fn scenario(cluster: &str, rest: &str) -> Scenario {
    let source = format!(
        "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 9000\n[cluster]\n\
         {cluster}\n[cluster.pbft]\ndeployment = \"crash-only\"\ncheckpoint_interval = 10\nwindow = \
         40\nrequest_timeout_ms = 300\nview_change_timeout_ms = 500\nstatus_interval_ms = 100\n\
         [workload]\nclients = 3\nthink_ms = 30\nretransmit_ms = 250\nread_ppm = 300000\n[expect]\n\
         min_completed = 100\nmin_reads = 10\n{rest}"
    );
    Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

fn switch(at_ms: u32, protocol: &str) -> String {
    fault(at_ms, &format!("switch = {{ protocol = \"{protocol}\" }}"))
}

const THERE_AND_BACK: [(u32, &str); 2] = [(1_500, "raft"), (4_500, "pbft")];

fn there_and_back() -> String {
    THERE_AND_BACK.map(|(at, protocol)| switch(at, protocol)).concat()
}

/// Runs it with several seeds: everything holds, every fault and every switch has an effect, and it
/// ends in this epoch, under this protocol, at every member that is up.
fn ends(scenario: &Scenario, epoch: u64, protocol: Protocol) -> Vec<Verdict> {
    let runs = (1..=6).map(|seed| {
        let mut recording = recorded(scenario, seed);
        let verdict = recording.verdict();
        let mut executed: BTreeMap<(Place, RequestId), _> = BTreeMap::new();
        for event in recording.events() {
            if let EventKind::Executed { seq, requests, .. } = &event.kind {
                for id in requests {
                    let before = executed.insert((event.place, *id), *seq);
                    assert!(before.is_none_or(|before| before == *seq), "seed {seed}: {id:?}");
                }
            }
        }
        let end = recording.steps();
        let cluster = recording.seek(end);
        let now = cluster.members();
        assert_eq!((now.epoch(), now.protocol()), (Epoch(epoch), protocol), "seed {seed}");
        let up = now.nodes().map(|node| cluster.node(node).unwrap()).filter(|host| host.is_up());
        let there = up.clone().filter(|host| host.replica().members() == now);
        assert!(there.count() + usize::from(now.f()) >= usize::from(now.n()), "seed {seed}");
        for client in cluster.clients() {
            assert_eq!(
                client.client().members().epoch(),
                Epoch(epoch),
                "seed {seed}: clients follow"
            );
        }
        verdict
    });
    runs.collect()
}

#[test]
fn a_live_cluster_goes_from_pbft_to_raft_and_back() {
    for verdict in ends(&scenario("n = 4", &there_and_back()), 2, Protocol::Pbft) {
        assert_eq!(verdict.counts.switches, 2);
    }
}

#[test]
fn the_primary_crashes_at_any_moment_of_a_switch() {
    for delay in [0, 5, 10, 20, 40, 80, 160] {
        let rest = there_and_back()
            + &fault(1_500 + delay, "crash = { node = 0 }")
            + &fault(3_500, "restart = { node = 0 }")
            + &fault(4_500 + delay, "crash = { node = 1 }")
            + &fault(6_500, "restart = { node = 1 }");
        ends(&scenario("n = 4", &(rest + "[disk]\nsync_us = 1000\n")), 2, Protocol::Pbft);
    }
}

#[test]
fn the_leader_is_partitioned_away_in_the_middle_of_a_switch() {
    for delay in [0, 10, 30, 90] {
        let rest = there_and_back()
            + &fault(1_500 + delay, "partition = { groups = [[0], [1, 2, 3]] }")
            + &fault(3_500, "heal").replace("{ heal }", "\"heal\"")
            + &fault(4_500 + delay, "partition = { groups = [[0, 3], [1, 2]] }")
            + &fault(6_000, "heal").replace("{ heal }", "\"heal\"");
        ends(&scenario("n = 4", &rest), 2, Protocol::Pbft);
    }
}

#[test]
fn everyone_crashes_in_the_middle_of_a_switch() {
    for delay in [10, 30, 60, 120] {
        let mut rest = there_and_back();
        for (at, _) in THERE_AND_BACK {
            for node in 0..4 {
                rest += &fault(at + delay, &format!("crash = {{ node = {node} }}"));
                rest += &fault(at + 600, &format!("restart = {{ node = {node} }}"));
            }
        }
        ends(&scenario("n = 4", &(rest + "[disk]\nsync_us = 3000\n")), 2, Protocol::Pbft);
    }
}

/// Lies are no matter for Raft, so the liar is gone before: in one change with the switch.
#[test]
fn a_lying_primary_is_replaced_and_the_protocol_switched() {
    let rest = fault(900, "corrupt = { node = 0, strategies = [{ equivocate = {} }] }")
        + &fault(1_000, "reconfigure = { add = [4], remove = [0] }")
        + &switch(3_000, "raft")
        + &switch(5_500, "pbft");
    ends(&scenario("n = 4\nspares = 1", &rest), 3, Protocol::Pbft);
}

#[test]
fn a_rough_network_costs_time_and_nothing_else() {
    let rest = there_and_back()
        + "[network]\nlatency_us = 5000\njitter_us = 20000\nloss_ppm = 200000\nduplicate_ppm = \
           100000\nreorder_ppm = 200000\ncalm_at_ms = 5000\n";
    let mut rough = scenario("n = 5", &rest);
    rough.expect.min_reads = 1;
    ends(&rough, 2, Protocol::Pbft);
}

#[test]
fn of_two_switches_that_race_the_second_is_refused_while_the_first_is_under_way() {
    // Nobody else asks for anything: the epoch ends because it is to end.
    let rest = switch(1_000, "raft") + &switch(1_001, "pbft");
    let mut quiet = scenario("n = 4", &rest);
    quiet.workload.clients = 0;
    quiet.expect = crate::sim::Expectations { min_switches: 1, ..Default::default() };
    let mut answers = Vec::new();
    for seed in 1..=6 {
        let mut recording = Recording::new(Run::new(quiet.clone(), seed)).unwrap();
        recording.extend(u64::MAX);
        assert!(recording.verdict().as_expected(), "{:#?}", recording.verdict());
        let said = recording.events().iter().filter_map(|event| match &event.kind {
            EventKind::RequestCompleted { request, result, .. }
                if request.client == ClientId::ADMINISTRATOR =>
            {
                Some(result.clone())
            }
            _ => None,
        });
        answers.extend(said);
    }
    assert!(answers.iter().any(|it| it.contains("another change takes effect")), "{answers:?}");
}

#[test]
fn who_was_away_during_a_switch_follows_the_chain_and_takes_part_under_the_other_protocol() {
    // Before it is suspected, for then a switch to Raft is refused.
    let rest = fault(1_400, "cut-off = { node = 3 }")
        + &switch(1_500, "raft")
        + &fault(4_000, "reconnect = { node = 3 }")
        // Now its disk counts for the majority.
        + &fault(5_500, "crash = { node = 0 }");
    for verdict in ends(&scenario("n = 4", &rest), 1, Protocol::Raft) {
        assert!(verdict.counts.transfers > 0);
    }
}

/// Who has another life since some epoch has it under every protocol after it.
#[test]
fn who_recovered_under_pbft_takes_part_under_raft() {
    let rest = fault(500, "damage-disk = { node = 2, what = \"lost\" }")
        + &fault(501, "crash = { node = 2 }")
        + &fault(700, "restart = { node = 2 }")
        // A switch to Raft is refused while anybody is suspected: the operator has looked.
        + &fault(3_500, "overrule = { node = 2, order = \"free\" }")
        + &switch(4_000, "raft")
        + &fault(6_000, "crash = { node = 0 }");
    let back = ends(&scenario("n = 4", &rest), 2, Protocol::Raft);
    assert!(back.iter().all(|verdict| verdict.counts.switches == 1));
}

#[test]
fn where_members_may_lie_a_switch_to_raft_is_refused_and_nothing_changes() {
    let mut byzantine = scenario("n = 4", &switch(1_000, "raft"));
    byzantine.config.deployment = crate::analyzer::Deployment::Byzantine;
    let mut recording = Recording::new(Run::new(byzantine, 1)).unwrap();
    recording.extend(u64::MAX);
    let verdict = recording.verdict();
    assert!(verdict.as_expected(), "{verdict:#?}");
    assert_eq!((verdict.counts.epoch, verdict.injections[0].effects), (Epoch(0), 0));
    let said = recording.events().iter().any(|event| match &event.kind {
        EventKind::RequestCompleted { result, .. } => result.contains("not declared crash-only"),
        _ => false,
    });
    assert!(said);
    assert_eq!(recording.seek(0).node(NodeId(0)).unwrap().replica().epoch(), Epoch(0));
}

/// Whoever is suspected leads last, so that its lies cost no view.
#[test]
fn under_trust_ordered_pbft_a_suspected_primary_comes_last() {
    for lie in ["silent = {}", "equivocate = { kinds = [\"prepare\"] }"] {
        let lies = format!("corrupt = {{ node = 0, strategies = [{{ {lie} }}] }}");
        let rest = fault(500, "switch = { protocol = \"trust-ordered-pbft\", last = [0] }")
            + &fault(2_500, &lies)
            // Who comes next leads then, and node 0 not before everyone else.
            + &fault(4_000, "cut-off = { node = 1 }")
            + &fault(6_000, "reconnect = { node = 1 }");
        let mut byzantine = scenario("n = 7", &rest);
        byzantine.config.deployment = crate::analyzer::Deployment::Byzantine;
        for verdict in ends(&byzantine, 1, Protocol::TrustOrderedPbft) {
            assert_eq!((verdict.counts.view.0, verdict.counts.equivocations), (1, 0), "{lie}");
        }
        let mut recording = Recording::new(Run::new(byzantine, 1)).unwrap();
        recording.extend(u64::MAX);
        let mut leaders = recording.events().iter().filter_map(|event| match event.kind {
            EventKind::ViewEntered { primary, .. } => Some(primary),
            _ => None,
        });
        assert_eq!(leaders.next_back(), Some(NodeId(2)), "{lie}");
    }
}

fn is_byzantine(mut scenario: Scenario) -> Scenario {
    scenario.config.deployment = crate::analyzer::Deployment::Byzantine;
    scenario
}

/// The primary lies before, during and after the switch; nobody takes it out before.
#[test]
fn a_switch_succeeds_while_the_primary_lies() {
    let equivocates = "[{ equivocate = {} }]";
    let two_faced = "[{ equivocate = {} }, { two-faced-view-change = {} }]";
    // The next one leads no better: it begins its view with what it makes up.
    let next_too = fault(
        1_000,
        "corrupt = { node = 1, strategies = [{ false-new-view = {} }, { equivocate = {} }] }",
    );
    for at in [1_000, 1_400, 1_480, 1_500, 1_510, 1_530, 1_600] {
        for (cluster, strategies, more) in [
            ("n = 4", equivocates, String::new()),
            ("n = 4", two_faced, String::new()),
            ("n = 7", equivocates, next_too.clone()),
        ] {
            let lies = format!("corrupt = {{ node = 0, strategies = {strategies} }}");
            let rest = fault(at, &lies) + &more + &switch(1_500, "trust-ordered-pbft");
            let scenario = is_byzantine(scenario(cluster, &rest));
            for verdict in ends(&scenario, 1, Protocol::TrustOrderedPbft) {
                assert_eq!(verdict.counts.switches, 1, "{cluster} {strategies} from {at} ms");
            }
        }
    }
}

/// A lie is proven, so the members switch by themselves; the administrator asks for another order at
/// about the same time. If it asks first and more is recommended only then, it is followed by that.
#[test]
fn a_switch_that_members_make_by_themselves_races_with_the_administrators() {
    let ordered = Protocol::TrustOrderedPbft;
    let (mut agreed, mut refused) = (0, 0);
    for delay in (0..400).step_by(40) {
        let ask = "switch = { protocol = \"trust-ordered-pbft\", last = [1] }";
        let rest = fault(1_500, "corrupt = { node = 0, strategies = [{ equivocate = {} }] }")
            + &fault(1_500 + delay, ask);
        let mut scenario = is_byzantine(scenario("n = 4", &rest));
        scenario.config.policy.follow = crate::analyzer::Follow::Always;
        for seed in 1..=3 {
            let mut recording = Recording::new(Run::new(scenario.clone(), seed)).unwrap();
            recording.extend(u64::MAX);
            let verdict = recording.verdict();
            assert!(verdict.as_expected(), "{delay} ms, seed {seed}: {verdict:#?}");
            let (mut begun, mut answers) = (BTreeMap::new(), Vec::new());
            for event in recording.events() {
                match &event.kind {
                    EventKind::EpochBegun { epoch, after, protocol, .. } => {
                        let at = begun.entry(*epoch).or_insert((*after, *protocol));
                        assert_eq!(*at, (*after, *protocol), "{delay} ms, seed {seed}: {epoch}");
                    }
                    EventKind::RequestCompleted { request, result, .. }
                        if request.client == ClientId::ADMINISTRATOR =>
                    {
                        answers.push(result.clone());
                    }
                    _ => {}
                }
            }
            let [answer] = &answers[..] else { panic!("{delay} ms, seed {seed}: {answers:?}") };
            let last = begun.values().next_back().map(|(_, protocol)| *protocol);
            assert_eq!(last, Some(ordered), "{delay} ms, seed {seed}");
            if answer.contains("another change takes effect") {
                assert_eq!(begun.len(), 1, "{delay} ms, seed {seed}: only the members' switch");
                refused += 1;
            } else {
                let made = begun.iter().any(|(epoch, (after, protocol))| {
                    let says = format!("epoch {epoch} begins after {after}");
                    *protocol == ordered && answer.contains(&says)
                });
                assert!(made, "{delay} ms, seed {seed}: {answer}, and {begun:?}");
                agreed += 1;
            }
        }
    }
    assert!(agreed > 0 && refused > 0, "it races: {agreed} agreed, {refused} refused");
}
