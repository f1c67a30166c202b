//! What a configuration is refused with, whichever room it configures.

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
