//! What a replica keeps is bounded, whatever f replicas and every client send: the table in the
//! room's map, counted in its serialised state.

use alloc::{collections::BTreeMap, rc::Rc, sync::Arc, vec, vec::Vec};
use core::{cell::RefCell, time::Duration};

use serde::Serialize;

use super::{
    epochs::replace_backup_3_by_4,
    net::{Net, keys, node, read, request},
    view_change::view_change,
};
use crate::{
    crypto::{Digest, Signed, encode},
    ids::{ClientId, Epoch, NodeId, Principal, Seq, View},
    pbft::{
        Batch, Checkpoint, Commit, Config, FetchEpochEnds, FetchState, MAX_FETCHED_NODES, Message,
        MessageKind, NodeRef, Pace, PrePrepare, Prepare, RecoveryRequest, StateNode, StateNodes,
        Status,
    },
    protocol::{Effect, Protocol},
    state::{Path, Section},
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
    messages.push(Message::Commit(Signed::new(Commit { epoch, view, seq, digest }, &keys).into()));
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

    assert_within_the_formula(&net, CLIENTS);

    // Nor does it grow with time: ten times the flood, the same size.
    let before = size(&net);
    flood(&mut net, 100, 1_000);
    let after = size(&net);
    assert!(after <= before + 1_024, "it grew from {before} to {after} bytes");
}

fn within(what: &str, found: usize, bound: usize) {
    assert!(found <= bound, "{what}: {found} over {bound}");
}

/// The room's table, for replica 1 of four with a window of [`WINDOW`].
fn assert_within_the_formula(net: &Net, clients: u64) {
    let replica = net.replica(1);
    let pbft = net.pbft(1);
    let (n, clients) = (4, clients as usize);
    let batch = 64 + clients * 256;
    let signed = 160;
    let certificate = (n + 1) * signed;
    let slot = 4 * batch + 2 * signed + 2 * n * signed + certificate + (batch + certificate) + 64;
    let view_changes = n * (signed + certificate + WINDOW as usize * certificate);
    assert!(pbft.log.iter().count() > 3, "the flood filled nothing");
    within("positions", pbft.log.iter().count(), WINDOW as usize);
    within("log, in bytes", bytes(&pbft.log), WINDOW as usize * slot);
    within("checkpoints, in bytes", bytes(&replica.shell.checkpoints), 3 * n * signed + 3 * 4_096);
    within("view changes", pbft.view_changes.len(), n);
    within("view changes, in bytes", bytes(&pbft.view_changes), view_changes);
    within("a new view, in bytes", bytes(&pbft.new_view), view_changes + WINDOW as usize * signed);
    within("pending", replica.shell.pending.len(), clients);
    within("pending, in bytes", bytes(&replica.shell.pending), clients * 256);
    within("queue", replica.shell.queue.len(), 2 * clients + 64);
    within("reads", pbft.reads.len(), clients);
    within("sessions, in bytes", bytes(&replica.shell.sessions), clients * 64);
    within("allowances, in bytes", bytes(&replica.shell.allowances), n * 32);
    within("paces, in bytes", bytes(&pbft.paces), 2 * 8 * 8 + n * 32 + 32);
    within("what peers were given, in bytes", bytes(&replica.shell.served), n * 32);
    if let Some(transfer) = &replica.shell.transfer {
        let state = net.replica(0).stable_tree().unwrap().totals().bytes;
        within("a transfer, in bytes", transfer.held_bytes(), 2 * state as usize);
    }
}

/// All of that together, in bytes.
fn size(net: &Net) -> usize {
    let shell = &net.replica(1).shell;
    bytes(net.pbft(1))
        + bytes(&(&shell.checkpoints, &shell.pending, &shell.sessions, &shell.allowances))
        + bytes(&(&shell.served, &shell.docket, &shell.transfer, &shell.chain))
        + shell.outbox.len() * size_of::<Effect>()
}

/// The others go on without replica 1, through several views. What of that proves itself is kept, as
/// a liar among them would: decisions, stable checkpoints with the roots of their states, new views.
fn what_the_others_prove(net: &mut Net) -> Vec<Message> {
    let views: Rc<RefCell<BTreeMap<View, Message>>> = Rc::default();
    let mut proofs: BTreeMap<Seq, Message> = BTreeMap::new();
    let mut stable: BTreeMap<Seq, _> = BTreeMap::new();
    for round in 0..4 {
        for speechless in [true, false] {
            // A primary that proposes nothing is replaced.
            let heard = views.clone();
            net.only(move |from, to, message| {
                if let Message::NewView(it) = message {
                    heard.borrow_mut().insert(it.body.view, message.clone());
                }
                let withheld = speechless && message.kind() == MessageKind::PrePrepare;
                !withheld && from != NodeId(1) && to != NodeId(1)
            });
            for timestamp in 1..=if speechless { 1 } else { 9 } {
                let timestamp = 100 + 20 * round + timestamp + 10 * u64::from(!speechless);
                net.ask(&request(timestamp % CLIENTS, timestamp, "key"), [0, 2, 3]);
                net.pass_for(Duration::from_millis(1_100), |id| id != 1);
                let log = &net.pbft(0).log;
                let decided =
                    log.iter().filter_map(|(seq, slot)| Some((*seq, slot.decided.clone()?)));
                proofs.extend(decided.map(|(seq, decided)| (seq, Message::Decided(decided))));
                let (certificate, tree) = net.replica(0).shell.stable.as_ref().unwrap();
                stable.insert(certificate.seq(), (certificate.clone(), tree.clone()));
            }
        }
    }
    let mut proofs: Vec<_> = proofs.into_values().collect();
    for (seq, (certificate, tree)) in stable {
        let root = tree.node(&Path::default()).unwrap();
        let nodes = vec![StateNode { digest: root.digest(), bytes: root.encode() }];
        proofs.push(Message::Stable(certificate.into()));
        proofs.push(Message::State(Signed::new(StateNodes { seq, nodes }, &node(LIAR)).into()));
    }
    proofs.extend(views.take().into_values());
    proofs
}

/// Hands replica 1 through a liar all that the others proved, but for its own next position; and what
/// the liar may ask and answer of its own.
fn flood_of_proofs(net: &mut Net, proofs: &[Message], rounds: core::ops::Range<u64>) {
    let next = net.replica(1).last_executed().next();
    for round in rounds {
        for proof in proofs {
            let is_next = matches!(proof, Message::Decided(it) if it.pre_prepare.body.seq == next);
            if !is_next {
                net.deliver(LIAR, 1, proof.clone());
            }
        }
        for message in asked_and_answered(round) {
            net.deliver(LIAR, 1, message);
        }
        net.pass_for(Duration::from_millis(3), |id| id == 1);
    }
}

/// What the liar may ask, and answer unasked.
fn asked_and_answered(round: u64) -> Vec<Message> {
    let digest = Digest::of(&round);
    let nodes = (0..MAX_FETCHED_NODES)
        .map(|at| NodeRef { path: Path(vec![at as u8]), digest: Digest::of(&(round, at)) });
    let bytes = vec![1; 1_024];
    let unwanted = StateNode { digest: Digest::of_bytes(&bytes), bytes };
    let state = StateNodes { seq: Seq(round), nodes: vec![unwanted] };
    let client = ClientId(round % CLIENTS);
    let fetch = FetchEpochEnds { client, from: Epoch(0) };
    vec![
        Message::FetchBatch(digest),
        Message::Batch(Batch::new(vec![request(client.0, 5_000 + round, "unwanted")]).into()),
        Message::FetchState(FetchState { seq: Seq(round), nodes: nodes.collect() }.into()),
        Message::State(Signed::new(state, &node(LIAR)).into()),
        Message::RecoveryRequest(RecoveryRequest { life: round }),
        Message::EpochEnds(Vec::new().into()),
        Message::FetchEpochEnds(Signed::new(fetch, &keys(Principal::Client(client))).into()),
    ]
}

#[test]
fn what_others_proved_is_kept_within_the_formula_however_often_a_liar_passes_it_on() {
    let config = Config { checkpoint_interval: 5, window: WINDOW, ..Config::default() };
    for recovers in [false, true] {
        // Given a replica that is behind, or has lost its memory, and hears nobody but the liar.
        let mut net = Net::with(4, &config);
        for timestamp in 1..=7 {
            net.ask(&request(timestamp % CLIENTS, timestamp, "key"), [0]);
        }
        let proofs = what_the_others_prove(&mut net);
        let are = |kind| proofs.iter().filter(|proof| proof.kind() == kind).count();
        assert!(are(MessageKind::NewView) >= 3, "views never changed");
        assert!(are(MessageKind::Stable) >= 3 && are(MessageKind::Decided) as u64 > 3 * WINDOW);
        net.only(|from, to, _| to == NodeId(1) && from == NodeId(LIAR));
        if recovers {
            net.restart_damaged(1, Vec::new(), 1);
        }
        let executed = net.replica(1).last_executed();
        // When the liar says it all again and again.
        flood_of_proofs(&mut net, &proofs, 0..20);
        // Then that is kept once: it wants a state, and has new views and decisions of its window.
        assert!(net.replica(1).fetching().is_some(), "it wants the state");
        assert_eq!(
            (net.replica(1).is_recovering(), net.replica(1).last_executed()),
            (recovers, executed)
        );
        assert!(net.pbft(1).log.iter().any(|(_, slot)| slot.decided.is_some()));
        assert!(net.pbft(1).new_view.is_some());
        let shell = &net.replica(1).shell;
        assert!(!shell.served.is_empty(), "the liar was given what it asked for");
        assert_within_the_formula(&net, CLIENTS);
        let before = size(&net);
        flood_of_proofs(&mut net, &proofs, 20..200);
        let after = size(&net);
        assert!(after <= before + 1_024, "it grew from {before} to {after} bytes");
    }
}

#[test]
fn more_clients_than_there_is_room_for_leave_no_more_sessions_than_that() {
    let max_sessions = 16;
    let config =
        Config { checkpoint_interval: 5, window: WINDOW, max_sessions, ..Config::default() };
    let mut net = Net::with(4, &config);
    let clients = 4 * max_sessions as u64;
    for client in 0..clients {
        net.ask(&request(client, 1 + client, "key"), [0]);
        net.ask_read(&read(client, 1_000 + client, "key"), [1]);
        net.pass(Duration::from_millis(10));
    }
    assert_eq!(net.executed(), [Seq(clients); 4]);
    let sessions = &net.replica(1).shell.sessions;
    // A piece that was emptied leaves its number.
    let pieces = Section::Sessions.pieces() as usize;
    within("sessions", sessions.len(), max_sessions);
    within("sessions, in bytes", bytes(sessions), max_sessions * 64 + pieces * 4);
    // Those who wait are one request a client, session or not.
    net.only(|_, _, _| false);
    for timestamp in 10_000..10_010 {
        for client in 0..clients {
            net.ask(&request(client, timestamp, "key"), [1]);
        }
    }
    let shell = &net.replica(1).shell;
    assert_eq!(shell.pending.len(), clients as usize);
    within("queue", shell.queue.len(), 2 * clients as usize + 64);
    within("sessions", shell.sessions.len(), max_sessions);
}

#[test]
fn the_ends_of_epochs_are_kept_once_each_however_often_they_are_shown() {
    let mut net = replace_backup_3_by_4();
    net.pass(Duration::from_secs(2));
    let chain = &net.replica(1).shell.chain;
    let (ends, before) = (Message::EpochEnds(chain.clone().into()), bytes(chain));
    assert_eq!(chain.len(), 1);
    for _ in 0..100 {
        net.deliver(LIAR, 1, ends.clone());
    }
    assert_eq!(bytes(&net.replica(1).shell.chain), before);
}

/// The disk hangs, and with it everything that depends on it; clients ask on and on, for the same
/// and for something else each time, and read.
#[test]
fn a_replica_whose_disk_hangs_keeps_a_bounded_number_of_answers_and_events() {
    let mut net = Net::new(4);
    let asked = request(1, 1, "k");
    net.ask(&asked, [0]);
    let mut replica = net.replica(1).clone();
    let ask = |replica: &mut crate::pbft::Replica<_>, message: Message| {
        let message = crate::crypto::verify(message, net.members, &node(1)).unwrap();
        replica.handle(net.now, crate::protocol::Input::Request(message));
    };
    // A proposal of the primary is to be recorded, and the disk never says that it was.
    let batch = Batch::new([request(2, 1, "k")].into());
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(2), digest: batch.digest() };
    let message = Message::PrePrepare(Signed::new(body, &node(0)).into(), batch.into());
    let message = crate::crypto::verify(message, net.members, &node(1)).unwrap();
    replica.handle(net.now, crate::protocol::Input::Message { from: NodeId(0), message });
    for timestamp in 1..20_000 {
        ask(&mut replica, Message::Request(asked.clone().into()));
        ask(&mut replica, Message::Request(request(3, timestamp, "k").into()));
        ask(&mut replica, Message::Read(read(4, timestamp, "k").into()));
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
    let (events, said): (Vec<_>, Vec<_>) = core::iter::from_fn(|| replica.poll_effect())
        .partition(|effect| matches!(effect, Effect::Event(_)));
    assert_eq!(said.len(), 16 * 1_024);
    within("events that waited", events.len(), 16 * 1_024 + 16);
}
