//! Slow primaries are replaced; slow networks, liars and bad lines are not taken for them.

use alloc::{format, string::String, vec::Vec};
use core::time::Duration;

use super::net::{Net, request};
use crate::{
    event::{EventKind, Place, ViewChangeCause},
    ids::{Epoch, NodeId, Principal, View},
    pbft::{Message, MessageKind, Pace},
    quorum::Membership,
    sim::{Cluster, Run, Scenario, Verdict},
    time::Time,
};

/// Six clients that ask all the time, and these faults from half a second on.
fn scenario(n: u16, duration_ms: u32, faults: &[String]) -> Scenario {
    let faults: Vec<_> =
        faults.iter().map(|act| format!("[[fault]]\nat_ms = 500\nact = {act}\n")).collect();
    let faults = faults.concat();
    let source = format!(
        "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = {duration_ms}\n\
         [cluster]\nn = {n}\n[network]\nlatency_us = 5000\njitter_us = 2000\n\
         [workload]\nclients = 6\nthink_ms = 20\nretransmit_ms = 2000\n{faults}"
    );
    Scenario::parse(&source).unwrap()
}

fn delays(node: u16, by_ms: u32, kinds: &str) -> String {
    let strategy = format!("{{ delay = {{ by_ms = {by_ms}, kinds = {kinds} }} }}");
    format!("{{ corrupt = {{ node = {node}, strategies = [{strategy}] }} }}")
}

fn verdict(scenario: Scenario, seed: u64) -> Verdict {
    let verdict = Run::new(scenario, seed).verdict().unwrap();
    assert_eq!(verdict.violations, []);
    assert!(verdict.injections.iter().all(|injection| injection.effects > 0));
    verdict
}

#[test]
fn a_primary_just_under_the_request_timeout_is_replaced_within_a_few_dozen_requests() {
    for (n, seed) in [(4, 1), (4, 2), (7, 3)] {
        // It orders everything, 900 ms late, where backups wait 1000.
        let slow = [delays(0, 900, "[\"pre-prepare\"]")];
        let mut cluster = Cluster::new(&Run::new(scenario(n, 30_000, &slow), seed)).unwrap();
        cluster.record();
        while cluster.counts().view < View(1) {
            assert!(cluster.step(), "never replaced: {:?}", cluster.counts());
        }
        let completed_while_slow = cluster
            .take_events()
            .iter()
            .filter(|event| event.at.as_micros() > 1_000_000)
            .filter(|event| matches!(event.kind, EventKind::RequestCompleted { .. }))
            .count();
        assert!(completed_while_slow < 100, "after {completed_while_slow} requests");
        while cluster.step() {}
        let left: Vec<_> = cluster
            .take_events()
            .into_iter()
            .filter_map(|event| match event.kind {
                EventKind::ViewChangeStarted { why, .. } => Some(why),
                _ => None,
            })
            .collect();
        assert!(!left.contains(&ViewChangeCause::RequestTimeout), "{left:?}");
        assert_eq!(cluster.counts().view, View(1), "and the next one is kept");
        assert_eq!(cluster.violations(), []);
    }
}

#[test]
fn who_finds_the_primary_too_slow_names_it_with_what_would_be_fair() {
    let slow = [delays(0, 600, "[\"pre-prepare\"]")];
    let mut cluster = Cluster::new(&Run::new(scenario(4, 20_000, &slow), 1)).unwrap();
    cluster.record();
    while cluster.step() {}
    let mut by = Vec::new();
    let mut causes = Vec::new();
    for event in cluster.take_events() {
        match (event.place, event.kind) {
            (
                Place::Node(node),
                EventKind::PrimaryTooSlow { primary, turnaround_us, acceptable_us, .. },
            ) => {
                assert_eq!(primary, NodeId(0));
                assert!(turnaround_us > 500_000 && acceptable_us < 300_000);
                by.push(node);
            }
            (_, EventKind::ViewChangeStarted { why, .. }) => causes.push(why),
            _ => {}
        }
    }
    by.sort_unstable();
    assert_eq!(by, [NodeId(1), NodeId(2), NodeId(3)], "every backup, and each once");
    assert!(causes.contains(&ViewChangeCause::SlowPrimary));
}

/// It reaches one backup at once and the others late, so that this one's rounds look long.
#[test]
fn a_primary_that_is_quick_with_one_backup_is_replaced_too() {
    let strategy = "{ delay = { by_ms = 700, kinds = [\"pre-prepare\"], to = [2, 3] } }";
    let slow = [format!("{{ corrupt = {{ node = 0, strategies = [{strategy}] }} }}")];
    let mut cluster = Cluster::new(&Run::new(scenario(4, 30_000, &slow), 1)).unwrap();
    cluster.record();
    while cluster.step() {}
    let found_slow = |event: &&crate::event::Event| {
        event.place == Place::Node(NodeId(1))
            && matches!(event.kind, EventKind::PrimaryTooSlow { primary: NodeId(0), .. })
    };
    assert_eq!(cluster.take_events().iter().filter(found_slow).count(), 1, "1 was not deceived");
    assert_eq!(cluster.counts().view, View(1));
}

/// All correct replicas must find it slow, and one of them learns of its batches from others only.
#[test]
fn a_slow_primary_that_proposes_nothing_to_one_backup_is_replaced_too() {
    for (n, to, seed) in [(4, "[3]", 1), (7, "[5, 6]", 2)] {
        let strategies = format!(
            "[{{ slow = {{ percent = 50 }} }}, \
             {{ silent = {{ kinds = [\"pre-prepare\"], to = {to} }} }}]"
        );
        let slow = [format!("{{ corrupt = {{ node = 0, strategies = {strategies} }} }}")];
        let verdict = verdict(scenario(n, 30_000, &slow), seed);
        assert_eq!(verdict.counts.view, View(1), "n = {n}");
    }
}

/// It would give up on the view by itself after a second, and doesn't wait so long.
#[test]
fn who_learns_of_batches_from_others_only_finds_the_primary_slow_by_what_it_learns() {
    let mut net = Net::new(4);
    for timestamp in 1..=12 {
        let asked = request(timestamp % 3, timestamp, "k");
        // Everyone but the primary knows the request …
        net.only(|_, _, _| false);
        net.ask(&asked, 1..4);
        net.pass(Duration::from_millis(400));
        // … and the primary proposes it later, to two of them.
        net.only(|_, to, message| to != NodeId(3) || message.kind() != MessageKind::PrePrepare);
        net.ask(&asked, [0]);
        net.pass(Duration::from_millis(300));
    }
    let finds_slow =
        |event: &EventKind| matches!(event, EventKind::PrimaryTooSlow { view: View(0), .. });
    let gives_up = |event: &EventKind| {
        let why = ViewChangeCause::RequestTimeout;
        *event == EventKind::ViewChangeStarted { view: View(1), why }
    };
    for id in 1..4 {
        assert!(net.events_of(id).any(finds_slow), "{id}");
        assert!(!net.events_of(id).any(gives_up), "{id}");
        assert!(net.replica(id).view() > View(0), "{id}");
    }
}

/// What it executes by the word of others took long because of its line, and others did better.
#[test]
fn a_backup_that_hears_no_proposals_costs_a_quick_primary_nothing() {
    for (n, to, seed) in [(4, "[3]", 1), (7, "[5, 6]", 2)] {
        let strategy = format!("{{ silent = {{ kinds = [\"pre-prepare\"], to = {to} }} }}");
        let unheard = [format!("{{ corrupt = {{ node = 0, strategies = [{strategy}] }} }}")];
        assert_eq!(verdict(scenario(n, 30_000, &unheard), seed).counts.view, View(0), "n = {n}");
    }
}

#[test]
fn a_network_in_which_everyone_is_slow_costs_no_primary_its_view() {
    let mut slow = Vec::new();
    for from in 0..4 {
        for to in (0..4).filter(|to| *to != from) {
            slow.push(format!("{{ slow-link = {{ from = {from}, to = {to}, by_ms = 120 }} }}"));
        }
    }
    let verdict = verdict(scenario(4, 20_000, &slow), 1);
    assert!(verdict.counts.completed > 100);
    assert_eq!(verdict.counts.view, View(0));
}

#[test]
fn a_backup_with_a_slow_disk_or_a_slow_line_costs_no_primary_its_view() {
    let slow = [delays(3, 300, "[]")];
    assert_eq!(verdict(scenario(4, 10_000, &slow), 1).counts.view, View(0));
}

#[test]
fn a_loaded_primary_is_not_taken_for_a_slow_one() {
    let source = scenario(4, 10_000, &[]).source;
    let source = source
        .replace("clients = 6\nthink_ms = 20", "clients = 60\nthink_ms = 0")
        .replace("[network]", "[cluster.pbft]\nbatch_requests = 4\npipeline = 2\n[network]");
    let verdict = verdict(Scenario::parse(&source).unwrap(), 1);
    assert!(verdict.counts.completed > 1_000, "{}", verdict.counts.completed);
    assert_eq!(verdict.counts.view, View(0));
}

fn cries_wolf(view: u64) -> Message {
    let (turnaround_us, round_us) = (900_000, 0);
    Message::Pace(Pace {
        epoch: Epoch(0),
        view: View(view),
        turnaround_us,
        round_us,
        too_slow: true,
    })
}

#[test]
fn f_liars_who_cry_wolf_change_nothing_and_a_quorum_leaves_together() {
    for n in [4, 7] {
        let mut net = Net::new(n);
        let quorum = net.members.quorum() as u16;
        for liar in 1..quorum {
            for _ in 0..10 {
                for to in (0..n).filter(|to| *to != liar) {
                    net.deliver(liar, to, cries_wolf(0));
                }
            }
        }
        assert!(net.replicas.iter().all(|replica| replica.view() == View(0)), "one too few");
        for to in (0..n).filter(|to| *to != quorum) {
            net.deliver(quorum, to, cries_wolf(0));
        }
        // Here the complaints are made up, so only those who heard a quorum of them leave.
        let cause =
            EventKind::ViewChangeStarted { view: View(1), why: ViewChangeCause::SlowPrimary };
        for id in (0..n).filter(|id| *id == 0 || *id > quorum) {
            assert!(net.events_of(id).any(|event| *event == cause));
        }
    }
}

#[test]
fn a_complaint_of_another_view_counts_for_nothing() {
    let mut net = Net::new(4);
    for by in 1..4 {
        net.deliver(by, 0, cries_wolf(1));
    }
    assert_eq!(net.replica(0).view(), View(0));
}

fn accuses(node: u16) -> String {
    format!("{{ corrupt = {{ node = {node}, strategies = [{{ false-accusation = {{}} }}] }} }}")
}

#[test]
fn f_false_accusers_do_not_remove_a_quick_primary() {
    for (n, seed) in [(4, 1), (4, 2), (5, 3), (7, 4), (10, 5)] {
        let f = u64::from(Membership::new(n).unwrap().f());
        let accusers: Vec<_> = (1..=f as u16).map(accuses).collect();
        let verdict = verdict(scenario(n, 10_000, &accusers), seed);
        assert_eq!(verdict.counts.view, View(0), "n = {n}");
        // All the time, and to everyone: every 50 ms for 9.5 s, as far as there is something to
        // say it beside.
        let told = f * u64::from(n - 1) * 100;
        let said = verdict.counts.lies.get("false accusation").copied();
        assert!(said.is_some_and(|said| said > told), "n = {n}: {said:?} of {told}");
    }
}

#[test]
fn a_quorum_of_false_accusers_would_remove_it_so_they_are_heard() {
    let accusers: Vec<_> = (1..4).map(accuses).collect();
    let mut cluster = Cluster::new(&Run::new(scenario(4, 3_000, &accusers), 1)).unwrap();
    cluster.record();
    while cluster.step() {}
    let left = EventKind::ViewChangeStarted { view: View(1), why: ViewChangeCause::SlowPrimary };
    let honest = Place::Node(NodeId(0));
    assert!(cluster.take_events().iter().any(|it| it.place == honest && it.kind == left));
}

/// What they say of each other is the contrary: that all rounds are long, and nobody is slow.
#[test]
fn a_slow_primary_that_liars_praise_is_replaced_all_the_same() {
    let slow = [delays(0, 900, "[\"pre-prepare\"]"), accuses(1)];
    let verdict = verdict(scenario(7, 30_000, &slow), 1);
    // Once it is replaced, the next is one that lies, and quick.
    assert_eq!(verdict.counts.view, View(1));
}

#[test]
fn false_accusations_compose_with_silence() {
    let both = "{ corrupt = { node = 3, strategies = [{ silent = {} }, { false-accusation = { \
                claim_ms = 60000, every_ms = 1, to = [1] } }] } }";
    let scenario = scenario(4, 3_000, &[both.into()]);
    let mut cluster = Cluster::new(&Run::new(scenario, 1)).unwrap();
    cluster.record();
    while cluster.step() {}
    assert_eq!((cluster.counts().view, cluster.violations()), (View(0), &[][..]));
    let after = |at: Time| at.as_micros() > 600_000;
    let sent = cluster.take_events().into_iter().filter_map(|event| match event.kind {
        EventKind::Sent { to, what, .. } if event.place == Place::Node(NodeId(3)) => {
            after(event.at).then_some((to, what.kind))
        }
        _ => None,
    });
    let sent: Vec<_> = sent.collect();
    assert!(sent.len() > 50, "{}", sent.len());
    let accused = (Principal::Node(NodeId(1)), MessageKind::Pace);
    assert!(sent.iter().all(|it| *it == accused), "{sent:?}");
}

/// With replicas of very different speed every view may look slow to a quorum. Each change
/// doubles what the next may take, so they end.
#[test]
fn views_do_not_change_for_ever_where_every_primary_looks_slow() {
    let mut slow = Vec::new();
    for node in 0..4 {
        let strategy = "{ delay = { by_ms = 250, kinds = [\"pre-prepare\"] } }";
        slow.push(format!("{{ corrupt = {{ node = {node}, strategies = [{strategy}] }} }}"));
    }
    let run = Run::new(scenario(4, 60_000, &slow), 1);
    let mut cluster = Cluster::new(&run).unwrap();
    while cluster.step() {}
    let mut seen = Vec::new();
    for node in cluster.nodes() {
        seen.push(node.replica().view());
    }
    assert!(seen.iter().all(|view| (View(1)..=View(8)).contains(view)), "{seen:?}");
    assert!(cluster.counts().completed > 200);
}
