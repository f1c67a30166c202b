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
