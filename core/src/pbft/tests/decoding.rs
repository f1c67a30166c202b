//! Bytes from outside: a message, or a typed error. Never a panic, never a large allocation.

use alloc::{collections::BTreeMap, rc::Rc, vec, vec::Vec};
use core::cell::RefCell;

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::net::{KEY, Net, node, request};
use crate::{
    analyzer::{Deployment, Protocol},
    crypto::verify,
    node::{Busy, Why},
    pbft::{DecodeError, Message, MessageKind},
    quorum::Membership,
    sim::{Cluster, Run, builtin},
};

/// Where everything is said: view changes, transfers of state, recovery, ends of epochs.
const SCENARIOS: [&str; 5] =
    ["slow-primary", "equivocating-primary", "late-replica", "lying-disk", "membership-change"];

fn samples() -> Vec<Message> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let mut net = Net::new(4);
    let into = seen.clone();
    net.only(move |_, _, message| {
        into.borrow_mut().push(message.clone());
        true
    });
    net.ask(&request(1, 1, "k"), 0..4);
    net.only(|_, _, _| false);
    net.ask(&request(1, 2, "k"), 0..4);
    let into = seen.clone();
    net.only(move |_, _, message| {
        into.borrow_mut().push(message.clone());
        true
    });
    net.pass(core::time::Duration::from_secs(5));
    let mut samples = seen.take();
    samples.extend(of_each_kind());
    samples
}

/// The first message of each kind that is said in some scenarios, with the keys that are used here.
fn of_each_kind() -> Vec<Message> {
    let mut found = BTreeMap::new();
    let under_raft = || {
        let mut scenario = builtin("normal-case").unwrap();
        scenario.config.deployment = Deployment::CrashOnly;
        scenario.members = scenario.members.under(Protocol::Raft).unwrap();
        scenario
    };
    for mut scenario in
        SCENARIOS.map(|name| builtin(name).unwrap()).into_iter().chain([under_raft()])
    {
        scenario.workload.read_ppm = 200_000;
        let mut cluster = Cluster::new(&Run::new(scenario, KEY)).unwrap();
        while cluster.step() {
            for flight in cluster.in_flight() {
                let message = flight.message();
                found.entry(message.kind()).or_insert_with(|| message.clone());
            }
        }
    }
    // A batch is asked for by who lost it; what that looks like, a proposal says.
    if let Some(Message::PrePrepare(header, batch)) = found.get(&MessageKind::PrePrepare).cloned() {
        found.insert(MessageKind::FetchBatch, Message::FetchBatch(header.body.digest));
        found.insert(MessageKind::Batch, Message::Batch(batch));
    }
    if let Some(request) = found.get(&MessageKind::Request).and_then(|it| it.summary().request) {
        let busy = Busy { id: request, why: Why::Full, retry_after_ms: 40 };
        found.insert(MessageKind::Busy, Message::Busy(busy));
    }
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), MessageKind::ALL, "each kind is there");
    found.into_values().collect()
}

#[test]
fn every_message_survives_the_wire() {
    for message in samples() {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn bytes_after_a_message_are_refused() {
    let mut bytes = samples()[0].encode();
    bytes.push(0);
    assert_eq!(Message::decode(&bytes), Err(DecodeError::Trailing { extra: 1 }));
    assert_eq!(Message::decode(&[]), Err(DecodeError::Malformed));
}

#[test]
fn damaged_messages_never_get_past_the_signature() {
    let members = Membership::new(4).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let samples: Vec<_> = samples().iter().map(Message::encode).collect();
    let mut decoded = 0;
    for round in 0..20_000 {
        let original = &samples[round % samples.len()];
        let mut bytes = original.clone();
        let at = (rng.next_u64() % bytes.len() as u64) as usize;
        bytes[at] ^= 1 << (rng.next_u64() % 8);
        let Ok(message) = Message::decode(&bytes) else { continue };
        decoded += 1;
        // They ask, or speak of their sender only, or are held against a digest that was asked for.
        let unsigned = matches!(
            message.kind(),
            MessageKind::Status
                | MessageKind::Pace
                | MessageKind::Busy
                | MessageKind::FetchBatch
                | MessageKind::Batch
                | MessageKind::FetchState
                | MessageKind::State
                | MessageKind::RecoveryRequest
        );
        // Two encodings of one value would let a copy differ from what was signed; it is the
        // value that is signed, so such a copy is harmless.
        let same = Message::decode(original).as_ref() == Ok(&message);
        let passes = verify(message.clone(), members, &node(0)).is_ok();
        assert!(unsigned || same || !passes, "{message:?} passed after a change");
    }
    assert!(decoded > 1_000, "the test damaged too much to mean anything: {decoded}");
}

#[test]
fn noise_is_refused_in_bounded_memory() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    for length in 0..2_000 {
        let mut bytes = vec![0; length % 200];
        rng.fill_bytes(&mut bytes);
        let _: Result<Message, DecodeError> = Message::decode(&bytes);
    }
    // A length prefix that promises 2⁶³ requests.
    let claim = [1, 1, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 127];
    assert!(Message::decode(&claim).is_err());
}
