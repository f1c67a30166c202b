//! What a node says to the docket: that it accuses, that it doesn't any more, what the network around
//! it is like, what it can prove.
//!
//! It compares what it thinks with what the docket has of it, and says one difference at a time: so
//! nothing is forgotten, whatever is lost, and after a crash it takes back what it no longer thinks.
//! Looked at with its scores, once in a status interval; who has nothing to say, says nothing.
//!
//! What is the same for all, a proof, or that time has come, one of them says: the lowest number that
//! isn't itself proven to lie, and each other one [`TURN_INTERVALS`] later than the one before, if it
//! still has to.

use alloc::{boxed::Box, vec::Vec};

use serde::Serialize;

use super::{machine::Node, proofs::Proof, standby::Standby};
use crate::{
    analyzer::{Conditions, Network},
    app::Application,
    crypto::Digest,
    detector::quarantine::{MAX_REASONS, Quarantine},
    ids::{ClientId, NodeId},
    pbft::{Config, MAX_OPERATION_BYTES},
    replica::Said,
    time::{Time, WallTime},
};

/// How many status intervals a node leaves to those before it: to say it, to have it ordered, and to
/// have it said again by repair.
const TURN_INTERVALS: u32 = 4;
/// For how many status intervals the network must have been better before that is said: so it is
/// said every few seconds at most, however it swings.
const BETTER_INTERVALS: u32 = 16;
/// An accusation is repeated when so much of its life is over: a half.
const REPEAT_AFTER: u64 = 2;
/// What a proof takes in an operation beside its own bytes, at most.
const MAX_OVERHEAD: usize = 8;

/// What a node remembers of what it has to say.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Speaker {
    /// Since when it could prove somebody guilty whom the docket doesn't know, or look at the clock.
    since: Option<Time>,
    /// For what it last looked at the clock.
    looked: WallTime,
    /// What the network around it is like,
    network: Network,
    /// and since when it has been better than that.
    better_since: Option<Time>,
    /// Who stands by.
    pub(super) standby: Standby,
}

impl Speaker {
    /// What gets worse counts at once; what gets better, after a while.
    fn measure(&mut self, now: Time, conditions: Conditions, config: &Config) {
        let measured = Network::measured(self.network, conditions, config.policy.bounds);
        let better = measured < self.network;
        let since = better.then(|| self.better_since.unwrap_or(now));
        self.better_since = since;
        let lasts = config.status_interval() * BETTER_INTERVALS;
        if since.is_none_or(|since| since + lasts <= now) {
            (self.network, self.better_since) = (measured, None);
        }
    }
}

impl<A: Application> Node<A> {
    /// Looks at what the network around it is like.
    pub(super) fn measure(&mut self) {
        if let Some(conditions) = self.observer.conditions() {
            let (now, config) = (self.replica.shell.now, &self.replica.shell.config);
            self.speaker.measure(now, conditions, config);
        }
    }

    /// Says what there is to say, if anything, and if what it said last is done.
    pub(super) fn speak(&mut self) {
        let shell = &self.replica.shell;
        let own = ClientId::member(shell.id);
        if shell.is_following() || shell.is_recovering() || shell.pending.get(own).is_some() {
            return;
        }
        let said = self.to_vouch().or_else(|| self.to_accuse()).or_else(|| self.to_withdraw());
        let said = said.or_else(|| self.to_replace()).or_else(|| self.to_measure());
        let said = said.or_else(|| self.in_turn());
        if let Some(said) = said {
            self.replica.say(said.encode());
        }
    }

    fn quarantine(&self) -> Option<&Quarantine> {
        self.replica.docket().quarantine()
    }

    /// The proofs that the docket would learn from, against members of whom none is provable there.
    fn unprovable(&self) -> impl Iterator<Item = &Proof> {
        let (members, docket) = (self.replica.members(), self.replica.docket());
        let convicted = docket.convicted();
        self.proofs.iter().filter(move |Proof { offence, .. }| {
            docket.is_news(offence)
                && members.contains(offence.by)
                && !convicted.contains(offence.by)
                && !self.provable().any(|proof| proof.offence.by == offence.by)
        })
    }

    /// Whom it accuses: whom it suspects, and who is proven to lie at a length that the log has no
    /// room for.
    fn accused(&self) -> impl Iterator<Item = NodeId> {
        let (members, convicted) = (self.replica.members(), self.replica.docket().convicted());
        let guilty = self.unprovable().map(|proof| proof.offence.by);
        let accused = self.suspicion().accused().chain(guilty);
        accused.filter(move |node| members.contains(*node) && !convicted.contains(*node))
    }

    /// A proof that the log has no room for, and of which the docket doesn't know that it holds it.
    fn to_vouch(&self) -> Option<Said> {
        let mut unprovable = self.unprovable().peekable();
        unprovable.peek()?;
        let (own, f) = (self.replica.id(), self.replica.members().byzantine_f());
        if self.replica.docket().convicted().contains(own) {
            return None;
        }
        let known = self.quarantine().map(|it| it.vouched_by(own)).unwrap_or_default();
        let proof = unprovable.find(|it| !known.contains(it.offence.by) && known.len() <= f)?;
        let (offender, proof) = (proof.offence.by, Digest::of(&*proof.evidence));
        (offender != own).then_some(Said::Vouch { offender, proof })
    }

    /// Whom the docket doesn't know it to accuse, or would forget that it does.
    fn to_accuse(&self) -> Option<Said> {
        let (own, f) = (self.replica.id(), self.replica.members().byzantine_f());
        let mut accused = self.accused().peekable();
        accused.peek()?;
        let quarantine = self.quarantine();
        if quarantine.is_some_and(|it| it.convicted().contains(own)) {
            return None;
        }
        let known: Vec<_> = quarantine.into_iter().flat_map(|it| it.accused_by(own)).collect();
        let suspect = accused.find(|suspect| {
            let said = known.iter().find(|(known, _)| known == suspect).map(|(_, said)| *said);
            let Some((quarantine, said)) = quarantine.zip(said) else {
                return known.len() <= usize::from(f);
            };
            let lasts = quarantine.config().accusation_lasts_ms / REPEAT_AFTER;
            said.after_ms(lasts) <= quarantine.now()
        })?;
        let now = self.now();
        let reasons = self.suspicion().reasons(now, suspect).into_iter().take(MAX_REASONS);
        Some(Said::Accuse {
            suspect,
            score: self.suspicion().score(now, suspect).whole(),
            reasons: reasons.map(|reason| reason.kind).collect(),
        })
    }

    /// Whom the docket has it accuse, and it doesn't.
    fn to_withdraw(&self) -> Option<Said> {
        let mut known = self.quarantine()?.accused_by(self.replica.id());
        let (suspect, _) = known.find(|(known, _)| !self.accused().any(|it| it == *known))?;
        Some(Said::Withdraw { suspect })
    }

    /// What the network around it is like, if the docket has it otherwise.
    fn to_measure(&self) -> Option<Said> {
        let (own, network) = (self.replica.id(), self.speaker.network);
        let (known, is_void) = self.quarantine().map_or_else(Default::default, |it| {
            (it.network_around(own), it.convicted().contains(own))
        });
        (network != known && !is_void).then_some(Said::Measure(network))
    }

    /// What anybody could say, when it is this one's turn.
    fn in_turn(&mut self) -> Option<Said> {
        let look = self.to_look();
        let said = self.to_prove().or(look.map(|_| Said::Look));
        let Some(said) = said else {
            self.speaker.since = None;
            return None;
        };
        let now = self.now();
        let since = *self.speaker.since.get_or_insert(now);
        let (own, guilty) = (self.replica.id(), self.proofs.offenders());
        let convicted = self.replica.docket().convicted();
        let members = self.replica.members().nodes();
        let before = members
            .take_while(|node| *node < own)
            .filter(|node| !guilty.contains(*node) && !convicted.contains(*node))
            .count() as u32;
        if now < since + self.replica.config().status_interval() * (TURN_INTERVALS * before) {
            return None;
        }
        self.speaker.since = None;
        if let (Said::Look, Some(wake)) = (&said, look) {
            self.speaker.looked = wake;
        }
        Some(said)
    }

    /// A proof that the docket doesn't know of.
    fn to_prove(&self) -> Option<Said> {
        let members = self.replica.members();
        let proof = self.provable().find(|proof| members.contains(proof.offence.by))?;
        Some(Said::Prove(Box::new((*proof.evidence).clone())))
    }

    /// The proofs that the docket judges and learns from, and has room for.
    fn provable(&self) -> impl Iterator<Item = &Proof> {
        let (epoch, docket) = (self.replica.epoch(), self.replica.docket());
        self.proofs.iter().filter(move |proof| {
            let of = proof.evidence.epoch();
            of.is_none_or(|of| of == epoch || docket.remembers(of))
                && docket.is_news(&proof.offence)
                && proof.bytes <= MAX_OPERATION_BYTES - MAX_OVERHEAD
        })
    }

    /// By its own clock time has come for something in the docket, and the log is so idle that it
    /// hasn't noticed. Said once for each such time, for clocks differ.
    fn to_look(&self) -> Option<WallTime> {
        let wake = self.replica.docket().wake()?;
        let shell = &self.replica.shell;
        (wake <= shell.wall_clock() && wake != self.speaker.looked).then_some(wake)
    }
}
