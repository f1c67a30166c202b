//! What members and the administrator state in the log.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    analyzer::Network,
    crypto::Digest,
    detector::{evidence::Assumption, suspicion::Kind},
    ids::{NodeId, Principal},
};

/// The most reasons that an accusation gives: the heaviest.
pub const MAX_REASONS: usize = 3;

/// ⟨STATEMENT, k, c, i⟩: what one member, or the administrator, says of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// *k*: rises with each statement of one author, so that nobody can have an old one ordered
    /// again.
    pub number: u64,
    /// *c*
    pub claim: Claim,
}

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// A member suspects another, or still does.
    Accuse {
        /// Whom.
        suspect: NodeId,
        /// With how many points.
        score: u8,
        /// Why: at most [`MAX_REASONS`].
        reasons: Vec<Kind>,
    },
    /// A member doesn't suspect another any more.
    Withdraw {
        /// Whom.
        suspect: NodeId,
    },
    /// There is proof. Who states it doesn't matter; the proof was checked before.
    Convict {
        /// Of whom.
        offender: NodeId,
        /// The proof's digest.
        proof: Digest,
        /// What it needs to be true.
        assumption: Assumption,
    },
    /// The administrator decides.
    Order {
        /// About whom.
        node: NodeId,
        /// What; `None`: the rules hold again.
        order: Option<Order>,
    },
    /// A member says what the network around it is like.
    Measure(Network),
    /// A member holds a proof that the log has no room for, and has judged it: f+1 that say so convict.
    Vouch {
        /// Against whom.
        offender: NodeId,
        /// The proof's digest. Others may hold another one.
        proof: Digest,
    },
    /// A member knows somebody in the place of one that is convicted: the digest of whom in whose.
    Replace(Digest),
}

/// What the administrator can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// In quarantine, whatever anyone says.
    Hold,
    /// Not in quarantine, whatever anyone says or proves.
    Free,
}

/// A statement that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refused {
    /// Stated by who has no say.
    #[error("{0} has no say in this: accusations are for members, orders for the administrator")]
    NoSay(Principal),
    /// About who is no member.
    #[error("node {0} is no member")]
    NotAMember(NodeId),
    /// Said before, or out of order.
    #[error("the statement is number {found}, and number {last} of its author was heard before")]
    Old {
        /// Its number.
        found: u64,
        /// The last one's.
        last: u64,
    },
    /// About oneself.
    #[error("nobody accuses itself")]
    Oneself,
    /// More reasons than there is room for.
    #[error("an accusation gives at most {MAX_REASONS} reasons")]
    TooManyReasons,
    /// Too many accusations at a time.
    #[error("an observer accuses at most {limit} members at a time: more can't be faulty")]
    TooMany {
        /// f+1.
        limit: u16,
    },
    /// By a proven liar.
    #[error("node {0} is a proven liar, and is not heard")]
    Convicted(NodeId),
    /// It is known.
    #[error("node {0} is convicted already")]
    Known(NodeId),
    /// No accusation to withdraw.
    #[error("there is no accusation of node {0} to withdraw")]
    NotAccused(NodeId),
    /// As many are restrained by proof and order as may be.
    #[error("{limit} members are restrained by proof or order, and more must not be")]
    Full {
        /// f.
        limit: u16,
    },
}
