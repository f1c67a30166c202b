//! What the administrator asks, and what comes of it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    analyzer::{Protocol, Unsound},
    crypto::PublicKey,
    ids::{Epoch, NodeId, Seq},
    pbft::WindowTooLarge,
    quorum::{BadClusterSize, OrdersNothing},
};

/// The longest contact, in bytes: a host name (253) and a port.
pub const MAX_CONTACT_BYTES: usize = 260;

/// A replica that joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMember {
    /// Its number, which no replica had before.
    pub id: NodeId,
    /// Its public key. None where keys need no exchange: in simulations.
    pub key: Option<PublicKey>,
    /// How to reach it. Means something to hosts only.
    pub contact: String,
}

/// The administrator's operation: who joins, who leaves, and what orders from then on, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Who joins.
    pub add: Vec<NewMember>,
    /// Who leaves.
    pub remove: Vec<NodeId>,
    /// The protocol of the next epoch. `None`: the same.
    pub protocol: Option<Protocol>,
    /// Who comes last as primary there, if trust orders them. Counts with `protocol`; without it, it
    /// is as before.
    pub last: Vec<NodeId>,
}

/// What came of a change: the administrator's reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeOutcome {
    /// It is agreed.
    Changed {
        /// The epoch with the new membership
        epoch: Epoch,
        /// begins after this position.
        after: Seq,
    },
    /// Nothing changes.
    Refused(ChangeRefused),
}

/// Why a change can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ChangeRefused {
    /// The operation is no change.
    #[error("the operation is not a change of membership or protocol")]
    Unreadable,
    /// It changes nothing.
    #[error("the change adds and removes nobody, and the protocol stays")]
    Empty,
    /// The number is over the limit.
    #[error("there is no node number {0}: numbers go from 0 to 255")]
    NoSuchNumber(NodeId),
    /// A replica has or had that number.
    #[error("node number {0} was used before; give the new node the next free one")]
    NumberUsed(NodeId),
    /// A replica has or had that key: it could vote twice.
    #[error("node {0} would have the key of another node; make it a key of its own")]
    KeyUsed(NodeId),
    /// The contact is over the limit.
    #[error("the contact of node {0} is over the limit of {MAX_CONTACT_BYTES} bytes")]
    LongContact(NodeId),
    /// Who is to leave is no member.
    #[error("node {0} is not a member")]
    NotAMember(NodeId),
    /// The cluster would be too small or too large.
    #[error("with this change there would be {0} nodes; there must be from 4 to 256")]
    Size(u16),
    /// The protocol trusts all alike.
    #[error("{} has no order of trust: only trust-ordered PBFT has", .0.name())]
    NoOrder(Protocol),
    /// The protocol puts nothing in order.
    #[error("{} orders no writes, so no epoch can have it", .0.name())]
    OrdersNothing(Protocol),
    /// What the protocol takes for granted doesn't hold.
    #[error("{} would be unsound: {why}", .protocol.name())]
    Unsound {
        /// Which protocol.
        protocol: Protocol,
        /// Why.
        why: Unsound,
    },
    /// Another change was agreed first.
    #[error("another change takes effect after position {0}; ask again then")]
    UnderWay(Seq),
    /// With so many members a new view may be longer than a message.
    #[error(transparent)]
    Window(#[from] WindowTooLarge),
}

impl From<OrdersNothing> for ChangeRefused {
    fn from(OrdersNothing(protocol): OrdersNothing) -> Self {
        Self::OrdersNothing(protocol)
    }
}

impl From<BadClusterSize> for ChangeRefused {
    fn from(BadClusterSize(n): BadClusterSize) -> Self {
        Self::Size(n)
    }
}

impl Change {
    /// The members stay, and the next epoch is under this protocol.
    pub fn switch_to(protocol: Protocol) -> Self {
        Self { protocol: Some(protocol), ..Self::default() }
    }

    /// The canonical encoding: a request's operation.
    pub fn encode(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    /// From its encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        crate::crypto::decode(bytes)
    }
}

/// In words: "add node 4, remove node 1, switch to Raft".
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let add = self.add.iter().map(|member| ("add", member.id));
        let remove = self.remove.iter().map(|node| ("remove", *node));
        let mut comma = "";
        for (verb, node) in add.chain(remove) {
            write!(f, "{comma}{verb} node {node}")?;
            comma = ", ";
        }
        match self.protocol {
            Some(protocol) => write!(f, "{comma}switch to {}", protocol.name())?,
            None => return Ok(()),
        }
        let mut comma = " with ";
        for node in &self.last {
            write!(f, "{comma}{node}")?;
            comma = ", ";
        }
        if self.last.is_empty() { Ok(()) } else { f.write_str(" last") }
    }
}

impl fmt::Display for ChangeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { epoch, after } => write!(f, "epoch {epoch} begins after {after}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl ChangeOutcome {
    /// The canonical encoding: a reply's result.
    pub fn encode(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    /// From its encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        crate::crypto::decode(bytes)
    }
}
