//! Proof in the type: whoever holds a [`Verified`] need not, and can't forget to, check it.

use core::ops::Deref;

use thiserror::Error;

use super::{Authenticator, BadSignature};
use crate::{detector::evidence::NotProven, quorum::Membership};

/// A value whose every signature, and every rule that needs no protocol state, was checked.
///
/// Only [`verify`] makes one, and there is no way to change what is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value, from here on as untrusted as it was before.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why a message was turned away before it reached the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A signature doesn't hold.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Signed by a client where a replica must sign, or the other way round, or by no member.
    #[error("{by} may not sign this kind of message")]
    WrongSigner {
        /// Who signed.
        by: crate::ids::Principal,
    },
    /// Of another epoch: its signers are not the replicas of this one.
    #[error("it is of epoch {found}, and this is epoch {expected}")]
    Epoch {
        /// The message's.
        found: crate::ids::Epoch,
        /// That of whoever checks.
        expected: crate::ids::Epoch,
    },
    /// A certificate without enough distinct, agreeing signers.
    #[error("a certificate holds {found} agreeing signers where {needed} are needed")]
    Certificate {
        /// Distinct agreeing signers found.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Parts of one message contradict each other.
    #[error("the message contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// Evidence that proves nothing.
    #[error("it proves nothing: {0}")]
    NotProven(#[from] NotProven),
    /// Over a stated limit.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
}

/// What can be checked without protocol state: signatures, certificates, limits, consistency.
pub trait Check {
    /// Checks all of it, nested parts too.
    fn check(&self, members: Membership, authenticator: &dyn Authenticator) -> Result<(), Refusal>;
}

/// The one door into the protocol.
pub fn verify<T: Check>(
    value: T,
    members: Membership,
    authenticator: &dyn Authenticator,
) -> Result<Verified<T>, Refusal> {
    verify_or_return(value, members, authenticator).map_err(|(_, refusal)| refusal)
}

/// The same, and what is turned away comes back with the reason.
pub fn verify_or_return<T: Check>(
    value: T,
    members: Membership,
    authenticator: &dyn Authenticator,
) -> Result<Verified<T>, (T, Refusal)> {
    match value.check(members, authenticator) {
        Ok(()) => Ok(Verified(value)),
        Err(refusal) => Err((value, refusal)),
    }
}
