//! Chaos experiments on real nodes: who may begin one, what it does to links while clients ask, and
//! what ends it.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use conclave::{admin::OPERATOR_HEADER, chaos::Asked};
use conclave_core::{
    crypto::{Digest, Ed25519, Signed},
    ids::{ClientId, NodeId, Principal},
    resilience::chaos::{Config, Fault, Permission},
    time::WallTime,
};
use serde_json::Value;

use super::{
    families,
    history::{CONCURRENT, Clients},
    real::{Answer, RealCluster, conclave_in, get, post, request, until},
};

/// Over within seconds; steady unless most requests take seconds.
fn experiment(fault: Fault) -> Config {
    Config::default()
        .name("one".into())
        .hypothesis("Clients notice nothing.".into())
        .fault(fault)
        .share_ppm(1_000_000)
        .max_calls(100_000)
        .baseline_ms(1_000)
        .inject_ms(1_500)
        .recover_ms(1_000)
        .window_ms(1_000)
        .minimum_calls(3)
        .slow_ms(3_000)
        .slow_ppm(500_000)
        .failed_ppm(500_000)
}

/// The same in a file, as an operator writes it.
fn file(cluster: &RealCluster, fault: &str, more: &str) -> String {
    let text = format!(
        "[chaos]\nname = \"one\"\nhypothesis = \"Clients notice nothing.\"\nfault = {fault}\n\
         share_ppm = 1000000\nmax_calls = 100000\nbaseline_ms = 1000\nrecover_ms = 1000\n\
         window_ms = 1000\nminimum_calls = 3\n{more}\n"
    );
    let path = cluster.scratch.path().join("experiment.toml");
    std::fs::write(&path, text).expect("it can be written");
    path.to_str().expect("a path").to_owned()
}

async fn chaos(cluster: &RealCluster, arguments: &[&str]) -> (Option<i32>, String) {
    conclave_in(cluster.scratch.path(), &[&["chaos"], arguments].concat()).await
}

/// What a node says of experiments.
fn seen(cluster: &RealCluster, node: NodeId) -> Value {
    let answer = get(cluster.admin(node), "/chaos").expect("it answers");
    assert_eq!(answer.code, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("what is to be seen")
}

/// Waits until the experiment at a node is over.
async fn over(cluster: &RealCluster, node: NodeId) -> Value {
    let runs = || seen(cluster, node)["experiment"]["runs"] == true;
    until("the experiment is over", || !runs()).await;
    seen(cluster, node)["experiment"].take()
}

fn metrics(cluster: &RealCluster, node: NodeId) -> String {
    get(cluster.admin(node), "/metrics").expect("it answers").body
}

fn ask(cluster: &RealCluster, node: NodeId, asked: &Asked) -> Answer {
    let body = serde_json::to_string(asked).expect("a wish");
    post(cluster.admin(node), "/chaos", &[(OPERATOR_HEADER, "test")], &body).expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_nodes_links_suffer_by_permission_is_borne_and_ends_by_itself() {
    let cluster = RealCluster::prepare(4, CONCURRENT, false).in_production().started().await;
    let clients = Clients::start(&cluster);
    clients.more(50, "before the experiment").await;
    let slow = "{ latency = { ms = 200, jitter_ms = 50 } }";
    let steady = "inject_ms = 1500\nslow_ms = 3000\nslow_ppm = 500000\nfailed_ppm = 500000";
    let path = file(&cluster, slow, steady);
    let start = async |node| chaos(&cluster, &["start", &path, "--node", node]).await;
    let (code, said) = start("2,3").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("2 nodes would be disturbed or down at once"), "{said}");
    let (code, said) = start("3").await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = start("2").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("under way at 3"), "{said}");
    let (code, said) = chaos(&cluster, &["status"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("hypothesis: Clients notice nothing."), "{said}");

    let ended = over(&cluster, NodeId(3)).await;
    assert_eq!(
        (&ended["phase"], &ended["permitted_by"]),
        (&"held".into(), &"administrator".into())
    );
    let injected = ended["counters"]["injected"].as_u64().expect("a count");
    assert!(injected > 20, "only {injected} messages of a second and a half");
    assert_eq!(ended["peers"].as_array().map(Vec::len), Some(1), "one link, as max_peers says");
    let line = format!("conclave_chaos_injected_total{{fault=\"latency\"}} {injected}");
    assert!(metrics(&cluster, NodeId(3)).lines().any(|it| it == line), "{line}");
    clients.more(50, "after the experiment").await;
    clients.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_or_with_one_that_is_over_used_or_forged_nothing_begins() {
    let cluster = RealCluster::prepare(4, 1, false).in_production().started().await;
    let node = NodeId(1);
    let number = || -> Digest {
        serde_json::from_value(seen(&cluster, node)["number"].take()).expect("a number")
    };
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let by = |principal: Principal, until_ms: u64| {
        let until = WallTime(until_ms);
        let experiment = experiment(Fault::Drop);
        let permission = Permission { node, number: number(), until, experiment };
        let key = cluster.identity(principal).seed.signing_key();
        let signer = Ed25519::new(Principal::ADMINISTRATOR, key, cluster.config.directory());
        Asked::Permitted(Signed::new(permission, &signer).into())
    };
    let refused = |asked: &Asked, why: &str| {
        let answer = ask(&cluster, node, asked);
        assert_eq!(answer.code, 403, "{}", answer.body);
        assert!(answer.body.contains(why), "{why}: {}", answer.body);
    };
    refused(&Asked::Development(experiment(Fault::Drop).into()), "needs the administrator's");
    refused(&by(Principal::Client(ClientId(0)), now() + 60_000), "signature");
    refused(&by(Principal::ADMINISTRATOR, now() - 1), "permission is over");
    refused(&by(Principal::ADMINISTRATOR, now() + 3_700_000), "an hour");
    let good = by(Principal::ADMINISTRATOR, now() + 60_000);
    // A page of a browser can't send the header; what is too long isn't read.
    let body = serde_json::to_string(&good).unwrap();
    let page = post(cluster.admin(node), "/chaos", &[], &body).unwrap();
    assert_eq!(page.code, 403, "{}", page.body);
    assert_eq!(request(cluster.admin(node), "POST", "/chaos/abort", &[]).unwrap().code, 403);
    let operator = [(OPERATOR_HEADER, "test")];
    let long = post(cluster.admin(node), "/chaos", &operator, &"x".repeat(20_000)).unwrap();
    assert_eq!(long.code, 413, "{}", long.body);
    assert!(seen(&cluster, node)["experiment"].is_null(), "nothing has begun so far");

    let begun = ask(&cluster, node, &good);
    assert_eq!(begun.code, 200, "{}", begun.body);
    let (code, said) = chaos(&cluster, &["abort"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("node 1: aborted") && said.contains("node 0: there is none"), "{said}");
    assert_eq!(over(&cluster, node).await["says"], "aborted: an operator aborted it");
    refused(&good, "counts once");
    // A restart ends what runs, and leaves nothing of it.
    let another = by(Principal::ADMINISTRATOR, now() + 60_000);
    assert_eq!(ask(&cluster, node, &another).code, 200);
    cluster.supervisor.kill(node).await.unwrap();
    cluster.supervisor.start(node).unwrap();
    until("it answers again", || get(cluster.admin(node), "/chaos").is_some()).await;
    assert!(seen(&cluster, node)["experiment"].is_null());
    refused(&another, "counts once");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_link_is_injected_and_borne() {
    let cluster = RealCluster::start_with(4, CONCURRENT, false).await;
    let clients = Clients::start(&cluster);
    let refused = || {
        let line = "conclave_refused_total{cause=\"encoding\"} ";
        let text = metrics(&cluster, NodeId(1));
        text.lines().find_map(|it| it.strip_prefix(line)?.parse::<u64>().ok()).expect("a count")
    };
    for fault in [
        Fault::Drop,
        Fault::Duplicate,
        Fault::Reorder { ms: 100 },
        Fault::Error,
        Fault::Partition,
        Fault::Corruption,
    ] {
        let before = refused();
        let experiment = experiment(fault).peers(vec![1]);
        let begun = ask(&cluster, NodeId(3), &Asked::Development(experiment.into()));
        assert_eq!(begun.code, 200, "{fault:?}: {}", begun.body);
        let ended = over(&cluster, NodeId(3)).await;
        assert_eq!(ended["phase"], "held", "{fault:?}: {ended}");
        assert!(ended["counters"]["injected"].as_u64() > Some(3), "{fault:?}: {ended}");
        assert_eq!(ended["peers"], serde_json::json!([1]), "{fault:?}");
        let caught = refused() - before;
        assert_eq!(caught > 0, fault == Fault::Corruption, "{fault:?}: {caught} were no messages");
        // Links that broke are made anew, and nobody holds it against anybody for good.
        until("it is ready again", || {
            get(cluster.admin(NodeId(3)), "/readyz").is_some_and(|answer| answer.code == 200)
        })
        .await;
    }
    clients.more(50, "after all of them").await;
    clients.judge().await;
    let convicted = (0..4).filter_map(|node| cluster.status(NodeId(node)));
    assert!(convicted.clone().all(|status| status.convicted.is_empty()), "of a lie, nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_what_clients_ask_for_is_injected_and_borne_and_noticed_if_it_is_slow() {
    let cluster = RealCluster::start_with(4, CONCURRENT, false).await;
    let clients = Clients::start(&cluster);
    clients.more(50, "before the experiments").await;
    let primary = cluster.status(NodeId(0)).expect("it answers").primary;
    let own = serde_json::json!([primary.0]);
    let slow = Fault::Latency { ms: 200, jitter_ms: 50 };
    for fault in [
        slow,
        Fault::Reorder { ms: 100 },
        Fault::Duplicate,
        Fault::Drop,
        Fault::Corruption,
        Fault::Error,
    ] {
        let experiment = experiment(fault).peers(vec![primary.0]).share_ppm(200_000);
        let begun = ask(&cluster, primary, &Asked::Development(experiment.into()));
        assert_eq!(begun.code, 200, "{fault:?}: {}", begun.body);
        let ended = over(&cluster, primary).await;
        assert_eq!(ended["phase"], "held", "{fault:?}: {ended}");
        assert!(ended["counters"]["injected"].as_u64() > Some(3), "{fault:?}: {ended}");
        assert_eq!(ended["peers"], own, "{fault:?}: no link is touched");
    }
    // How long a request is held back counts as its client sees it.
    let noticed = experiment(slow).peers(vec![primary.0]).slow_ms(150).inject_ms(30_000);
    let begun = ask(&cluster, primary, &Asked::Development(noticed.into()));
    assert_eq!(begun.code, 200, "{}", begun.body);
    let ended = over(&cluster, primary).await;
    assert_eq!(ended["phase"], serde_json::json!({ "aborted": "refuted" }), "{ended}");
    clients.more(50, "after all of them").await;
    clients.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_itself_as_soon_as_clients_notice_and_its_families_are_live() {
    let cluster = RealCluster::start_with(4, CONCURRENT, false).await;
    let clients = Clients::start(&cluster);
    clients.more(50, "before the experiment").await;
    let primary = cluster.status(NodeId(0)).expect("it answers").primary;
    let refused = ask(&cluster, primary, &Asked::Development(Config::default().into()));
    assert_eq!(refused.code, 400, "{}", refused.body);
    // All that the primary says takes seconds: the opposite of a small blast radius, which only a
    // development cluster permits.
    let slow = "{ latency = { ms = 5000, jitter_ms = 0 } }";
    let hopeless = "max_peers = 3\ninject_ms = 60000\nslow_ms = 200\nslow_ppm = 1000000\n\
                    failed_ppm = 300000";
    let path = file(&cluster, slow, hopeless);
    let (code, said) = chaos(&cluster, &["start", &path, "--node", &primary.to_string()]).await;
    assert_eq!(code, Some(0), "{said}");
    let mut live = BTreeMap::new();
    // Asked before the metrics are read, so that they are read once more when it is over.
    let mut scrape = || {
        let runs = seen(&cluster, primary)["experiment"]["runs"] == true;
        for (family, value) in families(&metrics(&cluster, primary)) {
            let highest = live.entry(family).or_insert(0.0_f64);
            *highest = highest.max(value);
        }
        runs
    };
    until("it ends itself", || !scrape()).await;
    let ended = over(&cluster, primary).await;
    assert_eq!(ended["phase"], serde_json::json!({ "aborted": "refuted" }), "{ended}");
    assert_eq!(ended["says"], "aborted: the hypothesis is refuted: it wasn't steady any more");
    clients.more(50, "after it was aborted").await;
    clients.judge().await;
    live.retain(|family, _| family.starts_with("conclave_chaos_"));
    let dead: Vec<_> = live.iter().filter(|(_, value)| **value == 0.0).collect();
    assert!(dead.is_empty(), "declared, but never counted: {dead:?}");
    assert!(live.len() >= 9, "{live:?}");
}
