//! A message as the network carries it.
//!
//! What would come out the same for each receiver is done once, when it leaves: the check. Whether a
//! message's signatures and certificates hold is a function of the message, the membership and the
//! public keys (see [`Check`](crate::crypto::Check)), and who came to one membership knows the same
//! public keys. So each distinct message is really checked, once, and every receiver of that
//! membership gets that one outcome; a message that a liar changes for one receiver is another
//! message, with a check of its own. Real nodes check for themselves.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    crypto::{Authenticator, Refusal, Verified, verify_or_return},
    pbft::{Message, MessageKind, Summary},
    quorum::Membership,
};

/// The memberships that senders ever had, so that a letter names its own by a number. One an epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct Memberships(Vec<Membership>);

impl Memberships {
    fn number(&mut self, members: &Membership) -> u32 {
        // The latest are the last.
        let known = self.0.iter().rposition(|known| known == members);
        let number = known.unwrap_or_else(|| {
            self.0.push(*members);
            self.0.len() - 1
        });
        number as u32
    }
}

/// A message, or why it is turned away. Boxed, since nearly none is.
pub(super) type Opened = Result<Verified<Message>, Box<(Message, Refusal)>>;

/// One message, not yet opened. A copy costs as much as one of its message.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// A number among [`Memberships`]; short, for every message is moved a few times.
    members: u32,
    checked: Opened,
    /// Whoever opens it finds no message.
    #[cfg(feature = "guards")]
    damaged: bool,
}

fn check(message: Message, members: &Membership, keys: &dyn Authenticator) -> Opened {
    verify_or_return(message, *members, keys).map_err(Box::new)
}

impl Letter {
    pub(super) fn new(
        message: Message,
        members: &Membership,
        known: &mut Memberships,
        keys: &dyn Authenticator,
    ) -> Self {
        Self {
            members: known.number(members),
            checked: check(message, members, keys),
            #[cfg(feature = "guards")]
            damaged: false,
        }
    }

    /// The same, damaged on its way.
    #[cfg(feature = "guards")]
    pub(super) fn damaged(&self) -> Self {
        Self { damaged: true, ..self.clone() }
    }

    /// Whether whoever opens it finds no message.
    #[cfg(feature = "guards")]
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    pub(super) fn message(&self) -> &Message {
        match &self.checked {
            Ok(message) => message,
            Err(refused) => &refused.0,
        }
    }

    pub(super) fn summary(&self) -> Summary {
        self.message().summary()
    }

    pub(super) fn kind(&self) -> MessageKind {
        self.message().kind()
    }

    /// What a receiver finds who opens it; what is refused comes with the reason.
    pub(super) fn open(
        self,
        members: &Membership,
        known: &Memberships,
        keys: &dyn Authenticator,
    ) -> Opened {
        if known.0.get(self.members as usize) == Some(members) {
            return self.checked;
        }
        let message = match self.checked {
            Ok(message) => message.into_inner(),
            Err(refused) => refused.0,
        };
        check(message, members, keys)
    }
}
