//! The simulation's stand-in for signatures: `SipHash-1-3` with 128-bit tags, one key a principal.
//!
//! Checking needs the signer's key, so every [`Simulated`] can derive all of them; what makes it a
//! *signature* in the simulation is that the type signs only as its own principal. A Byzantine
//! node is handed its own `Simulated` and nobody else's.

use alloc::sync::Arc;
use siphasher::sip128::SipHasher13;

use super::{Authenticator, PublicKey, Signature};
use crate::ids::Principal;

/// Signs as one principal of a simulated cluster.
#[derive(Clone, Copy, Debug)]
pub struct Simulated {
    own: Principal,
    cluster_key: u64,
}

impl Simulated {
    /// The keys of `own` in the cluster that was made from `cluster_key` (the run's seed).
    pub const fn new(own: Principal, cluster_key: u64) -> Self {
        Self { own, cluster_key }
    }

    fn tag(&self, by: Principal, bytes: &[u8]) -> [u8; 16] {
        let (kind, number) = match by {
            Principal::Node(node) => (1 << 63, u64::from(node.0)),
            Principal::Client(client) => (0, client.0),
        };
        SipHasher13::new_with_keys(self.cluster_key, number ^ kind).hash(bytes).as_bytes()
    }
}

impl Authenticator for Simulated {
    fn principal(&self) -> Principal {
        self.own
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::Simulated(self.tag(self.own, bytes))
    }

    fn verify(&self, by: Principal, bytes: &[u8], signature: &Signature) -> bool {
        *signature == Signature::Simulated(self.tag(by, bytes))
    }

    /// It can check everybody's from the beginning.
    fn knows(&self, _: Principal) -> bool {
        true
    }

    /// It needs none.
    fn key(&self, _: Principal) -> Option<PublicKey> {
        None
    }

    fn with_keys(&self, _: &[(Principal, PublicKey)]) -> Arc<dyn Authenticator> {
        Arc::new(*self)
    }
}
