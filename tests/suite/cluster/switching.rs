//! A real cluster's protocol is switched while clients go on.

use conclave_core::{
    analyzer::Protocol,
    ids::{Epoch, NodeId},
};

use super::{
    history::{CONCURRENT, Clients},
    real::{RealCluster, until},
};

async fn begun(cluster: &RealCluster, epoch: u64, protocol: Protocol) {
    let there = |node| {
        let status = cluster.status(NodeId(node));
        status.is_some_and(|it| (it.epoch, it.protocol) == (Epoch(epoch), protocol))
    };
    until(&format!("epoch {epoch} began everywhere"), || (0..4).all(there)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_saw_while_the_log_went_from_pbft_to_raft_and_back_is_linearizable() {
    let cluster = RealCluster::prepare(4, CONCURRENT, true).declare_crash_only().started().await;
    let clients = Clients::start(&cluster);
    clients.more(100, "under PBFT").await;
    let (code, said) = cluster.protocol(&["switch", "raft"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("epoch 1, Raft, 4 members (0, 1, 2, 3), of which 1 may be down"),
        "{said}"
    );
    begun(&cluster, 1, Protocol::Raft).await;
    clients.more(100, "under Raft").await;

    // Whoever leads crashes; the others elect another, and it comes back from its journal.
    let leader = cluster.status(NodeId(0)).unwrap().primary;
    let witness = NodeId(u16::from(leader == NodeId(0)));
    let term = cluster.status(witness).unwrap().view.0 / 4;
    cluster.supervisor.kill(leader).await.unwrap();
    clients.more(100, "under another leader").await;
    assert!(cluster.status(witness).unwrap().view.0 / 4 > term, "a later term");
    cluster.supervisor.start(leader).unwrap();
    cluster.until_ready(leader).await;
    begun(&cluster, 1, Protocol::Raft).await;

    let (code, said) = cluster.protocol(&["switch", "pbft"]).await;
    assert_eq!(code, Some(0), "{said}");
    begun(&cluster, 2, Protocol::Pbft).await;
    clients.more(100, "under PBFT again").await;
    clients.judge().await;
    let (code, said) = cluster.protocol(&["show"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("epoch 2, PBFT, 4 members (0, 1, 2, 3), of which 1 may be Byz"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_would_be_unsound_is_refused_in_words() {
    let cluster = RealCluster::start(4, false).await;
    for (arguments, code, why) in [
        (&["switch", "raft"][..], 1, "the deployment is not declared crash-only"),
        (&["switch", "safe-mode"], 1, "safe mode orders no writes"),
        (&["switch", "pbft"], 1, "the protocol stays"),
        (&["switch", "paxos"], 2, "unknown variant"),
    ] {
        let (found, said) = cluster.protocol(arguments).await;
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    let (_, said) = cluster.protocol(&["show"]).await;
    assert!(said.starts_with("epoch 0, PBFT, 4 members"), "{said}");
}
