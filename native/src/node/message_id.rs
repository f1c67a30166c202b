//! Names of messages on their way, on which sender and receiver agree without saying them.
//!
//! The first eight bytes of the hash of the message's bytes, mixed with who sent it to whom: the
//! copies of one broadcast have different names, and a viewer that watches both ends can draw the
//! arrow. The very same bytes sent twice between the same two have the same name twice.

use conclave_core::{
    crypto::Digest,
    ids::{ClientId, MessageId, NodeId, Principal},
};

/// The name of `encoded` on its way.
pub fn message_id(encoded: &Digest, from: Principal, to: Principal) -> MessageId {
    let number = |principal| match principal {
        Principal::Node(NodeId(id)) => u64::from(id) << 1 | 1,
        Principal::Client(ClientId(id)) => id << 1,
    };
    MessageId(mix(mix(encoded.prefix() ^ number(from)).wrapping_add(number(to))))
}

/// A bijection that spreads every bit over all bits (the finaliser of `SplitMix64`).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn copies_of_one_broadcast_have_different_names() {
        let digest = Digest::of_bytes(b"prepare");
        let principals = (0..8).flat_map(|id| {
            [Principal::Node(NodeId(id)), Principal::Client(ClientId(u64::from(id)))]
        });
        let pairs: Vec<_> = principals
            .clone()
            .flat_map(|from| principals.clone().map(move |to| (from, to)))
            .collect();
        let names: BTreeSet<_> =
            pairs.iter().map(|(from, to)| message_id(&digest, *from, *to)).collect();
        assert_eq!(names.len(), pairs.len());
    }
}
