//! Real nodes, one of which really lies: `conclave-liar`, which no release build has.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use conclave::{
    config::Sizes,
    development::{CLIENTS, Supervisor, SupervisorOptions},
};
use conclave_core::{
    analyzer::Level,
    detector::evidence::{Offence, OffenceKind},
    ids::{Epoch, NodeId, Principal, Seq, View},
    pbft::{Message, Status},
};

use super::{
    history::Clients,
    liar::Liar,
    real::{RealCluster, Scratch, conclave_in, get, program, until},
    write_load,
};

/// Built beside the program under test.
fn liar_program() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--package", "conclave", "--bin", "conclave-liar"]);
        build.args(["--features", "lies"]);
        assert!(build.status().expect("cargo starts").success(), "the liar is built");
    });
    let own = std::env::current_exe().expect("a test knows where it is");
    own.ancestors().nth(2).expect("tests lie two folders deep").join("conclave-liar")
}

/// A program that lies in another way.
fn liar_of(how: &str, scratch: &Scratch) -> PathBuf {
    let file = scratch.path().join("liar.sh");
    let liar = liar_program();
    fs::write(&file, format!("#!/bin/sh\nCONCLAVE_LIES={how} exec '{}' \"$@\"\n", liar.display()))
        .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    file
}

/// A cluster whose node 0 lies; the supervisor is the liar's.
async fn start(standby: u16) -> (RealCluster, Supervisor) {
    start_with(&liar_program(), standby).await
}

async fn start_with(liar: &Path, standby: u16) -> (RealCluster, Supervisor) {
    let (program, _) = (liar.to_owned(), program());
    let sizes = Sizes { nodes: 4, standby, clients: CLIENTS };
    let cluster = RealCluster::prepare_of(sizes, true).replace_convicted(standby > 0);
    let options = SupervisorOptions {
        program,
        directory: cluster.scratch.path().to_owned(),
        durable: true,
        log: "warn".into(),
        print: std::env::var_os("CONCLAVE_TEST_LOG").is_some(),
    };
    let liar = Supervisor::new(options, sizes.all_nodes());
    liar.start(NodeId(0)).unwrap();
    for node in 1..sizes.all_nodes() {
        cluster.supervisor.start(NodeId(node)).unwrap();
    }
    for node in 0..4 {
        cluster.until_ready(NodeId(node)).await;
    }
    (cluster, liar)
}

fn holds_proof(cluster: &RealCluster, node: u16) -> bool {
    cluster.status(NodeId(node)).is_some_and(|status| {
        let of_the_liar = |it: &Offence| it.by == NodeId(0);
        assert!(status.convicted.iter().all(of_the_liar), "{:?}", status.convicted);
        !status.convicted.is_empty()
    })
}

pub(super) fn metric(cluster: &RealCluster, node: u16, name: &str) -> u64 {
    let body = get(cluster.admin(NodeId(node)), "/metrics").expect("it answers").body;
    let line = body.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
    let value = line.and_then(|line| line.split_whitespace().last());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lies_is_convicted_left_and_held_and_its_proof_convinces_a_stranger() {
    let (cluster, liar) = start(0).await;
    let (acknowledged, finish) = write_load(&cluster, 3);
    until("all hold proof against node 0", || (1..4).all(|node| holds_proof(&cluster, node))).await;
    let held = |node: u16| {
        let status = cluster.status(NodeId(node));
        status.is_some_and(|it| it.restrained == [NodeId(0)] && it.threat == Level::High)
    };
    until("all agree that it is in quarantine", || (1..4).all(held)).await;
    let so_far = acknowledged.lock().unwrap().len();
    let goes_on = || acknowledged.lock().unwrap().len() > so_far + 20;
    until("the others go on without it", goes_on).await;
    finish().await;
    for node in 1..4 {
        assert_ne!(cluster.status(NodeId(node)).unwrap().primary, NodeId(0), "node {node}");
        assert!(metric(&cluster, node, "conclave_convictions") >= 1);
        assert_eq!(metric(&cluster, node, "conclave_docket_restrained"), 1);
        assert_eq!(metric(&cluster, node, "conclave_docket_convicted"), 1);
        assert_eq!(metric(&cluster, node, "conclave_threat_level"), 2);
        let listed = get(cluster.admin(NodeId(node)), "/evidence").expect("it answers").body;
        assert!(listed.contains("node 0 signed two"), "{listed}");
    }

    // What people ask says the same.
    let here = cluster.scratch.path();
    let (code, said) = conclave_in(here, &["status"]).await;
    assert_eq!(code, Some(0), "{said}");
    for words in ["epoch 0 under PBFT", "threat high", "agreed: 0 in quarantine", "holds proof"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, said) = conclave_in(here, &["quarantine", "list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("node 0: in quarantine, convicted"), "{said}");

    // What it says is read no faster than it may, and nothing of it is lost on the others.
    liar.kill(NodeId(0)).await.unwrap();
    let before = metric(&cluster, 1, "conclave_guard_restrained_waits");
    let mut flood = Liar::connect(&cluster, Principal::Node(NodeId(0)), NodeId(1)).await;
    let zero = Seq(0);
    let status = Message::Status(Status {
        epoch: Epoch(0),
        view: View(0),
        active: true,
        stable: zero,
        executed: zero,
        proven: 0,
    });
    for _ in 0..3_000 {
        flood.send(&status).await;
    }
    let waits = || metric(&cluster, 1, "conclave_guard_restrained_waits") > before;
    until("what node 0 says waits its turn", waits).await;

    // And elsewhere the proof needs nothing but the public keys.
    let file = cluster.scratch.path().join("lies.evidence");
    let name = file.display().to_string();
    let (code, said) = conclave_in(here, &["evidence", "export", &name, "--from", "1"]).await;
    assert_eq!(code, Some(0), "{said}");
    let elsewhere = Scratch::new();
    fs::copy(here.join("cluster.toml"), elsewhere.path().join("cluster.toml")).unwrap();
    let (code, said) = conclave_in(elsewhere.path(), &["evidence", "verify", &name]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PROVEN: node 0 signed two"), "{said}");
    assert!(!said.contains("NOT PROVEN"), "{said}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "it took nothing else");
}

/// Whether it is proven that node 0 told two stories while it led the first view.
fn knows_two_faces(cluster: &RealCluster, node: u16) -> bool {
    cluster.status(NodeId(node)).is_some_and(|status| {
        let as_primary =
            |it: &Offence| it.kind == OffenceKind::TwoPrePrepares && it.place.view == Some(View(0));
        status.convicted.iter().any(as_primary)
    })
}

/// Safety is what its clients see, so it is judged by that alone: while the primary tells half of the
/// others another story, while it is left, and while it goes on lying as a backup.
#[tokio::test(flavor = "multi_thread")]
async fn what_eight_clients_saw_while_a_two_faced_primary_lied_and_was_left_is_linearizable() {
    let (cluster, _liar) = start(0).await;
    let clients = Clients::start(&cluster);
    let left = |node: u16| {
        let status = cluster.status(NodeId(node));
        status.is_some_and(|it| it.view > View(0) && it.primary != NodeId(0))
    };
    until("all left node 0", || (1..4).all(left)).await;
    clients.more(150, "after it was left").await;
    let known = || (1..4).any(|node| knows_two_faces(&cluster, node));
    until("it is proven that it lied as the primary", known).await;
    clients.more(50, "after it was found out").await;
    clients.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proven_liar_is_replaced_by_a_node_that_stands_by() {
    let (cluster, _liar) = start(1).await;
    let (_, finish) = write_load(&cluster, 3);
    let replaced = |node: u16| {
        let status = cluster.status(NodeId(node));
        status.is_some_and(|it| it.epoch == Epoch(1) && it.members == [1, 2, 3, 4].map(NodeId))
    };
    until("node 4 has the place of node 0", || (1..5).all(replaced)).await;
    cluster.until_ready(NodeId(4)).await;
    finish().await;
    let seen: Vec<_> = (1..5).filter_map(|node| cluster.status(NodeId(node))).collect();
    let suspected: Vec<_> = seen.iter().map(|it| (it.id, &it.suspected)).collect();
    assert_eq!(seen[0].restrained, [], "nobody is left to be held: {suspected:#?}");
}

/// No node sees another's replies to clients: the proof comes from a client.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lies_to_clients_is_convicted_by_what_a_client_shows() {
    let scratch = Scratch::new();
    let (cluster, _liar) = start_with(&liar_of("false-replies", &scratch), 0).await;
    let here = cluster.scratch.path();
    let (code, said) = conclave_in(here, &["client", "put", "city", "Lisbon"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok"), "f+1 others say so: {said}");
    // One call may be over before the liar's reply is there.
    let (_, finish) = write_load(&cluster, 1);
    until("all hold proof against node 0", || (1..4).all(|node| holds_proof(&cluster, node))).await;
    let held = |node: u16| {
        cluster.status(NodeId(node)).is_some_and(|status| status.restrained == [NodeId(0)])
    };
    until("all agree that it is in quarantine", || (1..4).all(held)).await;
    finish().await;
    let (code, said) = conclave_in(here, &["evidence", "list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("node 0 signed a reply that f+1 others contradict"), "{said}");
    let file = scratch.path().join("lies.evidence").display().to_string();
    assert_eq!(conclave_in(here, &["evidence", "export", &file, "--from", "1"]).await.0, Some(0));
    let elsewhere = Scratch::new();
    fs::copy(here.join("cluster.toml"), elsewhere.path().join("cluster.toml")).unwrap();
    let (code, said) = conclave_in(elsewhere.path(), &["evidence", "verify", &file]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PROVEN: node 0 signed a reply that f+1 others contradict"), "{said}");
    // Who is in quarantine is read more slowly, as its node's guards say.
    let guards = get(cluster.admin(NodeId(1)), "/guards").expect("it answers").body;
    assert!(guards.contains(r#""restrained":[{"peer":0,"rate":{"#), "{guards}");
    let (code, said) = conclave_in(here, &["guards", "show", "--node", "1"]).await;
    assert_eq!(code, Some(0), "{said}");
    let slowed: Vec<_> = said.lines().filter(|line| line.contains("in quarantine")).collect();
    assert!(slowed.len() == 1 && slowed[0].contains("peer 0:"), "{said}");
}
