//! §4.1 and §4.2.

use alloc::{sync::Arc, vec, vec::Vec};
use core::time::Duration;

use super::net::{Net, node, positions, request};
use crate::{
    crypto::{Digest, Signed},
    event::EventKind,
    ids::{Epoch, NodeId, Seq, View},
    pbft::{Batch, Commit, Config, Message, MessageKind, PrePrepare, Prepare},
    protocol::Protocol,
};

fn proposal(seq: u64, batch: &Batch) -> Message {
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(seq), digest: batch.digest() };
    Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch.clone()))
}

fn batch(of: &[Signed<crate::pbft::Request>]) -> Batch {
    Batch::new(of.to_vec())
}

#[test]
fn a_request_executes_everywhere_after_three_phases() {
    let mut net = Net::new(4);
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    for id in 0..4 {
        assert_eq!(net.executions(id, asked.body.id), 1);
        let phases: Vec<_> = net
            .events_of(id)
            .filter_map(|event| match event {
                EventKind::PrePrepared { .. } => Some(0),
                EventKind::Prepared { .. } => Some(1),
                EventKind::Committed { .. } => Some(2),
                EventKind::Executed { .. } => Some(3),
                _ => None,
            })
            .collect();
        assert_eq!(phases, [0, 1, 2, 3]);
    }
    assert_eq!(net.repliers(asked.body.id).len(), 4);
    net.assert_same_state();
}

#[test]
fn a_backup_relays_a_request_to_the_primary() {
    let mut net = Net::new(4);
    let asked = request(1, 1, "k");
    net.ask(&asked, [2]);
    assert_eq!(net.repliers(asked.body.id).len(), 4);
}

#[test]
fn nothing_executes_without_a_quorum() {
    let mut net = Net::new(4);
    net.only(|from, to, _| from.0 < 2 && to.0 < 2);
    let asked = request(1, 1, "k");
    net.ask(&asked, [0, 1]);
    assert_eq!(net.executed(), [Seq(0); 4]);
    assert!(!net.events.iter().any(|(_, event)| matches!(event, EventKind::Prepared { .. })));
}

#[test]
fn without_commits_a_prepared_request_does_not_execute() {
    let mut net = Net::new(4);
    net.only(|_, _, message| message.kind() != MessageKind::Commit);
    net.ask(&request(1, 1, "k"), [0]);
    let prepared = |event: &EventKind| matches!(event, EventKind::Prepared { .. });
    assert_eq!(net.events.iter().filter(|(_, event)| prepared(event)).count(), 4);
    assert_eq!(net.executed(), [Seq(0); 4]);
}

#[test]
fn a_second_proposal_for_a_position_is_not_accepted_but_reported() {
    let mut net = Net::new(4);
    net.only(|_, _, _| false);
    let (first, second) = (batch(&[request(1, 1, "a")]), batch(&[request(1, 1, "b")]));
    net.only(|_, to, _| to == NodeId(1));
    net.deliver(0, 1, proposal(1, &first));
    net.deliver(0, 1, proposal(1, &second));
    net.deliver(0, 1, proposal(1, &second));
    let accepted: Vec<_> = net.replica(1).slots().map(|slot| slot.digest).collect();
    assert_eq!(accepted, [first.digest()]);
    let reports: Vec<_> = net
        .events_of(1)
        .filter(|event| matches!(event, EventKind::Equivocation { .. }))
        .cloned()
        .collect();
    let expected = EventKind::Equivocation {
        by: NodeId(0),
        view: View(0),
        seq: Seq(1),
        first: first.digest(),
        second: second.digest(),
    };
    assert_eq!(reports, [expected]);
}

#[test]
fn votes_are_counted_by_what_they_say() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(1));
    let (told, other) = (batch(&[request(1, 1, "a")]), Digest::of_bytes(b"another"));
    net.deliver(0, 1, proposal(1, &told));
    let prepare = |by: u16, digest| {
        let body = Prepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest };
        Message::Prepare(Signed::new(body, &node(by)).into())
    };
    net.deliver(2, 1, prepare(2, other));
    net.deliver(3, 1, prepare(3, other));
    let prepared = |event: &EventKind| matches!(event, EventKind::Prepared { .. });
    assert!(!net.events_of(1).any(prepared), "two votes for another batch counted");
    // The first vote of a view counts: who voted otherwise can't help this one any more.
    net.deliver(2, 1, prepare(2, told.digest()));
    assert!(!net.events_of(1).any(prepared), "a second vote of one replica counted");
}

#[test]
fn one_replica_s_votes_count_once() {
    let mut net = Net::new(4);
    net.only(|_, to, message| to == NodeId(1) && message.kind() != MessageKind::Status);
    let told = batch(&[request(1, 1, "a")]);
    net.deliver(0, 1, proposal(1, &told));
    let body = Commit { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: told.digest() };
    for _ in 0..5 {
        net.deliver(2, 1, Message::Commit(Signed::new(body, &node(2)).into()));
    }
    assert_eq!(net.replica(1).last_executed(), Seq(0));
}

#[test]
fn a_retransmitted_request_executes_once_and_gets_the_same_reply() {
    let mut net = Net::new(4);
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    net.ask(&asked, 0..4);
    assert_eq!(net.executions(2, asked.body.id), 1);
    assert_eq!(net.executed(), [Seq(1); 4]);
    assert_eq!(net.replies.len(), 8);
    assert!(net.replies.iter().all(|reply| reply.body.result == net.replies[0].body.result));
}

#[test]
fn an_older_request_of_a_client_is_discarded() {
    let mut net = Net::new(4);
    net.ask(&request(1, 5, "new"), [0]);
    let older = request(1, 4, "old");
    net.ask(&older, 0..4);
    assert_eq!(net.executions(0, older.body.id), 0);
    assert_eq!(net.replica(0).application().get(b"old"), None);
}

#[test]
fn execution_waits_for_lower_positions() {
    let mut net = Net::new(4);
    let first_proposal = |message: &Message| match message {
        Message::PrePrepare(header, _) => header.body.seq == Seq(1),
        _ => false,
    };
    net.only(move |_, to, message| to != NodeId(3) || !first_proposal(message));
    net.ask(&request(1, 1, "a"), [0]);
    net.ask(&request(2, 1, "b"), [0]);
    assert_eq!(net.replica(3).last_executed(), Seq(0));
    let phases: Vec<_> = net.replica(3).slots().map(|slot| (slot.seq, slot.phase)).collect();
    assert_eq!(phases, [(Seq(2), crate::pbft::Phase::Committed)]);
    net.everything();
    net.pass(Duration::from_secs(2));
    assert_eq!(positions(net.events_of(3)).collect::<Vec<_>>(), [Seq(1), Seq(2)]);
    net.assert_same_state();
}

#[test]
fn requests_that_arrive_while_the_pipeline_is_full_share_a_batch() {
    let config = Config { pipeline: 1, batch_requests: 3, ..Config::default() };
    let mut net = Net::with(4, &config);
    net.only(|_, _, _| false);
    for client in 1..=5 {
        net.ask(&request(client, 1, "k"), [0]);
    }
    net.everything();
    net.pass(config.status_interval() * 4);
    let sizes: Vec<_> = net
        .events_of(0)
        .filter_map(|event| match event {
            EventKind::Executed { requests, .. } => Some(requests.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [1, 3, 1]);
}

#[test]
fn positions_above_the_high_water_mark_are_not_accepted() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(1));
    let told = batch(&[request(1, 1, "a")]);
    let high = net.replica(1).high_water_mark();
    net.deliver(0, 1, proposal(high.0 + 1, &told));
    net.deliver(0, 1, proposal(u64::MAX, &told));
    net.deliver(0, 1, proposal(0, &told));
    assert_eq!(net.replica(1).slots().count(), 0);
    net.deliver(0, 1, proposal(high.0, &told));
    assert_eq!(net.replica(1).slots().count(), 1);
}

#[test]
fn equal_inputs_give_equal_states() {
    let run = || {
        let mut net = Net::new(4);
        for timestamp in 1..=20 {
            net.ask(&request(1, timestamp, "k"), [(timestamp % 4) as u16]);
        }
        net.replicas.iter().map(Protocol::state_hash).collect::<Vec<_>>()
    };
    let (one, two) = (run(), run());
    assert_eq!(one, two);
    assert_ne!(one[0], one[1], "the hash covers who the replica is");
    assert_ne!(vec![Digest::default(); 4], one);
}

#[test]
fn who_was_lied_to_shows_what_was_decided_and_not_what_it_was_told() {
    let mut net = Net::new(4);
    net.only(|_, to, _| to == NodeId(3));
    let (told, truth) = (Batch::default(), batch(&[request(1, 1, "a")]));
    net.deliver(0, 3, proposal(1, &told));
    assert_eq!(net.replica(3).slots().next().unwrap().digest, told.digest());
    let digest = truth.digest();
    let (view, seq) = (View(0), Seq(1));
    let decided = crate::pbft::Decided {
        pre_prepare: Signed::new(PrePrepare { epoch: Epoch(0), view, seq, digest }, &node(0))
            .into(),
        batch: Arc::new(truth),
        commits: (0..3)
            .map(|by| Signed::new(Commit { epoch: Epoch(0), view, seq, digest }, &node(by)).into())
            .collect(),
    };
    net.deliver(1, 3, Message::Decided(Arc::new(decided)));
    let slot = net.replica(3).slots().next().unwrap();
    assert_eq!((slot.digest, slot.requests), (digest, 1));
}

/// "committed-local(m, v, n, i) is true iff prepared(m, v, n, i) is true and …": commits of a
/// quorum alone are a decision only as a proof that names all of them.
#[test]
fn commits_do_not_count_before_the_position_has_prepared() {
    let mut net = Net::new(4);
    net.only(|_, to, message| to != NodeId(3) || !matches!(message, Message::Prepare(_)));
    net.ask(&request(1, 1, "k"), [0]);
    assert_eq!(net.executed(), [Seq(1), Seq(1), Seq(1), Seq(0)]);
    let committed = |event: &EventKind| matches!(event, EventKind::Committed { .. });
    assert!(!net.events_of(3).any(committed), "three commits came, and no prepare");
    net.everything();
    net.pass(Duration::from_secs(2));
    net.assert_same_state();
}
