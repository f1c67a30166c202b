//! What replicas and clients say to each other, and what can be checked of it without state.
//!
//! The paper's messages keep its names (OSDI'99 §4.2–4.4). Four more carry repair: [`Status`] says
//! where a replica stands, and the answers ([`Decided`], [`StateNodes`], `Batch`, or the old messages
//! themselves) bring it forward. Each proves itself, so it may come from anyone.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    batch::Batch,
    certificate::{CheckpointCertificate, PreparedCertificate},
};
use crate::{
    analyzer::Protocol,
    crypto::{Digest, Signable, Signed},
    detector::evidence::Evidence,
    ids::{ClientId, Epoch, Principal, RequestId, Seq, View},
    node::Busy,
    raft,
    replica::EpochEnd,
    state::Path,
};

/// The longest operation a client may send, in bytes.
pub const MAX_OPERATION_BYTES: usize = 64 * 1024;
/// The most requests in one batch.
pub const MAX_BATCH_REQUESTS: usize = 1_024;
/// The most bytes of operations in one batch.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// The longest encoded message, in bytes: a new view at its largest, see
/// [`largest_window`](super::largest_window).
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
/// The most nodes that one message asks for.
pub const MAX_FETCHED_NODES: usize = 32;
/// The most bytes of nodes in one answer: some milliseconds of a slow link, so that votes behind
/// it don't wait long.
pub const MAX_STATE_ANSWER_BYTES: usize = 256 * 1024;

/// ⟨REQUEST, o, t, c⟩: a client asks for an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The client *c* and its timestamp *t*.
    pub id: RequestId,
    /// The operation *o*, in the application's own encoding.
    #[serde(with = "serde_bytes")]
    pub operation: Vec<u8>,
}

/// ⟨PRE-PREPARE, v, n, d⟩: the primary proposes to put the batch with digest *d* at *n*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrePrepare {
    /// The epoch that the view belongs to.
    pub epoch: Epoch,
    /// *v*
    pub view: View,
    /// *n*
    pub seq: Seq,
    /// *d*
    pub digest: Digest,
}

/// ⟨PREPARE, v, n, d, i⟩: a backup accepted that proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepare {
    /// The epoch that the view belongs to.
    pub epoch: Epoch,
    /// *v*
    pub view: View,
    /// *n*
    pub seq: Seq,
    /// *d*
    pub digest: Digest,
}

/// ⟨COMMIT, v, n, d, i⟩: a replica has a prepared certificate for that proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The epoch that the view belongs to.
    pub epoch: Epoch,
    /// *v*
    pub view: View,
    /// *n*
    pub seq: Seq,
    /// *d*
    pub digest: Digest,
}

impl Commit {
    /// Whether it is a vote for this proposal.
    pub fn is_for(&self, proposal: &PrePrepare) -> bool {
        let Self { epoch, view, seq, digest } = *self;
        PrePrepare { epoch, view, seq, digest } == *proposal
    }
}

/// ⟨CHECKPOINT, n, d, i⟩: the state after executing *n* has digest *d*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The epoch that *n* belongs to.
    pub epoch: Epoch,
    /// *n*
    pub seq: Seq,
    /// *d*: of the root of its tree (see [`state`](crate::state)).
    pub digest: Digest,
    /// If the epoch ends here: the digest of the [`Roster`](super::Roster) of the next.
    pub successor: Option<Digest>,
}

/// ⟨VIEW-CHANGE, v+1, n, C, P, i⟩: a replica gives up on view *v*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewChange {
    /// The epoch that the view belongs to.
    pub epoch: Epoch,
    /// *v+1*: the view it wants.
    pub view: View,
    /// *n*: its last stable checkpoint.
    pub stable: Seq,
    /// *C*: the proof that it is stable. None for the state that the epoch began with.
    pub proof: Option<CheckpointCertificate>,
    /// *P*: a certificate for every position above *n* that prepared here, in rising order.
    pub prepared: Vec<PreparedCertificate>,
}

/// ⟨NEW-VIEW, v+1, V, O⟩: the new primary shows that it may start, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewView {
    /// The epoch that the view belongs to.
    pub epoch: Epoch,
    /// *v+1*
    pub view: View,
    /// *V*: a quorum of view changes.
    pub view_changes: Vec<Signed<ViewChange>>,
    /// *O*: what *V* obliges the new primary to propose again, in rising order.
    pub pre_prepares: Vec<Signed<PrePrepare>>,
}

impl NewView {
    /// What *O* has for a position.
    pub(crate) fn carried_over(&self, seq: Seq) -> Option<&Signed<PrePrepare>> {
        let at = self.pre_prepares.binary_search_by_key(&seq, |header| header.body.seq).ok()?;
        Some(&self.pre_prepares[at])
    }
}

/// ⟨REPLY, v, t, c, i, r⟩: a replica executed the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// So that the client learns that the membership is another.
    pub epoch: Epoch,
    /// *v*: so that the client learns who is primary.
    pub view: View,
    /// *t* and *c*
    pub id: RequestId,
    /// *r*
    #[serde(with = "serde_bytes")]
    pub result: Vec<u8>,
}

/// ⟨READ, o, t, c⟩: a client asks every replica what an operation would answer. It is signed as
/// what it is, so nobody can have it ordered as a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The client *c* and its timestamp *t*, counted together with its requests.
    pub id: RequestId,
    /// The operation *o*, in the application's own encoding.
    #[serde(with = "serde_bytes")]
    pub operation: Vec<u8>,
}

/// ⟨READ-REPLY, v, t, c, i, r⟩: what a replica's state answers. No [`Reply`]: f+1 of those are
/// believed, and of these it takes a quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadReply {
    /// The epoch whose quorum it can be counted in.
    pub epoch: Epoch,
    /// *v*: so that the client learns who is primary.
    pub view: View,
    /// *t* and *c*
    pub id: RequestId,
    /// *r*
    #[serde(with = "serde_bytes")]
    pub result: Vec<u8>,
}

/// A client saw a reply of an epoch that it doesn't know, and asks for the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchEpochEnds {
    /// Who asks.
    pub client: ClientId,
    /// The epoch that it knows.
    pub from: Epoch,
}

/// Where a replica stands. Sent when it is waiting for something, so that others send what it
/// lacks. Not signed: it speaks only of its sender, whom the link authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its view there.
    pub view: View,
    /// Whether that view is in normal operation here (false: still changing to it).
    pub active: bool,
    /// Its last stable checkpoint.
    pub stable: Seq,
    /// The last position it executed.
    pub executed: Seq,
    /// A fingerprint of whom it knows to be proven guilty; 0: nobody. Whoever knows others says
    /// whom, with the proof.
    pub proven: u32,
}

/// What a replica measures of its primary: see the module `pace`. Not signed: it speaks only of
/// what its sender saw, whom the link authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The epoch that the view belongs to.
    pub epoch: Epoch,
    /// The view.
    pub view: View,
    /// From knowing a request to having it prepared: the median, in microseconds.
    pub turnaround_us: u32,
    /// From accepting a proposal to having it prepared: the median, in microseconds.
    pub round_us: u32,
    /// Whether the sender finds that too slow.
    pub too_slow: bool,
}

/// A proposal with proof that it committed: a pre-prepare and a quorum of commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What was proposed.
    pub pre_prepare: Arc<Signed<PrePrepare>>,
    /// Its content.
    pub batch: Arc<Batch>,
    /// A quorum of distinct replicas that committed it.
    pub commits: Vec<Arc<Signed<Commit>>>,
}

/// "Send me these nodes of the state at *n*."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchState {
    /// *n*
    pub seq: Seq,
    /// At most [`MAX_FETCHED_NODES`].
    pub nodes: Vec<NodeRef>,
}

/// A node of the state, by place and name: the place makes it quick to find, the name proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRef {
    /// The way from the root.
    pub path: Path,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Nodes of the state: those that were asked for, as far as they are there and fit into
/// [`MAX_STATE_ANSWER_BYTES`]. They prove themselves and need no signature to be used; it is there
/// so that whoever sends other bytes under a digest has signed that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateNodes {
    /// The request's.
    pub seq: Seq,
    /// In the order of the request.
    pub nodes: Vec<StateNode>,
}

/// The bytes of a node under their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateNode {
    /// What it is known by.
    pub digest: Digest,
    /// Its canonical encoding.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// "I lost my memory, and am in this life": the recovery request of Castro & Liskov, TOCS 2002, which
/// there is ordered as it is. Here others have to say it, for whoever forgot says nothing that counts
/// (see the replica's `renewal`). Not signed: the link authenticates its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryRequest {
    /// A number that it never used before.
    pub life: u64,
}

/// Anything that travels. Cheap to clone and to move: what is signed is shared, so that a vote is one
/// object from its signature to every certificate that it ends in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// From a client, or relayed by a replica.
    Request(Arc<Signed<Request>>),
    /// The proposal and, beside the signed header, its batch (§4.2: "requests are not included in
    /// the pre-prepare messages to keep them small").
    PrePrepare(Arc<Signed<PrePrepare>>, Arc<Batch>),
    /// See [`Prepare`].
    Prepare(Arc<Signed<Prepare>>),
    /// See [`Commit`].
    Commit(Arc<Signed<Commit>>),
    /// See [`Reply`].
    Reply(Arc<Signed<Reply>>),
    /// See [`Checkpoint`].
    Checkpoint(Arc<Signed<Checkpoint>>),
    /// See [`ViewChange`].
    ViewChange(Arc<Signed<ViewChange>>),
    /// See [`NewView`].
    NewView(Arc<Signed<NewView>>),
    /// See [`Status`].
    Status(Status),
    /// "Send me the batch with this digest": asked by who got it in *O* but never saw it.
    FetchBatch(Digest),
    /// The answer; the digest proves it.
    Batch(Arc<Batch>),
    /// See [`Decided`].
    Decided(Arc<Decided>),
    /// Proof that a checkpoint is stable, for who is too far behind to be repaired otherwise.
    Stable(Arc<CheckpointCertificate>),
    /// See [`FetchState`].
    FetchState(Arc<FetchState>),
    /// See [`StateNodes`].
    State(Arc<Signed<StateNodes>>),
    /// See [`Read`].
    Read(Arc<Signed<Read>>),
    /// See [`ReadReply`].
    ReadReply(Arc<Signed<ReadReply>>),
    /// See [`Pace`].
    Pace(Pace),
    /// See [`RecoveryRequest`].
    RecoveryRequest(RecoveryRequest),
    /// The ends of epochs, in order: a chain that proves the membership after the last.
    EpochEnds(Arc<[Arc<EpochEnd>]>),
    /// See [`FetchEpochEnds`].
    FetchEpochEnds(Arc<Signed<FetchEpochEnds>>),
    /// What members of an epoch under Raft say to each other. Not signed: it speaks only of its
    /// sender, whom the link authenticates, and in such an epoch nobody lies.
    Raft(Arc<raft::Message<Arc<Batch>>>),
    /// A proof that somebody lied: see [`evidence`](crate::detector::evidence).
    Evidence(Arc<Evidence>),
    /// See [`Busy`].
    Busy(Busy),
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("{found} bytes are over the limit of {MAX_MESSAGE_BYTES} for one message")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// Not the encoding of any message.
    #[error("not a message")]
    Malformed,
    /// A message, and then more.
    #[error("{extra} bytes too many after the message")]
    Trailing {
        /// How many.
        extra: usize,
    },
}

impl Message {
    /// The one canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    /// Reads one message that fills `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(DecodeError::TooLong { found: bytes.len() });
        }
        match postcard::take_from_bytes(bytes) {
            Ok((message, [])) => Ok(message),
            Ok((_, rest)) => Err(DecodeError::Trailing { extra: rest.len() }),
            Err(_) => Err(DecodeError::Malformed),
        }
    }

    /// What a screen or a log shows of it.
    pub fn summary(&self) -> Summary {
        let of = |kind| Summary { kind, view: None, seq: None, digest: None, request: None };
        let vote = |kind, view, seq, digest| Summary {
            kind,
            view: Some(view),
            seq: Some(seq),
            digest: Some(digest),
            request: None,
        };
        match self {
            Self::Request(m) => Summary { request: Some(m.body.id), ..of(MessageKind::Request) },
            Self::PrePrepare(m, _) => {
                vote(MessageKind::PrePrepare, m.body.view, m.body.seq, m.body.digest)
            }
            Self::Prepare(m) => vote(MessageKind::Prepare, m.body.view, m.body.seq, m.body.digest),
            Self::Commit(m) => vote(MessageKind::Commit, m.body.view, m.body.seq, m.body.digest),
            Self::Reply(m) => Summary {
                view: Some(m.body.view),
                request: Some(m.body.id),
                ..of(MessageKind::Reply)
            },
            Self::Checkpoint(m) => Summary {
                seq: Some(m.body.seq),
                digest: Some(m.body.digest),
                ..of(MessageKind::Checkpoint)
            },
            Self::ViewChange(m) => Summary {
                view: Some(m.body.view),
                seq: Some(m.body.stable),
                ..of(MessageKind::ViewChange)
            },
            Self::NewView(m) => Summary { view: Some(m.body.view), ..of(MessageKind::NewView) },
            Self::Status(m) => {
                Summary { view: Some(m.view), seq: Some(m.executed), ..of(MessageKind::Status) }
            }
            Self::FetchBatch(d) => Summary { digest: Some(*d), ..of(MessageKind::FetchBatch) },
            Self::Batch(_) => of(MessageKind::Batch),
            Self::Decided(m) => {
                let it = m.pre_prepare.body;
                vote(MessageKind::Decided, it.view, it.seq, it.digest)
            }
            Self::Stable(m) => {
                Summary { seq: Some(m.seq()), digest: Some(m.digest()), ..of(MessageKind::Stable) }
            }
            Self::FetchState(m) => Summary { seq: Some(m.seq), ..of(MessageKind::FetchState) },
            Self::State(m) => Summary { seq: Some(m.body.seq), ..of(MessageKind::State) },
            Self::Read(m) => Summary { request: Some(m.body.id), ..of(MessageKind::Read) },
            Self::ReadReply(m) => Summary {
                view: Some(m.body.view),
                request: Some(m.body.id),
                ..of(MessageKind::ReadReply)
            },
            Self::Pace(m) => Summary { view: Some(m.view), ..of(MessageKind::Pace) },
            Self::RecoveryRequest(_) => of(MessageKind::RecoveryRequest),
            Self::EpochEnds(ends) => Summary {
                seq: ends.last().map(|end| end.certificate.seq()),
                ..of(MessageKind::EpochEnds)
            },
            Self::FetchEpochEnds(_) => of(MessageKind::FetchEpochEnds),
            Self::Raft(m) => {
                let (kind, seq) = match &m.body {
                    raft::Body::Append(it) => {
                        let last = it.prev.seq.0.saturating_add(it.entries.len() as u64);
                        (MessageKind::Append, Some(Seq(last)))
                    }
                    raft::Body::Snapshot { at, .. } => (MessageKind::Append, Some(at.seq)),
                    raft::Body::AppendReply { answer, .. } => {
                        (MessageKind::Appended, answer.upto())
                    }
                    raft::Body::Read { .. } => (MessageKind::ReadIndex, None),
                    raft::Body::ReadAt { at, .. } => (MessageKind::ReadIndex, Some(*at)),
                    _ => (MessageKind::Vote, None),
                };
                Summary { view: Some(View(m.term.0)), seq, ..of(kind) }
            }
            Self::Evidence(_) => of(MessageKind::Evidence),
            Self::Busy(m) => Summary { request: Some(m.id), ..of(MessageKind::Busy) },
        }
    }

    /// The epoch that it is said in and means nothing outside of, if it has one.
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::PrePrepare(m, _) => Some(m.body.epoch),
            Self::Prepare(m) => Some(m.body.epoch),
            Self::Commit(m) => Some(m.body.epoch),
            Self::ReadReply(m) => Some(m.body.epoch),
            Self::Pace(m) => Some(m.epoch),
            Self::Checkpoint(m) => Some(m.body.epoch),
            Self::ViewChange(m) => Some(m.body.epoch),
            Self::NewView(m) => Some(m.body.epoch),
            Self::Decided(m) => Some(m.pre_prepare.body.epoch),
            Self::Raft(m) => Some(m.epoch),
            Self::Request(_)
            | Self::Read(_)
            | Self::Reply(_)
            | Self::Status(_)
            | Self::FetchBatch(_)
            | Self::RecoveryRequest(_)
            | Self::Batch(_)
            | Self::FetchState(_)
            | Self::State(_)
            // It may be of the epoch before: see `epochs`.
            | Self::Stable(_)
            | Self::EpochEnds(_)
            | Self::FetchEpochEnds(_)
            | Self::Busy(_)
            // It is of the epoch of its statements, which may be over.
            | Self::Evidence(_) => None,
        }
    }

    /// Whether anybody says it in an epoch under this protocol.
    pub(crate) fn is_said_under(&self, protocol: Protocol) -> bool {
        match self {
            Self::Raft(_) => protocol == Protocol::Raft,
            Self::PrePrepare(..)
            | Self::Prepare(_)
            | Self::Commit(_)
            | Self::ViewChange(_)
            | Self::NewView(_)
            | Self::Decided(_)
            | Self::Pace(_) => protocol != Protocol::Raft,
            _ => true,
        }
    }

    /// Whether it may come from anyone, and mean something to a replica that votes for nothing: a
    /// question, or what proves itself.
    pub(crate) fn proves_itself(&self) -> bool {
        matches!(
            self,
            Self::Status(_)
                | Self::Decided(_)
                | Self::Stable(_)
                | Self::FetchState(_)
                | Self::State(_)
                | Self::EpochEnds(_)
        )
    }

    /// The kind alone.
    pub fn kind(&self) -> MessageKind {
        self.summary().kind
    }
}

/// The kinds of message, by which faults are typed and pictures are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is documented on the `Message` variant of that name")]
pub enum MessageKind {
    Request,
    PrePrepare,
    Prepare,
    Commit,
    Reply,
    Checkpoint,
    ViewChange,
    NewView,
    Status,
    FetchBatch,
    Batch,
    Decided,
    Stable,
    FetchState,
    State,
    Read,
    ReadReply,
    Pace,
    RecoveryRequest,
    EpochEnds,
    FetchEpochEnds,
    /// Raft: who would vote for whom, and does.
    Vote,
    /// Raft: entries, or that they begin with a state; without entries a heartbeat.
    Append,
    /// Raft: the answer.
    Appended,
    /// Raft: from where on a read may be answered.
    ReadIndex,
    Evidence,
    Busy,
}

impl MessageKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 27] = [
        Self::Request,
        Self::PrePrepare,
        Self::Prepare,
        Self::Commit,
        Self::Reply,
        Self::Checkpoint,
        Self::ViewChange,
        Self::NewView,
        Self::Status,
        Self::FetchBatch,
        Self::Batch,
        Self::Decided,
        Self::Stable,
        Self::FetchState,
        Self::State,
        Self::Read,
        Self::ReadReply,
        Self::Pace,
        Self::RecoveryRequest,
        Self::EpochEnds,
        Self::FetchEpochEnds,
        Self::Vote,
        Self::Append,
        Self::Appended,
        Self::ReadIndex,
        Self::Evidence,
        Self::Busy,
    ];

    /// The field's own name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::PrePrepare => "pre-prepare",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Reply => "reply",
            Self::Checkpoint => "checkpoint",
            Self::ViewChange => "view-change",
            Self::NewView => "new-view",
            Self::Status => "status",
            Self::FetchBatch => "fetch-batch",
            Self::Batch => "batch",
            Self::Decided => "decided",
            Self::Stable => "stable",
            Self::FetchState => "fetch-state",
            Self::State => "state",
            Self::Read => "read",
            Self::ReadReply => "read-reply",
            Self::Pace => "pace",
            Self::RecoveryRequest => "recovery-request",
            Self::EpochEnds => "epoch-ends",
            Self::FetchEpochEnds => "fetch-epoch-ends",
            Self::Vote => "vote",
            Self::Append => "append",
            Self::Appended => "appended",
            Self::ReadIndex => "read-index",
            Self::Evidence => "evidence",
            Self::Busy => "busy",
        }
    }
}

/// A message in one line. Fields that its kind doesn't have are `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which kind.
    pub kind: MessageKind,
    /// Its view.
    pub view: Option<View>,
    /// Its position in the log.
    pub seq: Option<Seq>,
    /// The digest that it names.
    pub digest: Option<Digest>,
    /// The request that it is about.
    pub request: Option<RequestId>,
}

macro_rules! signable {
    ($($domain:literal: $body:ty),* $(,)?) => {
        $(impl Signable for $body { const DOMAIN: u8 = $domain; })*
    };
}

signable! {
    1: Request,
    2: PrePrepare,
    3: Prepare,
    4: Commit,
    5: Checkpoint,
    6: ViewChange,
    7: NewView,
    8: Reply,
    11: Read,
    12: ReadReply,
    9: FetchEpochEnds,
    10: StateNodes,
}

/// The replica that signed, if a replica did.
pub(crate) fn node_of(by: Principal) -> Option<crate::ids::NodeId> {
    match by {
        Principal::Node(node) => Some(node),
        Principal::Client(_) => None,
    }
}
