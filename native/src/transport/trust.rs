//! Whose word counts right now: it changes with every epoch, under the connections' feet.

use std::sync::{Arc, PoisonError, RwLock};

use conclave_core::{
    crypto::{Authenticator, Refusal, Verified, verify},
    pbft::Message,
    quorum::Membership,
};

/// The membership of the newest epoch and the keys that go with it. Written by whoever drives the
/// replica or the client, read wherever messages are checked.
///
/// A message that is checked just before an epoch begins and handled just after is no danger: the
/// protocol looks at the epoch of each again.
#[derive(Debug)]
pub struct Trust(RwLock<Trusted>);

#[derive(Clone, Debug)]
struct Trusted {
    members: Membership,
    authenticator: Arc<dyn Authenticator>,
}

impl Trust {
    /// To begin with.
    pub fn new(members: Membership, authenticator: Arc<dyn Authenticator>) -> Self {
        Self(RwLock::new(Trusted { members, authenticator }))
    }

    /// Who is a member.
    pub fn members(&self) -> Membership {
        self.read().members
    }

    /// From here on these members and these keys.
    pub fn follow(&self, members: Membership, authenticator: &Arc<dyn Authenticator>) {
        let authenticator = authenticator.clone();
        // No change here can stop half way.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Trusted { members, authenticator };
    }

    /// Checks a message by what holds now.
    pub fn verify(&self, message: Message) -> Result<Verified<Message>, Refusal> {
        let Trusted { members, authenticator } = self.read();
        verify(message, members, &*authenticator)
    }

    fn read(&self) -> Trusted {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
