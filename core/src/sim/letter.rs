//! A message as the network carries it: one for all receivers of a broadcast.
//!
//! What would come out the same for each receiver is done once, when it leaves: the check. Whether a
//! message's signatures and certificates hold is a function of the message, the membership and the
//! public keys (see [`Check`](crate::crypto::Check)), and who came to one membership knows the same
//! public keys. So each distinct message is really checked, once, and every receiver of that
//! membership gets that one outcome; a message that a liar changes for one receiver is another
//! message, with a check of its own. Real nodes check for themselves.

use alloc::sync::Arc;

use crate::{
    crypto::{Authenticator, Refusal, Verified, verify_or_return},
    pbft::{Message, MessageKind, Summary},
    quorum::Membership,
};

/// One message, not yet opened.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    members: Membership,
    checked: Result<Verified<Message>, (Message, Refusal)>,
}

impl Letter {
    pub(super) fn new(message: Message, members: Membership, keys: &dyn Authenticator) -> Self {
        Self { members, checked: verify_or_return(message, members, keys) }
    }

    pub(super) fn message(&self) -> &Message {
        match &self.checked {
            Ok(message) => message,
            Err((message, _)) => message,
        }
    }

    pub(super) fn summary(&self) -> Summary {
        self.message().summary()
    }

    pub(super) fn kind(&self) -> MessageKind {
        self.message().kind()
    }

    /// What a receiver finds who opens it. The last one gets the message itself; what is refused
    /// comes with the reason.
    pub(super) fn open(
        self: Arc<Self>,
        members: Membership,
        keys: &dyn Authenticator,
    ) -> Result<Verified<Message>, (Message, Refusal)> {
        if members == self.members {
            Arc::unwrap_or_clone(self).checked
        } else {
            verify_or_return(self.message().clone(), members, keys)
        }
    }
}
