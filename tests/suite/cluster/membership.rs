//! Members of a real cluster are replaced while clients go on.

use conclave::{
    client::{ClientHandle, ClientOptions},
    config::Sizes,
};
use conclave_core::{
    app::Operation,
    ids::{ClientId, Epoch, NodeId, Principal},
};

use super::{
    PATIENCE,
    history::{CONCURRENT, Clients},
    real::{RealCluster, get, until},
};

const FOUR_AND_ONE: Sizes = Sizes { nodes: 4, standby: 1, clients: CONCURRENT };

fn epoch_of(cluster: &RealCluster, node: u16) -> Option<Epoch> {
    cluster.status(NodeId(node)).map(|status| status.epoch)
}

fn not_ready_because(cluster: &RealCluster, node: u16) -> String {
    let answer = get(cluster.admin(NodeId(node)), "/readyz").expect("it answers");
    assert_eq!(answer.code, 503, "{}", answer.body);
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_replaced_under_load_and_the_new_members_go_on_without_it() {
    let cluster = RealCluster::start_of(FOUR_AND_ONE, true).await;
    until("the node that stands by answers", || epoch_of(&cluster, 4).is_some()).await;
    assert!(not_ready_because(&cluster, 4).contains("no member"));
    let clients = Clients::start(&cluster);
    clients.more(100, "in epoch 0").await;

    // Node 0, the primary, leaves and node 4 joins, in one step.
    let (code, said) = cluster.member(&["replace", "0", "4"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("epoch 1, 4 members (1, 2, 3, 4), of which 1"), "{said}");
    assert!(said.contains("node 0 is no member any more; keep it running"), "{said}");
    until("the epoch began everywhere", || {
        (0..=4).all(|node| epoch_of(&cluster, node) == Some(Epoch(1)))
    })
    .await;
    cluster.until_ready(NodeId(4)).await;
    assert!(not_ready_because(&cluster, 0).contains("no member"));
    let members = cluster.status(NodeId(4)).unwrap().members;
    assert_eq!(members, [1, 2, 3, 4].map(NodeId));

    // The old primary is switched off for good, and is not missed.
    cluster.supervisor.kill(NodeId(0)).await.unwrap();
    clients.more(100, "without node 0").await;
    // One of the new four crashes: now node 4 is needed for every quorum.
    cluster.supervisor.kill(NodeId(1)).await.unwrap();
    clients.more(100, "without node 1").await;
    // From its journal it comes back into the epoch that it was in.
    cluster.supervisor.start(NodeId(1)).unwrap();
    cluster.until_ready(NodeId(1)).await;
    assert_eq!(epoch_of(&cluster, 1), Some(Epoch(1)));
    // So does the newcomer.
    cluster.supervisor.kill(NodeId(4)).await.unwrap();
    clients.more(50, "without node 4").await;
    cluster.supervisor.start(NodeId(4)).unwrap();
    cluster.until_ready(NodeId(4)).await;
    clients.more(50, "with all of them").await;
    clients.judge().await;

    // Whoever comes now knows only the beginning, and is shown the proof of the rest.
    let identity = cluster.identity(Principal::Client(ClientId(0)));
    let late = ClientHandle::start(&cluster.config, &identity, &ClientOptions::default()).unwrap();
    late.read(&Operation::Get { key: b"k0".to_vec() }, PATIENCE).await.unwrap();
    assert_eq!(late.members().epoch(), Epoch(1));
    let (code, said) = cluster.member(&["list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("epoch 1, 4 members (1, 2, 3, 4)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_can_not_be_is_refused_in_words_and_changes_nothing() {
    let cluster = RealCluster::start_of(FOUR_AND_ONE, false).await;
    for (arguments, code, why) in [
        (&["remove", "1"][..], 1, "there would be 3 nodes; there must be from 4 to 256"),
        (&["replace", "4", "4"], 1, "node 4 is not a member"),
        (&["add", "0"], 2, "was a member from the beginning"),
        (&["add", "9"], 2, "cluster.toml has no node 9"),
        (&["add", "x"], 2, "invalid value"),
    ] {
        let (found, said) = cluster.member(arguments).await;
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    // Only the administrator's key changes anything.
    std::fs::remove_file(cluster.scratch.path().join("administrator.key")).unwrap();
    let (code, said) = cluster.member(&["add", "4"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("administrator.key"), "{said}");
    let (_, said) = cluster.member(&["list"]).await;
    assert!(said.starts_with("epoch 0, 4 members (0, 1, 2, 3)"), "{said}");
}
