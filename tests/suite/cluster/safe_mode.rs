//! More nodes are proven to lie than may: real nodes write nothing any more, mark what they read, and say
//! so wherever an operator looks.

use std::fs;

use conclave_core::{
    analyzer::Level,
    crypto::{Digest, Ed25519, Signed},
    detector::evidence::Evidence,
    ids::{Epoch, NodeId, Principal, Seq, View},
    node::Export,
    pbft::Commit,
};

use super::{
    lying::metric,
    real::{RealCluster, conclave_in, until},
};

/// Two commits for one place, with a node's own key: as if somebody had stolen it.
pub(super) fn lies(cluster: &RealCluster, node: u16) -> Export {
    let by = Principal::Node(NodeId(node));
    let key = Ed25519::new(by, cluster.identity(by).seed.signing_key(), cluster.config.directory());
    let commit = |story: &str| {
        let digest = Digest::of(&story);
        Signed::new(Commit { epoch: Epoch(0), view: View(0), seq: Seq(1), digest }, &key)
    };
    let evidence = Evidence::Commits(commit("one story"), commit("another"));
    Export { chain: Vec::new(), proofs: vec![evidence.into()] }
}

#[tokio::test(flavor = "multi_thread")]
async fn above_f_nothing_is_written_what_is_read_is_marked_and_operators_see_it() {
    let cluster = RealCluster::start(4, false).await;
    let here = cluster.scratch.path();
    let ask = async |arguments: &[&str]| conclave_in(here, arguments).await;
    let show = async |node: u16| {
        let file = here.join(format!("node-{node}.evidence"));
        fs::write(&file, lies(&cluster, node).encode()).unwrap();
        let (code, said) = ask(&["evidence", "show", &file.display().to_string()]).await;
        assert_eq!(code, Some(0), "{said}");
    };
    let all = |level: Level| {
        (0..4).all(|node| cluster.status(NodeId(node)).is_some_and(|it| it.threat == level))
    };

    // One of four is what it can stand.
    show(3).await;
    until("the threat is high", || all(Level::High)).await;
    let (code, said) = ask(&["client", "put", "city", "Lisbon"]).await;
    assert_eq!(code, Some(0), "{said}");
    for node in 0..4 {
        assert_eq!(metric(&cluster, node, "conclave_safe_mode"), 0, "node {node}");
    }

    // Two are not.
    show(0).await;
    until("the threat is critical", || all(Level::Critical)).await;
    let (_, said) = ask(&["client", "put", "city", "Paris"]).await;
    assert!(said.contains("refused: more nodes are proven to lie than may"), "{said}");
    let (_, said) = ask(&["client", "get", "city"]).await;
    assert!(said.contains("unsafe: Lisbon"), "it is what was written before: {said}");
    for node in 0..4 {
        assert_eq!(metric(&cluster, node, "conclave_safe_mode"), 1, "node {node}");
        assert_eq!(metric(&cluster, node, "conclave_docket_convicted"), 2, "node {node}");
    }
    let (_, said) = ask(&["status"]).await;
    assert!(said.contains("safe mode"), "{said}");
}
