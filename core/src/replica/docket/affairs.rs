//! Docket and register together: what a request of a member or of the administrator makes of both.
//! The same for a replica, and for whoever checks what replicas do.

use alloc::vec::Vec;

use super::{
    machine::{Docket, Place},
    said::{Override, Said},
};
use crate::{
    analyzer::Recommendation,
    crypto::{Authenticator, Digest, PublicKey},
    detector::quarantine::{Claim, Entry},
    ids::{NodeId, Principal, Seq},
    pbft::Config,
    replica::{NewMember, Register, Terms},
    time::WallTime,
};

/// The common affairs, at a position of the log.
pub(crate) struct Affairs<'a> {
    pub(crate) register: &'a mut Register,
    pub(crate) docket: &'a mut Docket,
    pub(crate) config: &'a Config,
    /// Knows the keys of all who ever were members.
    pub(crate) keys: &'a dyn Authenticator,
    pub(crate) at: Seq,
    pub(crate) time: WallTime,
}

/// What was decided.
#[derive(Debug, Default)]
pub(crate) struct Minutes {
    pub(crate) decided: Vec<Entry>,
    /// What should be run, if that is another than before, or for another reason.
    pub(crate) threat: Option<Recommendation>,
}

impl<'a> Affairs<'a> {
    fn place(&self) -> Place<'a> {
        let (seq, time, config) = (self.at, self.time, self.config);
        Place { seq, time, members: self.register.members(), config }
    }

    /// A member's request, with its number.
    pub(crate) fn hear(&mut self, by: NodeId, number: u64, operation: &[u8]) -> Minutes {
        match Said::decode(operation) {
            Some(said) if self.register.members().contains(by) => {
                let replaces = match &said {
                    Said::Replace { member, by } => Some((*member, by.clone())),
                    _ => None,
                };
                let minutes = self.docket.hear(self.place(), by, number, said, self.keys);
                if let Some((member, by)) = replaces {
                    self.replace(member, *by);
                }
                minutes
            }
            _ => Minutes::default(),
        }
    }

    /// The administrator's request, and the reply's result.
    pub(crate) fn administer(&mut self, number: u64, operation: &[u8]) -> (Vec<u8>, Minutes) {
        if let Some(Override { node, order }) = Override::decode(operation) {
            let claim = Claim::Order { node, order };
            let by = Principal::ADMINISTRATOR;
            let (outcome, minutes) = self.docket.state(self.place(), by, number, claim);
            return (Override::encode_outcome(outcome), minutes);
        }
        let founders_keys = self.founders_keys();
        let terms = Terms { founders_keys: &founders_keys, ..self.terms() };
        let outcome = self.register.execute(self.at, &terms, operation);
        (outcome.encode(), Minutes::default())
    }

    /// A member that is proven to lie is replaced, if the policy says so and f+1 propose the same. As
    /// any other change, it is agreed once: while it is under way no other is, and from the next
    /// epoch on who was replaced is no member, and its number is used.
    ///
    /// # Why that is safe
    ///
    /// *Quorums stay as they are*: one leaves and one joins, so n, f and every threshold are the same.
    /// *No more members are faulty than before*: who leaves was one of them, for while at most f are,
    /// nobody else is ever proven to lie, and once more are proven to, nobody is replaced; so if who
    /// joins is faulty, or isn't there yet, it takes its place among the f.
    /// *Liars bring in nobody of theirs*: one of f+1 is correct, and has it in its configuration.
    /// *The 2f+1 that decide while who joins fetches the state* are those that were correct before.
    fn replace(&mut self, member: NodeId, by: NewMember) {
        let is_wanted = self.config.policy.replace_convicted
            && self.docket.is_replaced(member, Digest::of(&(member, &by)));
        if is_wanted {
            let founders_keys = self.founders_keys();
            let terms = Terms { founders_keys: &founders_keys, ..self.terms() };
            self.register.replace(self.at, &terms, member, by);
        }
    }

    fn founders_keys(&self) -> Vec<PublicKey> {
        let founders = self.register.founders().iter();
        founders.filter_map(|node| self.keys.key(Principal::Node(node))).collect()
    }

    /// After a batch: time has passed, and the register follows what was decided.
    pub(crate) fn conclude(&mut self) -> Minutes {
        if self.docket.is_empty() {
            return Minutes::default();
        }
        let minutes = self.docket.advance(self.place());
        self.register.follow_docket(self.at, &self.terms());
        if self.docket.renews(self.place()) {
            self.register.renew(self.at, &self.terms());
        }
        minutes
    }

    /// The checkpoint at the epoch's end is stable: the next begins.
    pub(crate) fn turn(&mut self) -> Minutes {
        let place = self.place();
        self.register.turn();
        let next = self.register.members();
        self.docket.turn(place, next)
    }

    fn terms(&self) -> Terms<'static> {
        let members = self.register.members();
        let follow = self.config.policy.follow;
        let is_wrong = members.is_crash_only() && !self.docket.convicted().is_empty();
        let recommended = self.docket.recommended(members, self.config);
        Terms {
            checkpoint_interval: self.config.checkpoint_interval,
            window: self.config.window,
            deployment: self.config.deployment,
            convicted: self.docket.convicted(),
            suspected: self.docket.suspected(),
            restrained: self.docket.restrained(),
            recommended,
            must: follow.instead(is_wrong, recommended),
            may: follow.anyway(recommended),
            founders_keys: &[],
        }
    }
}
