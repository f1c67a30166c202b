//! What it takes to sign and to check a signature.

use alloc::{string::String, sync::Arc};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::PublicKey;
use crate::{hex::Hex, ids::Principal};

/// Signs with its own key and checks everybody's. An implementation can never sign as another.
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Whose key this holds.
    fn principal(&self) -> Principal;

    /// Signs a byte string.
    fn sign(&self, bytes: &[u8]) -> Signature;

    /// Whether `by` signed exactly these bytes. An unknown principal has signed nothing.
    fn verify(&self, by: Principal, bytes: &[u8], signature: &Signature) -> bool;

    /// Whether it can check whose signatures: of others it can't say that one doesn't hold.
    fn knows(&self, principal: Principal) -> bool;

    /// Whose signatures it checks with which key. None: it doesn't know, or needs no keys.
    fn key(&self, of: Principal) -> Option<PublicKey>;

    /// The same, knowing these keys too. A principal has one key for ever: who is known already
    /// keeps the one that it has.
    fn with_keys(&self, keys: &[(Principal, PublicKey)]) -> Arc<dyn Authenticator>;
}

/// A signature of either kind. Written to JSON as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signature {
    /// 16 bytes of keyed hash: in simulations only.
    Simulated([u8; 16]),
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 64]),
}

impl Signature {
    /// The signature's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Simulated(bytes) => bytes,
            Self::Ed25519(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            [a, b, ..] => write!(f, "Signature({a:02x}{b:02x}…)"),
            _ => f.write_str("Signature()"),
        }
    }
}

/// The binary form.
#[derive(Serialize, Deserialize)]
enum Wire {
    Simulated(#[serde(with = "serde_bytes")] [u8; 16]),
    Ed25519(#[serde(with = "serde_bytes")] [u8; 64]),
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&Hex(self.as_bytes()));
        }
        match self {
            Self::Simulated(bytes) => Wire::Simulated(*bytes),
            Self::Ed25519(bytes) => Wire::Ed25519(*bytes),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            if text.len() == 32 {
                let mut bytes = [0; 16];
                crate::hex::decode(&text, &mut bytes).map_err(de::Error::custom)?;
                return Ok(Self::Simulated(bytes));
            }
            let mut bytes = [0; 64];
            crate::hex::decode(&text, &mut bytes).map_err(de::Error::custom)?;
            return Ok(Self::Ed25519(bytes));
        }
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Simulated(bytes) => Self::Simulated(bytes),
            Wire::Ed25519(bytes) => Self::Ed25519(bytes),
        })
    }
}
