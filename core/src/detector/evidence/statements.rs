//! What evidence holds, statement by statement, for people to read.

use alloc::{vec, vec::Vec};

use super::{offence::Place, proof::Evidence, rules::Statement};
use crate::{
    crypto::{Digest, Signature, Signed},
    ids::{Principal, RequestId},
    pbft::{MessageKind, Summary},
};

/// One statement, as a message would show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who signed it.
    pub by: Principal,
    /// What it says.
    pub what: Summary,
    /// The signature.
    pub signature: Signature,
}

impl Evidence {
    /// The statements: the offender's, and for a reply those of the others after it.
    pub fn statements(&self) -> Vec<Said> {
        use MessageKind::{
            Checkpoint, Commit, NewView, PrePrepare, Prepare, Reply, State, ViewChange,
        };
        match self {
            Self::PrePrepares(a, b) => {
                vec![vote(PrePrepare, a, a.body.digest), vote(PrePrepare, b, b.body.digest)]
            }
            Self::Prepares(a, b) => {
                vec![vote(Prepare, a, a.body.digest), vote(Prepare, b, b.body.digest)]
            }
            Self::Commits(a, b) => {
                vec![vote(Commit, a, a.body.digest), vote(Commit, b, b.body.digest)]
            }
            Self::PrepareAndCommit(a, b) => {
                vec![vote(Prepare, a, a.body.digest), vote(Commit, b, b.body.digest)]
            }
            Self::PrePrepareAndCommit(a, b) => {
                vec![vote(PrePrepare, a, a.body.digest), vote(Commit, b, b.body.digest)]
            }
            Self::Checkpoints(a, b) => {
                vec![vote(Checkpoint, a, a.body.digest), vote(Checkpoint, b, b.body.digest)]
            }
            Self::ViewChanges(a, b) => vec![long(ViewChange, a), long(ViewChange, b)],
            Self::NewViews(a, b) => vec![long(NewView, a), long(NewView, b)],
            Self::HiddenCommit(a, b) => vec![vote(Commit, a, a.body.digest), long(ViewChange, b)],
            Self::ViewChange(it) => vec![long(ViewChange, it)],
            Self::NewView(it) => vec![long(NewView, it)],
            Self::PrePrepareOfBackup(it) => vec![vote(PrePrepare, it, it.body.digest)],
            Self::PrepareOfPrimary(it) => vec![vote(Prepare, it, it.body.digest)],
            Self::Reply(reply, others) => {
                let all = core::iter::once(reply).chain(others);
                all.map(|it| {
                    let (id, view) = (it.body.id, it.body.view);
                    let what = Summary { view: Some(view), ..of(Reply, Some(id)) };
                    let digest = Some(Digest::of_bytes(&it.body.result));
                    Said { by: it.by, what: Summary { digest, ..what }, signature: it.signature }
                })
                .collect()
            }
            Self::State(it) => {
                let what = Summary { seq: Some(it.body.seq), ..of(State, None) };
                vec![Said { by: it.by, what, signature: it.signature }]
            }
        }
    }
}

fn of(kind: MessageKind, request: Option<RequestId>) -> Summary {
    Summary { kind, view: None, seq: None, digest: None, request }
}

fn vote<T: Statement>(kind: MessageKind, signed: &Signed<T>, digest: Digest) -> Said {
    at(kind, signed.body.place(), digest, signed.by, signed.signature)
}

/// One that is too long for a line: its place, and the digest of all that it says.
fn long<T: Statement>(kind: MessageKind, signed: &Signed<T>) -> Said {
    vote(kind, signed, Digest::of(&signed.body))
}

fn at(
    kind: MessageKind,
    place: Place,
    digest: Digest,
    by: Principal,
    signature: Signature,
) -> Said {
    let what = Summary { view: place.view, seq: place.seq, digest: Some(digest), ..of(kind, None) };
    Said { by, what, signature }
}
