//! What was decided, when and why: for people, and the same at every replica.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::statement::Order;
use crate::{
    crypto::Digest,
    detector::suspicion::Kind,
    ids::{NodeId, Seq},
    quorum::NodeSet,
    time::WallTime,
};

/// How much is remembered: months of a healthy cluster. The oldest leaves.
pub const MAX_HISTORY: usize = 256;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1, so that who reads knows what left.
    pub number: u64,
    /// Where in the log.
    pub position: Seq,
    /// The agreed time there.
    pub at: WallTime,
    /// Whom it is about.
    pub node: NodeId,
    /// What.
    pub what: What,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// It is in quarantine.
    Held {
        /// Until then at least.
        until: WallTime,
        /// For the how-manieth time.
        offence: u32,
        /// Whose accusations.
        by: NodeSet,
        /// What they give as reasons.
        reasons: Vec<Kind>,
    },
    /// It stays there: the accusations stand.
    Extended {
        /// Until then at least.
        until: WallTime,
    },
    /// It is free again: its time is over, and the accusations are gone.
    Released,
    /// It should be in quarantine, but as many are as may be.
    Waits,
    /// It had to leave for one with more against it.
    Displaced,
    /// There is proof against it.
    Convicted {
        /// The proof's digest.
        proof: Digest,
    },
    /// The administrator decided; `None`: the rules hold again.
    Ordered(Option<Order>),
    /// Nobody shared its accusation.
    Unfounded {
        /// Of whom.
        suspect: NodeId,
    },
    /// It brought a proof that proves nothing.
    Misled,
    /// Its voice doesn't count any more: too many unfounded accusations, or a false proof.
    Silenced,
    /// Its voice counts again.
    Heard,
    /// It is free before its time: nobody accuses any more, or the proof against it assumed that at most f
    /// lie, and somebody is proven to lie who may have made it look guilty.
    Acquitted,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node;
        match &self.what {
            What::Held { offence, by, reasons, .. } => {
                write!(f, "node {node} is in quarantine, offence {offence}, accused by ")?;
                list(f, by.iter())?;
                f.write_str(" of ")?;
                list(f, reasons.iter().map(|kind| kind.name()))
            }
            What::Extended { .. } => write!(f, "node {node} stays in quarantine: still accused"),
            What::Released => write!(f, "node {node} is free: its term is over and nobody accuses"),
            What::Waits => write!(f, "node {node} is accused, but every place is taken"),
            What::Displaced => write!(f, "node {node} left for one with more against it"),
            What::Convicted { proof } => write!(f, "node {node} is convicted by proof {proof}"),
            What::Ordered(Some(Order::Hold)) => write!(f, "node {node} is held by order"),
            What::Ordered(Some(Order::Free)) => write!(f, "node {node} is free by order"),
            What::Ordered(None) => write!(f, "node {node} is under the rules again by order"),
            What::Unfounded { suspect } => {
                write!(f, "node {node} accused node {suspect}, and nobody else did")
            }
            What::Misled => write!(f, "node {node} brought a proof that proves nothing"),
            What::Silenced => write!(f, "node {node} said too much that is false and isn't heard"),
            What::Heard => write!(f, "node {node} is heard again"),
            What::Acquitted => write!(f, "node {node} is free: a proven liar may have framed it"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, all: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    for (index, it) in all.enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        it.fmt(f)?;
    }
    Ok(())
}
