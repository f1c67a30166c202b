//! A message as the network carries it: one for all receivers of a broadcast.
//!
//! What would come out the same for each receiver is done once, when it leaves: the check. Whether a
//! message's signatures and certificates hold is a function of the message, the membership and the
//! public keys (see [`Check`](crate::crypto::Check)), and who came to one membership knows the same
//! public keys. So each distinct message is really checked, once, and every receiver of that
//! membership gets that one outcome; a message that a liar changes for one receiver is another
//! message, with a check of its own. Real nodes check for themselves.

use crate::{
    crypto::{Authenticator, Refusal, Verified, verify},
    pbft::{Message, MessageKind, Summary},
    quorum::Membership,
};

/// One message, not yet opened.
#[derive(Debug)]
pub(super) struct Letter {
    message: Message,
    members: Membership,
    checked: Result<Verified<Message>, Refusal>,
}

impl Letter {
    pub(super) fn new(message: Message, members: Membership, keys: &dyn Authenticator) -> Self {
        Self { checked: verify(message.clone(), members, keys), message, members }
    }

    pub(super) fn message(&self) -> &Message {
        &self.message
    }

    pub(super) fn summary(&self) -> Summary {
        self.message.summary()
    }

    pub(super) fn kind(&self) -> MessageKind {
        self.message.kind()
    }

    /// What a receiver finds who opens it.
    pub(super) fn open(
        &self,
        members: Membership,
        keys: &dyn Authenticator,
    ) -> Result<Verified<Message>, Refusal> {
        if members == self.members {
            self.checked.clone()
        } else {
            verify(self.message.clone(), members, keys)
        }
    }
}
