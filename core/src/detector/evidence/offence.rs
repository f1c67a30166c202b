//! What can be proven, of whom, on which assumption.

use core::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{Epoch, NodeId, Principal, Seq, View};

/// What a conviction needs to be true beside the signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assumption {
    /// Nothing: the offender's own statements contradict each other or the rules, however many are
    /// faulty.
    Absolute,
    /// That at most *f* of the members are faulty.
    AtMostF,
}

/// What a replica did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffenceKind {
    /// Two proposals for one place.
    TwoPrePrepares,
    /// Two prepares for one place.
    TwoPrepares,
    /// Two commits for one place.
    TwoCommits,
    /// A prepare or a proposal, and a commit for another batch at that place.
    SplitVote,
    /// Two states for one checkpoint.
    TwoCheckpoints,
    /// Two view changes for one view.
    TwoViewChanges,
    /// Two starts of one view.
    TwoNewViews,
    /// A view change that hides what its author had committed.
    HiddenCommit,
    /// A view change with a certificate that doesn't hold.
    InvalidViewChange,
    /// A new view with view changes that don't hold, or too few.
    InvalidNewView,
    /// A new view whose proposals don't follow from its view changes.
    NewViewNotOwed,
    /// What only the primary may sign, or only a backup.
    OutOfRole,
    /// A result that f+1 others contradict.
    FalseReply,
    /// Other bytes of the state than their digest says.
    FalseState,
}

impl OffenceKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 14] = [
        Self::TwoPrePrepares,
        Self::TwoPrepares,
        Self::TwoCommits,
        Self::SplitVote,
        Self::TwoCheckpoints,
        Self::TwoViewChanges,
        Self::TwoNewViews,
        Self::HiddenCommit,
        Self::InvalidViewChange,
        Self::InvalidNewView,
        Self::NewViewNotOwed,
        Self::OutOfRole,
        Self::FalseReply,
        Self::FalseState,
    ];

    /// In words, after "node 3 signed".
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoPrePrepares => "two pre-prepares for one place",
            Self::TwoPrepares => "two prepares for one place",
            Self::TwoCommits => "two commits for one place",
            Self::SplitVote => "a commit for another batch than it accepted",
            Self::TwoCheckpoints => "two states for one checkpoint",
            Self::TwoViewChanges => "two view changes for one view",
            Self::TwoNewViews => "two new views for one view",
            Self::HiddenCommit => "a view change that hides what it committed",
            Self::InvalidViewChange => "an invalid view change",
            Self::InvalidNewView => "a new view from invalid view changes",
            Self::NewViewNotOwed => "a new view that does not follow from its view changes",
            Self::OutOfRole => "what its role does not allow",
            Self::FalseReply => "a reply that f+1 others contradict",
            Self::FalseState => "false bytes of the state",
        }
    }
}

/// Where something was said. A kind of statement that has no view or position leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The epoch; parts of the state have none.
    pub epoch: Option<Epoch>,
    /// The view.
    pub view: Option<View>,
    /// The position.
    pub seq: Option<Seq>,
}

/// What is proven: who did what, where, and on which assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offence {
    /// Who.
    pub by: NodeId,
    /// What.
    pub kind: OffenceKind,
    /// Where.
    pub place: Place,
    /// What must be true beside the signatures.
    pub assumption: Assumption,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { epoch, view, seq } = self.place;
        write!(f, "node {} signed {}", self.by, self.kind.name())?;
        if let Some(epoch) = epoch {
            write!(f, ", epoch {epoch}")?;
        }
        if let Some(view) = view {
            write!(f, ", view {view}")?;
        }
        if let Some(seq) = seq {
            write!(f, ", position {seq}")?;
        }
        match self.assumption {
            Assumption::Absolute => Ok(()),
            Assumption::AtMostF => f.write_str(" (if at most f are faulty)"),
        }
    }
}

/// Why something proves nothing: what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotProven {
    /// The verifier has no key of whoever signed.
    #[error("the key of {of} is not known; verify with the keys of that epoch")]
    UnknownKey {
        /// Whose.
        of: Principal,
    },
    /// A signature doesn't hold.
    #[error("the signature of {by} does not hold, so {by} said nothing")]
    Signature {
        /// Who was said to have signed.
        by: Principal,
    },
    /// Who signed is no replica of the membership that it is judged by.
    #[error("{by} is not a replica of this membership")]
    NotAMember {
        /// Who signed.
        by: Principal,
    },
    /// Of another epoch: other replicas, other primaries, other quorums.
    #[error("it is of epoch {found}, and the membership given is that of epoch {expected}")]
    Epoch {
        /// The evidence's.
        found: Epoch,
        /// The verifier's.
        expected: Epoch,
    },
    /// Two statements of two authors.
    #[error("the statements are of {first} and of {second}; one author must have signed both")]
    DifferentSigners {
        /// Who signed one
        first: Principal,
        /// and who the other.
        second: Principal,
    },
    /// The two are for different places, where both may be said.
    #[error("the statements are for different places, so both may be true")]
    DifferentPlaces,
    /// The two may both be said.
    #[error("the statements do not contradict each other")]
    NoContradiction,
    /// The message follows all rules.
    #[error("the message follows the rules")]
    FollowsTheRules,
    /// A reply of an epoch in which replicas agree only while none of them lies.
    #[error("under this epoch's protocol one liar is enough for honest replies to differ")]
    CrashOnly,
    /// Too few others, or more than are needed, who say something else alike.
    #[error("it takes exactly {needed} replies of others that agree, and there are {found}")]
    Replies {
        /// How many there are.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
}
