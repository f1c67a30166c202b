//! Guards of real nodes: each of them at work, seen by a scrape, and changed while the nodes run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write as _,
    path::Path,
};

use conclave::{admin::OPERATOR_HEADER, config::CLUSTER_FILE, development::CLIENTS};
use conclave_core::{app::Operation, ids::NodeId};

use super::{
    families,
    real::{RealCluster, conclave_in, get, request, until},
};

/// So tight that each guard has something to do: a few requests a second of each client, a promise of
/// a millisecond, room for a message at a time.
const TIGHT: &str = r"
[guards.clients]
patience_ms = 1
rate = { permits = 200, burst = 20 }
waiting = { most = 10 }

[guards.clients.objective]
latency_ms = 1
minimum_calls = 5
period_ms = 60000
pairs = [{ long_ms = 1200, short_ms = 120, burn_percent = 200, page = true }]

[guards.clients.degradation]
worsen_ms = 100
improve_ms = 400

[guards.peers]
queue = { concurrent = 500 }
outliers = { interval_ms = 1000, minimum_calls = 5 }

[guards.peers.phi]
expected_ms = 1000
least_mean_ms = 1000
least_deviation_ms = 100
";

/// All that guards count.
const FAMILIES: [&str; 28] = [
    "conclave_guard_admitted",
    "conclave_guard_refused",
    "conclave_guard_overdue",
    "conclave_guard_usual_microseconds",
    "conclave_guard_measured",
    "conclave_guard_may_wait",
    "conclave_guard_rate_busy_clients",
    "conclave_guard_budget_heat_ppm",
    "conclave_guard_budget_left_ppm",
    "conclave_guard_latency_left_ppm",
    "conclave_guard_budget_requests",
    "conclave_guard_budget_failed",
    "conclave_guard_budget_fired",
    "conclave_guard_level",
    "conclave_guard_signal_ppm",
    "conclave_guard_level_worsened",
    "conclave_guard_level_improved",
    "conclave_guard_queue_used_ppm",
    "conclave_guard_queue_bytes",
    "conclave_guard_queue_full",
    "conclave_guard_dials",
    "conclave_guard_dial_retries",
    "conclave_guard_breaker_open",
    "conclave_guard_breaker_opened",
    "conclave_guard_peer_phi_milli",
    "conclave_guard_peer_silent",
    "conclave_guard_peer_ejected",
    "conclave_guard_restrained_waits",
];

/// Looked at by itself: it slows the others down.
const WAITS: &str = "conclave_guard_restrained_waits";

fn append(directory: &Path, text: &str) {
    let file = OpenOptions::new().append(true).open(directory.join(CLUSTER_FILE));
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("it can be written");
}

/// Writes for as long as it is polled, whatever becomes of it.
async fn flood(cluster: &RealCluster, id: u64) {
    let client = cluster.client(id);
    for count in 0_u32.. {
        let put = Operation::Put { key: b"flood".to_vec(), value: count.to_le_bytes().to_vec() };
        let _ = client.ask(&put, std::time::Duration::from_secs(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_of_guards_is_live() {
    let cluster = RealCluster::prepare(4, CLIENTS, false);
    append(cluster.scratch.path(), TIGHT);
    let cluster = cluster.started().await;
    // Who is away is dialled in vain, loses more than others do, and is silent.
    cluster.supervisor.kill(NodeId(3)).await.unwrap();
    let here = cluster.scratch.path();
    let (code, said) = conclave_in(here, &["quarantine", "hold", "2"]).await;
    assert_eq!(code, Some(0), "{said}");
    let all_live = async {
        // What waits, for peers or for execution, is seen only while there is some of it.
        let of_queues = |family: &str| {
            family.starts_with("conclave_guard_queue") || family == "conclave_guard_measured"
        };
        until_live(&cluster, |family| !of_queues(family) && family != WAITS).await;
        // Room for one message at a time: what comes together finds none. Nothing is given up so soon.
        let file = cluster.scratch.path().join(CLUSTER_FILE);
        let text = std::fs::read_to_string(&file).expect("it can be read");
        std::fs::write(
            &file,
            text.replace("concurrent = 500", "concurrent = 1")
                .replace("patience_ms = 1\n", "patience_ms = 10000\n")
                .replace("latency_ms = 1\n", "latency_ms = 10000\n"),
        )
        .unwrap();
        for node in 0..3 {
            let operator = [(OPERATOR_HEADER, "test")];
            let admin = cluster.admin(NodeId(node));
            assert_eq!(request(admin, "POST", "/guards/reload", &operator).unwrap().code, 200);
        }
        until_live(&cluster, of_queues).await;
        // Who is in quarantine is read more slowly, if it says more than it may: twenty things a second.
        append(cluster.scratch.path(), "[guards.peers.restrained]\npermits = 20\nburst = 1\n");
        let (code, said) = conclave_in(here, &["guards", "reload", "--node", "0"]).await;
        assert_eq!(code, Some(0), "{said}");
        until("what node 2 says waits at node 0", || {
            let metrics = get(cluster.admin(NodeId(0)), "/metrics").expect("it answers").body;
            families(&metrics)[WAITS] > 0.0
        })
        .await;
    };
    tokio::select! {
        () = all_live => {}
        () = flood(&cluster, 1) => {}
        () = flood(&cluster, 2) => {}
        () = flood(&cluster, 3) => {}
    }
}

/// Until all of these families have counted something, at some node and time.
async fn until_live(cluster: &RealCluster, wanted: impl Fn(&str) -> bool) {
    let expected: BTreeSet<_> = FAMILIES.into_iter().filter(|family| wanted(family)).collect();
    let mut live = BTreeMap::new();
    for _ in 0..600 {
        for node in 0..3 {
            let Some(answer) = get(cluster.admin(NodeId(node)), "/metrics") else { continue };
            for (family, value) in families(&answer.body) {
                let highest = live.entry(family).or_insert(0.0_f64);
                *highest = highest.max(value);
            }
        }
        live.retain(|family, _| family.starts_with("conclave_guard_") && wanted(family));
        let all = live.keys().map(String::as_str).eq(expected.iter().copied());
        if all && live.values().all(|value| *value > 0.0) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let dead: Vec<_> = live.iter().filter(|(_, value)| **value == 0.0).collect();
    panic!(
        "within a minute nothing was counted by {dead:?} of {live:?}, which should be {expected:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_change_while_nodes_run_and_what_can_not_work_changes_nothing() {
    let cluster = RealCluster::start(4, false).await;
    let directory = cluster.scratch.path().to_owned();
    let guards = |arguments: &'static [&'static str]| {
        let directory = directory.clone();
        async move { conclave_in(&directory, &[&["guards"], arguments].concat()).await }
    };
    let may_wait = |node| {
        let answer = get(cluster.admin(NodeId(node)), "/metrics").expect("it answers");
        families(&answer.body)["conclave_guard_may_wait"]
    };
    until("guards are shown", || (0..4).all(|node| may_wait(node) == 4_096.0)).await;

    append(&directory, "\n[guards.clients.waiting]\nmost = 0\n");
    let (code, said) = guards(&["reload"]).await;
    assert_eq!(code, Some(2), "the command reads the same file: {said}");
    // A node of another machine has another file, and says what is wrong with it.
    let operator = [(OPERATOR_HEADER, "test")];
    let admin = cluster.admin(NodeId(0));
    let answer = request(admin, "POST", "/guards/reload", &operator).unwrap();
    assert_eq!(answer.code, 409, "{}", answer.body);
    assert!(answer.body.contains("most = 0 can't work"), "{}", answer.body);
    assert_eq!(may_wait(0), 4_096.0);

    let file = directory.join(CLUSTER_FILE);
    let text = std::fs::read_to_string(&file).unwrap().replace("most = 0", "most = 77");
    std::fs::write(&file, text).unwrap();
    let (code, said) = guards(&["reload"]).await;
    assert_eq!(code, Some(0), "{said}");
    until("the new bound is shown", || (0..4).all(|node| may_wait(node) == 77.0)).await;

    // No page of a browser may do that: it can't send such a header.
    let refused = request(admin, "POST", "/guards/hold?level=emergency", &[]).unwrap();
    assert_eq!(refused.code, 403, "{}", refused.body);
    let (code, said) = guards(&["hold", "emergency"]).await;
    assert_eq!(code, Some(0), "{said}");
    let level = |name: &str| {
        let line = format!("conclave_guard_level{{level=\"{name}\"}} 1");
        (0..4).all(|node| {
            let answer = get(cluster.admin(NodeId(node)), "/metrics").expect("it answers");
            answer.body.lines().any(|it| it == line)
        })
    };
    until("all hold an emergency", || level("emergency")).await;
    let client = cluster.client(1);
    let put = Operation::Put { key: b"k".to_vec(), value: b"v".to_vec() };
    let asked = client.ask(&put, std::time::Duration::from_secs(2)).await;
    assert!(asked.is_err(), "clients are left out in an emergency: {asked:?}");
    let (code, said) = guards(&["show"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("level emergency, held"), "{said}");
    assert!(said.contains("peer 3: connected, breaker closed"), "{said}");
}
