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

    // what nodes hold of what was said proves it again, in a file like the other,
    let here = cluster.scratch.path();
    let named = |name: &str| here.join(name).display().to_string();
    let (together, account) = (named("together.evidence"), named("node1.account"));
    let (code, said) = conclave_in(here, &["evidence", "compare", "--export", &together]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("compared: node 1, node 2, node 3"), "node 0 is down: {said}");
    assert!(said.contains("PROVEN: node 0 signed two pre-prepares for one place"), "{said}");
    let (code, said) = verified(elsewhere.path(), Path::new(&together)).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = conclave_in(here, &["evidence", "account", &account, "--from", "1"]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = conclave_in(elsewhere.path(), &["evidence", "compare", &account]).await;
    assert_eq!(code, Some(0), "by a file alone: {said}");
    assert!(said.contains("PROVEN: node 0 signed two pre-prepares for one place"), "{said}");
    // and nodes take it from whoever shows it.
    cluster.supervisor.start(NodeId(0)).unwrap();
    cluster.until_ready(NodeId(0)).await;
    let (code, said) = conclave_in(here, &["evidence", "show", &together]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("was shown 1, and holds").count(), 4, "{said}");
    let nothing = named("nothing.evidence");
    fs::write(&nothing, conclave_core::node::Export::default().encode()).unwrap();
    let (code, said) = conclave_in(here, &["evidence", "compare", &nothing]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("conclave account 1"), "{said}");

    // With another cluster's keys it proves nothing,
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
