//! What an instance is told, and what it wants done.

use serde::{Deserialize, Serialize};

use super::{
    messages::{Message, Place, ReadId},
    records::Record,
};
use crate::{
    crypto::Digest,
    ids::{NodeId, Seq, Term},
    protocol::{RecordNumber, To},
};

/// What an instance is told.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// A member said something. `from` is whom the link authenticated.
    Message {
        /// Who.
        from: NodeId,
        /// What.
        message: Message<P>,
    },
    /// Order this. If it can't be, [`Effect::NotProposed`] gives it back.
    Propose(P),
    /// From where on may this read be answered? [`Effect::ReadReady`] or [`Effect::ReadFailed`].
    Read(ReadId),
    /// Stand for election without waiting for patience to run out: nobody can lead yet. Means
    /// nothing to whoever hears a leader, or stands.
    Stand,
    /// Hand the leadership over to this member.
    Transfer(NodeId),
    /// The epoch ends at this position: all members learn it from what is committed below.
    Seal(Seq),
    /// The host holds the state at this position, which is committed: what led to it may go.
    Compact {
        /// The position.
        at: Seq,
        /// The state's digest.
        digest: Digest,
    },
    /// The host fetched the state that [`Effect::FetchState`] named, and holds it durably.
    Installed {
        /// Where it is.
        at: Place,
        /// Its digest.
        digest: Digest,
    },
    /// Every record up to and including this number is on disk.
    Durable(RecordNumber),
    /// Time has passed.
    Tick,
}

/// What an instance wants done, in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Effect<P> {
    /// Write this record to the disk, then report it with [`Input::Durable`].
    Persist(RecordNumber, Record<P>),
    /// Send.
    Send {
        /// To whom.
        to: To,
        /// What.
        message: Message<P>,
    },
    /// This is decided: execute it. Positions come in order and without gaps, from the snapshot on.
    /// Once the host has learned where the epoch ends, it drops what it was given above.
    Commit {
        /// Where.
        at: Place,
        /// What. `None`: nothing.
        payload: Option<P>,
    },
    /// This was not taken.
    NotProposed {
        /// What.
        payload: P,
        /// Why not.
        why: NotProposed,
    },
    /// The state that holds what was committed up to here answers the read. The host has been given
    /// all of it. At the end of the epoch and above the next epoch must be asked instead.
    ReadReady {
        /// Which read.
        id: ReadId,
        /// Up to here.
        at: Seq,
    },
    /// Nobody can tell now: ask again, perhaps elsewhere.
    ReadFailed {
        /// Which read.
        id: ReadId,
    },
    /// The log can't be continued: fetch the state here, then [`Input::Installed`].
    FetchState {
        /// Where.
        at: Place,
        /// Which state.
        digest: Digest,
        /// Who has it.
        from: NodeId,
    },
    /// For everyone who watches.
    Event(Event),
}

/// Why something was not proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NotProposed {
    /// Another member leads, if known.
    NotLeader(Option<NodeId>),
    /// As many entries as may stand above the snapshot do.
    Full,
    /// The epoch ends.
    Sealed,
    /// The leadership is being handed over.
    HandingOver,
    /// It is longer than any message may be.
    TooLong,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// It hears a leader, or waits to.
    Follower,
    /// It asks whether it could win an election.
    PreCandidate,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
}

/// Why a member became what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Cause {
    /// No leader was heard in time.
    Timeout,
    /// A majority would vote for it.
    PreVoted,
    /// A majority voted for it.
    Elected,
    /// A later term has begun, as this member says.
    LaterTerm(NodeId),
    /// This member leads.
    Found(NodeId),
    /// It leads, and heard from no majority for too long.
    LostMajority,
    /// The leader handed over to it.
    HandedOver,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Event {
    /// A member is something else now, or in another term.
    Became {
        /// In this term
        term: Term,
        /// it is this,
        role: Role,
        /// because of this.
        cause: Cause,
    },
    /// Everything up to here is committed.
    Committed(Seq),
    /// A message was turned away.
    Refused {
        /// From whom.
        from: NodeId,
        /// Why.
        why: Refusal,
    },
    /// A member needs a state that is no longer in the leader's log.
    NeedsSnapshot {
        /// Which.
        peer: NodeId,
    },
    /// The leader begins to hand over.
    HandOverBegan {
        /// To whom.
        to: NodeId,
    },
    /// It still leads, and takes proposals again.
    HandOverFailed {
        /// To whom it should have gone.
        to: NodeId,
    },
    /// The epoch's last position is committed here.
    Sealed(Seq),
    /// A majority knows that it is: the next epoch has whom it needs. Only the leader says so.
    SealKnown(Seq),
}

/// Why a message was turned away. What a crash can't explain is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Its sender isn't a member, or is the receiver.
    Stranger,
    /// It belongs to another epoch.
    OtherEpoch,
    /// Its term is later than anybody counts. No crash explains it.
    Term,
    /// It contradicts itself. No crash explains it.
    Malformed,
    /// Two members lead one term. No crash explains it.
    TwoLeaders,
    /// One leader put two things at one position. No crash explains it.
    TwoContents,
    /// It would undo what is committed. No crash explains it.
    Committed,
}

impl Refusal {
    /// Whether no crash explains it.
    pub const fn is_inexplicable(self) -> bool {
        !matches!(self, Self::Stranger | Self::OtherEpoch)
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stranger => "it isn't a member",
            Self::OtherEpoch => "it speaks of another epoch",
            Self::Term => "its term is later than anybody counts",
            Self::Malformed => "it contradicts itself",
            Self::TwoLeaders => "two members lead one term",
            Self::TwoContents => "one leader put two things at one position",
            Self::Committed => "it would undo what is committed",
        }
    }
}
