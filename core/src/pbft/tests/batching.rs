//! When a batch leaves, and how large it is.

use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;

use super::net::{Net, keys, node, request};
use crate::{
    app::Operation,
    crypto::{Refusal, Signed, verify},
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{Batch, Config, Message, PrePrepare, Request},
    sim::{Action, Cluster, Run, Scenario},
};

/// A primary whose messages reach nobody, so that what it proposes stays in flight.
fn unheard(config: &Config) -> Net {
    let mut net = Net::with(4, config);
    net.only(|_, _, _| false);
    net
}

fn ask_from(net: &mut Net, clients: impl IntoIterator<Item = u64>) {
    for client in clients {
        net.ask(&request(client, 1, "k"), [0]);
    }
}

fn proposed(net: &Net) -> Vec<usize> {
    net.replica(0).slots().map(|slot| slot.requests).collect()
}

#[test]
fn a_lone_request_leaves_at_once() {
    let mut net = unheard(&Config::default());
    ask_from(&mut net, [1]);
    assert_eq!(proposed(&net), [1]);
}

#[test]
fn a_batch_leaves_once_it_holds_as_many_as_are_in_flight() {
    let mut net = unheard(&Config::default());
    ask_from(&mut net, 1..=2);
    assert_eq!(proposed(&net), [1, 1]);
    ask_from(&mut net, [3]);
    assert_eq!(proposed(&net), [1, 1], "two are in flight, one waits");
    ask_from(&mut net, 4..=8);
    assert_eq!(proposed(&net), [1, 1, 2, 4]);
}

#[test]
fn a_full_batch_leaves_at_once() {
    let config = Config { batch_requests: 3, ..Config::default() };
    let mut net = unheard(&config);
    ask_from(&mut net, 1..=10);
    assert_eq!(proposed(&net), [1, 1, 2, 3, 3]);
}

#[test]
fn no_more_batches_are_in_flight_than_the_pipeline_holds() {
    let config = Config { batch_requests: 1, pipeline: 3, ..Config::default() };
    let mut net = unheard(&config);
    ask_from(&mut net, 1..=9);
    net.pass(config.batch_delay() * 3);
    assert_eq!(proposed(&net), [1, 1, 1]);
}

#[test]
fn a_batch_is_bounded_in_bytes_and_a_full_one_leaves_at_once() {
    let config = Config { batch_bytes: 64 * 1024, ..Config::default() };
    let mut net = unheard(&config);
    let large = |client: u64| {
        let id = RequestId { client: ClientId(client), timestamp: Timestamp(1) };
        let operation = Operation::Put { key: b"k".to_vec(), value: vec![0; 25 * 1024] }.encode();
        Signed::new(Request { id, operation }, &keys(Principal::Client(id.client)))
    };
    // Eight small ones in flight: by their number alone large ones would have to wait.
    ask_from(&mut net, 1..=8);
    assert_eq!(proposed(&net), [1, 1, 2, 4]);
    for client in 11..=12 {
        net.ask(&large(client), [0]);
    }
    assert_eq!(proposed(&net).len(), 4, "50 KiB are not yet 64");
    net.ask(&large(13), [0]);
    assert_eq!(proposed(&net)[4..], [2], "the third would be too many bytes, and waits");
}

#[test]
fn no_request_waits_for_company_longer_than_the_bound() {
    let config = Config::default();
    let mut net = unheard(&config);
    ask_from(&mut net, 1..=5);
    assert_eq!(proposed(&net), [1, 1, 2]);
    let arrived = net.now;
    assert_eq!(
        net.pbft(0).batch_timer(&net.replica(0).shell),
        Some(arrived + config.batch_delay())
    );
    // Another comes later; the first one's patience counts.
    net.pass(config.batch_delay() / 2);
    ask_from(&mut net, [6]);
    net.pass(Duration::from_micros(config.batch_delay_us / 2 - 1));
    assert_eq!(proposed(&net), [1, 1, 2]);
    net.pass(Duration::from_micros(1));
    assert_eq!(proposed(&net), [1, 1, 2, 2]);
    assert_eq!(net.now, arrived + config.batch_delay());
}

#[test]
fn requests_leave_in_the_order_in_which_they_came() {
    let config = Config { batch_requests: 2, pipeline: 1, ..Config::default() };
    let mut net = unheard(&config);
    ask_from(&mut net, [9, 4, 7, 2, 5]);
    net.everything();
    net.pass(config.status_interval() * 4);
    let order: Vec<_> = net
        .events_of(2)
        .filter_map(|event| match event {
            EventKind::Executed { requests, .. } => Some(requests),
            _ => None,
        })
        .flatten()
        .map(|request| request.client.0)
        .collect();
    assert_eq!(order, [9, 4, 7, 2, 5]);
}

/// One client asks again and again while others wait: it has one place in the queue at a time.
#[test]
fn a_client_that_floods_has_one_request_in_a_batch_and_delays_no_other() {
    let config = Config { pipeline: 1, ..Config::default() };
    let mut net = unheard(&config);
    ask_from(&mut net, [1]);
    for timestamp in 1..=500 {
        net.ask(&request(66, timestamp, "flood"), [0]);
        if timestamp == 250 {
            ask_from(&mut net, 2..=4);
        }
    }
    assert!(net.replica(0).shell.queue.len() < 100, "{}", net.replica(0).shell.queue.len());
    net.everything();
    net.pass(config.status_interval() * 4);
    let batches: Vec<Vec<u64>> = net
        .events_of(1)
        .filter_map(|event| match event {
            EventKind::Executed { requests, .. } => {
                Some(requests.iter().map(|request| request.client.0).collect())
            }
            _ => None,
        })
        .collect();
    assert_eq!(batches, [vec![1], vec![2, 3, 4, 66]]);
}

#[test]
fn a_batch_with_two_requests_of_one_client_is_refused() {
    let net = Net::new(4);
    let batch = Batch::new(vec![request(1, 1, "a"), request(1, 2, "b")]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
    let message = Message::PrePrepare(Signed::new(body, &node(0)).into(), batch.into());
    let refused = verify(message, net.members, &node(1)).unwrap_err();
    assert_eq!(refused, Refusal::Inconsistent("a batch holds two requests of one client"));
}

/// Requests in each batch that node 1 executed, in order.
fn sizes(cluster: &mut Cluster) -> Vec<usize> {
    while cluster.step() {}
    let at_one = cluster.take_events().into_iter();
    at_one
        .filter(|event| event.place == crate::event::Place::Node(NodeId(1)))
        .filter_map(|event| match event.kind {
            EventKind::Executed { requests, .. } => Some(requests.len()),
            _ => None,
        })
        .collect()
}

fn scenario(clients: u16) -> Scenario {
    let source: String = format!(
        "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 3000\n\
         [network]\nlatency_us = 300\njitter_us = 200\n\
         [workload]\nclients = {clients}\nthink_ms = 0\nrequests = 200\n",
    );
    Scenario::parse(&source).unwrap()
}

#[test]
fn the_size_of_batches_follows_the_load_up_and_down() {
    let mean = |clients: u16| {
        let mut cluster = Cluster::new(&Run::new(scenario(clients), 1)).unwrap();
        cluster.record();
        let sizes = sizes(&mut cluster);
        let requests: usize = sizes.iter().sum();
        assert_eq!(requests, 200 * usize::from(clients), "all were executed");
        requests * 10 / sizes.len()
    };
    // Three of the five trips of a request are between the replicas: so many of the clients'
    // requests are there at a time, in flight or gathering.
    let (one, eight, sixty_four) = (mean(1), mean(8), mean(64));
    assert_eq!(one, 10);
    assert!((20..=40).contains(&eight), "tenths of a request in a batch of eight clients: {eight}");
    assert!((150..=320).contains(&sixty_four), "and of 64: {sixty_four}");

    // When everyone is done but one, who asks once more, nothing is left of the large batches.
    let run = Run::new(scenario(64), 1);
    let operation = Operation::Get { key: b"k".to_vec() };
    let act = Action::Submit { client: ClientId(5), operation };
    let mut cluster = Cluster::new(&run).unwrap();
    let mut steps = 0;
    while cluster.counts().completed < 64 * 200 {
        assert!(cluster.step());
        steps += 1;
    }
    let mut cluster = Cluster::new(&run.forked(steps, act)).unwrap();
    cluster.record();
    assert_eq!(sizes(&mut cluster).last(), Some(&1));
}
