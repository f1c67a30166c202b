//! Byzantine clients harm themselves and nobody else.

use conclave_core::{
    event::{EventKind, Place, Tampering},
    ids::{ClientId, RequestId, Timestamp},
    pbft::Known,
    sim::{Cluster, Run, Scenario},
};

const KINDS: [&str; 5] = ["two-faced", "selective", "bad-signature", "far-ahead", "flood"];

/// Client 0 turns Byzantine at 300 ms, in one way or another; clients 1 and 2 are honest.
fn stage(how: &str, more: &str) -> Run {
    let source = format!(
        "schema = 1\nname = \"clients\"\ntitle = \"Clients\"\npromise = \"Lies.\"\n\
         duration_ms = 5000\n\
         [cluster.pbft]\nrequest_timeout_ms = 300\nview_change_timeout_ms = 400\n\
         status_interval_ms = 100\ncheckpoint_interval = 10\nwindow = 40\n\
         [network]\nlatency_us = 3000\njitter_us = 2000\n\
         [workload]\nclients = 3\nthink_ms = 30\nretransmit_ms = 150\n\
         [[fault]]\nat_ms = 300\n\
         act = {{ corrupt-client = {{ client = 0, how = \"{how}\" }} }}\n{more}"
    );
    Run::new(Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}")), 1)
}

fn is_of(how: &str, tampering: &Tampering) -> bool {
    match tampering {
        Tampering::Equivocated { .. } => how == "two-faced",
        Tampering::Withheld => how == "selective",
        Tampering::Forged => how == "bad-signature",
        Tampering::Falsified => how == "far-ahead",
        Tampering::Flooded { .. } => how == "flood",
        _ => false,
    }
}

#[test]
fn whatever_a_client_does_the_honest_ones_are_served_and_nothing_breaks() {
    for how in KINDS {
        let mut cluster = Cluster::new(&stage(how, "")).expect("valid");
        cluster.record();
        while cluster.step() {}
        let verdict = cluster.verdict();
        assert!(verdict.violations.is_empty(), "{how}: {:#?}", verdict.violations);
        assert!(verdict.injections[0].effects > 0, "{how} did nothing");
        let events = cluster.take_events();
        let lied = events.iter().any(|event| {
            event.place == Place::Client(ClientId(0))
                && matches!(&event.kind, EventKind::Tampered { how: it, .. } if is_of(how, it))
        });
        assert!(lied, "{how}");
        for honest in [1, 2] {
            let served = events.iter().filter(|event| {
                event.place == Place::Client(ClientId(honest))
                    && matches!(event.kind, EventKind::RequestCompleted { .. })
            });
            assert!(served.count() > 20, "{how} starves client {honest}");
        }
        assert_eq!(verdict.faults_used, 0, "clients don't count against f");
    }
}

#[test]
fn beside_a_byzantine_client_and_a_liar_invariants_hold_as_well() {
    for how in KINDS {
        for strategy in ["equivocate = {}", "selective = {}", "replay = {}"] {
            let liar = format!(
                "[[fault]]\nat_ms = 300\n\
                 act = {{ corrupt = {{ node = 0, strategies = [{{ {strategy} }}] }} }}\n"
            );
            let verdict = stage(how, &liar).verdict().expect("valid");
            assert!(verdict.violations.is_empty(), "{how}, {strategy}: {verdict:#?}");
            assert!(verdict.injections.iter().all(|it| it.effects > 0), "{how}, {strategy}");
        }
    }
}

#[test]
fn a_bad_signature_never_gets_beyond_the_door() {
    let run = stage("bad-signature", "");
    let mut cluster = Cluster::new(&run).expect("valid");
    cluster.record();
    while cluster.step() {}
    let events = cluster.take_events();
    let refused = events.iter().filter(|it| matches!(it.kind, EventKind::Refused { .. })).count();
    assert!(refused > 4);
    let since = events.iter().position(|it| matches!(it.kind, EventKind::Tampered { .. }));
    let request = events[since.expect("it lied")..].iter().find_map(|it| match &it.kind {
        EventKind::Tampered { what, .. } => what.request,
        _ => None,
    });
    let executed = events.iter().any(|it| match &it.kind {
        EventKind::Executed { requests, .. } => requests.contains(&request.expect("a request")),
        _ => false,
    });
    assert!(!executed);
}

#[test]
fn a_timestamp_far_ahead_shuts_out_only_its_own_client() {
    let mut cluster = Cluster::new(&stage("far-ahead", "")).expect("valid");
    while cluster.step() {}
    let known = |host: &conclave_core::sim::Host, client, timestamp| {
        let id = RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) };
        match host.replica().sessions().lookup(id) {
            Known::New => "new",
            Known::Stale | Known::Answered(_) => "old",
        }
    };
    for host in cluster.nodes() {
        assert_eq!(known(host, 0, 1 << 39), "old", "its own past is shut");
        assert_eq!(known(host, 1, 10_000), "new", "that of others is not");
    }
}
