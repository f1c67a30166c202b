//! What clients of the key-value store ask, and what they are answered.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1_024;
/// The longest value, in bytes. Two values and a key fit into the longest operation.
pub const MAX_VALUE_BYTES: usize = 30 * 1_024;

/// The most bytes of an encoding that are neither key nor value: names, lengths, a time.
const MAX_OVERHEAD: usize = 16;

const _: () = assert!(
    MAX_KEY_BYTES + 2 * MAX_VALUE_BYTES + 64 <= crate::pbft::MAX_OPERATION_BYTES,
    "a compare-and-set with the longest key and values must fit into an operation"
);

/// What a client can ask; its bytes its own, or those of the encoding that it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    bound(
        serialize = "B: serde_bytes::Serialize",
        deserialize = "B: serde_bytes::Deserialize<'de>"
    )
)]
pub enum Operation<B = Vec<u8>> {
    /// Read a key.
    Get {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: B,
    },
    /// Write a key.
    Put {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: B,
        /// Its new value.
        #[serde(with = "serde_bytes")]
        value: B,
    },
    /// Remove a key.
    Delete {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: B,
    },
    /// Write a key if it has the expected value.
    CompareAndSet {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: B,
        /// What it must hold; `None`: it must not exist.
        #[serde(default, with = "serde_bytes")]
        expected: Option<B>,
        /// What it then holds; `None`: it is removed.
        #[serde(default, with = "serde_bytes")]
        new: Option<B>,
    },
    /// Write a key that vanishes by itself.
    PutFor {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: B,
        /// Its new value.
        #[serde(with = "serde_bytes")]
        value: B,
        /// After so many milliseconds of agreed time it is gone.
        ttl_ms: u64,
    },
}

impl Operation {
    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let (key, values) = match self {
            Self::Get { key } | Self::Delete { key } => (key, 0),
            Self::Put { key, value } | Self::PutFor { key, value, .. } => (key, value.len()),
            Self::CompareAndSet { key, expected, new } => {
                let len = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
                (key, len(expected) + len(new))
            }
        };
        crate::crypto::encode_within(self, key.len() + values + MAX_OVERHEAD)
    }

    /// Reads an operation that fills `bytes`; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Operation<&[u8]>> {
        crate::crypto::decode(bytes)
    }

    /// The same operation, its bytes lent.
    pub fn lent(&self) -> Operation<&[u8]> {
        match self {
            Self::Get { key } => Operation::Get { key },
            Self::Put { key, value } => Operation::Put { key, value },
            Self::Delete { key } => Operation::Delete { key },
            Self::CompareAndSet { key, expected, new } => {
                Operation::CompareAndSet { key, expected: expected.as_deref(), new: new.as_deref() }
            }
            Self::PutFor { key, value, ttl_ms } => {
                Operation::PutFor { key, value, ttl_ms: *ttl_ms }
            }
        }
    }

    /// Whether these bytes begin as the encoding of a [`Self::PutFor`] does: asked of every
    /// operation, and few are.
    pub(super) fn may_be_put_for(bytes: &[u8]) -> bool {
        bytes.first() == Some(&4)
    }
}

impl<B: AsRef<[u8]>> Operation<B> {
    /// The key that it reads or writes.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Get { key }
            | Self::Put { key, .. }
            | Self::PutFor { key, .. }
            | Self::Delete { key }
            | Self::CompareAndSet { key, .. } => key.as_ref(),
        }
    }
}

impl Operation<&[u8]> {
    pub(super) fn within_limits(&self) -> bool {
        let value_fits =
            |value: Option<&[u8]>| value.is_none_or(|value| value.len() <= MAX_VALUE_BYTES);
        match self {
            Self::Get { key } | Self::Delete { key } => key.len() <= MAX_KEY_BYTES,
            Self::Put { key, value } | Self::PutFor { key, value, .. } => {
                key.len() <= MAX_KEY_BYTES && value.len() <= MAX_VALUE_BYTES
            }
            Self::CompareAndSet { key, expected, new } => {
                key.len() <= MAX_KEY_BYTES && value_fits(*expected) && value_fits(*new)
            }
        }
    }
}

/// What a client gets back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The value read, or that there is none.
    Value(#[serde(with = "serde_bytes")] Option<Vec<u8>>),
    /// The write was done.
    Done,
    /// The removal was done; whether there was anything to remove.
    Removed(bool),
    /// The compare-and-set was done.
    Swapped,
    /// The compare-and-set was not done: what the key holds.
    Kept(#[serde(with = "serde_bytes")] Option<Vec<u8>>),
    /// The bytes were no operation, or over a limit. Nothing was changed.
    Malformed,
    /// The value read, or that there is none, in safe mode: more nodes are proven to lie than may, so
    /// nobody should rely on it.
    Unsafe(#[serde(with = "serde_bytes")] Option<Vec<u8>>),
    /// Safe mode: nothing is written until an operator has looked.
    SafeMode,
}

impl Outcome {
    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let room = match self {
            Self::Value(Some(value)) | Self::Kept(Some(value)) | Self::Unsafe(Some(value)) => {
                value.len() + MAX_OVERHEAD
            }
            _ => 2,
        };
        crate::crypto::encode_within(self, room)
    }

    /// Reads an outcome that fills `bytes`; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        crate::crypto::decode(bytes)
    }
}

/// Bytes as people read them: text if it is text, else their number.
fn words(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(text) if text.len() <= 40 && !text.contains(char::is_control) => text.into(),
        _ => format!("({} bytes)", bytes.len()),
    }
}

fn maybe(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "nothing".into(), words)
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lent().fmt(f)
    }
}

impl fmt::Display for Operation<&[u8]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get { key } => write!(f, "get {}", words(key)),
            Self::Put { key, value } => write!(f, "put {} = {}", words(key), words(value)),
            Self::PutFor { key, value, ttl_ms } => {
                write!(f, "put {} = {} for {ttl_ms} ms", words(key), words(value))
            }
            Self::Delete { key } => write!(f, "delete {}", words(key)),
            Self::CompareAndSet { key, expected, new } => {
                write!(f, "cas {}: {} → {}", words(key), maybe(*expected), maybe(*new))
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => f.write_str(&maybe(value.as_deref())),
            Self::Done => f.write_str("done"),
            Self::Removed(true) => f.write_str("removed"),
            Self::Removed(false) => f.write_str("there was nothing to remove"),
            Self::Swapped => f.write_str("swapped"),
            Self::Kept(value) => write!(f, "not swapped: it holds {}", maybe(value.as_deref())),
            Self::Malformed => f.write_str("refused: not an operation, or over a limit"),
            Self::Unsafe(value) => write!(f, "unsafe: {}", maybe(value.as_deref())),
            Self::SafeMode => f.write_str("refused: more nodes are proven to lie than may"),
        }
    }
}
