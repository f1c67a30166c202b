//! Digests, keys, signatures: the only room that can make a [`Verified`].
//!
//! ```text
//! bytes ──decode──▶ Message ──verify──▶ Verified<Message> ──▶ protocol
//! value ──sign────▶ Signed<T>
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `encoding` | the one canonical encoding |
//! | `writer` | how it is written |
//! | `digest` | [`Digest`] (SHA-256) of it |
//! | `authenticator` | [`Authenticator`], the trait, and [`Signature`] |
//! | `ed25519` | the authenticator of real nodes |
//! | `simulated` | the cheap keyed hash of the simulation |
//! | `signed` | [`Signed`]: a body, who says so, and the signature |
//! | `verified` | [`Verified`]: proof in the type that every signature inside was checked |

mod authenticator;
mod digest;
mod ed25519;
mod encoding;
mod signed;
mod simulated;
mod verified;
mod writer;

pub use authenticator::{Authenticator, Signature};
pub use digest::Digest;
pub use ed25519::{BadPublicKey, Directory, Ed25519, PublicKey, SecretKey};
pub(crate) use encoding::{decode, encode, encode_into, encode_within, encoded_len};
pub use signed::{BadSignature, Signable, Signed};
pub use simulated::Simulated;
pub use verified::{Check, Refusal, Verified, verify, verify_or_return};
