//! A data directory that was lost whole is not taken for a first start.

use std::{
    fs,
    process::{Output, Stdio},
};

use conclave_core::{
    app::{Operation, Outcome},
    ids::{Epoch, NodeId},
};
use tokio::process::Command;

use super::{
    PATIENCE,
    real::{RealCluster, program, until},
    write_load,
};

const NODE: NodeId = NodeId(2);

/// `conclave node`, as its operator would start it.
fn node(cluster: &RealCluster, more: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["--log", "error", "node", "--id", &NODE.to_string(), "--config"]);
    command.arg(cluster.scratch.path()).arg("--data").arg(data(cluster)).args(more);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn data(cluster: &RealCluster) -> std::path::PathBuf {
    cluster.scratch.path().join(format!("data-{NODE}"))
}

async fn refused(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().await.expect("the program starts");
    assert_eq!(status.code(), Some(2));
    String::from_utf8(stderr).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_data_is_gone_refuses_to_begin_anew_and_recovers_when_it_is_told() {
    let cluster = RealCluster::prepare(4, conclave::development::CLIENTS, true);
    let permission = cluster.scratch.path().join(format!("node-{NODE}.first-start"));
    assert!(permission.exists(), "whoever made the key permits the first start");
    cluster.supervisor.start_all().unwrap();
    cluster.until_ready(NODE).await;
    assert!(!permission.exists(), "and only that");
    let (acknowledged, finish) = write_load(&cluster, 2);
    until("writes", || acknowledged.lock().unwrap().len() >= 50).await;
    cluster.supervisor.kill(NODE).await.unwrap();
    finish().await;

    // The disk is replaced: nothing is there, or an empty directory.
    fs::remove_dir_all(data(&cluster)).unwrap();
    for made in [false, true] {
        if made {
            fs::create_dir(data(&cluster)).unwrap();
        }
        let why = refused(node(&cluster, &[])).await;
        for part in ["is empty, but this node has started before", "--recover", "member replace"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert_eq!(why.lines().count(), 1, "one sentence: {why}");
    }

    let mut recovering = node(&cluster, &["--recover"]).spawn().unwrap();
    let status = || cluster.status(NODE);
    // Nobody asks for anything: the epoch is filled up and ends for it.
    until("it recovered", || {
        status().is_some_and(|status| !status.recovering && status.epoch == Epoch(1))
    })
    .await;
    cluster.until_ready(NODE).await;
    recovering.kill().await.unwrap();

    // It has a memory again, and needs no flag.
    cluster.supervisor.start(NODE).unwrap();
    cluster.until_ready(NODE).await;
    let written = acknowledged.lock().unwrap().clone();
    let (key, value) = written.into_iter().next().unwrap();
    let answer = cluster.client(0).ask(&Operation::Get { key }, PATIENCE).await.unwrap();
    assert_eq!(answer.outcome, Outcome::Value(Some(value)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_without_its_permission_has_to_be_told() {
    let cluster = RealCluster::prepare(4, 1, true);
    // Whoever copied the key left the permission behind.
    fs::remove_file(cluster.scratch.path().join(format!("node-{NODE}.first-start"))).unwrap();
    let why = refused(node(&cluster, &[])).await;
    assert!(why.contains("--first-start only if it never ran"), "{why}");
    let both = refused(node(&cluster, &["--first-start", "--recover"])).await;
    assert!(both.contains("cannot be used with"), "{both}");
    let mut first = node(&cluster, &["--first-start"]).spawn().unwrap();
    for other in [0, 1, 3].map(NodeId) {
        cluster.supervisor.start(other).unwrap();
    }
    cluster.until_ready(NODE).await;
    first.kill().await.unwrap();
}
