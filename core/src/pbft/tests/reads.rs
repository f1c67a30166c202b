//! Reads in one round: see the proof in `pbft::reads`. Each of its steps has a story here.

use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use super::net::{Net, keys, node, read, request};
use crate::{
    app::{Operation, Outcome},
    crypto::{Refusal, Signed, verify},
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp},
    pbft::{Config, Message, MessageKind, Read, ReadReply, Request},
    sim::{BUILTIN, Invariant, Run, Scenario},
};

fn by(id: u16) -> Principal {
    Principal::Node(NodeId(id))
}

fn value(text: &str) -> Outcome {
    Outcome::Value(Some(text.into()))
}

const NOTHING: Outcome = Outcome::Value(None);

#[test]
fn every_replica_answers_a_read_from_its_state_and_nothing_is_ordered() {
    let mut net = Net::new(4);
    net.ask(&request(1, 1, "k"), [0]);
    let asked = read(2, 1, "k");
    net.ask_read(&asked, 0..4);
    let expected: Vec<_> = (0..4).map(|id| (by(id), value("1"))).collect();
    assert_eq!(net.answers_to(asked.body.id), expected);
    assert_eq!(net.executed(), [Seq(1); 4], "no position was used");
    let event = EventKind::ReadAnswered { request: asked.body.id, executed: Seq(1) };
    assert!(net.events_of(3).any(|it| *it == event));
}

/// The trap of SRDS 2021: a write is accepted with f+1 = 2 replies while the others haven't
/// executed it. With a liar among those that have, old values must not get a quorum.
#[test]
fn a_write_that_f_plus_one_executed_is_not_missed_though_the_others_lag() {
    let mut net = Net::new(4);
    net.ask(&request(1, 1, "k"), [0]);
    net.only(|_, to, message| to.0 < 2 || message.kind() != MessageKind::Commit);
    let write = request(1, 2, "k");
    net.ask(&write, [0]);
    assert_eq!(net.repliers(write.body.id), [by(0), by(1)], "enough: the client goes on");

    let asked = read(2, 1, "k");
    net.ask_read(&asked, 0..4);
    // 2 and 3 hold the old value. If they said so, a lie of 1 would make it a quorum.
    assert_eq!(net.answers_to(asked.body.id), [(by(0), value("2")), (by(1), value("2"))]);

    net.everything();
    net.pass(Duration::from_secs(2));
    let answers = net.answers_to(asked.body.id);
    assert_eq!(answers.len(), 4, "2 and 3 answer once they have executed it");
    assert!(answers.iter().all(|(_, said)| *said == value("2")));
}

#[test]
fn a_replica_that_knows_nothing_of_a_write_is_no_quorum_with_f_liars() {
    let mut net = Net::new(4);
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    net.ask(&request(1, 1, "k"), [0]);
    let asked = read(2, 1, "k");
    net.ask_read(&asked, 0..4);
    let old = net.answers_to(asked.body.id).iter().filter(|(_, said)| *said == NOTHING).count();
    assert_eq!(old, 1, "3 alone");
    assert!(old + usize::from(net.members.f()) < net.members.quorum());
}

#[test]
fn a_crash_does_not_make_a_replica_forget_what_a_read_must_wait_for() {
    let mut net = Net::new(4);
    net.only(|_, to, message| to.0 < 2 || message.kind() != MessageKind::Commit);
    net.ask(&request(1, 1, "k"), [0]);
    net.only(|_, _, _| false);
    net.restart(2);
    let asked = read(2, 1, "k");
    net.ask_read(&asked, [2]);
    assert_eq!(net.answers_to(asked.body.id), []);
    net.everything();
    net.pass(Duration::from_secs(2));
    assert_eq!(net.answers_to(asked.body.id), [(by(2), value("1"))]);
}

#[test]
fn a_state_transfer_below_the_barrier_answers_no_read() {
    let config = Config { checkpoint_interval: 5, window: 20, ..Config::default() };
    let mut net = Net::with(4, &config);
    let position = |message: &Message| message.summary().seq;
    net.only(move |_, to, message| {
        let told = matches!(message.kind(), MessageKind::PrePrepare | MessageKind::Prepare)
            && position(message) == Some(Seq(12));
        to != NodeId(3) || told
    });
    for timestamp in 1..=12 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    let asked = read(2, 1, "k");
    net.ask_read(&asked, [3]);
    assert_eq!(net.answers_to(asked.body.id), [], "12 has prepared");
    net.only(move |_, to, message| {
        let late = matches!(message.kind(), MessageKind::Commit | MessageKind::Decided)
            && position(message) > Some(Seq(10));
        to != NodeId(3) || !late
    });
    net.pass(Duration::from_secs(2));
    assert_eq!(net.replica(3).last_executed(), Seq(10));
    assert_eq!(net.answers_to(asked.body.id), [], "10 is not 12");
    net.everything();
    net.pass(Duration::from_secs(2));
    assert_eq!(net.answers_to(asked.body.id), [(by(3), value("12"))]);
}

#[test]
fn a_write_that_is_marked_as_a_read_changes_nothing_and_gets_no_answer() {
    let mut net = Net::new(4);
    let id = RequestId { client: ClientId(1), timestamp: Timestamp(1) };
    let operation = Operation::Put { key: b"k".to_vec(), value: b"sly".to_vec() }.encode();
    let asked = Signed::new(Read { id, operation }, &keys(Principal::Client(id.client)));
    net.ask_read(&asked, 0..4);
    assert_eq!(net.answers_to(id), []);
    for replica in &net.replicas {
        assert_eq!(replica.application().get(b"k"), None);
        assert!(replica.waiting_reads() == 0, "nor does it wait for ever");
    }
    // Its number was not used up: the same as a request is new.
    net.ask(&request(1, 1, "k"), [0]);
    assert_eq!(net.repliers(id).len(), 4);
}

#[test]
fn what_was_signed_as_a_read_can_not_be_ordered_nor_passed_on() {
    let mut net = Net::new(4);
    let Signed { body: Read { id, operation }, by: client, signature } = read(1, 1, "k");
    let body = Request { id, operation };
    let forged = Signed { body, by: client, signature };
    let refused = verify(Message::Request(Arc::new(forged)), net.members, &node(0)).unwrap_err();
    assert!(matches!(refused, Refusal::Signature(_)));
    // Another replica may not ask in a client's name.
    net.deliver(1, 2, Message::Read(Arc::new(read(1, 1, "k"))));
    assert_eq!(net.answers, []);
}

#[test]
fn a_reply_is_no_answer_to_a_read() {
    let mut net = Net::new(4);
    net.ask(&request(1, 1, "k"), [0]);
    let reply = net.replies[0].clone();
    let (view, id) = (reply.body.view, reply.body.id);
    let body = ReadReply { epoch: Epoch(0), view, id, result: reply.body.result.clone() };
    let forged = Signed { body, by: reply.by, signature: reply.signature };
    let refused = verify(Message::ReadReply(forged.into()), net.members, &node(0)).unwrap_err();
    assert!(matches!(refused, Refusal::Signature(_)));
}

/// Every client has one place, whatever it sends; who goes on gives it up.
#[test]
fn waiting_reads_are_one_a_client_and_end_with_its_next_request() {
    let mut net = Net::new(4);
    net.only(|_, _, message| message.kind() != MessageKind::Commit);
    net.ask(&request(1, 1, "k"), [0]);
    for timestamp in 1..=100 {
        for client in 2..=4 {
            net.ask_read(&read(client, timestamp, "k"), [2]);
        }
    }
    net.ask_read(&read(2, 50, "k"), [2]);
    assert_eq!(net.replica(2).waiting_reads(), 3);
    // Client 2 lost patience and has the same read ordered.
    net.everything();
    net.ask(&request(2, 100, "other"), [0]);
    net.pass(Duration::from_secs(2));
    assert_eq!(net.replica(2).waiting_reads(), 0);
    let answered = |client: u64| {
        let id = RequestId { client: ClientId(client), timestamp: Timestamp(100) };
        net.answers_to(id).len()
    };
    assert_eq!((answered(3), answered(4)), (1, 1), "the latest of each");
}

fn with_reads(source: &str) -> Scenario {
    let mut scenario = Scenario::parse(source).unwrap();
    scenario.workload.read_ppm = 700_000;
    scenario
}

#[test]
fn reads_are_linearizable_in_every_built_in_scenario() {
    let (mut read, mut fallen_back) = (0, 0);
    for known in BUILTIN {
        for seed in 0..4 {
            let scenario = with_reads(known.source);
            let allowed = scenario.expect.violated.clone();
            let verdict = Run::new(scenario, seed).verdict().unwrap();
            let broken = verdict.violations.iter().find(|it| !allowed.contains(&it.invariant));
            assert_eq!(broken, None, "{} with seed {seed}", known.name);
            read += verdict.counts.read;
            fallen_back += verdict.counts.fallen_back;
        }
    }
    assert!(read > 200, "{read} reads in one round");
    assert!(fallen_back > 0, "none fell back");
}

/// f replicas answer no read: the others are a quorum. More than f: every read is ordered.
#[test]
fn reads_do_without_f_replicas_and_fall_back_without_more() {
    let silent = |nodes: &[u16]| -> String {
        let strategy = "{ silent = { kinds = [\"read-reply\"] } }";
        let faults = nodes.iter().map(|node| {
            format!(
                "[[fault]]\nat_ms = 0\nact = {{ corrupt = {{ node = {node}, strategies = \
                 [{strategy}] }} }}\n"
            )
        });
        let faults: Vec<String> = faults.collect();
        format!(
            "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 3000\n\
             [workload]\nread_ppm = 1000000\n{}",
            faults.concat()
        )
    };
    let counts = |nodes: &[u16]| {
        let verdict = Run::new(Scenario::parse(&silent(nodes)).unwrap(), 3).verdict().unwrap();
        assert!(verdict.violations.iter().all(|it| it.invariant == Invariant::Liveness));
        assert!(verdict.injections.iter().all(|injection| injection.effects > 0));
        (verdict.counts.read, verdict.counts.fallen_back)
    };
    let (read, fallen_back) = counts(&[2]);
    assert!(read > 10, "{read}");
    assert_eq!(fallen_back, 0);
    let (read, fallen_back) = counts(&[2, 3]);
    assert_eq!(read, 0);
    assert!(fallen_back > 3, "{fallen_back}");
}

/// It may have forgotten what had prepared.
#[test]
fn who_recovers_answers_no_read() {
    let mut net = Net::new(4);
    net.ask(&request(1, 1, "k"), [0]);
    net.only(|_, _, _| false);
    net.restart_damaged(2, Vec::new(), 1);
    assert!(net.replica(2).is_recovering());
    let asked = read(2, 1, "k");
    net.ask_read(&asked, [1, 2]);
    assert_eq!(net.answers_to(asked.body.id), [(by(1), value("1"))]);
}
