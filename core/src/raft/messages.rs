//! What members say to each other.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Digest,
    ids::{Epoch, Seq, Term},
};

/// The most entries that a message may hold: more is no message of ours.
pub(crate) const MAX_APPEND_ENTRIES: usize = 1_024;
/// The longest payload, in bytes: a full batch of PBFT with its signatures.
pub const MAX_PAYLOAD_BYTES: usize = 2 * 1024 * 1024;
/// Nobody counts so far: a later term is no term of ours.
pub(super) const MAX_TERM: Term = Term(1 << 62);

/// A place in a log, and which leader put something there. Ordered as §5.4.1 orders logs by their
/// last places: by the term, then by the position.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Place {
    /// The term of the entry there.
    pub term: Term,
    /// The position.
    pub seq: Seq,
}

/// What stands at one position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<P> {
    /// The term of the leader that put it there.
    pub term: Term,
    /// What is ordered. `None`: nothing, for a new leader to have something of its term (§8), or to
    /// fill an epoch up to its end.
    pub payload: Option<P>,
}

/// A message. Whom it is from, the link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<P> {
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// The term that the sender is in.
    pub term: Term,
    /// What it says.
    pub body: Body<P>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body<P> {
    /// "Would you vote for me in this term?" Changes nothing at the receiver.
    PreVote {
        /// The term that would begin.
        for_term: Term,
        /// Where the asker's log ends.
        last: Place,
    },
    /// The answer.
    PreVoteReply {
        /// The term that was asked about.
        for_term: Term,
        /// Whether it would.
        granted: bool,
    },
    /// "Vote for me." Figure 2's `RequestVote`.
    Vote {
        /// Where the candidate's log ends.
        last: Place,
        /// The leader wishes it: whoever hears the leader need not protect it.
        transfer: bool,
    },
    /// The answer.
    VoteReply {
        /// Whether it has the vote.
        granted: bool,
    },
    /// "This is what comes after that." Figure 2's `AppendEntries`; without entries a heartbeat.
    Append(Append<P>),
    /// "What you need isn't in my log any more: fetch the state here." Figure 13's
    /// `InstallSnapshot`, without the state.
    Snapshot {
        /// Where.
        at: Place,
        /// Which state.
        digest: Digest,
        /// The leader's round.
        round: u64,
    },
    /// The answer to both.
    AppendReply {
        /// The round of what is answered.
        round: u64,
        /// How far the sender knows entries to be committed.
        commit: Seq,
        /// How far its log agrees.
        answer: Answer,
    },
    /// "Stand for election at once": a leader hands over.
    TimeoutNow,
    /// A follower asks from where on a read may be answered.
    Read {
        /// Which read, as the asker names it.
        id: ReadId,
    },
    /// From here on.
    ReadAt {
        /// Which read.
        id: ReadId,
        /// The position.
        at: Seq,
    },
}

/// Entries, and what they follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append<P> {
    /// What stands before the first entry.
    pub prev: Place,
    /// The entries.
    pub entries: Vec<Entry<P>>,
    /// How far the leader knows entries to be committed.
    pub commit: Seq,
    /// Counts how often the leader asked everybody: who answers was still with it then.
    pub round: u64,
}

/// How far a follower's log agrees with its leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Up to here, and it is on disk.
    Matched(Seq),
    /// The same, and there is no room for more.
    Full(Seq),
    /// What should stand before the entries doesn't.
    Conflict {
        /// The position where it should.
        rejected: Seq,
        /// The last place at or before it whose term isn't later than the leader's there.
        hint: Place,
    },
    /// It can't be told: the message was of an earlier term, or the state is being fetched.
    Heard,
}

impl Answer {
    /// How far it speaks of the log, if it does.
    pub const fn upto(self) -> Option<Seq> {
        match self {
            Self::Matched(seq) | Self::Full(seq) | Self::Conflict { rejected: seq, .. } => {
                Some(seq)
            }
            Self::Heard => None,
        }
    }
}

/// Names a read of one host.
pub type ReadId = u64;
