//! What the index is made of: plain values, one for each thing that is drawn.

use conclave_core::{
    crypto::Digest,
    event::{LossCause, Place, Tampering, ViewChangeCause},
    ids::{MessageId, NodeId, Principal, RequestId, Seq, View},
    pbft::Summary,
    sim::Invariant,
};

/// How a message's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It arrived.
    Delivered,
    /// It never will.
    Lost(LossCause),
}

/// One message on its way, or that was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrow {
    /// Its name.
    pub(crate) id: MessageId,
    /// Whence.
    pub(crate) from: Principal,
    /// Whither.
    pub(crate) to: Principal,
    /// What it says.
    pub(crate) what: Summary,
    /// When it left, in µs.
    pub(crate) sent_us: u64,
    /// The step in which it left.
    pub(crate) sent_step: u64,
    /// When, in which step and how its way ended.
    pub(crate) end: Option<(u64, u64, Ending)>,
    /// It names another batch than the first one proposed at its position.
    pub(crate) alt: bool,
}

/// One slot at one replica, phase by phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    /// The position.
    pub(crate) seq: Seq,
    /// The view in which it was proposed.
    pub(crate) view: View,
    /// The batch.
    pub(crate) digest: Digest,
    /// It is another batch than the first one proposed at this position.
    pub(crate) alt: bool,
    /// How many requests.
    pub(crate) requests: u32,
    /// When the proposal was accepted.
    pub(crate) from_us: u64,
    /// When the prepared certificate was complete.
    pub(crate) prepared_us: Option<u64>,
    /// When a quorum had committed.
    pub(crate) committed_us: Option<u64>,
    /// When it was executed.
    pub(crate) executed_us: Option<u64>,
    /// When a later view or a crash ended it.
    pub(crate) closed_us: Option<u64>,
}

/// A condition of a replica that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Crashed.
    Down,
    /// Nothing reaches it or leaves it.
    CutOff,
    /// It lies.
    Byzantine,
    /// Its disk lost something: it doesn't vote until it is beyond what it may have forgotten.
    Recovering,
    /// It fetches the state of a stable checkpoint.
    Fetching,
    /// Between two views, wanting this one.
    ViewChange(View),
}

/// A condition and how long it lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Whose.
    pub(crate) node: NodeId,
    /// Which.
    pub(crate) condition: Condition,
    /// Since when.
    pub(crate) from_us: u64,
    /// Until when; `None`: still.
    pub(crate) to_us: Option<u64>,
}

/// Something at one moment that deserves a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Somebody acted.
    Fault(String),
    /// A replica gave up on its view.
    Left(View, ViewChangeCause),
    /// A replica is in a new view.
    Entered(View),
    /// A property broke.
    Violated(Invariant),
    /// Narration.
    Marker(u32),
    /// A stable checkpoint.
    Stable(Seq),
    /// Two conflicting proposals are in one hand.
    Equivocation(NodeId),
    /// A replica holds proof against another.
    Proven(NodeId),
    /// A replica suspects another.
    Suspected(NodeId),
    /// State was transferred.
    Transferred(Seq),
}

/// A sign with its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When.
    pub(crate) us: u64,
    /// In which step.
    pub(crate) step: u64,
    /// Where.
    pub(crate) place: Place,
    /// What.
    pub(crate) sign: Sign,
}

/// One request of a client, from asking to accepting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Which.
    pub(crate) request: RequestId,
    /// In words.
    pub(crate) operation: String,
    /// When it was first sent.
    pub(crate) from_us: u64,
    /// When it was sent again.
    pub(crate) again_us: Vec<u64>,
    /// When f+1 replies agreed.
    pub(crate) done_us: Option<u64>,
    /// It was a read that got no quorum of equal answers.
    pub(crate) fell_back: bool,
}

/// What a liar said instead, to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lie {
    /// The step.
    pub(crate) step: u64,
    /// When.
    pub(crate) us: u64,
    /// Who lied.
    pub(crate) by: NodeId,
    /// To whom.
    pub(crate) to: Principal,
    /// What it wanted to say.
    pub(crate) what: Summary,
    /// What became of it.
    pub(crate) how: Tampering,
}
