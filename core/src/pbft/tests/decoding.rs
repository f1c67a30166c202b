//! Bytes from outside: a message, or a typed error. Never a panic, never a large allocation.

use alloc::{rc::Rc, vec, vec::Vec};
use core::cell::RefCell;

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::net::{Net, node, request};
use crate::{
    crypto::verify,
    pbft::{DecodeError, Message},
    quorum::Membership,
};

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
    seen.take()
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
        let unsigned =
            matches!(message, Message::Status(_) | Message::FetchBatch(_) | Message::Pace(_));
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
