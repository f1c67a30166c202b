//! What a configuration is refused with, whichever room it configures.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A configuration that can't work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field} = {value} can't work: {why}")]
pub struct BadConfig {
    /// Which field.
    pub field: &'static str,
    /// What it was set to.
    pub value: u64,
    /// Why not.
    pub why: &'static str,
}

/// Refuses a field's value, with the reason, unless what must hold does.
pub(crate) fn must(
    holds: bool,
    field: &'static str,
    value: u64,
    why: &'static str,
) -> Result<(), BadConfig> {
    if holds { Ok(()) } else { Err(BadConfig { field, value, why }) }
}

/// How a field is encoded that nearly always has its default: as nothing, then.
pub(crate) mod unless_usual {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T, S>(it: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Serialize + Default + PartialEq,
        S: Serializer,
    {
        (*it != T::default()).then_some(it).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: Deserialize<'de> + Default,
        D: Deserializer<'de>,
    {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}
