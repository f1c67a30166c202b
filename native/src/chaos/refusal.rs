//! Why an experiment doesn't begin, in words.

use conclave_core::{
    config::BadConfig,
    resilience::chaos::{BadPermission, Fault, NotPermitted},
};
use thiserror::Error;

/// Why an experiment doesn't begin. Nothing was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotStarted {
    /// Nobody has permitted it.
    #[error(
        "this is no development cluster, so an experiment needs the administrator's permission: \
         `conclave chaos start` signs one where administrator.key is kept"
    )]
    NoPermission,
    /// Somebody has, and it doesn't count.
    #[error(transparent)]
    Permission(#[from] BadPermission),
    /// It ends too soon.
    #[error("{0}")]
    TooShort(#[from] NotPermitted),
    /// No such experiment can be made.
    #[error("{0}")]
    Config(#[from] BadConfig),
    /// Such a fault can't be injected at a link.
    #[error(
        "{0:?} can't be done to a link: latency, error, drop, duplicate, reorder, partition and \
         corruption can; clocks, disks and crashes are for the simulator's scenarios"
    )]
    Fault(Fault),
    /// Its blast radius is too large.
    #[error(
        "max_peers = {max_peers} is more than may be faulty here (f = {f}): it might break what it \
         is to find out about"
    )]
    TooManyPeers {
        /// So many.
        max_peers: u16,
        /// So many may be faulty.
        f: u16,
    },
    /// There is one at a time.
    #[error("another experiment is under way at this node; abort it first, or wait for its end")]
    UnderWay,
    /// There is no randomness to give out numbers from.
    #[error(
        "the operating system gives no randomness, so that no permission could be told from a replay"
    )]
    NoRandomness,
}
