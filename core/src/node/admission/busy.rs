//! What a client is told that is turned away.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::RequestId;

/// Nobody is told to come back later than in so many milliseconds.
pub const MAX_RETRY_AFTER_MS: u32 = 60_000;

/// "Not now." Not signed: it speaks only of its sender, whom the link authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busy {
    /// What was asked.
    pub id: RequestId,
    /// Why it was turned away.
    pub why: Why,
    /// It may be let in after so many milliseconds.
    pub retry_after_ms: u32,
}

impl Busy {
    /// When to come back; whatever a liar says, in no more than [`MAX_RETRY_AFTER_MS`].
    pub fn retry_after(&self) -> Duration {
        Duration::from_millis(u64::from(self.retry_after_ms.min(MAX_RETRY_AFTER_MS)))
    }
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// There is too much to do.
    #[error("too much to do")]
    Degraded,
    /// This client asks too often.
    #[error("over its rate")]
    Rate,
    /// As many wait as may.
    #[error("too many wait")]
    Full,
}

impl Why {
    /// All there are, in the order in which a request meets them.
    pub const ALL: [Self; 3] = [Self::Degraded, Self::Rate, Self::Full];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Rate => "rate",
            Self::Full => "full",
        }
    }
}
