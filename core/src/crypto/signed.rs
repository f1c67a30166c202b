//! A statement with its author and signature.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Authenticator, Signature, encoding::with_encoding};
use crate::ids::Principal;

/// A kind of statement that can be signed. The tag separates domains: a signature on a prepare is
/// never one on a commit with the same fields.
pub trait Signable: Serialize {
    /// Different for every kind of statement.
    const DOMAIN: u8;
}

/// A statement, who makes it, and the signature over both.
///
/// Having one says nothing about its truth: anybody can write any `Signed` to a wire. What was
/// checked is inside a [`Verified`](super::Verified).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    /// The statement.
    pub body: T,
    /// Who is said to make it.
    pub by: Principal,
    /// The signature that should prove it.
    pub signature: Signature,
}

/// A signature that doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature of {by} does not hold")]
pub struct BadSignature {
    /// Who was said to have signed.
    pub by: Principal,
}

impl<T: Signable> Signed<T> {
    /// Signs `body` as the authenticator's own principal.
    pub fn new(body: T, authenticator: &dyn Authenticator) -> Self {
        let by = authenticator.principal();
        let signature = with_bytes(&body, by, |bytes| authenticator.sign(bytes));
        Self { body, by, signature }
    }

    /// Checks the signature.
    pub fn check(&self, authenticator: &dyn Authenticator) -> Result<(), BadSignature> {
        let holds = with_bytes(&self.body, self.by, |bytes| {
            authenticator.verify(self.by, bytes, &self.signature)
        });
        if holds { Ok(()) } else { Err(BadSignature { by: self.by }) }
    }
}

fn with_bytes<T: Signable, R>(body: &T, by: Principal, then: impl FnOnce(&[u8]) -> R) -> R {
    with_encoding(&(T::DOMAIN, by, body), then)
}
