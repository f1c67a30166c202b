//! The operator's last word on who is in quarantine, on real nodes: `conclave quarantine`.

use std::fs;

use conclave_core::ids::NodeId;

use super::{
    real::{RealCluster, conclave_in, until},
    safe_mode::lies,
    write_load,
};

/// What all nodes that answer agree on: those in quarantine.
fn all_hold(cluster: &RealCluster, held: &[NodeId]) -> bool {
    (0..4).all(|node| cluster.status(NodeId(node)).is_some_and(|it| it.restrained == held))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_word_stands_over_the_rules_and_a_proof_and_outlives_a_restart() {
    let cluster = RealCluster::start(4, true).await;
    let here = cluster.scratch.path();
    let ask = async |arguments: &[&str]| conclave_in(here, arguments).await;
    let done = async |arguments: &[&str]| {
        let (code, said) = ask(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    };
    let (acknowledged, finish) = write_load(&cluster, 2);

    // Nobody says anything of the primary. It is held all the same, and leads no more.
    let said = done(&["quarantine", "hold", "0"]).await;
    assert!(said.contains("node 0 is held by order"), "{said}");
    until("all hold node 0", || all_hold(&cluster, &[NodeId(0)])).await;
    let another_leads =
        |node| cluster.status(NodeId(node)).is_some_and(|it| it.primary != NodeId(0));
    until("another node leads", || (0..4).all(another_leads)).await;
    let said = done(&["quarantine", "list"]).await;
    assert!(said.contains("by node 0, 1, 2, 3:"), "all say the same: {said}");
    assert!(said.contains("node 0: in quarantine, by order"), "{said}");

    // That was written down.
    cluster.supervisor.kill(NodeId(2)).await.unwrap();
    cluster.supervisor.start(NodeId(2)).unwrap();
    cluster.until_ready(NodeId(2)).await;
    until("node 2 knows it still", || all_hold(&cluster, &[NodeId(0)])).await;

    // A proof against another is what the rules are for, and the operator knows better.
    let file = here.join("node-3.evidence");
    fs::write(&file, lies(&cluster, 3).encode()).unwrap();
    done(&["evidence", "show", &file.display().to_string()]).await;
    let proven = |node| cluster.status(NodeId(node)).is_some_and(|it| !it.convicted.is_empty());
    until("it is proven that node 3 lied", || (0..4).all(proven)).await;
    done(&["quarantine", "free", "0"]).await;
    until("only node 3 is held", || all_hold(&cluster, &[NodeId(3)])).await;
    done(&["quarantine", "free", "3"]).await;
    until("nobody is held", || all_hold(&cluster, &[])).await;
    let said = done(&["quarantine", "list"]).await;
    assert!(said.contains("node 3: free, convicted, by order"), "{said}");

    // Under the rules again, the proof counts.
    done(&["quarantine", "free", "3", "--rules"]).await;
    until("node 3 is held for what it did", || all_hold(&cluster, &[NodeId(3)])).await;
    done(&["quarantine", "free", "0", "--rules"]).await;

    // What can't be is said to whoever asks for it, and changes nothing.
    let (code, said) = ask(&["quarantine", "hold", "9"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("node 9"), "{said}");
    assert!(all_hold(&cluster, &[NodeId(3)]));

    let so_far = acknowledged.lock().unwrap().len();
    until("clients go on", || acknowledged.lock().unwrap().len() > so_far + 20).await;
    finish().await;
}
