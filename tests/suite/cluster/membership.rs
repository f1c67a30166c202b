//! Members of a real cluster join and leave while clients go on.

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
    real::{Newcomer, RealCluster, get, until},
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
        (&["add", "9"], 2, "cluster.toml has no node 9: say where it is"),
        (&["add", "9", "--address", "127.0.0.1:1"], 2, "--key"),
        (&["add", "9", "--address", "here", "--key", "00"], 2, "write host:port"),
        (&["prepare", "127.0.0.1:7899", "--id", "3"], 2, "has a node 3 already"),
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
    assert!(said.contains("only the administrator"), "{said}");
    let (_, said) = cluster.member(&["list"]).await;
    assert!(said.starts_with("epoch 0, 4 members (0, 1, 2, 3)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_that_is_not_what_it_should_be_is_not_asked_to_join() {
    let cluster = RealCluster::start(4, false).await;
    let newcomer = Newcomer::prepare(&cluster, NodeId(4)).await;
    let (code, said) = newcomer.join(&cluster, &["add"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("node 4 can't be reached at 127.0.0.1:"), "{said}");

    newcomer.start();
    until("it waits", || newcomer.ready().is_some()).await;
    assert!(newcomer.ready().unwrap().body.contains("no member"));
    // Another node listens where this one should.
    let [_, address, flag, key] = &newcomer.described;
    let other = cluster.config.node(NodeId(2)).unwrap();
    let of_2 = other.address.to_string();
    let (code, said) = cluster.member(&["add", "4", "--address", &of_2, flag, key]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("does not hold the key of node 4"), "{said}");
    // The key is somebody else's.
    let key_of_2 = other.public_key.to_string();
    let (code, said) = cluster.member(&["add", "4", "--address", address, flag, &key_of_2]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the key of node 2"), "{said}");
    // It is of another cluster, whose administrator is another.
    let elsewhere = RealCluster::prepare(4, 1, false);
    let (code, said) = newcomer.join(&elsewhere, &["add"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("refused the administrator's key"), "{said}");
    // The number was used.
    let (code, said) = newcomer.join(&cluster, &["add"]).await;
    assert_eq!(code, Some(0), "{said}");
    newcomer.until_ready().await;
    let second = Newcomer::prepare(&RealCluster::prepare(4, 1, false), NodeId(4)).await;
    let [address_flag, address, flag, key] = &second.described;
    let again = ["replace", "1", "4", address_flag, address, flag, key, "--unchecked"];
    std::fs::write(cluster.scratch.path().join("cluster.toml"), cluster.config.render()).unwrap();
    let (code, said) = cluster.member(&again).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("node number 4 was used before"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_no_file_knew_joins_under_load_and_everyone_finds_it_again_after_a_restart() {
    let cluster = RealCluster::start_with(4, CONCURRENT, true).await;
    let clients = Clients::start(&cluster);
    clients.more(50, "among four").await;

    let fifth = Newcomer::prepare(&cluster, NodeId(4)).await;
    fifth.start();
    until("it waits", || fifth.ready().is_some()).await;
    let (code, said) = fifth.join(&cluster, &["add"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("epoch 1, 5 members (0, 1, 2, 3, 4)"), "{said}");
    fifth.until_ready().await;
    clients.more(100, "among five").await;

    // The first primary leaves, for another that no file knew.
    let sixth = Newcomer::prepare(&cluster, NodeId(5)).await;
    sixth.start();
    until("it waits", || sixth.ready().is_some()).await;
    let (code, said) = sixth.join(&cluster, &["replace", "0"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("epoch 2, 5 members (1, 2, 3, 4, 5)"), "{said}");
    sixth.until_ready().await;
    // It is cut off once the new members can do without it.
    until("nobody talks to node 0 any more", || {
        let old = cluster.status(NodeId(0)).unwrap();
        let others = [1, 2, 3].map(|node| cluster.status(NodeId(node)));
        let others = others.into_iter().chain([fifth.status(), sixth.status()]);
        old.connected.is_empty()
            && others.map(Option::unwrap).all(|it| !it.connected.contains(&NodeId(0)))
    })
    .await;
    cluster.supervisor.kill(NodeId(0)).await.unwrap();
    clients.more(100, "without node 0").await;

    // Everyone goes down, and comes back from records that know more than the files do.
    for node in [1, 2, 3] {
        cluster.supervisor.kill(NodeId(node)).await.unwrap();
    }
    fifth.kill().await;
    sixth.kill().await;
    for node in [1, 2, 3] {
        cluster.supervisor.start(NodeId(node)).unwrap();
    }
    fifth.start();
    sixth.start();
    for node in [1, 2, 3] {
        cluster.until_ready(NodeId(node)).await;
    }
    fifth.until_ready().await;
    sixth.until_ready().await;
    clients.more(100, "after everyone's restart").await;
    // Four of five are a quorum: without node 1 the two newcomers are needed for everything.
    cluster.supervisor.kill(NodeId(1)).await.unwrap();
    clients.more(50, "with the newcomers' votes").await;
    clients.judge().await;
    for newcomer in [&fifth, &sixth] {
        assert_eq!(newcomer.status().unwrap().epoch, Epoch(2));
    }

    // Whoever comes now finds all of them from the file that the cluster began with.
    let identity = cluster.identity(Principal::Client(ClientId(0)));
    let late = ClientHandle::start(&cluster.config, &identity, &ClientOptions::default()).unwrap();
    late.read(&Operation::Get { key: b"k0".to_vec() }, PATIENCE).await.unwrap();
    assert_eq!(late.members().epoch(), Epoch(2));
    let (_, said) = cluster.member(&["list"]).await;
    let address = &sixth.described[1];
    assert!(said.lines().any(|line| line.contains(address) && line.ends_with("yes")), "{said}");
}
