//! What a member says, and what the administrator orders: the operations of their requests.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    analyzer::Network,
    crypto::{Digest, decode, encode},
    detector::{
        evidence::Evidence,
        quarantine::{Order, Refused},
        suspicion::Kind,
    },
    ids::NodeId,
    replica::NewMember,
};

/// What a member says to the docket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// It suspects another, or still does.
    Accuse {
        /// Whom.
        suspect: NodeId,
        /// With how many points.
        score: u8,
        /// Why: the heaviest first, at most [`MAX_REASONS`](crate::detector::quarantine::MAX_REASONS).
        reasons: Vec<Kind>,
    },
    /// It doesn't suspect another any more.
    Withdraw {
        /// Whom.
        suspect: NodeId,
    },
    /// There is proof.
    Prove(Box<Evidence>),
    /// It holds a proof that is too long to be put here, and has judged it.
    Vouch {
        /// Against whom.
        offender: NodeId,
        /// The proof's digest.
        proof: Digest,
    },
    /// Time has come for something, and the log is idle: it is to look at the clock.
    Look,
    /// What the network around it is like, by now.
    Measure(Network),
    /// Another lost its memory, and asks for a life (the replica's `renewal`).
    Renew {
        /// Who,
        member: NodeId,
        /// and for which.
        life: u64,
    },
    /// There is somebody for the place of a member that is proven to lie.
    Replace {
        /// Who is to leave,
        member: NodeId,
        /// and who is to join.
        by: Box<NewMember>,
    },
}

impl Said {
    /// The canonical encoding: a request's operation.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From its encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes)
    }
}

/// What the administrator decides about one member, whatever anyone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// About whom.
    pub node: NodeId,
    /// What; `None`: the rules hold again.
    pub order: Option<Order>,
}

/// In words: "hold node 3".
impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node;
        match self.order {
            Some(Order::Hold) => write!(f, "hold node {node}"),
            Some(Order::Free) => write!(f, "free node {node}"),
            None => write!(f, "leave node {node} to the rules"),
        }
    }
}

/// How an override, and what came of it, begins. Read as a [`Change`](crate::pbft::Change) it would
/// add 12,927 members, which no operation has room for.
const MARK: [u8; 2] = [0xFF, 0x64];

impl Override {
    /// The canonical encoding: a request's operation.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        crate::crypto::encode_into(self, &mut bytes);
        bytes
    }

    /// From its encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes.strip_prefix(&MARK)?)
    }

    /// What came of it, as a reply's result.
    pub(super) fn encode_outcome(outcome: Result<(), Refused>) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        crate::crypto::encode_into(&outcome, &mut bytes);
        bytes
    }

    /// What came of it, from a reply's result. `None`: it is no such result.
    pub fn decode_outcome(result: &[u8]) -> Option<Result<(), Refused>> {
        decode(result.strip_prefix(&MARK)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbft::Change;

    #[test]
    fn an_override_is_no_change_and_a_change_is_no_override() {
        let hold = Override { node: NodeId(3), order: Some(Order::Hold) };
        assert_eq!(Override::decode(&hold.encode()), Some(hold));
        assert_eq!(Change::decode(&hold.encode()), None);
        let change = Change { remove: [NodeId(3)].into(), ..Change::default() };
        assert_eq!(Override::decode(&change.encode()), None);
        assert_eq!(Override::decode(&[&hold.encode()[..], &[0]].concat()), None);
    }
}
