//! SHA-256 digests of values in their one canonical encoding (postcard).

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use super::encoding::encode_into;
use crate::hex::Hex;

/// A SHA-256 digest. Shown and written to JSON as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of a byte string.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a value's canonical encoding.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        // Room for a batch of small requests.
        let mut bytes = Vec::with_capacity(1_024);
        encode_into(value, &mut bytes);
        Self::of_bytes(&bytes)
    }

    /// The first eight bytes as a number, for names of things on a screen.
    pub fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The first four hexadecimal digits: what people compare on a screen.
    pub fn short(&self) -> Short<'_> {
        Short(self)
    }
}

/// See [`Digest::short`].
pub struct Short<'a>(&'a Digest);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0.0;
        write!(f, "{a:02x}{b:02x}")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serde_bytes::serialize(&self.0, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            let mut bytes = [0; 32];
            crate::hex::decode(&text, &mut bytes).map_err(de::Error::custom)?;
            Ok(Self(bytes))
        } else {
            serde_bytes::deserialize(deserializer).map(Self)
        }
    }
}
