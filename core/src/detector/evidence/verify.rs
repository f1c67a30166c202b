//! Whether evidence proves what it is said to. Pure: nothing but the evidence, the membership of its
//! epoch, and public keys.

use super::{
    offence::{Assumption, NotProven, Offence, OffenceKind, Place},
    proof::Evidence,
    rules::{Names, Statement, hides, hiding_assumes},
};
use crate::{
    crypto::{Authenticator, Check, Signable, Signed},
    ids::{Epoch, NodeId, Principal, View},
    pbft::{Message, Reply, is_what_it_says, node_of, view_changes_hold},
    quorum::Membership,
};

/// Judges evidence by the membership of the epoch that it is of, with the keys of its members.
///
/// It never takes a key that is missing for a signature that doesn't hold: who is judged by rules
/// about *others'* signatures is judged only by whoever knows the keys of all members.
pub fn verify(
    evidence: &Evidence,
    members: Membership,
    authenticator: &dyn Authenticator,
) -> Result<Offence, NotProven> {
    let judge = Judge { members, authenticator };
    match evidence {
        Evidence::PrePrepares(a, b) => judge.twice(a, b, OffenceKind::TwoPrePrepares),
        Evidence::Prepares(a, b) => judge.twice(a, b, OffenceKind::TwoPrepares),
        Evidence::Commits(a, b) => judge.twice(a, b, OffenceKind::TwoCommits),
        Evidence::PrepareAndCommit(a, b) => judge.split(a, b),
        Evidence::PrePrepareAndCommit(a, b) => judge.split(a, b),
        Evidence::Checkpoints(a, b) => judge.twice(a, b, OffenceKind::TwoCheckpoints),
        Evidence::ViewChanges(a, b) => judge.twice(a, b, OffenceKind::TwoViewChanges),
        Evidence::NewViews(a, b) => judge.twice(a, b, OffenceKind::TwoNewViews),
        Evidence::HiddenCommit(commit, change) => {
            let by = judge.both(spoken(commit), spoken(change))?;
            if !hides(&change.body, &commit.body) {
                return Err(NotProven::NoContradiction);
            }
            let assumption = hiding_assumes(&change.body, &commit.body);
            let place = commit.body.place();
            Ok(Offence { by, kind: OffenceKind::HiddenCommit, place, assumption })
        }
        Evidence::ViewChange(change) => {
            let by = judge.author(spoken(change))?;
            judge.breaks_a_rule(&Message::ViewChange(change.clone()))?;
            Ok(judge.by_the_rules(by, OffenceKind::InvalidViewChange, change.body.place()))
        }
        Evidence::NewView(new_view) => {
            let by = judge.author(spoken(new_view))?;
            judge.breaks_a_rule(&Message::NewView(new_view.clone()))?;
            let kind = if by != members.primary(new_view.body.view) {
                OffenceKind::OutOfRole
            } else if view_changes_hold(&new_view.body, members, authenticator) {
                OffenceKind::NewViewNotOwed
            } else {
                OffenceKind::InvalidNewView
            };
            Ok(judge.by_the_rules(by, kind, new_view.body.place()))
        }
        Evidence::PrePrepareOfBackup(it) => judge.role(spoken(it), it.body.view, false),
        Evidence::PrepareOfPrimary(it) => judge.role(spoken(it), it.body.view, true),
        Evidence::Reply(reply, others) => judge.reply(reply, others),
        Evidence::State(answer) => {
            // Who left the cluster may still serve its state: no membership is asked for.
            let by = node_of(answer.by).ok_or(NotProven::NotAMember { by: answer.by })?;
            judge.signature(&**answer)?;
            if is_what_it_says(&answer.body) {
                return Err(NotProven::FollowsTheRules);
            }
            let place = Place { epoch: None, view: None, seq: Some(answer.body.seq) };
            let assumption = Assumption::Absolute;
            Ok(Offence { by, kind: OffenceKind::FalseState, place, assumption })
        }
    }
}

/// Whether its statements are signed as they say. All that can be said without the membership of
/// its epoch.
pub(crate) fn signatures_hold(
    evidence: &Evidence,
    members: Membership,
    authenticator: &dyn Authenticator,
) -> Result<(), NotProven> {
    let judge = Judge { members, authenticator };
    match evidence {
        Evidence::PrePrepares(a, b) => judge.signatures(a, b),
        Evidence::Prepares(a, b) => judge.signatures(a, b),
        Evidence::Commits(a, b) => judge.signatures(a, b),
        Evidence::PrepareAndCommit(a, b) => judge.signatures(a, b),
        Evidence::PrePrepareAndCommit(a, b) => judge.signatures(a, b),
        Evidence::Checkpoints(a, b) => judge.signatures(a, b),
        Evidence::ViewChanges(a, b) => judge.signatures(&**a, &**b),
        Evidence::NewViews(a, b) => judge.signatures(&**a, &**b),
        Evidence::HiddenCommit(a, b) => judge.signatures(a, &**b),
        Evidence::ViewChange(it) => judge.signature(&**it),
        Evidence::NewView(it) => judge.signature(&**it),
        Evidence::PrePrepareOfBackup(it) => judge.signature(it),
        Evidence::PrepareOfPrimary(it) => judge.signature(it),
        Evidence::Reply(it, others) => {
            judge.signature(it)?;
            others.iter().try_for_each(|other| judge.signature(other))
        }
        Evidence::State(it) => judge.signature(&**it),
    }
}

/// Something signed, whatever it says: who may sign what is judged once, not once for each kind.
trait AnySigned {
    fn by(&self) -> Principal;
    fn holds(&self, authenticator: &dyn Authenticator) -> bool;
}

impl<T: Signable> AnySigned for Signed<T> {
    fn by(&self) -> Principal {
        self.by
    }

    fn holds(&self, authenticator: &dyn Authenticator) -> bool {
        self.check(authenticator).is_ok()
    }
}

/// A statement, and the place that it is about.
#[derive(Clone, Copy)]
struct Spoken<'a> {
    signed: &'a dyn AnySigned,
    place: Place,
}

fn spoken<T: Statement>(signed: &Signed<T>) -> Spoken<'_> {
    Spoken { signed, place: signed.body.place() }
}

#[derive(Clone, Copy)]
struct Judge<'a> {
    members: Membership,
    authenticator: &'a dyn Authenticator,
}

impl Judge<'_> {
    fn signature(self, signed: &dyn AnySigned) -> Result<(), NotProven> {
        let by = signed.by();
        if !self.authenticator.knows(by) {
            return Err(NotProven::UnknownKey { of: by });
        }
        signed.holds(self.authenticator).then_some(()).ok_or(NotProven::Signature { by })
    }

    fn signatures(self, first: &dyn AnySigned, second: &dyn AnySigned) -> Result<(), NotProven> {
        self.signature(first)?;
        self.signature(second)
    }

    fn member(self, signed: &dyn AnySigned, epoch: Epoch) -> Result<NodeId, NotProven> {
        let expected = self.members.epoch();
        if epoch != expected {
            return Err(NotProven::Epoch { found: epoch, expected });
        }
        let by = signed.by();
        let node = node_of(by).filter(|node| self.members.contains(*node));
        let node = node.ok_or(NotProven::NotAMember { by })?;
        self.signature(signed)?;
        Ok(node)
    }

    /// A replica of this epoch signed it.
    fn author(self, Spoken { signed, place }: Spoken<'_>) -> Result<NodeId, NotProven> {
        self.member(signed, place.epoch.unwrap_or_default())
    }

    /// The same replica of this epoch signed both.
    fn both(self, first: Spoken<'_>, second: Spoken<'_>) -> Result<NodeId, NotProven> {
        let by = self.author(first)?;
        self.author(second)?;
        let (first, second) = (first.signed.by(), second.signed.by());
        if first != second {
            return Err(NotProven::DifferentSigners { first, second });
        }
        Ok(by)
    }

    /// It signed both about the same place, and they can't both be said.
    fn against_itself(
        self,
        first: Spoken<'_>,
        second: Spoken<'_>,
        contradict: bool,
        kind: OffenceKind,
    ) -> Result<Offence, NotProven> {
        let by = self.both(first, second)?;
        let place = first.place;
        if place != second.place {
            return Err(NotProven::DifferentPlaces);
        }
        if !contradict {
            return Err(NotProven::NoContradiction);
        }
        Ok(Offence { by, kind, place, assumption: Assumption::Absolute })
    }

    fn twice<T: Statement>(
        self,
        first: &Signed<T>,
        second: &Signed<T>,
        kind: OffenceKind,
    ) -> Result<Offence, NotProven> {
        let contradict = first.body.contradicts(&second.body);
        self.against_itself(spoken(first), spoken(second), contradict, kind)
    }

    fn split<A: Names, B: Names>(
        self,
        accepted: &Signed<A>,
        committed: &Signed<B>,
    ) -> Result<Offence, NotProven> {
        let differ = accepted.body.named() != committed.body.named();
        let kind = OffenceKind::SplitVote;
        self.against_itself(spoken(accepted), spoken(committed), differ, kind)
    }

    /// What follows from who the members are: in the first epoch the configuration says that, in
    /// later ones agreement does.
    fn by_the_rules(self, by: NodeId, kind: OffenceKind, place: Place) -> Offence {
        let first = self.members.epoch() == Epoch(0);
        let assumption = if first { Assumption::Absolute } else { Assumption::AtMostF };
        Offence { by, kind, place, assumption }
    }

    fn breaks_a_rule(self, message: &Message) -> Result<(), NotProven> {
        let unknown =
            self.members.nodes().map(Principal::Node).find(|it| !self.authenticator.knows(*it));
        if let Some(of) = unknown {
            return Err(NotProven::UnknownKey { of });
        }
        match message.check(self.members, self.authenticator) {
            Err(_) => Ok(()),
            Ok(()) => Err(NotProven::FollowsTheRules),
        }
    }

    /// It takes the other role than its author's to sign this.
    fn role(self, spoken: Spoken<'_>, view: View, is_primary: bool) -> Result<Offence, NotProven> {
        let by = self.author(spoken)?;
        if (by == self.members.primary(view)) != is_primary {
            return Err(NotProven::FollowsTheRules);
        }
        Ok(self.by_the_rules(by, OffenceKind::OutOfRole, spoken.place))
    }

    /// "The client waits for f+1 replies … with the same t and r" (§4.1), since then one of those
    /// who gave them is correct. That is true only while at most *f* are faulty, and so is that all
    /// correct replicas executed the same: hence never absolute. And under a crash-only protocol one
    /// liar is enough to have correct replicas execute different things: there it proves nothing.
    fn reply(self, reply: &Signed<Reply>, others: &[Signed<Reply>]) -> Result<Offence, NotProven> {
        let by = self.member(reply, reply.body.epoch)?;
        if self.members.is_crash_only() {
            return Err(NotProven::CrashOnly);
        }
        let needed = self.members.weak();
        let mut said = None;
        let mut signers: alloc::vec::Vec<NodeId> = alloc::vec::Vec::new();
        for other in others {
            let signer = self.member(other, other.body.epoch)?;
            if other.body.id != reply.body.id {
                return Err(NotProven::DifferentPlaces);
            }
            if *said.get_or_insert(&other.body.result) != &other.body.result
                || other.body.result == reply.body.result
                || signers.contains(&signer)
                || signer == by
            {
                return Err(NotProven::NoContradiction);
            }
            signers.push(signer);
        }
        if signers.len() != needed {
            return Err(NotProven::Replies { found: signers.len(), needed });
        }
        let place = Place { epoch: Some(reply.body.epoch), view: None, seq: None };
        let assumption = Assumption::AtMostF;
        Ok(Offence { by, kind: OffenceKind::FalseReply, place, assumption })
    }
}
