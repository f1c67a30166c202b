//! The key-value store: get, put, delete, compare-and-set.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Application, BadSnapshot};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1_024;
/// The longest value, in bytes. Two values and a key fit into the longest operation.
pub const MAX_VALUE_BYTES: usize = 30 * 1_024;

const _: () = assert!(
    MAX_KEY_BYTES + 2 * MAX_VALUE_BYTES + 64 <= crate::pbft::MAX_OPERATION_BYTES,
    "a compare-and-set with the longest key and values must fit into an operation"
);

/// What a client can ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Read a key.
    Get {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
    },
    /// Write a key.
    Put {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
        /// Its new value.
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
    /// Remove a key.
    Delete {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
    },
    /// Write a key if it has the expected value.
    CompareAndSet {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
        /// What it must hold; `None`: it must not exist.
        #[serde(default, with = "serde_bytes")]
        expected: Option<Vec<u8>>,
        /// What it then holds; `None`: it is removed.
        #[serde(default, with = "serde_bytes")]
        new: Option<Vec<u8>>,
    },
}

impl Operation {
    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    /// Reads an operation that fills `bytes`; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match postcard::take_from_bytes(bytes) {
            Ok((operation, [])) => Some(operation),
            _ => None,
        }
    }

    /// The key that it reads or writes.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Get { key }
            | Self::Put { key, .. }
            | Self::Delete { key }
            | Self::CompareAndSet { key, .. } => key,
        }
    }

    fn within_limits(&self) -> bool {
        let value_fits = |value: &Option<Vec<u8>>| {
            value.as_ref().is_none_or(|value| value.len() <= MAX_VALUE_BYTES)
        };
        match self {
            Self::Get { key } | Self::Delete { key } => key.len() <= MAX_KEY_BYTES,
            Self::Put { key, value } => {
                key.len() <= MAX_KEY_BYTES && value.len() <= MAX_VALUE_BYTES
            }
            Self::CompareAndSet { key, expected, new } => {
                key.len() <= MAX_KEY_BYTES && value_fits(expected) && value_fits(new)
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
}

impl Outcome {
    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    /// Reads an outcome that fills `bytes`; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match postcard::take_from_bytes(bytes) {
            Ok((outcome, [])) => Some(outcome),
            _ => None,
        }
    }
}

/// The store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue(BTreeMap<Vec<u8>, Vec<u8>>);

impl KeyValue {
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Every key and value, in the order of keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Carries out one operation.
    pub fn apply(&mut self, operation: Operation) -> Outcome {
        if !operation.within_limits() {
            return Outcome::Malformed;
        }
        match operation {
            Operation::Get { key } => Outcome::Value(self.0.get(&key).cloned()),
            Operation::Put { key, value } => {
                self.0.insert(key, value);
                Outcome::Done
            }
            Operation::Delete { key } => Outcome::Removed(self.0.remove(&key).is_some()),
            Operation::CompareAndSet { key, expected, new } => {
                let current = self.0.get(&key);
                if current != expected.as_ref() {
                    return Outcome::Kept(current.cloned());
                }
                match new {
                    Some(value) => self.0.insert(key, value),
                    None => self.0.remove(&key),
                };
                Outcome::Swapped
            }
        }
    }
}

impl Application for KeyValue {
    fn execute(&mut self, operation: &[u8]) -> Vec<u8> {
        Operation::decode(operation)
            .map_or(Outcome::Malformed, |operation| self.apply(operation))
            .encode()
    }

    fn query(&self, operation: &[u8]) -> Option<Vec<u8>> {
        let outcome = match Operation::decode(operation) {
            Some(operation) if !operation.within_limits() => Outcome::Malformed,
            Some(Operation::Get { key }) => Outcome::Value(self.0.get(&key).cloned()),
            Some(_) => return None,
            None => Outcome::Malformed,
        };
        Some(outcome.encode())
    }

    fn snapshot(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    fn restore(snapshot: &[u8]) -> Result<Self, BadSnapshot> {
        match postcard::take_from_bytes(snapshot) {
            Ok((state, [])) => Ok(state),
            _ => Err(BadSnapshot),
        }
    }
}

/// Bytes as people read them: text if it is text, else their number.
fn words(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(text) if text.len() <= 40 && !text.contains(char::is_control) => text.into(),
        _ => format!("({} bytes)", bytes.len()),
    }
}

fn maybe(value: Option<&Vec<u8>>) -> String {
    value.map_or_else(|| "nothing".into(), |value| words(value))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get { key } => write!(f, "get {}", words(key)),
            Self::Put { key, value } => write!(f, "put {} = {}", words(key), words(value)),
            Self::Delete { key } => write!(f, "delete {}", words(key)),
            Self::CompareAndSet { key, expected, new } => write!(
                f,
                "cas {}: {} → {}",
                words(key),
                maybe(expected.as_ref()),
                maybe(new.as_ref())
            ),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => f.write_str(&maybe(value.as_ref())),
            Self::Done => f.write_str("done"),
            Self::Removed(true) => f.write_str("removed"),
            Self::Removed(false) => f.write_str("there was nothing to remove"),
            Self::Swapped => f.write_str("swapped"),
            Self::Kept(value) => write!(f, "not swapped: it holds {}", maybe(value.as_ref())),
            Self::Malformed => f.write_str("refused: not an operation, or over a limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn put(key: &str, value: &str) -> Operation {
        Operation::Put { key: key.into(), value: value.into() }
    }

    #[test]
    fn compare_and_set_writes_only_over_what_is_expected() {
        let mut store = KeyValue::default();
        let cas = |expected: Option<&str>, new: Option<&str>| Operation::CompareAndSet {
            key: b"k".to_vec(),
            expected: expected.map(Into::into),
            new: new.map(Into::into),
        };
        assert_eq!(store.apply(cas(Some("a"), Some("b"))), Outcome::Kept(None));
        assert_eq!(store.apply(cas(None, Some("a"))), Outcome::Swapped);
        assert_eq!(store.apply(cas(None, Some("b"))), Outcome::Kept(Some(b"a".to_vec())));
        assert_eq!(store.apply(cas(Some("a"), None)), Outcome::Swapped);
        assert_eq!(store.get(b"k"), None);
    }

    #[test]
    fn delete_says_whether_there_was_anything() {
        let mut store = KeyValue::default();
        store.apply(put("k", "v"));
        let delete = Operation::Delete { key: b"k".to_vec() };
        assert_eq!(store.apply(delete.clone()), Outcome::Removed(true));
        assert_eq!(store.apply(delete), Outcome::Removed(false));
    }

    #[test]
    fn no_bytes_change_the_state_unless_they_are_an_operation_within_limits() {
        let mut store = KeyValue::default();
        store.apply(put("k", "v"));
        let before = store.clone();
        let long = Operation::Put { key: vec![0; MAX_KEY_BYTES + 1], value: vec![] }.encode();
        for bytes in [&[][..], &[9], &[1, 255, 255, 255, 255, 255], &long] {
            assert_eq!(Outcome::decode(&store.execute(bytes)), Some(Outcome::Malformed));
        }
        assert_eq!(store, before);
    }

    #[test]
    fn a_snapshot_restores_the_same_state() {
        let mut store = KeyValue::default();
        store.apply(put("a", "1"));
        store.apply(put("b", "2"));
        assert_eq!(KeyValue::restore(&store.snapshot()), Ok(store));
        assert_eq!(KeyValue::restore(&[255]), Err(BadSnapshot));
    }
}
