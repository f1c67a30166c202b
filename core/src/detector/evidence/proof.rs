//! Evidence: for every offence the offender's own signed messages, and nothing else.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    crypto::Signed,
    ids::{Epoch, Principal},
    pbft::{
        Checkpoint, Commit, MAX_MESSAGE_BYTES, NewView, PrePrepare, Prepare, Reply, StateNodes,
        ViewChange,
    },
};

/// The longest encoding: two new views at their largest. What isn't about view changes takes some
/// hundred bytes, a part of the state up to 256 KiB.
pub const MAX_EVIDENCE_BYTES: usize = 2 * MAX_MESSAGE_BYTES + 16;

/// What convicts its author. Having one says nothing yet: see [`verify`](super::verify()).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Two proposals for one place.
    PrePrepares(Signed<PrePrepare>, Signed<PrePrepare>),
    /// Two prepares for one place.
    Prepares(Signed<Prepare>, Signed<Prepare>),
    /// Two commits for one place.
    Commits(Signed<Commit>, Signed<Commit>),
    /// A backup prepared one batch and committed another.
    PrepareAndCommit(Signed<Prepare>, Signed<Commit>),
    /// A primary proposed one batch and committed another.
    PrePrepareAndCommit(Signed<PrePrepare>, Signed<Commit>),
    /// Two states for one position.
    Checkpoints(Signed<Checkpoint>, Signed<Checkpoint>),
    /// Two view changes for one view.
    ViewChanges(Arc<Signed<ViewChange>>, Arc<Signed<ViewChange>>),
    /// Two starts of one view.
    NewViews(Arc<Signed<NewView>>, Arc<Signed<NewView>>),
    /// A commit, and a view change that should show its certificate.
    HiddenCommit(Signed<Commit>, Arc<Signed<ViewChange>>),
    /// A view change that breaks a rule by itself.
    ViewChange(Arc<Signed<ViewChange>>),
    /// A new view that breaks a rule by itself.
    NewView(Arc<Signed<NewView>>),
    /// A proposal of a replica that is not the primary.
    PrePrepareOfBackup(Signed<PrePrepare>),
    /// A prepare of the replica that is the primary.
    PrepareOfPrimary(Signed<Prepare>),
    /// A reply, and f+1 of others that say something else alike.
    Reply(Signed<Reply>, Vec<Signed<Reply>>),
    /// Parts of the state that aren't what they say they are.
    State(Arc<Signed<StateNodes>>),
}

/// Bytes that are no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadEvidence {
    /// Over [`MAX_EVIDENCE_BYTES`].
    #[error("{found} bytes are over the limit of {MAX_EVIDENCE_BYTES} for one piece of evidence")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// Not the canonical encoding of any.
    #[error("not evidence")]
    Malformed,
}

impl Evidence {
    /// Whom it accuses; not proven yet.
    pub fn accused(&self) -> Principal {
        match self {
            Self::PrePrepares(it, _)
            | Self::PrePrepareAndCommit(it, _)
            | Self::PrePrepareOfBackup(it) => it.by,
            Self::Prepares(it, _) | Self::PrepareAndCommit(it, _) | Self::PrepareOfPrimary(it) => {
                it.by
            }
            Self::Commits(it, _) | Self::HiddenCommit(it, _) => it.by,
            Self::Checkpoints(it, _) => it.by,
            Self::ViewChanges(it, _) | Self::ViewChange(it) => it.by,
            Self::NewViews(it, _) | Self::NewView(it) => it.by,
            Self::Reply(it, _) => it.by,
            Self::State(it) => it.by,
        }
    }

    /// The epoch whose members it is judged by; parts of the state need none.
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::PrePrepares(it, _)
            | Self::PrePrepareAndCommit(it, _)
            | Self::PrePrepareOfBackup(it) => Some(it.body.epoch),
            Self::Prepares(it, _) | Self::PrepareAndCommit(it, _) | Self::PrepareOfPrimary(it) => {
                Some(it.body.epoch)
            }
            Self::Commits(it, _) | Self::HiddenCommit(it, _) => Some(it.body.epoch),
            Self::Checkpoints(it, _) => Some(it.body.epoch),
            Self::ViewChanges(it, _) | Self::ViewChange(it) => Some(it.body.epoch),
            Self::NewViews(it, _) | Self::NewView(it) => Some(it.body.epoch),
            Self::Reply(it, _) => Some(it.body.epoch),
            Self::State(_) => None,
        }
    }

    /// The one canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        crate::crypto::encode(self)
    }

    /// Reads evidence that fills `bytes`. There is one encoding of each, so that nobody can make
    /// two pieces of one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadEvidence> {
        if bytes.len() > MAX_EVIDENCE_BYTES {
            return Err(BadEvidence::TooLong { found: bytes.len() });
        }
        let evidence: Self = crate::crypto::decode(bytes).ok_or(BadEvidence::Malformed)?;
        if evidence.encode() == bytes { Ok(evidence) } else { Err(BadEvidence::Malformed) }
    }
}
