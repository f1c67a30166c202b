//! The keys that share a hash: one piece of the state.

use alloc::{borrow::ToOwned, vec::Vec};
use core::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::{app::BadPiece, crypto, sorted::SortedMap, time::WallTime};

/// Over how many buckets keys are spread. With 10,000 keys a piece holds two or three of them, so
/// what changed is told nearly key by key; with a million some 250, still far from a message.
pub(super) const BUCKETS: u32 = 4_096;

/// A value, and when it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Vec<u8>,
    /// From this agreed time on it is as if it weren't there.
    pub(super) expires: Option<WallTime>,
}

impl Entry {
    pub(super) fn is_live(&self, time: WallTime) -> bool {
        self.expires.is_none_or(|at| time < at)
    }
}

/// Some of the keys, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket(pub(super) SortedMap<Vec<u8>, Entry>);

/// One key, as the canonical bytes have it.
#[derive(Serialize, Deserialize)]
struct Item<'a> {
    #[serde(with = "serde_bytes")]
    key: &'a [u8],
    #[serde(with = "serde_bytes")]
    value: &'a [u8],
    expires: Option<WallTime>,
}

/// Which bucket a key belongs to. The hash has a fixed key: it spreads, it doesn't protect. Who
/// chooses keys that share a bucket makes that one piece large, which pieces may be.
pub(super) fn bucket_of(key: &[u8]) -> u32 {
    let mut hasher = SipHasher13::new();
    hasher.write(key);
    (hasher.finish() % u64::from(BUCKETS)) as u32
}

impl Bucket {
    /// Its canonical bytes: keys, values and expiries in the order of keys.
    pub(super) fn encode(&self) -> Vec<u8> {
        let items: Vec<_> = self
            .0
            .iter()
            .map(|(key, entry)| Item { key, value: &entry.value, expires: entry.expires })
            .collect();
        crypto::encode(&items)
    }

    /// Reads canonical bytes. Nothing else is taken: keys rise, belong here, and keep the limits.
    pub(super) fn decode(index: u32, bytes: &[u8]) -> Result<Self, BadPiece> {
        let bad = BadPiece { index };
        let items: Vec<Item<'_>> = crypto::decode(bytes).ok_or(bad)?;
        let rising = items.windows(2).all(|pair| pair[0].key < pair[1].key);
        let ours = items.iter().all(|item| {
            bucket_of(item.key) == index
                && item.key.len() <= MAX_KEY_BYTES
                && item.value.len() <= MAX_VALUE_BYTES
        });
        if items.is_empty() || !rising || !ours {
            return Err(bad);
        }
        let entry = |item: Item<'_>| {
            let entry = Entry { value: item.value.to_owned(), expires: item.expires };
            (item.key.to_owned(), entry)
        };
        Ok(Self(items.into_iter().map(entry).collect()))
    }
}
