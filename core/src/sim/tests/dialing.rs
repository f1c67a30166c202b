//! Connections between nodes, in runs: what breaks them, who dials whom how often, and when they are back.

use alloc::{format, string::ToString};

use crate::{
    event::{EventKind, LossCause},
    ids::NodeId,
    resilience::breaker::State,
    sim::{Cluster, Run, Scenario, TieStage, builtin},
    time::Time,
};

fn scenario() -> Scenario {
    builtin("peer-comes-back").unwrap()
}

fn at(ms: u64, seed: u64) -> Cluster {
    let mut cluster = Cluster::new(&Run::new(scenario(), seed)).unwrap();
    go_on(&mut cluster, ms);
    cluster
}

/// Steps are milliseconds apart at most: something is always on its way.
fn go_on(cluster: &mut Cluster, ms: u64) {
    while cluster.now() < Time::from_millis(ms) && cluster.step() {}
}

fn stages(cluster: &Cluster, from: u16, to: u16) -> (TieStage, State) {
    let host = cluster.node(NodeId(from)).unwrap();
    let (_, tie) = host.ties().find(|(node, _)| *node == NodeId(to)).unwrap();
    (tie.stage(), tie.breaker().state)
}

fn all_connected(cluster: &Cluster) -> bool {
    cluster
        .nodes()
        .iter()
        .all(|host| host.ties().all(|(_, tie)| tie.stage() == TieStage::Connected))
}

#[test]
fn a_peer_that_is_away_is_dialed_a_few_times_and_one_that_is_back_is_found_within_the_open_time() {
    for seed in [5, 100, 101, 102] {
        let mut cluster = at(1_900, seed);
        assert!(all_connected(&cluster), "seed {seed}: until something happens");
        go_on(&mut cluster, 10_900);
        for from in 0..3 {
            let (stage, breaker) = stages(&cluster, from, 3);
            assert!(
                stage != TieStage::Connected && breaker != State::Closed,
                "seed {seed}: {from}"
            );
            let host = cluster.node(NodeId(from)).unwrap();
            let (_, tie) = host.ties().find(|(node, _)| *node == NodeId(3)).unwrap();
            let dialed = tie.breaker().counters.admitted;
            assert!((5..=12).contains(&dialed), "seed {seed}: {from} dialed {dialed} times in 9 s");
            assert!(tie.lost() > 100, "seed {seed}: what it said meanwhile is lost");
            for other in (0..3).filter(|other| *other != from) {
                assert_eq!(stages(&cluster, from, other), (TieStage::Connected, State::Closed));
            }
        }
        go_on(&mut cluster, 14_200);
        assert!(all_connected(&cluster), "seed {seed}: within three seconds");
        // A cut is silence: connections are given up after a second, and attempts time out.
        go_on(&mut cluster, 15_800);
        assert!(all_connected(&cluster), "seed {seed}: nobody knows yet");
        go_on(&mut cluster, 17_900);
        for other in [0, 1, 3] {
            assert_ne!(stages(&cluster, other, 2).0, TieStage::Connected, "seed {seed}: {other}");
            assert_ne!(stages(&cluster, 2, other).0, TieStage::Connected, "seed {seed}: {other}");
        }
        go_on(&mut cluster, 21_900);
        assert!(all_connected(&cluster), "seed {seed}");
    }
}

#[test]
fn the_story_comes_out_as_it_is_told_and_the_same_from_any_moment() {
    for seed in [5, 100, 101, 102] {
        let verdict = Run::new(scenario(), seed).verdict().unwrap();
        assert!(verdict.as_expected(), "seed {seed}: {:#?}", verdict.expectations);
    }
    // Moments are copied in the lab: both go the same way, attempts under way included.
    let mut one = at(5_000, 5);
    let mut other = one.clone();
    for cluster in [&mut one, &mut other] {
        go_on(cluster, 21_000);
    }
    assert_eq!(one.trace_hash(), other.trace_hash());
}

#[test]
fn without_connections_nothing_is_different() {
    let mut plain = scenario();
    plain.dialing = None;
    let verdict = Run::new(plain.clone(), 5).verdict().unwrap();
    assert!(verdict.as_expected(), "{:#?}", verdict.expectations);
    let cluster = Cluster::new(&Run::new(plain, 5)).unwrap();
    assert!(cluster.nodes().iter().all(|host| host.ties().next().is_none()));
}

#[test]
fn what_is_said_without_a_connection_is_lost_where_it_is_said() {
    let mut recording = crate::sim::Recording::new(Run::new(scenario(), 5)).unwrap();
    recording.extend(u64::MAX);
    let lost = recording.events().iter().filter(|event| {
        matches!(event.kind, EventKind::Lost { why: LossCause::Down, .. })
            && event.at > Time::from_millis(16_500)
            && event.at < Time::from_millis(18_000)
    });
    assert!(lost.count() > 50, "nobody is down then, but one isn't reached");
}

#[test]
fn what_can_not_work_is_refused_with_its_place() {
    let of = |dialing: &str| {
        let text = scenario().source.replace("[dialing]", &format!("[dialing]\n{dialing}"));
        Scenario::parse(&text).map_err(|error| error.to_string())
    };
    assert_eq!(of("timeout_ms = 2_000").unwrap().dialing.unwrap().timeout_ms, 2_000);
    for (wrong, field) in [
        ("timeout_ms = 0", "timeout_ms"),
        ("wait_max_ms = 0", "wait_max_ms"),
        ("open_max_ms = 999", "open_max_ms"),
        ("failures_in_a_row = 0", "failures_in_a_row"),
        ("patience = 1", "patience"),
    ] {
        let error = of(wrong).unwrap_err();
        assert!(error.contains(field), "{wrong}: {error}");
    }
}
