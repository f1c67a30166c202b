//! When more than *f* lied: who, from what correct replicas hold.
//!
//! After Sheng, Wang, Nayak, Kannan and Viswanath, "BFT Protocol Forensics" (CCS 2021). What they
//! call PBFT-PK is what is built here: votes and view changes are signed, and a new view carries the
//! signed view changes that it was started from, so whoever holds it can show them to others. (With
//! message authentication codes instead, nobody could show anything.) They prove: if at most 2f of
//! 3f+1 are Byzantine and two correct replicas decided differently, then what correct replicas hold
//! convicts at least f+1. The argument, for this code:
//!
//! Let q be the quorum; two quorums share at least f+1 members, and q > 2f ([`quorum`](crate::quorum)).
//! Say d was decided at n in view e, by commits of C; and d' ≠ d at n in view e' ≥ e.
//!
//! 1. *e = e'*: the members that both quorums of commits share signed two commits for one place.
//! 2. *e < e'*: let e* be the first view after e in which another batch than d prepared at n (there
//!    is one: d' prepared in e'). Of the q that prepared it one is correct; it entered e* by a valid
//!    new view, V and O, and accepted nothing against it. So n is above V's highest stable
//!    checkpoint (`on_pre_prepare`), and O doesn't hold d at n. Whatever V shows for n is of views
//!    before e*, and what is of views after e is for d, by the choice of e*; had V any of that, O
//!    would hold d. So what V shows for n is of e or earlier, and
//!    * something in it is of e and not for d: then q prepared that in e, and those whom this quorum
//!      shares with C prepared or proposed one batch and committed another; or
//!    * nothing of e or later is: then those whom V shares with C each hide their commit.
//! 3. *Checkpoints*: two certificates for one position share f+1 that signed two states.
//!
//! So f+1 contradict *themselves*, in pairs of statements that correct replicas hold between them:
//! the commits of what one decided, and the view changes that another started e* from. That is why
//! [`accuse`] only has to put together all that was said and look for contradictions, with the same
//! rules as everyday evidence, and why nothing that it finds depends on how many were faulty.
//!
//! # What must be kept, and for how long
//!
//! A [`Watch`](super::Watch) keeps it: what is said of positions between the water marks and a
//! window below, in the last `KEPT` views each, and as many view changes of
//! each author. That is enough if the two replicas compare notes before either is a window beyond n
//! or `KEPT` views beyond e*. Later, checkpoints are left (case 3): a fork that lasts shows at the
//! first position at which both sides have one. What it costs is in the table of `watch`.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{
    book::{Book, Bounds},
    offence::Assumption,
    proof::Evidence,
    rules::Statement,
    verify::verify,
};
use crate::{
    crypto::{Authenticator, Check, Signed},
    pbft::{Checkpoint, Commit, Message, NewView, PrePrepare, Prepare, ViewChange, node_of},
    quorum::Membership,
};

/// What one observer holds of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// Proposals.
    pub pre_prepares: Vec<Arc<Signed<PrePrepare>>>,
    /// Votes.
    pub prepares: Vec<Arc<Signed<Prepare>>>,
    /// Votes that decided.
    pub commits: Vec<Arc<Signed<Commit>>>,
    /// States.
    pub checkpoints: Vec<Arc<Signed<Checkpoint>>>,
    /// Wishes for another view, those in new views among them.
    pub view_changes: Vec<Arc<Signed<ViewChange>>>,
    /// How views were started.
    pub new_views: Vec<Arc<Signed<NewView>>>,
}

impl Transcript {
    pub(super) fn of(book: &Book) -> Self {
        Self {
            pre_prepares: book.pre_prepares().cloned().collect(),
            prepares: book.prepares().cloned().collect(),
            commits: book.commits().cloned().collect(),
            checkpoints: book.checkpoints().cloned().collect(),
            view_changes: book.view_changes().cloned().collect(),
            new_views: book.new_views().to_vec(),
        }
    }
}

/// Puts together what several observers hold of an epoch, and returns absolute evidence, one piece
/// for each offender and kind. Nobody who hands in a transcript is trusted: everything is checked.
///
/// Memory and time grow with what is handed in, and with nothing else.
pub fn accuse(
    transcripts: &[Transcript],
    members: Membership,
    authenticator: &dyn Authenticator,
) -> Vec<Arc<Evidence>> {
    let mut audit = Audit { members, authenticator, book: Book::new(Bounds::NONE) };
    for transcript in transcripts {
        for it in &transcript.pre_prepares {
            if audit.is_said(it) {
                audit.book.pre_prepare(it);
            }
        }
        for it in &transcript.prepares {
            if audit.is_said(it) {
                audit.book.prepare(it);
            }
        }
        for it in &transcript.commits {
            if audit.is_said(it) {
                audit.book.commit(it);
            }
        }
        for it in &transcript.checkpoints {
            if audit.is_said(it) {
                audit.book.checkpoint(it);
            }
        }
        for it in &transcript.view_changes {
            if audit.holds(&Message::ViewChange(it.clone())) {
                audit.book.view_change(it);
            } else {
                audit.accuse(Evidence::ViewChange(it.clone()));
            }
        }
        for it in &transcript.new_views {
            if audit.holds(&Message::NewView(it.clone())) {
                audit.book.new_view(it);
            } else {
                audit.accuse(Evidence::NewView(it.clone()));
            }
        }
    }
    let absolute = |evidence: &Arc<Evidence>| {
        verify(evidence, members, authenticator)
            .is_ok_and(|offence| offence.assumption == Assumption::Absolute)
    };
    audit.book.take_found().into_iter().filter(absolute).collect()
}

struct Audit<'a> {
    members: Membership,
    authenticator: &'a dyn Authenticator,
    book: Book,
}

impl Audit<'_> {
    /// A member of the epoch signed it.
    fn is_said<T: Statement>(&self, signed: &Signed<T>) -> bool {
        signed.body.place().epoch == Some(self.members.epoch())
            && node_of(signed.by).is_some_and(|by| self.members.contains(by))
            && signed.check(self.authenticator).is_ok()
    }

    fn holds(&self, message: &Message) -> bool {
        message.check(self.members, self.authenticator).is_ok()
    }

    fn accuse(&mut self, evidence: Evidence) {
        if let Ok(offence) = verify(&evidence, self.members, self.authenticator) {
            self.book.accuse_on(offence.assumption, offence.by, offence.kind, evidence);
        }
    }
}
