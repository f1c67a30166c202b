//! How a call ended, as far as guards care.

use serde::{Deserialize, Serialize};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it should.
    Success,
    /// It failed.
    Failure,
    /// There was no answer in time. The work may still run.
    Timeout,
    /// The other side had no room for it.
    Overload,
    /// It says nothing about the other side: the caller gave up, or had asked for nonsense.
    Neutral,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::Failure, Self::Timeout, Self::Overload, Self::Neutral];

    /// Whether the other side is to blame.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::Timeout | Self::Overload)
    }

    /// Whether it was lost on its way, so that how long it took says nothing of how long it takes.
    pub const fn is_drop(self) -> bool {
        matches!(self, Self::Timeout | Self::Overload)
    }
}
