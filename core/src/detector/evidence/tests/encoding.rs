//! Bytes: what was written is read again, and nothing else convicts.

use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    crypto::{Ed25519, SecretKey},
    detector::evidence::{BadEvidence, MAX_EVIDENCE_BYTES},
};

#[test]
fn evidence_is_read_as_it_was_written_and_convicts_wherever_it_is_read() {
    for (evidence, kind) in one_of_each() {
        let read = Evidence::decode(&evidence.encode()).unwrap();
        assert_eq!(read, evidence);
        assert_eq!(convicted(&read).1, kind);
    }
}

#[test]
fn no_evidence_convicts_with_any_bit_of_it_changed() {
    for (evidence, kind) in one_of_each() {
        let bytes = evidence.encode();
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Evidence::decode(&changed) {
                let judged = judged(&read);
                assert!(judged.is_err(), "{kind:?}, bit {bit}: {judged:?}");
            }
        }
    }
}

#[test]
fn the_same_holds_with_the_signatures_of_real_nodes() {
    let own = Principal::Node(NodeId(1));
    let secret = SecretKey::from_seed(&[1; 32]);
    let directory = Arc::new([(own, secret.public())].into_iter().collect());
    let keys = Ed25519::new(own, secret, directory);
    let vote = |of| {
        let body = Commit { epoch: EPOCH, view: View(0), seq: Seq(3), digest: digest(of) };
        Signed::new(body, &keys)
    };
    let bytes = Evidence::Commits(vote("a"), vote("b")).encode();
    assert!(verify(&Evidence::decode(&bytes).unwrap(), four(), &keys).is_ok());
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = Evidence::decode(&changed) {
            assert!(verify(&read, four(), &keys).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn bytes_that_are_no_evidence_are_refused_and_so_is_a_second_form_of_the_same() {
    let good = Evidence::Commits(commit(1, 0, 3, "a"), commit(1, 0, 3, "b")).encode();
    for length in 0..good.len() {
        assert_eq!(Evidence::decode(&good[..length]), Err(BadEvidence::Malformed));
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(Evidence::decode(&longer), Err(BadEvidence::Malformed));
    // The first number in two bytes where one does.
    let mut padded = vec![good[0] | 0x80, 0];
    padded.extend(&good[1..]);
    assert_eq!(Evidence::decode(&padded), Err(BadEvidence::Malformed));
    let found = MAX_EVIDENCE_BYTES + 1;
    assert_eq!(Evidence::decode(&vec![0; found]), Err(BadEvidence::TooLong { found }));
}

#[test]
fn no_bytes_make_decoding_fail_in_another_way() {
    let mut seed = digest("bytes");
    for round in 0..20_000_u32 {
        seed = Digest::of(&(seed, round));
        let mut bytes: Vec<u8> =
            seed.0.iter().cycle().take((round % 90) as usize).copied().collect();
        if let Some(kind) = bytes.first_mut() {
            *kind %= 16;
        }
        if let Ok(evidence) = Evidence::decode(&bytes) {
            assert!(judged(&evidence).is_err(), "{evidence:?}");
        }
    }
}
