//! An operator's permission: the administrator's signature under one experiment at one node.
//!
//! A node gives out a number that nobody can foresee. The permission names it, and the number is
//! another one as soon as a permission was accepted, and after every start. So a permission counts
//! once, at one node, for exactly the experiment that was signed; it ends with the process that
//! accepted it, and an hour after it was given at the latest.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Config;
use crate::{
    crypto::{Authenticator, Digest, Signable, Signed},
    ids::{NodeId, Principal},
    time::WallTime,
};

/// The longest that a permission may last from when it is used: an hour.
pub const MAX_PERMISSION_MS: u64 = 3_600_000;

/// What the administrator signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// At which node.
    pub node: NodeId,
    /// The number that this node gave out.
    pub number: Digest,
    /// Nothing is injected from then on.
    pub until: WallTime,
    /// What is permitted.
    pub experiment: Config,
}

impl Signable for Permission {
    const DOMAIN: u8 = 14;
}

/// A permission that permits nothing here and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadPermission {
    /// Nobody could give one.
    #[error(
        "this cluster has no administrator, so nobody can permit an experiment: `conclave init` \
         makes clusters that have one"
    )]
    NoAdministrator,
    /// Somebody else gave it.
    #[error("only the administrator permits an experiment, and {0} signed this")]
    By(Principal),
    /// The signature is of something else, or by another key.
    #[error("the administrator's signature under this permission does not hold")]
    Signature,
    /// It is for another node.
    #[error("this permission is for node {0}")]
    Node(NodeId),
    /// It was used, or the node has started since, or it is of another cluster.
    #[error(
        "this permission names a number that the node doesn't give out (any more): each counts \
         once, and no longer than the node runs; sign another"
    )]
    Used,
    /// Its end has come.
    #[error(
        "this permission is over; the node's clock is at {now_ms} ms since 1970, and it ended at {until_ms}"
    )]
    Over {
        /// By the node's clock.
        now_ms: u64,
        /// By the permission.
        until_ms: u64,
    },
    /// It would last too long.
    #[error(
        "this permission would last {0} ms; an hour (3600000 ms) is the longest that one is given for"
    )]
    TooLong(u64),
}

impl Permission {
    /// How many milliseconds it lasts from `now` on, if `own` gave out `number` and it permits
    /// anything there.
    pub fn check(
        signed: &Signed<Self>,
        authenticator: &dyn Authenticator,
        own: NodeId,
        number: Digest,
        now: WallTime,
    ) -> Result<u64, BadPermission> {
        if !authenticator.knows(Principal::ADMINISTRATOR) {
            return Err(BadPermission::NoAdministrator);
        }
        if signed.by != Principal::ADMINISTRATOR {
            return Err(BadPermission::By(signed.by));
        }
        signed.check(authenticator).map_err(|_| BadPermission::Signature)?;
        let Self { node, number: named, until, .. } = &signed.body;
        if *node != own {
            return Err(BadPermission::Node(*node));
        }
        if *named != number {
            return Err(BadPermission::Used);
        }
        match until.0.saturating_sub(now.0) {
            0 => Err(BadPermission::Over { now_ms: now.0, until_ms: until.0 }),
            1..=MAX_PERMISSION_MS => Ok(until.0 - now.0),
            lasts => Err(BadPermission::TooLong(lasts)),
        }
    }
}
