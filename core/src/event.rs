//! The one schema of everything interesting that happens.
//!
//! The lab, traces, logs, metrics and the live view of real nodes read this and nothing else. In
//! JSON an event is one flat object: `{"at":1500,"place":{"node":0},"event":"prepared","view":0,
//! "seq":1,"digest":"…"}`; times are microseconds.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    analyzer::{self, Protocol},
    crypto::Digest,
    detector::{evidence::Offence, quarantine::Entry, suspicion::Reason},
    ids::{ClientId, Epoch, MessageId, NodeId, Principal, RequestId, Seq, View},
    node::Why,
    pbft::Summary,
    raft::Refusal,
    resilience::{chaos::Phase, degradation::Level, objective::Kind, retry::Stop},
    sim::{Action, Invariant},
    time::Time,
};

/// Something happened, somewhere, at some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the clock of the simulation or of the node's host.
    pub at: Time,
    /// Where.
    pub place: Place,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// At a replica.
    Node(NodeId),
    /// At a client.
    Client(ClientId),
    /// Everywhere, or in the network: what only the simulation can see.
    World,
}

impl From<Principal> for Place {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Node(node) => Self::Node(node),
            Principal::Client(client) => Self::Client(client),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A message left.
    Sent {
        /// Which: the same in its `Delivered` or `Lost`.
        id: MessageId,
        /// For whom.
        to: Principal,
        /// What it says.
        what: Box<Summary>,
    },
    /// A message arrived and was handed over.
    Delivered {
        /// Which.
        id: MessageId,
        /// From whom.
        from: Principal,
        /// What it says.
        what: Box<Summary>,
    },
    /// A message will never arrive.
    Lost {
        /// Which.
        id: MessageId,
        /// For whom it was.
        to: Principal,
        /// Why.
        why: LossCause,
    },
    /// A message arrived and was turned away: see [`Refusal`](crate::crypto::Refusal).
    Refused {
        /// From whom.
        from: Principal,
        /// In words.
        why: String,
    },

    /// A replica holds a client's request that it has not executed.
    RequestAccepted {
        /// Which.
        request: RequestId,
    },
    /// A replica accepted a proposal (the primary: made it).
    PrePrepared {
        /// In this view,
        view: View,
        /// at this position,
        seq: Seq,
        /// this batch
        digest: Digest,
        /// of so many requests.
        requests: u32,
    },
    /// A backup doesn't vote for a proposal because of the time that it carries.
    TimeRefused {
        /// In this view,
        view: View,
        /// at this position.
        seq: Seq,
        /// How far the proposed time is from the backup's clock, in milliseconds; `None`: there
        /// is none where one is needed.
        off_by_ms: Option<i64>,
    },
    /// A replica has a prepared certificate: pre-prepare and 2f matching prepares.
    Prepared {
        /// In this view,
        view: View,
        /// at this position,
        seq: Seq,
        /// for this batch.
        digest: Digest,
    },
    /// A replica knows that a quorum committed (committed-local).
    Committed {
        /// In this view,
        view: View,
        /// at this position,
        seq: Seq,
        /// this batch.
        digest: Digest,
    },
    /// A replica executed a batch, in order.
    Executed {
        /// The position.
        seq: Seq,
        /// The batch.
        digest: Digest,
        /// The requests that were new here; repeated ones are skipped.
        requests: Vec<RequestId>,
    },
    /// A replica answered a read from its state, without ordering it.
    ReadAnswered {
        /// Which.
        request: RequestId,
        /// The last position that the state reflects.
        executed: Seq,
    },
    /// A replica took a checkpoint of its own state.
    CheckpointTaken {
        /// After this position.
        seq: Seq,
        /// The state's digest.
        digest: Digest,
    },
    /// A quorum agrees on a checkpoint: the log up to it was discarded.
    CheckpointStable {
        /// After this position.
        seq: Seq,
        /// The state's digest.
        digest: Digest,
    },
    /// A replica is too far behind to be repaired otherwise, and fetches the state of a stable
    /// checkpoint: what differs from its own.
    TransferStarted {
        /// After this position.
        seq: Seq,
        /// The state's digest.
        digest: Digest,
    },
    /// Some of it came.
    StateReceived {
        /// From whom.
        from: NodeId,
        /// So many nodes of the tree
        nodes: u32,
        /// of so many bytes.
        bytes: u32,
        /// How many are known to be missing still; they may name more.
        missing: u32,
    },
    /// A replica replaced its state by a proven checkpoint of others.
    StateTransferred {
        /// It is now after this position.
        seq: Seq,
        /// The state's digest.
        digest: Digest,
        /// How many bytes of it had to be fetched
        fetched_bytes: u64,
        /// of how many.
        total_bytes: u64,
    },
    /// A backup measures that its primary is slower than the backups themselves explain.
    PrimaryTooSlow {
        /// In this view
        view: View,
        /// this primary
        primary: NodeId,
        /// took so long from a request to its proposal's having prepared (median, µs),
        turnaround_us: u32,
        /// where so long would have been fair.
        acceptable_us: u64,
    },
    /// A replica found its disk damaged: it says nothing that counts until it has recovered.
    Recovering {
        /// Its new life.
        life: u64,
    },
    /// A replica that lost memory is known by its new life, and votes again.
    Recovered {
        /// Where the epoch that knows it so begins, or a later stable checkpoint.
        seq: Seq,
        /// Its view.
        view: View,
    },
    /// A replica stopped taking part in its view and asked for another.
    ViewChangeStarted {
        /// The view it wants.
        view: View,
        /// Why it left.
        why: ViewChangeCause,
    },
    /// A replica hears nobody who leads: it asks whether it could (Raft).
    LeaderSilent,
    /// A replica was told what no crash explains, where members are trusted not to lie (Raft).
    Inexplicable {
        /// By this member.
        from: NodeId,
        /// What is wrong with it.
        why: Refusal,
    },
    /// A replica is in normal operation in a new view.
    ViewEntered {
        /// The view.
        view: View,
        /// Its primary.
        primary: NodeId,
        /// How many proposals the new view carried over.
        carried_over: u32,
    },
    /// A replica executed a change of membership or protocol: its epoch ends at a checkpoint to come.
    EpochEnding {
        /// The epoch's last position.
        after: Seq,
    },
    /// A replica left the old epoch behind.
    EpochBegun {
        /// The new one,
        epoch: Epoch,
        /// from the checkpoint at this position on,
        after: Seq,
        /// with these replicas,
        members: Vec<NodeId>,
        /// ordered by this protocol.
        protocol: Protocol,
    },
    /// A replica is no member any more: it votes for nothing from here on.
    Retired {
        /// The first epoch without it.
        epoch: Epoch,
    },
    /// A replica holds two conflicting proposals that one primary signed for one position.
    Equivocation {
        /// Who signed both.
        by: NodeId,
        /// The view.
        view: View,
        /// The position.
        seq: Seq,
        /// One batch
        first: Digest,
        /// and the other.
        second: Digest,
    },

    /// A node knows proof that another lied.
    Convicted {
        /// Who lied.
        offender: NodeId,
        /// What is proven.
        offence: Box<Offence>,
        /// Who showed the proof; `None`: it was found here.
        shown_by: Option<NodeId>,
    },
    /// A node suspects a peer: its score reached the threshold.
    Suspected {
        /// Whom.
        peer: NodeId,
        /// The score, from 0 to 100.
        score: u8,
        /// Why: the heaviest first.
        reasons: Vec<Reason>,
    },
    /// A node doesn't suspect a peer any more.
    Unsuspected {
        /// Whom.
        peer: NodeId,
        /// The score now.
        score: u8,
    },
    /// All agree on something about who lies: an entry of the docket.
    Decided {
        /// Which.
        entry: Box<Entry>,
    },
    /// How bad it is, or what should be run, is another than before, or for another reason.
    Threat {
        /// Counted from 1.
        number: u64,
        /// How bad it is.
        level: analyzer::Level,
        /// What should be run.
        protocol: Protocol,
        /// Why: one sentence.
        why: String,
    },

    /// A node turned a client's request away.
    TurnedAway {
        /// Which.
        request: RequestId,
        /// Why.
        why: Why,
        /// It may be let in after so many milliseconds.
        retry_after_ms: u32,
    },
    /// A node leaves out more, or less, of what clients ask.
    LevelChanged {
        /// So much before,
        from: Level,
        /// and now.
        to: Level,
        /// The highest of its signals, in parts per million.
        highest_ppm: u32,
    },
    /// The error budget of what a node promises clients burns too quickly, or is used up; or isn't any
    /// more.
    BudgetBurns {
        /// Of which promise.
        objective: Kind,
        /// By which pair of windows, from 0; `None`: it is used up.
        pair: Option<u8>,
        /// Not any more.
        over: bool,
    },

    /// A client sent a request for the first time.
    RequestSubmitted {
        /// Which.
        request: RequestId,
        /// What it asks, in words.
        operation: String,
    },
    /// A client waited too long and sent its request to every replica.
    RequestRetransmitted {
        /// Which.
        request: RequestId,
    },
    /// f+1 replicas told a client to come back later, and it will.
    RequestPutOff {
        /// Which.
        request: RequestId,
        /// In so many microseconds.
        for_us: u64,
    },
    /// A client asks no more. Whether the request takes effect nobody knows.
    RequestGivenUp {
        /// Which.
        request: RequestId,
        /// Why.
        why: Stop,
    },
    /// A client's read got no quorum of equal answers: it has it ordered as a request.
    ReadFellBack {
        /// Which.
        request: RequestId,
    },
    /// A client has f+1 matching replies, or a quorum of equal answers to a read.
    RequestCompleted {
        /// Which.
        request: RequestId,
        /// The answer, in words.
        result: String,
        /// From sending to accepting, in microseconds.
        latency_us: u64,
    },

    /// Somebody outside the protocol acted: the scenario, or a person.
    Intervened {
        /// What was done.
        action: Action,
        /// Whether it could be (a crashed node can't crash).
        effective: bool,
    },
    /// A chaos experiment went on.
    Experiment {
        /// To this.
        phase: Phase,
    },
    /// A Byzantine node changed what its replica wanted to send.
    Tampered {
        /// To whom it would have gone.
        to: Principal,
        /// What the replica wanted to say.
        what: Box<Summary>,
        /// What became of it.
        how: Tampering,
    },
    /// A property that must hold doesn't. A result, not a panic.
    Violated {
        /// Which.
        invariant: Invariant,
        /// In words: who, where, what against what.
        detail: String,
    },
    /// A narration marker of the scenario.
    Marker {
        /// Its number in the scenario, from 0.
        index: u32,
    },
}

/// Why a message never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossCause {
    /// The link lost it.
    Network,
    /// The link is cut or partitioned.
    Cut,
    /// The receiver is down.
    Down,
    /// A person dropped it.
    Dropped,
    /// A queue was full (real nodes).
    Overflow,
}

/// Why a replica leaves its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewChangeCause {
    /// A request waited too long.
    RequestTimeout,
    /// The next view didn't start in time either.
    NewViewTimeout,
    /// f+1 others want a later view (OSDI'99 §4.5.2).
    JoinedOthers,
    /// A quorum finds the primary too slow.
    SlowPrimary,
    /// The primary says itself that it lost memory and can't lead.
    PrimaryForgot,
    /// The docket has the primary in quarantine.
    Restrained,
}

/// What a Byzantine node did to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "tampering")]
pub enum Tampering {
    /// It was not sent.
    Withheld,
    /// It was sent later.
    Delayed {
        /// By so many microseconds.
        by_us: u64,
    },
    /// Another digest was sent instead, properly signed.
    Equivocated {
        /// The digest that this receiver was told.
        told: Digest,
    },
    /// It was sent with a false content, properly signed.
    Falsified,
    /// It was sent with a proof that doesn't hold.
    Forged,
    /// An old message was sent besides.
    Replayed,
    /// Useless messages were sent besides.
    Flooded {
        /// So many.
        messages: u32,
    },
    /// What isn't so of the primary's pace was said besides.
    Accused,
}
