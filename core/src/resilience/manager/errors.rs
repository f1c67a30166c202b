//! What can come out instead of a call.

use alloc::string::String;
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::{
    config::BadConfig,
    resilience::{adaptive, breaker, bulkhead, degradation, rate, retry, timeout},
    time::Time,
};

/// A guard says no. What it says comes out as it said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rejected {
    /// Degradation.
    #[error(transparent)]
    Degraded(#[from] degradation::Rejected),
    /// The rate limit.
    #[error(transparent)]
    Rate(#[from] rate::Rejected),
    /// The bulkhead.
    #[error(transparent)]
    Bulkhead(#[from] bulkhead::Rejected),
    /// The adaptive limit.
    #[error(transparent)]
    Adaptive(#[from] adaptive::Rejected),
    /// The breaker.
    #[error(transparent)]
    Breaker(#[from] breaker::Rejected),
    /// The deadline.
    #[error(transparent)]
    Expired(#[from] timeout::Expired),
    /// Retries have ended, for that reason; the attempt's own error stays with the caller.
    #[error("no other attempt: {0}")]
    Retry(retry::Stop),
}

impl Rejected {
    /// When to come back, if that is known.
    pub fn retry_at(&self) -> Option<Time> {
        match self {
            Self::Degraded(it) => it.retry_at,
            Self::Rate(it) => it.retry_at,
            Self::Bulkhead(it) => it.retry_at,
            Self::Adaptive(it) => it.retry_at,
            Self::Breaker(it) => it.retry_at,
            Self::Retry(retry::Stop::Budget { retry_at }) => Some(*retry_at),
            Self::Expired(_) | Self::Retry(_) => None,
        }
    }
}

/// Nothing of that name is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unknown {
    /// No such operation.
    #[error("no operation of that name is configured")]
    Operation,
    /// No such peer.
    #[error("there is no peer of that number")]
    Peer,
}

/// A call doesn't begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BeginError {
    /// Its key is of a configuration that isn't any more.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// A guard says no.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// A configuration that can't work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct BadPolicy {
    /// In which operation; of the host's own if `None`.
    pub operation: Option<String>,
    /// What of it.
    #[source]
    pub why: BadConfig,
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operation {
            Some(operation) => write!(f, "operation “{operation}”: {}", self.why),
            None => write!(f, "{}", self.why),
        }
    }
}
