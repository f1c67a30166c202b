//! A node that really lies to real nodes is convicted by them, and its proof convinces whoever has
//! nothing but the public keys.

use std::{fs, path::Path};

use conclave_core::{
    detector::evidence::OffenceKind,
    ids::{NodeId, Principal},
};

use super::{
    liar::Liar,
    real::{RealCluster, Scratch, conclave_in, get, until},
};

fn convicts(cluster: &RealCluster, node: u16) -> bool {
    cluster.status(NodeId(node)).is_some_and(|status| {
        let guilty = |it: &conclave_core::detector::evidence::Offence| {
            it.by == NodeId(0) && it.kind == OffenceKind::TwoPrePrepares
        };
        assert!(status.convicted.iter().all(|it| it.by == NodeId(0)), "{:?}", status.convicted);
        status.convicted.iter().any(guilty)
    })
}

async fn verified(keys: &Path, file: &Path) -> (Option<i32>, String) {
    conclave_in(keys, &["evidence", "verify", &file.display().to_string()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_equivocates_is_convicted_by_all_and_the_proof_convinces_strangers() {
    let cluster = RealCluster::start(4, true).await;
    let (code, said) = conclave_in(cluster.scratch.path(), &["evidence", "list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nobody is proven"), "{said}");
    let file = cluster.scratch.path().join("lies.evidence");
    let export = ["evidence", "export", &file.display().to_string()].map(str::to_owned);
    let export: Vec<&str> = export.iter().map(String::as_str).collect();
    assert_eq!(conclave_in(cluster.scratch.path(), &export).await.0, Some(1));

    // Given the primary's key in the hands of a liar, who tells node 1 two stories,
    cluster.supervisor.kill(NodeId(0)).await.unwrap();
    let mut liar = Liar::connect(&cluster, Principal::Node(NodeId(0)), NodeId(1)).await;
    liar.equivocate().await;
    // then nodes 2 and 3 hold the proof too, who heard only one or none.
    until("all convict node 0", || (1..4).all(|node| convicts(&cluster, node))).await;

    // It is on their disks,
    cluster.supervisor.kill(NodeId(2)).await.unwrap();
    cluster.supervisor.start(NodeId(2)).unwrap();
    until("node 2 still knows", || convicts(&cluster, 2)).await;
    // and in what they tell people.
    let listed = get(cluster.admin(NodeId(2)), "/evidence").expect("it answers");
    assert!(
        listed.body.contains("node 0 signed two pre-prepares for one place"),
        "{}",
        listed.body
    );
    let (code, said) = conclave_in(cluster.scratch.path(), &["evidence", "list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("node 0 signed two pre-prepares"), "{said}");
    let (code, said) = conclave_in(cluster.scratch.path(), &["status"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("holds proof: node 0 signed two pre-prepares"), "{said}");

    // When the file and the public keys are taken elsewhere, it is proven there,
    let (code, said) = conclave_in(cluster.scratch.path(), &export).await;
    assert_eq!(code, Some(0), "{said}");
    let elsewhere = Scratch::new();
    fs::copy(cluster.scratch.path().join("cluster.toml"), elsewhere.path().join("cluster.toml"))
        .unwrap();
    let (code, said) = verified(elsewhere.path(), &file).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PROVEN: node 0 signed two pre-prepares for one place"), "{said}");
    assert_eq!(said.matches("node 0 signed pre-prepare, view 0, position 1").count(), 2, "{said}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "it took nothing else");

    // with another cluster's keys it proves nothing,
    let others = RealCluster::prepare(4, 1, false);
    let (code, said) = verified(others.scratch.path(), &file).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("NOT PROVEN against node 0"), "{said}");
    // and a file that was changed or cut off is refused in words.
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[0] ^= 1;
    for (bytes, why) in [
        (changed, "conclave evidence 1"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (Vec::new(), "conclave evidence 1"),
    ] {
        let bad = elsewhere.path().join("bad");
        fs::write(&bad, bytes).unwrap();
        let (code, said) = verified(elsewhere.path(), &bad).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
