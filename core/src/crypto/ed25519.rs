//! Ed25519 (RFC 8032), the signatures of real nodes, by `ed25519-dalek`.

use alloc::{string::String, sync::Arc};
use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::{Authenticator, Signature};
use crate::{hex::Hex, ids::Principal, sorted::SortedMap};

/// A private key. Never shown: its `Debug` prints the public half.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 bytes of good randomness, which the host provides.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

/// A public key. Shown and written to text formats as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Bytes that are no point on the curve, or a weak one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an Ed25519 public key")]
pub struct BadPublicKey;

impl PublicKey {
    /// From its 32 bytes. Keys of small order, under which one signature fits many messages, are
    /// refused.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadPublicKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadPublicKey)?;
        if key.is_weak() { Err(BadPublicKey) } else { Ok(Self(key)) }
    }

    /// Its 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.to_bytes()), f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.to_bytes().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 32];
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            crate::hex::decode(&text, &mut bytes).map_err(de::Error::custom)?;
        } else {
            bytes = <[u8; 32]>::deserialize(deserializer)?;
        }
        Self::from_bytes(&bytes).map_err(de::Error::custom)
    }
}

/// Who has which public key.
pub type Directory = SortedMap<Principal, PublicKey>;

/// Signs with one private key and checks against a directory.
#[derive(Clone, Debug)]
pub struct Ed25519 {
    own: Principal,
    secret: SecretKey,
    directory: Arc<Directory>,
}

impl Ed25519 {
    /// The keys of `own`, who knows the others from `directory`.
    pub fn new(own: Principal, secret: SecretKey, directory: Arc<Directory>) -> Self {
        Self { own, secret, directory }
    }
}

impl Authenticator for Ed25519 {
    fn principal(&self) -> Principal {
        self.own
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::Ed25519(self.secret.0.sign(bytes).to_bytes())
    }

    /// Strict verification (`verify_strict`): non-canonical and small-order signatures fail, so
    /// that all correct replicas agree on what is valid.
    fn verify(&self, by: Principal, bytes: &[u8], signature: &Signature) -> bool {
        let (Some(key), Signature::Ed25519(signature)) = (self.directory.get(&by), signature)
        else {
            return false;
        };
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.0.verify_strict(bytes, &signature).is_ok()
    }

    fn knows(&self, principal: Principal) -> bool {
        self.directory.contains_key(&principal)
    }

    fn key(&self, of: Principal) -> Option<PublicKey> {
        self.directory.get(&of).copied()
    }

    fn with_keys(&self, keys: &[(Principal, PublicKey)]) -> Arc<dyn Authenticator> {
        let mut directory = self.directory.clone();
        for (principal, key) in keys {
            if !directory.contains_key(principal) {
                Arc::make_mut(&mut directory).insert(*principal, *key);
            }
        }
        Arc::new(Self { own: self.own, secret: self.secret.clone(), directory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;

    fn pair() -> (Ed25519, Ed25519) {
        let secrets = [1, 2].map(|byte| SecretKey::from_seed(&[byte; 32]));
        let names = [0, 1].map(|id| Principal::Node(NodeId(id)));
        let directory: Directory =
            names.iter().copied().zip(secrets.iter().map(SecretKey::public)).collect();
        let directory = Arc::new(directory);
        let [a, b] = secrets;
        (Ed25519::new(names[0], a, directory.clone()), Ed25519::new(names[1], b, directory))
    }

    #[test]
    fn a_signature_holds_for_its_signer_and_its_bytes_only() {
        let (a, b) = pair();
        let signature = a.sign(b"prepare");
        assert!(b.verify(a.principal(), b"prepare", &signature));
        assert!(!b.verify(a.principal(), b"commit", &signature));
        assert!(!b.verify(b.principal(), b"prepare", &signature));
        assert!(!b.verify(Principal::Node(NodeId(7)), b"prepare", &signature));
    }

    #[test]
    fn a_principal_keeps_the_key_that_it_has() {
        let (a, b) = pair();
        let stranger = Principal::Node(NodeId(7));
        let secret = SecretKey::from_seed(&[7; 32]);
        let keys = [(stranger, secret.public()), (a.principal(), secret.public())];
        let learned = b.with_keys(&keys);
        let theirs = Ed25519::new(stranger, secret, Arc::default());
        assert!(learned.verify(stranger, b"vote", &theirs.sign(b"vote")));
        assert!(learned.verify(a.principal(), b"vote", &a.sign(b"vote")));
        assert!(!learned.verify(a.principal(), b"vote", &theirs.sign(b"vote")));
    }

    #[test]
    fn a_weak_public_key_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(BadPublicKey));
    }

    #[test]
    fn a_private_key_is_not_printed() {
        let shown = alloc::format!("{:?}", SecretKey::from_seed(&[7; 32]));
        assert!(!shown.contains("070707"), "{shown}");
    }
}
