//! Who signs with what in a run: the cheap stand-in, or Ed25519 if the scenario asks for it.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::{Authenticator, Digest, Directory, Ed25519, PublicKey, SecretKey, Simulated},
    ids::{ClientId, NodeId, Principal},
    quorum::Membership,
};

/// The signatures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signatures {
    /// A keyed hash: some forty nanoseconds each.
    #[default]
    Simulated,
    /// Those of real nodes: some forty microseconds each.
    Ed25519,
}

/// Makes every principal's keys from a run's seed.
#[derive(Clone, Debug)]
pub(crate) struct Keyring {
    seed: u64,
    /// `None`: the stand-in.
    directory: Option<Arc<Directory>>,
}

fn secret(seed: u64, of: Principal) -> SecretKey {
    SecretKey::from_seed(&Digest::of(&(seed, of)).0)
}

impl Keyring {
    pub(crate) fn new(
        signatures: Signatures,
        seed: u64,
        members: Membership,
        clients: u16,
    ) -> Self {
        let directory = match signatures {
            Signatures::Simulated => None,
            Signatures::Ed25519 => {
                let nodes = members.nodes().map(Principal::Node);
                let clients = (0..u64::from(clients)).map(|id| Principal::Client(ClientId(id)));
                let clients = clients.chain([Principal::Client(ClientId::ADMINISTRATOR)]);
                let keys = nodes.chain(clients).map(|it| (it, secret(seed, it).public()));
                Some(Arc::new(keys.collect()))
            }
        };
        Self { seed, directory }
    }

    /// The key with which a spare joins: nobody knows it before. None: the stand-in needs none.
    pub(crate) fn public(&self, node: NodeId) -> Option<PublicKey> {
        let of = Principal::Node(node);
        self.directory.as_ref().map(|_| secret(self.seed, of).public())
    }

    /// What one principal signs and checks with: its own key and no other's.
    pub(crate) fn of(&self, own: Principal) -> Arc<dyn Authenticator> {
        match &self.directory {
            None => Arc::new(Simulated::new(own, self.seed)),
            Some(directory) => {
                Arc::new(Ed25519::new(own, secret(self.seed, own), directory.clone()))
            }
        }
    }
}
