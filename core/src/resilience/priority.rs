//! How much a call matters, for guards that have to choose.

use serde::{Deserialize, Serialize};

/// How much a call matters. Rises.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Nobody waits for it.
    Background,
    /// What clients ask for.
    #[default]
    Normal,
    /// What an operator asks for, or what others wait for.
    Important,
    /// What replicas say to each other to agree: without it nothing else gets done.
    Consensus,
}

/// How many there are.
pub(super) const PRIORITIES: usize = 4;

impl Priority {
    /// All there are, rising.
    pub const ALL: [Self; PRIORITIES] =
        [Self::Background, Self::Normal, Self::Important, Self::Consensus];

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}
