//! The names of things: newtypes, so that a view can't be passed where a sequence number belongs.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A replica's number. The paper's *i*. It stands for one key for ever and is never given to
    /// another replica.
    NodeId(u16)
}
number! {
    /// A client's number. The paper's *c*.
    ClientId(u64)
}
number! {
    /// A stretch of the log with one membership. Views start again at 0 in each.
    Epoch(u64)
}
number! {
    /// A view: a period of an epoch with one primary. The paper's *v*; the primary is *v* mod *n*.
    View(u64)
}
number! {
    /// A term of Raft: at most one member leads it. Terms start again at 0 in each epoch.
    Term(u64)
}
number! {
    /// A position in the replicated log, from 1. 0 means "before the first". The paper's *n*.
    Seq(u64)
}
number! {
    /// A client's request number, strictly increasing per client. The paper's *t*.
    Timestamp(u64)
}
number! {
    /// A message on its way: unique in a run, or the first eight bytes of its hash on real nodes.
    MessageId(u64)
}

impl ClientId {
    /// Who may change the membership. No other client has this number.
    pub const ADMINISTRATOR: Self = Self(u64::MAX);
    /// The first of the numbers that are kept for members, one for each number that a replica may
    /// have; below are those that clients may have.
    pub const FIRST_RESERVED: Self = Self(u64::MAX - (u16::MAX as u64 + 1));

    /// A member as who asks: what it says to the replicated state is a request like any other, signed
    /// with the replica's own key and no client's.
    pub const fn member(node: NodeId) -> Self {
        Self(Self::FIRST_RESERVED.0 + node.0 as u64)
    }

    /// Which member, if it is one.
    pub const fn as_member(self) -> Option<NodeId> {
        if self.0 < Self::FIRST_RESERVED.0 || self.0 == Self::ADMINISTRATOR.0 {
            return None;
        }
        Some(NodeId((self.0 - Self::FIRST_RESERVED.0) as u16))
    }

    /// Whose key signs what it asks.
    pub fn signer(self) -> Principal {
        match self.as_member() {
            Some(node) => Principal::Node(node),
            None => Principal::Client(self),
        }
    }
}

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl View {
    /// The view after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Term {
    /// The term after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Seq {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Whoever can sign: a replica or a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Principal {
    /// A replica.
    Node(NodeId),
    /// A client.
    Client(ClientId),
}

impl Principal {
    /// See [`ClientId::ADMINISTRATOR`].
    pub const ADMINISTRATOR: Self = Self::Client(ClientId::ADMINISTRATOR);
    /// Whoever only checks what others signed: no key of this number is ever known.
    pub const NOBODY: Self = Self::Client(ClientId(u64::MAX - 1));
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Node(node) => write!(f, "node {node}"),
            Self::ADMINISTRATOR => f.write_str("the administrator"),
            Self::Client(client) => write!(f, "client {client}"),
        }
    }
}

/// One request of one client: what exactly-once is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Who asked.
    pub client: ClientId,
    /// Its request number.
    pub timestamp: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_asks_by_a_number_of_its_own_that_no_client_has() {
        for node in [NodeId(0), NodeId(255), NodeId(u16::MAX)] {
            let client = ClientId::member(node);
            assert_eq!(client.as_member(), Some(node));
            assert_eq!(client.signer(), Principal::Node(node));
            assert!(client >= ClientId::FIRST_RESERVED && client < ClientId::ADMINISTRATOR);
        }
        let last = ClientId(ClientId::FIRST_RESERVED.0 - 1);
        for client in [ClientId(0), last, ClientId::ADMINISTRATOR] {
            assert_eq!((client.as_member(), client.signer()), (None, Principal::Client(client)));
        }
    }
}
