//! What a replica keeps is bounded, whatever f replicas and every client send: the table in the
//! room's map, counted in its serialised state.

use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use serde::Serialize;

use super::{
    net::{Net, node, read, request},
    view_change::view_change,
};
use crate::{
    crypto::{Digest, Signed, encode},
    ids::{Epoch, NodeId, Seq, View},
    pbft::{
        Batch, Checkpoint, Commit, Config, Message, MessageKind, Pace, PrePrepare, Prepare, Status,
    },
    protocol::{Effect, Protocol},
};

const LIAR: u16 = 3;
const CLIENTS: u64 = 5;
const WINDOW: u64 = 10;

/// Everything that replica 3 may sign and send at a position in a view, valid by itself.
fn signed_by_the_liar(view: u64, seq: u64) -> Vec<Message> {
    let keys = node(LIAR);
    let (epoch, view, seq) = (Epoch(0), View(view), Seq(seq));
    let digest = Digest::of(&(view, seq));
    let mut messages = Vec::new();
    messages.push(Message::Commit(
        Signed::new(Commit { epoch, view, seq, digest, life: 0 }, &keys).into(),
    ));
    messages.push(Message::Checkpoint(
        Signed::new(Checkpoint { epoch, seq, digest, successor: None }, &keys).into(),
    ));
    if view.0 % 4 == u64::from(LIAR) {
        // Its own views, to come: proposals for them are kept until they begin.
        let requests = (0..CLIENTS).map(|client| request(client, seq.0 + view.0, "key")).collect();
        let batch = Batch::new(requests);
        let body = PrePrepare { epoch, view, seq, digest: batch.digest() };
        messages.push(Message::PrePrepare(Signed::new(body, &keys).into(), batch.into()));
    } else {
        messages.push(Message::Prepare(
            Signed::new(Prepare { epoch, view, seq, digest }, &keys).into(),
        ));
    }
    let status = Status { epoch, view, active: true, stable: seq, executed: seq, proven: 0 };
    messages.push(Message::Status(status));
    messages.push(Message::FetchBatch(digest));
    messages.push(Message::Pace(Pace {
        epoch,
        view,
        turnaround_us: 1,
        round_us: 1,
        too_slow: true,
    }));
    messages.push(Message::ViewChange(Arc::new(view_change(LIAR, view.0 + 1, Vec::new()))));
    messages
}

/// Floods replica 1 through every input: `rounds` of everything, and time passes.
fn flood(net: &mut Net, from: u64, rounds: u64) {
    for round in from..from + rounds {
        for view in 0..8 {
            for message in signed_by_the_liar(view, 1 + round % (3 * WINDOW)) {
                net.deliver(LIAR, 1, message);
            }
        }
        for client in 0..CLIENTS {
            net.ask(&request(client, 1_000 + round, "key"), [1]);
            net.ask(&request(client, round, "old"), [1]);
            net.ask_read(&read(client, 1_000 + round, "key"), [1]);
        }
        net.pass_for(Duration::from_millis(3), |id| id == 1);
    }
}

fn bytes(of: &impl Serialize) -> usize {
    encode(of).len()
}

#[test]
fn what_a_replica_keeps_is_bounded_by_the_formula_under_every_valid_input_of_f_replicas() {
    let config = Config {
        checkpoint_interval: 5,
        window: WINDOW,
        request_timeout_ms: 3_600_000,
        ..Config::default()
    };
    let mut net = Net::with(4, &config);
    // History first, so that there are sessions, a stable checkpoint and decisions; then replica 1
    // hears nobody but the liar, so that nothing it keeps is ever finished.
    for timestamp in 1..=7 {
        net.ask(&request(timestamp % CLIENTS, timestamp, "key"), [0]);
    }
    net.only(|from, to, message| {
        let prepares = message.kind() == MessageKind::Prepare && from.0 != 1;
        to == NodeId(1) && (from == NodeId(LIAR) || prepares)
    });
    flood(&mut net, 0, 100);

    let replica = net.replica(1);
    let pbft = net.pbft(1);
    let (n, clients) = (4, CLIENTS as usize);
    let batch = 64 + clients * 256;
    let signed = 160;
    let certificate = (n + 1) * signed;
    let slot = 4 * batch + 2 * signed + 2 * n * signed + certificate + (batch + certificate) + 64;
    let within = |what: &str, found: usize, bound: usize| {
        assert!(found <= bound, "{what}: {found} over {bound}");
    };
    assert!(pbft.log.iter().count() > 3, "the flood filled nothing");
    within("positions", pbft.log.iter().count(), WINDOW as usize);
    within("log, in bytes", bytes(&pbft.log), WINDOW as usize * slot);
    within("checkpoints, in bytes", bytes(&replica.shell.checkpoints), 3 * n * signed + 3 * 4_096);
    within("view changes", pbft.view_changes.len(), n);
    within("view changes, in bytes", bytes(&pbft.view_changes), {
        n * (signed + certificate + WINDOW as usize * certificate)
    });
    within("pending", replica.shell.pending.len(), clients);
    within("pending, in bytes", bytes(&replica.shell.pending), clients * 256);
    within("queue", replica.shell.queue.len(), 2 * clients + 64);
    within("reads", pbft.reads.len(), clients);
    within("sessions, in bytes", bytes(&replica.shell.sessions), clients * 64);
    within("allowances, in bytes", bytes(&replica.shell.allowances), n * 32);
    within("paces, in bytes", bytes(&pbft.paces), 2 * 8 * 8 + n * 32 + 32);

    // Nor does it grow with time: ten times the flood, the same size.
    let size = |net: &Net| {
        let replica = net.replica(1);
        let pbft = net.pbft(1);
        bytes(&(&pbft.log, &replica.shell.checkpoints, &pbft.view_changes, &replica.shell.pending))
            + bytes(&(&pbft.reads, &replica.shell.sessions, &replica.shell.allowances, &pbft.paces))
    };
    let before = size(&net);
    flood(&mut net, 100, 1_000);
    let after = size(&net);
    assert!(after <= before + 1_024, "it grew from {before} to {after} bytes");
}

/// The disk hangs, and with it everything that depends on it; clients ask on and on.
#[test]
fn a_replica_whose_disk_hangs_keeps_a_bounded_number_of_answers() {
    let mut net = Net::new(4);
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    let mut replica = net.replica(1).clone();
    let ask = |replica: &mut crate::pbft::Replica<_>, request: &Signed<_>| {
        let message = Message::Request(Arc::new(request.clone()));
        let message = crate::crypto::verify(message, net.members, &node(1)).unwrap();
        replica.handle(net.now, crate::protocol::Input::Request(message));
    };
    // A proposal of the primary is to be recorded, and the disk never says that it was.
    let batch = Batch::new([request(2, 1, "k")].into());
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(2), digest: batch.digest() };
    let message = Message::PrePrepare(Signed::new(body, &node(0)).into(), batch.into());
    let message = crate::crypto::verify(message, net.members, &node(1)).unwrap();
    replica.handle(net.now, crate::protocol::Input::Message { from: NodeId(0), message });
    for _ in 0..50_000 {
        ask(&mut replica, &asked);
    }
    let mut record = 0;
    while let Some(effect) = replica.poll_effect() {
        match effect {
            Effect::Persist(number, _) => record = number,
            Effect::Event(_) => {}
            effect => panic!("{effect:?} left before its record"),
        }
    }
    replica.handle(net.now, crate::protocol::Input::Durable(record));
    let released = core::iter::from_fn(|| replica.poll_effect())
        .filter(|effect| !matches!(effect, Effect::Event(_)));
    assert_eq!(released.count(), 16 * 1_024);
}
